"""Close an escalation, undo the closing, and open a closed escalation again."""

from datetime import datetime

from bot.core.conversation import Escalation, EscalationState, Message, MessageState, Role, Status
from bot.core.effects import AddMessage, AddStep, ClearTimers, CloseRoom, ReopenRoom, SetTimer
from bot.core.events import AttachmentKind, Event, Said
from bot.core.ids import MessageId, PersonId
from bot.core.outbound import Button, Post
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
from bot.turns.story import seen_by_customer, stuck, told_to_staff
from bot.turns.turn import SYSTEM, Turn
from bot.turns.undo import withdraw
from bot.turns.waiting import PROMISED, TO_ANSWER, tell_handoff
from orgs.answering.thanks import only_thanks
from orgs.routing import find_person, find_team
from orgs.specification.organization import Reopened

REOPEN = "reopen"


def close(turn: Turn, person: PersonId, *, resolved: bool) -> None:
    """Resolve the escalation, or return the conversation to the agent.

    The customer is told when the undo time is over; reopening before that leaves no trace for them. What
    staff wrote earlier keeps its own undo time, and leaves before that notice.
    """
    escalation = turn.escalation
    assert escalation is not None  # noqa: S101  callers look first
    state = EscalationState.RESOLVED if resolved else EscalationState.RETURNED
    turn.change_escalation(state=state, closed_by=person, assignee=None, deadline=None)
    turn.add(AddStep(escalation.id, person, escalation.agent, state.value))
    for kind in (REMIND, LADDER, ANSWER_DUE, OPEN_ROOM, PROMISED):
        turn.add(ClearTimers(kind))
    if resolved:
        turn.give(Cause.RESOLVED, escalation.agent, Status.RESOLVED, reopen=turn.organization.reopen_window)
    else:
        turn.give(Cause.RETURNED, escalation.agent, Status.IN_PROGRESS)
    undo = turn.organization.policies.undo
    text = turn.texts.resolved if resolved else turn.texts.returned
    closing = announce(turn, text, escalation.team, turn.person_name(person), wait=undo)
    line = _closing_line(turn, person, resolved=resolved)
    turn.tell_room(Post(line, buttons=(reopen_button(escalation),)))
    turn.show_card()
    if turn.open_room is not None:
        turn.add(CloseRoom(turn.open_room.id))
    turn.remember(
        told_waiting=0,
        misses=0,
        advised=(),
        awaiting_option=False,
        options=(),
        mended=0,
        lost=(),
        closing=str(closing),
        kept=() if resolved else turn.memory.kept,
    )
    turn.explain(f"person {person}", "resolved it" if resolved else "returned it to the agent")
    turn.audit(f"person:{person}", f"escalation.{state.value}", escalation=str(escalation.id))
    turn.closed, turn.escalation = turn.escalation, None


def reopen_button(escalation: Escalation) -> Button:
    return Button(REOPEN, str(escalation.id), "Reopen")


def _closing_line(turn: Turn, person: PersonId, *, resolved: bool) -> str:
    name, undo = turn.person_name(person), turn.organization.policies.undo.total_seconds()
    done = f"✅ **{name}** marked this as solved."
    if not resolved:
        done = f"↩️ **{name}** gave this back to the agent."
    return (
        f"{done} This thread is closed. {turn.customer_name} is told in {undo:g} s: press **Reopen** before"
        " that to undo it, or later to go on."
    )


def why_closed(turn: Turn) -> str:
    """Say why the thread of the current input is closed, and what to do. If it is open, say who has it."""
    customer, open_now, last = turn.customer_name, turn.escalation, turn.closed
    if open_now is not None:
        if turn.here is not None and open_now.room is not None and turn.here.id == open_now.room.id:
            holder = open_now.holder
            return (
                f"**{turn.person_name(holder)}** is handling this already."
                if holder
                else "This is open, and nobody is handling it yet: press **Take**."
            )
        team = find_team(turn.organization, open_now.team)
        where = f"a newer thread of **{team.name}**" if team else "a newer thread"
        return f"This thread is closed: {customer}'s conversation goes on in {where}."
    if turn.view.conversation.continued_in is not None:
        return f"This thread is closed: {customer} has begun a new conversation since."
    if last is None or last.room is None or turn.here is None:
        return f"This thread is closed: nobody is handling {customer}'s conversation now."
    if last.room.id != turn.here.id:
        return f"This thread is closed: {customer} had a newer thread since. Press **Reopen** there to go on."
    name = turn.person_name(last.closed_by)
    did = "marked it as solved" if last.state is EscalationState.RESOLVED else "gave it back to the agent"
    return f"This thread is closed: **{name}** {did}. Press **Reopen** to talk to {customer}."


def reopen_by_staff(turn: Turn, escalation: str, person: PersonId, who: str, at: datetime) -> None:
    """Reopen the escalation as a person asked. Before the customer was told of the closing, this undoes it.

    What the holder writes after `at`, by the room's clock, may leave.
    """
    closed = turn.closed
    if turn.escalation is not None or closed is None or str(closed.id) != escalation or _moved_on(turn):
        turn.whisper(who, why_closed(turn))
        turn.explain(f"person {person}", "could not reopen it")
        return
    undone = _untold(turn) is not None
    holder = closed.holder if undone else person
    name = turn.person_name(person)
    _reopen(turn, closed, holder, "undone" if undone else "reopened")
    did = f"**{name}** reopened this" + (f" before {turn.customer_name} was told" if undone else "")
    if holder is None:
        _queue(turn, closed)
        turn.tell_room(Post(f"🔓 {did}: nobody is handling it yet."))
    else:
        turn.give(Cause.REOPENED_TO_PERSON, holder, Status.ESCALATED)
        turn.add(SetTimer(ANSWER_DUE, "", turn.now + TO_ANSWER))
        _note_since(turn, did, at)
        turn.tell_room(Post(f"🔓 {did}. **{turn.person_name(holder)}** is handling this again."))
    _tell_since(turn)
    turn.explain(f"person {person}", "undid the closing" if undone else "reopened it")
    turn.audit(f"person:{person}", "escalation.reopened", escalation=str(closed.id), undone=undone)


def reopen_by_customer(turn: Turn, event: Event, message: Message | None) -> bool:
    """Reopen a resolved conversation when the customer writes again.

    By policy its team or the agent gets it. Return False if they only say thanks: that reopens nothing, and
    is shown in the closed thread.
    """
    closed = turn.closed
    if said_only_thanks(turn, event) and closed is not None and closed.room is not None:
        turn.explain("customer", "said thanks: it stays resolved")
        return False
    if turn.organization.policies.reopened is Reopened.TEAM and reopen_for_team(
        turn, "Reopened by the customer.", message
    ):
        turn.audit("customer", "conversation.reopened", to="team")
        return True
    turn.give(Cause.REOPENED_TO_AGENT, turn.owner.name, Status.IN_PROGRESS)
    turn.explain("customer", "wrote again within the window: reopened")
    turn.audit("customer", "conversation.reopened", to="agent")
    return True


def reopen_for_team(turn: Turn, reason: str, message: Message | None = None) -> bool:
    """Put the closed escalation back into its team's queue and call the person who had it last.

    `message` is what reopens it, and is shown by the caller. Return False when no escalation is closed, or
    its team has left the organization.
    """
    closed = turn.closed
    if closed is None or _moved_on(turn) or find_team(turn.organization, closed.team) is None:
        return False
    last, untold = closed.holder, _untold(turn)
    _reopen(turn, closed, None, reason)
    _queue(turn, closed)
    had = find_person(turn.organization, last) if last else None
    if had:
        ask(turn, last, f"🔓 {reason} **{had.name}**, you had this last: press **Take** to go on.")
    else:
        turn.tell_room(Post(f"🔓 {reason} {ask_team(turn)}"))
    _tell_since(turn, message)
    if untold is None:  # else the customer has not noticed the closing
        target = target_of(turn, closed)
        tell_handoff(turn, target, deadline_of(turn, target))
    turn.explain(f"team {closed.team}", f"has it again: {reason}")
    return True


def _moved_on(turn: Turn) -> bool:
    return turn.view.conversation.continued_in is not None


def _reopen(turn: Turn, closed: Escalation, holder: PersonId | None, reason: str) -> None:
    """Open the escalation and its room again. The caller sets the new owner."""
    if (untold := _untold(turn)) is not None:
        withdraw(turn, untold)
    turn.escalation, turn.closed = closed, None
    state = EscalationState.HELD if holder else EscalationState.WAITING
    turn.change_escalation(state=state, holder=holder, closed_by=None)
    turn.add(AddStep(closed.id, closed.agent, holder or closed.team, reason))
    if closed.room is None:
        open_room(turn, closed.team)
    else:
        turn.add(ReopenRoom(closed.room.id))
    turn.show_card()


def _queue(turn: Turn, closed: Escalation) -> None:
    turn.give(Cause.REOPENED_TO_TEAM, closed.team, Status.ESCALATED)
    start_clocks(turn, target_of(turn, closed))


def _note_since(turn: Turn, did: str, at: datetime) -> None:
    """Record in the log since when the holder speaks, as `take` does."""
    note = Message(
        id=MessageId(turn.rules.new_id()),
        role=Role.SYSTEM,
        sender=SYSTEM,
        text=did,
        state=MessageState.NOTE,
        at=at,
    )
    turn.add(AddMessage(note))


def _untold(turn: Turn) -> Message | None:
    """Return the notice that tells the customer of the closing, while it has not left."""
    return next((m for m in turn.held if str(m.id) == turn.memory.closing), None)


def _tell_since(turn: Turn, besides: Message | None = None) -> None:
    """Tell the room what was said while its thread was closed, except what is shown after this.

    `besides` is a message that the caller shows itself.
    """
    coming = turn.unheard | ({besides.id} if besides else set())
    story = [message for message in turn.messages.values() if message.id not in coming]
    closing = next((n for n, m in enumerate(story) if str(m.id) == turn.memory.closing), -1)
    since = story[closing + 1 :]
    if told_to_staff(since):
        told = turn.transcript(since)
        turn.tell_room(Post(f"**Since then**\n\n{told}"))


def said_only_thanks(turn: Turn, event: Event) -> bool:
    """Return whether the customer only says thanks, goodbye, or an "ok" that answers no question of ours."""
    content = event.content
    if not isinstance(content, Said) or any(
        a.kind is not AttachmentKind.STICKER for a in content.attachments
    ):
        return False
    text = content.text or stuck(content.attachments)
    organization = turn.organization
    names = [organization.name, organization.display_name]
    names += [person.name for person in organization.people]
    names += [team.name for team in organization.teams]
    names += [agent.name for agent in organization.agents if agent.name]
    said = seen_by_customer([m for m in turn.messages.values() if m.role is Role.STAFF and m.text])
    asked = bool(said) and "?" in said[-1].text
    if content.attachments and not text:
        return not asked  # only a sticker, for which no emoji is known
    return only_thanks(text, turn.view.conversation.customer_name, names, asked=asked)
