"""Open an escalation, and call the next target of its ladder."""

from dataclasses import replace
from datetime import datetime, timedelta

from bot.core.conversation import Escalation, EscalationState, Room, Status
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
from bot.turns.draft import Draft
from bot.turns.ownership import Cause
from bot.turns.story import snapshot
from bot.turns.underway import show_underway, underway
from bot.turns.waiting import TO_ANSWER, tell_handoff
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
    draft: Draft,
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
    if draft.escalation is not None:
        draft.tell_room(Post(f"⚠️ {reason}"))
        return
    agent = draft.owner.name
    target = draft.addressed_team or escalation_target(draft.organization, agent, trigger)
    wait = bursts.wait_for_room(draft)
    deadline = deadline_of(draft, target) + wait
    escalation = Escalation(
        id=EscalationId(draft.rules.new_id()),
        state=EscalationState.WAITING,
        agent=AgentId(agent),
        team=target.team_id,
        reason=reason,
        why=why,
        tried=tried,
        urgency=target.urgency,
        opened_at=draft.now,
        deadline=deadline,
        step=0,
        trigger=trigger,
    )
    draft.escalation, draft.closed = escalation, None
    draft.add(OpenEscalation(escalation))
    draft.remember(owed=())  # people read the unanswered messages in the room
    story = list(draft.messages.values())
    draft.add(AddStep(escalation.id, agent, target.team_id, reason, snapshot(story)))
    if wait:
        _gather(draft, escalation, wait)
    else:
        open_room(draft, target.team_id, call=target.person_id)
        set_clocks(draft, target.team_id, deadline, target.timeout)
    draft.give(Cause.ESCALATED, target.team_id, Status.ESCALATED)
    if not (quiet or wait):
        tell_handoff(draft, target, deadline, notice)
    draft.because(f"agent {agent}", f"handed to {target.team_id}: {why} ({target.rule})")
    draft.audit(
        f"agent:{agent}",
        "escalation.opened",
        team=target.team_id,
        trigger=trigger,
        urgency=target.urgency.value,
    )


def _gather(draft: Draft, escalation: Escalation, wait: timedelta) -> None:
    """List the escalation in the notice of its team, until somebody asks for the next or its turn comes."""
    account, channel = room_for(draft.organization, escalation.team)
    place = Place(channel_of(draft.organization, account), account, channel)
    draft.remember(gathered=True)
    draft.add(Gather(escalation.id, escalation.team, place))
    draft.add(SetTimer(OPEN_ROOM, "", draft.now + wait))
    draft.because("desk", "many of one origin at once: in the notice of those without a room of their own")


def is_gathered(draft: Draft) -> bool:
    """Return whether the escalation has no room yet because there were too many at once."""
    return draft.memory.gathered and draft.escalation is not None and draft.open_room is None


def open_gathered(draft: Draft) -> None:
    """Give a listed escalation the room and the clocks that every other gets at once."""
    escalation = draft.escalation
    assert escalation is not None  # noqa: S101  callers look first
    draft.remember(gathered=False)
    open_room(draft, escalation.team, call=person_asked(draft))
    start_clocks(draft, target_of(draft, escalation))
    draft.add(ShowGathered(escalation.id))


def deadline_of(draft: Draft, target: Target) -> datetime:
    """Return when the target's time is over. It counts from when the team is in, or from now if immediate."""
    opens = draft.now if target.immediate else opens_at(draft.organization, target.team_id, draft.now)
    return (opens or draft.now) + target.timeout


def set_clocks(draft: Draft, team: TeamId, deadline: datetime, timeout: timedelta) -> None:
    """Start the clock of the ladder, and that of the reminder where the team's ladder has one."""
    steps = ladder_for(draft.organization, team)
    reminder = steps[0].reminder if steps else None
    draft.add(SetTimer(LADDER, "", deadline))
    if reminder and reminder < timeout:
        draft.add(SetTimer(REMIND, "", deadline - timeout + reminder))


def target_of(draft: Draft, escalation: Escalation) -> Target:
    """Return the target of an escalation by its rule, with the team that has it now."""
    rule = escalation_target(draft.organization, escalation.agent, escalation.trigger)
    return replace(rule, team_id=escalation.team)


def start_clocks(draft: Draft, target: Target) -> None:
    """Start the time of the target's team anew."""
    deadline = deadline_of(draft, target)
    draft.change_escalation(deadline=deadline)
    set_clocks(draft, target.team_id, deadline, target.timeout)


def announce(
    draft: Draft, template: str, team: TeamId, person: str = "", *, wait: timedelta | None = None
) -> MessageId:
    found = find_team(draft.organization, team)
    name = found.name if found else ""
    text = fill(template, team=name, person=person, organization=draft.organization.display_name)
    return draft.say(text, wait=wait)


def open_room(
    draft: Draft, team: TeamId, *, call: PersonId | None = None, at: routing.Room | None = None
) -> None:
    """Open a thread in a channel of the team, or in the channel `at`: the card, then the story so far."""
    escalation = draft.escalation
    assert escalation is not None  # noqa: S101  callers made it
    account_id, channel = at or _usable_room(draft, team)
    place = Place(channel_of(draft.organization, account_id), account_id, channel)
    room = Room(id=draft.rules.new_id(), team=team, place=place, name=channel)
    draft.escalation = replace(escalation, room=room)
    draft.add(OpenRoom(room, escalation.id))
    draft.add(ClearTimers(OPEN_ROOM))
    on_their_way = underway(draft)
    arrived = [message for message in draft.messages.values() if message not in on_their_way]
    story = draft.transcript(arrived)
    draft.tell_room(
        Post(f"**The story so far**\n\n{story}", attachments=of_the_story(draft.messages.values()))
    )
    if lost := lost_of_the_story(draft.messages.values()):
        draft.tell_room(Post("\n".join(lost)))
    show_underway(draft)
    if call is not None:
        ask(draft, call, f"🔔 {_mention(draft, call)} is asked to take this.")


def ask(draft: Draft, person: PersonId | None, text: str) -> None:
    """Call a person to take the conversation. A report tells if they cannot notice it in time."""
    deadline = draft.escalation.deadline if draft.escalation else None
    soonest = draft.now + TO_ANSWER
    draft.call(person, text, needed_by=max(deadline or soonest, soonest))


def ask_team(draft: Draft) -> str:
    """Return the words that ask everybody of the team to take the conversation."""
    escalation = draft.escalation
    assert escalation is not None  # noqa: S101  callers look first
    return (
        f"{_team_name(draft, escalation.team)}: press **Take** on the card to answer {draft.customer_name}."
    )


def _usable_room(draft: Draft, team: TeamId) -> routing.Room:
    """Return the team's first channel that is not known to be lost."""
    own = [c.room for c in room_choices(draft.organization, team) if c.team_id == team]
    return next((room for room in own if not draft.is_lost(room)), room_for(draft.organization, team))


def person_asked(draft: Draft) -> PersonId | None:
    """Return who was asked to take a conversation that still waits, or None."""
    escalation = draft.escalation
    if escalation is None or escalation.state is not EscalationState.WAITING:
        return None
    if escalation.assignee is not None:
        return escalation.assignee
    return person_called(draft.organization, escalation.agent, escalation.trigger, escalation.step)


def step_of(draft: Draft, escalation: Escalation) -> Step:
    """Return the ladder's step that the escalation has reached."""
    steps = ladder_for(draft.organization, _first_team(draft, escalation))
    return steps[min(escalation.step, len(steps) - 1)]


def _mention(draft: Draft, person: PersonId) -> str:
    found = find_person(draft.organization, person)
    return f"**{found.name}**" if found else "A colleague"


def call_next(draft: Draft, reason: str, step: int | None = None) -> None:
    """Call the next target of the ladder because nobody took it; at its end call the last one again.

    Never gives up. `step`: the step to call when a new organization file has changed the ladder.
    """
    escalation = draft.escalation
    if escalation is None or escalation.state is not EscalationState.WAITING:
        return
    if escalation.assignee is not None:
        reason = f"{draft.person_name(escalation.assignee)} did not take it in time."
        escalation = draft.change_escalation(assignee=None)
    steps = ladder_for(draft.organization, _first_team(draft, escalation))
    upcoming = step or escalation.step + 1  # the first one is the team it was sent to
    if upcoming < len(steps):
        _climb(draft, escalation, steps, upcoming, reason)
    else:
        if draft.open_room is None:
            open_room(draft, escalation.team)
        draft.tell_room(Post(f"⏰ Still nobody has taken this. {reason}"))
        deadline = draft.now + KEEP_CALLING
        draft.change_escalation(deadline=deadline)
        draft.add(SetTimer(LADDER, "", deadline))
        draft.because(f"team {escalation.team}", f"called again: {reason}")
        draft.show_card()


def _first_team(draft: Draft, escalation: Escalation) -> TeamId:
    """Return the team whose ladder applies: the one that the escalation was sent to first."""
    return escalation_target(draft.organization, escalation.agent, escalation.trigger).team_id


def _climb(draft: Draft, escalation: Escalation, steps: tuple[Step, ...], upcoming: int, reason: str) -> None:
    step = steps[upcoming]
    following = steps[upcoming + 1].after if upcoming + 1 < len(steps) else KEEP_CALLING
    deadline = draft.now + following
    old_room = draft.open_room
    draft.change_escalation(step=upcoming, team=step.team_id, deadline=deadline)
    draft.add(AddStep(escalation.id, escalation.team, step.person_id or step.team_id, reason))
    account = _usable_room(draft, step.team_id).account_id
    if old_room is None:
        open_room(draft, step.team_id, call=step.person_id)
    elif (old_room.place.account, old_room.team) != (account, step.team_id):
        draft.add(TellRoom(old_room.id, Post(f"➡️ Handed on to {_team_name(draft, step.team_id)}: {reason}")))
        draft.show_card()
        draft.add(CloseRoom(old_room.id))
        open_room(draft, step.team_id, call=step.person_id)
    elif step.person_id is not None:
        ask(draft, step.person_id, f"🔔 {_mention(draft, step.person_id)} is asked to take this. {reason}")
    draft.give(Cause.CALLED_NEXT, step.team_id, Status.ESCALATED)
    draft.add(SetTimer(LADDER, "", deadline))
    draft.add(ClearTimers(REMIND))
    if step.reminder and step.reminder < following:
        draft.add(SetTimer(REMIND, "", draft.now + step.reminder))
    draft.show_card()
    draft.because(f"team {escalation.team}", f"handed on to {step.team_id}: {reason}")
    draft.audit("desk", "escalation.called_next", team=step.team_id, step=upcoming)


def _team_name(draft: Draft, team: TeamId) -> str:
    found = find_team(draft.organization, team)
    return f"**{found.name}**" if found else team
