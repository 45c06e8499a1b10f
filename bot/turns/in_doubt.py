"""Handle messages of which nobody knows whether they arrived.

A few become escalations; many at once become one notice for their team. A worker that dies, or a platform
that breaks the connection, leaves them within seconds of each other. So each waits a moment; then its turn
counts how many wait with it.
"""

from datetime import timedelta
from typing import Final
from uuid import UUID

from bot.core.conversation import Message, MessageState, OwnerKind, Role
from bot.core.effects import (
    ChangeMessage,
    ClearTimers,
    Drop,
    JoinNotice,
    LeaveNotice,
    SendAgain,
    SetTimer,
    ShowNotice,
)
from bot.core.events import Place, Tapped
from bot.core.ids import MessageId, PersonId, TeamId
from bot.core.outbound import Post
from bot.turns.escalating import deadline_of, escalate, is_gathered, open_gathered
from bot.turns.turn import Turn
from bot.turns.underway import again
from orgs.routing import channel_of, escalation_target, find_team, people_of, roles_of, room_for
from orgs.specification.organization import PersonRole

IN_DOUBT, NOTICED = "in_doubt", "noticed"  # kinds of timers; their subject is the message
FEW: Final = 3  # so many messages at most become escalations of their own
_GATHER: Final = timedelta(seconds=5)
UNCERTAIN: Final = (
    "It is not certain that the last words reached the customer: the connection broke while they were being"
    " sent, and the channel cannot be asked. Send them again only if need be."
)
_ANSWERS: Final = (Role.AGENT, Role.STAFF)
_OUT: Final = (MessageState.RELEASED, MessageState.SENT, MessageState.DELIVERED, MessageState.READ)


def gather(turn: Turn, message: Message) -> None:
    """Wait a moment for other messages that are in doubt for the same reason."""
    turn.add(SetTimer(IN_DOUBT, str(message.id), turn.now + _GATHER))


def judge(turn: Turn, subject: str) -> None:
    """Escalate the message if there are only a few, or list it in its team's notice if there are many."""
    message = _failed(turn, subject)
    if message is None:
        return
    if turn.escalation is not None:
        _offer_again(turn, message)
        return
    target = escalation_target(turn.organization, turn.owner.name, "")
    agents = turn.view.in_doubt.items()
    pipeline = sum(n for agent, n in agents if _team_of(turn, agent) == target.team_id)
    if turn.owner.kind is not OwnerKind.AGENT or pipeline <= FEW:
        escalate(turn, reason=UNCERTAIN, why="delivery unknown")
        return
    account, channel = room_for(turn.organization, target.team_id)
    place = Place(channel_of(turn.organization, account), account, channel)
    turn.add(JoinNotice(message.id, target.team_id, place))
    # The team has as much time as for a card. When it is over, or the notice fails, a card is shown.
    turn.add(SetTimer(NOTICED, subject, deadline_of(turn, target)))
    turn.explain("delivery", f"in doubt with {pipeline - 1} others: in the notice of {target.team_id}")


def overdue(turn: Turn, subject: str) -> None:
    """Take the message out of the notice and escalate: nobody has pressed the notice's button in time."""
    message = _failed(turn, subject)
    if message is None:
        return
    turn.add(LeaveNotice(message.id))
    if turn.escalation is not None:
        _offer_again(turn, message)
    elif not _answered_since(turn, message):
        escalate(turn, reason=UNCERTAIN, why="delivery unknown, and nobody answered the notice")


def press(turn: Turn, tap: Tapped, person: PersonId) -> None:
    """Send again the messages of this conversation that the notice lists; once, even if others press too."""
    if not _may_press(turn, tap, person):
        return
    id_, _, _ = tap.value.partition(":")
    listed = [subject for kind, subject in turn.timers if kind == NOTICED]
    for subject in listed:
        turn.add(ClearTimers(NOTICED, subject))
        message = _failed(turn, subject)
        if message is None:
            continue
        if _answered_since(turn, message):
            turn.add(Drop(message.id))
            turn.explain(f"person {person}", "not sent again: the customer had another answer meanwhile")
            continue
        turn.add(ChangeMessage(message.id, state=MessageState.RELEASED))
        turn.add(SendAgain(message.id))
        turn.explain(f"person {person}", "sent again with all others of the notice")
        turn.audit(f"person:{person}", "delivery.sent_again", message=subject)
    # If the button was out of date, updating the notice shows its present state.
    turn.add(ShowNotice(UUID(id_), turn.person_name(person) if listed else ""))


def press_next(turn: Turn, tap: Tapped, person: PersonId) -> None:
    """Give this conversation a room of its own if it is among the next of those that a notice lists."""
    if _may_press(turn, tap, person) and is_gathered(turn):
        open_gathered(turn)
        turn.explain(f"person {person}", "asked for the next of the notice")


def _failed(turn: Turn, subject: str) -> Message | None:
    """Return the message if it is still in doubt: neither sent again, nor known to have arrived after all."""
    message = turn.messages.get(MessageId(UUID(subject)))
    if message is None or message.state is not MessageState.FAILED:
        return None
    if message.id in turn.view.arrived:
        state = MessageState.SENT if turn.capabilities.receipts else MessageState.DELIVERED
        turn.add(ChangeMessage(message.id, state=state))
        turn.explain("delivery", "a worker that was believed dead had delivered it")
        return None
    return message


def _offer_again(turn: Turn, message: Message) -> None:
    turn.offer(Post(f"❌ {UNCERTAIN}", buttons=(again(message),)), message.id)


def _team_of(turn: Turn, agent: str) -> TeamId:
    return escalation_target(turn.organization, agent, "").team_id


def _may_press(turn: Turn, tap: Tapped, person: PersonId) -> bool:
    """Return whether a person may press the button of a notice. Tell them if they may not."""
    team, _, number = tap.value.partition(":")[2].rpartition(":")
    if roles_of(turn.organization, person) & {PersonRole.SUPERVISOR, PersonRole.ADMIN}:
        return True
    if any(each.id == person for each in people_of(turn.organization, TeamId(team))):
        return True
    turn.explain(f"person {person}", f"may not press the notice of {team}")
    if number == "0":  # the same press reaches every conversation of the notice
        known = find_team(turn.organization, team)
        turn.tell_person(person, Post(f"Only {known.name if known else team} and supervisors can do this."))
    return False


def _answered_since(turn: Turn, message: Message) -> bool:
    later = list(turn.messages.values())
    later = later[later.index(message) + 1 :]
    return any(m.role in _ANSWERS and m.state in _OUT for m in later)
