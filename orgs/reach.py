"""Find escalations that would reach no person, before an organization file is put in force."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bot.core.connector import ChannelKind
from orgs.routing import (
    default_team,
    escalation_target,
    find_account,
    find_person,
    ladder_for,
    people_of,
    room_for,
    rules_of,
)
from orgs.specification.organization import Organization, Person


@dataclass(frozen=True, slots=True)
class Unreached:
    """A team, or a `person` who is called, that gets escalations and cannot take them."""

    team: str
    person: str
    room: str  # where they would have to take them
    kind: ChannelKind  # of the room


def unreached(org: Organization, channels: Mapping[str, ChannelKind]) -> list[Unreached]:
    """Return each target of an escalation that is not known on the channel of its room, in the order of the
    file.

    `org` is complete. A person is known on a channel by their id there in the file, or by their email address
    if the channel reveals those.
    """
    found = dict.fromkeys(_unreached(org, channels))
    order = {team.id: place for place, team in enumerate(org.teams)}
    return sorted(found, key=lambda one: (order.get(one.team, 0), one.person))


def _unreached(org: Organization, channels: Mapping[str, ChannelKind]) -> Iterator[Unreached]:
    for team, person in _called(org):
        room = room_for(org, team)
        account = find_account(org, room.account_id)
        kind = channels.get(account.channel) if account else None
        if kind is None:
            continue  # the missing channel is reported elsewhere
        one = find_person(org, person) if person else None
        if not any(_knows(kind, each) for each in ([one] if one else people_of(org, team))):
            yield Unreached(team, person, room.channel, kind)


def _called(org: Organization) -> Iterator[tuple[str, str]]:
    """Yield everyone who may be called: a team, and perhaps a person of it."""
    first = {default_team(org).id: ""}
    for agent in org.agents:
        for trigger in (*(rule.trigger for rule in rules_of(org, agent.id)), ""):
            target = escalation_target(org, agent.id, trigger)
            first.setdefault(target.team_id, "")
            if target.person_id:
                yield target.team_id, target.person_id
    for team in first:
        yield team, ""
        for step in ladder_for(org, team)[1:]:
            yield step.team_id, step.person_id or ""


def _knows(kind: ChannelKind, person: Person) -> bool:
    return bool(person.on(kind.name) or (kind.capabilities.emails and person.email))
