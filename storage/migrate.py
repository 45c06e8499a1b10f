"""Bring a database to the newest schema. Several processes may do this at once."""

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
    """Apply the missing migrations, one process at a time. Return their names, oldest first.

    Idempotent. Raise StorageUnavailable, SchemaNewer. Blocks: call it from a thread where a loop is running.
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
            # A database that was restored elsewhere numbers its transactions anew. The numbers in its rows
            # then lie in the future, and those organizations would be read again and again.
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
    """Write the next migration from the difference between the tables and the database. For developers."""
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
