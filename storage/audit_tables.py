"""Define the tables of the audit log and its chain, with triggers that refuse changes.

`audit_log` takes rows in the transaction that they report. A trigger queues each row in `audit_unsealed`.
Sealing (see `storage.audit`) moves them from there into `audit_chain`. A row in neither of them was not
inserted in the ordinary way.
"""

from typing import Final

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    Index,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import UserDefinedType

from storage.tables import metadata


class Xid8(UserDefinedType[str]):
    """PostgreSQL's 64-bit transaction id, which never wraps around."""

    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        return "XID8"


# Flat objects of strings, whole numbers that every JSON reader keeps exactly (RFC 7493), booleans and nulls.
# Such objects have one canonical encoding in any language.
_FLAT: Final = (
    "jsonb_typeof(details) = 'object' and not details @?"
    ' \'strict $.* ? (@.type() == "object" || @.type() == "array" || @.type() == "number" &&'
    " (@ > 9007199254740991 || @ < -9007199254740991 || @ != @.floor()))'"
)

audit_log = Table(
    "audit_log",
    metadata,
    Column("id", Uuid, primary_key=True),
    # No foreign key: the log outlives the rows that it reports on.
    Column("organization_id", Uuid, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("details", JSONB, nullable=False),
    # Which rows were written together. This is no order: a database restored from a dump starts again.
    Column("transaction", Xid8, nullable=False, server_default=text("pg_current_xact_id()")),
    CheckConstraint(_FLAT, name="ck_audit_log_details_flat"),
    Index("ix_audit_log_organization_id", "organization_id", "id"),
)

audit_unsealed = Table(
    "audit_unsealed",
    metadata,
    Column("audit_id", Uuid, primary_key=True),
    Column("organization_id", Uuid, nullable=False),
)

audit_chain = Table(
    "audit_chain",
    metadata,
    Column("organization_id", Uuid, primary_key=True),
    Column("position", BigInteger, primary_key=True, autoincrement=False),  # 1, 2, 3, … without holes
    Column("audit_id", Uuid, nullable=False),
    Column("previous", LargeBinary, nullable=False),  # the hash at the position before; 32 zero bytes at 1
    Column("hash", LargeBinary, nullable=False),
    UniqueConstraint("audit_id"),
)

# The migration runs these in this order, after the tables. ENABLE ALWAYS: `session_replication_role` does not
# switch them off. They prevent mistakes; the chain detects somebody who drops a trigger.
TRIGGERS: Final[tuple[str, ...]] = (
    """
    create function audit_refuse() returns trigger language plpgsql as $$
    begin
      raise exception '% on % is refused: the audit log is append-only', tg_op, tg_table_name
        using errcode = 'insufficient_privilege',
              hint = 'Write a new audit entry that corrects the old one.';
    end
    $$
    """,
    """
    create trigger audit_log_append_only before update or delete or truncate on audit_log
      for each statement execute function audit_refuse()
    """,
    """
    create trigger audit_chain_append_only before update or delete or truncate on audit_chain
      for each statement execute function audit_refuse()
    """,
    "alter table audit_log enable always trigger audit_log_append_only",
    "alter table audit_chain enable always trigger audit_chain_append_only",
    """
    create function audit_queue() returns trigger language plpgsql as $$
    begin
      insert into audit_unsealed (audit_id, organization_id) select id, organization_id from written;
      return null;
    end
    $$
    """,
    """
    create trigger audit_log_queue after insert on audit_log referencing new table as written
      for each statement execute function audit_queue()
    """,
)

# A downgrade runs these after dropping the tables.
DROP_FUNCTIONS: Final[tuple[str, ...]] = ("drop function audit_refuse()", "drop function audit_queue()")
