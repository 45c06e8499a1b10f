"""Decide who is asked, where, and for how long. All functions are pure.

Each function has an answer for every organization that `orgs.loading.load` accepts, also where its file says
nothing or names a target that does not exist: every escalation goes somewhere.
"""

from collections.abc import Container, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, NamedTuple

from bot.core.conversation import Urgency
from bot.core.events import Channel
from bot.core.ids import AgentId, PersonId, TeamId
from orgs.specification.organization import (
    Account,
    Agent,
    AgentRole,
    ChannelRef,
    EscalationRule,
    Ladder,
    Organization,
    Person,
    Serves,
    Team,
    Trigger,
)

DEFAULT_STEP: Final = timedelta(minutes=5)  # without a ladder: until the escalation team is called, too
DEFAULT_REMINDER: Final = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The target of an escalation. `team_id` always has a room; `person_id` is a person to be called.

    `agent_id` is set when the rule hands over to another agent; the team is then the one that follows when
    that agent cannot help. `timeout` is how long they have before the next step of the ladder. `immediate`:
    do not wait for their hours. `rule` names the rule, for staff.
    """

    team_id: TeamId
    person_id: PersonId | None = None
    agent_id: AgentId | None = None
    timeout: timedelta
    immediate: bool
    urgency: Urgency
    rule: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of a ladder: who is called, how long after the step before, and when they are reminded
    once.
    """

    team_id: TeamId
    person_id: PersonId | None
    after: timedelta  # 0 for the first step, which is the team that the escalation was sent to
    reminder: timedelta | None


class RoomChannel(NamedTuple):
    account_id: str
    channel: str


class RoomChoice(NamedTuple):
    """A channel where an escalation may continue, and the team that then has it."""

    team_id: TeamId
    room: RoomChannel


def find_team(org: Organization, name: str) -> Team | None:
    """Return the team with this id or alias, or None."""
    return next((team for team in org.teams if team.id == name or name in team.aliases), None)


def find_person(org: Organization, person_id: str) -> Person | None:
    return next((person for person in org.people if person.id == person_id), None)


def find_agent(org: Organization, agent_id: str) -> Agent | None:
    return next((agent for agent in org.agents if agent.id == agent_id), None)


def find_account(org: Organization, account_id: str) -> Account | None:
    return next((account for account in org.accounts if account.id == account_id), None)


def find_trigger(org: Organization, trigger: str) -> Trigger | None:
    return next((known for known in org.triggers if known.id == trigger), None)


def default_team(org: Organization) -> Team:
    """Return the team that gets every escalation for which no other team is named."""
    named = find_team(org, org.escalation_team) if org.escalation_team else None
    return named or next((team for team in org.teams if team.channels.escalation), org.teams[0])


def team_of_agent(org: Organization, agent_id: str) -> Team:
    return next((team for team in org.teams if agent_id in team.agents), default_team(org))


def team_of_person(org: Organization, person_id: str) -> Team:
    """Return the person's first team with an escalation channel, else their first, else the default team."""
    teams = [team for team in org.teams if person_id in team.people]
    with_room = [team for team in teams if team.channels.escalation]
    return next(iter(with_room or teams), default_team(org))


def rules_of(org: Organization, agent_id: str) -> tuple[EscalationRule, ...]:
    """Return the agent's rules, then those of the organization for triggers without a rule of the agent's."""
    agent = find_agent(org, agent_id)
    own = agent.escalation_rules if agent else ()
    named = {rule.trigger for rule in own}
    return own + tuple(rule for rule in org.escalation_rules if rule.trigger not in named)


def escalation_target(org: Organization, agent_id: str, trigger: str) -> Target:
    """Return where a conversation of this agent goes for this reason.

    Without a rule, it goes to the agent's own team if that has an escalation channel, else to the default
    team. A rule whose target does not exist leads to the default team.
    """
    rule = next((rule for rule in rules_of(org, agent_id) if rule.trigger == trigger), None)
    named = find_trigger(org, trigger)
    urgency = named.urgency if named else Urgency.NORMAL
    if rule is None:
        own = team_of_agent(org, agent_id)
        team = own if own.channels.escalation else default_team(org)
        return Target(
            team_id=TeamId(team.id),
            timeout=_first_step(org, team.id),
            immediate=urgency is Urgency.CRITICAL,
            urgency=urgency,
            rule=f"no rule for {trigger}",
        )
    team, person, agent, note = _resolve(org, rule.target)
    return Target(
        team_id=TeamId(team.id),
        person_id=PersonId(person.id) if person else None,
        agent_id=AgentId(agent.id) if agent else None,
        timeout=rule.timeout or _first_step(org, team.id),
        immediate=rule.immediate or urgency is Urgency.CRITICAL,
        urgency=Urgency.HIGH if rule.immediate and urgency is Urgency.NORMAL else urgency,
        rule=f"{trigger} → {rule.target}{note}",
    )


def _first_step(org: Organization, team_id: str) -> timedelta:
    """Return how long the team has before the next step of its ladder."""
    return next((step.after for step in ladder_for(org, team_id)[1:]), DEFAULT_STEP)


def _resolve(org: Organization, target: str) -> tuple[Team, Person | None, Agent | None, str]:
    if team := find_team(org, target):
        return team, None, None, ""
    if person := find_person(org, target):
        return team_of_person(org, person.id), person, None, ""
    if agent := find_agent(org, target):
        own = team_of_agent(org, agent.id)
        return own if own.channels.escalation else default_team(org), None, agent, ""
    return default_team(org), None, None, " (not defined)"


def ladder_for(org: Organization, team_id: str) -> tuple[Step, ...]:
    """Return all steps for an escalation to this team, in order. There is at least one, and nobody is called
    twice.

    The first step is the team itself. A team that names no ladder has the ladder called `default`. If there
    is none, the default team is its second and last step.
    """
    team = find_team(org, team_id) or default_team(org)
    ladder = _named_ladder(org, team.ladder or "default")
    first = ladder.reminder if ladder else DEFAULT_REMINDER
    steps = [Step(team_id=TeamId(team.id), person_id=None, after=timedelta(), reminder=first)]
    if ladder:
        for rung in ladder.steps:
            called, person, _, _ = _resolve(org, rung.target)
            steps.append(
                Step(
                    team_id=TeamId(called.id),
                    person_id=PersonId(person.id) if person else None,
                    after=rung.after,
                    reminder=rung.reminder,
                )
            )
    else:
        last = TeamId(default_team(org).id)
        steps.append(Step(team_id=last, person_id=None, after=DEFAULT_STEP, reminder=None))
    return _without_repeats(steps)


def person_called(org: Organization, agent_id: str, trigger: str, step: int) -> PersonId | None:
    """Return the person whom the rule, or a later step of its team's ladder, calls by name, or None."""
    target = escalation_target(org, agent_id, trigger)
    if step == 0:
        return target.person_id
    steps = ladder_for(org, target.team_id)
    return steps[min(step, len(steps) - 1)].person_id


def _named_ladder(org: Organization, ladder_id: str) -> Ladder | None:
    return next((ladder for ladder in org.ladders if ladder.id == ladder_id), None)


def _without_repeats(steps: list[Step]) -> tuple[Step, ...]:
    called = {(step.team_id, step.person_id): step for step in reversed(steps)}
    return tuple(step for step in steps if called[step.team_id, step.person_id] is step)


def room_for(org: Organization, team_id: str) -> RoomChannel:
    """Return where the team handles escalations: its escalation channel, its private one, or the
    default team's.
    """
    return room_choices(org, team_id)[0].room


def room_choices(org: Organization, team_id: str) -> tuple[RoomChoice, ...]:
    """Return every channel for an escalation to the team, best first. There is at least one, and none twice.

    First come the team's own channels for escalations, then its private ones, then those of the default team.
    A team without channels works in those of the default team.
    """
    last = default_team(org)
    own, others = _rooms(org, find_team(org, team_id)), _rooms(org, last)
    choices = [RoomChoice(TeamId(team_id), room) for room in own or others]
    choices += [RoomChoice(TeamId(last.id), room) for room in others]
    choices = choices or [RoomChoice(TeamId(team_id), RoomChannel(staff_account(org), "#escalation"))]
    return tuple({choice.room: choice for choice in reversed(choices)}.values())[::-1]


def _rooms(org: Organization, team: Team | None) -> list[RoomChannel]:
    return [_room(org, ref) for ref in team.channels.escalation + team.channels.private] if team else []


def _room(org: Organization, ref: ChannelRef) -> RoomChannel:
    return RoomChannel(ref.account or staff_account(org), ref.channel)


def rooms_on(org: Organization, account_id: str) -> tuple[str, ...]:
    """Return the channels of all teams on this account, as the file names them."""
    refs = (
        _room(org, ref)
        for team in org.teams
        for name in ("public", "private", "escalation", "training")
        for ref in getattr(team.channels, name)
    )
    return tuple(
        dict.fromkeys(room.channel for room in refs if room.account_id == account_id and room.channel)
    )


def private_rooms_on(org: Organization, account_id: str) -> tuple[tuple[str, bool], ...]:
    """Return the staff-only channels on this account, each with whether the file also lists it as public."""
    private, public = (
        [
            room.channel
            for team in org.teams
            for name in names
            for room in (_room(org, ref) for ref in getattr(team.channels, name))
            if room.account_id == account_id and room.channel
        ]
        for names in (("escalation", "private"), ("public",))
    )
    return tuple((channel, channel in public) for channel in dict.fromkeys(private))


def is_public(org: Organization, room: RoomChannel) -> bool:
    """Return whether the file lists a channel as one that the whole workplace may read."""
    return dict(private_rooms_on(org, room.account_id)).get(room.channel, False)


def staff_account(org: Organization) -> str:
    """Return the account of a channel that names none: the first account that serves staff."""
    return next((account.id for account in org.accounts if account.serves is Serves.STAFF), "slack")


def channel_of(org: Organization, account_id: str) -> Channel:
    """Return the channel that an account connects to."""
    account = find_account(org, account_id)
    return Channel(account.channel if account else "slack")


def direct_chats(org: Organization, person_id: str, by_email: Container[str] = ()) -> tuple[RoomChannel, ...]:
    """Return where a person can be messaged directly: each account that serves staff, with their id there.

    On the accounts in `by_email`, their email address serves as id if the file gives no other.
    """
    person = find_person(org, person_id)
    if person is None:
        return ()
    return tuple(
        RoomChannel(account.id, known)
        for account in org.accounts
        if account.serves is Serves.STAFF
        and (known := person.on(account.channel) or (person.email if account.id in by_email else ""))
    )


def first_agent(org: Organization, account_id: str, channel: str = "") -> AgentId:
    """Return the agent who meets a customer there.

    Prefer a primary agent, then one of that channel, then one of that account, then the first in the file.
    """

    def fit(agent: Agent) -> tuple[bool, bool, bool]:
        refs = [(ref.account or staff_account(org), ref.channel) for ref in agent.channels]
        return (
            agent.role is AgentRole.PRIMARY,
            bool(channel) and (account_id, channel) in refs,
            (account_id, "") in refs,
        )

    return AgentId(max(org.agents, key=fit).id)  # the first in the file among equals


def without_tag(address: str) -> str:
    """Return an address in lower case, without the part that begins with a plus."""
    local, at, domain = address.casefold().rpartition("@")
    return f"{local.partition('+')[0]}{at}{domain}"


def _addressees(org: Organization, account_id: str) -> Mapping[str, str]:
    account = find_account(org, account_id)
    return {} if account is None else {key.casefold(): name for key, name in account.addresses.items()}


def agents_addressed(org: Organization, account_id: str) -> Mapping[str, AgentId]:
    """Return the agents whom the file names for addresses of an account, by address in lower case."""
    named = _addressees(org, account_id)
    known = {agent.id for agent in org.agents}
    return {
        address: AgentId(name)
        for address, name in named.items()
        if name in known and find_team(org, name) is None
    }


def team_addressed(org: Organization, account_id: str, address: str) -> Target | None:
    """Return where a conversation goes that was written to this address, or None if the file names no team
    for it.
    """
    named = _addressees(org, account_id)
    name = named.get(address.casefold()) or named.get(without_tag(address), "")
    team = find_team(org, name) if name else None
    if team is None:
        return None
    return Target(
        team_id=TeamId(team.id),
        timeout=_first_step(org, team.id),
        immediate=False,
        urgency=Urgency.NORMAL,
        rule=f"written to {address}",
    )


def person_on(org: Organization, channel: str, user_id: str, email: str = "") -> PersonId | None:
    """Return the person whom the file gives this id on that channel, else the one with this email address.

    `email` is an address that the channel has verified, or "".
    """
    for person in org.people:
        if user_id and person.on(channel) == user_id:
            return PersonId(person.id)
    for person in org.people:
        known = {(person.on(channel) or "").casefold(), (person.email or "").casefold()}
        if email and email.casefold() in known:
            return PersonId(person.id)
    return None


def people_of(org: Organization, team_id: str) -> tuple[Person, ...]:
    team = find_team(org, team_id)
    return tuple(person for person in org.people if team and person.id in team.people)
