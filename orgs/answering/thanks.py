"""Tell mere thanks and goodbyes from messages that somebody must read. In doubt, somebody reads them."""

import re
from collections.abc import Iterable
from typing import Final

from orgs.answering.courtesy import signs
from orgs.answering.formulas import Formula, formulas
from orgs.answering.tokens import words

# Alone, these are greetings: a question follows.
_GREETING: Final = re.compile(r"(?:bom|buen) dia|buenos dias|boa (?:tarde|noite)|buenas? (?:tardes?|noches?)")


def only_thanks(text: str, customer: str = "", names: Iterable[str] = (), *, asked: bool = False) -> bool:
    """Return whether the whole text is thanks, a goodbye or an "ok", so that nobody has to do anything.

    `names` may be addressed, and the `customer` may sign. If we `asked` something, an "ok" is an answer.
    """
    if (sign := signs(text)) is not None:
        return sign == "thanks" and not asked and formulas(text) is not None
    found = formulas(text, customer, names)
    if found is None or _GREETING.fullmatch(" ".join(words(text))):
        return False
    settled = found[Formula.THANKS] + found[Formula.NO_MORE]
    if asked:
        refused = found[Formula.NO] and not found[Formula.NO_MORE]
        return settled > 0 and not (refused or found[Formula.OK] or found[Formula.CONSENT])
    return settled + found[Formula.OK] + found[Formula.CONSENT] > 0
