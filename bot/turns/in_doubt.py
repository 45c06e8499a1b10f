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
from bot.core.events import OPEN_NEXT, PRESSED_LATE, SEND_ALL, Event, Place, Tapped
from bot.core.ids import MessageId, PersonId, TeamId
from bot.core.outbound import Post
from bot.core.permissions import Permission
from bot.turns.escalating import deadline_of, escalate, is_gathered, open_gathered
from bot.turns.turn import STRANGER, Turn
from bot.turns.underway import again
from orgs.routing import channel_of, escalation_target, find_team, people_of, room_for

IN_DOUBT, NOTICED = "in_doubt", "noticed"  # kinds of timers; their subject is the message
FEW: Final = 3  # so many messages at most become escalations of their own
_GATHER: Final = timedelta(seconds=5)
UNCERTAIN: Final = (
    "It is not certain that the last words reached the customer: the connection broke while they were being"
    " sent, and the channel cannot be asked. Send them again only if need be."
)
_LATE: Final = {
    SEND_ALL: "Nothing was sent now: none of these messages is in doubt any more."
    " The notice says how they stand.",
    OPEN_NEXT: "All of these conversations have their own thread now, or are closed.",
}
_CHANGED: Final = "This changed while you pressed. The notice says how it stands."
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


def press(turn: Turn, event: Event, tap: Tapped, person: PersonId | None) -> None:
    """Handle a press on the button of a notice. The same press reaches every conversation that it lists.

    What it does is seen in the notice. Whoever pressed in vain is answered where they pressed.
    """
    if person is None:
        _answer(turn, event, tap, person, STRANGER)
    elif (refusal := _why_not(turn, tap, person)) is not None:
        _answer(turn, event, tap, person, refusal)
    elif tap.action == SEND_ALL:
        if _send_again(turn, person):
            turn.add(ShowNotice(_notice(tap), turn.person_name(person)))
        else:
            press_in_vain(turn, event, tap, person)
    elif is_gathered(turn):
        open_gathered(turn)
        turn.explain(f"person {person}", "asked for the next of the notice")
    else:
        press_in_vain(turn, event, tap, person)


def press_in_vain(turn: Turn, event: Event, tap: Tapped, person: PersonId | None) -> None:
    """Answer a press on a notice that has nothing left to do here, and show the notice's present state."""
    turn.add(ShowNotice(_notice(tap)))
    late = tap.value.endswith(f":{PRESSED_LATE}")
    _answer(turn, event, tap, person, _LATE[tap.action] if late else _CHANGED)
    turn.explain(f"person {person or 'unknown'}", "pressed the button of a notice in vain")


def _send_again(turn: Turn, person: PersonId) -> bool:
    """Send again the messages of this conversation that the notice lists; once, even if others press too.

    Return whether there were any.
    """
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
    return bool(listed)


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


def _notice(tap: Tapped) -> UUID:
    return UUID(tap.value.partition(":")[0])


def _answer(turn: Turn, event: Event, tap: Tapped, person: PersonId | None, text: str) -> None:
    """Answer a press once, in the first of the conversations that it reaches."""
    if tap.value.rpartition(":")[2] in ("0", PRESSED_LATE):
        turn.answer_press(event, person, text)


def _why_not(turn: Turn, tap: Tapped, person: PersonId) -> str | None:
    """Return why a person may not press the button of a notice, or None if they may."""
    team = tap.value.partition(":")[2].rpartition(":")[0]
    if turn.may(person, Permission.DELIVERIES_RETRY):
        return None
    if any(each.id == person for each in people_of(turn.organization, TeamId(team))):
        return None
    turn.explain(f"person {person}", f"may not press the notice of {team}")
    known = find_team(turn.organization, team)
    return f"Only {known.name if known else team} and supervisors can do this."


def _answered_since(turn: Turn, message: Message) -> bool:
    later = list(turn.messages.values())
    later = later[later.index(message) + 1 :]
    return any(m.role in _ANSWERS and m.state in _OUT for m in later)
