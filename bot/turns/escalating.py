"""Open an escalation, and call the next target of its ladder."""

from dataclasses import replace
from datetime import datetime, timedelta

from bot.core.conversation import Escalation, EscalationState, OwnerKind, Room, Status
from bot.core.effects import (
    AddStep,
    ClearTimers,
    CloseRoom,
    Gather,
    OpenEscalation,
    OpenRoom,
    SetTimer,
    ShowGathered,
    TellRoom,
)
from bot.core.events import Place
from bot.core.ids import AgentId, EscalationId, MessageId, PersonId, TeamId
from bot.core.outbound import Post
from bot.turns import bursts
from bot.turns.attachments import lost_of_the_story, of_the_story
from bot.turns.ownership import Cause
from bot.turns.story import snapshot
from bot.turns.turn import Turn
from bot.turns.underway import show_underway, underway
from bot.turns.waiting import TO_ANSWER, expect_answer, tell_handoff
from orgs import routing
from orgs.opening import opens_at
from orgs.routing import (
    Step,
    Target,
    channel_of,
    escalation_target,
    find_person,
    find_team,
    ladder_for,
    person_called,
    room_choices,
    room_for,
)
from orgs.specification.texts import fill

REMIND, LADDER, ANSWER_DUE = "remind", "ladder", "answer_due"
OPEN_ROOM = "open_room"  # the timer that opens a room later, when none could be opened
KEEP_CALLING = timedelta(minutes=15)  # how often people are called after the last step of the ladder


def escalate(
    turn: Turn,
    *,
    reason: str,
    why: str,
    trigger: str = "",
    tried: str = "",
    notice: str = "",
    quiet: bool = False,
) -> None:
    """Give the conversation to people. If people have it already, tell them the reason instead.

    They are those of the trigger, unless the customer wrote to the address of a team. `quiet`: nothing the
    customer did asks for an answer, and they are told nothing.
    """
    if turn.escalation is not None:
        turn.tell_room(Post(f"⚠️ {reason}"))
        return
    agent = turn.owner.name
    target = turn.addressed_team or escalation_target(turn.organization, agent, trigger)
    wait = bursts.wait_for_room(turn)
    deadline = deadline_of(turn, target) + wait
    escalation = Escalation(
        id=EscalationId(turn.rules.new_id()),
        state=EscalationState.WAITING,
        agent=AgentId(agent),
        team=target.team_id,
        reason=reason,
        why=why,
        tried=tried,
        urgency=target.urgency,
        opened_at=turn.now,
        deadline=deadline,
        step=0,
        trigger=trigger,
    )
    turn.escalation, turn.closed = escalation, None
    turn.add(OpenEscalation(escalation))
    turn.remember(owed=())  # people read the unanswered messages in the room
    story = list(turn.messages.values())
    turn.add(AddStep(escalation.id, agent, target.team_id, reason, snapshot(story)))
    if wait:
        _gather(turn, escalation, wait)
    else:
        open_room(turn, target.team_id, call=target.person_id)
        set_clocks(turn, target.team_id, deadline, target.timeout)
    turn.give(Cause.ESCALATED, target.team_id, Status.ESCALATED)
    if not (quiet or wait):
        tell_handoff(turn, target, deadline, notice)
    turn.explain(f"agent {agent}", f"handed to {target.team_id}: {why} ({target.rule})")
    turn.audit(
        f"agent:{agent}",
        "escalation.opened",
        team=target.team_id,
        trigger=trigger,
        urgency=target.urgency.value,
    )


def _gather(turn: Turn, escalation: Escalation, wait: timedelta) -> None:
    """List the escalation in the notice of its team, until somebody asks for the next or its turn comes."""
    account, channel = room_for(turn.organization, escalation.team)
    place = Place(channel_of(turn.organization, account), account, channel)
    turn.remember(gathered=True)
    turn.add(Gather(escalation.id, escalation.team, place))
    turn.add(SetTimer(OPEN_ROOM, "", turn.now + wait))
    turn.explain("desk", "many of one origin at once: in the notice of those without a room of their own")


def is_gathered(turn: Turn) -> bool:
    """Return whether the escalation has no room yet because there were too many at once."""
    return turn.memory.gathered and turn.escalation is not None and turn.open_room is None


def open_gathered(turn: Turn) -> None:
    """Give a listed escalation the room and the clocks that every other gets at once."""
    escalation = turn.escalation
    assert escalation is not None  # noqa: S101  callers look first
    turn.remember(gathered=False)
    open_room(turn, escalation.team, call=person_asked(turn))
    start_clocks(turn, target_of(turn, escalation))
    turn.add(ShowGathered(escalation.id))


def deadline_of(turn: Turn, target: Target) -> datetime:
    """Return when the target's time is over. It counts from when the team is in, or from now if immediate."""
    opens = turn.now if target.immediate else opens_at(turn.organization, target.team_id, turn.now)
    return (opens or turn.now) + target.timeout


def set_clocks(turn: Turn, team: TeamId, deadline: datetime, timeout: timedelta) -> None:
    """Start the clock of the ladder, and that of the reminder where the team's ladder has one."""
    steps = ladder_for(turn.organization, team)
    reminder = steps[0].reminder if steps else None
    turn.add(SetTimer(LADDER, "", deadline))
    if reminder and reminder < timeout:
        turn.add(SetTimer(REMIND, "", deadline - timeout + reminder))


def target_of(turn: Turn, escalation: Escalation) -> Target:
    """Return the target of an escalation by its rule, with the team that has it now."""
    rule = escalation_target(turn.organization, escalation.agent, escalation.trigger)
    return replace(rule, team_id=escalation.team)


def start_clocks(turn: Turn, target: Target) -> None:
    """Start the time of the target's team anew."""
    deadline = deadline_of(turn, target)
    turn.change_escalation(deadline=deadline)
    set_clocks(turn, target.team_id, deadline, target.timeout)


def announce(
    turn: Turn, template: str, team: TeamId, person: str = "", *, wait: timedelta | None = None
) -> MessageId:
    found = find_team(turn.organization, team)
    name = found.name if found else ""
    text = fill(template, team=name, person=person, organization=turn.organization.display_name)
    return turn.say(text, wait=wait)


def open_room(
    turn: Turn, team: TeamId, *, call: PersonId | None = None, at: routing.RoomChannel | None = None
) -> None:
    """Open a thread in a channel of the team, or in the channel `at`: the card, then the story so far."""
    escalation = turn.escalation
    assert escalation is not None  # noqa: S101  callers made it
    account_id, channel = at or usable_room(turn, team)
    place = Place(channel_of(turn.organization, account_id), account_id, channel)
    room = Room(id=turn.rules.new_id(), team=team, place=place, name=channel)
    turn.escalation = replace(escalation, room=room)
    turn.add(OpenRoom(room, escalation.id))
    turn.add(ClearTimers(OPEN_ROOM))
    show_story(turn)
    _ask_to_take(turn, call)


def show_story(turn: Turn, above: str = "") -> None:
    """Tell the open room the story so far, with its files, and what staff wrote that has not arrived."""
    on_their_way = underway(turn)
    arrived = [message for message in turn.messages.values() if message not in on_their_way]
    told = "\n\n".join(filter(None, (above, "**The story so far**", turn.transcript(arrived))))
    turn.tell_room(Post(told, attachments=of_the_story(turn.messages.values())))
    if lost := lost_of_the_story(turn.messages.values()):
        turn.tell_room(Post("\n".join(lost)))
    show_underway(turn)


def ask_anew(turn: Turn) -> None:
    """Call whoever was asked to take the conversation and has not yet: the first call was deleted."""
    _ask_to_take(turn, person_asked(turn))


def _ask_to_take(turn: Turn, person: PersonId | None) -> None:
    if person is not None:
        ask(turn, person, f"🔔 {_mention(turn, person)} is asked to take this.")


def ask(turn: Turn, person: PersonId | None, text: str) -> None:
    """Call a person to take the conversation. A report tells if they cannot notice it in time."""
    deadline = turn.escalation.deadline if turn.escalation else None
    soonest = turn.now + TO_ANSWER
    turn.call(person, text, needed_by=max(deadline or soonest, soonest))


def expect_people(turn: Turn) -> None:
    """Start the clocks for people's answer to the customer, and for what the customer is told meanwhile."""
    if turn.owner.kind is OwnerKind.PERSON and (ANSWER_DUE, "") not in turn.timers:
        turn.add(SetTimer(ANSWER_DUE, "", turn.now + TO_ANSWER))
    expect_answer(turn)


def ask_team(turn: Turn) -> str:
    """Return the words that ask everybody of the team to take the conversation."""
    escalation = turn.escalation
    assert escalation is not None  # noqa: S101  callers look first
    return f"{_team_name(turn, escalation.team)}: press **Take** on the card to answer {turn.customer_name}."


def usable_room(turn: Turn, team: TeamId) -> routing.RoomChannel:
    """Return the team's first channel that is not known to be lost."""
    own = [c.room for c in room_choices(turn.organization, team) if c.team_id == team]
    return next((room for room in own if not turn.is_lost(room)), room_for(turn.organization, team))


def person_asked(turn: Turn) -> PersonId | None:
    """Return who was asked to take a conversation that still waits, or None."""
    escalation = turn.escalation
    if escalation is None or escalation.state is not EscalationState.WAITING:
        return None
    if escalation.assignee is not None:
        return escalation.assignee
    return person_called(turn.organization, escalation.agent, escalation.trigger, escalation.step)


def step_of(turn: Turn, escalation: Escalation) -> Step:
    """Return the ladder's step that the escalation has reached."""
    steps = ladder_for(turn.organization, _first_team(turn, escalation))
    return steps[min(escalation.step, len(steps) - 1)]


def _mention(turn: Turn, person: PersonId) -> str:
    found = find_person(turn.organization, person)
    return f"**{found.name}**" if found else "A colleague"


def call_next(turn: Turn, reason: str, step: int | None = None) -> None:
    """Call the next target of the ladder because nobody took it; at its end call the last one again.

    Never gives up. `step`: the step to call when a new organization file has changed the ladder.
    """
    escalation = turn.escalation
    if escalation is None or escalation.state is not EscalationState.WAITING:
        return
    if escalation.assignee is not None:
        reason = f"{turn.person_name(escalation.assignee)} did not take it in time."
        escalation = turn.change_escalation(assignee=None)
    steps = ladder_for(turn.organization, _first_team(turn, escalation))
    upcoming = step or escalation.step + 1  # the first one is the team it was sent to
    if upcoming < len(steps):
        _climb(turn, escalation, steps, upcoming, reason)
    else:
        if turn.open_room is None:
            open_room(turn, escalation.team)
        turn.tell_room(Post(f"⏰ Still nobody has taken this. {reason}"))
        deadline = turn.now + KEEP_CALLING
        turn.change_escalation(deadline=deadline)
        turn.add(SetTimer(LADDER, "", deadline))
        turn.explain(f"team {escalation.team}", f"called again: {reason}")
        turn.show_card()


def _first_team(turn: Turn, escalation: Escalation) -> TeamId:
    """Return the team whose ladder applies: the one that the escalation was sent to first."""
    return escalation_target(turn.organization, escalation.agent, escalation.trigger).team_id


def _climb(turn: Turn, escalation: Escalation, steps: tuple[Step, ...], upcoming: int, reason: str) -> None:
    step = steps[upcoming]
    following = steps[upcoming + 1].after if upcoming + 1 < len(steps) else KEEP_CALLING
    deadline = turn.now + following
    old_room = turn.open_room
    turn.change_escalation(step=upcoming, team=step.team_id, deadline=deadline)
    turn.add(AddStep(escalation.id, escalation.team, step.person_id or step.team_id, reason))
    account = usable_room(turn, step.team_id).account_id
    if old_room is None:
        open_room(turn, step.team_id, call=step.person_id)
    elif (old_room.place.account, old_room.team) != (account, step.team_id):
        turn.add(TellRoom(old_room.id, Post(f"➡️ Handed over to {_team_name(turn, step.team_id)}: {reason}")))
        turn.show_card()
        turn.add(CloseRoom(old_room.id))
        open_room(turn, step.team_id, call=step.person_id)
    elif step.person_id is not None:
        ask(turn, step.person_id, f"🔔 {_mention(turn, step.person_id)} is asked to take this. {reason}")
    turn.give(Cause.CALLED_NEXT, step.team_id, Status.ESCALATED)
    turn.add(SetTimer(LADDER, "", deadline))
    turn.add(ClearTimers(REMIND))
    if step.reminder and step.reminder < following:
        turn.add(SetTimer(REMIND, "", turn.now + step.reminder))
    turn.show_card()
    turn.explain(f"team {escalation.team}", f"handed on to {step.team_id}: {reason}")
    turn.audit("desk", "escalation.called_next", team=step.team_id, step=upcoming)


def _team_name(turn: Turn, team: TeamId) -> str:
    found = find_team(turn.organization, team)
    return f"**{found.name}**" if found else team
