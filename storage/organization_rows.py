"""Write the rows that follow from the organization file: people, teams, agents, accounts, articles.

Rows that other tables refer to are never deleted: what the file no longer names becomes inactive.
"""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.core.errors import InvalidOrganization
from bot.core.ids import NewId, OrgId
from bot.core.permissions import Permission
from orgs.articles import Article
from orgs.roles import OWNER, holders
from orgs.specification.organization import Account, Organization


async def write_rows(
    connection: AsyncConnection,
    new_id: NewId,
    organization: OrgId,
    org: Organization,
    articles: Sequence[Article],
) -> None:
    """Make the rows match `org`. The caller's transaction holds the lock on the organization's row.

    Raise InvalidOrganization when another organization has one of its accounts of a platform.
    """
    given = {"organization": organization}
    await _accounts(connection, new_id, organization, org)
    people = [
        {
            **_row_of(new_id, organization),
            "person": p.id,
            "name": p.name,
            "email": p.email,
            "roles": list(p.roles),
        }
        for p in org.people
    ]
    teams = [{**_row_of(new_id, organization), "team": team.id, "name": team.name} for team in org.teams]
    agents = [
        {
            **_row_of(new_id, organization),
            "agent": agent.id,
            "name": agent.title,
            "description": agent.description or agent.specialization,
            "category": agent.role.value,
            "configuration": agent.model_dump(mode="json"),
        }
        for agent in org.agents
    ]
    for upsert, rows in ((_USER, people), (_TEAM, teams), (_AGENT, agents)):
        if rows:
            await connection.execute(upsert, rows)
    await connection.execute(_RETIRE_USERS, {**given, "kept": [person.id for person in org.people]})
    await connection.execute(_RETIRE_TEAMS, {**given, "kept": [team.id for team in org.teams]})
    await connection.execute(_RETIRE_AGENTS, {**given, "kept": [agent.id for agent in org.agents]})
    members = [(team.id, person) for team in org.teams for person in dict.fromkeys(team.people)]
    await connection.execute(_CLEAR_MEMBERS, given)
    await connection.execute(
        _MEMBERS,
        {**given, "teams": [team for team, _ in members], "people": [person for _, person in members]},
    )
    owners = [person for person in org.people if OWNER in person.roles]
    owner = next((person.id for person in (*owners, *holders(org, Permission.ORGANIZATION_CHANGE))), None)
    await connection.execute(_OWNER, {**given, "owner": owner})
    await connection.execute(_CLEAR_SECTIONS, given)
    if sections := list(_sections(organization, articles)):
        await connection.execute(_SECTION, sections)


def _row_of(new_id: NewId, organization: OrgId) -> dict[str, object]:
    """Return the first columns of each row of an organization: a new id, and the organization's id."""
    return {"id": new_id(), "organization": organization}


async def check_accounts(connection: AsyncConnection, organization: OrgId, org: Organization) -> None:
    """Raise InvalidOrganization when another organization has one of these accounts of a platform.

    A retired organization gives its account up. Wait for others who check at the same time.
    """
    same = []
    for channel in sorted({account.channel for account in org.accounts}):
        await connection.execute(_GUARD, {"key": f"accounts:{channel}"})
    kept_here = set(await connection.scalars(_SECRET_NAMES, {"organization": organization}))
    for account in org.accounts:
        own = {key: name for key, name in account.secrets.items() if name not in kept_here}
        for other in await connection.execute(_OTHERS, _described(organization, account)):
            if not _the_same(own, {k: name for k, name in other.secrets.items() if name not in other.kept}):
                continue
            if other.retired_at is not None:
                await connection.execute(_GIVE_UP, {"id": other.id})
                continue
            same.append(
                f"accounts[{account.id}]: this {account.channel} account belongs to the organization"
                f" {other.name!r} already, as {other.account!r}: both give the same secrets"
                f" ({', '.join(own.values())}) and options. Give this one its own, or end that one first:"
                f" `desk org retire {shlex.quote(other.name)}`"
            )
    if same:
        raise InvalidOrganization(same)


async def _accounts(
    connection: AsyncConnection, new_id: NewId, organization: OrgId, org: Organization
) -> None:
    """Activate the accounts of the file, and deactivate all others.

    Two organizations may give their accounts the same id, but may not share the platform's account.
    """
    await check_accounts(connection, organization, org)
    for account in org.accounts:
        row = {**_row_of(new_id, organization), **_described(organization, account)}
        await connection.execute(_ACCOUNT, row | {"account": account.id, "serves": account.serves.value})
    kept = [f"{account.channel}:{account.id}" for account in org.accounts]
    await connection.execute(_RETIRE_ACCOUNTS, {"organization": organization, "kept": kept})


def _described(organization: OrgId, account: Account) -> dict[str, object]:
    return {
        "organization": organization,
        "channel": account.channel,
        "mode": account.mode or "",
        "secrets": dict(account.secrets),
        "options": dict(account.options),
    }


def _the_same(own: Mapping[str, str], other: Mapping[str, str]) -> bool:
    """Return whether two accounts with the same options use the same secrets of the environment."""
    shared = own.keys() & other.keys()
    return bool(shared) and all(own[key] == other[key] for key in shared)


def _sections(organization: OrgId, articles: Sequence[Article]) -> Iterator[dict[str, object]]:
    for article in articles:
        for position, section in enumerate(article.sections):
            yield {
                "organization": organization,
                "collection": article.folder,
                "article": article.slug,
                "position": position,
                "title": article.title,
                "tags": " ".join(article.tags),
                "heading": section.heading,
                "body": section.body,
            }


_USER: Final = text("""
    insert into users (id, organization_id, person, name, email, roles)
    values (:id, :organization, :person, :name, :email, cast(:roles as text[]))
    on conflict (organization_id, person) do update
    set name = excluded.name, email = excluded.email, roles = excluded.roles, active = true
""")

_TEAM: Final = text("""
    insert into teams (id, organization_id, team, name) values (:id, :organization, :team, :name)
    on conflict (organization_id, team) do update set name = excluded.name, active = true
""")

_AGENT: Final = text("""
    insert into agents (id, organization_id, agent, name, description, category, configuration)
    values (:id, :organization, :agent, :name, :description, :category, :configuration)
    on conflict (organization_id, agent) do update
    set name = excluded.name, description = excluded.description, category = excluded.category,
        configuration = excluded.configuration, active = true
""").bindparams(bindparam("configuration", type_=JSONB))

_GUARD: Final = text("select pg_advisory_xact_lock(hashtextextended(:key, 0))")

_ACCOUNT: Final = text("""
    insert into accounts (id, organization_id, channel, account, serves, mode, secrets, options)
    values (:id, :organization, :channel, :account, :serves, :mode, :secrets, :options)
    on conflict (organization_id, channel, account) do update
    set serves = excluded.serves, mode = excluded.mode, secrets = excluded.secrets,
        options = excluded.options, active = true
""").bindparams(bindparam("secrets", type_=JSONB), bindparam("options", type_=JSONB))

_SECRET_NAMES: Final = text("select name from secrets where organization_id = :organization")

_OTHERS: Final = text("""
    select a.id, a.account, a.secrets, o.name, o.retired_at,
        array(select s.name from secrets s where s.organization_id = o.id) as kept
    from accounts a join organizations o on o.id = a.organization_id
    where a.channel = :channel and a.active and a.organization_id <> :organization and a.options = :options
        and exists (
            select 1 from jsonb_each_text(a.secrets) one join jsonb_each_text(:secrets) two
                on one.value = two.value
        )
    order by o.name
""").bindparams(bindparam("secrets", type_=JSONB), bindparam("options", type_=JSONB))

_GIVE_UP: Final = text("update accounts set active = false where id = :id")

_RETIRE_ACCOUNTS: Final = text("""
    update accounts set active = false
    where organization_id = :organization and active
        and channel || ':' || account <> all(cast(:kept as text[]))
""")

_RETIRE_USERS: Final = text("""
    update users set active = false
    where organization_id = :organization and active and person <> all(cast(:kept as text[]))
""")

_RETIRE_TEAMS: Final = text("""
    update teams set active = false
    where organization_id = :organization and active and team <> all(cast(:kept as text[]))
""")

_RETIRE_AGENTS: Final = text("""
    update agents set active = false
    where organization_id = :organization and active and agent <> all(cast(:kept as text[]))
""")

_CLEAR_MEMBERS: Final = text("delete from memberships where organization_id = :organization")

_MEMBERS: Final = text("""
    insert into memberships (team_id, user_id, organization_id)
    select t.id, u.id, :organization
    from unnest(cast(:teams as text[]), cast(:people as text[])) as named (team, person)
    join teams t on t.organization_id = :organization and t.team = named.team
    join users u on u.organization_id = :organization and u.person = named.person
""")

_OWNER: Final = text("""
    update organizations set owner_id = (
        select id from users where organization_id = :organization and person = cast(:owner as text)
    ) where id = :organization
""")

_CLEAR_SECTIONS: Final = text("delete from article_sections where organization_id = :organization")

_SECTION: Final = text("""
    insert into article_sections (organization_id, collection, article, position, title, tags, heading, body)
    values (:organization, :collection, :article, :position, :title, :tags, :heading, :body)
""")
