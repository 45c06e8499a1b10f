"""Who may do what: every command as every role, and roles that are limited to some conversations."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import pytest

from bot.commands.chat import run_in_chat
from bot.commands.desk import Desk
from bot.commands.execute import execute
from bot.commands.registry import registry
from bot.core.commands import Caller, Commands, Output
from bot.core.ids import PersonId, new_id
from bot.core.permissions import Permission
from orgs.loading import load
from orgs.roles import SHIPPED
from orgs.specification.organization import OwnConversations, Person, PersonRole, RoleScope
from storage import organizations
from tests.commands.conftest import Chats, Desks
from tests.commands.telling import SAMPLE, Told, keys_of_tests

READ: Final = {
    "accounts", "accounts list", "channels", "conversations", "conversations list", "conversations show",
    "customers", "customers list", "customers show", "deliveries", "deliveries list", "escalations",
    "escalations list", "escalations show", "help", "org show", "org versions", "roles", "roles show",
    "status", "why",
}  # fmt: skip
ALLOWED: Final = {
    "viewer": READ,
    "staff": READ | {"customers invite"},
    "auditor": READ | {"audit tail", "audit verify", "secrets list"},
    "supervisor": READ
    | {"customers invite", "customers merge", "customers unmerge", "customers crm", "accounts check"}
    | {"deliveries retry", "conversations watch"},
}
ALLOWED["admin"] = ALLOWED["supervisor"] | ALLOWED["auditor"] | {"customers erase", "org apply"}
ALLOWED["owner"] = ALLOWED["admin"]

REFUSED: Final = "Your role does not let you do that"


async def with_people(
    desk: Desk, told: Told, people: Sequence[Person], roles: Sequence[PersonRole] = ()
) -> None:
    """Put a version in force that names more people, and defines roles."""
    loaded = load(SAMPLE)
    organization = loaded.organization.model_copy(
        update={"people": (*loaded.organization.people, *people), "roles": tuple(roles)}
    )
    async with desk.database.begin() as connection:
        await organizations.apply(
            connection, keys_of_tests(), new_id, replace(loaded, organization=organization), by="shell"
        )


def words_of(told: Told, commands: Commands) -> dict[str, str]:
    """Return each command of the chat as somebody types it, by name."""
    ids = {
        "conversation": told.escalated, "escalation": told.escalation, "delivery": told.dead,
        "customer": told.tom, "kept": told.tom, "merged": told.maria, "id": "crm-1", "account": "telegram",
    }  # fmt: skip
    required = {
        command.name: [str(ids[p.name]) for p in command.parameters if p.default is None and not p.flag]
        for command in commands
        if not command.shell_only
    }
    return {name: " ".join((name, *words)) for name, words in required.items()}


async def typed(desk: Desk, told: Told, who: str, text: str) -> str:
    caller = Caller(told.organization, PersonId(who), who)
    return (await run_in_chat(desk, registry(desk), caller, text)).markdown


@pytest.mark.long
async def test_every_command_as_every_role(chat_desk: Desk, told: Told) -> None:
    await with_people(chat_desk, told, [Person(id=f"a-{role}", name=role, roles=(role,)) for role in SHIPPED])
    every = words_of(told, registry(chat_desk))
    for role in SHIPPED:
        refused = {
            name for name, text in every.items() if REFUSED in await typed(chat_desk, told, f"a-{role}", text)
        }
        assert set(every) - refused == ALLOWED[role] & set(every), role


async def test_every_permission_is_needed_for_something(chat_desk: Desk) -> None:
    asked = {command.permission for command in registry(chat_desk)}
    buttons = {p for p in Permission if p.noun == "conversations"}  # see tests/turns/test_roles.py
    assert set(Permission) - asked - buttons == {Permission.ROLES_CHANGE}


async def test_whoever_the_file_does_not_name_may_do_nothing(chat_desk: Desk, told: Told) -> None:
    for text in words_of(told, registry(chat_desk)).values():
        assert (
            "belongs to nobody"
            in (await run_in_chat(chat_desk, registry(chat_desk), Caller(told.organization), text)).markdown
        )
        assert "not one of the people" in await typed(chat_desk, told, "mallory", text)


def limited(scope: RoleScope) -> PersonRole:
    return PersonRole(id="limited", includes=("supervisor",), may=("customers.erase",), scope=scope)


SCOPES: Final = {
    "team": RoleScope(team=("billing",)),
    "own": RoleScope(conversation=OwnConversations.OWN),
    "nothing": RoleScope(channel=("email",)),
}


@pytest.mark.parametrize("scope", SCOPES)
async def test_a_limited_role_reads_and_changes_nothing_beyond_its_scope(
    chat_desk: Desk, told: Told, scope: str
) -> None:
    nora = Person(id="nora", name="Nora", roles=("limited",))
    await with_people(chat_desk, told, [nora], [limited(SCOPES[scope])])
    commands = registry(chat_desk)
    foreign = {"plain": told.plain, "maria": told.maria}
    if scope != "team":
        foreign |= {"escalated": told.escalated, "tom": told.tom, "escalation": told.escalation}
    secret = [str(id_) for id_ in foreign.values()] + ["Maria", "invite people"]
    tried = 0
    for command in commands:
        if command.shell_only or command.permission is None or not command.permission.scoped:
            continue
        named = [p for p in command.parameters if p.default is None and not p.flag]
        for id_ in foreign.values() if named else [None]:
            words = [str(id_ or "") for _ in named]
            answer = await typed(chat_desk, told, "nora", " ".join((command.name, *words, *_yes(command))))
            tried += 1
            shown = [word for word in secret if word in answer.replace(str(id_), "")]
            assert not shown, (command.name, answer)
    assert tried >= 15


def _yes(command: object) -> list[str]:
    return ["--yes" for p in command.parameters if p.name == "yes"]  # type: ignore[attr-defined]


async def test_a_limited_role_reads_what_is_within_its_scope(chat_desk: Desk, told: Told) -> None:
    nora = Person(id="nora", name="Nora", roles=("limited",))
    await with_people(chat_desk, told, [nora], [limited(SCOPES["team"])])
    for text in (
        "conversations",
        f"conversations show {told.escalated}",
        f"customers show {told.tom}",
        "customers",
    ):
        assert "Tom" in await typed(chat_desk, told, "nora", text), text
    assert "billing" in await typed(chat_desk, told, "nora", "escalations")
    assert "There is no" in await typed(chat_desk, told, "nora", f"why {told.plain}")


async def test_what_is_beyond_the_scope_is_answered_as_what_does_not_exist(
    chat_desk: Desk, told: Told
) -> None:
    nora = Person(id="nora", name="Nora", roles=("limited",))
    await with_people(chat_desk, told, [nora], [limited(SCOPES["team"])])
    unknown = new_id()
    answers = [
        (await typed(chat_desk, told, "nora", f"conversations show {id_}")).replace(str(id_), "ID")
        for id_ in (told.plain, unknown)
    ]
    assert answers[0] == answers[1]


async def test_roles_that_change_count_from_the_next_command(chat_desk: Desk, told: Told) -> None:
    nora = Person(id="nora", name="Nora", roles=("viewer",))
    await with_people(chat_desk, told, [nora])
    assert REFUSED in await typed(chat_desk, told, "nora", "audit tail")
    await with_people(chat_desk, told, [nora.model_copy(update={"roles": ("auditor",)})])
    assert REFUSED not in await typed(chat_desk, told, "nora", "audit tail")


async def test_the_matrix_is_shown_in_chat(say: Chats) -> None:
    answer = await say("roles show", "carla")
    for role in SHIPPED:
        assert role in answer
    assert "customers.erase" in answer


def test_the_matrix_is_shown_on_the_shell(desk: Desks, story: Told) -> None:
    shown = desk("roles", "show", "--json")
    assert shown.code == 0
    by_role = {row["role"]: row for row in json.loads(shown.out)}
    assert by_role["admin"]["people"] == ["anna"]
    assert by_role["viewer"]["permissions"]["customers.erase"] == "-"
    assert by_role["owner"]["permissions"]["customers.erase"] == "yes"
    ben = desk("roles", "show", "ben", "--json").data
    assert (ben["roles"], ben["permissions"]["deliveries.retry"]) == (["supervisor"], "yes")
    assert desk("roles", "show", "nobody").code == 1


async def test_the_shell_is_asked_for_nothing(chat_desk: Desk, told: Told) -> None:
    shell = Caller(told.organization, on_shell=True)
    [erase] = [c for c in registry(chat_desk) if c.name == "audit tail"]
    assert isinstance(await execute(chat_desk, shell, erase, {"limit": "1"}), Output)
