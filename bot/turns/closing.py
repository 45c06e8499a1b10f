"""Close an escalation, undo the closing, and open a closed escalation again."""

from datetime import datetime

from bot.core.conversation import Escalation, EscalationState, Message, MessageState, Role, Status
from bot.core.effects import AddMessage, AddStep, ClearTimers, CloseRoom, ReopenRoom, SetTimer
from bot.core.events import AttachmentKind, Event, Said
from bot.core.ids import MessageId, PersonId
from bot.core.outbound import Button, Post
from bot.turns.draft import SYSTEM, Draft
from bot.turns.escalating import (
    ANSWER_DUE,
    LADDER,
    OPEN_ROOM,
    REMIND,
    announce,
    ask,
    ask_team,
    deadline_of,
    open_room,
    start_clocks,
    target_of,
)
from bot.turns.ownership import Cause
from bot.turns.story import seen_by_customer, told_to_staff
from bot.turns.undo import withdraw
from bot.turns.waiting import PROMISED, TO_ANSWER, tell_handoff
from orgs.answering.thanks import only_thanks
from orgs.routing import find_person, find_team
from orgs.specification.organization import Reopened

REOPEN = "reopen"


def close(draft: Draft, person: PersonId, *, resolved: bool) -> None:
    """Resolve the escalation, or return the conversation to the agent.

    The customer is told when the undo time is over; reopening before that leaves no trace for them. What
    staff wrote earlier keeps its own undo time, and leaves before that notice.
    """
    escalation = draft.escalation
    assert escalation is not None  # noqa: S101  callers look first
    state = EscalationState.RESOLVED if resolved else EscalationState.RETURNED
    draft.change_escalation(state=state, closed_by=person, assignee=None, deadline=None)
    draft.add(AddStep(escalation.id, person, escalation.agent, state.value))
    for kind in (REMIND, LADDER, ANSWER_DUE, OPEN_ROOM, PROMISED):
        draft.add(ClearTimers(kind))
    if resolved:
        draft.give(Cause.RESOLVED, escalation.agent, Status.RESOLVED, reopen=draft.organization.reopen_window)
    else:
        draft.give(Cause.RETURNED, escalation.agent, Status.IN_PROGRESS)
    undo = draft.organization.policies.undo
    text = draft.texts.resolved if resolved else draft.texts.returned
    closing = announce(draft, text, escalation.team, draft.person_name(person), wait=undo)
    line = _closing_line(draft, person, resolved=resolved)
    draft.tell_room(Post(line, buttons=(reopen_button(escalation),)))
    draft.show_card()
    if draft.open_room is not None:
        draft.add(CloseRoom(draft.open_room.id))
    draft.remember(
        told_waiting=0,
        misses=0,
        advised=(),
        awaiting_option=False,
        options=(),
        mended=0,
        lost=(),
        closing=str(closing),
    )
    draft.because(f"person {person}", "resolved it" if resolved else "returned it to the agent")
    draft.audit(f"person:{person}", f"escalation.{state.value}", escalation=str(escalation.id))
    draft.closed, draft.escalation = draft.escalation, None


def reopen_button(escalation: Escalation) -> Button:
    return Button(REOPEN, str(escalation.id), "Reopen")


def _closing_line(draft: Draft, person: PersonId, *, resolved: bool) -> str:
    name, undo = draft.person_name(person), draft.organization.policies.undo.total_seconds()
    done = f"✅ **{name}** marked this as solved."
    if not resolved:
        done = f"↩️ **{name}** gave this back to the agent."
    return (
        f"{done} This thread is closed. {draft.customer_name} is told in {undo:g} s: press **Reopen** before"
        " that to undo it, or later to go on."
    )


def why_closed(draft: Draft) -> str:
    """Say why the thread of the current input is closed, and what to do. If it is open, say who has it."""
    customer, open_now, last = draft.customer_name, draft.escalation, draft.closed
    if open_now is not None:
        if draft.here is not None and open_now.room is not None and draft.here.id == open_now.room.id:
            holder = open_now.holder
            return (
                f"**{draft.person_name(holder)}** is handling this already."
                if holder
                else "This is open, and nobody is handling it yet: press **Take**."
            )
        team = find_team(draft.organization, open_now.team)
        where = f"a newer thread of **{team.name}**" if team else "a newer thread"
        return f"This thread is closed: {customer}'s conversation goes on in {where}."
    if draft.view.conversation.continued_in is not None:
        return f"This thread is closed: {customer} has begun a new conversation since."
    if last is None or last.room is None or draft.here is None:
        return f"This thread is closed: nobody is handling {customer}'s conversation now."
    if last.room.id != draft.here.id:
        return f"This thread is closed: {customer} had a newer thread since. Press **Reopen** there to go on."
    name = draft.person_name(last.closed_by)
    did = "marked it as solved" if last.state is EscalationState.RESOLVED else "gave it back to the agent"
    return f"This thread is closed: **{name}** {did}. Press **Reopen** to speak to {customer}."


def reopen_by_staff(draft: Draft, escalation: str, person: PersonId, who: str, at: datetime) -> None:
    """Reopen the escalation as a person asked. Before the customer was told of the closing, this undoes it.

    What the holder writes after `at`, by the room's clock, may leave.
    """
    closed = draft.closed
    if draft.escalation is not None or closed is None or str(closed.id) != escalation or _moved_on(draft):
        draft.whisper(who, why_closed(draft))
        draft.because(f"person {person}", "could not reopen it")
        return
    undone = _untold(draft) is not None
    holder = closed.holder if undone else person
    name = draft.person_name(person)
    _reopen(draft, closed, holder, "undone" if undone else "reopened")
    did = f"**{name}** reopened this" + (f" before {draft.customer_name} was told" if undone else "")
    if holder is None:
        _queue(draft, closed)
        draft.tell_room(Post(f"🔓 {did}: nobody is handling it yet."))
    else:
        draft.give(Cause.REOPENED_TO_PERSON, holder, Status.ESCALATED)
        draft.add(SetTimer(ANSWER_DUE, "", draft.now + TO_ANSWER))
        _note_since(draft, did, at)
        draft.tell_room(
            Post(f"🔓 {did}. **{draft.person_name(holder)}** speaks to {draft.customer_name} again.")
        )
    _tell_since(draft)
    draft.because(f"person {person}", "undid the closing" if undone else "reopened it")
    draft.audit(f"person:{person}", "escalation.reopened", escalation=str(closed.id), undone=undone)


def reopen_by_customer(draft: Draft, event: Event, message: Message | None) -> bool:
    """Reopen a resolved conversation when the customer writes again.

    By policy its team or the agent gets it. Return False if they only say thanks: that reopens nothing, and
    is shown in the closed thread.
    """
    closed = draft.closed
    if said_only_thanks(draft, event) and closed is not None and closed.room is not None:
        draft.because("customer", "said thanks: it stays resolved")
        return False
    if draft.organization.policies.reopened is Reopened.TEAM and reopen_for_team(
        draft, "Reopened by the customer.", message
    ):
        draft.audit("customer", "conversation.reopened", to="team")
        return True
    draft.give(Cause.REOPENED_TO_AGENT, draft.owner.name, Status.IN_PROGRESS)
    draft.because("customer", "wrote again within the window: reopened")
    draft.audit("customer", "conversation.reopened", to="agent")
    return True


def reopen_for_team(draft: Draft, reason: str, message: Message | None = None) -> bool:
    """Put the closed escalation back into its team's queue and call the person who had it last.

    `message` is what reopens it, and is shown by the caller. Return False when no escalation is closed, or
    its team has left the organization.
    """
    closed = draft.closed
    if closed is None or _moved_on(draft) or find_team(draft.organization, closed.team) is None:
        return False
    last, untold = closed.holder, _untold(draft)
    _reopen(draft, closed, None, reason)
    _queue(draft, closed)
    had = find_person(draft.organization, last) if last else None
    if had:
        ask(draft, last, f"🔓 {reason} **{had.name}**, you had this last: press **Take** to go on.")
    else:
        draft.tell_room(Post(f"🔓 {reason} {ask_team(draft)}"))
    _tell_since(draft, message)
    if untold is None:  # else the customer has not noticed the closing
        target = target_of(draft, closed)
        tell_handoff(draft, target, deadline_of(draft, target))
    draft.because(f"team {closed.team}", f"has it again: {reason}")
    return True


def _moved_on(draft: Draft) -> bool:
    return draft.view.conversation.continued_in is not None


def _reopen(draft: Draft, closed: Escalation, holder: PersonId | None, reason: str) -> None:
    """Open the escalation and its room again. The caller sets the new owner."""
    if (untold := _untold(draft)) is not None:
        withdraw(draft, untold)
    draft.escalation, draft.closed = closed, None
    state = EscalationState.HELD if holder else EscalationState.WAITING
    draft.change_escalation(state=state, holder=holder, closed_by=None)
    draft.add(AddStep(closed.id, closed.agent, holder or closed.team, reason))
    if closed.room is None:
        open_room(draft, closed.team)
    else:
        draft.add(ReopenRoom(closed.room.id))
    draft.show_card()


def _queue(draft: Draft, closed: Escalation) -> None:
    draft.give(Cause.REOPENED_TO_TEAM, closed.team, Status.ESCALATED)
    start_clocks(draft, target_of(draft, closed))


def _note_since(draft: Draft, did: str, at: datetime) -> None:
    """Record in the log since when the holder speaks, as `take` does."""
    note = Message(
        id=MessageId(draft.rules.new_id()),
        role=Role.SYSTEM,
        sender=SYSTEM,
        text=did,
        state=MessageState.NOTE,
        at=at,
    )
    draft.add(AddMessage(note))


def _untold(draft: Draft) -> Message | None:
    """Return the notice that tells the customer of the closing, while it has not left."""
    return next((m for m in draft.held if str(m.id) == draft.memory.closing), None)


def _tell_since(draft: Draft, besides: Message | None = None) -> None:
    """Tell the room what was said while its thread was closed, except what is shown after this.

    `besides` is a message that the caller shows itself.
    """
    coming = draft.unheard | ({besides.id} if besides else set())
    story = [message for message in draft.messages.values() if message.id not in coming]
    closing = next((n for n, m in enumerate(story) if str(m.id) == draft.memory.closing), -1)
    since = story[closing + 1 :]
    if told_to_staff(since):
        told = draft.transcript(since)
        draft.tell_room(Post(f"**Since then**\n\n{told}"))


def said_only_thanks(draft: Draft, event: Event) -> bool:
    """Return whether the customer only says thanks, goodbye, or an "ok" that answers no question of ours."""
    content = event.content
    if not isinstance(content, Said) or any(
        a.kind is not AttachmentKind.STICKER for a in content.attachments
    ):
        return False
    text = content.text or " ".join(filter(None, (sticker.name for sticker in content.attachments)))
    organization = draft.organization
    names = [organization.name, organization.display_name]
    names += [person.name for person in organization.people]
    names += [team.name for team in organization.teams]
    names += [agent.name for agent in organization.agents if agent.name]
    said = seen_by_customer([m for m in draft.messages.values() if m.role is Role.STAFF and m.text])
    asked = bool(said) and "?" in said[-1].text
    if content.attachments and not text:
        return not asked  # only a sticker, for which no emoji is known
    return only_thanks(text, draft.view.conversation.customer_name, names, asked=asked)
