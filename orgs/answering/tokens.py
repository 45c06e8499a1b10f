"""Split text into words, fold, stem and compare them, also when they have typos."""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import lru_cache

from orgs.answering.vocabulary import COMPOUNDS, SYNONYMS

LONGEST = 2_000  # characters of a customer's text that are considered

_WORD = re.compile(r"[^\W_]+")
_CLAUSE = re.compile(r"[.!?;:,\n…()]+")
_APOSTROPHE = re.compile(r"(?<=\w)['’`´](?=\w)")
_VOWEL = re.compile(r"[aeiouy]")
_JOINED = tuple((re.compile(rf"\b(?:{pattern})\b"), word) for pattern, word in COMPOUNDS)


def bounded(text: str) -> str:
    """Return at most LONGEST characters of a text: its beginning and its end, where people put the
    question.
    """
    if len(text) <= LONGEST:
        return text
    half = LONGEST // 2
    return f"{text[:half]}\n{text[-half:]}"


def fold(text: str) -> str:
    """Return a text in lower case, without accents and apostrophes: `Don’t` is `dont`, `Können` is
    `konnen`.
    """
    if not text.isascii():
        spread = unicodedata.normalize("NFKD", text.replace("ß", "ss"))
        text = "".join(c for c in spread if not unicodedata.combining(c))
    return _APOSTROPHE.sub("", text).lower()


def clauses(text: str) -> Iterator[list[str]]:
    """Yield the words between marks of punctuation, for each clause of a text."""
    for part in _CLAUSE.split(fold(text)):
        if found := _WORD.findall(part):
            yield found


def words(text: str) -> list[str]:
    """Return the words of a text, folded, in order."""
    return _WORD.findall(fold(text))


def joined(text: str) -> str:
    """Return the text folded, with variants written in one way: `log in` and `log-in` are `login`."""
    folded = fold(text)
    for pattern, word in _JOINED:
        folded = pattern.sub(word, folded)
    return folded


def stems(text: str) -> list[str]:
    """Return the stem of every word of a text, in order."""
    return [stem(word) for word in _WORD.findall(joined(text))]


@lru_cache(maxsize=20_000)
def stem(word: str) -> str:
    """Return a short form that inflections share: `changes`, `changing` and `change` are `chang`.

    It is good enough to compare words with each other, and never shown to anybody.
    """
    if len(word) <= 3 or not word.isascii() or not word.isalpha():
        return word
    if word.endswith(("ies", "ied")):
        word = word[:-3] + "y"
    elif word.endswith("sses"):
        word = word[:-2]
    elif word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    for ending in ("ation", "ing", "ment", "ion", "ed", "ly", "er"):
        rest = word[: -len(ending)]
        if word.endswith(ending) and len(rest) >= 3 and _VOWEL.search(rest):
            word = rest
            break
    if len(word) > 3 and word.endswith("e"):
        word = word[:-1]
    if len(word) > 5 and word.endswith("at"):
        word = word[:-2]
    doubled = len(word) > 3 and word[-1] == word[-2] and word[-1] not in "aeious"
    return word[:-1] if doubled and (word[-1] != "l" or len(word) > 4) else word


@lru_cache(maxsize=20_000)
def sense(stemmed: str) -> str:
    """Return the stem that stands for a group of synonyms, or the stem itself."""
    return _senses().get(stemmed, stemmed)


def alternatives(word: str) -> tuple[str, ...]:
    """Return the synonyms of a word, for a wider search."""
    return _alternatives().get(sense(stem(word)), ())


@lru_cache(maxsize=1)
def _senses() -> dict[str, str]:
    return {stem(word): stem(group[0]) for group in SYNONYMS for word in group}


@lru_cache(maxsize=1)
def _alternatives() -> dict[str, tuple[str, ...]]:
    return {stem(group[0]): group for group in SYNONYMS}


class Speller:
    """Finds the known word that was meant when one letter is wrong, missing or extra, or two are swapped.

    Words shorter than `shortest` are only found as they are, because too many short words are one letter
    apart.
    """

    def __init__(self, known: Iterable[str], *, shortest: int = 5, never: Iterable[str] = ()) -> None:
        self._known = frozenset(known)
        self._never = frozenset(never)
        self._shortest = shortest
        self._near: dict[str, list[str]] = {}
        for word in self._known:
            if len(word) >= shortest:
                for form in _shortened(word):
                    self._near.setdefault(form, []).append(word)

    def nearest(self, word: str) -> str | None:
        """Return `word` if it is known, else the known word that is one typo away, else None."""
        if word in self._known:
            return word
        if len(word) < self._shortest - 1 or word in self._never or word.isdigit():
            return None
        for form in _shortened(word):
            for candidate in self._near.get(form, ()):
                if one_slip_apart(word, candidate):
                    return candidate
        return None


def _shortened(word: str) -> set[str]:
    return {word, *(word[:i] + word[i + 1 :] for i in range(len(word)))}


def one_slip_apart(a: str, b: str) -> bool:
    """Return whether one insertion, deletion, substitution or swap of neighbours turns `a` into `b`."""
    if abs(len(a) - len(b)) > 1:
        return False
    start = 0
    while start < len(a) and start < len(b) and a[start] == b[start]:
        start += 1
    a, b = a[start:], b[start:]
    if len(a) == len(b):
        return a[1:] == b[1:] or (a[2:] == b[2:] and a[:2] == b[1::-1])
    return a[1:] == b if len(a) > len(b) else a == b[1:]
