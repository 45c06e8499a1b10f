"""A small company and its inputs."""

import base64
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import text

from bot.core.ids import new_id
from storage.database import Database

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
OLD_KEY, NEW_KEY = bytes(range(32)), bytes(range(32, 64))


def key_text(*keys: bytes) -> str:
    return ",".join(base64.b64encode(key).decode() for key in keys)


@dataclass(frozen=True, slots=True)
class Company:
    organization: UUID
    account: UUID
    conversation: UUID


async def put_input(
    database: Database,
    company: Company,
    seq: int | None,
    age: timedelta,
    *,
    body: str | None = "sealed",
    early: str = "room",
) -> None:
    """An input of that age; without `seq` an early one of a room, or of a customer."""
    async with database.begin() as connection:
        await connection.execute(
            text("""
                insert into inbox (account_id, external_id, organization_id, conversation_id, seq, origin,
                    kind, body, waits_for, accepted_at)
                values (:account, :external, :organization, :conversation, :seq, :origin, 'Said', :body,
                    :waits_for, :at)
            """),
            {
                "account": company.account,
                "external": str(new_id()),
                "organization": company.organization,
                "conversation": company.conversation if seq else None,
                "seq": seq,
                "origin": "customer" if seq else early,
                "body": body,
                "waits_for": None if seq else "C1/1.1",
                "at": NOW - age,
            },
        )


async def inputs(database: Database) -> list[tuple[int | None, str | None]]:
    async with database.begin() as connection:
        rows = await connection.execute(text("select seq, body from inbox order by seq nulls last"))
        return [(row.seq, row.body) for row in rows]
