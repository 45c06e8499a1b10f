"""Decide whether the trigger of a rule fires.

Only the organization's phrases and patterns decide. Phrases may be in any language, and all are searched for,
whatever language the customer writes in. A phrase matches as a whole: each of its words, grammar aside,
occurs in one sentence in any inflection. A few other words may stand between them, fewer if the order
differs. `charged twice` is found in "you have charge me twise", and `invoice is wrong` is not found in "where
do I download my invoice". Bars give alternatives for a word: `charged|billed twice|again` is four phrases.

A phrase of which grammar leaves one word (`you are down`) is found only as it is written, except for words of
degree: `I am angry` is found in "I'm really angry". A phrase of a single word (`hacked`) is found in that
word and in longer inflections of it, not in shorter ones ("a nice hack").

Longer words may have a typo: two letters swapped, one missing, one extra, or one that sounds the same. Any
other letter makes it another word: "change" is no typo of `charge`.

What is only asked, supposed or praised does not count (`reported`), unless the phrase is a question itself.
What is denied does not count ("my card was not declined"), unless the phrase is about what a customer wants
("I was not refunded"). An interval does not count either ("billed twice a year"). A trigger without phrases
matches by the words of its name.

A pattern is a regular expression. It is searched for in the text as written, without regard to case and
accents. All patterns together may take `SECONDS` of CPU per message, many times what ordinary patterns take:
some patterns that the check of the organization file accepts would take minutes, while everybody waits. A
pattern that is not found by then counts as absent, and the log says so.
"""

import re
import time
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import Final

import regex
import structlog

from bot.core.answering import AgentTrigger
from orgs.answering.reported import reported
from orgs.answering.tokens import bounded, joined, one_slip_apart, stem, words
from orgs.answering.vocabulary import FILLERS, each
from orgs.specification.repeats import is_too_large

HUMAN_REQUEST: Final = "human_request"
UNANSWERED: Final = "unanswered"
TURN_FAILED: Final = "turn_failed"
FOUND_BY_THE_PRODUCT: Final = frozenset({HUMAN_REQUEST, UNANSWERED, TURN_FAILED})

SECONDS: Final = 0.1

_PATTERN_WEIGHS = 3  # a pattern weighs as much as a phrase of this many words
_BETWEEN = 3  # other words that may stand between the words of a phrase
_BETWEEN_IN_ANOTHER_ORDER = 1
_SENTENCE_ENDS = re.compile(r"[.!?;:]+(?=\s|$)|\n")
_APART = 1_000
# Grammar that may be left out of a phrase. Words that change its meaning ("not", "down", "no") are not here.
_GRAMMAR = frozenset(
    each(
        """
a an the my our your their his her its i we you he she it they me us this that these those is are am was
were be been being has have had do does did of to in on at for with by from and or about some any please
t s ve ll re
"""
    )
)
# The same in the other languages of shipped phrases, without those that are other words in English.
_GRAMMAR_ELSEWHERE = frozenset(
    each(
        """
der den dem des ein eine einen einem einer mein meine meinen meinem meiner mir mich ich wir uns unser unsere
ihr ihre ihnen sie es euch ist sind wurde wurden worden habe haben von zum zur im auf bei mit fur und oder
le la les un une du au aux l d j je mon ma mes nous notre nos vous votre vos il elle est sont suis sommes
ai ont ete sur dans pour avec et ou par en que qui
el los las una unos del mi mis se es ha han he con para y al lo su sus nuestro nuestra nuestros nuestras
um uma os da das dos meu minha meus minhas nosso nossa foi fui foram em na com ao seu sua e
"""
    )
)
# Correct words that are one typo away from words of phrases.
_RIGHT_AS_THEY_ARE = FILLERS | frozenset(
    each(
        """
outrage outraged form forms lots trail sing sings list lists last leases quiet bread broad changes filed file
"""
    )
)
_SOUND_ALIKE = tuple(map(frozenset, ("aeiouy", "csz", "ckq", "fvw", "dt", "bp", "mn", "gj")))
# Words that may stand inside a phrase that is found as it is written: how much, how often, or since when.
_DEGREES = frozenset(
    each(
        """
so very really truly extremely absolutely totally completely utterly quite just simply still now already
fucking all also beyond
sehr echt wirklich richtig total vollig einfach ganz ziemlich jetzt langsam
tres vraiment tellement trop completement
muy tan realmente totalmente
muito tao mesmo totalmente
"""
    )
)
# Words for a state only after a verb or a thing: the site "is down", "site down?", but not "scroll down".
_STATES = frozenset(("down",))
_BE = frozenset(
    each("is are am was were be been being s ist sind war est went go goes gone going seems looks")
)
_BE_IN_GERMAN = frozenset(("ist", "sind", "seid", "war", "waren"))  # "die App ist seit heute down"
_CONTRACTED: Final = {
    "im": ("i", "am"),
    "ive": ("i", "have"),
    "youre": ("you", "are"),
    "youve": ("you", "have"),
    "theyre": ("they", "are"),
    "theyve": ("they", "have"),
    "weve": ("we", "have"),
}
# A phrase with one of these is a denial itself: `not renewing`, `keiner hilft mir`.
_NOT = frozenset(
    each(
        """
not dont didnt doesnt wont cant never nicht kein keine keiner keinen keinem nie pas non jamais no nunca nao
"""
    )
)
# Patterns, for folded words, that deny the words right after them.
_DENYING = re.compile(
    r"\b(?:(?:is|are|am|was|were|be|has|have|had|did) (?:not|never)(?! (?:only|just))"
    r"|(?:is|are|was|were|has|have|had|did|ai)nt|not (?:been|get|got)|never (?:been|get|got))"
    r"(?: (?:been|get|got|being|\w+ly))?$"
    r"|\b(?:nicht|keine?[nmrs]?|nie)$"
    r"|\b(?:pas|jamais)(?: (?:ete|une?|de))?$"
    r"|\b(?:no|nunca|nao)(?: (?:me|nos|se|le))?"
    r"(?: (?:ha|han|he|hemos|fue|fueron|es|esta|estan|foi|foram|fui|fomos|e|estao|houve|hay|hubo|teve))?"
    r"(?: sido)?$"
)
_DENYING_LOOKS_BACK: Final = 5  # words
_CLAUSE_START = re.compile(r"[.!?;:,]")
# Intervals, as in "billed twice a year": they do not say how often something happened.
_HOW_OFTEN = re.compile(
    r"\b(?:twice|two times|double|zweimal|zwei mal|deux fois|dos veces|duas vezes)\s+"
    r"(?:an?|per|each|every|im|pro|jedes|par|al|por|ao)\s+"
    r"(?:year|quarter|annum|jahr|quartal|an|ann[ée]e|trimestre|año|ano)\b",
    re.I,
)
# A colleague of the customer is not the "somebody" who must not be in the account.
_COLLEAGUE = re.compile(
    r"\b(?:some(?:one|body)|anyone|jemand|quelqu[’']un|alguien|alguém|alguem)\s+(?:else\s+)?"
    r"(?:in|from|of|on|at|aus|von|bei|de|da|do|dans|du|en)\s+"
    r"(?:my|our|mein\w*|unser\w*|mon|ma|notre|mi|nuestr\w+|a?\s?meu|a?\s?minha|a?\s?noss\w)\s+"
    r"(?:team|staff|family|household|office|company|department|familie|büro|firma|abteilung|équipe|equipe"
    r"|famille|bureau|entreprise|equipo|familia|oficina|empresa|equipa|família)\b",
    re.I,
)
_DENIED_WITHIN = re.compile(r"\b(?:(?:is|are|am|was|were|been) not|(?:is|are|was|were)n'?t)\b", re.I)
_ESCAPED = re.compile(r"(\\.|\(\?P)|[^\\(]+|\(")  # group 1: parts of a pattern that keep their case
# Group 1: what is escaped, stands in brackets or counts repeats. Otherwise a bare brace, which `regex` would
# read as an option of fuzzy matching: {e}, {i<=1}.
_BRACES = re.compile(r"(\\.|\[\^?\]?[^\]\\]*(?:\\.[^\]\\]*)*\]|\{(?:\d+(?:,\d*)?|,\d*)\})|\{", re.DOTALL)
_DENIES = re.compile(r"\bnot\b|n't\b")  # in a pattern that is about a denial itself
_log = structlog.get_logger()
_WANTED = re.compile(r"refund|money|reimburs|credit|erstatt|gutschrift|rembours|reembols|estorn", re.I)


@dataclass(frozen=True, slots=True)
class Fired:
    trigger: AgentTrigger
    phrase: str


@dataclass(frozen=True, slots=True)
class _Word:
    """A word of a phrase or a message, as it is written, and its stem."""

    written: str
    stem: str


@dataclass(frozen=True, slots=True)
class _Phrase:
    text: str
    words: tuple[_Word, ...]  # must occur near each other
    literal: bool  # found only as it is written, word by word
    stands: bool  # counts also if it is denied, because it is a denial itself or about a wish
    asks: bool = False  # is a question itself, so it is searched for in questions as well


@dataclass(frozen=True, slots=True)
class _Message:
    """The words of a customer's message.

    `content` maps the positions of the words that are not grammar to their rank among those. The ranks of two
    sentences are far apart, so that no phrase begins in one and ends in another.
    """

    words: tuple[_Word, ...]
    content: Mapping[int, int]
    starts: frozenset[int]  # the first words of clauses


class _Lookup:
    """The phrases of triggers, by their first word, so that a message is compared with few of them.

    The words of phrases are grouped by their first letter: each word of a message is compared with few of
    them.
    """

    def __init__(self, triggers: Sequence[AgentTrigger]) -> None:
        self._by_letter: dict[str, list[_Word]] = {}
        self._by_first: dict[_Word, list[tuple[int, _Phrase]]] = {}
        for at, trigger in enumerate(triggers):
            if trigger.name not in FOUND_BY_THE_PRODUCT:
                for phrase in _phrases(trigger):
                    self._by_first.setdefault(phrase.words[0], []).append((at, phrase))
        phrases = [phrase for several in self._by_first.values() for _, phrase in several]
        for word in dict.fromkeys(word for phrase in phrases for word in phrase.words):
            self._by_letter.setdefault(word.written[0], []).append(word)
        self._meant = lru_cache(maxsize=10_000)(self._compare)

    def said(self, text: str) -> list[tuple[int, _Phrase]]:
        """Return the phrases that occur in a text, each with the index of its trigger."""
        message = _read(text)
        places = self._places(message)
        candidates = (one for first in places for one in self._by_first.get(first, ()))
        return [(at, phrase) for at, phrase in candidates if _says(message, places, phrase)]

    def _places(self, message: _Message) -> dict[_Word, list[int]]:
        """Return the positions in the message of each word of a phrase."""
        found: dict[_Word, list[int]] = {}
        for at, word in enumerate(message.words):
            for wanted in self._meant(word):
                found.setdefault(wanted, []).append(at)
        return found

    def _compare(self, word: _Word) -> tuple[_Word, ...]:
        return tuple(wanted for wanted in self._by_letter.get(word.written[0], ()) if _means(word, wanted))


def fired(triggers: Sequence[AgentTrigger], text: str) -> Fired | None:
    """Return the trigger with the most words matched, or the first among equals, or None."""
    whole = _COLLEAGUE.sub("colleague", _HOW_OFTEN.sub(" ", bounded(text)))
    told = reported(whole)
    lookup = _lookup(tuple(triggers))
    said = lookup.said(told)
    asked = said if told == whole else lookup.said(whole)
    best, most, at = None, 0, len(triggers)
    for number, phrase in (*(one for one in said if not one[1].asks), *(one for one in asked if one[1].asks)):
        weighs = len(phrase.words)
        if (weighs, -number) > (most, -at):
            best, most, at = Fired(triggers[number], phrase.text), weighs, number
    written = _unaccented(" ".join(told.replace("’", "'").split())).lower()
    _compile_all(tuple(triggers))
    ends = time.process_time() + SECONDS
    for number, trigger in enumerate(triggers):
        if trigger.name in FOUND_BY_THE_PRODUCT or (_PATTERN_WEIGHS, -number) <= (most, -at):
            continue
        try:
            pattern = next((one for one in trigger.patterns if _matches(one, written, ends)), None)
        except TimeoutError:
            _log.warning("patterns take too long", trigger=trigger.name, seconds=SECONDS)
            break
        if pattern:
            best, most, at = Fired(trigger, pattern), _PATTERN_WEIGHS, number
    return best


@lru_cache(maxsize=64)
def _lookup(triggers: tuple[AgentTrigger, ...]) -> _Lookup:
    return _Lookup(triggers)


def _phrases(trigger: AgentTrigger) -> Iterator[_Phrase]:
    by_name = (trigger.name.replace("_", " ").replace("-", " "),)
    for text in trigger.phrases if trigger.phrases or trigger.patterns else by_name:
        for one in product(*(word.split("|") for word in text.split())):
            if (phrase := _phrase(text, " ".join(one))).words:
                yield phrase


def _phrase(text: str, one: str) -> _Phrase:
    """Return one of the phrases that `text` stands for, given the alternatives chosen in `one`."""
    read = _read(one)
    stands = _WANTED.search(one) is not None or any(word.written in _NOT for word in read.words)
    if len(read.content) > 1:
        meant = tuple(read.words[at] for at in read.content)
        return _Phrase(text, meant, literal=False, stands=stands, asks=not words(reported(one)))
    return _Phrase(text, read.words, literal=True, stands=stands)


def _read(text: str) -> _Message:
    found: list[_Word] = []
    content: dict[int, int] = {}
    starts: set[int] = set()
    number = 0
    for sentence in _SENTENCE_ENDS.split(text):
        for clause in joined(sentence).split(","):
            starts.add(len(found))
            for written in _expanded(words(clause)):
                word = _Word(written, stem(written))
                if not _is_grammar(word):
                    content[len(found)] = number
                    number += 1
                found.append(word)
        number += _APART
    return _Message(tuple(found), content, frozenset(starts))


def _expanded(written: Sequence[str]) -> Iterator[str]:
    for word in written:
        yield from _CONTRACTED.get(word, (word,))


def _is_grammar(word: _Word) -> bool:
    return word.stem in _GRAMMAR or word.written in _GRAMMAR_ELSEWHERE


def _unaccented(text: str) -> str:
    if text.isascii():
        return text
    return "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))


@lru_cache(maxsize=64)
def _compile_all(triggers: tuple[AgentTrigger, ...]) -> None:
    """Compile all patterns beforehand, so that this does not count against the time for searching."""
    for trigger in triggers:
        for pattern in trigger.patterns:
            _compiled(pattern)


def _matches(pattern: str, written: str, ends: float) -> bool:
    """Return whether a pattern is found. Raise TimeoutError when this process has used CPU time up to
    `ends`.
    """
    left = ends - time.process_time()
    if left <= 0:
        raise TimeoutError
    for match in _compiled(pattern).finditer(written, timeout=left):  # `timeout` is CPU time as well
        if time.process_time() > ends:
            raise TimeoutError
        if _WANTED.search(match[0]):
            return True
        within = _DENIED_WITHIN.search(match[0]) and not _DENIES.search(pattern)
        if not within and not _denied(words(_CLAUSE_START.split(written[: match.start()])[-1])):
            return True
    return False


@lru_cache(maxsize=4_096)
def _compiled(pattern: str) -> regex.Pattern[str]:
    """Compile a pattern for lower-case texts without accents: several times as fast as ignoring case."""
    if is_too_large(pattern):  # from a file that was applied before such patterns were refused
        _log.error("pattern not searched for", characters=len(pattern), reason="too large")
        return regex.compile(r"(?!)")
    folded = _ESCAPED.sub(lambda part: part[0] if part[1] else part[0].lower(), _unaccented(pattern))
    folded = _BRACES.sub(lambda part: part[1] or r"\{", folded)
    try:
        return regex.compile(folded)
    except regex.error:  # lower case has reversed the ends of a range of letters
        return regex.compile(_BRACES.sub(lambda part: part[1] or r"\{", pattern), regex.IGNORECASE)


def _says(message: _Message, places: Mapping[_Word, list[int]], phrase: _Phrase) -> bool:
    """Return whether the phrase occurs in the message, and is not denied there."""
    if not all(word in places for word in phrase.words):
        return False
    ways = _literally(message, places, phrase) if phrase.literal else _together(message, places, phrase)
    return any(phrase.stands or not _is_denied(message, way) for way in ways)


def _literally(
    message: _Message, places: Mapping[_Word, list[int]], phrase: _Phrase
) -> Iterator[tuple[int, ...]]:
    for start in places[phrase.words[0]]:
        if len(phrase.words) == 1:
            written, wanted = message.words[start].written, phrase.words[0].written
            if len(written) >= len(wanted) or _is_slip(wanted, written):
                yield (start,)
        elif way := _as_written(message, start, phrase):
            yield way


def _as_written(message: _Message, start: int, phrase: _Phrase) -> tuple[int, ...]:
    """Return the positions of a phrase's words from `start` on, with only words of degree between them.

    Return () if they do not follow.
    """
    way: list[int] = []
    at = start
    for wanted in phrase.words:
        while at < len(message.words) and message.words[at].written != wanted.written:
            if at == start or message.words[at].written not in _DEGREES:
                return ()
            at += 1
        if at == len(message.words):
            return ()
        way.append(at)
        at += 1
    return tuple(way)


def _together(
    message: _Message, places: Mapping[_Word, list[int]], phrase: _Phrase
) -> Iterator[tuple[int, ...]]:
    """Yield the positions where all words of the phrase stand near each other, each word at its own."""
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
            # Accepts "twice this month I was charged", but not "the amount column shows the wrong format".
            near_enough = rank[max(way)] - rank[start] < len(way) + _BETWEEN_IN_ANOTHER_ORDER
            if (near_enough or way == sorted(way)) and _tell_states(message, phrase, way):
                yield tuple(way)


def _tell_states(message: _Message, phrase: _Phrase, way: Sequence[int]) -> bool:
    """Return whether each word for a state is one: it follows a verb, or the thing that is in this state."""
    found = zip(way, phrase.words, strict=True)
    return all(_tells_state(message, at, way) for at, word in found if word.written in _STATES)


def _tells_state(message: _Message, at: int, way: Sequence[int]) -> bool:
    before = at - 1
    while before > 0 and message.words[before].written in _DEGREES:
        before -= 1
    if before in way or (before >= 0 and message.words[before].written in _BE):
        return True
    return any(word.written in _BE_IN_GERMAN for word in message.words[min(way) : at])


def _means(word: _Word, wanted: _Word) -> bool:
    if word.stem == wanted.stem:
        return "not" not in (word.written, wanted.written) or word.written == wanted.written
    if word.written in _RIGHT_AS_THEY_ARE:
        return False
    return _is_slip(wanted.written, word.written) or _is_slip(wanted.stem, word.stem)


def _is_slip(wanted: str, written: str) -> bool:
    """Return whether `written` is `wanted` with one typo that does not make it another word."""
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
    """Return whether one of the words at `way` is denied in its clause, as by "is not"."""
    for at in way:
        first = max(start for start in message.starts if start <= at)
        if _denied([word.written for word in message.words[first:at]]):
            return True
    return False


def _denied(before: Sequence[str]) -> bool:
    return bool(before) and _DENYING.search(" ".join(before[-_DENYING_LOOKS_BACK:])) is not None
