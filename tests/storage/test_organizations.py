"""Applying organization files: versions, the rows that follow, and the audit log."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from sqlalchemy import text

from bot.core.errors import BadUsage, CommandError, InvalidOrganization, NotFound
from bot.core.ids import OrgId, new_id
from orgs.changes import ChangeKind, diff
from orgs.loading import Loaded, load
from storage import organizations
from storage.accounts import accounts_of
from storage.database import Database
from storage.keys import Keys
from storage.organizations import Applied, Organizations
from storage.sealing import Keyring
from storage.secrets import set_secret

SAMPLE = Path(__file__).resolve().parents[2] / "orgs" / "samples" / "saas-support"
WRITTEN = """\
organization: {name}
agents:
  - {{id: helper, role: primary, channels: [{account}]}}
people:
  - {{id: ana, name: Ana, email: ana@shop.example, roles: [admin]}}
  - {{id: bo, name: Bo}}
teams:
  - id: team
    name: {team}
    people: [ana, bo]
    agents: [helper]
    channels: {{escalation: {{{account}-slack: "#escalation"}}}}
accounts:
  - {{id: {account}, channel: telegram, serves: customers, secrets: {{bot_token: {prefix}_BOT}}}}
  - id: {account}-slack
    channel: slack
    serves: staff
    secrets: {{bot_token: {prefix}_SLACK, app_token: {prefix}_APP}}
"""

Write = Callable[..., Loaded]


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    made = Database(database_url)
    yield made
    await made.close()


@pytest.fixture
def keys() -> Keys:
    return Keys(Keyring([bytes(32)]))


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """An organization file, loaded."""

    def make(
        name: str = "Corner Shop",
        account: str = "shop",
        prefix: str = "SHOP",
        team: str = "Shop Team",
        more: str = "",
    ) -> Loaded:
        file = tmp_path / "organization.yaml"
        file.write_text(WRITTEN.format(name=name, account=account, prefix=prefix, team=team) + more, "utf-8")
        return load(file)

    return make


async def apply(database: Database, keys: Keys, loaded: Loaded) -> Applied:
    async with database.begin() as connection:
        return await organizations.apply(connection, keys, new_id, loaded, by="shell", digest=loaded.digest)


async def test_the_sample_is_applied_whole(database: Database, keys: Keys) -> None:
    loaded = load(SAMPLE)
    applied = await apply(database, keys, loaded)
    assert (applied.version, applied.created) == (1, True)
    assert all(change.kind is ChangeKind.ADDED for change in applied.changes)
    async with database.begin() as connection:
        org = loaded.organization
        assert await organizations.load(connection, applied.organization, 1) == org
        counts = await connection.execute(
            text(
                "select (select count(*) from users where active), (select count(*) from teams where active),"
                " (select count(*) from agents where active), (select count(*) from accounts where active),"
                " (select count(*) from memberships), (select count(*) from article_sections)"
            )
        )
        assert tuple(counts.one()) == (
            len(org.people),
            len(org.teams),
            len(org.agents),
            len(org.accounts),
            sum(len(team.people) for team in org.teams),
            sum(len(article.sections) for article in loaded.articles),
        )
        owner = await connection.scalar(
            text("select person from users where id = (select owner_id from organizations)")
        )
        assert owner == "anna"


async def test_the_keys_of_a_new_organization_open(database: Database, keys: Keys, write: Write) -> None:
    applied = await apply(database, keys, write())
    async with database.begin() as connection:
        row = (await connection.execute(text("select data_key, index_key from organizations"))).one()
    opened = keys.organization(applied.organization, row.data_key, row.index_key)
    assert opened.sealer.open(opened.sealer.seal("words", field="f"), field="f") == "words"


async def test_applying_the_same_file_again_changes_nothing(
    database: Database, keys: Keys, write: Write
) -> None:
    first = await apply(database, keys, write())
    again = await apply(database, keys, write())
    assert (again.organization, again.version, again.changes, again.created) == (
        first.organization,
        1,
        (),
        False,
    )
    async with database.begin() as connection:
        assert await connection.scalar(text("select count(*) from audit_log")) == 1


async def test_every_change_is_a_version_and_one_audit_entry(
    database: Database, keys: Keys, write: Write
) -> None:
    first = await apply(database, keys, write())
    loaded = write(team="The Counter")
    second = await apply(database, keys, loaded)
    assert (second.version, second.created) == (2, False)
    assert [change.path for change in second.changes] == ["teams[team].name"]
    async with database.begin() as connection:
        rows = (await connection.execute(text("select * from audit_log order by id"))).all()
        history = await organizations.versions(connection, first.organization)
    assert [row.action for row in rows] == ["organization.applied"] * 2
    assert rows[1].details == {"version": 2, "digest": loaded.digest, "changes": 1, "reassigned": 0}
    assert [(line.version, line.applied_by) for line in history] == [(2, "shell"), (1, "shell")]


async def test_people_no_longer_named_become_inactive_and_may_come_back(
    database: Database, keys: Keys, write: Write, tmp_path: Path
) -> None:
    await apply(database, keys, write())
    file = tmp_path / "organization.yaml"
    written = file.read_text("utf-8")
    file.write_text(written.replace("  - {id: bo, name: Bo}\n", "").replace("[ana, bo]", "[ana]"), "utf-8")
    await apply(database, keys, load(file))
    people = text("select person, active from users order by person")
    async with database.begin() as connection:
        assert [tuple(row) for row in await connection.execute(people)] == [("ana", True), ("bo", False)]
        assert await connection.scalar(text("select count(*) from memberships")) == 1
    await apply(database, keys, write())
    async with database.begin() as connection:
        assert [tuple(row) for row in await connection.execute(people)] == [("ana", True), ("bo", True)]


async def test_articles_are_those_of_the_version_in_force(
    database: Database, keys: Keys, tmp_path: Path
) -> None:
    folder = tmp_path / "sample"
    shutil.copytree(SAMPLE, folder)
    first = await apply(database, keys, load(folder))
    (folder / "knowledge" / "api-keys.md").unlink()
    second = await apply(database, keys, load(folder))
    assert [(change.kind, change.path) for change in second.changes] == [
        (ChangeKind.REMOVED, "articles[api-keys]")
    ]
    of_it = text("select count(*) from article_sections where article = 'api-keys'")
    async with database.begin() as connection:
        assert await connection.scalar(of_it) == 0
        back = await organizations.apply_version(
            connection, keys, new_id, first.organization, 1, by="person:anna"
        )
        assert back.version == 3
        assert [change.kind for change in back.changes] == [ChangeKind.ADDED]
        assert (await connection.scalar(of_it) or 0) > 0


async def test_going_back_makes_a_new_version_with_the_old_document(
    database: Database, keys: Keys, write: Write
) -> None:
    first = await apply(database, keys, write())
    await apply(database, keys, write(team="The Counter"))
    async with database.begin() as connection:
        expected = await organizations.preview_version(connection, first.organization, 1)
        back = await organizations.apply_version(connection, keys, new_id, first.organization, 1, by="shell")
        assert (back.version, back.changes) == (3, expected.changes)
        old, new = [await organizations.load(connection, first.organization, v) for v in (1, 3)]
        assert diff(old, new) == []
        again = await organizations.apply_version(connection, keys, new_id, first.organization, 1, by="shell")
        assert (again.version, again.changes) == (3, ())


async def test_a_version_that_never_was_cannot_be_applied(
    database: Database, keys: Keys, write: Write
) -> None:
    applied = await apply(database, keys, write())
    async with database.begin() as connection:
        for version in (0, 2, -1):
            with pytest.raises(NotFound):
                await organizations.apply_version(
                    connection, keys, new_id, applied.organization, version, by="shell"
                )
        with pytest.raises(NotFound):
            await organizations.load(connection, OrgId(new_id()), 1)


async def test_an_account_of_another_organization_is_refused_by_name_and_nothing_is_kept(
    database: Database, keys: Keys, write: Write
) -> None:
    await apply(database, keys, write())
    with pytest.raises(InvalidOrganization) as refused:
        await apply(database, keys, write(name="Rival Shop"))
    assert len(refused.value.problems) == 2, "each of its accounts"
    assert refused.value.problems[0] == (
        "accounts[shop]: this telegram account belongs to the organization 'Corner Shop' already, as 'shop':"
        " both give the same secrets (SHOP_BOT) and options. Give this one its own, or end that one first:"
        " `desk org retire 'Corner Shop'`"
    )
    async with database.begin() as connection:
        assert [one.name for one in await organizations.current(connection)] == ["Corner Shop"]


async def test_two_organizations_may_call_everything_alike(
    database: Database, keys: Keys, write: Write
) -> None:
    shop = await apply(database, keys, write())
    rival = await apply(database, keys, write(name="Rival Shop", prefix="RIVAL"))
    async with database.begin() as connection:
        theirs = [await accounts_of(connection, keys, each.organization) for each in (shop, rival)]
    assert set(theirs[0]) == set(theirs[1]) == {"shop", "shop-slack"}
    assert len({account.id for accounts in theirs for account in accounts.values()}) == 4


async def test_a_secret_in_an_organizations_vault_is_no_secret_of_the_environment(
    database: Database, keys: Keys, write: Write
) -> None:
    await apply(database, keys, write())
    async with database.begin() as connection:
        shop = await organizations.find(connection, None)
        own = next(iter((await accounts_of(connection, keys, shop.organization)).values())).keys
        for name in ("SHOP_BOT", "SHOP_SLACK", "SHOP_APP"):
            await set_secret(connection, shop.organization, own, name, "a token", by="test")
    rival = await apply(database, keys, write(name="Rival Shop"))
    assert rival.created


async def test_two_who_apply_at_once_make_two_versions_or_one(
    database: Database, keys: Keys, write: Write
) -> None:
    same = write()
    applied = await asyncio.gather(*(apply(database, keys, same) for _ in range(6)))
    assert {one.version for one in applied} == {1}
    assert sum(one.created for one in applied) == 1
    others = [write(team=f"Team {number}") for number in range(6)]
    applied = await asyncio.gather(*(apply(database, keys, loaded) for loaded in others))
    assert sorted(one.version for one in applied) == [2, 3, 4, 5, 6, 7]


@pytest.mark.parametrize("character", ["\\0", "\\uD800"])
async def test_characters_that_cannot_be_stored_are_refused(
    database: Database, keys: Keys, write: Write, character: str
) -> None:
    try:
        loaded = write(more=f'description: "a{character}b"\n')
    except InvalidOrganization:
        return  # refused by the reader already
    with pytest.raises(InvalidOrganization):
        await apply(database, keys, loaded)


async def test_preview_says_what_apply_does_and_writes_nothing(
    database: Database, keys: Keys, write: Write
) -> None:
    loaded = write()
    async with database.begin() as connection:
        foreseen = await organizations.preview(connection, loaded)
        assert await organizations.current(connection) == []
    assert foreseen.changes == (await apply(database, keys, loaded)).changes
    async with database.begin() as connection:
        assert (await organizations.preview(connection, loaded)).changes == ()


async def test_find_takes_the_only_one_and_otherwise_wants_a_name(
    database: Database, keys: Keys, write: Write
) -> None:
    async with database.begin() as connection:
        with pytest.raises(CommandError, match="no organization yet"):
            await organizations.find(connection, None)
    shop = await apply(database, keys, write())
    async with database.begin() as connection:
        assert (await organizations.find(connection, None)).organization == shop.organization
        assert (await organizations.find(connection, "corner shop")).name == "Corner Shop"
    await apply(database, keys, write(name="Rival Shop", prefix="RIVAL"))
    async with database.begin() as connection:
        with pytest.raises(BadUsage, match="There are 2 organizations"):
            await organizations.find(connection, None)
        with pytest.raises(NotFound, match="Did you mean 'Rival Shop'"):
            await organizations.find(connection, "Rivel Shop")
        assert (await organizations.find(connection, "Rival Shop")).version == 1


async def test_a_version_is_loaded_once_however_many_ask(
    database: Database, keys: Keys, write: Write
) -> None:
    applied = await apply(database, keys, write())
    cache = Organizations(database)
    values = await asyncio.gather(*(cache.get(applied.organization, 1) for _ in range(20)))
    assert all(value is values[0] for value in values)


async def test_the_cache_is_bounded_and_forgets_the_one_used_longest_ago(
    database: Database, keys: Keys, write: Write
) -> None:
    applied = await apply(database, keys, write())
    for number in (2, 3):
        await apply(database, keys, write(team=f"Team {number}"))
    cache = Organizations(database, capacity=2)
    first, second = [await cache.get(applied.organization, version) for version in (1, 2)]
    assert await cache.get(applied.organization, 1) is first
    await cache.get(applied.organization, 3)
    assert await cache.get(applied.organization, 1) is first
    assert await cache.get(applied.organization, 2) is not second


async def test_a_load_that_is_given_up_does_not_spoil_it_for_others(
    database: Database, keys: Keys, write: Write
) -> None:
    applied = await apply(database, keys, write())
    cache = Organizations(database)
    hasty = asyncio.create_task(cache.get(applied.organization, 1))
    patient = asyncio.create_task(cache.get(applied.organization, 1))
    await asyncio.sleep(0)
    hasty.cancel()
    assert (await patient).name == "Corner Shop"
    with pytest.raises(asyncio.CancelledError):
        await hasty
