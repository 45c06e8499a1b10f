"""A room in which staff watch the conversation of an agent, and take it over."""

from datetime import timedelta
from itertools import product

import pytest

from bot.core.answering import Answered, HandOver
from bot.core.conversation import EscalationState, OwnerKind, Room, RoomPurpose, View
from bot.core.errors import Unreachable
from bot.core.events import Content, Deleted, Edited, Reacted, Reference, Said, Tapped
from bot.core.ids import ConversationId, PersonId, new_id
from bot.turns.speaking import LEAVES, Writer, Written
from bot.turns.watching import STOP_WATCHING, TAKE_FROM_AGENT
from storage.delivery_outcomes import Dead, Result
from storage.erased import erase
from storage.outbox_items import Item
from storage.watching import watch_request
from tests.turns.bench import CARLA, HUGO, Bench, Left, to_customers
from tests.turns.test_private_part import whispers

BEN = PersonId("ben")


async def watched(desk: Bench, id_: ConversationId) -> Room:
    """Somebody asks to watch, and the room is there."""
    async with desk.database.begin() as connection:
        entry = await watch_request(connection, desk.keys, desk.tenant, id_, BEN, request=new_id())
        await desk.inboxes.tell(connection, [entry])
    await desk.turn()
    await desk.deliver()
    return room_of(await desk.view(id_), RoomPurpose.SUPERVISION)


def room_of(view: View, purpose: RoomPurpose) -> Room:
    [*_, room] = [room for room in view.rooms if room.purpose is purpose]
    return room


async def does(desk: Bench, room: Room, content: Content | str, who: str = HUGO, **more: object) -> None:
    place = room.place
    event = desk.event(
        content, who, on=place.account, chat=place.chat, thread=place.thread, in_our_thread=True, **more
    )  # type: ignore[arg-type]
    await desk.hear(event)
    await desk.turn()


def posts(left: list[Left], room: Room) -> list[str]:
    return [one.text for one in left if one.item.room == room.id and one.item.kind == "post"]


async def test_the_room_shows_what_both_sides_say(desk: Bench) -> None:
    id_ = await desk.say("Where is my parcel?", on="whatsapp")
    await desk.deliver()
    room = await watched(desk, id_)
    await desk.hear(desk.event("And my invoice?", on="whatsapp"))
    await desk.turn(lambda _: Answered("It is in your mailbox.", "why", settled=True))
    shown = posts(await desk.deliver(), room)
    assert len(shown) == 1
    assert shown[0].index("And my invoice?") < shown[0].index("It is in your mailbox.")


async def test_the_story_so_far_is_told_first(desk: Bench) -> None:
    id_ = await desk.say("Where is my parcel?", on="whatsapp")
    async with desk.database.begin() as connection:
        entry = await watch_request(connection, desk.keys, desk.tenant, id_, BEN, request=new_id())
        await desk.inboxes.tell(connection, [entry])
    await desk.turn()
    left = await desk.deliver()
    told = [one.text for one in left if one.item.room and "The story so far" in one.text]
    assert len(told) == 1
    assert "Where is my parcel?" in told[0]


async def test_nothing_written_there_leaves(desk: Bench) -> None:
    id_ = await desk.say("Where is my parcel?", on="whatsapp")
    await desk.deliver()
    room = await watched(desk, id_)
    await does(desk, room, "I would tell them it is late.")
    await does(desk, room, "Really late.")
    await desk.undo_is_over()
    left = await desk.deliver()
    assert to_customers(left) == []
    assert len(whispers(left)) == 1, "it is explained once"
    assert "stays inside" in whispers(left)[0]


async def test_somebody_who_watches_takes_over_with_a_press(desk: Bench) -> None:
    id_ = await desk.say("Where is my parcel?", on="whatsapp")
    await desk.deliver()
    room = await watched(desk, id_)
    await does(desk, room, Tapped(TAKE_FROM_AGENT, "watched"))
    closing = posts(await desk.deliver(), room)
    view = await desk.view(id_)
    assert view.escalation is not None
    assert (view.escalation.state, view.escalation.holder) == (EscalationState.HELD, "hugo")
    assert view.conversation.owner.kind is OwnerKind.PERSON
    assert "People have this now" in closing[-1]
    assert not room_of(view, RoomPurpose.SUPERVISION).open
    await desk.staff("I look into it.", view)
    await does(desk, room, "They are angry.")
    await desk.undo_is_over()
    assert to_customers(await desk.deliver()) == ["I look into it."]


async def test_the_room_ends_when_the_agent_hands_over(desk: Bench) -> None:
    id_ = await desk.say("Where is my parcel?", on="whatsapp")
    await desk.deliver()
    room = await watched(desk, id_)
    await desk.hear(desk.event("I want a person!", on="whatsapp"))
    await desk.turn(lambda _: HandOver("A reason.", "why", trigger="security"))
    assert "People have this now" in posts(await desk.deliver(), room)[-1]
    assert [r.purpose for r in (await desk.view(id_)).rooms if r.open] == [RoomPurpose.ESCALATION]


async def test_watching_is_stopped_with_a_press_and_begun_again(desk: Bench) -> None:
    id_ = await desk.say("Where is my parcel?", on="whatsapp")
    await desk.deliver()
    room = await watched(desk, id_)
    await does(desk, room, Tapped(STOP_WATCHING, "watched"))
    assert [r for r in (await desk.view(id_)).rooms if r.open] == []
    again = await watched(desk, id_)
    assert again.open
    assert again.id != room.id


async def test_a_second_wish_to_watch_opens_no_second_room(desk: Bench) -> None:
    id_ = await desk.say("Where is my parcel?", on="whatsapp")
    await watched(desk, id_)
    await watched(desk, id_)
    assert len((await desk.view(id_)).rooms) == 1


async def test_a_room_whose_card_cannot_be_posted_is_given_up(desk: Bench) -> None:
    id_ = await desk.say("Where is my parcel?", on="whatsapp")
    await desk.deliver()
    async with desk.database.begin() as connection:
        entry = await watch_request(connection, desk.keys, desk.tenant, id_, BEN, request=new_id())
        await desk.inboxes.tell(connection, [entry])
    await desk.turn()

    def fate(item: Item) -> Result | None:
        gone = Dead(item, "failed", Unreachable.code, "the channel is archived")
        return gone if item.kind == "card" else None

    await desk.deliver(fate)
    await desk.turn()
    assert [room for room in (await desk.view(id_)).rooms if room.open] == []
    await desk.hear(desk.event("And my invoice?", on="whatsapp"))
    await desk.turn(lambda _: Answered("It is in your mailbox.", "why", settled=True))
    assert "It is in your mailbox." in to_customers(await desk.deliver())[-1]


async def test_a_conversation_of_people_is_not_watched(desk: Bench) -> None:
    accepted = await desk.hear(desk.event("Help!", on="whatsapp"))
    await desk.turn(lambda _: HandOver("A reason.", "why", trigger="security"))
    id_ = accepted.wakes[0].conversation
    async with desk.database.begin() as connection:
        entry = await watch_request(connection, desk.keys, desk.tenant, id_, BEN, request=new_id())
        await desk.inboxes.tell(connection, [entry])
    await desk.turn()
    assert [room.purpose for room in (await desk.view(id_)).rooms] == [RoomPurpose.ESCALATION]


async def test_an_erased_customers_words_are_deleted_from_the_room(desk: Bench) -> None:
    id_ = await desk.say("Where is my parcel?", on="whatsapp")
    await desk.deliver()
    room = await watched(desk, id_)
    view = await desk.view(id_)
    async with desk.database.begin() as connection:
        await erase(connection, desk.keys, desk.inboxes, desk.tenant, view.conversation.customer, by="shell")
    await desk.turn()
    await desk.deliver()
    [[still_open]] = await desk.rows("select open from rooms where id = :room", room=room.id)
    assert not still_open
    kinds = await desk.rows("select kind from outbox where room_id = :room order by position", room=room.id)
    assert ("delete_posts",) in [tuple(row) for row in kinds]


async def test_a_note_beside_an_agent_does_not_cut_the_quiet_window(desk: Bench) -> None:
    """Otherwise half of a burst is answered because somebody wrote a note."""
    id_ = await desk.say("Where is my parcel?", on="whatsapp")
    await desk.deliver()
    room = await watched(desk, id_)
    desk.quiet = timedelta(minutes=1)
    await desk.hear(desk.event("I mean", on="whatsapp"))
    due = await desk.rows(
        "select wake_at > now() + interval '30 seconds' from conversations where id = :id", id=id_
    )
    assert due[0][0]
    place = room.place
    for content in (Said("A note"), Edited("1.1", "A better note"), Deleted("1.1")):
        await desk.hear(
            desk.event(
                content, HUGO, on=place.account, chat=place.chat, thread=place.thread, in_our_thread=True
            )
        )
        due = await desk.rows(
            "select wake_at > now() + interval '30 seconds' from conversations where id = :id", id=id_
        )
        assert due[0][0], type(content).__name__


THINGS: dict[Written, Content] = {
    Written.WORDS: Said("These words."),
    Written.PRIVATE: Said("// These words."),
    Written.COMMAND: Said("/these words"),
    Written.FORWARDED: Said("These words."),
    Written.OTHER_EMOJI: Reacted("shown", "🤡", added=True),
    Written.LISTED_EMOJI: Reacted("shown", "👍", added=True),
}
WRITERS = {Writer.HOLDER: HUGO, Writer.COLLEAGUE: CARLA, Writer.STRANGER: "U0STRANGER"}


def test_the_table_has_every_writer_purpose_and_thing() -> None:
    assert set(LEAVES) == set(product(Writer, RoomPurpose, Written))
    leaving = {key for key, leaves in LEAVES.items() if leaves}
    assert {writer for writer, _, _ in leaving} == {Writer.HOLDER}
    assert not {purpose for _, purpose, _ in leaving} & {RoomPurpose.SUPERVISION, RoomPurpose.TRAINING}
    never = {Written.PRIVATE, Written.COMMAND, Written.FORWARDED, Written.OTHER_EMOJI}
    assert not {thing for _, _, thing in leaving} & never


@pytest.mark.parametrize("purpose", RoomPurpose)
@pytest.mark.parametrize("writer", Writer)
async def test_things_leave_as_the_table_says(desk: Bench, writer: Writer, purpose: RoomPurpose) -> None:
    """Each writer does each thing in a real room of each purpose, while Hugo holds the conversation."""
    accepted = await desk.hear(desk.event("Help!", on="whatsapp", message="c1"))
    await desk.turn(lambda _: HandOver("A reason.", "why", trigger="security"))
    id_ = accepted.wakes[0].conversation
    view = await desk.held(id_)
    assert view.escalation is not None
    room = view.escalation.room
    assert room is not None
    if purpose is not RoomPurpose.ESCALATION:
        room = await another_room(desk, view, room, purpose)
    await desk.say("One more thing.", on="whatsapp", message="c2")
    await desk.deliver()
    for written, content in THINGS.items():
        more: dict[str, object] = {"message": f"{written}.1"}
        if written is Written.FORWARDED:
            more["reference"] = Reference(forwarded=True)
        if isinstance(content, Reacted):
            continue
        await does(desk, room, content, WRITERS[writer], **more)
        await desk.undo_is_over()
        left = to_customers(await desk.deliver())
        assert (left == ["These words."]) is LEAVES[writer, purpose, written], (written, left)


async def another_room(desk: Bench, view: View, like: Room, purpose: RoomPurpose) -> Room:
    """A room of another purpose, open beside that of the escalation."""
    id_ = new_id()
    await desk.execute(
        "insert into rooms (id, organization_id, conversation_id, purpose, account_id, lane_id, team, chat,"
        " chat_id, thread, card) select :id, organization_id, conversation_id, :purpose, account_id, lane_id,"
        " team, chat, chat_id, :thread, :thread from rooms where id = :like",
        id=id_,
        purpose=purpose.value,
        thread=f"{purpose}.1",
        like=like.id,
    )
    return room_of(await desk.view(view.conversation.id), purpose)
