"""Keep a conversation with people who are there when a newer organization file has removed some of them."""

from dataclasses import replace

from bot.core.conversation import EscalationState, HolderLeft, Status, TeamChanged
from bot.core.effects import AddStep, CloseRoom
from bot.core.ids import TeamId
from bot.core.outbound import Post
from bot.turns import holder_left
from bot.turns.escalating import deadline_of, open_room, person_asked, set_clocks
from bot.turns.lost_rooms import call_holder
from bot.turns.ownership import Cause
from bot.turns.turn import Turn
from orgs.routing import default_team, escalation_target, find_person, find_team, room_for


def hear(turn: Turn, change: TeamChanged) -> None:
    """Continue in the team's new channel. A team that was removed is handled at the end of the turn."""
    escalation, room = turn.escalation, turn.open_room
    team = find_team(turn.organization, change.team)
    if escalation is None or room is None or team is None or escalation.team != change.team:
        return
    if room_for(turn.organization, change.team) == (room.place.account, room.name):
        return  # the file was changed back
    why = f"**{team.name}** works in another channel now."
    turn.explain("organization", why)
    turn.tell_room(Post(f"➡️ This continues in a new thread: {why}"))
    turn.add(CloseRoom(room.id))
    open_room(turn, escalation.team, call=person_asked(turn))
    call_holder(turn, why)


def keep_staffed(turn: Turn) -> None:
    """Hand on a conversation that nobody could answer under the organization file in force.

    Every turn checks this, as an event may have been decided under the older file a moment before.
    """
    escalation = turn.escalation
    if escalation is None:
        return
    for person, who in ((escalation.holder, "held this"), (escalation.assignee, "was to take this")):
        if person is not None and find_person(turn.organization, person) is None:
            gone = HolderLeft(person, f"The person who {who}", "was removed from the organization")
            holder_left.hear(turn, gone)
    if find_team(turn.organization, escalation.team) is None:
        _to_escalation_team(turn)


def _to_escalation_team(turn: Turn) -> None:
    """Hand a removed team's conversation to the escalation team's queue, unless a person holds it."""
    escalation = turn.escalation
    assert escalation is not None  # noqa: S101  the caller looked
    team = default_team(turn.organization)
    id_ = TeamId(team.id)
    reason = f"the team {escalation.team} is no longer in the organization"
    turn.add(AddStep(escalation.id, escalation.team, id_, reason))
    turn.explain("organization", reason)
    turn.audit("desk", "escalation.team_gone", before=escalation.team, team=id_)
    if escalation.state is EscalationState.HELD:
        turn.change_escalation(team=id_)
        turn.tell_room(Post(f"⚠️ This belongs to **{team.name}** now: {reason}."))
        turn.show_card()
        return
    target = escalation_target(turn.organization, escalation.agent, escalation.trigger)
    deadline = deadline_of(turn, replace(target, team_id=id_))
    turn.tell_room(Post(f"➡️ Handed over to **{team.name}**: {reason}."))
    turn.show_card()
    if (room := turn.open_room) is not None:
        turn.add(CloseRoom(room.id))
    turn.change_escalation(team=id_, deadline=deadline, step=0)
    open_room(turn, id_)
    turn.give(Cause.CALLED_NEXT, id_, Status.ESCALATED)
    set_clocks(turn, id_, deadline, target.timeout)
