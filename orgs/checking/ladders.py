"""Check that ladders end, call nobody twice, and are used."""

from orgs.checking.findings import Findings
from orgs.problems import quote
from orgs.specification.organization import (
    Ladder,
)
from orgs.tree import Path


def check_ladders(findings: Findings) -> None:
    """Check each ladder, and that some team uses it."""
    teams = findings.org.teams
    used = {team.ladder or "default" for team in teams} or {"default"}
    for i, ladder in enumerate(findings.org.ladders):
        path: Path = ("ladders", i)
        _ladder(findings, path, ladder)
        if ladder.id not in used:
            found = f"the ladder {quote(ladder.id)}, which no team uses"
            findings.warn((*path, "id"), "ladder.unused", found, "a team with this ladder")


def _ladder(findings: Findings, path: Path, ladder: Ladder) -> None:
    users = {team.id for team in findings.org.teams if team.ladder == ladder.id}
    called: set[str] = set()
    reminder = ladder.reminder
    for i, step in enumerate(ladder.steps):
        here: Path = (*path, "steps", i, "target")
        if reminder and reminder >= step.after:
            at: Path = (*path, "steps", i, "after")
            expected = "more than the reminder before it, which otherwise never comes"
            findings.warn(at, "ladder.reminder", quote(findings.tree.at(at)), expected)
        reminder = step.reminder
        team = findings.teams.get(step.target)
        name = team.id if team else step.target
        if name in called or name in users:
            found = f"{quote(step.target)}, who has been called before"
            findings.add(here, "ladder.loop", found, "somebody who was not called yet")
        called.add(name)
        if team:
            findings.has_room(here, team)
        else:
            findings.known(here, name, {*findings.teams, *findings.people}, "a team or a person")
