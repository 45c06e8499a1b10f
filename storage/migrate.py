"""Bringing a database to the newest schema. Safe to run from several processes at once."""

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.exc import DBAPIError

from storage.database import engine_url
from storage.schema import MIGRATIONS, history, refuse_newer
from storage.unavailable import unavailable

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
                refuse_newer(before)
            command.upgrade(_config(connection), "head")
            # In a database that was restored elsewhere, transactions are numbered anew: what its rows say of
            # theirs lies in the future there, and would be read again and again.
            connection.execute(text(_FORGET_NUMBERS))
            connection.commit()
            after = _applied(connection)
            return [name for name in history() if name not in _until(before) and name in _until(after)]
    except DBAPIError as error:
        if (told := unavailable(error)) is None:
            raise
        raise told from error
    finally:
        _dispose(engine)


def revise(database_url: str, message: str) -> None:
    """Write the next migration from what the tables say; for developers."""
    engine = create_engine(engine_url(database_url))
    with engine.connect() as connection:
        command.revision(
            _config(connection), message=message, autogenerate=True, rev_id=f"{len(history()) + 1:04}"
        )
    _dispose(engine)


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    return config


def _applied(connection: Connection) -> str | None:
    current = MigrationContext.configure(connection).get_current_revision()
    connection.commit()
    return current


def _until(revision: str | None) -> tuple[str, ...]:
    known = history()
    return known[: known.index(revision) + 1] if revision in known else ()


def _dispose(engine: Engine) -> None:
    engine.dispose()
