"""What a job is, and what its body is given."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Concatenate

from bot.core.ids import Clock
from storage.database import Database
from storage.sealing import Keyring

Plain = str | int | bool | None  # what JSON carries and an operator may read
Counts = Mapping[str, int]

BACKOFF = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=30))


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """The servers and the time of one run."""

    database: Database
    keyring: Keyring
    files_url: str  # of the file store
    anchors_file: Path | None = None  # where the operator has anchors of the audit chain kept as well
    rewrite_max: int  # bytes: a larger table of customers is not rewritten
    clock: Clock
    spent: Callable[[], bool]  # the budget is: finish the batch at hand, the rest is for the next run
    place: str  # how far an interrupted or failed try of this run had come; "" at the beginning
    remember: Callable[[str], None]  # note how far it has come


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """`body(context, **arguments)` returns counts. It may be run twice at once and must then do no harm."""

    name: str
    body: Callable[Concatenate[Context, ...], Awaitable[Counts]]
    limit: timedelta  # it is ended then; four fifths of it are the budget
    cron: str | None = None  # five fields, in UTC; None: only when somebody asks for it
    backoff: tuple[timedelta, ...] = BACKOFF  # one pause before each further try

    @property
    def budget(self) -> timedelta:
        return self.limit * 4 / 5
