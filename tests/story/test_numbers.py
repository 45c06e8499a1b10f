"""A customer asks for the number of their case, by it, and for a copy, on every channel as it really is."""

import re

import pytest

from orgs.translations import shipped
from tests.story.rig import until
from tests.story.sides import SIDES, Side
from tests.story.test_channels import story

EN = shipped("en")


@pytest.mark.long
@pytest.mark.parametrize("kind", SIDES, ids=lambda kind: kind.__name__)
async def test_a_customer_asks_by_the_number_and_has_a_copy_where_they_alone_read_it(
    database_url: str, redis_url: str, kind: type[Side]
) -> None:
    async with story(database_url, redis_url, kind) as (_, side):

        async def asks(text: str, answer: str) -> str:
            await side.say(text)
            await until(lambda: any(re.search(answer, told) for told in side.heard()), what=answer)
            return next(told for told in side.heard() if re.search(answer, told))

        await asks("How do I invite my team?", "(?i)invite")
        told = await asks("What is my case number?", r"#\d{4}-\d\d")
        number = re.search(r"#\d{4}-\d+", told)
        assert number is not None
        await asks(f"How is case {number[0]}?", f"Case {number[0]}, begun on .*, is open")
        if not side.alone:
            await asks("Send me a copy of our conversation", re.escape(EN.case_in_private))
            return
        await asks("How is case #9999-99?", re.escape(EN.case_unknown))
        await asks(f"Send me a copy of case {number[0]}", "a copy of your messages")
        await until(side.files, what="the file")
        [copied] = side.files()
        text = copied.decode()
        assert f"Case {number[0]} with " in text
        assert "    How do I invite my team?" in text
        assert "    How is case #9999-99?" in text
