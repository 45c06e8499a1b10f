"""Short numbers of conversations, as people write and say them: #4831-27."""

import re
from typing import Final

_HEAD: Final = 4  # digits before the dash
_TYPED: Final = re.compile(r"\s*#?\s*([1-9]\d{3})-?(\d{2,8})\s*", re.ASCII)


def shown(number: int) -> str:
    """Return a number in two groups that can be read aloud: 483127 is #4831-27."""
    digits = str(number)
    return f"#{digits[:_HEAD]}-{digits[_HEAD:]}"


def number_typed(text: str) -> int | None:
    """Return the number that a text is, with or without # and dash; None if it is none."""
    found = _TYPED.fullmatch(text)
    return int(found[1] + found[2]) if found else None
