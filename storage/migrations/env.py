"""The entry point of Alembic. The connection comes from `storage.migrate`, never from a file."""

from alembic import context
from sqlalchemy import Connection

from storage import audit_tables
from storage.tables import metadata

assert audit_tables.audit_log.metadata is metadata  # noqa: S101  imported for what it adds

connection: Connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, transaction_per_migration=True)
with context.begin_transaction():
    context.run_migrations()
