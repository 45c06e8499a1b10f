"""Rows stored by an earlier version, read by this one."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bot.core.events import Channel, Event, Place, Said, Sender
from storage.codec import dump_body, load_body

PICTURE = Event(
    external_id="1",
    place=Place(Channel("telegram"), "support", "7"),
    sender=Sender("7"),
    content=Said("See this."),
    occurred_at=datetime(2026, 11, 30, tzinfo=UTC),
    album="9",
)


@pytest.mark.parametrize("event", [PICTURE, replace(PICTURE, album="")])
def test_an_event_comes_back_as_it_was(event: Event) -> None:
    assert load_body(dump_body(event)) == event


@pytest.mark.parametrize(
    ("hints", "album"), [([["album", "9"], ["via", "gif"]], "9"), ([["product", "di9"]], ""), ([], "")]
)
def test_a_picture_that_waits_from_before_stays_in_its_album(hints: list[list[str]], album: str) -> None:
    kind, fields = json.loads(dump_body(PICTURE))
    del fields["album"]
    former = json.dumps([kind, fields | {"hints": hints}])
    assert load_body(former) == replace(PICTURE, album=album)
