"""Where a quote begins: `On … wrote:`, `-----Original Message-----`, a copied header block."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from connectors.email.reading import phrases
from connectors.email.reading.lines import Line

Following = Literal["quote", "nothing", "text"]

_MAX_WINDOW_LINES = 4
_MAX_WINDOW = 400
_MAX_WINDOWS = 400  # how many are looked at closely in one mail
_ADDRESS = r"[^\s<>()\[\]@]{1,100}@[^\s<>()\[\]@]{1,200}"
_BRACKETED_AT_END = re.compile(
    rf"[<(\[]{_ADDRESS}[>)\]]+[^\w]{{0,5}}[:：]$|[<(]{_ADDRESS}[>)]+[^:：]{{1,12}}[:：]$"
)
_ADDRESS_AT_END = re.compile(rf"\s{_ADDRESS}\s?[:：]$")
_BRACKETED = re.compile(rf"[<(\[]+{_ADDRESS}[>)\]]+")
_ENDS = re.compile(r"[:：]\s*(?:-{3,})?$")
_WHEN = re.compile(
    r"\d{1,2}[:.h]\d{2}\b|\b(?:19|20)\d{2}\b|\d{1,2}[./-]\d{1,2}[./-]\d{2,4}|\d{1,2}\s?[時时点시]|(?:19|20)\d{2}\s?[年년.]"
)
_OPENER = re.compile(
    r"^(?:on|am|le|el|il(?: giorno)?|em|a|no dia|op|dnia|w dniu|den|dne|d\.|på|pe|ke|ti|to|la|su|ma|в|у"
    r"|[^\W\d_]{2,4}[.,])\s?.*\d",
    re.I,
)
_SENTENCE_END = re.compile(r"[.!?。！？]$")


class Finder:
    """Looks for the beginnings of quotes in one mail, and stops looking closely after so many."""

    def __init__(self, lines: Sequence[Line]) -> None:
        self._lines = lines
        self._bare: dict[int, str] = {}
        self._labels: dict[int, str | None] = {}
        self._windows = _MAX_WINDOWS
        self._next_filled = list(range(len(lines)))  # where the blank lines at each line end
        for at in range(len(lines) - 1, -1, -1):
            if lines[at].blank and lines[at].kind in ("text", "quote"):
                self._next_filled[at] = self._over_blanks(at + 1)

    def bare(self, at: int) -> str:
        if at not in self._bare:
            self._bare[at] = phrases.bare(self._lines[at].text)
        return self._bare[at]

    def label(self, at: int) -> str | None:
        if at not in self._labels:
            self._labels[at] = phrases.label(self.bare(at))
        return self._labels[at]

    def is_text(self, at: int) -> bool:
        return at < len(self._lines) and self._lines[at].kind == "text"

    def beginning(self, at: int) -> tuple[int, bool] | None:
        """How many lines from `at` introduce a quote, and whether all that follows belongs to it."""
        length = 0
        if phrases.ORIGINAL.match(self.bare(at)) or (
            phrases.RULE_LINE.match(self.bare(at)) and self._headers(self._over_blanks(at + 1))
        ):
            length = self._over_blanks(at + 1) - at
        length += self._headers(at + length) or self._attribution(at + length)
        return None if not length else (length, self.following(at + length) == "text")

    def following(self, at: int) -> Following:
        at = self._over_blanks(at)
        if at >= len(self._lines):
            return "nothing"
        return "quote" if self._lines[at].kind == "quote" else "text"

    def _over_blanks(self, at: int) -> int:
        return self._next_filled[at] if at < len(self._lines) else at

    def _headers(self, at: int) -> int:
        """The length of a copied header block at `at`: a sender and two of recipient, date and subject."""
        if not self.is_text(at) or self.label(at) is None:
            return 0
        roles: set[str] = set()
        end, gap, position = at, 0, at
        while self.is_text(position) and position - at < 40:
            role = self.label(position)
            if role is not None and (role not in roles or gap == 0):
                roles.add(role)
                end, gap = position + 1, 0
            elif self._lines[position].blank and gap == 0 and len(roles) < 5:
                gap = 1
            elif gap == 0 and self._continues(position, roles):
                end = position + 1
            else:
                break
            position += 1
        enough = "from" in roles and len(roles & {"date", "to", "subject", "cc"}) >= 2
        return end - at if enough else 0

    def _continues(self, at: int, roles: set[str]) -> bool:
        """A folded line of recipients or of a subject, within the block."""
        more = any(
            self.is_text(at + ahead) and self.label(at + ahead) not in (None, *roles) for ahead in (1, 2, 3)
        )
        return more and bool(self.bare(at)) and len(roles) < 5

    def _attribution(self, at: int) -> int:
        """The length of `On Monday somebody wrote:` at `at`, which programs fold over up to four lines."""
        if not self.is_text(at) or not self.bare(at):
            return 0
        window = ""
        for length in range(1, _MAX_WINDOW_LINES + 1):
            last = at + length - 1
            if not self.is_text(last) or not self.bare(last):
                return 0
            window = f"{window} {self.bare(last)}".strip()
            if len(window) > _MAX_WINDOW:
                return 0
            if _ENDS.search(window):
                return length if self._introduces(window, at + length, length) else 0
            if length == 1 and _SENTENCE_END.search(window) and not re.search(r"\d[.]$|\b\w{1,4}\.$", window):
                return 0
        return 0

    def _introduces(self, window: str, after: int, length: int) -> bool:
        self._windows -= 1
        if self._windows < 0:
            return False
        when, wrote = _WHEN.search(window), phrases.WROTE.search(window)
        if when and (wrote or _BRACKETED_AT_END.search(window)):
            # Over several lines it must look like one from the start, lest a sentence before it goes too.
            begins = _OPENER.match(window) or _BRACKETED.search(window[:200]) or _WHEN.search(window[:40])
            return length == 1 or begins is not None
        if when and phrases.library_knows(window):
            return True
        named = _BRACKETED_AT_END.search(window) or (when and _ADDRESS_AT_END.search(window))
        return length <= 2 and self.following(after) == "quote" and bool(wrote or named)


def mark(lines: list[Line]) -> list[Line]:
    """The lines, with attributions named, and everything "rest" where a quote reaches to the end."""
    finder = Finder(lines)
    marked = list(lines)
    at = 0
    while at < len(lines):
        found = finder.beginning(at) if lines[at].kind == "text" and not lines[at].blank else None
        if found is None:
            at += 1
            continue
        length, all_follows = found
        for position in range(at, at + length):
            marked[position] = replace(lines[position], kind="attribution")
        if all_follows:
            marked[at + length :] = [replace(line, kind="rest") for line in lines[at + length :]]
            return marked
        at += length
    return marked
