"""Read which classes the style sheets of a mail hide or strike out.

Only rules about a single class (`.gone`, `p.gone`) are read, and none that depend on the screen. The mail is
read as a desktop program shows it, in a page of any width.
"""

import re
import string
from collections.abc import Iterator
from dataclasses import dataclass

_MAX_SHEETS = 64 * 1024  # characters
_LEAST = 16  # characters that an empty sheet counts as
_MAX_RULES = 2_000
_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)  # unlike `lower`, keeps the length
_BRACE = re.compile(r"[{}]")
_BEGINS = re.compile(r"<style", re.IGNORECASE)
_CLASS = re.compile(r"([a-z][a-z0-9]{0,20})?\.([\w-]{1,100})")
_DISPLAY = re.compile(r"(?<![\w-])(?:display|visibility|mso-hide)\s*:\s*([\w-]{1,30})")
_STRUCK = re.compile(r"text-decoration(?:-line)?\s*:[^;]{0,60}line-through")
_UNSEEN = ("none", "hidden", "all")


@dataclass(frozen=True, slots=True)
class Look:
    """The look that a rule gives to an element."""

    hidden: bool = False
    struck: bool = False
    important: bool = False  # it wins over the element's own style


Sheet = dict[tuple[str, str], Look]
"""By the element's name, "" for all, and its class."""


def sheet_of(html: str) -> Sheet:
    """Read the style sheets in `html`, from which comments were removed. The last rule of a class counts."""
    sheet: Sheet = {}
    if _BEGINS.search(html) is None:
        return sheet
    lower = html.translate(_LOWER)
    for count, (selector, body) in enumerate(_rules(html, lower)):
        if count >= _MAX_RULES:
            break
        look = _look(body.translate(_LOWER))
        for each in selector.split(","):
            named = _CLASS.fullmatch(each.strip())
            if named is not None and look is not None:
                sheet[named[1] or "", named[2]] = look
    return sheet


def _look(body: str) -> Look | None:
    """Return how a rule shows its elements, or None if it hides and strikes out nothing."""
    display = _DISPLAY.findall(body)
    struck = _STRUCK.search(body) is not None
    if not display and not struck:
        return None
    return Look(bool(display) and display[-1] in _UNSEEN, struck, "!important" in body)


def _rules(html: str, lower: str) -> Iterator[tuple[str, str]]:
    """Yield each selector with its declarations. Skip rules inside another block."""
    room, position = _MAX_SHEETS, 0
    while room > 0 and (begins := lower.find("<style", position)) >= 0:
        opened, ends = lower.find(">", begins), lower.find("</style", begins)
        if opened < 0 or ends < opened:
            return
        text = html[opened + 1 : min(ends, opened + 1 + room)]
        room -= len(text) + _LEAST
        text = _without_comments(text)
        position = ends
        depth, start, body = 0, 0, 0
        for brace in _BRACE.finditer(text):
            if brace[0] == "{":
                if depth == 0:
                    body = brace.end()
                depth += 1
            elif depth:
                depth -= 1
                if depth == 0:
                    selector = text[start : body - 1].rpartition(";")[2].strip()
                    inner = text[body : brace.start()]
                    if not selector.startswith("@") and "{" not in inner:
                        yield selector, inner
                    start = brace.end()


def _without_comments(text: str) -> str:
    kept, position = [], 0
    while (begins := text.find("/*", position)) >= 0 and (ends := text.find("*/", begins + 2)) >= 0:
        kept.append(text[position:begins])
        position = ends + 2
    return " ".join([*kept, text[position:]])
