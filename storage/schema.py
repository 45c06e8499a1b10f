"""Compare the schema of a database with the versions that this program knows.

Every command needs the versions, so they are read from the names of the files: loading Alembic takes half a
second.
"""

from functools import lru_cache
from pathlib import Path
from typing import Final

from bot.core.errors import SchemaMissing, SchemaNewer, SchemaOlder
from storage.unavailable import MISSING

MIGRATIONS: Final = Path(__file__).parent / "migrations"


@lru_cache(maxsize=1)
def history() -> tuple[str, ...]:
    """Return the versions, oldest first. The file of each migration is named `<version>_<what it
    does>.py`.
    """
    return tuple(sorted(path.name.partition("_")[0] for path in MIGRATIONS.glob("versions/[0-9]*_*.py")))


def compare(applied: str | None) -> None:
    """Compare the schema of a database with this program's.

    Raise SchemaMissing, SchemaOlder, SchemaNewer.
    """
    if applied is None:
        raise SchemaMissing(MISSING)
    refuse_newer(applied)
    newest = history()[-1]
    if applied != newest:
        raise SchemaOlder(
            f"The database's schema ({applied}) is older than this program's ({newest}):"
            " run `desk db migrate`."
        )


def refuse_newer(applied: str) -> None:
    """Raise SchemaNewer for a version that this program does not know."""
    if applied not in history():
        raise SchemaNewer(
            f"The database's schema ({applied[:20]}) is newer than this program's ({history()[-1]}): start"
            " the version of the program that migrated it."
        )
