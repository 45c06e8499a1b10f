"""The second wall between organizations: PostgreSQL shows a transaction of one the rows of no other."""

import importlib
import pkgutil
from collections.abc import AsyncIterator, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import TextClause, text
from sqlalchemy.exc import DBAPIError

import storage
from bot.commands.chat import run_in_chat
from bot.commands.desk import Desk
from bot.commands.registry import registry
from bot.core.commands import Caller
from bot.core.errors import SettingsError
from bot.core.ids import OrgId, PersonId, new_id, utc_now
from storage.anchors import Anchors
from storage.database import Database
from storage.filestore import FileStore
from storage.migrate import upgrade
from storage.organizations import Organizations
from storage.row_security import APPEND_ONLY, TENANT
from storage.tables import metadata
from tests.commands.telling import Told, another, keys_of_tests, tell

TABLES = sorted(metadata.tables)
OWNED = [name for name in TABLES if "organization_id" in metadata.tables[name].c]


@pytest.fixture
async def told(database_url: str) -> Told:
    """An organization with a story."""
    return await tell(database_url)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url, pool=2)
    yield database
    await database.close()


@pytest.fixture
async def rival(database: Database, told: Told, tmp_path: Path) -> OrgId:
    return await another(database, tmp_path)


def statements() -> Iterator[tuple[str, TextClause]]:
    """Yield every statement of ours that reads, and names the organization."""
    for found in pkgutil.iter_modules(storage.__path__):
        module = importlib.import_module(f"storage.{found.name}")
        for name, value in vars(module).items():
            if not isinstance(value, TextClause) or "organization" not in value._bindparams:
                continue
            if value.text.split()[0].lower() == "select" and "for update" not in value.text:
                yield f"{found.name}.{name}", value


def of(told: Told) -> dict[str, object]:
    """Return whatever statements are asked with, each value of the first organization."""
    ids = [told.plain, told.escalated, told.escalation, told.dead, told.waiting, told.maria, told.tom]
    return {
        "conversation": told.escalated,
        "escalation": told.escalation,
        "customer": told.tom,
        "file": new_id(),
        "root": told.tom,
        "id": told.dead,
        "ids": ids,
        "least": UUID(int=0),
        "most": UUID(int=2**128 - 1),
        "before": UUID(int=2**128 - 1),
        "limit": 100,
        "status": "escalated",
        "version": 1,
        "at": datetime.now(UTC),
    }


@pytest.mark.long
@pytest.mark.parametrize("table", OWNED)
async def test_a_table_shows_one_organization_alone(
    database: Database, told: Told, rival: OrgId, table: str
) -> None:
    async with database.begin() as connection:
        whose = text(f"select organization_id, count(*) from {table} group by 1")
        there = {row[0]: row[1] for row in await connection.execute(whose)}
    for organization in (told.organization, rival):
        async with database.begin(organization) as connection:
            seen = {row[0]: row[1] for row in await connection.execute(whose)}
        assert seen == {key: count for key, count in there.items() if key == organization}


async def test_the_story_is_in_most_of_the_tables(database: Database, told: Told) -> None:
    """Else what is not seen would prove nothing."""
    async with database.begin(told.organization) as connection:
        filled = [table for table in OWNED if await connection.scalar(text(f"select count(*) from {table}"))]
    assert len(filled) >= 18, sorted(set(OWNED) - set(filled))


@pytest.mark.long
@pytest.mark.parametrize("table", [table for table in OWNED if table not in APPEND_ONLY])
async def test_nothing_of_another_organization_can_be_changed_or_made(
    database: Database, told: Told, rival: OrgId, table: str
) -> None:
    take = text(f"update {table} set organization_id = :rival where organization_id = :organization")
    given = {"rival": rival, "organization": told.organization}
    async with database.begin(rival) as connection:
        assert (await connection.execute(take, given)).rowcount == 0
        lose = text(f"delete from {table} where organization_id = :organization")
        assert (await connection.execute(lose, {"organization": told.organization})).rowcount == 0
        mine = await connection.scalar(text(f"select count(*) from {table}"))
    assert await _refused(database, told.organization, take, given) or not mine


async def _refused(
    database: Database, organization: OrgId, statement: TextClause, given: dict[str, object]
) -> bool:
    """Return whether a statement that gives rows away is refused; one that finds none changes nothing."""
    try:
        async with database.begin(organization) as connection:
            assert (await connection.execute(statement, given)).rowcount == 0
    except DBAPIError:
        return True
    return False


async def test_every_table_has_its_policy(database: Database) -> None:
    async with database.begin() as connection:
        walled = await connection.scalars(
            text("""
                select c.relname from pg_class c join pg_policy p on p.polrelid = c.oid
                where c.relrowsecurity and p.polname = 'one_organization'
                    and p.polroles = array[(select oid from pg_roles where rolname = :role)]
            """),
            {"role": TENANT},
        )
    assert sorted(walled) == TABLES


async def test_the_role_is_above_nothing(database: Database) -> None:
    async with database.begin() as connection:
        row = (
            await connection.execute(
                text("""
                    select rolsuper, rolbypassrls, rolcanlogin, rolcreaterole,
                        exists (select from pg_class where relowner = r.oid)
                    from pg_roles r where rolname = :role
                """),
                {"role": TENANT},
            )
        ).one()
    assert tuple(row) == (False,) * 5


async def test_a_transaction_without_an_organization_sees_nothing_in_that_role(
    database: Database, told: Told
) -> None:
    async with database.begin() as connection:
        await connection.execute(text(f"set local role {TENANT}"))
        for table in OWNED:
            assert await connection.scalar(text(f"select count(*) from {table}")) == 0


async def test_the_role_ends_with_the_transaction(database: Database, told: Told, rival: OrgId) -> None:
    one = Database(database.url, pool=1)
    try:
        async with one.begin(rival) as connection:
            assert await connection.scalar(text("select count(*) from conversations")) == 0
        async with one.begin() as connection:
            assert await connection.scalar(text("select count(*) from conversations")) == 2
    finally:
        await one.close()


def ids_in(rows: Iterable[Iterable[object]]) -> set[UUID]:
    return {value for row in rows for value in row if isinstance(value, UUID)}


@pytest.mark.long
async def test_no_statement_finds_what_is_anothers_whatever_ids_it_is_asked_with(
    database: Database, told: Told, rival: OrgId
) -> None:
    """Under the wall, and above it as well: the statements name the organization themselves."""
    known, asked = of(told), 0
    for name, statement in statements():
        if not set(statement._bindparams) <= {*known, "organization"}:
            continue
        asked += 1
        given = {key: known[key] for key in statement._bindparams if key != "organization"}
        if "least" not in given and "most" in given:
            given["most"] = 100  # not the last id, but how many
        async with database.begin() as connection:
            theirs = (await connection.execute(statement, {**given, "organization": told.organization})).all()
        for scope in (None, rival):
            async with database.begin(scope) as connection:
                found = (await connection.execute(statement, {**given, "organization": rival})).all()
            assert not ids_in(theirs) & ids_in(found) - {rival}, name
    assert asked >= 20


@pytest.mark.long
async def test_no_command_tells_anything_of_another_organization(
    database: Database, told: Told, rival: OrgId, tmp_path: Path
) -> None:
    desk = Desk(
        database=database,
        keys=keys_of_tests(),
        new_id=new_id,
        clock=utc_now,
        organizations=Organizations(database),
        wake_workers=_nobody,
        anchors=Anchors(FileStore(tmp_path.as_uri()), keys_of_tests().keyring),
        channels={},
    )
    ids = [
        str(each) for each in (told.plain, told.escalated, told.escalation, told.dead, told.maria, told.tom)
    ]
    words = ("charged twice", "invite people", "Maria", "Tom", "Brightdesk", *(id_[-12:] for id_ in ids))
    sam = Caller(rival, PersonId("sam"), "Sam Porter")
    commands, asked = registry(desk), 0
    for command in commands:
        if command.shell_only or command.name in ("org apply", "accounts check"):
            continue
        required = [p for p in command.parameters if p.default is None and not p.flag]
        for id_ in ids if required else ("",):
            typed = " ".join((command.name, *(id_ for _ in required), *_insisting(command.parameters)))
            answer = (await run_in_chat(desk, commands, sam, typed)).markdown
            asked += 1
            told_of = [word for word in words if word in answer.replace(id_, "")]
            assert not told_of, (typed, answer)
    assert asked >= 40


def _insisting(parameters: object) -> list[str]:
    return ["--yes" for parameter in parameters if parameter.name == "yes"]  # type: ignore[attr-defined]


async def _nobody() -> None:
    pass


@pytest.mark.long
async def test_a_login_that_may_not_make_roles_migrates_once_somebody_has_run_what_it_is_told(
    database_url: str,
) -> None:
    """`desk db migrate` of somebody who owns the database and no more."""
    name = f"poor_{new_id().hex[:12]}"
    with psycopg.connect(database_url, autocommit=True) as admin:
        admin.execute(f"create role {name} login password 'poor' nosuperuser nocreaterole")
        admin.execute(f"create database {name} owner {name}")
        url = f"postgresql://{name}:poor@{admin.info.host}:{admin.info.port}/{name}"
        try:
            with pytest.raises(SettingsError, match=f"create role {TENANT}[^$]*grant {TENANT} to") as told:
                upgrade(url)
            _, grant = [line.strip() for line in str(told.value).splitlines() if TENANT in line][-2:]
            admin.execute(grant)
            upgrade(url)
            upgrade(url)
            poor = Database(url, pool=1)
            try:
                async with poor.begin(OrgId(new_id())) as connection:
                    assert await connection.scalar(text("select current_user")) == TENANT
            finally:
                await poor.close()
        finally:
            admin.execute(f"drop database {name} with (force)")
            admin.execute(f"drop role {name}")
