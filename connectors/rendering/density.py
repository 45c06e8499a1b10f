"""Bound the cost of parsing a text that is almost only markup. Nobody means such a text as markup."""

import re
from typing import Final

# Measured costs of parsing and writing: a block costs much more than a line, a sign about as much as a line.
_BLOCK_LINE: Final = re.compile(r"[ \t>]*(?:[-+*#|=~]|\d{1,9}[.)]|$)")
_MARKERS: Final = re.compile(r"(?:[ \t]*(?:[-+*]|\d{1,9}[.)])(?=[ \t]))*")
_MARKER: Final = re.compile(r"[-+*.)]")
_FENCE_LINE: Final = re.compile(r"([ >]*)(`{3,}(?=[^`]*$)|~{3,})(.*)")
_SIGN: Final = re.compile(r"(?<!\\)[*_~`\[\]<>&$|]|\\\\")
_BLOCK: Final = 4
_PICTURE: Final = 4
_MOST: Final = 800  # of 10,000 characters
_LENGTH: Final = 10_000
_ESCAPED: Final = re.compile(r"\\([!-/:-@\[-`{-~])")


def bounded(markdown: str) -> str:
    """Return the text, or a code block that shows it as it is, if it has more markup than anybody means.

    So parsing costs at most a fixed time for each character.
    """
    return markdown if _fits(markdown) else _block(markdown)


def _block(markdown: str) -> str:
    content = _ESCAPED.sub(r"\1", markdown)
    fence = min((_longer(sign, content) for sign in "`~"), key=len)
    return f"{fence}\n{content}\n{fence}"


def _longer(sign: str, content: str) -> str:
    """Return a fence that is longer than any run of the sign in the content."""
    longest = max((len(run) for run in re.findall(f"{sign}{{3,}}", content)), default=2)
    return sign * (longest + 1)


def _fits(markdown: str) -> bool:
    if len(markdown) < _MOST // _BLOCK:
        return True
    return _cost(markdown) <= _MOST * max(1, len(markdown) / _LENGTH)


def _cost(markdown: str) -> int:
    """Return an estimate of what parsing a text costs. The inside of a code block costs nothing."""
    cost, fence, quoted, nested = 0, "", False, 0
    for line in markdown.split("\n"):
        if fence and quoted and not line.startswith(">"):
            fence = ""  # a code block ends with the quote around it
        found = _FENCE_LINE.match(line)
        if fence:
            if found and found[2].startswith(fence) and not found[3].strip():
                fence = ""
        elif found:
            fence, quoted = found[2], ">" in found[1]
            cost += _BLOCK
        else:
            if _BLOCK_LINE.match(line):
                cost += _BLOCK
                nested = len(_MARKER.findall(_MARKERS.match(line)[0]))  # type: ignore[index]
            else:
                cost += 1 + nested  # the line continues inside all these blocks
            # For each opening bracket, a parser looks for the closing one. The description of a picture is
            # parsed again for each picture around it.
            cost += len(_SIGN.findall(line)) + line.count("[") + _PICTURE * line.count("![")
    return cost
