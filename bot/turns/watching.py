"""A room in which staff watch the conversation of an agent. Nothing written there leaves; they may take over.

It follows the conversation while an agent or a flow handles it. Once people do, it ends: they have a room of
their own.
"""

from bot.core.conversation import (
    DeliveryReport,
    Message,
    Origin,
    OwnerKind,
    Room,
    RoomPurpose,
    Status,
    WatchRequested,
)
from bot.core.effects import AddMessage, ChangeMessage, CloseRoom, OpenRoom, ShowCard
from bot.core.errors import AccountSuspended, PlaceGone, Unreachable
from bot.core.events import Event, Place
from bot.core.ids import PersonId
from bot.core.outbound import Post
from bot.core.permissions import Permission
from bot.turns.escalating import escalate, is_gathered, open_gathered, usable_room
from bot.turns.story import told_to_staff
from bot.turns.taking import take
from bot.turns.turn import Turn
from bot.turns.who_may_speak import is_watched_here
from orgs.routing import channel_of, escalation_target, find_team

TAKE_FROM_AGENT, STOP_WATCHING = "take_from_agent", "stop_watching"


def open_watched(turn: Turn) -> list[Room]:
    """Return the open rooms in which staff watch."""
    return [r for r in turn.rooms.values() if r.open and r.purpose is RoomPurpose.SUPERVISION]


def begin(turn: Turn, asked: WatchRequested) -> None:
    """Open a room to watch, in the channel where the agent's escalations go, and tell it the story so far."""
    name = turn.person_name(asked.by)
    if not _goes_on(turn):
        turn.tell_person(
            asked.by, Post("No agent handles this conversation any more: there is nothing to watch.")
        )
        turn.explain(f"person {asked.by}", "could not watch: no agent handles it")
        return
    if open_watched(turn):
        turn.tell_person(asked.by, Post(f"{turn.customer_name}'s conversation is being watched already."))
        return
    team = escalation_target(turn.organization, turn.owner.name, "").team_id
    account, channel = usable_room(turn, team)
    place = Place(channel_of(turn.organization, account), account, channel)
    room = Room(id=turn.rules.new_id(), team=team, place=place, name=channel, purpose=RoomPurpose.SUPERVISION)
    turn.add(OpenRoom(room))
    told = turn.transcript(turn.messages.values())
    turn.tell_room(Post("\n\n".join(filter(None, ("**The story so far**", told)))), room=room)
    turn.explain(f"person {asked.by}", "watches the conversation")
    turn.audit(f"person:{asked.by}", "conversation.watched", by=name)


def follow(turn: Turn) -> None:
    """Show the rooms that watch what was said in this turn, or end them if no agent handles it any more."""
    rooms = open_watched(turn)
    if not rooms:
        return
    if not _goes_on(turn):
        for room in rooms:
            end(turn, room, _why_over(turn))
        return
    opened = {effect.room.id for effect in turn.effects if isinstance(effect, OpenRoom)}
    said = _said(turn)
    if not said:
        return
    for room in rooms:
        if room.id not in opened:  # a new one has them in its story
            turn.tell_room(Post(turn.transcript(said)), room=room)
            turn.add(ShowCard(room.id))


def end(turn: Turn, room: Room, why: str) -> None:
    """Close a room that watches, and say why."""
    turn.tell_room(Post(f"ℹ️ {why} This thread is closed."), room=room)
    turn.add(ShowCard(room.id))
    turn.add(CloseRoom(room.id))


def lose(turn: Turn, room: Room, report: DeliveryReport) -> None:
    """Give up a room that watches if its card could not be posted, or nobody can read it any more.

    A single line that is lost is nothing: the conversation is as it was, and the next line comes.
    """
    gone = report.code in (PlaceGone.code, Unreachable.code, AccountSuspended.code)
    if gone or (report.card and not room.place.thread):
        turn.add(CloseRoom(room.id))
        turn.explain("delivery", f"the room that watches is given up: {report.code or report.outcome}")


def press(turn: Turn, action: str, event: Event, person: PersonId) -> None:
    """Take the conversation over from the agent, or stop watching it."""
    who = event.sender.external_id
    if turn.here is None or not is_watched_here(turn):
        turn.whisper(who, "Nobody watches here any more.")
        return
    if action == STOP_WATCHING:
        end(turn, turn.here, f"**{turn.person_name(person)}** stopped watching.")
        turn.explain(f"person {person}", "stopped watching")
        return
    if not turn.may(person, Permission.CONVERSATIONS_TAKE):
        turn.whisper(who, f"Your role does not let you do that: it needs `{Permission.CONVERSATIONS_TAKE}`.")
        return
    name = turn.person_name(person)
    reason = f"{name} took this over while watching."
    escalate(turn, reason=reason, why="taken over by a person", quiet=True)
    if is_gathered(turn):
        open_gathered(turn)
    take(turn, person, who, event.occurred_at)


def _goes_on(turn: Turn) -> bool:
    handled = turn.owner.kind in (OwnerKind.AGENT, OwnerKind.FLOW)
    return handled and turn.escalation is None and turn.status is not Status.RESOLVED


def _why_over(turn: Turn) -> str:
    if turn.escalation is None:
        return "The conversation has ended."
    team = find_team(turn.organization, turn.escalation.team)
    return (
        f"People have this now: it goes on in a thread of **{team.name if team else turn.escalation.team}**."
    )


def _said(turn: Turn) -> list[Message]:
    """Return what the customer wrote or changed since the last turn, and what we said to that, in order."""
    written = [item.message for item in turn.view.inputs if item.origin is Origin.CUSTOMER]
    changed = [e.message for e in turn.effects if isinstance(e, ChangeMessage) and e.edits]
    added = [effect.message.id for effect in turn.effects if isinstance(effect, AddMessage)]
    known = (turn.messages.get(id_) for id_ in dict.fromkeys((*written, *changed, *added)) if id_)
    return told_to_staff(message for message in known if message is not None)
