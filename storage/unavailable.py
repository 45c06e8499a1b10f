"""Translate the driver's errors into ours: one sentence that says what to do."""

import re
from typing import Final

import psycopg
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from bot.core.errors import DiskFull, LoginRefused, SchemaMissing, StorageUnavailable

FULL: Final = "PostgreSQL's disk is full: make room there; nothing accepted is lost meanwhile."
MISSING: Final = "The database lacks tables of this program: run `desk db migrate`."
UNREACHABLE: Final = "The database cannot be reached ({}): see that PostgreSQL runs, and DATABASE_URL."

_LOGIN: Final = LoginRefused, "PostgreSQL refuses the user or the password of DATABASE_URL: correct them."
_NAME: Final = (
    LoginRefused,
    "PostgreSQL has no database of the name in DATABASE_URL: create or correct it.",
)
_CROWDED: Final = (
    StorageUnavailable,
    "PostgreSQL has no connection left for this process: raise its max_connections, or run fewer processes.",
)
_OPTION: Final = (
    StorageUnavailable,
    "An option of DATABASE_URL has a value that PostgreSQL does not know: correct it.",
)
_BY_STATE: Final[dict[str, tuple[type[StorageUnavailable], str]]] = {
    "28000": _LOGIN,
    "28P01": _LOGIN,
    "3D000": _NAME,
    "53300": _CROWDED,
    "53100": (DiskFull, FULL),
    "25006": (
        StorageUnavailable,
        "PostgreSQL takes no writes here: point DATABASE_URL at the primary server.",
    ),
    "42P01": (SchemaMissing, MISSING),
}
# While connecting, libpq gives no SQLSTATE. A server with messages in another language counts as unreachable.
_BY_WORDS: Final = (
    (re.compile("password authentication failed|no password supplied|no pg_hba.conf entry"), _LOGIN),
    (re.compile('role ".*" (does not exist|is not permitted to log in)'), _LOGIN),
    (re.compile('database ".*" does not exist'), _NAME),
    (re.compile(r"invalid \S+ value"), _OPTION),
    (re.compile("too many clients|remaining connection slots"), _CROWDED),
)
_OF_REACHING: Final = (
    OperationalError,
    InterfaceError,
    PoolTimeout,
    psycopg.OperationalError,
    psycopg.InterfaceError,
)


def unavailable(error: BaseException) -> StorageUnavailable | None:
    """Return our error for one of the driver or the pool, or None if it is about the statement itself."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    state = (cause.sqlstate if isinstance(cause, psycopg.Error) else None) or ""
    known = _BY_STATE.get(state)
    if known is None and isinstance(cause, psycopg.OperationalError) and not state:
        known = next((told for words, told in _BY_WORDS if words.search(str(cause))), None)
    if known is not None:
        kind, sentence = known
        return kind(sentence)
    lost = isinstance(error, DBAPIError) and error.connection_invalidated
    if lost or isinstance(error, _OF_REACHING):
        return StorageUnavailable(UNREACHABLE.format(type(cause).__name__))
    return None
