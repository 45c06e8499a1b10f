"""`desk org …`: the organization file, from disk and from its history."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from bot.commands.desk import Consent, Desk, actor, whose
from bot.commands.exposure import exposures
from bot.commands.formatting import count_of, moment, plural, short_id
from bot.core.commands import Call, Command, JsonValue, Output, Parameter, Table
from bot.core.errors import BadUsage, InvalidOrganization, NotAllowed
from bot.core.permissions import Permission
from orgs.changes import Change, render_changes
from orgs.documents import to_document
from orgs.loading import lint as lint_file
from orgs.loading import load as load_file
from orgs.problems import Problem, Severity
from orgs.specification.organization import Organization
from storage import organizations
from storage.organizations import Applied, InForce, Preview
from storage.retiring import retire as retire_organization
from storage.retiring import under_way
from storage.staffing import Affected, Reassignments

_MOST_VERSION: Final = 999_999_999
_MOST_SHOWN: Final = 200  # changes that are listed; all of them are counted
_MOST_NAMED: Final = 8  # conversations that one line names


def commands(desk: Desk) -> tuple[Command, ...]:
    async def show(call: Call) -> Output:
        known = await whose(desk, call)
        return _shown(known, await desk.organizations.get(known.organization, known.version))

    async def lint(call: Call) -> Output:
        return _linted(await asyncio.to_thread(lint_file, Path(call.arguments["path"]), desk.channels))

    async def apply(call: Call) -> Output:
        path, version = call.arguments["path"], call.arguments["version"]
        if bool(path) == bool(version):
            raise BadUsage("Give either the path of an organization file or `--version N`.")
        if path and call.caller.person is not None:
            raise NotAllowed("A file is applied on the shell; from chat, go back with `--version N`.")
        if path:
            return await _apply_file(desk, call, Path(path))
        return await _apply_version(desk, call, count_of(version, "version", _MOST_VERSION))

    async def versions(call: Call) -> Output:
        known = await whose(desk, call)
        async with desk.database.begin(known.organization) as connection:
            lines = await organizations.versions(connection, known.organization)
        return Output(
            tables=(
                Table(
                    ("version", "applied (UTC)", "by", "digest", ""),
                    tuple(
                        (
                            str(line.version),
                            moment(line.applied_at),
                            line.applied_by,
                            line.digest[:12],
                            "in force" if line.version == known.version else "",
                        )
                        for line in lines
                    ),
                    title=known.name,
                ),
            ),
            data=[
                {
                    "version": line.version,
                    "applied_at": line.applied_at.isoformat(),
                    "applied_by": line.applied_by,
                    "digest": line.digest,
                    "in_force": line.version == known.version,
                }
                for line in lines
            ],
        )

    async def retire(call: Call) -> Output:
        async with desk.database.begin() as connection:
            known = await organizations.find(connection, call.arguments["name"])
            conversations, escalated = await under_way(connection, known.organization)
        loss = (
            f"{known.name} ends: its accounts are closed, and nothing is accepted or sent for it any more."
            f" {plural(conversations, 'conversation')} under way would end unanswered, {escalated} of them"
            " with people, who are told in their rooms. What was said is kept as long as usual."
        )
        reply = Consent.INSISTED if call.arguments["yes"] else await desk.confirm(loss, "Retire it?")
        if not reply.go_on:
            asked = f"{loss}\nNothing was done. To retire it without being asked, add `--yes`."
            return Output(
                text="Nothing was done." if reply.shown else asked,
                data={"retired": False, "conversations": conversations},
                ok=False,
            )
        async with desk.database.begin(known.organization) as connection:
            told = await retire_organization(
                connection, desk.keys, desk.new_id, known.organization, by=actor(call)
            )
        await desk.wake_workers()
        return Output(
            text=f"{known.name} is retired: {plural(told, 'conversation')} ended. `desk org apply` with its"
            " file brings it back; `customers erase` makes unreadable what a customer wrote.",
            data={"retired": True, "conversations": told},
        )

    path = Parameter("path", "The organization file, or the folder with an organization.yaml.")
    return (
        Command(
            name="org show",
            summary="The organization as it is now.",
            permission=Permission.ORGANIZATION_READ,
            handler=show,
        ),
        Command(
            name="org lint",
            summary="Check an organization file; every problem with its line.",
            permission=Permission.ORGANIZATION_READ,
            shell_only=True,
            handler=lint,
            parameters=(path,),
            example="my-organization/",
        ),
        Command(
            name="org apply",
            summary="Show what would change, and put an organization file or an earlier version in force.",
            permission=Permission.ORGANIZATION_CHANGE,
            handler=apply,
            parameters=(
                Parameter(path.name, path.summary, default=""),
                Parameter("version", "Go back to this version.", default="", option=True),
                Parameter("yes", "Do not ask.", flag=True, default=""),
            ),
            example="--version 1",
            writes=True,
        ),
        Command(
            name="org retire",
            summary="End an organization: nothing is accepted or sent for it any more, and its data is kept.",
            permission=Permission.ORGANIZATION_RETIRE,
            shell_only=True,
            handler=retire,
            parameters=(
                Parameter("name", "The organization's name, in quotes."),
                Parameter("yes", "Do not ask.", flag=True, default=""),
            ),
            example='"Brightdesk Support"',
            writes=True,
        ),
        Command(
            name="org versions",
            summary="Every version that was in force, newest first.",
            permission=Permission.ORGANIZATION_READ,
            handler=versions,
        ),
    )


async def _apply_file(desk: Desk, call: Call, path: Path) -> Output:
    loaded = await asyncio.to_thread(load_file, path, desk.channels)
    unknown = await _unknown_readers(desk, loaded.organization)
    warnings = (*(str(problem) for problem in loaded.warnings), *unknown)
    async with desk.database.begin() as connection:
        foreseen = await organizations.preview(connection, loaded)
    reply = await _agreed(desk, call, foreseen, warnings)
    if not reply.go_on:
        return _not_applied(foreseen, warnings, reply)
    async with desk.database.begin() as connection:
        applied = await organizations.apply(
            connection, desk.keys, desk.new_id, loaded, by=actor(call), digest=loaded.digest
        )
    if applied.changes or applied.revived:
        await desk.wake_workers()
    return _applied(loaded.organization.name, applied, warnings, reply)


async def _apply_version(desk: Desk, call: Call, version: int) -> Output:
    known = await whose(desk, call)
    async with desk.database.begin(known.organization) as connection:
        foreseen = await organizations.preview_version(connection, known.organization, version)
    warnings = await _unknown_readers(desk, await desk.organizations.get(known.organization, version))
    reply = await _agreed(desk, call, foreseen, warnings)
    if not reply.go_on:
        return _not_applied(foreseen, warnings, reply)
    # Without an organization: the accounts are compared with those of all other organizations.
    async with desk.database.begin() as connection:
        applied = await organizations.apply_version(
            connection, desk.keys, desk.new_id, known.organization, version, by=actor(call)
        )
    if applied.changes or applied.revived:
        await desk.wake_workers()
    return _applied(known.name, applied, warnings, reply)


async def _unknown_readers(desk: Desk, organization: Organization) -> tuple[str, ...]:
    """Return warnings about channels of which the platform could not be asked who reads them.

    Raises InvalidOrganization if others can read a channel that the file calls private.
    """
    readers = await exposures(desk, organization)
    if readers.exposed:
        raise InvalidOrganization(readers.exposed)
    return readers.unknown


async def _agreed(desk: Desk, call: Call, foreseen: Preview, warnings: tuple[str, ...]) -> Consent:
    if call.arguments["yes"] or not (foreseen.changes or foreseen.revives):
        return Consent.INSISTED
    return await desk.confirm("\n".join((*warnings, *_shown_changes(foreseen))), "Put this in force?")


def _shown_changes(foreseen: Preview) -> list[str]:
    back = ["! It was retired, and comes back."] if foreseen.revives else []
    changes = [_written(foreseen.changes)] if foreseen.changes else []
    return [*changes, *back, *_reassigned(foreseen.reassignments)]


def _not_applied(foreseen: Preview, warnings: tuple[str, ...], reply: Consent) -> Output:
    many = plural(len(foreseen.changes), "change")
    said = f"Nothing was applied. To apply {many} without being asked, add `--yes`."
    whole = "\n".join((*warnings, *_shown_changes(foreseen), said))
    return Output(
        text="Nothing was applied." if reply.shown else whole,
        data={
            "applied": False,
            "changes": _as_data(foreseen.changes),
            "conversations": _conversations(foreseen.reassignments),
            "warnings": list(warnings),
        },
        ok=False,
    )


def _applied(name: str, applied: Applied, warnings: tuple[str, ...], reply: Consent) -> Output:
    data: JsonValue = {
        "organization": str(applied.organization),
        "name": name,
        "version": applied.version,
        "created": applied.created,
        "applied": bool(applied.changes) or applied.revived,
        "changes": _as_data(applied.changes),
        "conversations": _conversations(applied.reassignments),
        "warnings": list(warnings),
    }
    if not applied.changes and not applied.revived:
        said = f"Nothing changes: version {applied.version} of {name} says the same."
        return Output(text="\n".join((*warnings, said)), data=data)
    said = f"Version {applied.version} of {name} is in force: {plural(len(applied.changes), 'change')}."
    if reply.shown:
        return Output(text=said, data=data)
    shown = _shown_changes(Preview(applied.changes, applied.reassignments, applied.revived))
    return Output(text="\n".join((*warnings, *shown, said)), data=data)


def _written(changes: tuple[Change, ...]) -> str:
    lines = render_changes(changes[:_MOST_SHOWN])
    rest = len(changes) - _MOST_SHOWN
    return f"{lines}\n… and {plural(rest, 'more change', 'more changes')}" if rest > 0 else lines


def _reassigned(moved: Reassignments) -> list[str]:
    """Return a line for each person, team and agent whose conversations continue with somebody else."""
    found: dict[tuple[str, str], list[str]] = {}
    for one in moved.affected:
        found.setdefault(_why_and_where(one), []).append(short_id(one.conversation))
    people = [
        f"! {why}: {_going_on(len(ids))} {where} ({_listed(ids)})" for (why, where), ids in found.items()
    ]
    agents = [
        f"! {one.agent} is no longer an agent: {_going_on(one.conversations)} with another one"
        for one in moved.agents
    ]
    return people + agents


def _why_and_where(one: Affected) -> tuple[str, str]:
    if one.left is not None:
        return f"{one.left.name} {one.left.reason}", f"in the queue of {one.queue}"
    if one.gone is not None:
        return f"{one.gone} is no longer a team", f"with {one.queue}"
    return f"{one.queue} works in another channel", "in a new thread there"


def _going_on(conversations: int) -> str:
    return f"{plural(conversations, 'conversation')} {'goes' if conversations == 1 else 'go'} on"


def _listed(ids: list[str]) -> str:
    rest = len(ids) - _MOST_NAMED
    return ", ".join(ids[:_MOST_NAMED]) + (f" and {rest} more" if rest > 0 else "")


def _conversations(moved: Reassignments) -> list[JsonValue]:
    return [
        {
            "conversation": str(one.conversation),
            "holder": one.left.person if one.left else None,
            "team": one.queue,
        }
        for one in moved.affected
    ]


def _as_data(changes: tuple[Change, ...]) -> list[JsonValue]:
    return [{"kind": c.kind.value, "path": c.path, "before": c.before, "after": c.after} for c in changes]


def _linted(problems: list[Problem]) -> Output:
    errors = sum(problem.severity is Severity.ERROR for problem in problems)
    verdict = f"{plural(errors, 'error')}, {plural(len(problems) - errors, 'warning')}."
    return Output(
        text="\n".join((*map(str, problems), verdict if problems else "No problems.")),
        data=[
            {
                "file": p.file,
                "line": p.line,
                "column": p.column,
                "path": p.path,
                "severity": p.severity.value,
                "code": p.code,
                "found": p.found,
                "expected": p.expected,
                "suggestion": p.suggestion,
            }
            for p in problems
        ],
        ok=not errors,
    )


def _holidays(org: Organization) -> Iterator[tuple[str, str, str]]:
    for name, hours in (("organization", org.hours), *((team.id, team.hours) for team in org.teams)):
        for holiday in hours.holidays if hours else ():
            yield f"{holiday.date}", holiday.name, name


def _shown(known: InForce, org: Organization) -> Output:
    document: JsonValue = dict(to_document(org))
    said = f"{org.name}, version {known.version}. Customers see {org.display_name}."
    return Output(
        text="\n".join(filter(None, (said, org.description))),
        tables=(
            Table(
                ("account", "channel", "serves", "mode"),
                tuple((a.id, a.channel, a.serves.value, a.mode or "usual") for a in org.accounts),
                title="Accounts",
            ),
            Table(
                ("team", "name", "people", "agents", "purpose"),
                tuple((t.id, t.name, ", ".join(t.people), ", ".join(t.agents), t.purpose) for t in org.teams),
                title="Teams",
            ),
            Table(
                ("agent", "name", "role", "model"),
                tuple((a.id, a.title, a.role.value, a.model) for a in org.agents),
                title="Agents",
            ),
            Table(
                ("agent", "specialization", "description", "scope"),
                tuple((a.id, a.specialization, a.description, a.scope) for a in org.agents),
                title="What the agents are for",
            ),
            Table(
                ("folder", "path", "description"),
                tuple((k.id, k.path, k.description) for k in org.knowledge),
                title="Knowledge",
            ),
            Table(("closed on", "name", "hours"), tuple(_holidays(org)), title="Holidays"),
            Table(
                ("person", "name", "roles"),
                tuple((p.id, p.name, ", ".join(p.roles)) for p in org.people),
                title="People",
            ),
        ),
        data={"id": str(known.organization), "version": known.version, "organization": document},
    )
