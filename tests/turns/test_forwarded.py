"""Forwards of the holder: they are never the holder's words, in whatever order their events come."""

from bot.core.conversation import View
from bot.core.events import Attachment, AttachmentKind, Content, Edited, Reference, Said
from bot.core.outbound import Mark
from tests.turns.bench import CARLA, HUGO, Bench, to_customers, to_rooms
from tests.turns.test_private_part import left, marks, taken

FORWARDED = Reference(forwarded=True, origin="Bo")
PLACE = Attachment(kind=AttachmentKind.LOCATION, ref="geo:1,2")
SAYS_SO = "What is forwarded stays inside"


async def forwards(desk: Bench, content: Content, view: View, ref: str, who: str = HUGO) -> None:
    room = desk.room(view)
    there = {"on": room.account, "chat": room.chat, "thread": room.thread, "in_our_thread": True}
    await desk.hear(desk.event(content, who, message=ref, reference=FORWARDED, **there))
    await desk.turn()


async def test_words_and_files_stay_inside_and_the_room_is_told_once_while_the_holder_stays(
    desk: Bench,
) -> None:
    view = await taken(desk)
    await forwards(desk, Said("The margin is 40 %."), view, "s1")
    await forwards(desk, Said("", (PLACE,)), view, "s2")
    leaving = await left(desk)
    assert not [one for one in leaving if one.item.room is None]
    assert [(mark.message, mark.mark) for mark in marks(leaving)] == [
        ("s1", Mark.INSIDE),
        ("s2", Mark.INSIDE),
    ]
    assert sum(SAYS_SO in text for text in to_rooms(leaving)) == 1
    await desk.press("take", await desk.view(view.conversation.id), who=CARLA, value=_shown(view))
    await forwards(desk, Said("The margin is 40 %."), view, "s3", who=CARLA)
    assert sum(SAYS_SO in text for text in to_rooms(await left(desk))) == 1, "the next holder is told as well"


async def test_an_edit_of_a_forward_stays_inside(desk: Bench) -> None:
    view = await taken(desk)
    await forwards(desk, Said("The margin is 40 %."), view, "s1")
    await forwards(desk, Edited("s1", "The margin is 50 %."), view, "")
    assert not to_customers(await left(desk))


async def test_words_that_turn_out_to_be_forwarded_are_taken_back(desk: Bench) -> None:
    view = await taken(desk)
    await desk.staff("You get 20 EUR.", view, ref="s1")
    await forwards(desk, Edited("s1", "You get 20 EUR.\n> The margin is 40 %."), view, "")
    assert not to_customers(await left(desk))


async def test_an_edit_that_overtook_its_forward_lets_nothing_leave(desk: Bench) -> None:
    view = await taken(desk)
    await forwards(desk, Edited("s1", "The margin is 50 %."), view, "")
    await forwards(desk, Said("The margin is 40 %."), view, "s1")
    assert not to_customers(await left(desk))


def _shown(view: View) -> str:
    assert view.escalation is not None
    return f"{view.escalation.id}:hugo"
