"""Limit what a query returns to the conversations for which somebody has a permission."""

import json
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.core.commands import Subject
from bot.core.errors import NotFound
from bot.core.ids import OrgId
from bot.core.permissions import Scope

SCOPES: Final = "/* within the scopes */"
"""Stands in a statement for the condition that the conversation `v` is in one of the scopes."""

_WITHIN_SCOPES: Final = """exists (
        select from jsonb_to_recordset(cast(:scopes as jsonb))
            as s(teams text[], agents text[], channels text[], person text)
        where (s.teams is null
                or v.owner_kind = 'queue' and v.owner_name = any(s.teams)
                or v.owner_kind = 'agent' and v.owner_name = any(s.agents)
                or exists (select from escalations e
                    where e.conversation_id = v.id and e.team = any(s.teams)))
            and (s.channels is null or exists (
                select from places p join accounts a on a.id = p.account_id
                where p.id = v.place_id and (a.channel = any(s.channels) or a.account = any(s.channels))))
            and (s.person is null or exists (select from escalations e
                where e.conversation_id = v.id and s.person in (e.to_human, e.assignee)))
    )"""  # what `Scope.has` says


class ScopedStatement:
    """A statement with SCOPES in it, for all conversations and for those within scopes.

    They are two, because an optional condition would cost the first one its plan.
    """

    def __init__(self, statement: str) -> None:
        self.everything = text(statement.replace(SCOPES, "true"))
        self.within = text(statement.replace(SCOPES, _WITHIN_SCOPES))

    def of(self, scopes: Sequence[Scope] | None) -> TextClause:
        """Return the statement for these scopes. None does not limit anything."""
        return self.everything if scopes is None else self.within


def limits(scopes: Sequence[Scope] | None) -> dict[str, object]:
    """Return the argument of a scoped statement for these scopes, if it has one."""
    if scopes is None:
        return {}
    rows = [
        {
            "teams": None if scope.teams is None else sorted(scope.teams),
            "agents": sorted(scope.agents),
            "channels": None if scope.channels is None else sorted(scope.channels),
            "person": scope.person,
        }
        for scope in scopes
    ]
    return {"scopes": json.dumps(rows)}


async def check(
    connection: AsyncConnection,
    organization: OrgId,
    kind: Subject,
    id_: UUID,
    scopes: Sequence[Scope],
    reference: str,
) -> None:
    """Raise NotFound, as for an unknown `reference`, if a thing belongs to no conversation in these scopes.

    A customer is in them with any of their conversations.
    """
    arguments = {"organization": organization, "id": id_, **limits(scopes)}
    if not await connection.scalar(_WITHIN[kind].within, arguments):
        raise NotFound(kind, reference)


_WITHIN: Final = {
    Subject.CONVERSATION: ScopedStatement(f"""
        select exists (select from conversations v
            where v.organization_id = :organization and v.id = :id and {SCOPES})
    """),
    Subject.ESCALATION: ScopedStatement(f"""
        select exists (select from escalations d join conversations v on v.id = d.conversation_id
            where d.organization_id = :organization and d.id = :id and {SCOPES})
    """),
    Subject.DELIVERY: ScopedStatement(f"""
        select exists (select from outbox d join conversations v on v.id = d.conversation_id
            where d.organization_id = :organization and d.id = :id and {SCOPES})
    """),
    Subject.CUSTOMER: ScopedStatement(f"""
        select exists (
            select from customers c
            join customers f on coalesce(f.merged_into, f.id) = coalesce(c.merged_into, c.id)
            join conversations v on v.customer_id = f.id
            where c.organization_id = :organization and c.id = :id and {SCOPES}
        )
    """),
}
