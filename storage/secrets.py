"""Store secrets of an organization, sealed with its own key, instead of in the environment.

A value opens only under its name: it cannot be moved to another one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.core.ids import OrgId
from storage.accounts import note_change
from storage.keys import OrgKeys

Secrets = Mapping[str, str]
"""Values of secrets, by their names in the organization file."""


@dataclass(frozen=True, slots=True)
class SecretLine:
    """A secret without its value."""

    name: str
    changed_by: str
    changed_at: datetime


async def secrets_of(connection: AsyncConnection, organization: OrgId, keys: OrgKeys) -> Secrets:
    """Return the secrets that the organization keeps here, by name. Raise CannotDecrypt."""
    rows = await connection.execute(_ALL, {"organization": organization})
    return {row.name: keys.sealer.open(row.value, field=_field(row.name)) for row in rows}


async def list_secrets(connection: AsyncConnection, organization: OrgId) -> Sequence[SecretLine]:
    """Return the secrets of an organization without their values, in order of their names."""
    rows = await connection.execute(_ALL, {"organization": organization})
    return [SecretLine(row.name, row.changed_by, row.changed_at) for row in rows]


async def set_secret(
    connection: AsyncConnection, organization: OrgId, keys: OrgKeys, name: str, value: str, *, by: str
) -> bool:
    """Store a secret, replacing the one of that name. Return whether there was one."""
    given = {
        "organization": organization,
        "name": name,
        "value": keys.sealer.seal(value, field=_field(name)),
        "by": by[:255],
    }
    replaced = bool(await connection.scalar(_SET, given))
    await note_change(connection, organization)
    return replaced


async def remove_secret(connection: AsyncConnection, organization: OrgId, name: str) -> bool:
    """Delete a secret. Return whether there was one."""
    given = {"organization": organization, "name": name}
    removed = await connection.scalar(_REMOVE, given) is not None
    await note_change(connection, organization)
    return removed


def _field(name: str) -> str:
    return f"secrets.{name}"


_ALL: Final = text("""
    select name, value, changed_by, changed_at from secrets where organization_id = :organization
    order by name
""")

_SET: Final = text("""
    insert into secrets (organization_id, name, value, changed_by) values (:organization, :name, :value, :by)
    on conflict (organization_id, name) do update
    set value = excluded.value, changed_by = excluded.changed_by, changed_at = clock_timestamp()
    returning xmax <> 0
""")

_REMOVE: Final = text("""
    delete from secrets where organization_id = :organization and name = :name returning name
""")
