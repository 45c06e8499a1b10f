"""Answer from the organization's articles, in their own words, or not at all. This answerer needs no key.

It decides in the order of `Grounded.answer`. What customers write never becomes part of an answer.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bot.core.answering import (
    Answer,
    Answered,
    ArticleSearch,
    Clarify,
    HandOver,
    Option,
    Passage,
    Question,
)
from bot.core.events import AttachmentKind
from orgs.answering import replies
from orgs.answering.choosing import NONE_OF_THESE
from orgs.answering.courtesy import complains, courtesy, dissatisfied, signs
from orgs.answering.passages import QuestionTopic, Scored, excerpt, has_steps, score, wanted
from orgs.answering.people import asks_for_person, asks_what_we_are
from orgs.answering.replies import LastQuestion
from orgs.answering.tokens import bounded, fold, stem, words
from orgs.answering.triggers import HUMAN_REQUEST, UNANSWERED, fired
from orgs.answering.vocabulary import BRANDS, CHORES, FOLLOW_UPS
from orgs.answering.yes_no import YesOrNo, yes_or_no

CANDIDATES: Final = 12
_LABEL = 60  # characters
_VALUE = 64  # bytes: the limit for a button's value on the most restrictive channel
# Measured on tests/orgs/answering/questions.yaml: wrong answers begin below SURE, wrong topics below NEAR.
SURE: Final = 0.58
SURE_COVERAGE: Final = 0.62
NEAR: Final = 0.30
STEPS_APART: Final = 0.20  # how much lower the score of a section with the steps may be
_HOW = re.compile(r"\b(?:how (?:do|can|could|would|should|to)|steps|where (?:do|can))\b")
APART: Final = 0.05
_ARTICLE = re.compile(r"article:([^#\s]+)(?:#(.*))?")
_NOTHING = QuestionTopic((), "")
_BRANDS = frozenset(stem(brand) for brand in BRANDS)
_CHORES = re.compile("|".join(CHORES))
_SENTENCES = re.compile(r"[.!?\n]+|,? (?:and|so|but) (?=(?:now )?(?:i|we|how|where|can|what)\b)", re.I)


@dataclass(frozen=True, slots=True)
class _Asked:
    """The question as it is searched for."""

    topic: QuestionTopic
    follow_up: bool  # it makes sense only together with the question before it


class Grounded:
    """Answers from the articles that `search` finds. Stateless; organizations can share one."""

    def __init__(self, search: ArticleSearch) -> None:
        self._search = search

    async def answer(self, question: Question) -> Answer:
        text = bounded("\n".join(message.strip() for message in question.messages if message.strip()))
        if decided := _without_search(question, text):
            return decided
        if question.picked and (picked := await self._picked(question, text)):
            return picked
        if _was_no_use(question, text):
            return await self._no_use(question)
        asked = _asked(question, text)
        if _CHORES.search(" ".join(words(text))):
            return _lost(question, (), "a chore for a chat machine, not a question about the product")
        if not asked.topic.stems:
            return _lost(question, (), "no topic words in the message")
        return _judged(
            question, asked, _to_the_point(question, text, asked, await self._scored(question, asked.topic))
        )

    async def _scored(self, question: Question, topic: QuestionTopic) -> list[Scored]:
        if not topic.stems:
            return []
        found = await self._search.search(
            question.organization, topic.query, collections=question.knowledge, limit=CANDIDATES
        )
        return score(topic, found)

    async def _picked(self, question: Question, text: str) -> Answer | None:
        """Return the section of a pressed button, or None if the customer has written something else
        since.
        """
        match = _ARTICLE.fullmatch(question.picked)
        if match is None:
            return None
        sections = await self._search.section(question.organization, match[1])
        if not sections:
            return None
        chosen = next((one for one in sections if _value(one) == question.picked), sections[0])
        asked = [line for line in text.split("\n") if courtesy(line) is None and yes_or_no(line) is None]
        last = fold(asked[-1]) if asked else ""
        if last and not fold(_label(chosen)).startswith(last.rstrip(" .…")):
            return None  # an older tap; the customer has written something else since
        return _said(question, chosen, (), f"the customer chose {chosen.article}")

    async def _no_use(self, question: Question) -> Answer:
        """React to a customer whom our last message did not help.

        Ask what is wrong and offer articles that were not named yet, or hand over to a person the second
        time.
        """
        before = _asked_before(question)
        topic = wanted(before, _names(question)) if before else _NOTHING
        scored = await self._scored(question, topic)
        if question.misses >= 1:
            return _given_up(question, scored, "the answer did not help, and neither did the one before")
        told = " ".join(fold(line.text) for line in question.story if line.speaker == "agent")
        fresh = [one for one in scored if fold(replies.plain(one.passage.title)) not in told]
        options = _options(question, _near(fresh))
        return Clarify(
            replies.did_not_help(question, options=bool(options)), options, "the answer did not help"
        )


def _without_search(question: Question, text: str) -> Answer | None:
    """Return an answer that needs no article, or None: a person is wanted, a trigger fires, or a courtesy."""
    if why := asks_for_person(text):
        reason = "The customer asks for a person."
        return HandOver(reason, why, HUMAN_REQUEST, _tried(question))
    if hit := fired(question.triggers, text):
        what = hit.trigger.description.rstrip(".") or hit.trigger.name.replace("_", " ")
        why = f"trigger {hit.trigger.name}: phrase “{hit.phrase}”"
        return HandOver(f"{what}.", why, hit.trigger.name, _tried(question))
    if decided := _to_our_question(question, text):
        return decided
    if not text:
        return _without_words(question)
    sign = signs(text)
    if sign in ("hello", "thanks"):  # nobody thanks with the first message
        return _courteous(question, sign if _met(question) else "hello")
    if sign == "":
        return Clarify(replies.courtesy_reply(question, "help"), (), "signs without words")
    if found := courtesy(text, (question.agent_name, question.organization_name)):
        return _courteous(question, found.kind)
    if asks_what_we_are(text):
        return _courteous(question, "automated")
    if _only_numbers(text) and not question.picked:
        return _which_number(question)
    return None


def _without_words(question: Question) -> Answer:
    """Answer a message without text: ask once what it is about, then hand over to a person."""
    kinds = set(question.wordless)
    if not kinds:
        return Clarify(replies.courtesy_reply(question, "empty"), (), "nothing to read: an empty message")
    if kinds == {AttachmentKind.STICKER}:
        return _courteous(question, "ok" if _met(question) else "hello")
    if question.misses >= 1:
        what = (
            "called, and nobody answered"
            if question.called
            else f"sent {replies.things(kinds)} without words"
        )
        reason = f"The customer {what}."
        return HandOver(reason, "nothing to read, the second time in a row", UNANSWERED, _tried(question))
    return Clarify(replies.received(question, kinds), (), f"nothing to read: {replies.things(kinds)}")


def _met(question: Question) -> bool:
    """Return whether anybody has written to the customer before."""
    return any(line.speaker != "customer" for line in question.story)


def _only_numbers(text: str) -> bool:
    """Return whether a text has only numbers. These are no topic, so articles that contain them are
    no answer.
    """
    stems = wanted(text).stems
    return bool(stems) and all(stem.isnumeric() for stem in stems)


def _which_number(question: Question) -> Answer:
    if question.offered and question.misses <= 1:
        return Clarify(replies.which(question), question.offered, "a number that is none of the choices")
    return _lost(question, (), "a number, and no choice is open")


def _to_our_question(question: Question, text: str) -> Answer | None:
    """Return the answer to a yes or no, or None. Our last message tells what the customer said yes or
    no to.
    """
    reply = yes_or_no(text, _names(question))
    if reply is None or question.picked:
        return None
    asked = replies.last_asked(question)
    if reply is YesOrNo.NO_THANKS:
        return _courteous(question, "ok")
    if reply is YesOrNo.NO:
        return (
            _courteous(question, "ok")
            if asked in (LastQuestion.ANYTHING_ELSE, LastQuestion.A_PERSON)
            else None
        )
    if reply is YesOrNo.MORE:
        return _courteous(question, "help")
    if asked is LastQuestion.SOLVED:
        return _courteous(question, "ok")
    if asked is LastQuestion.A_PERSON:
        why = "yes to our offer of a person"
        return HandOver("The customer asks for a person.", why, HUMAN_REQUEST, _tried(question))
    if asked is LastQuestion.ANYTHING_ELSE:
        return _courteous(question, "help")
    if question.offered:
        return Clarify(replies.which(question), question.offered, "yes to several offers: asked which")
    return _courteous(question, "help") if asked is LastQuestion.OTHER_WORDS else None


def _courteous(question: Question, kind: str) -> Answered:
    return Answered(replies.courtesy_reply(question, kind), f"courtesy: {kind}", settled=False)


def _was_no_use(question: Question, text: str) -> bool:
    if signs(text) == "unhappy" or dissatisfied(text) or question.picked == NONE_OF_THESE:
        return True
    names = _names(question)
    if complains(text) and len(wanted(text, names).stems) <= 1:
        return True
    return fold(text).strip() == fold(_asked_before(question)).strip() != ""


def _asked_before(question: Question) -> str:
    """Return the customer's last question that has a topic and was answered since, or ""."""
    answered = False
    for line in reversed(question.story):
        if line.speaker == "agent":
            answered = True
        elif line.speaker == "customer" and answered and _has_topic(line.text):
            return bounded(line.text)
    return ""


def _has_topic(text: str) -> bool:
    return (
        not dissatisfied(text)
        and courtesy(text) is None
        and bool(wanted(text).stems)
        and not _only_numbers(text)
    )


def _asked(question: Question, text: str) -> _Asked:
    names = _names(question)
    topic = wanted(text, names)
    said = fold(text).strip()
    leans = said.startswith(FOLLOW_UPS) or complains(text) or not topic.stems
    leans = leans or (
        len(topic.stems) == 1
        and len(words(said)) <= 5
        and bool(re.search(r"\b(?:it|that|this|there|them)\b", said))
    )
    before = _asked_before(question) if leans else ""
    if not before:
        return _Asked(topic, False)
    return _Asked(wanted(f"{text}\n{before}", names), True)


def _judged(question: Question, asked: _Asked, scored: Sequence[Scored]) -> Answer:
    """Answer if one article surely fits. If several do, ask which. Otherwise ask again, then hand over."""
    best = scored[0] if scored else None
    if best is not None and _sure(best, asked):
        rivals = [
            one for one in _one_per_article(scored) if _sure(one, asked) and best.score - one.score < APART
        ]
        if len(rivals) > 1 and question.misses == 0 and not asked.follow_up:
            return Clarify(
                replies.which(question), _options(question, rivals), _why("several articles fit", rivals)
            )
        told = _showing_how(question, best, scored)
        return _said(question, told.passage, asked.topic.stems, _why("one article fits", [told]))
    near = _near(scored)
    if question.misses >= 1:
        return _given_up(question, scored, _why("no article fits, the second time in a row", scored[:2]))
    return _lost(question, near, _why("no article fits well enough", scored[:2]))


def _showing_how(question: Question, best: Scored, scored: Sequence[Scored]) -> Scored:
    """Return the section with the steps of the same article if the customer asks how, and the best
    has none.
    """
    asked = fold(" ".join(question.messages))
    if has_steps(best.passage.text) or not _HOW.search(asked):
        return best
    steps = [
        one for one in scored if one.passage.article == best.passage.article and has_steps(one.passage.text)
    ]
    return steps[0] if steps and best.score - steps[0].score < STEPS_APART else best


def _to_the_point(question: Question, text: str, asked: _Asked, scored: list[Scored]) -> list[Scored]:
    """Return the scores of the best sentence of a long message that fits nothing as a whole.

    People often say why they ask.
    """
    if asked.follow_up or len(asked.topic.stems) < 5 or (scored and _sure(scored[0], asked)):
        return scored
    found = [one.passage for one in scored]
    parts = [wanted(part, _names(question)) for part in _SENTENCES.split(text)]
    tries = [score(part, found) for part in parts if 2 <= len(part.stems) < len(asked.topic.stems)]
    return max((one for one in tries if one), key=lambda one: one[0].score, default=scored)


def _sure(one: Scored, asked: _Asked) -> bool:
    if one.coverage < (SURE_COVERAGE if one.topical else 1.0) or not _BRANDS.isdisjoint(one.missing):
        return False
    return one.score >= SURE - (0.08 if asked.follow_up else 0.0)


def _near(scored: Sequence[Scored]) -> list[Scored]:
    return [one for one in _one_per_article(scored) if one.score >= NEAR and one.coverage >= 0.3]


def _one_per_article(scored: Sequence[Scored]) -> list[Scored]:
    first: dict[str, Scored] = {}
    for one in scored:
        first.setdefault(one.passage.article, one)
    return list(first.values())


def _said(question: Question, passage: Passage, meant: Sequence[str], why: str) -> Answered:
    body = excerpt(passage.text, meant)
    said = replies.answered(question, body, passage.title, steps=has_steps(body))
    return Answered(said, why, (passage.article,))


def _lost(question: Question, near: Sequence[Scored], why: str) -> Answer:
    if question.misses >= 1:
        return _given_up(question, near, why)
    options = _options(question, near)
    return Clarify(replies.not_sure(question, options=bool(options)), options, why)


def _given_up(question: Question, scored: Sequence[Scored], why: str) -> HandOver:
    looked = list(dict.fromkeys(one.passage.title for one in scored))[:5]
    tried = "; ".join(
        part for part in (_tried(question), f"Looked at: {', '.join(looked)}" if looked else "") if part
    )
    return HandOver("The agent could not find an answer twice.", why, UNANSWERED, tried)


def _tried(question: Question) -> str:
    """Return which articles we named in earlier answers, for staff, or ""."""
    told = [
        title
        for line in question.story
        if line.speaker == "agent"
        for title in replies.articles_named(question, line.text)
    ]
    return f"Answered from: {', '.join(dict.fromkeys(told))}" if told else ""


def _options(question: Question, scored: Sequence[Scored]) -> tuple[Option, ...]:
    near = _one_per_article(scored)[:3]
    options = [Option(_value(one.passage), _label(one.passage)) for one in near]
    if 0 < len(options) < 3:
        options.append(Option(NONE_OF_THESE, replies.none_of_these(question)))
    return tuple(options)


def _label(passage: Passage) -> str:
    title = replies.plain(passage.title)
    return title if len(title) <= _LABEL else title[: _LABEL - 1].rstrip() + "…"


def _value(passage: Passage) -> str:
    """Return a button's value, `article:<slug>#<section>`, shortened to _VALUE. A slug is ASCII."""
    anchor = re.sub(r"[^a-z0-9]+", "-", fold(passage.heading)).strip("-")
    article = f"article:{passage.article}"
    room = _VALUE - len(article) - 1
    return f"{article}#{anchor[:room]}" if anchor and room > 0 else article


def _names(question: Question) -> frozenset[str]:
    return frozenset(words(f"{question.organization_name} {question.agent_name}")) - {"support", "team"}


def _why(verdict: str, scored: Sequence[Scored]) -> str:
    """Return a line for `desk why`: articles and numbers, never a customer's words."""
    seen = ", ".join(
        f"{one.passage.article} {one.score:.2f} (covers {one.coverage:.0%})" for one in scored[:3]
    )
    return f"{verdict}: {seen or 'nothing found'}"
