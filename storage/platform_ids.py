"""Check the ids that platforms send, before they are stored."""

from bot.core.errors import MalformedPayload
from bot.core.events import Event

MAX_ID = 200  # characters of a platform's id; no platform has longer ones


def check_ids(event: Event) -> None:
    """Raise MalformedPayload if an id is longer than any platform's, or holds a NUL."""
    for name, value in (
        ("event id", event.external_id),
        ("message id", event.message),
        ("chat", event.place.chat),
        ("thread", event.place.thread),
        ("sender", event.sender.external_id),
        *(("alias", alias) for alias in event.sender.aliases),
    ):
        if len(value) > MAX_ID or "\x00" in value:
            raise MalformedPayload(name, f"longer than {MAX_ID} characters, or with a NUL")
