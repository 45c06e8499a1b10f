"""Describe what is wrong with an organization file, and where."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from typing import Final

from orgs.tree import Path, write_path


class Severity(StrEnum):
    ERROR = "error"  # the file cannot be applied
    WARNING = "warning"  # the file can be applied, but probably does not do what was meant


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One complaint. `line` and `column` count from 1. `path` is empty for the file as a whole."""

    file: str
    line: int
    column: int
    path: str
    severity: Severity
    code: str
    found: str
    expected: str
    suggestion: str = ""

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}:{self.column}: {self.severity} [{self.code}]"
        at = f" {self.path}:" if self.path else ""
        hint = f"; did you mean `{self.suggestion}`?" if self.suggestion else ""
        return f"{where}{at} found {self.found}, expected {self.expected}{hint}"


def problem_at(
    file: str,
    path: Path,
    mark: tuple[int, int],
    *,
    code: str,
    found: str,
    expected: str,
    severity: Severity = Severity.ERROR,
    suggestion: str = "",
) -> Problem:
    return Problem(
        file=file,
        line=mark[0],
        column=mark[1],
        path=write_path(path),
        severity=severity,
        code=code,
        found=found,
        expected=expected,
        suggestion=suggestion,
    )


def close_match(word: str, known: Collection[str]) -> str:
    """Return the known word that is most like `word`, or "".

    Long names must agree more, because different ones share endings such as `-specialist`.
    """
    folded = {name.casefold().replace("_", "-"): name for name in known}
    asked = word[:100].casefold().replace("_", "-")
    matches = get_close_matches(asked, folded, n=1, cutoff=0.7 if len(asked) <= 8 else 0.8)
    return folded[matches[0]] if matches else ""


def quote(value: object) -> str:
    """Return a value as complaints show it: short, on one line."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "true" if value else "false"
        case str():
            text = value if len(value) <= 60 else value[:57] + "..."
            return '"' + text.encode("unicode_escape").decode().replace('"', '\\"') + '"'
        case dict():
            return "a mapping" if value else "an empty mapping"
        case list() | tuple():
            return "a list" if value else "an empty list"
        case _:
            return str(value)[:60]


def discreet(value: object) -> str:
    """Return a value as `quote` does, but hide what looks like a secret: it may stand in the wrong field."""
    return unsaid(value) if isinstance(value, str) and _SECRET_LIKE.search(value) else quote(value)


def unsaid(value: object) -> str:
    return f"a value of {len(str(value))} characters (not shown)"


_SECRET_LIKE: Final = re.compile(r"xox[a-z]-|xapp-|^\d{6,}:[\w-]{20,}|^sk-|^EAA|[A-Za-z0-9+/_=-]{32,}")
