"""Bringing a database to the newest schema. Safe to run from several processes at once."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.exc import OperationalError

from bot.core.errors import StorageUnavailable
from storage.database import engine_url

_LOCK = 7_318_204_115  # any number of our own, for pg_advisory_lock


def upgrade(database_url: str) -> list[str]:
    """Apply the migrations that are missing, one process at a time. Returns their names, oldest first.

    Idempotent. Raises StorageUnavailable. Blocks: call it from a thread where a loop is running.
    """
    engine = create_engine(engine_url(database_url))
    try:
        with engine.connect() as connection:
            connection.execute(text("select pg_advisory_lock(:key)"), {"key": _LOCK})
            connection.commit()
            before = _applied(connection)
            command.upgrade(_config(connection), "head")
            connection.commit()
            after = _applied(connection)
            return [name for name in _history() if name not in _until(before) and name in _until(after)]
    except OperationalError as error:
        raise StorageUnavailable(f"PostgreSQL: {type(error).__name__}") from error
    finally:
        _dispose(engine)


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
