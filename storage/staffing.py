"""Find the open conversations that a new organization file takes people or teams from, and tell them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.core.conversation import HolderLeft, Origin, TeamChanged
from bot.core.ids import ConversationId, CustomerId, OrgId, PersonId, TeamId
from bot.core.permissions import Permission
from orgs.roles import grants_of
from orgs.routing import default_team, find_agent, find_person, find_team, person_called, room_for
from orgs.specification.organization import Organization
from storage.entries import NOBODY, Entry
from storage.inbox import Inboxes
from storage.keys import Keys

AnyRow = Row[Any]


@dataclass(frozen=True, slots=True)
class Affected:
    """An open escalation that loses its holder, its team, or its team's channel.

    `left` is the person who held it, to whom it was assigned, or who was asked to take it. `team` is set if
    the team has another channel, or is removed; `gone` is the name of a removed team. `queue` is the name of
    the team that has the conversation from now on.
    """

    conversation: ConversationId
    customer: CustomerId
    left: HolderLeft | None
    team: TeamChanged | None
    gone: str | None
    queue: str


@dataclass(frozen=True, slots=True)
class AgentLeft:
    """An agent whom the new file does not name, and how many conversations continue with another one."""

    agent: str
    conversations: int


@dataclass(frozen=True, slots=True)
class Reassignments:
    """The changes that a new file makes in open conversations."""

    affected: tuple[Affected, ...] = ()
    agents: tuple[AgentLeft, ...] = ()


NOTHING: Final = Reassignments()


async def reassignments(
    connection: AsyncConnection, organization: OrgId, before: Organization, after: Organization
) -> Reassignments:
    """Return which conversations change when `after` replaces `before`. Only reads."""
    given = {"organization": organization}
    rows = (await connection.execute(_OPEN, given)).all()
    found = [_affected(row, before, after) for row in rows]
    agents = await connection.execute(_AGENTS, given | {"kept": [agent.id for agent in after.agents]})
    return Reassignments(
        affected=tuple(one for one in found if one is not None),
        agents=tuple(AgentLeft(_title(before, row.agent), row.conversations) for row in agents),
    )


def _title(organization: Organization, agent: str) -> str:
    found = find_agent(organization, agent)
    return found.title if found else agent


def _affected(row: AnyRow, before: Organization, after: Organization) -> Affected | None:
    team = find_team(after, row.team)
    left = _left(row, before, after)
    changed = None
    if team is None or room_for(before, row.team) != room_for(after, row.team):
        changed = TeamChanged(TeamId(row.team))
    if left is None and changed is None:
        return None
    was = find_team(before, row.team)
    return Affected(
        conversation=ConversationId(row.conversation_id),
        customer=CustomerId(row.customer_id),
        left=left,
        team=changed,
        gone=None if team else was.name if was else row.team,
        queue=(team or default_team(after)).name,
    )


def _left(row: AnyRow, before: Organization, after: Organization) -> HolderLeft | None:
    """Return the person who holds an escalation, or for whom it waits, if they left the organization or its
    team.
    """
    if row.person is None:
        return _asked_who_left(row, before, after)
    known = find_person(before, row.person)
    name = known.name if known else row.person
    if find_person(after, row.person) is None:
        return HolderLeft(PersonId(row.person), name, "was removed from the organization")
    take = Permission.CONVERSATIONS_TAKE
    if grants_of(before, row.person).may(take) and not grants_of(after, row.person).may(take):
        return HolderLeft(PersonId(row.person), name, "may take no conversations any more")
    was, now = find_team(before, row.team), find_team(after, row.team)
    if was and now and row.person in was.people and row.person not in now.people:
        return HolderLeft(PersonId(row.person), name, f"is no longer in {now.name}")
    return None


def _asked_who_left(row: AnyRow, before: Organization, after: Organization) -> HolderLeft | None:
    """Return the person whom a rule or the ladder has asked to take a waiting escalation, if they left."""
    asked = None if row.held else person_called(before, row.agent, row.trigger, row.step)
    known = find_person(before, asked) if asked else None
    if asked is None or known is None or find_person(after, asked) is not None:
        return None
    return HolderLeft(asked, known.name, "was removed from the organization", row.step)


async def tell(
    connection: AsyncConnection,
    keys: Keys,
    inboxes: Inboxes,
    organization: OrgId,
    version: int,
    affected: Sequence[Affected],
) -> None:
    """Store an input for each of these conversations: its next turn reassigns it. Lock the conversations."""
    if not affected:
        return
    ids = [one.customer for one in affected]
    rows = await connection.execute(_KEYS, {"ids": ids})
    sealers = {row.id: keys.customer(row.id, row.data_key) for row in rows}
    entries = [
        Entry(
            NOBODY,
            f"organization:{organization}:{version}:{one.conversation}:{type(body).__name__}",
            organization,
            one.conversation,
            Origin.SELF,
            body,
            sealers[one.customer],
        )
        for one in affected
        for body in (one.left, one.team)
        if body is not None
    ]
    await inboxes.tell(connection, entries)


_OPEN: Final = text("""
    select e.conversation_id, v.customer_id, e.team, e.from_agent as agent, e.trigger, e.step,
        e.state = 'held' as held,
        case when e.state = 'held' then e.to_human else e.assignee end as person
    from escalations e join conversations v on v.id = e.conversation_id
    join customers c on c.id = v.customer_id
    where e.organization_id = :organization and e.state in ('waiting', 'held') and c.data_key is not null
    order by e.opened_at
""")

_AGENTS: Final = text("""
    select owner_name as agent, count(*) as conversations from conversations
    where organization_id = :organization and owner_kind = 'agent' and status in ('pending', 'in_progress')
        and owner_name <> all(cast(:kept as text[]))
    group by owner_name order by owner_name
""")

_KEYS: Final = text("select id, data_key from customers where id = any(cast(:ids as uuid[]))")
