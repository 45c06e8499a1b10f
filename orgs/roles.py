"""Roles: which permissions each person of an organization has. All functions are pure."""

from collections.abc import Iterator, Mapping
from typing import Final

from bot.core.permissions import EVERYWHERE, Grants, Permission, Scope
from orgs.routing import find_person, find_team
from orgs.specification.organization import Organization, Person, PersonRole, RoleScope

OWNER: Final = "owner"
ADMIN: Final = "admin"
SUPERVISOR: Final = "supervisor"
STAFF: Final = "staff"
AUDITOR: Final = "auditor"
VIEWER: Final = "viewer"

_VIEWER: Final = frozenset(
    {
        Permission.ACCOUNTS_READ,
        Permission.CONVERSATIONS_READ,
        Permission.CUSTOMERS_READ,
        Permission.DELIVERIES_READ,
        Permission.ORGANIZATION_READ,
        Permission.STATUS_READ,
    }
)
_STAFF: Final = _VIEWER | {
    Permission.CONVERSATIONS_TAKE,
    Permission.CONVERSATIONS_TAKE_OVER,
    Permission.CONVERSATIONS_ASSIGN,
    Permission.CUSTOMERS_INVITE,
}
_SUPERVISOR: Final = _STAFF | {
    Permission.ACCOUNTS_CHECK,
    Permission.CONVERSATIONS_CLOSE,
    Permission.CONVERSATIONS_WATCH,
    Permission.CUSTOMERS_MERGE,
    Permission.DELIVERIES_RETRY,
}

SHIPPED: Final[Mapping[str, frozenset[Permission]]] = {
    OWNER: frozenset(Permission),
    ADMIN: frozenset(Permission) - {Permission.ORGANIZATION_RETIRE, Permission.ROLES_CHANGE},
    SUPERVISOR: _SUPERVISOR,
    STAFF: _STAFF,
    AUDITOR: _VIEWER | {Permission.AUDIT_READ, Permission.SECRETS_READ},
    VIEWER: _VIEWER,
}
"""The roles that every organization has. An organization file adds its own beside them."""

SUMMARIES: Final[Mapping[str, str]] = {
    OWNER: "everything, also who has which role",
    ADMIN: "everything but to give out roles and to end the organization",
    SUPERVISOR: "handle and watch conversations, also those of others; merge customers, send again",
    STAFF: "read and handle conversations",
    AUDITOR: "read everything, also the audit log, and change nothing",
    VIEWER: "read conversations and numbers, and change nothing",
}


def granted_by(org: Organization, role: str, person: str, *, seen: frozenset[str] = frozenset()) -> Grants:
    """Return the permissions that a role grants to a person. A role that nobody defines grants none.

    A role of the file grants what it lists, and what the roles grant that it includes, all of it limited to
    its scope.
    """
    if (shipped := SHIPPED.get(role)) is not None:
        return Grants(dict.fromkeys(sorted(shipped), (EVERYWHERE,)))
    defined = next((each for each in org.roles if each.id == role), None)
    if defined is None or role in seen:
        return Grants({})
    own = dict.fromkeys(listed(defined), (EVERYWHERE,))
    included = (granted_by(org, name, person, seen=seen | {role}) for name in defined.includes)
    together = _joined((Grants(own), *included))
    scope = _scope(org, defined.scope, person)
    return Grants(
        {
            permission: tuple(dict.fromkeys(each.narrowed(scope) for each in scopes))
            if permission.scoped
            else scopes
            for permission, scopes in together.scopes.items()
        }
    )


def listed(role: PersonRole) -> Iterator[Permission]:
    """Yield the permissions that a role of the file lists. `customers.*` stands for all of a noun."""
    for pattern in role.may:
        for permission in Permission:
            if pattern in ("*", f"{permission.noun}.*", permission):
                yield permission


def grants_of(org: Organization, person_id: str | None) -> Grants:
    """Return what a person may do: what any of their roles grants. Nothing for nobody."""
    person = find_person(org, person_id) if person_id else None
    if person is None:
        return Grants({})
    return _joined(tuple(granted_by(org, role, person.id) for role in person.roles))


def holders(org: Organization, permission: Permission) -> tuple[Person, ...]:
    """Return the people who have a permission, wherever."""
    return tuple(person for person in org.people if grants_of(org, person.id).may(permission))


def _scope(org: Organization, scope: RoleScope, person: str) -> Scope:
    teams = [find_team(org, name) for name in scope.team]
    return Scope(
        teams=frozenset(team.id for team in teams if team) if scope.team else None,
        agents=frozenset(agent for team in teams if team for agent in team.agents),
        channels=frozenset(scope.channel) if scope.channel else None,
        person=person if scope.conversation else None,
    )


def _joined(all_of: tuple[Grants, ...]) -> Grants:
    together: dict[Permission, tuple[Scope, ...]] = {}
    for grants in all_of:
        for permission, scopes in grants.scopes.items():
            known = together.get(permission, ())
            together[permission] = (*known, *(scope for scope in scopes if scope not in known))
    return Grants(together)
