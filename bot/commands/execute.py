"""Run a command for somebody who may run it: the one place that asks for permission.

The shell, `/desk` in chat and pages all come here.
"""

from collections.abc import Mapping

from bot.commands.desk import Desk, whose
from bot.core.commands import Call, Caller, Command, Output
from bot.core.errors import NotAllowed
from bot.core.permissions import ALL, Grants, Scope
from orgs.roles import grants_of
from orgs.routing import find_person
from storage import queries, scopes


async def execute(desk: Desk, caller: Caller, command: Command, arguments: Mapping[str, str]) -> Output:
    """Return the output of a command.

    Raise NotAllowed if the caller may not run it, by the organization file in force now, and NotFound for
    what is outside of the scope of their permission, as for what does not exist. Raise what the command
    raises.
    """
    if caller.person is not None and command.shell_only:
        raise NotAllowed(f"`{command.name}` is for the shell: `desk {command.name}`.")
    granted = await _grants(desk, caller)
    if command.permission is None:
        return await command.handler(Call(caller, arguments))
    if not granted.may(command.permission):
        raise NotAllowed(
            f"Your role does not let you do that: `{command.name}` needs `{command.permission}`."
            " `/desk roles` shows who may do what."
        )
    limits = granted.narrowing(command.permission)
    if limits is not None:
        await _check_named(desk, caller, command, arguments, limits)
    return await command.handler(Call(caller, arguments, limits))


async def _grants(desk: Desk, caller: Caller) -> Grants:
    """Return what the caller may do. Raise NotAllowed for whoever the organization file does not name."""
    if caller.on_shell:
        return ALL
    if caller.person is None:
        raise NotAllowed(
            "This account belongs to nobody the organization file names: an admin can add you under `people`."
        )
    known = await whose(desk, Call(caller))
    organization = await desk.organizations.get(known.organization, known.version)
    if find_person(organization, caller.person) is None:
        raise NotAllowed(f"You are not one of the people of {known.name} any more.")
    return grants_of(organization, caller.person)


async def _check_named(
    desk: Desk,
    caller: Caller,
    command: Command,
    arguments: Mapping[str, str],
    limits: tuple[Scope, ...],
) -> None:
    """Raise NotFound if an argument names something outside of the scopes."""
    named = [(p.names, arguments[p.name]) for p in command.parameters if p.names and arguments[p.name]]
    if not named:
        return
    async with desk.database.begin(caller.organization) as connection:
        for kind, reference in named:
            id_ = await queries.find_id(connection, caller.organization, kind, reference)
            await scopes.check(connection, caller.organization, kind, id_, limits, reference)
