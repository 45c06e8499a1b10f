"""Decide what a due timer does."""

from bot.core.conversation import EscalationState, Timer
from bot.core.effects import ClearTimers, SetTimer
from bot.core.ids import PersonId
from bot.core.outbound import Post
from bot.turns import bursts, in_doubt, reactions
from bot.turns.bursts import BURST
from bot.turns.delivery_reports import EARLY, early
from bot.turns.escalating import (
    ANSWER_DUE,
    LADDER,
    OPEN_ROOM,
    REMIND,
    ask,
    call_next,
    is_gathered,
    open_gathered,
    open_room,
    person_asked,
)
from bot.turns.in_doubt import IN_DOUBT, NOTICED
from bot.turns.reactions import REACT
from bot.turns.turn import RELEASE, Turn
from bot.turns.undo import release
from bot.turns.waiting import PROMISED, TO_ANSWER, overdue


def fire(turn: Turn, timer: Timer) -> None:
    """Handle one timer that came due, at most once: it is cleared whatever it does."""
    turn.add(ClearTimers(timer.kind, timer.subject))
    escalation = turn.escalation
    match timer.kind:
        case "release":
            release(turn)
        case "react":
            reactions.release(turn, timer.subject)
        case "burst":
            bursts.fire(turn, timer.subject)
        case "early":
            early(turn)
        case "remind":
            if escalation and escalation.state is EscalationState.WAITING:
                _remind(turn, escalation.assignee)
                turn.show_card()
                turn.explain(f"team {escalation.team}", "reminded")
        case "ladder":
            if escalation and escalation.state is EscalationState.WAITING:
                call_next(turn, "Nobody took it in time.")
        case "open_room":
            if escalation and is_gathered(turn):
                open_gathered(turn)
                turn.explain(f"team {escalation.team}", "gets a room of its own now")
            elif escalation and turn.open_room is None:
                open_room(turn, escalation.team, call=person_asked(turn))
                turn.explain(f"team {escalation.team}", "their channels are tried again")
        case "answer_due":
            if escalation and escalation.state is EscalationState.HELD:
                holder = turn.person_name(escalation.holder)
                again = turn.now + TO_ANSWER  # and so on, until there is an answer
                turn.call(
                    escalation.holder,
                    f"⏰ **{holder}**, {turn.customer_name} has been waiting for your answer.",
                    needed_by=again,
                )
                turn.add(SetTimer(ANSWER_DUE, "", again))
                turn.explain(f"person {escalation.holder}", "reminded: the customer waits")
        case "in_doubt":
            in_doubt.judge(turn, timer.subject)
        case "noticed":
            in_doubt.overdue(turn, timer.subject)
        case "promised":
            overdue(turn)
        case _:
            turn.explain("timer", f"{timer.kind} means nothing any more")


def _remind(turn: Turn, assignee: PersonId | None) -> None:
    if assignee is None:
        turn.tell_room(Post("⏰ Nobody has taken this yet. Press **Take** on the card above."))
        return
    name = turn.person_name(assignee)
    ask(turn, assignee, f"⏰ **{name}**, this is assigned to you. Press **Take** on the card to answer.")


KINDS = (RELEASE, REACT, BURST, REMIND, LADDER, ANSWER_DUE, OPEN_ROOM, EARLY, PROMISED, IN_DOUBT, NOTICED)
