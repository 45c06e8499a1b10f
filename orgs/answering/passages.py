"""Find the passage that fits a question, how sure that is, and which of its sentences to say.

Nothing is composed: the answer consists of whole sentences and whole lists of the article, in their order.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from bot.core.answering import Passage
from orgs.answering.tokens import Speller, alternatives, bounded, joined, sense, stem, words
from orgs.answering.vocabulary import FILLERS

MOST_WORDS: Final = 24  # words of a question that are considered
WHOLE: Final = 700  # characters up to which a section is returned whole
_BROAD: Final = frozenset(
    [
        "add",
        "new",
        "create",
        "chang",
        "member",
        "workspac",
        "account",
        "setup",
        "connect",
        "enable",
        "disable",
    ]
)  # stems that occur in half of the articles
_CODE = re.compile(r"^ {0,3}(?:```|~~~)")
_LIST = re.compile(r"^ *(?:[-*+]|\d+[.)]) +")
_STEP = re.compile(r"^ *\d+[.)] +", re.M)
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z\d*`\"“(\[])")


@dataclass(frozen=True, slots=True)
class QuestionTopic:
    """The topic of a question: the stems of its words, and the words to search for."""

    stems: tuple[str, ...]
    query: str


@dataclass(frozen=True, slots=True)
class Scored:
    passage: Passage
    score: float  # 0..1: how well it fits
    coverage: float  # 0..1: the share of the question's weight that it covers
    missing: tuple[str, ...]  # stems of the question that it does not contain
    topical: bool  # its title or heading contains a stem of the question


@dataclass(frozen=True, slots=True)
class _Look:
    title: frozenset[str]
    heading: frozenset[str]
    body: frozenset[str]


def wanted(text: str, names: frozenset[str] = frozenset()) -> QuestionTopic:
    """Return the topic of a text. `names` (of the organization and the agent) do not belong to a topic."""
    kept = [
        word
        for word in words(joined(bounded(text)))
        if word not in FILLERS and word not in names and (len(word) > 1 or word.isdigit())
    ]
    unique = list(dict.fromkeys(kept))[:MOST_WORDS]
    more = dict.fromkeys(other for word in unique for other in alternatives(word) if other not in unique)
    return QuestionTopic(
        tuple(dict.fromkeys(sense(stem(word)) for word in unique)),
        " ".join((*unique, *more)),
    )


def score(question: QuestionTopic, found: Sequence[Passage]) -> list[Scored]:
    """Return all passages with their scores, best first."""
    if not question.stems or not found:
        return []
    looks = [_look(passage.title, passage.heading, passage.text) for passage in found]
    meant = _mended(question.stems, looks)
    weights = _weights(meant, looks)
    total = sum(weights.values()) or 1.0
    most = max(passage.rank for passage in found) or 1.0
    beside: dict[str, frozenset[str]] = {}
    for passage, look in zip(found, looks, strict=True):
        beside[passage.article] = beside.get(passage.article, frozenset()) | look.heading | look.body
    scored = [
        _scored(passage, look, beside[passage.article], meant, weights, total, max(passage.rank, 0.0) / most)
        for passage, look in zip(found, looks, strict=True)
    ]
    return sorted(scored, key=lambda one: -one.score)


def _scored(
    passage: Passage,
    look: _Look,
    beside: frozenset[str],
    meant: Sequence[str],
    weights: dict[str, float],
    total: float,
    rank: float,
) -> Scored:
    top = look.title | look.heading
    hit = {
        word: 1.0 if word in top else 0.8 if word in look.body else 0.55 if word in beside else 0.0
        for word in meant
    }
    coverage = sum(weights[word] for word in meant if hit[word]) / total
    weighed = sum(weights[word] * hit[word] for word in meant) / total
    fit = max(_fit(look.title, meant), _fit(look.heading, meant) * 0.9, _fit(top, meant))
    return Scored(
        passage,
        0.62 * weighed + 0.28 * fit + 0.10 * rank,
        coverage,
        tuple(word for word in meant if not hit[word]),
        any(word in top and word not in _BROAD for word in meant),
    )


def _fit(top: frozenset[str], meant: Sequence[str]) -> float:
    """Return how much a title is about the question, and about nothing else."""
    if not top:
        return 0.0
    common = sum(0.5 if word in _BROAD else 1.0 for word in meant if word in top)
    size = sum(0.5 if word in _BROAD else 1.0 for word in top)
    asked = sum(0.5 if word in _BROAD else 1.0 for word in meant)
    return 2 * common / (size + asked)


def _weights(meant: Sequence[str], looks: Sequence[_Look]) -> dict[str, float]:
    """Return the weight of each word of a question.

    A word that few candidates contain weighs more. A word that none contains weighs much as well: it tells
    that they may not fit.
    """
    weights: dict[str, float] = {}
    for word in meant:
        count = sum(word in look.title or word in look.heading or word in look.body for look in looks)
        weight = 0.7 + 0.5 * math.log((len(looks) + 1) / (count + 0.5)) if count else 1.2
        weights[word] = min(weight, 1.8) * (0.5 if word in _BROAD else 1.0)
    return weights


def _mended(meant: Sequence[str], looks: Sequence[_Look]) -> tuple[str, ...]:
    """Replace words that no candidate contains by the candidates' word that is one typo away."""
    vocabulary = frozenset().union(*(look.title | look.heading | look.body for look in looks))
    unknown = [word for word in meant if word not in vocabulary and len(word) >= 4]
    if not unknown:
        return tuple(meant)
    mended: list[str] = []
    for word in meant:
        near = word
        if word in unknown:
            alike = (other for other in vocabulary if abs(len(other) - len(word)) <= 1 and len(other) >= 4)
            close = [other for other in alike if other[0] == word[0] or other[-2:] == word[-2:]]
            near = sense(Speller(close, shortest=4).nearest(word) or word)
        mended.append(near)
    return tuple(dict.fromkeys(mended))


@lru_cache(maxsize=1_024)
def _look(title: str, heading: str, text: str) -> _Look:
    return _Look(_topic(title), _topic(heading) if heading != title else frozenset(), _topic(text))


def _topic(text: str) -> frozenset[str]:
    return frozenset(sense(stem(word)) for word in words(joined(text)) if word not in FILLERS)


def has_steps(text: str) -> bool:
    return _STEP.search(text) is not None


def excerpt(text: str, meant: Sequence[str]) -> str:
    """Return what to say of a section: all of a short one, or the steps or best sentences of a long one."""
    text = text.strip()
    if len(text) <= WHOLE:
        return text
    blocks = _blocks(text)
    steps = [index for index, block in enumerate(blocks) if _STEP.match(block)]
    if steps:
        chosen = max(steps, key=lambda index: _hits(blocks[index], meant))
        before = blocks[chosen - 1] if chosen and len(blocks[chosen - 1]) <= 300 else ""
        return "\n\n".join(part for part in (before, blocks[chosen]) if part)
    best = max(range(len(blocks)), key=lambda index: (_hits(blocks[index], meant), -index))
    block = blocks[best]
    if _LIST.match(block) or _CODE.match(block) or block.startswith("|"):
        before = blocks[best - 1] if best and not _LIST.match(blocks[best - 1]) else ""
        return "\n\n".join(part for part in (before, block) if part)
    return _sentences(block, meant)


def _sentences(block: str, meant: Sequence[str]) -> str:
    """Return up to three neighbouring sentences that contain most of the question's words."""
    parts = _SENTENCE.split(block)
    if len(parts) <= 3:
        return block
    start = max(range(len(parts) - 2), key=lambda at: (_hits(" ".join(parts[at : at + 3]), meant), -at))
    return " ".join(parts[start : start + 3])


def _hits(text: str, meant: Sequence[str]) -> int:
    topic = _topic(text)
    return sum(word in topic for word in meant)


def _blocks(text: str) -> list[str]:
    """Split a text into paragraphs, whole lists and whole code blocks."""
    blocks: list[list[str]] = [[]]
    in_code = in_list = False
    for line in text.split("\n"):
        if _CODE.match(line):
            in_code = not in_code
        blank = not line.strip() and not in_code
        listed = bool(_LIST.match(line)) or (in_list and (line.startswith("  ") or blank))
        if (not in_code and listed != in_list and not blank) or (blank and not in_list):
            blocks.append([])
        in_list = listed
        blocks[-1].append(line)
    return [block for lines in blocks if (block := "\n".join(lines).strip())]
