"""The migrations and the tables say the same."""

from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect
from sqlalchemy.dialects.postgresql.base import ischema_names

from storage import audit_tables
from storage.database import engine_url
from storage.migrate import upgrade
from storage.schema import MIGRATIONS, history
from storage.tables import metadata

SPECIFIED = {
    "organizations": {"id", "name", "description", "owner_id", "created_at"},
    "agents": {"id", "name", "description", "category", "configuration", "created_by"},
    "workflows": {"id", "name", "definition", "organization_id"},
    "conversations": {"id", "organization_id", "customer_id", "status", "created_at"},
    "messages": {"id", "conversation_id", "sender_type", "sender_id", "content", "metadata", "created_at"},
    "escalations": {"id", "conversation_id", "from_agent", "to_human", "reason", "resolved_at"},
}


def test_a_migrated_database_is_what_the_tables_say(database_url: str) -> None:
    ischema_names["xid8"] = audit_tables.Xid8
    engine = create_engine(engine_url(database_url))
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        differences = compare_metadata(context, metadata)
    engine.dispose()
    assert differences == []


def test_the_names_of_the_migrations_tell_their_order() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    newest_first = ScriptDirectory.from_config(config).walk_revisions()
    assert history() == tuple(script.revision for script in newest_first)[::-1]


def test_the_specifications_tables_stand_by_their_names_and_columns(database_url: str) -> None:
    engine = create_engine(engine_url(database_url))
    with engine.connect() as connection:
        for table, columns in SPECIFIED.items():
            assert columns <= {column["name"] for column in inspect(connection).get_columns(table)}, table
    engine.dispose()


def test_migrating_again_changes_nothing(database_url: str) -> None:
    assert upgrade(database_url) == []
