"""Events of Slack about channels, the app and people, and what the staff's account makes of them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.core.errors import PersonAway, PlaceGone
from bot.core.events import Place, WorkplaceChange, WorkplaceChanged
from bot.core.outbound import Card, CardTone, Post, Revise
from connectors.payload import Node
from connectors.slack.capabilities import CHANNEL
from connectors.slack.workspace_events import changed

from .conftest import BOT, Desk

ENDS_OF_A_CHANNEL = [  # Slack tells of private channels with events of another name
    ("channel_archive", "the channel was archived"),
    ("group_archive", "the channel was archived"),
    ("channel_deleted", "the channel was deleted"),
    ("group_deleted", "the channel was deleted"),
    ("channel_left", "the app was removed from the channel"),
    ("group_left", "the app was removed from the channel"),
]
CARD = Card(title="Ada", speaking="Nobody", tone=CardTone.CALM, facts=())


async def told(desk: Desk) -> tuple[Place, object]:
    """Return where the newest event happened, and what."""
    await desk.slack.settled()
    return desk.inbox.events[-1].place, desk.inbox.events[-1].content


def at(chat: str = "", thread: str = "") -> Place:
    return Place(CHANNEL, "slack", chat, thread)


async def test_a_channel_that_is_archived_renamed_or_left_is_told(desk: Desk) -> None:
    desk.slack.rename("support", "help")
    assert await told(desk) == (
        at(desk.support),
        WorkplaceChanged(WorkplaceChange.CHAT_RENAMED, "help"),
    )
    desk.slack.archive("help")
    closed = WorkplaceChanged(WorkplaceChange.CHAT_CLOSED, "the channel was archived")
    assert await told(desk) == (at(desk.support), closed)
    desk.slack.remove_app("help")
    left = WorkplaceChanged(WorkplaceChange.CHAT_CLOSED, "the app was removed from the channel")
    assert await told(desk) == (at(desk.support), left)


async def test_a_channel_that_others_can_read_from_now_on_is_told(desk: Desk) -> None:
    desk.slack.share("support", "T0OTHERCO1")
    exposed, content = await told(desk)
    assert (exposed, getattr(content, "change", None)) == (at(desk.support), WorkplaceChange.CHAT_EXPOSED)
    desk.slack.make_public("support", "ana")
    public, content = await told(desk)
    assert (public, getattr(content, "change", None)) == (at(desk.support), WorkplaceChange.CHAT_MADE_PUBLIC)


async def test_somebody_who_is_deactivated_is_told(desk: Desk) -> None:
    desk.slack.deactivate("ana")
    assert await told(desk) == (at(), WorkplaceChanged(WorkplaceChange.PERSON_DEACTIVATED))
    assert desk.inbox.events[-1].sender.external_id == "U0ANA"


@pytest.mark.parametrize("replies", [0, 1])
async def test_a_deleted_card_is_told_with_its_thread(desk: Desk, replies: int) -> None:
    root = (await desk.connector.send(desk.outbound(CARD))).message
    for _ in range(replies):
        await desk.connector.send(desk.outbound(Post("The story"), root))
    desk.slack.delete_any("support", root)
    assert await told(desk) == (at(desk.support, root), WorkplaceChanged(WorkplaceChange.CARD_DELETED))


async def test_a_deleted_line_of_ours_is_no_deleted_card(desk: Desk) -> None:
    root = (await desk.connector.send(desk.outbound(CARD))).message
    line = (await desk.connector.send(desk.outbound(Post("The story"), root))).message
    desk.slack.delete_any("support", line)
    await desk.slack.settled()
    assert desk.inbox.events == []


async def test_a_card_that_is_gone_cannot_be_changed(desk: Desk) -> None:
    root = (await desk.connector.send(desk.outbound(CARD))).message
    desk.slack.delete_any("support", root)
    with pytest.raises(PlaceGone, match="card_gone"):
        await desk.connector.send(desk.outbound(Revise(root, CARD), root))


@pytest.mark.parametrize(
    ("event", "found"),
    [
        (
            {"type": "app_uninstalled"},
            (at(), WorkplaceChange.CHAT_CLOSED, "the app was uninstalled from the workspace"),
        ),
        (
            {"type": "tokens_revoked", "tokens": {"oauth": [], "bot": [BOT]}},
            (at(), WorkplaceChange.CHAT_CLOSED, "the app's token was revoked"),
        ),
        ({"type": "tokens_revoked", "tokens": {"oauth": ["U0ANA"], "bot": []}}, None),
        (
            {"type": "channel_id_changed", "old_channel_id": "C1OLD", "new_channel_id": "C1NEW"},
            (at("C1OLD"), WorkplaceChange.CHAT_MOVED, "C1NEW"),
        ),
        *(
            ({"type": kind, "channel": "C1OLD"}, (at("C1OLD"), WorkplaceChange.CHAT_CLOSED, detail))
            for kind, detail in ENDS_OF_A_CHANNEL
        ),
        ({"type": "user_change", "user": {"id": "U0ANA", "deleted": False}}, None),
        ({"type": "channel_archive", "channel": ""}, None),
    ],
)
def test_other_changes_are_read(
    event: dict[str, object], found: tuple[Place, WorkplaceChange, str] | None
) -> None:
    envelope = Node({"event_id": "Ev1", "event": event})
    read = changed(envelope, at, BOT, datetime.now(UTC))
    if found is None:
        assert read is None
        return
    place, change, detail = found
    assert read is not None
    assert (read.place, read.content) == (place, WorkplaceChanged(change, detail))


async def test_a_channel_is_found_by_a_former_name_unless_another_has_it_now(desk: Desk) -> None:
    desk.slack.rename("support", "help")
    assert (await desk.connector.send(desk.outbound(Post("x"), chat="#support"))).chat == desk.support
    another = desk.slack.add_channel("support", members=["ana"]).id
    other = desk.other(mode="webhook")
    assert (await other.send(desk.outbound(Post("x"), chat="#support"))).chat == another
    await other.close()


async def test_a_reminder_that_would_not_be_noticed_in_time_is_not_posted(desk: Desk) -> None:
    root = (await desk.connector.send(desk.outbound(CARD))).message
    now = datetime.now(UTC)
    reminder = Post("Ana?", calls="U0ANA", needed_by=now + timedelta(minutes=10))
    desk.slack.pause_notifications("ana", now + timedelta(minutes=5))
    await desk.connector.send(desk.outbound(reminder, root))
    desk.slack.pause_notifications("ana", now + timedelta(hours=8))
    with pytest.raises(PersonAway, match="is on Do Not Disturb in Slack until"):
        await desk.connector.send(desk.outbound(reminder, root))
    desk.slack.deactivate("ben")
    gone = Post("Ben?", calls="U0BEN", needed_by=now + timedelta(minutes=10))
    with pytest.raises(PersonAway, match="is deactivated in Slack"):
        await desk.connector.send(desk.outbound(gone, root))
    unknown = replace(gone, calls="nobody@example.com")
    with pytest.raises(PersonAway, match="is not found in Slack by their address"):
        await desk.connector.send(desk.outbound(unknown, root))
    assert len(desk.slack.messages("support", root)) == 2
