"""Find where a quote begins: `On … wrote:`, `-----Original Message-----`, a copied header block."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Literal

from connectors.email.reading import phrases
from connectors.email.reading.lines import MailLine

Following = Literal["quote", "nothing", "text"]

_MAX_WINDOW_LINES = 4
_MAX_WINDOW = 400
_MIN_FOLDED = 72  # a relay folds a line if its mark, its text and the next word have so many characters
_MAX_WINDOWS = 400  # windows of lines that are examined in one mail
_ADDRESS = r"[^\s<>()\[\]@]{1,100}@[^\s<>()\[\]@]{1,200}"
_BRACKETED_AT_END = re.compile(
    rf"[<(\[]{_ADDRESS}[>)\]]+[^\w]{{0,5}}[:：]?$|[<(]{_ADDRESS}[>)]+[^:：]{{1,12}}[:：]?$"
)
_ADDRESS_AT_END = re.compile(rf"\s{_ADDRESS}\s?[:：]$")
_BRACKETED = re.compile(rf"[<(\[]+{_ADDRESS}[>)\]]+")
_OPEN_BRACKET = re.compile(rf"<{_ADDRESS}$")
_NAME_FIRST = re.compile(rf"^[^<>()\[\]@.!?\d]{{0,60}}[<(\[]+{_ADDRESS}[>)\]]+")
_ENDS = re.compile(r"[:：]\s*(?:-{3,})?$")
_WHEN = re.compile(
    r"\d{1,2}[:.h]\d{2}\b|\b(?:19|20)\d{2}\b|\d{1,2}[./-]\d{1,2}[./-]\d{2,4}|\d{1,2}\s?[時时点시]|(?:19|20)\d{2}\s?[年년.]"
)
_DATE = (
    r"(?:\d{1,4}(?:[./-]\s?|年|년\s?)\d{1,2}(?:[./-]\s?|月|월\s?)\d{1,4}"
    r"|\d{1,2}(?:\.|st|nd|rd|th|,)?\s(?:de |d[’'])?[^\W\d_]{2,12}\.?,?\s(?:de )?\d{4}"
    r"|[^\W\d_]{3,12}\.?\s\d{1,2}(?:st|nd|rd|th)?,?\s\d{4})"
)
_OPENING = (
    r"(?:on|am|le|el|il(?: giorno)?|em|a|no dia|op|dnia|w dniu|den|dne|d\.|på|pe|ke|ti|to|la|su|ma|в|у|на"
    r"|în|u|στις|vào|pada tanggal)"
)
_OPENER = re.compile(rf"^(?:{_OPENING}\b|[^\W\d_]{{2,4}}[.,]|[^\W\d_]{{2,4}}(?=\s\d))\s?.*\d", re.I)
# A date, or a weekday and a date, behind a word that begins an attribution: `On Wednesday, April 5, 2023`.
_DATED = re.compile(rf"^(?:{_OPENING}\s)?(?:[^\W\d_]{{2,12}}[.,]{{0,2}}\s)?{_DATE}", re.I)
# The same within a line, behind other words: the line break before it was lost.
_DATED_INSIDE = re.compile(
    r"(?<=\S)\s+(?=(?:On|Am|Le|El|Il giorno|Em|Op|W dniu|Den|Dne|På)\s"
    rf"(?:[^\W\d_]{{2,12}}[.,]{{0,2}}\s)?{_DATE})"
)
_OLD_GMAIL = re.compile(r"^\d{4}-\d{2}-\d{2} \d{1,2}:\d{2} GMT[+-]\d{1,2}:?\d{2} \S.{0,150}[:：]$")
_SENTENCE_END = re.compile(r"[.!?。！？]$")
_FOLDED_INSIDE = re.compile(r"(?<=[<(\[]) | (?=[>)\]:：])")


class Finder:
    """Finds the beginnings of quotes in one mail. The number of close looks is bounded."""

    def __init__(self, lines: Sequence[MailLine]) -> None:
        self._lines = lines
        self._bare: dict[int, str] = {}
        self._labels: dict[int, str | None] = {}
        self._windows = _MAX_WINDOWS
        self._scores: dict[tuple[int, int], int] = {}
        self._next_filled = list(range(len(lines)))  # for each line, the next one that is not blank
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

    def beginning(self, at: int, *, answers: bool = True) -> tuple[int, bool] | None:
        """Return how many lines from `at` introduce a quote, and whether all that follows belongs to it.

        Return None if no quote begins there. In a mail that answers none (`answers`), a copied header block
        is content, unless a line above it says that it is the original message.
        """
        length = self._original(at)
        if length or answers:
            length += self._headers(at + length)
        length += 0 if length else self._attribution(at)
        return None if not length else (length, self.following(at + length) == "text")

    def _original(self, at: int) -> int:
        """Return how many lines `-----Original Message-----` takes, or a rule above a copied header block."""
        words = self.bare(at)
        below = self._over_blanks(at + 1)
        if phrases.ORIGINAL.match(words):
            return below - at + self._attribution(below)
        if phrases.RULE_LINE.match(words) or phrases.ORIGINAL_ALONE.match(words):
            return below - at if self._headers(below) else 0
        return 0

    def following(self, at: int) -> Following:
        at = self._over_blanks(at)
        if at >= len(self._lines):
            return "nothing"
        line = self._lines[at]
        return "quote" if line.kind == "quote" or is_barred(line) else "text"

    def _over_blanks(self, at: int) -> int:
        return self._next_filled[at] if at < len(self._lines) else at

    def _headers(self, at: int) -> int:
        """Return the length of a copied header block at `at`, in lines, or 0.

        A block has a sender and two of recipient, date and subject, with an address or a date as programs
        write it.
        """
        if not self.is_text(at) or self.label(at) is None:
            return 0
        roles: set[str] = set()
        end, gap, position, written = at, 0, at, False
        while self.is_text(position) and position - at < 40:
            role = self.label(position)
            if role is not None and (role not in roles or gap == 0):
                roles.add(role)
                value = self.bare(position)[:_MAX_WINDOW]
                written = written or "@" in value or (role == "date" and _WHEN.search(value) is not None)
                end, gap = position + 1, 0
            elif self._lines[position].blank and gap == 0 and len(roles) < 5:
                gap = 1
            elif gap == 0 and self._continues(position, roles):
                end = position + 1
            else:
                break
            position += 1
        enough = "from" in roles and len(roles & {"date", "to", "subject", "cc"}) >= 2
        return end - at if enough and written else 0

    def _continues(self, at: int, roles: set[str]) -> bool:
        """Return True for the folded rest of a line of recipients or of a subject, inside a header block."""
        more = any(
            self.is_text(at + ahead) and self.label(at + ahead) not in (None, *roles) for ahead in (1, 2, 3)
        )
        return more and bool(self.bare(at)) and len(roles) < 5

    def _attribution(self, at: int) -> int:
        """Return how many lines an attribution at `at` takes, such as `On Monday somebody wrote:`, or 0.

        Programs fold it over up to four lines, and a person's words may stand directly above it. Of the lines
        at which it could begin, the one that looks most like an attribution counts; of equal ones, the last.
        """
        if not self.is_text(at):
            return 0
        for length in range(1, _MAX_WINDOW_LINES + 1):
            window = self._window(at, at + length)
            if not window:
                return 0
            if self._ends(window, at + length):
                score = self._score(at, at + length)
                later = (self._score(start, at + length) for start in range(at + 1, at + length))
                return length if score and all(score > each for each in later) else 0
            if length == 1 and _SENTENCE_END.search(window) and not re.search(r"\d[.]$|\b\w{1,4}\.$", window):
                return 0
        return 0

    def _window(self, start: int, end: int) -> str:
        """Return the lines joined into the one line that they may have been, or "" if that cannot be an
        attribution.
        """
        window = ""
        for at in range(start, end):
            if at >= len(self._lines):
                return ""
            words = self.bare(at)
            # The bracket behind an address looks like the mark of a quote where it was folded before.
            closes = bool(at > start and self._lines[at].kind == "quote" and _OPEN_BRACKET.search(window))
            if not words or not (self.is_text(at) or closes):
                return ""
            window = f"{window}>{' ' * words[0].isalnum()}{words}" if closes else f"{window} {words}".strip()
            window = _FOLDED_INSIDE.sub("", window)
            if len(window) > _MAX_WINDOW:
                return ""
        return window

    def _ends(self, window: str, after: int) -> bool:
        """Return True if an attribution may end here: with a colon, or above a quote."""
        if _ENDS.search(window):
            return True
        if self.following(after) != "quote" or _WHEN.search(window) is None:
            return False
        wrote = list(phrases.WROTE.finditer(window))
        return bool(wrote) and (
            wrote[-1].end() == len(window) or _BRACKETED_AT_END.search(window) is not None
        )

    def _score(self, start: int, end: int) -> int:
        """Return how much the lines look like an attribution, from 0 to 3."""
        key = (start, end)
        if key not in self._scores:
            self._windows -= 1
            window = self._window(start, end) if self._windows >= 0 else ""
            self._scores[key] = self._scored(window, end, end - start) if window else 0
        return self._scores[key]

    def _scored(self, window: str, after: int, length: int) -> int:
        when, wrote = _WHEN.search(window), phrases.WROTE.search(window)
        if _OLD_GMAIL.match(window):
            return 3
        if wrote and wrote.start() == 0 and length == 1 and self.following(after) != "quote":
            return 0
        if when and (wrote or _BRACKETED_AT_END.search(window)):
            if _DATED.match(window) or (
                (name := _NAME_FIRST.match(window)) and re.search(_DATE, window[name.end() :])
            ):
                return 3
            if _OPENER.match(window) and _WHEN.search(window[:40]):
                return 2
            # Over several lines, an attribution must look like one from its start: no quote mark follows it.
            return 1 if length == 1 and (self.following(after) != "text" or _NAME_FIRST.match(window)) else 0
        if when and phrases.library_knows(window):
            return 2
        named = _BRACKETED_AT_END.search(window) or (when and _ADDRESS_AT_END.search(window))
        return 1 if length == 1 and self.following(after) == "quote" and (wrote or named) else 0


def is_barred(line: MailLine) -> bool:
    """Return True if a line begins with a bar, as some programs mark quotes."""
    return line.kind == "text" and line.text.lstrip()[:1] == "|"


def mark(lines: list[MailLine], *, answers: bool = True) -> list[MailLine]:
    """Return the lines with attributions marked.

    If a quote reaches to the end, its lines get the kind "rest".
    """
    lines = _folded_quotes(list(_separated(lines)))
    finder = Finder(lines)
    marked = list(lines)
    at = 0
    while at < len(lines):
        found = finder.beginning(at, answers=answers) if finder.is_text(at) and not lines[at].blank else None
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
        while at < len(lines) and (is_barred(lines[at]) or (finder.is_text(at) and lines[at].blank)):
            if not lines[at].blank:
                marked[at] = replace(lines[at], kind="quote", text=lines[at].text.lstrip()[1:].strip())
            at += 1
    return marked


def _separated(lines: Sequence[MailLine]) -> Iterator[MailLine]:
    """Yield the lines. An attribution that stands behind other words becomes a line of its own."""
    for line in lines:
        inside = None
        if line.kind == "text" and len(line.text) <= _MAX_WINDOW and _ENDS.search(line.text):
            inside = _DATED_INSIDE.search(line.text)
        if inside is None or not (phrases.WROTE.search(line.text) and _BRACKETED.search(line.text)):
            yield line
        else:
            yield replace(line, text=line.text[: inside.start()])
            yield replace(line, text=line.text[inside.end() :])


def _folded_quotes(lines: list[MailLine]) -> list[MailLine]:
    """Return the lines. The end of a quoted line that a relay folded becomes a quote too."""
    result = list(lines)
    for at in range(1, len(lines)):
        line, before = lines[at], lines[at - 1]
        if line.kind != "text" or line.blank or before.kind != "quote" or before.certain:
            continue
        full = len(before.shown) + len(line.text.split(maxsplit=1)[0])
        goes_on = at + 1 < len(lines) and lines[at + 1].kind == "quote"
        if (
            full >= _MIN_FOLDED
            and len(line.text) < _MIN_FOLDED
            and _SENTENCE_END.search(before.text) is None
            and (goes_on or line.text[:1].islower())
        ):
            result[at] = replace(line, kind="quote")
    return result
