"""Store what connectors must remember of their accounts, sealed with the organization's key.

A value opens only under its account and name: a token cannot be moved to another one.
"""

from collections.abc import Sequence

from sqlalchemy import text

from storage.accounts import Account
from storage.database import Database

VALUE = "vault.value"


class AccountVault:
    """`bot.core.connector.Vault` for one account. Every call is a transaction of its own."""

    def __init__(self, database: Database, account: Account) -> None:
        self._database = database
        self._account = account

    async def get(self, name: str) -> str | None:
        async with self._database.begin(self._account.organization) as connection:
            sealed = await connection.scalar(_GET, self._key(name))
        return None if sealed is None else self._account.keys.sealer.open(sealed, field=self._field(name))

    async def put(self, name: str, value: str) -> None:
        sealed = self._account.keys.sealer.seal(value, field=self._field(name))
        given = {"organization": self._account.organization, "value": sealed}
        async with self._database.begin(self._account.organization) as connection:
            await connection.execute(_PUT, self._key(name) | given)

    async def swap(self, name: str, known: str | None, value: str) -> bool:
        sealer, field = self._account.keys.sealer, self._field(name)
        given = {"organization": self._account.organization, "value": sealer.seal(value, field=field)}
        async with self._database.begin(self._account.organization) as connection:
            if known is None:
                return await connection.scalar(_ADD, self._key(name) | given) is not None
            kept = await connection.scalar(_HOLD, self._key(name))
            if kept is None or sealer.open(kept, field=field) != known:
                return False
            await connection.execute(_PUT, self._key(name) | given)
            return True

    async def delete(self, name: str) -> None:
        async with self._database.begin(self._account.organization) as connection:
            await connection.execute(_DELETE, self._key(name))

    async def names(self, prefix: str) -> Sequence[str]:
        async with self._database.begin(self._account.organization) as connection:
            found = await connection.scalars(_NAMES, {"account": self._account.id, "prefix": prefix})
            return list(found)

    def _field(self, name: str) -> str:
        return f"{VALUE}.{self._account.id}.{name}"

    def _key(self, name: str) -> dict[str, object]:
        return {"account": self._account.id, "name": name}


_GET = text("select value from vault where account_id = :account and name = :name")

_PUT = text("""
    insert into vault (account_id, name, organization_id, value)
    values (:account, :name, :organization, :value)
    on conflict (account_id, name) do update set value = excluded.value, changed_at = clock_timestamp()
""")

_ADD = text("""
    insert into vault (account_id, name, organization_id, value)
    values (:account, :name, :organization, :value)
    on conflict (account_id, name) do nothing
    returning name
""")

_HOLD = text("select value from vault where account_id = :account and name = :name for update")

_DELETE = text("delete from vault where account_id = :account and name = :name")

_NAMES = text("""
    select name from vault where account_id = :account and starts_with(name, :prefix) order by name
""")
