"""Whether a rule's trigger fires.

The organization's phrases decide, and nothing else does; they may be in any language, and all are looked for
whatever language the customer writes in. A phrase matches as a whole: each of its words, grammar aside, is in
one sentence in any inflection, with no more than a few other words between them, and fewer when they stand in
another order. `charged twice` is found in "you have charge me twise", and "where do I download my invoice" is
not found by `invoice is wrong`.

A phrase that grammar leaves one word of (`you are down`) is found only as it is written. One of a single word
(`hacked`) is found in that word and in longer inflections of it, not in shorter ones ("a nice hack").

A slip of the finger in a longer word does no harm: two letters swapped, one missing, one too many, or one
that sounds the same. A letter that makes it another word does: "change" is no slip of `charge`.

What is only asked, supposed or praised does not count (`reported`), unless the phrase is a question itself.
What is denied does not count ("my card was not declined"), unless the phrase is about what a customer wants
("I was not refunded"). A trigger without phrases matches by the words of its name.

A pattern is a regular expression, searched for in the text as written, case aside.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from bot.core.answering import Trigger
from orgs.answering.lexicon import FILLERS, each
from orgs.answering.reported import reported
from orgs.answering.words import bounded, joined, one_slip_apart, stem, words

HUMAN_REQUEST: Final = "human_request"
UNANSWERED: Final = "unanswered"
TURN_FAILED: Final = "turn_failed"
FOUND_BY_THE_PRODUCT: Final = frozenset({HUMAN_REQUEST, UNANSWERED, TURN_FAILED})

_PATTERN_WEIGHS = 3  # as much as a phrase of so many words
_BETWEEN = 3  # other words that may stand between the words of a phrase
_BETWEEN_IN_ANOTHER_ORDER = 1
_SENTENCE_ENDS = re.compile(r"[.!?;:]+(?=\s|$)|\n")
_APART = 1_000
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
# The same in the other languages that phrases are shipped in; not what is another word in English.
_GRAMMAR_ELSEWHERE = frozenset(
    each(
        """
der den dem des ein eine einen einem einer mein meine meinen meinem meiner mir mich ich wir uns unser unsere
ihr ihre ihnen sie es euch ist sind wurde wurden worden habe haben von zum zur im auf bei mit fur und oder
le la les un une du au aux l d j je mon ma mes nous notre nos vous votre vos il elle est sont ai ont ete sur
dans pour avec et ou par en que qui
el los las una unos del mi mis se es ha han he con para y al lo su sus nuestro nuestra nuestros nuestras
um uma os da das dos meu minha meus minhas nosso nossa foi fui foram em na com ao seu sua e
"""
    )
)
# Words that are one slip away from words of phrases, and right as they are.
_RIGHT_AS_THEY_ARE = FILLERS | frozenset(
    each(
        """
outrage outraged form forms lots trail sing sings list lists last leases quiet bread broad changes filed file
"""
    )
)
_SOUND_ALIKE = tuple(map(frozenset, ("aeiouy", "csz", "ckq", "fvw", "dt", "bp", "mn", "gj")))
_BE = frozenset(each("is are am was were be been"))
_BE_NOT = frozenset(each("isnt arent wasnt werent aint"))
_DENIED = re.compile(r"\b(?:(?:is|are|am|was|were|been) not|(?:is|are|was|were)n'?t)(?: \w+ly)?\s*$", re.I)
_DENIED_WITHIN = re.compile(r"\b(?:(?:is|are|am|was|were|been) not|(?:is|are|was|were)n'?t)\b", re.I)
_DENIES = re.compile(r"\bnot\b|n't\b")  # a pattern that is about something that is not so
_WANTED = re.compile(r"refund|money|reimburs|credit|erstatt|gutschrift|rembours|reembols|estorn", re.I)


@dataclass(frozen=True, slots=True)
class Fired:
    trigger: Trigger
    phrase: str


@dataclass(frozen=True, slots=True)
class _Word:
    """A word of a phrase: as it is written there, and its stem."""

    written: str
    stem: str


@dataclass(frozen=True, slots=True)
class _Phrase:
    text: str
    words: tuple[_Word, ...]  # stand beside each other where the phrase is found
    literal: bool  # found only as it is written, word by word
    asks: bool = False  # a question itself: looked for in questions as well


@dataclass(frozen=True, slots=True)
class _Message:
    """What the customer wrote, word by word.

    `content` are the places of those that are no grammar, each with its number among them. Sentences are far
    apart by these numbers: no phrase begins in one and ends in another.
    """

    words: tuple[_Word, ...]
    content: Mapping[int, int]


class _Lookup:
    """Phrases with their words by first letter: each word of a message is compared with few of them."""

    def __init__(self, phrases: Sequence[Sequence[_Phrase]]) -> None:
        self.phrases = phrases
        self._by_letter: dict[str, list[_Word]] = {}
        for word in dict.fromkeys(word for several in phrases for one in several for word in one.words):
            self._by_letter.setdefault(word.written[0], []).append(word)
        self._meant = lru_cache(maxsize=10_000)(self._compare)

    def places(self, message: _Message) -> dict[_Word, list[int]]:
        """Return where in the message each word of a phrase stands."""
        found: dict[_Word, list[int]] = {}
        for at, word in enumerate(message.words):
            for wanted in self._meant(word):
                found.setdefault(wanted, []).append(at)
        return found

    def _compare(self, word: _Word) -> tuple[_Word, ...]:
        return tuple(wanted for wanted in self._by_letter.get(word.written[0], ()) if _means(word, wanted))


def fired(triggers: Sequence[Trigger], text: str) -> Fired | None:
    """Return the trigger with the most words matched; of equals, the one named first."""
    whole, told = bounded(text), reported(bounded(text))
    message, as_asked = _read(told), _read(whole)
    if not as_asked.words:
        return None
    best: Fired | None = None
    most = 0
    lookup = _lookup(tuple(triggers))
    places, places_as_asked = lookup.places(message), lookup.places(as_asked)
    for trigger, phrases in zip(triggers, lookup.phrases, strict=True):
        if trigger.name in FOUND_BY_THE_PRODUCT:
            continue
        for pattern in trigger.patterns:
            if most < _PATTERN_WEIGHS and _matches(pattern, _written(told)):
                best, most = Fired(trigger, pattern), _PATTERN_WEIGHS
        for phrase in phrases:
            says = _says(as_asked, places_as_asked, phrase) if phrase.asks else _says(message, places, phrase)
            if says and len(phrase.words) > most:
                best, most = Fired(trigger, phrase.text), len(phrase.words)
    return best


@lru_cache(maxsize=64)
def _lookup(triggers: tuple[Trigger, ...]) -> _Lookup:
    return _Lookup([list(_phrases(trigger)) for trigger in triggers])


def _phrases(trigger: Trigger) -> Iterator[_Phrase]:
    by_name = (trigger.name.replace("_", " ").replace("-", " "),)
    for text in trigger.phrases if trigger.phrases or trigger.patterns else by_name:
        if (phrase := _phrase(text)).words:
            yield phrase


def _phrase(text: str) -> _Phrase:
    read = _read(text)
    if len(read.content) > 1:
        meant = tuple(read.words[at] for at in read.content)
        return _Phrase(text, meant, literal=False, asks=not words(reported(text)))
    return _Phrase(text, read.words, literal=True)


def _read(text: str) -> _Message:
    found: list[_Word] = []
    content: dict[int, int] = {}
    number = 0
    for sentence in _SENTENCE_ENDS.split(text):
        for written in words(joined(sentence)):
            word = _Word(written, stem(written))
            if not _is_grammar(word):
                content[len(found)] = number
                number += 1
            found.append(word)
        number += _APART
    return _Message(tuple(found), content)


def _is_grammar(word: _Word) -> bool:
    return word.stem in _GRAMMAR or word.written in _GRAMMAR_ELSEWHERE


def _written(text: str) -> str:
    return " ".join(text.replace("’", "'").split())


def _matches(pattern: str, written: str) -> bool:
    for match in _compiled(pattern).finditer(written):
        if _WANTED.search(match[0]):
            return True
        within = _DENIED_WITHIN.search(match[0]) and not _DENIES.search(pattern)
        if not within and not _DENIED.search(written[: match.start()]):
            return True
    return False


@lru_cache(maxsize=1_024)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


def _says(message: _Message, places: Mapping[_Word, list[int]], phrase: _Phrase) -> bool:
    """Whether the phrase is in the message, and is not denied there."""
    if not all(word in places for word in phrase.words):
        return False
    ways = _literally(message, places, phrase) if phrase.literal else _together(message, places, phrase)
    return any(_WANTED.search(phrase.text) or not _is_denied(message, way) for way in ways)


def _literally(
    message: _Message, places: Mapping[_Word, list[int]], phrase: _Phrase
) -> Iterator[tuple[int, ...]]:
    first, *others = phrase.words
    for start in places[first]:
        way = tuple(range(start, start + len(phrase.words)))
        if others:
            found = message.words[start : start + len(phrase.words)]
            if [word.written for word in found] == [word.written for word in phrase.words]:
                yield way
        elif len(message.words[start].written) >= len(first.written) or _is_slip(
            first.written, message.words[start].written
        ):
            yield way


def _together(
    message: _Message, places: Mapping[_Word, list[int]], phrase: _Phrase
) -> Iterator[tuple[int, ...]]:
    """Yield where all words of the phrase stand near each other, each at a place of its own."""
    rank = message.content
    longest = len(phrase.words) + _BETWEEN
    for start in sorted({at for word in phrase.words for at in places[word] if at in rank}):
        way: list[int] = []
        for word in phrase.words:
            near = (at for at in places[word] if at >= start and at in rank and at not in way)
            following = next(near, None)
            if following is None or rank[following] - rank[start] >= longest:
                break
            way.append(following)
        else:
            # "twice this month I was charged", and not "the amount column shows the wrong format"
            if way == sorted(way) or rank[max(way)] - rank[start] < len(way) + _BETWEEN_IN_ANOTHER_ORDER:
                yield tuple(way)


def _means(word: _Word, wanted: _Word) -> bool:
    if word.stem == wanted.stem:
        return "not" not in (word.written, wanted.written) or word.written == wanted.written
    if word.written in _RIGHT_AS_THEY_ARE:
        return False
    return _is_slip(wanted.written, word.written) or _is_slip(wanted.stem, word.stem)


def _is_slip(wanted: str, written: str) -> bool:
    """Whether one slip of the finger makes `written` of `wanted`, and does not make it another word."""
    longer, shorter = max(len(wanted), len(written)), min(len(wanted), len(written))
    if shorter < 4 or not one_slip_apart(wanted, written):
        return False
    if sorted(wanted) == sorted(written):  # two letters swapped
        return True
    if longer > shorter:
        return shorter > 4 or len(wanted) == longer
    differ = next({a, b} for a, b in zip(wanted, written, strict=True) if a != b)
    return shorter > 4 and any(differ <= alike for alike in _SOUND_ALIKE)


def _is_denied(message: _Message, way: tuple[int, ...]) -> bool:
    """Whether one of the words at `way` follows "is not" or the like."""
    for at in way:
        before = [word.written for word in message.words[max(0, at - 2) : at]]
        if before[-1:] and before[-1] in _BE_NOT:
            return True
        if before[-1:] == ["not"] and len(before) == 2 and before[0] in _BE:
            return True
    return False
