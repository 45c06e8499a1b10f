"""Decide what a due timer does."""

from bot.core.conversation import EscalationState, Timer
from bot.core.effects import ClearTimers, SetTimer
from bot.core.ids import PersonId
from bot.core.outbound import Post
from bot.turns import bursts, in_doubt, reactions
from bot.turns.bursts import BURST
from bot.turns.draft import RELEASE, Draft
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
from bot.turns.reports import EARLY, early
from bot.turns.undo import release
from bot.turns.waiting import PROMISED, TO_ANSWER, overdue


def ring(draft: Draft, timer: Timer) -> None:
    """Handle one timer that came due, at most once: it is cleared whatever it does."""
    draft.add(ClearTimers(timer.kind, timer.subject))
    escalation = draft.escalation
    match timer.kind:
        case "release":
            release(draft)
        case "react":
            reactions.release(draft, timer.subject)
        case "burst":
            bursts.ring(draft, timer.subject)
        case "early":
            early(draft)
        case "remind":
            if escalation and escalation.state is EscalationState.WAITING:
                _remind(draft, escalation.assignee)
                draft.show_card()
                draft.because(f"team {escalation.team}", "reminded")
        case "ladder":
            if escalation and escalation.state is EscalationState.WAITING:
                call_next(draft, "Nobody took it in time.")
        case "open_room":
            if escalation and is_gathered(draft):
                open_gathered(draft)
                draft.because(f"team {escalation.team}", "gets a room of its own now")
            elif escalation and draft.open_room is None:
                open_room(draft, escalation.team, call=person_asked(draft))
                draft.because(f"team {escalation.team}", "their channels are tried again")
        case "answer_due":
            if escalation and escalation.state is EscalationState.HELD:
                holder = draft.person_name(escalation.holder)
                again = draft.now + TO_ANSWER  # and so on, until there is an answer
                draft.call(
                    escalation.holder,
                    f"⏰ **{holder}**, {draft.customer_name} has been waiting for your answer.",
                    needed_by=again,
                )
                draft.add(SetTimer(ANSWER_DUE, "", again))
                draft.because(f"person {escalation.holder}", "reminded: the customer waits")
        case "in_doubt":
            in_doubt.judge(draft, timer.subject)
        case "noticed":
            in_doubt.overdue(draft, timer.subject)
        case "promised":
            overdue(draft)
        case _:
            draft.because("timer", f"{timer.kind} means nothing any more")


def _remind(draft: Draft, assignee: PersonId | None) -> None:
    if assignee is None:
        draft.tell_room(Post("⏰ Nobody has taken this yet. Press **Take** on the card above."))
        return
    name = draft.person_name(assignee)
    ask(draft, assignee, f"⏰ **{name}**, this is assigned to you. Press **Take** on the card to answer.")


KINDS = (RELEASE, REACT, BURST, REMIND, LADDER, ANSWER_DUE, OPEN_ROOM, EARLY, PROMISED, IN_DOUBT, NOTICED)
