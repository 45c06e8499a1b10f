"""Hostile names, emoji and kinds: none has an effect in a line of a room or on a card."""

import pytest

from bot.core.answering import HandOver
from bot.core.conversation import FileReport, View
from bot.core.events import (
    Attachment,
    AttachmentKind,
    Content,
    Deleted,
    Edited,
    Reacted,
    Reference,
    Said,
    SenderRole,
    Unsupported,
)
from tests.turns.bench import Bench, message, to_rooms
from tests.turns.test_card import drawn

BOLD, MENTION, LINK = "**Hugo**", "<@U0HUGO0008>", "[ok](https://evil.example)"
HOSTILE = f"{BOLD} {MENTION} {LINK}"
THREAD = {"on": "slack-customers", "chat": "C1", "thread": "1.0", "shared": True}


async def escalated(desk: Bench, **more: object) -> View:
    accepted = await desk.hear(desk.event(f"Help! {HOSTILE}", name=HOSTILE, message="c1", **more))  # type: ignore[arg-type]
    await desk.turn(lambda _: HandOver("A reason.", "why", trigger="security"))
    return await desk.held(accepted.wakes[0].conversation)


def acts(texts: list[str]) -> list[str]:
    """Return the lines in which something of the name means what its signs say."""
    return [text for text in texts if any(sign in text for sign in (BOLD, MENTION, LINK))]


CONTENTS: list[Content] = [
    Said(HOSTILE),
    Edited("c1", HOSTILE),
    Deleted("c1"),
    Reacted("c1", HOSTILE, added=True),
    Unsupported(HOSTILE),
]


@pytest.mark.parametrize("content", CONTENTS, ids=[type(each).__name__ for each in CONTENTS])
async def test_a_hostile_name_of_the_customer_has_no_effect_in_the_room(
    desk: Bench, content: Content
) -> None:
    await escalated(desk)
    await desk.say(content, name=HOSTILE, message="c2")
    told = to_rooms(await desk.deliver())
    assert told
    assert not acts(told)


@pytest.mark.parametrize("sender_role", list(SenderRole))
async def test_a_hostile_name_of_another_writer_has_no_effect_in_the_room(
    desk: Bench, sender_role: SenderRole
) -> None:
    await escalated(desk, **THREAD)
    await desk.say("I am here too.", "U2", name=HOSTILE, sender_role=sender_role, **THREAD)
    told = to_rooms(await desk.deliver())
    assert any("I am here too." in text for text in told)
    assert not acts(told)


async def test_a_hostile_quote_or_forward_has_no_effect_in_the_room(desk: Bench) -> None:
    await escalated(desk)
    about = Reference(quote=HOSTILE, author=HOSTILE, forwarded=True, origin=HOSTILE)
    await desk.say("Look", name=HOSTILE, reference=about)
    told = to_rooms(await desk.deliver())
    assert any("Look" in text for text in told)
    assert not acts(told)


async def test_a_hostile_name_of_a_lost_file_has_no_effect_in_the_room(desk: Bench) -> None:
    view = await escalated(desk)
    file = Attachment(kind=AttachmentKind.DOCUMENT, ref="f1", name=HOSTILE)
    await desk.say(Said("Look", (file,)), name=HOSTILE)
    sent = message(await desk.view(view.conversation.id), "Look")
    await desk.report(view.conversation.id, FileReport(sent.id, 0, "refused", HOSTILE))
    await desk.turn()
    told = to_rooms(await desk.deliver())
    assert any("could not be fetched" in text for text in told)
    assert not acts(told)


async def test_a_hostile_name_has_no_effect_on_the_card(desk: Bench) -> None:
    card = await drawn(desk, (await escalated(desk)).conversation.id)
    for text in (card.title, card.speaking, *(value for _, value in card.facts)):  # which know no markup
        assert MENTION not in text
        assert "https://" not in text
    assert not acts([text for _, text in card.sections])
