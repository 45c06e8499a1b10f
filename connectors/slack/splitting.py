"""Cut mrkdwn to Slack's lengths without breaking a word, a link, an escape or a code block."""

import re

FENCE = "```"
ELLIPSIS = "…"
_BREAKS = ("\n\n", "\n", " ")
_WHOLE = re.compile(r"<[^<>\n]*>|&(?:amp|lt|gt);")


def parts(text: str, limit: int) -> list[str]:
    """Split a text into pieces of at most `limit` characters (16 or more) that read like the whole.

    Return none for blank text.
    """
    found: list[str] = []
    rest = text.strip()
    in_code = False
    while rest:
        opening = FENCE + "\n" if in_code else ""
        if len(opening) + len(rest) <= limit:
            found.append(opening + rest)
            break
        # Room for closing a code block which this piece may leave open.
        end = _end(rest, limit - len(opening) - len(FENCE) - 1)
        head, rest = rest[:end], rest[end:]
        in_code ^= head.count(FENCE) % 2 == 1
        head = opening + (head.rstrip("\n") if in_code else head.strip())
        rest = rest.removeprefix("\n") if in_code else rest.lstrip()
        if head.strip():
            found.append(f"{head}\n{FENCE}" if in_code else head)
    return found


def cut(text: str, limit: int) -> str:
    """Return at most `limit` characters of mrkdwn, with "…" where something was left out."""
    if len(text) <= limit:
        return text
    if limit < 16:
        return text[: max(0, limit - 1)] + ELLIPSIS
    head = text[: _end(text, limit - len(ELLIPSIS) - len(FENCE) - 1)]
    if head.count(FENCE) % 2:
        return f"{head.rstrip()}{ELLIPSIS}\n{FENCE}"
    return head.rstrip() + ELLIPSIS


def cut_plain(text: str, limit: int) -> str:
    """Return at most `limit` characters of text without markup, with "…" where something was left out."""
    return text if len(text) <= limit else text[: limit - 1].rstrip() + ELLIPSIS


def _end(text: str, room: int) -> int:
    """Return where to end a piece: after the last paragraph, line or word that fits, else in a long word."""
    for gap in _BREAKS:
        at = text.rfind(gap, 0, room)
        # A break in the first third wastes space, so it is used only between words.
        if at > (room // 3 if gap != " " else 0) and _whole_end(text, at) == at:
            return at
    return _whole_end(text, room)


def _whole_end(text: str, at: int) -> int:
    """Return `at`; if it is inside a link, escape or fence, return where that begins, unless nothing would be
    left.
    """
    start = text.rfind("<", 0, at)
    escape = text.rfind("&", max(0, at - 4), at)
    for begin in (start, escape):
        if begin > 0 and (match := _WHOLE.match(text, begin)) and match.end() > at:
            return begin
    for begin in range(max(1, at - 2), at):
        if text.startswith(FENCE, begin):
            return begin
    return at
