"""Check teams and their channels, and that somebody can take each escalation."""

from typing import Final

from orgs.checking.findings import Findings
from orgs.defaults import complete
from orgs.problems import Severity, quote
from orgs.reach import unreached
from orgs.specification.organization import (
    ChannelRef,
    Team,
)
from orgs.tree import Path

_ROOMS: Final = ("public", "private", "escalation", "training")


def check_teams(findings: Findings) -> None:
    """Check each team, and that one has a channel for escalations."""
    org = findings.org
    for i, team in enumerate(org.teams):
        _team(findings, ("teams", i), team)
    if org.teams and not any(team.channels.escalation for team in org.teams):
        found = "no team with an escalation channel"
        findings.add(("teams",), "teams.no-escalation-channel", found, "at least one")
    if org.escalation_team and findings.known(
        ("escalation_team",), org.escalation_team, findings.teams, "a team"
    ):
        findings.has_room(("escalation_team",), findings.teams[org.escalation_team])


def _team(findings: Findings, path: Path, team: Team) -> None:
    for i, name in enumerate(team.people):
        findings.known((*path, "people", i), name, findings.people, "a person")
    for i, name in enumerate(team.agents):
        findings.known((*path, "agents", i), name, findings.agents, "an agent")
    if team.ladder:
        ladders = {ladder.id for ladder in findings.org.ladders}
        findings.known((*path, "ladder"), team.ladder, ladders, "a ladder")
    for room in _ROOMS:
        refs: tuple[ChannelRef, ...] = getattr(team.channels, room)
        for i, ref in enumerate(refs):
            findings.channel((*path, "channels", room, i), ref, staff=room != "public", whole=False)


def check_reach(findings: Findings) -> None:
    """Check that somebody can take each escalation: otherwise its customer would wait for ever."""
    org = complete(findings.org)
    sketch = not (findings.org.teams or findings.org.people or findings.org.accounts)
    severity = Severity.WARNING if sketch else Severity.ERROR
    places = {team.id: place for place, team in enumerate(findings.org.teams)}
    for one in unreached(org, findings.channels):
        path: Path = ("teams", places[one.team], "people") if one.team in places else ("people",)
        if one.person:
            path = ("people", [person.id for person in org.people].index(one.person))
            found = f"{quote(one.person)}, who is called in {one.room} and is not known on {one.kind.title}"
        else:
            found = f"nobody in the team {quote(one.team)} who is known on {one.kind.title}"
        by = f"`{one.kind.name}:`" + (" or `email:`" if one.kind.capabilities.emails else "")
        expected = f"a person with {by}: without one nobody can take what is escalated to {one.room}"
        findings.add(path, "reach.nobody", found, expected, severity=severity)
