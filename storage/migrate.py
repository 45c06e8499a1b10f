"""Bringing a database to the newest schema. Safe to run from several processes at once."""

from functools import lru_cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.exc import DBAPIError

from bot.core.errors import SchemaMissing, SchemaNewer, SchemaOlder
from storage.database import engine_url
from storage.unavailable import MISSING, unavailable

_FORGET_NUMBERS = """
    update organizations set changed_in = 0 where changed_in > pg_current_xact_id()::text::bigint
"""
_LOCK = 7_318_204_115  # any number of our own, for pg_advisory_lock


def upgrade(database_url: str) -> list[str]:
    """Apply the migrations that are missing, one process at a time. Returns their names, oldest first.

    Idempotent. Raises StorageUnavailable, SchemaNewer. Blocks: call it from a thread where a loop is running.
    """
    engine = create_engine(engine_url(database_url))
    try:
        with engine.connect() as connection:
            connection.execute(text("select pg_advisory_lock(:key)"), {"key": _LOCK})
            connection.commit()
            before = _applied(connection)
            if before is not None:
                _refuse_newer(before)
            command.upgrade(_config(connection), "head")
            # In a database that was restored elsewhere, transactions are numbered anew: what its rows say of
            # theirs lies in the future there, and would be read again and again.
            connection.execute(text(_FORGET_NUMBERS))
            connection.commit()
            after = _applied(connection)
            return [name for name in _history() if name not in _until(before) and name in _until(after)]
    except DBAPIError as error:
        if (told := unavailable(error)) is None:
            raise
        raise told from error
    finally:
        _dispose(engine)


def compare(applied: str | None) -> None:
    """Compare the schema that a database has with this program's.

    Raises SchemaMissing, SchemaOlder, SchemaNewer.
    """
    if applied is None:
        raise SchemaMissing(MISSING)
    _refuse_newer(applied)
    newest = _history()[-1]
    if applied != newest:
        raise SchemaOlder(
            f"The database's schema ({applied}) is older than this program's ({newest}):"
            " run `desk db migrate`."
        )


def _refuse_newer(applied: str) -> None:
    history = _history()
    if applied not in history:
        raise SchemaNewer(
            f"The database's schema ({applied[:20]}) is newer than this program's ({history[-1]}): start the"
            " version of the program that migrated it."
        )


def revise(database_url: str, message: str) -> None:
    """Write the next migration from what the tables say; for developers."""
    engine = create_engine(engine_url(database_url))
    with engine.connect() as connection:
        command.revision(
            _config(connection), message=message, autogenerate=True, rev_id=f"{len(_history()) + 1:04}"
        )
    _dispose(engine)


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    return config


def _scripts() -> ScriptDirectory:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return ScriptDirectory.from_config(config)


@lru_cache(maxsize=1)
def _history() -> list[str]:
    return [script.revision for script in reversed(list(_scripts().walk_revisions()))]


def _applied(connection: Connection) -> str | None:
    current = MigrationContext.configure(connection).get_current_revision()
    connection.commit()
    return current


def _until(revision: str | None) -> list[str]:
    history = _history()
    return history[: history.index(revision) + 1] if revision in history else []


def _dispose(engine: Engine) -> None:
    engine.dispose()
