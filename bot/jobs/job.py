"""Define a job, and what its body gets."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Concatenate

from bot.core.ids import Clock
from storage.database import Database
from storage.sealing import Keyring

Plain = str | int | bool | None  # values that JSON can carry and an operator may read
Counts = Mapping[str, int]

BACKOFF = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=30))


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """The servers and the time that a job's body works with."""

    database: Database
    keyring: Keyring
    files_url: str  # the URL of the file store
    anchors_file: Path | None = None  # a second place for anchors of the audit chain, set by the operator
    rewrite_max: int  # bytes; a larger table of customers is not rewritten
    clock: Clock
    spent: Callable[[], bool]  # whether the budget is spent: finish this batch, and leave the rest for later
    place: str  # how far an interrupted or failed try of this run got; "" at the beginning
    remember: Callable[[str], None]  # records how far this try got


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job. `body(context, **arguments)` returns counts; if it runs twice at once, it does no harm."""

    name: str
    body: Callable[Concatenate[Context, ...], Awaitable[Counts]]
    limit: timedelta  # after this time the job is cancelled; its budget is four fifths of it
    cron: str | None = None  # five fields, in UTC; None: it runs only on request
    backoff: tuple[timedelta, ...] = BACKOFF  # one pause before each further try

    @property
    def budget(self) -> timedelta:
        return self.limit * 4 / 5
