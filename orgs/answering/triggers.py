"""Whether a rule's trigger fires.

The organization's phrases decide, and nothing else does. A phrase matches as a whole: each of its words,
grammar aside, is in the message in any inflection, in any order, with no more than a few other words
between them; a slip of one letter in a longer word does no harm. `charged twice` is found in "you have
charge me twise", and "where do I download my invoice" is not found by `invoice is wrong`. What is denied
counts as said: "my account was not hacked" still matches `hacked`, because a person can tell and we
cannot. A trigger without phrases matches by the words of its name.

A pattern is a regular expression, searched for in the text as written, case aside.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from bot.core.answering import Trigger
from orgs.answering.lexicon import each
from orgs.answering.words import bounded, one_slip_apart, stems

HUMAN_REQUEST: Final = "human_request"
UNANSWERED: Final = "unanswered"
TURN_FAILED: Final = "turn_failed"
FOUND_BY_THE_PRODUCT: Final = frozenset({HUMAN_REQUEST, UNANSWERED, TURN_FAILED})

_PATTERN_WEIGHS = 3  # as much as a phrase of so many words
_BETWEEN = 3  # other words that may stand between the words of a phrase
# Only grammar that may be left out of a phrase; words that turn its meaning ("not", "down", "no") stay.
_GRAMMAR = frozenset(
    each(
        """
a an the my our your their his her its i we you he she it they me us this that these those is are am was
were be been being has have had do does did of to in on at for with by from and or about some any please
t s ve ll re
"""
    )
)
_URGENT = frozenset(
    each(
        """
security incident outage breach fraud production emergency hacked phishing compromise compromised
intrusion
"""
    )
)
_URGENT_PHRASES = (
    "urgent",
    "emergency",
    "asap",
    "data breach",
    "hacked",
    "all users",
    "everyone locked out",
    "production down",
    "someone logged account",
    "losing money",
)


@dataclass(frozen=True, slots=True)
class Fired:
    trigger: Trigger
    phrase: str
    urgent: bool


def fired(triggers: Sequence[Trigger], text: str) -> Fired | None:
    """The trigger with the most words matched; of equals, the one named first."""
    found = _content(bounded(text))
    if not found:
        return None
    best: Fired | None = None
    most = 0
    written = " ".join(bounded(text).replace("’", "'").split())
    for trigger in triggers:
        if trigger.name in FOUND_BY_THE_PRODUCT:
            continue
        for pattern in trigger.patterns:
            if most < _PATTERN_WEIGHS and _compiled(pattern).search(written):
                best, most = Fired(trigger, pattern, False), _PATTERN_WEIGHS
        for phrase in _phrases(trigger):
            wanted = _wanted(phrase)
            if len(wanted) > most and _within(found, wanted):
                best, most = Fired(trigger, phrase, False), len(wanted)
    if best is None:
        return None
    return Fired(best.trigger, best.phrase, _is_urgent(best.trigger, found))


def _phrases(trigger: Trigger) -> tuple[str, ...]:
    if trigger.phrases or trigger.patterns:
        return trigger.phrases
    return (trigger.name.replace("_", " ").replace("-", " "),)


@lru_cache(maxsize=1_024)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


def _is_urgent(trigger: Trigger, found: list[str]) -> bool:
    if not _URGENT.isdisjoint(trigger.name.lower().replace("-", "_").split("_")):
        return True
    return any(_within(found, _wanted(phrase)) for phrase in _URGENT_PHRASES)


@lru_cache(maxsize=4_096)
def _wanted(phrase: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_content(phrase))) or tuple(stems(phrase))


def _content(text: str) -> list[str]:
    return [word for word in stems(text) if word not in _GRAMMAR]


def _within(found: list[str], wanted: tuple[str, ...]) -> bool:
    """Whether all wanted words occur in one stretch with at most _BETWEEN others."""
    if not wanted:
        return False
    places = sorted(
        (at, index)
        for index, word in enumerate(wanted)
        for at, other in enumerate(found)
        if _same(word, other)
    )
    if len({index for _, index in places}) < len(wanted):
        return False
    longest = len(wanted) + _BETWEEN
    for start, (at, _) in enumerate(places):
        if len({index for place, index in places[start:] if place - at < longest}) == len(wanted):
            return True
    return False


def _same(word: str, other: str) -> bool:
    if word == other:
        return True
    # The first letter is rarely the wrong one, and without this rule `leaked` would be `peaked`.
    return len(word) >= 5 and len(other) >= 4 and word[0] == other[0] and one_slip_apart(word, other)
