"""Check roles: what they include and list exists, and every person's roles are known."""

from bot.core.permissions import Permission
from orgs.checking.findings import Findings
from orgs.problems import close_match, quote
from orgs.roles import SHIPPED, grants_of, listed
from orgs.tree import Path


def check_roles(findings: Findings) -> None:
    """Check the roles that the file defines, and those that its people have."""
    org = findings.org
    findings.once([(("roles", i, "id"), role.id) for i, role in enumerate(org.roles)])
    known = [*SHIPPED, *(role.id for role in org.roles)]
    for i, role in enumerate(org.roles):
        path: Path = ("roles", i)
        if role.id in SHIPPED:
            findings.add(
                (*path, "id"),
                "role.shipped",
                quote(role.id),
                "another name: every organization has this role",
            )
        for k, name in enumerate(role.includes):
            if findings.known((*path, "includes", k), name, known, "a role") and _includes(
                findings, name, role.id
            ):
                findings.add(
                    (*path, "includes", k), "role.loop", f"a way back to {quote(role.id)}", "roles that end"
                )
        for k, pattern in enumerate(role.may):
            _permission(findings, (*path, "may", k), pattern)
        for k, name in enumerate(role.scope.team):
            findings.known((*path, "scope", "team", k), name, findings.teams, "a team")
        for k, name in enumerate(role.scope.channel):
            places = {*findings.accounts, *(account.channel for account in org.accounts)}
            if places:
                findings.known((*path, "scope", "channel", k), name, places, "an account or a channel")
        if not role.includes and not any(listed(role)):
            findings.warn(
                (*path, "may"),
                "role.empty",
                f"the role {quote(role.id)}, which grants nothing",
                "a permission",
            )
    for i, person in enumerate(org.people):
        for k, name in enumerate(person.roles):
            findings.known(("people", i, "roles", k), name, known, "a role")
    _teams(findings)


def _includes(findings: Findings, name: str, wanted: str) -> bool:
    """Return whether a role includes another one, also through further roles."""
    roles = {role.id: role for role in findings.org.roles}
    seen: set[str] = set()
    waiting = [name]
    while waiting:
        each = waiting.pop()
        if each == wanted:
            return True
        if each in roles and each not in seen:
            seen.add(each)
            waiting += roles[each].includes
    return False


def _permission(findings: Findings, path: Path, pattern: str) -> None:
    nouns = dict.fromkeys(f"{permission.noun}.*" for permission in Permission)
    known = ["*", *nouns, *Permission]
    if pattern not in known:
        findings.add(
            path,
            "permission.unknown",
            quote(pattern),
            "a permission: `desk roles show` lists them",
            suggestion=close_match(pattern, known),
        )


def _teams(findings: Findings) -> None:
    """Warn of people in teams that are called to conversations which they may not take."""
    org = findings.org
    for t, team in enumerate(org.teams):
        for k, name in enumerate(team.people):
            if name in findings.people and not grants_of(org, name).may(Permission.CONVERSATIONS_TAKE):
                findings.warn(
                    ("teams", t, "people", k),
                    "team.may-not-take",
                    f"{quote(name)}, whose roles do not let them take conversations",
                    "somebody with the role staff, or conversations.take",
                )
