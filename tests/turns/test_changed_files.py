"""Files that are exchanged, removed or taken back before they leave, and what waits until they have left."""

from dataclasses import replace

import pytest

from bot.core.conversation import MessageState, View
from bot.core.events import Attachment, AttachmentKind, Deleted, Edited, Reacted, Said
from bot.core.outbound import Mark, Post
from tests.turns.bench import CARLA, HUGO, Bench, Left, message
from tests.turns.test_change_before_leaving import refused
from tests.turns.test_private_part import left, marks, taken, whispers
from tests.turns.test_receipts_and_files import stored

PDF = Attachment(kind=AttachmentKind.DOCUMENT, ref="f-1", name="offer.pdf", mime_type="application/pdf")
OTHER = Attachment(kind=AttachmentKind.DOCUMENT, ref="f-2", name="other.pdf", mime_type="application/pdf")
HERE = Attachment(kind=AttachmentKind.LOCATION, ref="geo:1,2")
THERE = Attachment(kind=AttachmentKind.LOCATION, ref="geo:3,4")
S = MessageState


def customers(leaving: list[Left]) -> list[tuple[str, tuple[str, ...]]]:
    """Return what leaves for customers: the words, and the names or places of what is attached."""
    return [
        (one.text, tuple(a.name or a.ref for a in one.operation.attachments))
        for one in leaving
        if one.item.room is None and isinstance(one.operation, Post)
    ]


async def fetched(desk: Bench, view: View, text: str, outcome: str = "stored") -> None:
    """The file of the newest message with that text has its fate."""
    now = await desk.view(view.conversation.id)
    newest = [m for m in now.story if m.text == text][-1]
    await stored(desk, view_of(now, newest.id), text, outcome)
    await desk.turn()


def view_of(view: View, only: object) -> View:

    return replace(view, story=tuple(m for m in view.story if m.id == only))


# --- an edit that changes files


@pytest.mark.long
@pytest.mark.parametrize("caption", ["Here it is.", "Here is what you need."])
async def test_only_the_file_of_the_edit_leaves(desk: Bench, caption: str) -> None:
    view = await taken(desk)
    await left(desk)
    await desk.staff(Said("Here it is.", (PDF,)), view, ref="s1")
    await fetched(desk, view, "Here it is.")
    await desk.staff(Edited("s1", caption, (OTHER,)), view)
    await fetched(desk, view, caption)
    leaving = await left(desk)
    await desk.turn()
    leaving += await desk.deliver()
    assert customers(leaving) == [(caption, ("other.pdf",))]
    assert marks(leaving)[-1].mark is Mark.DELIVERED


async def test_a_file_that_an_edit_removes_never_leaves(desk: Bench) -> None:
    view = await taken(desk)
    await left(desk)
    await desk.staff(Said("Here it is.", (PDF,)), view, ref="s1")
    await desk.staff(Edited("s1", "Here it is."), view)
    await fetched_first(desk, view, "Here it is.")
    assert customers(await left(desk)) == [("Here it is.", ())]


async def fetched_first(desk: Bench, view: View, text: str) -> None:
    await stored(desk, await desk.view(view.conversation.id), text)
    await desk.turn()


async def test_a_file_that_an_edit_adds_leaves_beside_the_one_before(desk: Bench) -> None:
    view = await taken(desk)
    await left(desk)
    await desk.staff(Said("Here it is.", (PDF,)), view, ref="s1")
    await fetched(desk, view, "Here it is.")
    await desk.staff(Edited("s1", "Here it is.", (PDF, HERE)), view)
    assert customers(await left(desk)) == [("Here it is.", ("offer.pdf", "geo:1,2"))]


async def test_a_message_that_loses_all_it_had_is_taken_back(desk: Bench) -> None:
    view = await taken(desk)
    await left(desk)
    await desk.staff(Said("", (HERE,)), view, ref="s1")
    await desk.staff(Edited("s1", ""), view)
    leaving = await left(desk)
    assert customers(leaving) == []
    assert marks(leaving)[-1].mark is Mark.WITHDRAWN


async def test_a_file_changed_after_the_undo_is_exchanged_while_nothing_has_left(desk: Bench) -> None:
    view = await taken(desk)
    await left(desk)
    await desk.staff(Said("Here it is.", (HERE,)), view, ref="s1")
    await desk.undo_is_over()
    await desk.staff(Edited("s1", "Here it is.", (THERE,)), view)
    assert customers(await left(desk)) == [("Here it is.", ("geo:3,4",))]


async def test_a_file_that_failed_is_exchanged_and_leaves_after_a_new_undo(desk: Bench) -> None:
    view = await taken(desk)
    await left(desk)
    await desk.staff(Said("Here it is.", (HERE,)), view, ref="s1")
    await desk.undo_is_over()
    await desk.deliver(refused)
    await desk.turn()
    await desk.staff(Edited("s1", "Here it is.", (THERE,)), view)
    await desk.staff(Edited("s1", "Here it is!", (THERE,)), view)
    assert customers(await left(desk)) == [("Here it is!", ("geo:3,4",))]


async def test_the_private_part_stays_inside_when_its_files_change(desk: Bench) -> None:
    view = await taken(desk)
    await left(desk)
    await desk.staff(Said("Here it is.\n// finally", (HERE,)), view, ref="s1")
    await desk.staff(Edited("s1", "Here it is.\n// at last", (THERE,)), view)
    assert customers(await left(desk)) == [("Here it is.", ("geo:3,4",))]
    await desk.staff(Edited("s1", "// Here it is.\n// at last", (THERE,)), view)


async def test_a_person_who_changes_a_file_that_has_left_is_told_once_that_it_stays(desk: Bench) -> None:
    view = await taken(desk)
    await left(desk)
    await desk.staff(Said("Here it is.", (HERE,)), view, ref="s1")
    await left(desk)
    await desk.turn()
    await desk.staff(Edited("s1", "Here it is.", (THERE,)), view)
    await desk.staff(Edited("s1", "Here.", (THERE,)), view)
    leaving = await left(desk)
    assert customers(leaving) == [("Here.", ())]
    [said] = whispers(leaving)
    assert said.startswith("Its files were not changed for Maya")


async def test_a_file_that_is_replaced_while_it_is_fetched_never_leaves_though_the_words_did(
    desk: Bench,
) -> None:
    view = await taken(desk)
    await left(desk)
    await desk.staff(Said("Here it is.", (PDF, HERE)), view, ref="s1")
    leaving = await left(desk)
    assert customers(leaving) == [("Here it is.", ("geo:1,2",))]
    await desk.turn()
    await desk.staff(Edited("s1", "Here it is.", (HERE, OTHER)), view)
    await fetched_first(desk, view, "Here it is.")
    leaving = await left(desk)
    assert customers(leaving) == []
    [said] = whispers(leaving)
    assert said.startswith("The file that you replaced does not go out.")


# --- an album


@pytest.mark.long
@pytest.mark.parametrize("change", [Reacted("s1", "👎", added=True), Deleted("s2")])
async def test_an_album_is_taken_back_whole(desk: Bench, change: Reacted | Deleted) -> None:
    view = await taken(desk)
    await left(desk)
    await album(desk, view, "s1", "s2", "s3")
    await desk.staff(change, view)
    await album(desk, view, "s4")  # which the platform brings late
    leaving = await left(desk)
    assert customers(leaving) == []
    assert whispers(leaving) == ["↩️ The other 2 of this album that had not left: taken back, too."]
    assert {m.message for m in marks(leaving) if m.mark is Mark.WITHDRAWN} >= {"s1", "s2", "s3"} - {"s2"}


async def album(desk: Bench, view: View, *refs: str) -> None:
    room = desk.room(view)
    there = {"on": room.account, "chat": room.chat, "thread": room.thread, "in_our_thread": True}
    for ref in refs:
        said = Said("Look" if ref == "s1" else "", (HERE,))
        event = desk.event(said, HUGO, message=ref, album="9", **there)  # type: ignore[arg-type]
        await desk.hear(event)
        await desk.turn()


# --- what comes after a file


async def test_closing_words_wait_until_a_file_has_left(desk: Bench) -> None:
    view = await taken(desk)
    await left(desk)
    await desk.staff(Said("See this.", (PDF,)), view, ref="s1")
    await desk.press("resolve", view)
    assert customers(await left(desk)) == [("See this.", ())]
    await desk.turn()
    await desk.undo_is_over()
    assert customers(await desk.deliver()) == []
    await fetched(desk, view, "See this.")
    await desk.undo_is_over()
    [file, (closing, _)] = customers(await desk.deliver())
    assert file == ("", ("offer.pdf",))
    assert closing


@pytest.mark.parametrize("outcome", ["refused", "failed"])
async def test_a_file_that_cannot_leave_undoes_a_closing_that_nobody_was_told(
    desk: Bench, outcome: str
) -> None:
    view = await taken(desk)
    await left(desk)
    await desk.staff(Said("See this.", (PDF,)), view, ref="s1")
    await desk.press("resolve", view)
    await left(desk)
    await fetched(desk, view, "See this.", outcome)
    assert customers(await left(desk)) == []
    assert (await desk.view(view.conversation.id)).escalation is not None


@pytest.mark.long
@pytest.mark.parametrize("outcome", ["stored", "refused", "failed"])
async def test_the_next_holders_words_wait_until_a_file_has_had_its_fate(desk: Bench, outcome: str) -> None:
    view = await taken(desk)
    await left(desk)
    await desk.staff(Said("See this.", (PDF,)), view, ref="s1")
    await desk.take_over(view, CARLA)
    await desk.staff("Any questions?", view, CARLA, ref="s2")
    assert customers(await left(desk)) == [("See this.", ())]
    await desk.turn()
    await fetched(desk, view, "See this.", outcome)
    await desk.undo_is_over()
    file = [("", ("offer.pdf",))] if outcome == "stored" else []
    assert customers(await desk.deliver()) == [*file, ("Any questions?", ())]


async def test_an_agent_answers_when_the_file_before_has_left(desk: Bench) -> None:
    view = await taken(desk)
    await left(desk)
    await desk.staff(Said("See this.", (PDF,)), view, ref="s1")
    await desk.press("return", view)
    await left(desk)
    await desk.turn()
    await desk.say("And now?")
    assert customers(await desk.deliver()) == []
    await fetched(desk, view, "See this.")
    await desk.undo_is_over()
    told = customers(await desk.deliver())
    assert told[0] == ("", ("offer.pdf",))
    assert told[-1] == ("An answer.", ())


async def test_nothing_waits_for_ever_behind_a_file_that_nobody_can_fetch(desk: Bench) -> None:
    view = await taken(desk)
    await left(desk)
    await desk.staff(Said("See this.", (PDF,)), view, ref="s1")
    await left(desk)
    await desk.turn()
    words = message(await desk.view(view.conversation.id), "See this.")
    assert words.state is S.DELIVERED
    await desk.execute(
        "update messages set created_at = now() - interval '1 hour' where id = :id", id=words.id
    )
    await desk.staff("Any questions?", view, ref="s2")
    assert customers(await left(desk)) == [("Any questions?", ())]


# --- the customer's files


@pytest.mark.parametrize("caption", ["My contract", "My new contract"])
async def test_a_file_that_a_customer_exchanges_is_shown_beside_the_one_before(
    desk: Bench, caption: str
) -> None:
    view = await taken(desk)
    id_ = view.conversation.id
    await desk.say(Said("My contract", (PDF,)), message="c1")
    await left(desk)
    await desk.say(Edited("c1", caption, (OTHER,)))
    await desk.say(Edited("c1", caption, (OTHER,)))  # brought twice, or edited again
    told = [one.text for one in await left(desk) if one.item.room and "changed the files" in one.text]
    assert len(told) == 1
    assert told[0].index("other") < told[0].index("offer")
    await fetched(desk, view, "")
    shown = [one.operation for one in await left(desk) if one.item.room]
    assert [p.attachments[0].name for p in shown if isinstance(p, Post) and p.attachments] == ["other.pdf"]
    kept = [a.name for m in (await desk.view(id_)).story for a in m.attachments]
    assert kept == ["offer.pdf", "other.pdf"]
    await desk.say(Deleted("c1"))
    story = (await desk.view(id_)).story
    assert {m.state for m in story if m.attachments} == {S.DELETED}


async def test_a_file_under_a_new_handle_is_no_other_file(desk: Bench) -> None:
    await taken(desk)
    await desk.say(Said("My contract", (replace(PDF, size=7),)), message="c1")
    await left(desk)
    await desk.say(Edited("c1", "My contract", (replace(PDF, ref="f-3", size=7),)))
    assert [one.text for one in await left(desk) if one.item.room and "changed" in one.text] == []
