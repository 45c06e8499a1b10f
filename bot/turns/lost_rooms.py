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
from bot.core.permissions import Permission
from bot.turns.escalating import KEEP_CALLING, OPEN_ROOM, open_room, person_asked, step_of
from bot.turns.escaping import without_code
from bot.turns.holder_left import back_to_queue
from bot.turns.ownership import Cause
from bot.turns.turn import Turn
from orgs import routing
from orgs.roles import holders
from orgs.routing import RoomChoice, find_team, people_of, room_choices

_LONGEST = 300  # characters of a reason


def begin_anew(turn: Turn, reason: str, *, readable: bool) -> None:
    """Continue in a new thread of the same channel.

    `readable`: the old one is still there, without its card.
    """
    escalation, room = turn.escalation, turn.open_room
    if escalation is None or room is None:
        return
    turn.audit("desk", "room.begun_anew", reason=_short(reason), team=escalation.team)
    turn.remember(mended=turn.memory.mended + 1)
    turn.explain("delivery", f"the room is begun anew: {reason}")
    if readable:
        turn.tell_room(Post("➡️ The card of this thread was deleted, so this continues in a new thread."))
    _close(turn, room)
    same = routing.RoomChannel(room.place.account, room.name)
    open_room(turn, escalation.team, call=person_asked(turn), at=same)
    call_holder(turn, f"This continues in a new thread ({without_code(_short(reason))}).")


def leave_channel(turn: Turn, reason: str) -> None:
    """Continue in another channel, because nobody can be reached in this one."""
    if room := turn.open_room:
        _leave(turn, room, (room.place.account, room.name), reason)


def leave_account(turn: Turn, reason: str) -> None:
    """Continue on another account, because this one cannot send anything anywhere."""
    if room := turn.open_room:
        _leave(turn, room, (room.place.account, ""), reason)


def _leave(turn: Turn, room: Room, lost: tuple[str, str], cause: str) -> None:
    escalation = turn.escalation
    assert escalation is not None  # noqa: S101  it has a room
    named = _named(turn, room)
    named = f"{named[:1].upper()}{named[1:]} cannot be used any more"
    turn.audit("desk", "room.lost", reason=f"{named}: {_short(cause)}", team=escalation.team)
    turn.explain("delivery", f"{named}: {_short(cause)}")
    reason = f"{named}: {without_code(_short(cause))}"
    turn.remember(lost=(*turn.memory.lost, lost), mended=0)
    _close(turn, room)
    choices = room_choices(turn.organization, escalation.team)
    choice = next((choice for choice in choices if not turn.is_lost(choice.room)), None)
    if choice is None:
        _tell_admins(turn, escalation, reason)
    else:
        _go_on(turn, escalation, choice, reason)


def _go_on(turn: Turn, escalation: Escalation, choice: RoomChoice, reason: str) -> None:
    """Open the next room.

    The holder keeps the conversation if they can be there; else it waits in the queue.
    """
    holder = escalation.holder if escalation.state is EscalationState.HELD else None
    moved = choice.team_id != escalation.team
    asked = None if moved else person_asked(turn)
    open_room(turn, choice.team_id, call=asked, at=choice.room)
    if holder is not None and not _can_be_in(turn, holder, escalation, choice):
        name = turn.person_name(holder)
        back_to_queue(turn, reason, choice.team_id)
        turn.tell_room(
            Post(f"⚠️ {reason}. {name} was handling this and cannot be reached here: press **Take** to go on.")
        )
        turn.tell_person(holder, Post(_taken_away(turn, choice, reason)))
        return
    if moved:
        _hand_on(turn, escalation, choice.team_id, reason)
    if holder is None:
        turn.tell_room(Post(f"⚠️ {reason}. This continues here: press **Take** on the card to answer."))
    else:
        call_holder(turn, f"{reason}.")


def _hand_on(turn: Turn, escalation: Escalation, team: TeamId, reason: str) -> None:
    turn.change_escalation(team=team)
    turn.add(AddStep(escalation.id, escalation.team, team, reason))
    if escalation.state is EscalationState.WAITING:
        turn.give(Cause.CALLED_NEXT, team, Status.ESCALATED)


def _can_be_in(turn: Turn, holder: PersonId, escalation: Escalation, choice: RoomChoice) -> bool:
    known = bool(turn.known_as(holder))
    same = choice.team_id == escalation.team
    return known and (same or any(each.id == holder for each in people_of(turn.organization, choice.team_id)))


def call_holder(turn: Turn, why: str) -> None:
    """Tell the holder where the conversation continues: there, and directly, as they may not be there."""
    escalation, room = turn.escalation, turn.open_room
    if escalation is None or room is None or escalation.state is not EscalationState.HELD:
        return
    name, customer = turn.person_name(escalation.holder), turn.customer_name
    turn.call(
        escalation.holder, f"➡️ {why} **{name}** is still talking to {customer}: what they write here is sent."
    )
    if escalation.holder is not None:
        text = f"➡️ {why} Your conversation with {customer} goes on in {_named(turn, room)}: write there."
        turn.tell_person(escalation.holder, Post(text))


def _taken_away(turn: Turn, choice: RoomChoice, reason: str) -> str:
    team = find_team(turn.organization, choice.team_id)
    where = f"**{team.name}**" if team else "the escalation team"
    return f"➡️ {reason}. Your conversation with {turn.customer_name} was given to {where}."


def _tell_admins(turn: Turn, escalation: Escalation, reason: str) -> None:
    """Return the conversation to the queue of its own team when no channel is left, and tell the admins."""
    team = step_of(turn, escalation).team_id
    if escalation.state is EscalationState.HELD and escalation.holder is not None:
        back_to_queue(turn, reason, team)
        text = f"➡️ {reason}, and no other channel is left: your conversation with {turn.customer_name} waits."
        turn.tell_person(escalation.holder, Post(text))
    elif team != escalation.team:
        _hand_on(turn, escalation, team, reason)
    turn.remember(lost=())  # when the timer is due, all channels are tried again
    turn.add(SetTimer(OPEN_ROOM, "", turn.now + KEEP_CALLING))
    id_ = str(turn.view.conversation.id)[:13]
    text = (
        f"⚠️ {turn.customer_name} needs a person, and no channel is left to show it in. {reason}. Mend that,"
        f" or name another channel in the organization file. `/desk conversations show {id_}` tells the"
        f" story. It is tried again every {KEEP_CALLING.total_seconds() / 60:g} minutes."
    )
    told = [
        admin.id
        for admin in holders(turn.organization, Permission.ORGANIZATION_CHANGE)
        if turn.tell_person(admin.id, Post(text))
    ]
    turn.explain("desk", f"no room is left; told directly: {', '.join(told) or 'nobody'}")
    turn.audit("desk", "room.none_left", team=escalation.team, told=len(told))


def _close(turn: Turn, room: Room) -> None:
    """Close a room. If its card can still be edited, it says that the conversation continues elsewhere."""
    if room.place.thread:
        turn.show_card()
    turn.add(CloseRoom(room.id))


def _named(turn: Turn, room: Room) -> str:
    if room.name.startswith("#"):
        return room.name
    team = find_team(turn.organization, room.team)
    return f"the {room.place.channel.capitalize()} group of {team.name if team else room.team}"


def _short(reason: str) -> str:
    return reason[:_LONGEST]
