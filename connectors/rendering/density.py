"""Text that is markup nearly throughout, which nobody means as markup and parsers take long for."""

import re
from typing import Final

# By what parsing and writing cost: a block much more than a line of one, and a sign about as much as that.
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
    """Return the text, or, where it has more markup than anybody means, a code block that shows it as it is.

    So parsing costs no more than a fixed time for each character, whatever they are.
    """
    return markdown if _fits(markdown) else _block(markdown)


def _block(markdown: str) -> str:
    content = _ESCAPED.sub(r"\1", markdown)
    fence = min((_longer(sign, content) for sign in "`~"), key=len)
    return f"{fence}\n{content}\n{fence}"


def _longer(sign: str, content: str) -> str:
    """Return a fence that no run of the sign in the content ends."""
    longest = max((len(run) for run in re.findall(f"{sign}{{3,}}", content)), default=2)
    return sign * (longest + 1)


def _fits(markdown: str) -> bool:
    if len(markdown) < _MOST // _BLOCK:
        return True
    return _cost(markdown) <= _MOST * max(1, len(markdown) / _LENGTH)


def _cost(markdown: str) -> int:
    """Return about what it costs to parse it; what stands in a code block costs nothing."""
    cost, fence, quoted, nested = 0, "", False, 0
    for line in markdown.split("\n"):
        if fence and quoted and not line.startswith(">"):
            fence = ""  # it ends with its quote
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
                cost += 1 + nested  # it goes on within all of them
            # For each bracket that opens, a parser looks for the one that closes. What pictures show is read
            # anew for each picture around it.
            cost += len(_SIGN.findall(line)) + line.count("[") + _PICTURE * line.count("![")
    return cost
