"""Save and load the state of a line as JSON."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from connectors.sandbox.meta.errors import JsonObject
from connectors.sandbox.meta.webhook import Parcel
from connectors.sandbox.whatsapp.line import Line, Owner
from connectors.sandbox.whatsapp.model import ChatMessage


def snapshot_of(line: Line, webhook_url: str, pending: Sequence[Parcel]) -> JsonObject:
    return {
        "owners": [_owner(owner) for owner in line.owners.values()],
        "files": [file.snapshot() for file in line.files.values()],
        "pending": [parcel.snapshot() for parcel in pending],
        "troubles": line.troubles.snapshot(),
        "subscribed": line.subscribed,
        "moved": line.clock.moved.total_seconds(),
        "webhook_url": webhook_url,
    }


def _owner(owner: Owner) -> JsonObject:
    return {
        "wa_id": owner.wa_id,
        "name": owner.name,
        "username": owner.username,
        "online": owner.online,
        "blocked": owner.blocked,
        "gone": owner.gone,
        "shows_reads": owner.shows_reads,
        "elsewhere": owner.elsewhere,
        "wrote_at": owner.wrote_at.timestamp() if owner.wrote_at is not None else None,
        "messages": [message.snapshot() for message in owner.messages.values()],
    }


def restored_owner(saved: Mapping[str, object]) -> Owner:
    """Load a person from a snapshot. Raise KeyError, TypeError or ValueError."""
    wrote_at, messages = saved["wrote_at"], saved["messages"]
    if not isinstance(messages, list):
        raise TypeError("messages are a list")
    kept = [ChatMessage.restored(each) for each in messages]
    return Owner(
        wa_id=str(saved["wa_id"]),
        name=str(saved["name"]),
        username=str(saved.get("username", "")),
        online=bool(saved["online"]),
        blocked=bool(saved["blocked"]),
        gone=bool(saved["gone"]),
        shows_reads=bool(saved["shows_reads"]),
        elsewhere=bool(saved.get("elsewhere", False)),
        wrote_at=datetime.fromtimestamp(wrote_at, UTC) if isinstance(wrote_at, (int, float)) else None,
        messages={message.id: message for message in kept},
    )
