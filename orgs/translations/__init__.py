"""Provide the fixed texts to customers by language: those we ship, and those of the organization file.

To ship another language, add a file beside this one, named by its tag, with every text of `Texts`.
"""

import re
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Final

import yaml

from orgs.specification.organization import Organization
from orgs.specification.texts import Texts

SHIPPED: Final = ("en", "de", "fr", "es", "pt")


class WritingTone(StrEnum):
    PLAIN = "plain"
    WARM = "warm"
    FORMAL = "formal"
    BRIEF = "brief"


_TONES: Final = (
    (
        WritingTone.FORMAL,
        re.compile(r"\b(?:formal|professional|polite|exact|precise|serious|respectful|calm)", re.I),
    ),
    (
        WritingTone.WARM,
        re.compile(r"\b(?:warm|friendly|cheerful|casual|playful|encourag|kind|enthusias|personal)", re.I),
    ),
    (WritingTone.BRIEF, re.compile(r"\b(?:brief|short|concise|terse|to the point|crisp|minimal)", re.I)),
)


def tone_of(voice: str) -> WritingTone:
    """Return the first tone that a description of a voice mentions, or plain."""
    if voice.lower().startswith("informal"):
        return WritingTone.WARM
    found = [(match.start(), tone) for tone, pattern in _TONES if (match := pattern.search(voice))]
    return min(found, key=lambda pair: pair[0])[1] if found else WritingTone.PLAIN


def base(language: str) -> str:
    """Return the language of a tag without script and country: "pt" for "pt-BR"."""
    return language.replace("_", "-").partition("-")[0].lower()


def spoken(organization: Organization, language: str) -> str | None:
    """Return the organization's language for a customer with this language, or None if there is none."""
    ours = organization.policies.languages
    exact = (one for one in ours if one.casefold() == language.replace("_", "-").casefold())
    return next(exact, None) or next((one for one in ours if base(one) == base(language)), None)


def texts_in(organization: Organization, language: str, voice: str = "") -> Texts:
    """Return every fixed text in this language: from the file, else as shipped.

    A text that has neither is in the organization's first language, else in English.
    """
    tone, worded = tone_of(voice), organization.policies.texts
    known, texts = "en", shipped("en", tone)
    for one in dict.fromkeys((organization.policies.languages[0], base(language), language)):
        if base(one) in SHIPPED and base(one) != known:
            known, texts = base(one), shipped(base(one), tone)
        if one in worded:
            said = worded[one].model_dump(exclude_defaults=True)
            texts = texts.model_copy(update={name: text for name, text in said.items() if text})
    return texts


@cache
def shipped(language: str, tone: WritingTone = WritingTone.PLAIN) -> Texts:
    """Return the texts of one of the languages in SHIPPED."""
    written = (files(__name__) / f"{language}.yaml").read_text("utf-8")
    by_name: Mapping[str, str | Mapping[str, str]] = yaml.safe_load(written)
    return Texts(
        **{
            name: said if isinstance(said, str) else said.get(tone, said[WritingTone.PLAIN])
            for name, said in by_name.items()
        }
    )
