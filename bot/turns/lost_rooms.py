"""Leave a room that staff cannot use any more.

If only the thread or its card is gone, a new thread begins in the same channel. If the channel is lost, the
escalation moves to another channel of its team, then to one of the escalation team. When no channel is left,
the admins are told directly, and a clock tries all channels again. The customer is told nothing: they hear of
a delay when the ladder's clock is due.
"""

from bot.core.conversation import Escalation, EscalationState, Room, Status
from bot.core.effects import AddStep, CloseRoom, SetTimer
from bot.core.ids import PersonId, TeamId
from bot.core.outbound import Post
from bot.turns.draft import Draft
from bot.turns.escalating import KEEP_CALLING, OPEN_ROOM, open_room, person_asked, step_of
from bot.turns.holder import back_to_queue
from bot.turns.ownership import Cause
from bot.turns.quoting import without_code
from orgs import routing
from orgs.routing import RoomChoice, admins_of, find_team, people_of, room_choices

_LONGEST = 300  # characters of a reason


def begin_anew(draft: Draft, reason: str, *, readable: bool) -> None:
    """Continue in a new thread of the same channel.

    `readable`: the old one is still there, without its card.
    """
    escalation, room = draft.escalation, draft.open_room
    if escalation is None or room is None:
        return
    draft.audit("desk", "room.begun_anew", reason=_short(reason), team=escalation.team)
    draft.remember(mended=draft.memory.mended + 1)
    draft.because("delivery", f"the room is begun anew: {reason}")
    if readable:
        draft.tell_room(Post("➡️ The card of this thread was deleted, so this goes on in a new thread."))
    _close(draft, room)
    same = routing.Room(room.place.account, room.name)
    open_room(draft, escalation.team, call=person_asked(draft), at=same)
    call_holder(draft, f"This goes on in a new thread ({without_code(_short(reason))}).")


def leave_channel(draft: Draft, reason: str) -> None:
    """Continue in another channel, because nobody can be reached in this one."""
    if room := draft.open_room:
        _leave(draft, room, (room.place.account, room.name), reason)


def leave_account(draft: Draft, reason: str) -> None:
    """Continue on another account, because this one cannot send anything anywhere."""
    if room := draft.open_room:
        _leave(draft, room, (room.place.account, ""), reason)


def _leave(draft: Draft, room: Room, lost: tuple[str, str], cause: str) -> None:
    escalation = draft.escalation
    assert escalation is not None  # noqa: S101  it has a room
    named = _named(draft, room)
    named = f"{named[:1].upper()}{named[1:]} cannot be used any more"
    draft.audit("desk", "room.lost", reason=f"{named}: {_short(cause)}", team=escalation.team)
    draft.because("delivery", f"{named}: {_short(cause)}")
    reason = f"{named}: {without_code(_short(cause))}"
    draft.remember(lost=(*draft.memory.lost, lost), mended=0)
    _close(draft, room)
    choices = room_choices(draft.organization, escalation.team)
    choice = next((choice for choice in choices if not draft.is_lost(choice.room)), None)
    if choice is None:
        _tell_admins(draft, escalation, reason)
    else:
        _go_on(draft, escalation, choice, reason)


def _go_on(draft: Draft, escalation: Escalation, choice: RoomChoice, reason: str) -> None:
    """Open the next room.

    The holder keeps the conversation if they can be there; else it waits in the queue.
    """
    holder = escalation.holder if escalation.state is EscalationState.HELD else None
    moved = choice.team_id != escalation.team
    asked = None if moved else person_asked(draft)
    open_room(draft, choice.team_id, call=asked, at=choice.room)
    if holder is not None and not _can_be_in(draft, holder, escalation, choice):
        name = draft.person_name(holder)
        back_to_queue(draft, reason, choice.team_id)
        draft.tell_room(
            Post(f"⚠️ {reason}. {name} was handling this and cannot be reached here: press **Take** to go on.")
        )
        draft.tell_person(holder, Post(_taken_away(draft, choice, reason)))
        return
    if moved:
        _hand_on(draft, escalation, choice.team_id, reason)
    if holder is None:
        draft.tell_room(Post(f"⚠️ {reason}. This goes on here: press **Take** on the card to answer."))
    else:
        call_holder(draft, f"{reason}.")


def _hand_on(draft: Draft, escalation: Escalation, team: TeamId, reason: str) -> None:
    draft.change_escalation(team=team)
    draft.add(AddStep(escalation.id, escalation.team, team, reason))
    if escalation.state is EscalationState.WAITING:
        draft.give(Cause.CALLED_NEXT, team, Status.ESCALATED)


def _can_be_in(draft: Draft, holder: PersonId, escalation: Escalation, choice: RoomChoice) -> bool:
    known = bool(draft.known_as(holder))
    same = choice.team_id == escalation.team
    return known and (
        same or any(each.id == holder for each in people_of(draft.organization, choice.team_id))
    )


def call_holder(draft: Draft, why: str) -> None:
    """Tell the holder where the conversation continues: there, and directly, as they may not be there."""
    escalation, room = draft.escalation, draft.open_room
    if escalation is None or room is None or escalation.state is not EscalationState.HELD:
        return
    name, customer = draft.person_name(escalation.holder), draft.customer_name
    draft.call(
        escalation.holder, f"➡️ {why} **{name}** still speaks to {customer}: what they write here goes out."
    )
    if escalation.holder is not None:
        text = f"➡️ {why} Your conversation with {customer} goes on in {_named(draft, room)}: write there."
        draft.tell_person(escalation.holder, Post(text))


def _taken_away(draft: Draft, choice: RoomChoice, reason: str) -> str:
    team = find_team(draft.organization, choice.team_id)
    where = f"**{team.name}**" if team else "the escalation team"
    return f"➡️ {reason}. Your conversation with {draft.customer_name} was given to {where}."


def _tell_admins(draft: Draft, escalation: Escalation, reason: str) -> None:
    """Return the conversation to the queue of its own team when no channel is left, and tell the admins."""
    team = step_of(draft, escalation).team_id
    if escalation.state is EscalationState.HELD and escalation.holder is not None:
        back_to_queue(draft, reason, team)
        text = (
            f"➡️ {reason}, and no other channel is left: your conversation with {draft.customer_name} waits."
        )
        draft.tell_person(escalation.holder, Post(text))
    elif team != escalation.team:
        _hand_on(draft, escalation, team, reason)
    draft.remember(lost=())  # when the timer is due, all channels are tried again
    draft.add(SetTimer(OPEN_ROOM, "", draft.now + KEEP_CALLING))
    id_ = str(draft.view.conversation.id)[:13]
    text = (
        f"⚠️ {draft.customer_name} needs a person, and no channel is left to show it in. {reason}. Mend that,"
        f" or name another channel in the organization file. `/desk conversations show {id_}` tells the"
        f" story. It is tried again every {KEEP_CALLING.total_seconds() / 60:g} minutes."
    )
    told = [admin.id for admin in admins_of(draft.organization) if draft.tell_person(admin.id, Post(text))]
    draft.because("desk", f"no room is left; told directly: {', '.join(told) or 'nobody'}")
    draft.audit("desk", "room.none_left", team=escalation.team, told=len(told))


def _close(draft: Draft, room: Room) -> None:
    """Close a room. If its card can still be edited, it says that the conversation continues elsewhere."""
    if room.place.thread:
        draft.show_card()
    draft.add(CloseRoom(room.id))


def _named(draft: Draft, room: Room) -> str:
    if room.name.startswith("#"):
        return room.name
    team = find_team(draft.organization, room.team)
    return f"the {room.place.channel.capitalize()} group of {team.name if team else room.team}"


def _short(reason: str) -> str:
    return reason[:_LONGEST]
