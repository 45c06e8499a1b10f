"""Decide a turn: which rule, agent or person handles the conversation. Pure: one view, one result."""

from typing import assert_never

from bot.core.answering import Answer, Answered, Clarify, HandOver, Option, Question, Trigger
from bot.core.conversation import (
    CustomerErased,
    CustomerMerged,
    DeliveryReport,
    FileReport,
    HolderLeft,
    Input,
    MessageState,
    OrganizationRetired,
    Origin,
    OwnerKind,
    Role,
    Status,
    TeamChanged,
    View,
)
from bot.core.effects import Move
from bot.core.errors import DeskError, TurnFailed
from bot.core.events import MISSED_CALL, OPTION, Event, Stopped
from bot.core.ids import AgentId, MessageId
from bot.core.outbound import Button
from bot.turns import (
    assigning,
    bursts,
    clocks,
    customer,
    erased,
    files,
    holder,
    reports,
    retired,
    staff,
    staffing,
    stopping,
    unvouched,
)
from bot.turns.draft import Decision, Draft, Rulebook
from bot.turns.escalating import escalate
from bot.turns.ownership import Cause
from bot.turns.story import lines, reference_for_agent, spoken, wordless
from orgs.routing import escalation_target, find_agent, find_trigger, first_agent, rules_of
from orgs.translations import texts_in

MAX_HOPS = 3  # agents that one turn may pass through
MOST_OWED = 500  # messages that an agent is asked about at once


def decide(view: View, rules: Rulebook) -> Decision:
    """Handle all inputs in the order in which they were accepted, then the timers that came due."""
    draft = Draft(view, rules)
    if view.conversation.erased:
        erased.decide(draft)
        return Decision(draft)
    for item in view.inputs:
        _hear(draft, item)
    _ring(draft)
    bursts.grow(draft)
    staffing.keep_staffed(draft)
    assigning.correct_asked(draft)
    return _whom_to_ask(draft)


def decide_guarded(view: View, rules: Rulebook) -> Decision:
    """Decide after the last try: skip what cannot be handled, and tell people that it was skipped.

    No agent is asked any more. A poison message thus ends in a room, not in a loop.
    """
    if view.conversation.erased:
        return Decision(erased.draft_guarded(view, rules))
    draft = Draft(view, rules)
    passed_over = []
    for item in view.inputs:
        try:
            _hear(draft, item)
        except Exception as error:  # whatever it is, it must not block the conversation for ever
            passed_over.append(item.seq)
            draft.because("desk", f"input {item.seq} was passed over: {type(error).__name__}")
    try:
        _ring(draft)
    except Exception as error:
        draft.because("desk", f"a timer was passed over: {type(error).__name__}")
    shown = True
    try:
        bursts.grow(draft)
    except Exception as error:
        bursts.end(draft)
        draft.because("desk", f"the post of a burst was passed over: {type(error).__name__}")
        shown = False
    if _to_answer_now(draft) or passed_over or not shown:
        return give_up(Decision(draft), TurnFailed("the last try failed"))
    return Decision(draft)


def _hear(draft: Draft, item: Input) -> None:
    event = item.body if isinstance(item.body, Event) and item.origin is Origin.ROOM else None
    draft.here = draft.room_at(event.place) if event is not None else None
    draft.press = event.press if event is not None else ""
    match item.body:
        case DeliveryReport():
            reports.hear(draft, item.body)
        case FileReport():
            draft.files_to_come.discard((item.body.message, item.body.position))
            files.hear(draft, item.body)
        case HolderLeft():
            holder.hear(draft, item.body)
        case TeamChanged():
            staffing.hear(draft, item.body)
        case OrganizationRetired():
            retired.hear(draft)
        case CustomerMerged():
            reports.merged(draft, item.body)
        case CustomerErased():
            pass  # `erased.decide` handles every input of such a conversation
        case Event() if item.origin is Origin.ROOM:
            staff.hear(draft, item, item.body)
        case Event(content=Stopped()):
            stopping.hear(draft, item.body)
        case Event():
            customer.hear(draft, item, item.body)
        case _:
            assert_never(item.body)
    if item.message is not None:
        draft.unheard.discard(item.message)


def _ring(draft: Draft) -> None:
    draft.here = None
    for timer in sorted(draft.view.timers, key=lambda timer: timer.due_at):
        if timer.due_at <= draft.now and draft.timers.get((timer.kind, timer.subject)) == timer:
            clocks.ring(draft, timer)


def _whom_to_ask(draft: Draft) -> Decision:
    """Name the agent to ask if the customer's messages wait for one, and nobody else has taken over."""
    draft.asking = _to_answer_now(draft)
    if not draft.asking:
        return Decision(draft)
    if draft.unvouched:
        unvouched.give_to_people(draft)
        return Decision(draft)
    if draft.capabilities.robots and not draft.has_room(*draft.hourly):
        reason = (
            f"We have answered this address {_cap(draft)} times within an hour: perhaps a program is writing"
            " to us."
        )
        escalate(draft, reason=reason, why="too many automatic replies", quiet=True)
        return Decision(draft)
    if draft.addressed_team is not None:
        written = draft.addressed_team.rule
        escalate(draft, reason=f"The customer has {written}.", why="written to an address of this team")
        return Decision(draft)
    agent = find_agent(draft.organization, draft.owner.name)
    if agent is None:  # it left the organization; the first agent takes its conversations
        account = draft.view.conversation.place.account
        draft.give(Cause.HANDED_TO_AGENT, first_agent(draft.organization, account), draft.status)
    return Decision(draft, draft.owner.name, tuple(draft.asking))


def _to_answer_now(draft: Draft) -> list[MessageId]:
    """Return the messages that an agent must answer now.

    An agent answers when everything written before has left, as it must know what the customer has read. It
    also waits for the end of a burst, and for inputs that are left to the next turn. Until then the messages
    are remembered as owed. Unverified mail, and messages to a team's address, wait for none of that.
    """
    theirs = {m.id for m in draft.messages.values() if m.state is MessageState.RECEIVED}
    owed = [id_ for id_ in draft.memory.owed if id_ in theirs]
    asking = list(dict.fromkeys([*owed, *draft.asking]))
    people = draft.owner.kind in (OwnerKind.QUEUE, OwnerKind.PERSON)  # they read these in the room
    early = draft.on_their_way or draft.view.more or bursts.agent_waits(draft)
    waits = early and not (people or draft.unvouched or draft.addressed_team)
    draft.remember(owed=_bounded(asking) if waits else ())
    return [] if people or waits else asking


def _bounded(owed: list[MessageId]) -> tuple[MessageId, ...]:
    """Return the first and the last of very many: the agent reads what it was about, and how it ended."""
    half = MOST_OWED // 2
    return tuple(owed) if len(owed) <= MOST_OWED else (*owed[:half], *owed[-half:])


def _cap(draft: Draft) -> int:
    return draft.organization.policies.automatic_replies_per_hour


def question(decision: Decision) -> Question:
    """Return the question for the agent, with everything that it may use."""
    draft, org = decision.draft, decision.draft.organization
    agent = find_agent(org, decision.agent)
    assert agent is not None  # noqa: S101  `_whom_to_ask` saw to it
    voice = agent.voice or org.identity.voice
    before = [m for m in draft.messages.values() if m.id not in decision.asked]
    heard = (draft.messages[id_] for id_ in decision.asked)
    asked = [message for message in heard if message.state is not MessageState.DELETED]
    return Question(
        organization=draft.view.conversation.organization,
        organization_name=org.display_name,
        agent=AgentId(agent.id),
        agent_name=agent.title,
        voice=voice,
        scope=agent.scope,
        knowledge=agent.knowledge,
        triggers=_triggers(draft, agent.id),
        story=lines(before),
        messages=tuple(draft.typed.get(message.id) or spoken(message) for message in asked),
        about=tuple(reference_for_agent(message, draft.messages) for message in asked),
        wordless=tuple(kind for message in asked for kind in wordless(message)),
        called=any(message.reference.described == MISSED_CALL for message in asked),
        picked=draft.picked,
        offered=tuple(Option(value, label) for value, label in draft.memory.options),
        misses=draft.memory.misses,
        language=draft.language,
        replies=texts_in(org, draft.language, voice).model_dump(),
        verified=draft.view.conversation.verified,
    )


def _triggers(draft: Draft, agent: str) -> tuple[Trigger, ...]:
    """Return the triggers of the agent's rules. One that the file does not define matches its own name."""
    found = []
    for rule in rules_of(draft.organization, agent):
        known = find_trigger(draft.organization, rule.trigger)
        if known is None:
            found.append(Trigger(rule.trigger, phrases=(rule.trigger.replace("_", " "),)))
        else:
            found.append(Trigger(known.id, known.description, known.phrases, known.patterns))
    return tuple(found)


def conclude(decision: Decision, answer: Answer) -> Decision:
    """Apply the agent's answer. The new decision may ask once more: a rule may name another agent."""
    draft = decision.draft
    who = f"agent {decision.agent}"
    match answer:
        case Answered():
            draft.say(answer.text, role=Role.AGENT, sender=decision.agent)
            if answer.settled:
                draft.remember(misses=0, awaiting_option=False, options=())
            draft.because(who, answer.why)
            _in_progress(draft)
        case Clarify():
            buttons = tuple(Button(OPTION, o.value, o.label) for o in answer.options)
            draft.say(answer.text, role=Role.AGENT, sender=decision.agent, buttons=buttons)
            draft.remember(
                misses=draft.memory.misses + 1,
                awaiting_option=bool(buttons),
                options=tuple((o.value, o.label) for o in answer.options),
            )
            draft.because(who, answer.why)
            _in_progress(draft)
        case HandOver():
            return _hand_over(decision, answer)
        case _:
            assert_never(answer)
    return Decision(draft)


def _hand_over(decision: Decision, answer: HandOver) -> Decision:
    draft = decision.draft
    target = escalation_target(draft.organization, decision.agent, answer.trigger)
    draft.hops += 1
    if target.agent_id and target.agent_id != decision.agent and draft.hops < MAX_HOPS:
        draft.give(Cause.HANDED_TO_AGENT, target.agent_id, Status.IN_PROGRESS)
        draft.because(f"agent {decision.agent}", f"handed to agent {target.agent_id}: {answer.why}")
        draft.audit(f"agent:{decision.agent}", "conversation.handed", to=target.agent_id)
        return Decision(draft, target.agent_id, decision.asked)
    escalate(
        draft,
        reason=answer.reason,
        why=answer.why,
        trigger=answer.trigger,
        tried=answer.tried,
    )
    return Decision(draft)


def give_up(decision: Decision, error: DeskError) -> Decision:
    """Escalate to people, with the reason, when the agent could not be asked after all tries."""
    draft = decision.draft
    escalate(
        draft,
        reason=f"The agent could not answer: {error.code}.",
        why=f"turn failed: {error.code}",
        notice=draft.texts.apology,
    )
    draft.audit("desk", "turn.given_up", code=error.code)
    return Decision(draft)


def _in_progress(draft: Draft) -> None:
    if draft.status is Status.PENDING:
        draft.status = Status.IN_PROGRESS
        draft.add(Move(draft.owner, draft.status))
