"""The log has the order of acceptance, whatever a turn makes of its inputs and however late it comes."""

from datetime import datetime

import pytest

from bot.core.answering import HandOver
from bot.core.events import (
    Attachment,
    AttachmentKind,
    Content,
    Edited,
    SenderRole,
    Submitted,
    Unsupported,
)
from tests.turns.bench import HUGO, Bench, message, to_rooms

MAYA = "+491700000001"
SCAN = Attachment(kind=AttachmentKind.DOCUMENT, ref="f-1", name="scan.pdf", mime_type="application/pdf")
UNREADABLE = (
    (Unsupported("poll"), "[poll]"),
    (Submitted("survey", "", (("Rating", "5"),)), "Rating: 5"),
    (Edited("m-of-no-message", "in other words"), "in other words"),
)


@pytest.mark.parametrize(("content", "shown"), UNREADABLE)
async def test_an_unreadable_message_keeps_its_place_in_the_log(
    desk: Bench, content: Content, shown: str
) -> None:
    """All of it is accepted before a turn hears the first."""
    accepted = await desk.hear(
        desk.event("before", on="whatsapp"),
        desk.event(content, on="whatsapp", message="w1"),
        desk.event("after", on="whatsapp"),
    )
    view = await desk.view(accepted.wakes[0].conversation)
    assert [m.text for m in view.story] == ["before", shown, "after"]
    await desk.turn(lambda _: HandOver("A reason.", "why", trigger="security"))
    after = await desk.view(view.conversation.id)
    assert [m.text for m in after.story[:3]] == ["before", shown, "after"]
    [story] = [text for text in to_rooms(await desk.deliver()) if "story so far" in text]
    if not isinstance(content, Edited):  # a note is no part of the story
        assert story.index("before") < story.index(shown) < story.index("after")


@pytest.mark.parametrize("sender_role", [SenderRole.STRANGER, SenderRole.INSIDER])
async def test_a_message_of_another_writer_keeps_its_place_in_the_log(
    desk: Bench, sender_role: SenderRole
) -> None:
    there = {"on": "email", "chat": "t1", "shared": True}
    accepted = await desk.hear(
        desk.event("before", "ines@a.example", **there),  # type: ignore[arg-type]
        desk.event("between", "karl@a.example", sender_role=sender_role, **there),  # type: ignore[arg-type]
        desk.event("after", "ines@a.example", **there),  # type: ignore[arg-type]
    )
    await desk.turn()
    view = await desk.view(accepted.wakes[0].conversation)
    assert [m.text for m in view.story[:3]] == ["before", "between", "after"]


async def test_answers_and_notes_of_staff_keep_their_place_in_the_log(desk: Bench) -> None:
    accepted = await desk.hear(desk.event("before", MAYA, on="whatsapp"))
    await desk.turn(lambda _: HandOver("A reason.", "why", trigger="security"))
    view = await desk.held(accepted.wakes[0].conversation)
    room = desk.room(view)
    there = {"on": room.account, "chat": room.chat, "thread": room.thread, "in_our_thread": True}
    await desk.hear(
        desk.event("our answer", HUGO, message="s1", **there),  # type: ignore[arg-type]
        desk.event("after", MAYA, on="whatsapp"),
        desk.event("// a note", HUGO, message="s2", **there),  # type: ignore[arg-type]
        desk.event(Unsupported("poll"), MAYA, on="whatsapp", message="w1"),
    )
    [[now]] = await desk.rows("select clock_timestamp()")
    assert isinstance(now, datetime)
    await desk.turn()
    await desk.turn()
    story = (await desk.view(view.conversation.id)).story
    assert [m.text for m in story[-4:]] == ["our answer", "after", "// a note", "[poll]"]
    assert all(m.at < now for m in story[-4:]), "an entry is as old as its acceptance"


async def test_an_entry_is_as_old_as_its_acceptance(desk: Bench) -> None:
    accepted = await desk.hear(desk.event(Unsupported("poll"), on="whatsapp", message="w1"))
    [[now]] = await desk.rows("select clock_timestamp()")
    assert isinstance(now, datetime)
    await desk.turn()
    assert message(await desk.view(accepted.wakes[0].conversation), "[poll]").at < now


async def test_a_file_that_came_with_an_edit_of_no_message_is_fetched(desk: Bench) -> None:
    await desk.say("Hello", on="whatsapp")
    await desk.say(Edited("w1", "see this", (SCAN,)), on="whatsapp")
    assert await desk.rows("select position, state from files") == [(0, "waiting")]
