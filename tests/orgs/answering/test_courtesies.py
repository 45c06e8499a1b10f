"""Refusals and thanks as people word them, in five languages, and what only looks like them."""

from pathlib import Path

import pytest
import yaml

from bot.core.answering import Answered, StoryLine
from orgs.answering.thanks import only_thanks
from orgs.answering.yes_no import YesOrNo, yes_or_no
from orgs.translations import shipped
from tests.orgs.answering.conftest import Asks
from tests.orgs.answering.test_only_thanks import CUSTOMER, NAMES

TEXTS = yaml.safe_load((Path(__file__).parent / "courtesies.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("text", TEXTS["declines"])
def test_a_customer_who_needs_nothing_more_is_understood(text: str) -> None:
    assert yes_or_no(text) in (YesOrNo.NO, YesOrNo.NO_THANKS)


@pytest.mark.parametrize("text", TEXTS["closes"])
def test_mere_thanks_are_recognized(text: str) -> None:
    assert only_thanks(text, CUSTOMER, NAMES)


@pytest.mark.parametrize("text", TEXTS["matters"])
def test_words_that_somebody_must_read_are_no_courtesy(text: str) -> None:
    assert not only_thanks(text, CUSTOMER, NAMES)
    assert yes_or_no(text, NAMES) is None


async def test_a_refusal_that_names_the_agent_ends_the_conversation(ask: Asks) -> None:
    closing = StoryLine("system", shipped("en").returned)
    answer = await ask("No thank you, Robin, that is all for today", story=(closing,))
    assert isinstance(answer, Answered)
    assert answer.text == shipped("en").ok


@pytest.mark.parametrize("text", ["no, that's all, thanks", "that's everything, thank you"])
def test_nothing_more_answers_any_question_of_ours(text: str) -> None:
    assert only_thanks(text, asked=True)
    assert not only_thanks("no thanks", asked=True)
