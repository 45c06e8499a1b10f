"""Write the answerer's own sentences: the fixed texts in the question's language, with their places
filled.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from enum import Enum
from typing import Final

from bot.core.answering import Question
from bot.core.events import AttachmentKind
from orgs.specification.texts import Texts, fill
from orgs.translations import SHIPPED, base, shipped, tone_of


def texts_of(question: Question) -> Texts:
    """Return the fixed texts that the question carries, else the shipped ones."""
    if question.replies:
        return Texts.model_construct(None, **question.replies)
    language = base(question.language)
    return shipped(language if language in SHIPPED else "en", tone_of(question.voice))


class LastQuestion(Enum):
    """The question that our last message asked the customer."""

    ANYTHING_ELSE = "anything else?"
    SOLVED = "solved?"
    A_PERSON = "a person?"
    OTHER_WORDS = "in other words?"


_ASKED: Final = {
    LastQuestion.ANYTHING_ELSE: (
        "greeting",
        "hello",
        "help",
        "returned",
        "ok",
        "thanks",
        "bye",
        "empty",
        "got_picture",
        "got_file",
        "got_something",
        "got_call",
    ),
    LastQuestion.SOLVED: ("resolved",),
    LastQuestion.A_PERSON: ("automated", "got_voice"),
    LastQuestion.OTHER_WORDS: ("nothing_found", "did_not_help"),
}


def last_asked(question: Question) -> LastQuestion | None:
    """Return what our last message asked the customer, if it is one of the fixed texts, else None."""
    said = next((line.text for line in reversed(question.story) if line.speaker != "customer"), "")
    texts = texts_of(question)
    for asked, names in _ASKED.items():
        if said and any(_is_filled(getattr(texts, name), said) for name in names):
            return asked
    return None


def _is_filled(template: str, said: str) -> bool:
    if not template:
        return False
    first, *others = re.split(r" ?\{\w+\}", template)
    if not others:
        return said == first
    # Finds part after part. A regular expression with many gaps would try all ways to fill them.
    *between, last = others
    if not said.startswith(first):
        return False
    at = len(first)
    for part in between:
        found = said.find(part, at)
        if found < 0:
            return False
        at = found + len(part)
    return said.endswith(last) and len(said) - len(last) >= at


def courtesy_reply(question: Question, kind: str) -> str:
    """Return the reply to a courtesy: hello, thanks, bye, ok, help, empty or automated."""
    said: str = getattr(texts_of(question), kind)
    return fill(said, organization=question.organization_name, agent=question.agent_name)


_THINGS: Final[Mapping[AttachmentKind | None, str]] = {
    AttachmentKind.PHOTO: "a picture",
    AttachmentKind.DOCUMENT: "a file",
    AttachmentKind.VOICE: "a voice message",
    AttachmentKind.AUDIO: "a recording",
    AttachmentKind.VIDEO: "a video",
    AttachmentKind.STICKER: "a sticker",
    AttachmentKind.LOCATION: "a location",
    AttachmentKind.CONTACT: "a contact",
    None: "something they share",
}


def things(kinds: Iterable[AttachmentKind | None]) -> str:
    """Return a description, for staff, of what came without text."""
    return ", ".join(thing for kind, thing in _THINGS.items() if kind in set(kinds)) or "something"


def received(question: Question, kinds: Collection[AttachmentKind | None]) -> str:
    """Return a reply that something without text has arrived, and that asks what it is about."""
    texts = texts_of(question)
    if question.called:
        return texts.got_call
    if AttachmentKind.VOICE in kinds:
        return texts.got_voice
    if set(kinds) <= {AttachmentKind.PHOTO, AttachmentKind.STICKER}:
        return texts.got_picture
    files = {AttachmentKind.DOCUMENT, AttachmentKind.AUDIO, AttachmentKind.VIDEO}
    return texts.got_file if files & set(kinds) else texts.got_something


def answered(question: Question, body: str, title: str, *, steps: bool) -> str:
    """Return an article's own text, with an introduction before it and the article's name after it."""
    texts = texts_of(question)
    lead = texts.steps_follow if steps else texts.text_follows
    source = fill(texts.article_source, article=plain(title))
    return "\n\n".join(part for part in (lead, body, source) if part)


def articles_named(question: Question, text: str) -> list[str]:
    """Return the titles that `answered` named in a message of ours, in any language."""
    sources = {texts_of(question).article_source, *(shipped(one).article_source for one in SHIPPED)}
    found: list[str] = []
    for source in sources:
        before, _, after = source.partition("{article}")
        pattern = rf"{re.escape(before)}([^*\n]{1, 300}?){re.escape(after)}(?:\s|$)"
        found += re.findall(pattern, text)
    return found


def which(question: Question) -> str:
    return texts_of(question).which_article


def not_sure(question: Question, *, options: bool) -> str:
    texts = texts_of(question)
    return texts.not_sure if options else texts.nothing_found


def did_not_help(question: Question, *, options: bool) -> str:
    texts = texts_of(question)
    return f"{texts.did_not_help} {texts.or_one_of_these}" if options else texts.did_not_help


def none_of_these(question: Question) -> str:
    return texts_of(question).none_of_these


def plain(title: str) -> str:
    """Return a title without Markdown, so that it can stand between two asterisks."""
    return re.sub(r"[*_`\[\]<>|~#\\]", "", title).strip()
