"""Make a person the holder of a conversation."""

from datetime import datetime

from bot.core.conversation import EscalationState, Message, MessageState, Role, Status
from bot.core.effects import AddMessage, AddStep, ClearTimers, SetTimer
from bot.core.ids import MessageId, PersonId
from bot.core.outbound import Post
from bot.turns.escalating import ANSWER_DUE, LADDER, REMIND
from bot.turns.ownership import Cause
from bot.turns.staff_words import PRIVATE
from bot.turns.turn import SYSTEM, Turn
from bot.turns.waiting import TO_ANSWER
from bot.turns.who_speaks import who_speaks


def take(turn: Turn, person: PersonId, who: str, at: datetime) -> None:
    """Make the person the holder, also in place of another one, whose waiting messages keep their undo time.

    What they write after `at`, by the room's clock, may leave. That time is recorded in the log.
    """
    escalation = turn.escalation
    assert escalation is not None  # noqa: S101  callers look first
    if escalation.holder == person and escalation.state is EscalationState.HELD:
        turn.whisper(who, "You hold this already: what you write here goes to the customer.")
        return
    before = escalation.holder
    turn.change_escalation(state=EscalationState.HELD, holder=person, assignee=None, deadline=None)
    turn.add(AddStep(escalation.id, before or escalation.team, person, "taken"))
    turn.add(ClearTimers(LADDER))
    turn.add(ClearTimers(REMIND))
    turn.add(SetTimer(ANSWER_DUE, "", turn.now + TO_ANSWER))
    turn.give(Cause.TAKEN, person, Status.ESCALATED)
    did = f"**{turn.person_name(person)}** has taken this"
    if before is not None:
        did = f"**{turn.person_name(person)}** took over from **{turn.person_name(before)}**"
    turn.add(
        AddMessage(
            Message(
                id=MessageId(turn.rules.new_id()),
                role=Role.SYSTEM,
                sender=SYSTEM,
                text=did,
                state=MessageState.NOTE,
                at=at,
            )
        )
    )
    turn.tell_room(Post(who_speaks(turn, turn.person_name(person), did)))
    turn.show_card()
    # Advice about what stays inside depends on the holder and is given anew; that about `//` is given once.
    turn.remember(advised=tuple(a for a in turn.memory.advised if a.startswith(PRIVATE)))
    turn.explain(f"person {person}", "took it")
    turn.audit(f"person:{person}", "escalation.taken", holder=person, escalation=str(escalation.id))
