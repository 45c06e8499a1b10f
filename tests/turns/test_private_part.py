"""A message with a private part: what leaves of it, what is kept, and what its author is told."""

from dataclasses import replace

import pytest

from bot.core.answering import HandOver
from bot.core.conversation import MessageState, View
from bot.core.events import Attachment, AttachmentKind, Deleted, Edited, Reacted, Said
from bot.core.outbound import Mark, Post, React, Whisper
from bot.turns.story import lines
from storage.delivery_outcomes import Dead
from tests.turns.bench import CARLA, HUGO, Bench, Left, to_customers

NOTE, SENT = MessageState.NOTE, MessageState.DELIVERED
FILE = Attachment(kind=AttachmentKind.LOCATION, ref="geo:1,2")


async def taken(desk: Bench) -> View:
    accepted = await desk.hear(desk.event("Help!"))
    await desk.turn(lambda _: HandOver("A reason.", "why", trigger="security"))
    return await desk.held(accepted.wakes[0].conversation)


async def left(desk: Bench) -> list[Left]:
    first = await desk.deliver()
    await desk.undo_is_over()
    return [*first, *await desk.deliver()]


def whispers(leaving: list[Left]) -> list[str]:
    return [one.operation.text for one in leaving if isinstance(one.operation, Whisper)]


def marks(leaving: list[Left]) -> list[React]:
    return [one.operation for one in leaving if isinstance(one.operation, React)]


async def story(desk: Bench, view: View, ref: str) -> list[tuple[MessageState, str]]:
    now = await desk.view(view.conversation.id)
    return [(message.state, message.text) for message in now.story if message.ref == ref]


async def test_the_public_part_leaves_and_the_rest_is_kept_as_a_note(desk: Bench) -> None:
    view = await taken(desk)
    await desk.staff("It is 90 EUR.\n// she always complains", view, ref="s1")
    leaving = await left(desk)
    await desk.turn()
    leaving += await desk.deliver()
    assert to_customers(leaving) == ["It is 90 EUR."]
    assert await story(desk, view, "s1") == [(SENT, "It is 90 EUR."), (NOTE, "// she always complains")]
    assert whispers(leaving) == ["🔒 This part stays inside: “// she always complains”"]
    assert marks(leaving) == [
        React("s1", Mark.WAITING, partly=True),
        React("s1", Mark.DELIVERED, partly=True),
    ]
    told = lines((await desk.view(view.conversation.id)).story)
    assert not any("complains" in line.text for line in told), "agents are told what the customer read"


WHOLE = (
    "🔒 This whole message stays inside: it begins with what is private (`//`). Put what Maya should read in"
    " a message of its own."
)


@pytest.mark.long
@pytest.mark.parametrize(
    "private", ["// she always complains", "Carla: // x", "```\n// x\n```\n\nIt is 90 EUR."]
)
async def test_the_first_message_of_the_holder_that_stays_inside_whole_is_explained_once(
    desk: Bench, private: str
) -> None:
    view = await taken(desk)
    await desk.deliver()
    await desk.staff(private, view, ref="s1")
    told = await left(desk)
    assert (whispers(told), marks(told)) == ([WHOLE], [React("s1", Mark.INSIDE)])
    await desk.staff("// again", view, ref="s2")
    await desk.staff(Said("// with a file", (FILE,)), view, ref="s3")
    told = await left(desk)
    assert not whispers(told), "once"
    assert marks(told) == [React("s2", Mark.INSIDE), React("s3", Mark.INSIDE)]
    await desk.take_over(view, CARLA)
    await left(desk)
    await desk.staff("// mine", view, who=CARLA, ref="s4")
    assert whispers(await left(desk)) == [WHOLE], "to each person"
    await desk.take_over(view, HUGO)
    await desk.staff("// back again", view, ref="s5")
    assert not whispers(await left(desk)), "once for each escalation"


async def test_an_edit_that_makes_the_whole_message_private_is_explained(desk: Bench) -> None:
    view = await taken(desk)
    await desk.staff("It is 90 EUR.", view, ref="s1")
    await left(desk)
    await desk.staff("It is 80 EUR.", view, ref="s2")
    await desk.staff(Edited("s2", "// It is 80 EUR."), view)
    assert whispers(await left(desk)) == [WHOLE]


async def test_files_go_with_the_public_part_and_stay_with_a_private_message(desk: Bench) -> None:
    view = await taken(desk)
    await desk.staff(Said("Here.\n// at last", (FILE,)), view, ref="s1")
    await desk.staff(Said("// only for us", (FILE,)), view, ref="s2")
    posts = [one.operation for one in await left(desk) if one.item.room is None]
    assert [(p.text, p.attachments) for p in posts if isinstance(p, Post)] == [("Here.", (FILE,))]


async def test_an_edit_within_the_undo_keeps_the_new_private_part_inside(desk: Bench) -> None:
    view = await taken(desk)
    await desk.staff("It is 90 EUR.", view, ref="s1")
    await desk.staff(Edited("s1", "It is 80 EUR.\n> // my mistake\n> again"), view)
    await desk.staff(Edited("s1", "It is 70 EUR.\n// my mistake"), view)
    leaving = await left(desk)
    assert to_customers(leaving) == ["It is 70 EUR."]
    assert (NOTE, "// my mistake") in await story(desk, view, "s1")


async def test_an_edit_that_makes_all_private_takes_the_message_back(desk: Bench) -> None:
    view = await taken(desk)
    await desk.staff("It is 90 EUR.\n// really", view, ref="s1")
    await desk.staff(Edited("s1", "// It is 90 EUR."), view)
    leaving = await left(desk)
    assert not to_customers(leaving)
    assert marks(leaving)[-1] == React("s1", Mark.INSIDE)
    assert (NOTE, "// It is 90 EUR.") in await story(desk, view, "s1")


async def test_a_later_edit_changes_only_what_the_customer_reads(desk: Bench) -> None:
    view = await taken(desk)
    await desk.staff("It is 90 EUR.", view, ref="s1")
    await left(desk)
    await desk.staff(Edited("s1", "It is 90 EUR.\n// she always complains"), view)
    leaving = await left(desk)
    assert not [one for one in leaving if one.item.room is None], "the public part is as it was"
    assert whispers(leaving) == ["🔒 This part stays inside: “// she always complains”"]
    await desk.staff(Edited("s1", "It is 80 EUR.\n// she always complains\nAnything else?"), view)
    [correction] = [one for one in await left(desk) if one.item.room is None]
    assert (correction.item.kind, correction.text) == ("amend", "It is 80 EUR.")
    await desk.staff(Edited("s1", "// all of it"), view)
    leaving = await left(desk)
    assert not [one for one in leaving if one.item.room is None], "the customer keeps what they read"
    assert "still reads what you wrote before" in whispers(leaving)[0]


async def test_a_deleted_message_takes_its_private_part_along(desk: Bench) -> None:
    view = await taken(desk)
    await desk.staff("It is 90 EUR.\n// really", view, ref="s1")
    await left(desk)
    await desk.staff(Deleted("s1"), view)
    assert [one.item.kind for one in await left(desk) if one.item.room is None] == ["retract"]
    assert {state for state, _ in await story(desk, view, "s1")} == {MessageState.DELETED}


async def test_an_edit_that_makes_all_private_takes_back_what_waits_for_the_customer(desk: Bench) -> None:
    accepted = await desk.hear(desk.event("Help!", on="whatsapp"))
    await desk.turn(lambda _: HandOver("A reason.", "why", trigger="security"))
    view = await desk.held(accepted.wakes[0].conversation)
    await desk.staff("It is 90 EUR.", view, ref="s1")
    await desk.undo_is_over()
    await desk.deliver(Bench.closed)
    await desk.turn()
    await desk.staff(Edited("s1", "// It is 90 EUR."), view)
    await desk.deliver()
    await desk.say("Hello?", on="whatsapp")
    assert not to_customers(await desk.deliver())
    assert await story(desk, view, "s1") == [(NOTE, "// It is 90 EUR.")]


async def test_an_edit_of_a_waiting_message_keeps_its_private_part_inside(desk: Bench) -> None:
    accepted = await desk.hear(desk.event("Help!", on="whatsapp"))
    await desk.turn(lambda _: HandOver("A reason.", "why", trigger="security"))
    view = await desk.held(accepted.wakes[0].conversation)
    await desk.staff("It is 90 EUR.", view, ref="s1")
    await desk.undo_is_over()
    await desk.deliver(Bench.closed)
    await desk.turn()
    await desk.staff(Edited("s1", "It is 80 EUR.\n// my mistake"), view)
    leaving = await desk.deliver(Bench.closed)
    await desk.turn()
    assert whispers(leaving) == ["🔒 This part stays inside: “// my mistake”"]
    await desk.say("Hello?", on="whatsapp")
    assert to_customers(await desk.deliver()) == ["It is 80 EUR."]
    assert (NOTE, "// my mistake") in await story(desk, view, "s1")


@pytest.mark.parametrize("edits", [True, False])
async def test_an_edit_of_a_failed_message_keeps_its_private_part_inside(desk: Bench, *, edits: bool) -> None:
    view = await taken(desk)
    desk.capabilities["telegram"] = replace(desk.capabilities["telegram"], edits=edits)
    await desk.staff("It is 90 EUR.", view, ref="s1")
    await desk.undo_is_over()
    await desk.deliver(lambda item: Dead(item, "failed", "send.refused", "no") if item.room is None else None)
    await desk.turn()
    await desk.staff(Edited("s1", "It is 80 EUR.\n// my mistake"), view)
    now = await desk.view(view.conversation.id)
    [failed] = [m for m in now.story if m.state is MessageState.FAILED]
    await desk.press("send_again", view, value=str(failed.id))
    leaving = [one for one in await desk.deliver() if one.item.room is None]
    assert "80 EUR" in str(leaving)
    assert "mistake" not in str(leaving)
    assert (NOTE, "// my mistake") in await story(desk, view, "s1")


@pytest.mark.long
@pytest.mark.parametrize("private", ["s1", "s2", "s3"])
async def test_private_words_keep_the_whole_album_inside(desk: Bench, private: str) -> None:
    view = await taken(desk)
    room = desk.room(view)
    there = {"on": room.account, "chat": room.chat, "thread": room.thread, "in_our_thread": True}
    for ref in ("s1", "s2", "s3"):
        said = Said("// only for us" if ref == private else "", (FILE,))
        await desk.hear(desk.event(said, HUGO, message=ref, album="9", **there))
        await desk.turn()
    await desk.staff(Said("Here.", (FILE,)), view, ref="s4")
    leaving = await left(desk)
    assert to_customers(leaving) == ["Here."]
    inside = {mark.message for mark in marks(leaving) if mark.mark is Mark.INSIDE}
    assert inside == {"s1", "s2", "s3"}


async def test_words_that_an_edit_overtook_are_divided_too(desk: Bench) -> None:
    view = await taken(desk)
    await desk.staff(Edited("s1", "It is 80 EUR.\n// my mistake"), view)
    await desk.staff("It is 90 EUR.", view, ref="s1")
    assert to_customers(await left(desk)) == ["It is 80 EUR."]


async def test_a_message_of_a_colleague_stays_inside_whole(desk: Bench) -> None:
    view = await taken(desk)
    await desk.staff("It is 90 EUR.\n// really", view, who=CARLA, ref="s1")
    await desk.staff("Hello.", view, who=HUGO, ref="s2")
    assert to_customers(await left(desk)) == ["Hello."]
    assert await story(desk, view, "s1") == [(NOTE, "It is 90 EUR.\n// really")]


async def test_the_author_is_told_another_way_back_where_deletions_are_not_told(desk: Bench) -> None:
    view = await taken(desk)
    room = desk.room(view)
    desk.capabilities[room.account] = replace(desk.capabilities[room.account], hears_deletions=False)
    await desk.staff("It is 90 EUR.", view, ref="s1")
    await left(desk)
    await desk.staff(Edited("s1", "// It is 90 EUR."), view)
    assert whispers(await left(desk))[0].endswith("stays inside. React with 👎 to take it back.")


async def test_the_holder_is_told_why_what_begins_like_a_command_stays_inside(desk: Bench) -> None:
    view = await taken(desk)
    await desk.staff("/invoices are under Settings.", view, ref="s1")
    leaving = await left(desk)
    assert not to_customers(leaving)
    assert whispers(leaving) == [
        "This begins like a command, so it stays inside. To send it, put a word before the slash."
    ]


async def test_an_edit_of_a_message_that_stays_inside_sends_nothing_and_says_so(desk: Bench) -> None:
    view = await taken(desk)
    told = ["This stays inside, as it was written. Write it again to send it."]
    await desk.staff("// It is 90 EUR.", view, ref="s1")
    await left(desk)
    await desk.staff(Edited("s1", "It is 90 EUR."), view)
    leaving = await left(desk)
    assert (to_customers(leaving), whispers(leaving)) == ([], told)
    await desk.staff("It is 80 EUR.", view, ref="s2")
    await desk.staff(Reacted("s2", "👎", added=True), view)
    await desk.staff(Edited("s2", "It is 70 EUR."), view)
    leaving = await left(desk)
    assert (to_customers(leaving), whispers(leaving)) == ([], told)
    await desk.staff(Edited("s1", "// It is 60 EUR."), view)
    assert not whispers(await left(desk)), "it says itself that it stays inside"
