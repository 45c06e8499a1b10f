"""A change where staff work reaches every conversation it concerns, once, and no other."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from bot.app.channels import CHANNELS
from bot.core.answering import Answer, HandOver
from bot.core.conversation import EscalationState, OwnerKind, View
from bot.core.events import Event, WorkplaceChange, WorkplaceChanged
from bot.core.ids import ConversationId
from bot.rooms.cards import Cards
from bot.turns.decide import Decision
from orgs.documents import from_document, to_document
from storage.organizations import Organizations
from storage.outbox_items import Item
from tests.accounts import Brought
from tests.turns.bench import HUGO, Bench

BILLING, SECURITY = "billing_inquiry", "security"


def handed_over(trigger: str) -> Callable[[Decision], Answer]:
    return lambda _: HandOver("A reason.", "why", trigger=trigger)


async def escalated(desk: Bench, who: str, trigger: str = BILLING) -> ConversationId:
    """With its room in Slack. The platform's id of a channel is its name here."""
    accepted = await desk.hear(desk.event("Help!", who))
    await desk.turn(handed_over(trigger))
    await desk.deliver()
    return accepted.wakes[0].conversation


async def told(
    desk: Bench,
    change: WorkplaceChange,
    detail: str = "",
    *,
    chat: str = "",
    thread: str = "",
    who: str = "U1",
) -> Event:
    """The platform tells of a change in a chat of the staff's Slack, or in all of it."""
    event = desk.event(WorkplaceChanged(change, detail), who, on="slack")
    event = replace(event, place=replace(event.place, chat=chat, thread=thread))
    await desk.hear(event)
    await desk.turn()
    return event


def room_of(view: View) -> UUID:
    assert view.escalation is not None
    assert view.escalation.room is not None
    return view.escalation.room.id


async def test_each_conversation_of_a_lost_channel_moves_once_and_no_other(desk: Bench) -> None:
    ids = [await escalated(desk, who) for who in ("maya", "ines")]
    other = await escalated(desk, "paul", SECURITY)
    before = [await desk.view(id_) for id_ in (*ids, other)]
    chat = desk.room(before[0]).chat
    assert chat == desk.room(before[1]).chat != desk.room(before[2]).chat
    event = await told(desk, WorkplaceChange.CHAT_CLOSED, "the channel was archived", chat=chat)
    moved = [await desk.view(id_) for id_ in (*ids, other)]
    assert [desk.room(view).chat for view in moved[:2]] == ["#billing-team", "#billing-team"]
    assert room_of(moved[2]) == room_of(before[2])
    await desk.hear(event)  # told again
    await desk.turn()
    assert [room_of(await desk.view(id_)) for id_ in (*ids, other)] == [room_of(view) for view in moved]


async def test_the_card_that_is_left_behind_is_drawn_anew_and_says_so(desk: Bench) -> None:
    id_ = await escalated(desk, "maya")
    before = (await desk.view(id_)).escalation
    assert before is not None
    assert before.room is not None
    old = before.room
    await told(desk, WorkplaceChange.CHAT_CLOSED, "the channel was archived", chat=old.place.chat)
    drawn: list[UUID | None] = []

    def fate(item: Item) -> None:
        drawn.extend([item.room] if item.kind == "card" else [])

    await desk.deliver(fate)
    assert old.id in drawn
    nobody = Brought(desk.accounts, {})
    cards = Cards(desk.database, desk.keys, Organizations(desk.database), CHANNELS, nobody)
    card = await cards((await desk.view(id_)).conversation.organization, old.id)
    assert card.speaking == "This goes on in another thread. Nothing written here reaches Maya."
    assert not card.buttons


async def test_the_end_of_an_account_concerns_all_of_its_channels(desk: Bench) -> None:
    ids = [await escalated(desk, "maya"), await escalated(desk, "paul", SECURITY)]
    await told(desk, WorkplaceChange.CHAT_CLOSED, "the app's token was revoked")
    for id_ in ids:
        view = await desk.view(id_)
        assert view.escalation is not None
        assert view.escalation.room is not None
        assert not view.escalation.room.open, "there is no other account for these teams"
        assert ("open_room", "") in {(timer.kind, timer.subject) for timer in view.timers}


async def test_a_thread_that_somebody_closed_is_opened_again_by_its_card_and_told_why(desk: Bench) -> None:
    view = await desk.held(await escalated(desk, "maya"))
    room = desk.room(view)
    await told(desk, WorkplaceChange.THREAD_CLOSED, chat=room.chat, thread=room.thread)
    left: list[str] = []

    def fate(item: Item) -> None:
        assert item.room == room_of(view)
        left.append(item.kind)

    [line] = await desk.deliver(fate)
    assert left == ["card", "post"], "a card opens its thread, so that a line can be written there"
    assert "still needs a person here. To end this, press **Resolve**." in line.text


async def test_a_deleted_card_begins_a_new_thread_in_the_same_channel(desk: Bench) -> None:
    id_ = await escalated(desk, "maya")
    before = await desk.held(id_)
    old = desk.room(before)
    await told(desk, WorkplaceChange.CARD_DELETED, chat=old.chat, thread=old.thread)
    view = await desk.view(id_)
    assert room_of(view) != room_of(before)
    assert desk.room(view).chat == old.chat
    assert view.escalation is not None
    assert view.escalation.state is EscalationState.HELD
    left = await desk.deliver()
    assert any("this continues in a new thread" in one.text for one in left if one.place == old)
    assert any("**Hugo Martin** is still talking to" in one.text for one in left if one.place != old)


async def test_a_channel_with_a_new_id_keeps_its_rooms(desk: Bench) -> None:
    id_ = await escalated(desk, "maya")
    before = await desk.view(id_)
    await told(desk, WorkplaceChange.CHAT_MOVED, "C0NEW", chat=desk.room(before).chat)
    after = await desk.view(id_)
    assert (room_of(after), desk.room(after).chat) == (room_of(before), "C0NEW")


@pytest.mark.parametrize("public", [False, True])
async def test_a_channel_that_everybody_can_read_is_told_unless_the_file_says_so(
    desk: Bench, *, public: bool
) -> None:
    id_ = await escalated(desk, "maya")
    view = await desk.view(id_)
    assert view.escalation is not None
    assert view.escalation.room is not None
    if public:
        document: dict[str, Any] = dict(to_document(desk.organization))
        team = next(each for each in document["teams"] if each["id"] == view.escalation.room.team)
        team["channels"]["public"] = [{"slack": view.escalation.room.name}]
        desk.organization = from_document(document)
    chat = desk.room(view).chat
    await told(desk, WorkplaceChange.CHAT_MADE_PUBLIC, "it is public", chat=chat)
    left = [one for one in await desk.deliver() if "is not private any more: it is public" in one.text]
    assert [one.place.chat for one in left] == ([] if public else [chat, "U0ANNA0001"])


async def test_admins_are_told_once_however_many_conversations_go_on_in_a_channel_that_others_read(
    desk: Bench,
) -> None:
    ids = [await escalated(desk, who) for who in ("maya", "ines", "noor")]
    chat = desk.room(await desk.view(ids[0])).chat
    await told(desk, WorkplaceChange.CHAT_EXPOSED, "Acme reads it, too", chat=chat)
    left = [one.place.chat for one in await desk.deliver() if "is not private any more" in one.text]
    assert sorted(left) == [*[chat] * 3, "U0ANNA0001"]


async def test_a_deactivated_person_keeps_nothing_and_others_keep_theirs(desk: Bench) -> None:
    mine, theirs = await escalated(desk, "maya"), await escalated(desk, "ines")
    await desk.held(mine, HUGO)
    await desk.held(theirs, "U0CARLA003")
    await told(desk, WorkplaceChange.PERSON_DEACTIVATED, who=HUGO)
    states = [(await desk.view(id_)).escalation for id_ in (mine, theirs)]
    assert [e.state for e in states if e] == [EscalationState.WAITING, EscalationState.HELD]


async def test_a_person_deactivated_before_their_closing_is_undone_does_not_get_it_back(desk: Bench) -> None:
    id_ = await escalated(desk, "maya")
    view = await desk.held(id_, HUGO)
    assert view.escalation is not None
    await desk.press("resolve", view, HUGO)
    await told(desk, WorkplaceChange.PERSON_DEACTIVATED, who=HUGO)
    await desk.press("reopen", view, "U0CARLA003", str(view.escalation.id))
    view = await desk.view(id_)
    assert view.conversation.owner.kind is OwnerKind.QUEUE
    assert view.escalation is not None
    assert (view.escalation.state, view.escalation.holder) == (EscalationState.WAITING, None)


async def test_a_new_name_is_told_to_the_admins_once(desk: Bench) -> None:
    ids = [await escalated(desk, who) for who in ("maya", "ines")]
    chat = desk.room(await desk.view(ids[0])).chat
    await told(desk, WorkplaceChange.CHAT_RENAMED, "billing-help", chat=chat)
    direct = [left for left in await desk.deliver() if left.item.direct is not None]
    assert [(left.item.direct.person, left.place.chat) for left in direct if left.item.direct] == [
        ("anna", "U0ANNA0001")
    ]
    assert "is called #billing-help now" in direct[0].text
