"""Separate organizations in PostgreSQL as well: a transaction sees the rows of one organization only.

Our statements name the organization everywhere; this protects where one forgets it. A transaction that
answers a person or an API takes the role TENANT and sets its organization, both until it ends
(`Database.begin`). This role cannot log in, owns nothing, and cannot bypass the policies. Batches of the bus,
which mix organizations, run as the login, which owns the tables and is exempt from the policies.
"""

from typing import Final

TENANT: Final = "desk_tenant"

_MINE: Final = "(select nullif(current_setting('desk.organization', true), '')::uuid)"

# Tables without a column `organization_id`.
_BY_OTHERS: Final = {
    "organizations": f"id = {_MINE}",
    "timers": "exists (select 1 from conversations v where v.id = conversation_id)",
}
APPEND_ONLY: Final = ("audit_log", "audit_chain", "audit_unsealed")

NOT_ALLOWED: Final = f"""\
the login of DATABASE_URL may not make roles, so the wall between organizations cannot be built: let somebody
who may (a superuser) run these two lines in this database, then run `desk db migrate` again:
    create role {TENANT} nologin;
    grant {TENANT} to current_login;"""


def policy(table: str) -> tuple[str, ...]:
    """Return the statements that show the role TENANT only its organization's rows of a table."""
    mine = _BY_OTHERS.get(table, f"organization_id = {_MINE}")
    verbs = "select, insert" if table in APPEND_ONLY else "select, insert, update, delete"
    return (
        f"alter table {table} enable row level security",
        f"create policy one_organization on {table} to {TENANT} using ({mine}) with check ({mine})",
        f"grant {verbs} on {table} to {TENANT}",
    )
