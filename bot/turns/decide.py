"""Decide a turn: which rule, agent or person handles the conversation. Pure: one view, one result."""

from typing import assert_never

from bot.core.answering import AgentTrigger, Answer, Answered, Clarify, HandOver, Option, Question
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
    WatchRequested,
    WriterErased,
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
    delivery_reports,
    erased,
    files,
    holder_left,
    removed_staff,
    retired,
    staff,
    stopping,
    thread_control,
    unvouched,
    watching,
)
from bot.turns.escalating import escalate
from bot.turns.ownership import Cause
from bot.turns.story import lines, reference_for_agent, spoken, wordless
from bot.turns.turn import Decision, Rulebook, Turn
from orgs.routing import escalation_target, find_agent, find_trigger, first_agent, rules_of
from orgs.translations import texts_in

MAX_HOPS = 3  # agents that one turn may pass through
MOST_OWED = 500  # messages that an agent is asked about at once


def decide(view: View, rules: Rulebook) -> Decision:
    """Handle all inputs in the order in which they were accepted, then the timers that came due."""
    turn = Turn(view, rules)
    if view.conversation.erased:
        erased.decide(turn)
        return Decision(turn)
    _hear_first(turn)
    for item in view.inputs:
        _hear(turn, item)
    _ring(turn)
    bursts.grow(turn)
    removed_staff.keep_staffed(turn)
    assigning.correct_asked(turn)
    return _shown(_whom_to_ask(turn))


def decide_guarded(view: View, rules: Rulebook) -> Decision:
    """Decide after the last try: skip what cannot be handled, and tell people that it was skipped.

    No agent is asked any more. A poison message thus ends in a room, not in a loop.
    """
    if view.conversation.erased:
        return Decision(erased.draft_guarded(view, rules))
    turn = Turn(view, rules)
    passed_over = []
    try:
        _hear_first(turn)
    except Exception as error:
        passed_over.append(0)
        turn.explain("desk", f"what was kept was passed over: {type(error).__name__}")
    for item in view.inputs:
        try:
            _hear(turn, item)
        except Exception as error:  # whatever it is, it must not block the conversation for ever
            passed_over.append(item.seq)
            turn.explain("desk", f"input {item.seq} was passed over: {type(error).__name__}")
    try:
        _ring(turn)
    except Exception as error:
        turn.explain("desk", f"a timer was passed over: {type(error).__name__}")
    shown = True
    try:
        bursts.grow(turn)
    except Exception as error:
        bursts.end(turn)
        turn.explain("desk", f"the post of a burst was passed over: {type(error).__name__}")
        shown = False
    if _to_answer_now(turn) or passed_over or not shown:
        return give_up(Decision(turn), TurnFailed("the last try failed"))
    return _shown(Decision(turn))


def _hear_first(turn: Turn) -> None:
    """Handle what the inputs tell of the customer's chats, and then what waited for that."""
    thread_control.learn(turn)
    customer.hear_kept(turn)


def _hear(turn: Turn, item: Input) -> None:
    event = item.body if isinstance(item.body, Event) and item.origin is Origin.ROOM else None
    turn.here = turn.room_at(event.place) if event is not None else None
    turn.press = event.press if event is not None else ""
    match item.body:
        case DeliveryReport():
            delivery_reports.hear(turn, item.body)
        case FileReport():
            turn.files_to_come.discard((item.body.message, item.body.position))
            files.hear(turn, item.body)
        case HolderLeft():
            holder_left.hear(turn, item.body)
        case WatchRequested():
            watching.begin(turn, item.body)
        case TeamChanged():
            removed_staff.hear(turn, item.body)
        case OrganizationRetired():
            retired.hear(turn)
        case CustomerMerged():
            delivery_reports.merged(turn, item.body)
        case WriterErased():
            if item is _last_report(turn):
                erased.take_away(turn)
        case CustomerErased():
            pass  # `erased.decide` handles every input of such a conversation
        case Event() if item.origin is Origin.ROOM:
            staff.hear(turn, item, item.body)
        case Event(content=Stopped()):
            stopping.hear(turn, item.body)
        case Event():
            customer.hear(turn, item, item.body)
        case _:
            assert_never(item.body)
    if item.message is not None:
        turn.unheard.discard(item.message)


def _last_report(turn: Turn) -> Input:
    """Return the last of several reports that somebody was erased: one answer to all of them suffices."""
    return [item for item in turn.view.inputs if isinstance(item.body, WriterErased)][-1]


def _ring(turn: Turn) -> None:
    turn.here = None
    for timer in sorted(turn.view.timers, key=lambda timer: timer.due_at):
        if timer.due_at <= turn.now and turn.timers.get((timer.kind, timer.subject)) == timer:
            clocks.fire(turn, timer)


def _whom_to_ask(turn: Turn) -> Decision:
    """Name the agent to ask if the customer's messages wait for one, and nobody else has taken over."""
    turn.asking = _to_answer_now(turn)
    if not turn.asking:
        return Decision(turn)
    if turn.unvouched:
        unvouched.give_to_people(turn)
        return Decision(turn)
    if turn.capabilities.robots and not turn.has_room(*turn.hourly):
        reason = (
            f"We have answered this address {_cap(turn)} times within an hour: perhaps a program is writing"
            " to us."
        )
        escalate(turn, reason=reason, why="too many automatic replies", quiet=True)
        return Decision(turn)
    if turn.addressed_team is not None:
        written = turn.addressed_team.rule
        escalate(turn, reason=f"The customer has {written}.", why="written to an address of this team")
        return Decision(turn)
    agent = find_agent(turn.organization, turn.owner.name)
    if agent is None:  # it left the organization; the first agent takes its conversations
        account = turn.view.conversation.place.account
        turn.give(Cause.HANDED_TO_AGENT, first_agent(turn.organization, account), turn.status)
    return Decision(turn, turn.owner.name, tuple(turn.asking))


def _to_answer_now(turn: Turn) -> list[MessageId]:
    """Return the messages that an agent must answer now.

    An agent answers when everything written before has left, as it must know what the customer has read. It
    also waits for the end of a burst, and for inputs that are left to the next turn. Until then the messages
    are remembered as owed. Unverified mail, and messages to a team's address, wait for none of that.
    """
    theirs = {m.id for m in turn.messages.values() if m.state is MessageState.RECEIVED}
    owed = [id_ for id_ in turn.memory.owed if id_ in theirs]
    asking = list(dict.fromkeys([*owed, *turn.asking]))
    people = turn.owner.kind in (OwnerKind.QUEUE, OwnerKind.PERSON)  # they read these in the room
    early = turn.on_their_way or turn.view.more or bursts.agent_waits(turn)
    waits = early and not (people or turn.unvouched or turn.addressed_team)
    turn.remember(owed=_bounded(asking) if waits else ())
    return [] if people or waits else asking


def _bounded(owed: list[MessageId]) -> tuple[MessageId, ...]:
    """Return the first and the last of very many: the agent reads what it was about, and how it ended."""
    half = MOST_OWED // 2
    return tuple(owed) if len(owed) <= MOST_OWED else (*owed[:half], *owed[-half:])


def _cap(turn: Turn) -> int:
    return turn.organization.policies.automatic_replies_per_hour


def question(decision: Decision) -> Question:
    """Return the question for the agent, with everything that it may use."""
    turn, org = decision.turn, decision.turn.organization
    agent = find_agent(org, decision.agent)
    assert agent is not None  # noqa: S101  `_whom_to_ask` saw to it
    voice = agent.voice or org.identity.voice
    before = [m for m in turn.messages.values() if m.id not in decision.asked]
    heard = (turn.messages[id_] for id_ in decision.asked)
    asked = [message for message in heard if message.state is not MessageState.DELETED]
    return Question(
        organization=turn.view.conversation.organization,
        organization_name=org.display_name,
        agent=AgentId(agent.id),
        agent_name=agent.title,
        voice=voice,
        scope=agent.scope,
        knowledge=agent.knowledge,
        triggers=_triggers(turn, agent.id),
        story=lines(before),
        messages=tuple(turn.typed.get(message.id) or spoken(message) for message in asked),
        about=tuple(reference_for_agent(message, turn.messages) for message in asked),
        wordless=tuple(kind for message in asked for kind in wordless(message)),
        called=any(message.reference.described == MISSED_CALL for message in asked),
        picked=turn.picked,
        offered=tuple(Option(value, label) for value, label in turn.memory.options),
        misses=turn.memory.misses,
        language=turn.language,
        replies=texts_in(org, turn.language, voice).model_dump(),
        verified=turn.view.conversation.verified,
    )


def _triggers(turn: Turn, agent: str) -> tuple[AgentTrigger, ...]:
    """Return the triggers of the agent's rules. One that the file does not define matches its own name."""
    found = []
    for rule in rules_of(turn.organization, agent):
        known = find_trigger(turn.organization, rule.trigger)
        if known is None:
            found.append(AgentTrigger(rule.trigger, phrases=(rule.trigger.replace("_", " "),)))
        else:
            found.append(AgentTrigger(known.id, known.description, known.phrases, known.patterns))
    return tuple(found)


def conclude(decision: Decision, answer: Answer) -> Decision:
    """Apply the agent's answer. The new decision may ask once more: a rule may name another agent."""
    turn = decision.turn
    who = f"agent {decision.agent}"
    match answer:
        case Answered():
            turn.say(answer.text, role=Role.AGENT, sender=decision.agent)
            if answer.settled:
                turn.remember(misses=0, awaiting_option=False, options=())
            turn.explain(who, answer.why)
            _in_progress(turn)
        case Clarify():
            buttons = tuple(Button(OPTION, o.value, o.label) for o in answer.options)
            turn.say(answer.text, role=Role.AGENT, sender=decision.agent, buttons=buttons)
            turn.remember(
                misses=turn.memory.misses + 1,
                awaiting_option=bool(buttons),
                options=tuple((o.value, o.label) for o in answer.options),
            )
            turn.explain(who, answer.why)
            _in_progress(turn)
        case HandOver():
            return _shown(_hand_over(decision, answer))
        case _:
            assert_never(answer)
    return _shown(Decision(turn))


def _shown(decision: Decision) -> Decision:
    """Show what was said to those who watch, once no agent is asked any more."""
    if not decision.agent:
        watching.follow(decision.turn)
    return decision


def _hand_over(decision: Decision, answer: HandOver) -> Decision:
    turn = decision.turn
    target = escalation_target(turn.organization, decision.agent, answer.trigger)
    turn.hops += 1
    if target.agent_id and target.agent_id != decision.agent and turn.hops < MAX_HOPS:
        turn.give(Cause.HANDED_TO_AGENT, target.agent_id, Status.IN_PROGRESS)
        turn.explain(f"agent {decision.agent}", f"handed to agent {target.agent_id}: {answer.why}")
        turn.audit(f"agent:{decision.agent}", "conversation.handed", to=target.agent_id)
        return Decision(turn, target.agent_id, decision.asked)
    escalate(
        turn,
        reason=answer.reason,
        why=answer.why,
        trigger=answer.trigger,
        tried=answer.tried,
    )
    return Decision(turn)


def give_up(decision: Decision, error: DeskError) -> Decision:
    """Escalate to people, with the reason, when the agent could not be asked after all tries."""
    turn = decision.turn
    escalate(
        turn,
        reason=f"The agent could not answer: {error.code}.",
        why=f"turn failed: {error.code}",
        notice=turn.texts.apology,
    )
    turn.audit("desk", "turn.given_up", code=error.code)
    return _shown(Decision(turn))


def _in_progress(turn: Turn) -> None:
    if turn.status is Status.PENDING:
        turn.status = Status.IN_PROGRESS
        turn.add(Move(turn.owner, turn.status))
