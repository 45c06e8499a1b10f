"""`desk roles …`: which role may do what, and who has it."""

from bot.commands.desk import Desk, whose
from bot.core.commands import Call, Command, JsonValue, Output, Parameter, Table
from bot.core.errors import NotFound
from bot.core.permissions import Grants, Permission
from orgs.roles import SHIPPED, SUMMARIES, granted_by, grants_of
from orgs.routing import find_person
from orgs.specification.organization import Organization, RoleScope

_YES, _LIMITED, _NO = "yes", "limited", "-"


def commands(desk: Desk) -> tuple[Command, ...]:
    async def show(call: Call) -> Output:
        known = await whose(desk, call)
        organization = await desk.organizations.get(known.organization, known.version)
        if name := call.arguments["person"]:
            return _of_person(organization, name)
        return _matrix(organization)

    summary = "Every role and its permissions, and who has it."
    parameters = (
        Parameter("person", "Only what this person may do, as the organization file names them.", ""),
    )
    return (
        Command(
            name="roles",
            summary=summary,
            permission=Permission.ORGANIZATION_READ,
            handler=show,
            parameters=parameters,
        ),
        Command(
            name="roles show",
            summary=summary,
            permission=Permission.ORGANIZATION_READ,
            handler=show,
            parameters=parameters,
            example="ben",
        ),
    )


def _matrix(organization: Organization) -> Output:
    """Return the table of permissions and roles, and the table of roles and people."""
    roles = [*SHIPPED, *(role.id for role in organization.roles)]
    granted = {role: granted_by(organization, role, "") for role in roles}
    defined = {role.id: role for role in organization.roles}
    people = {role: [p.id for p in organization.people if role in p.roles] for role in roles}
    scopes = {role: _limits(defined[role].scope) if role in defined else "" for role in roles}
    return Output(
        tables=(
            Table(
                ("permission", *roles),
                tuple((p.value, *(_cell(granted[role], p) for role in roles)) for p in Permission),
                title="Who may do what",
            ),
            Table(
                ("role", "people", "it may", "limited to"),
                tuple(
                    (
                        role,
                        ", ".join(people[role]) or "-",
                        SUMMARIES.get(role) or (defined[role].name or "what the organization file lists"),
                        scopes[role] or "-",
                    )
                    for role in roles
                ),
                title="Roles",
            ),
        ),
        data=[
            {
                "role": role,
                "shipped": role in SHIPPED,
                "people": list[JsonValue](people[role]),
                "limited_to": scopes[role],
                "permissions": {p.value: _cell(granted[role], p) for p in Permission},
            }
            for role in roles
        ],
    )


def _of_person(organization: Organization, name: str) -> Output:
    person = find_person(organization, name)
    if person is None:
        raise NotFound("person", name)
    grants = grants_of(organization, person.id)
    return Output(
        text=f"{person.name} has the role {' and the role '.join(person.roles) or 'of nobody'}.",
        tables=(Table(("permission", person.id), tuple((p.value, _cell(grants, p)) for p in Permission)),),
        data={
            "person": person.id,
            "roles": list[JsonValue](person.roles),
            "permissions": {p.value: _cell(grants, p) for p in Permission},
        },
    )


def _cell(grants: Grants, permission: Permission) -> str:
    if not grants.may(permission):
        return _NO
    return _YES if grants.narrowing(permission) is None else _LIMITED


def _limits(scope: RoleScope) -> str:
    """Return in words what a role is limited to, or ""."""
    limits = (
        f"teams {', '.join(scope.team)}" if scope.team else "",
        f"channels {', '.join(scope.channel)}" if scope.channel else "",
        "what they handle themselves" if scope.conversation else "",
    )
    return "; ".join(filter(None, limits))
