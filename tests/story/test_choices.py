"""A choice that is typed as its number leads to the article behind it, where choices are numbered lines."""

import re

import pytest

from tests.story.rig import until
from tests.story.sides import ByMail
from tests.story.test_channels import story

VAGUE = "invoices and payment"
_CHOICE = re.compile(r"^(\d)\\?\. (.+)$", re.MULTILINE)


@pytest.mark.long
@pytest.mark.parametrize("typed", ["2", "the second one, please", "2\n\nThanks, Eve"])
async def test_a_number_typed_by_mail_brings_the_article_it_stood_for(
    database_url: str, redis_url: str, typed: str
) -> None:
    async with story(database_url, redis_url, ByMail) as (_, side):
        await side.say(VAGUE)
        await until(side.heard, what="the choices")
        offered = dict(_CHOICE.findall(side.heard()[0]))
        assert len(offered) >= 2, side.heard()
        await side.say(typed)
        await until(lambda: len(side.heard()) == 2, what="the article")
        assert f"From our article {offered['2']}." in side.heard()[1].replace("*", "")
