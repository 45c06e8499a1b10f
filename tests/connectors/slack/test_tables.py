"""Answers to `/desk` with tables: drawn by Slack, or said in words where it does not draw them."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.commands import CommandAnswer, Table
from connectors.sandbox.fault import Fault, FaultKind
from connectors.sandbox.slack.blockkit import Surface, check_blocks
from connectors.slack.receiver import WORKING, drawn

from .conftest import Desk, a_desk, until

OPEN = Table(("conversation", "customer", "note"), (("a1", "Maya <b>", "*late*"), ("b2", "Ben", "")))
LIST = "- **a1** · customer Maya\n- **b2** · customer Ben"


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    """A desk with long time limits."""
    async with a_desk(timedelta(minutes=1), timedelta(minutes=2)) as made:
        yield made


def told(desk: Desk, *tables: Table, words: str = "") -> None:
    desk.inbox.answer, desk.inbox.words, desk.inbox.tables = LIST, words, tables


async def asked(desk: Desk) -> list[str]:
    """The kinds of blocks in the answer."""
    await desk.connector.check()  # Slack's people know its address from the calls that it gets
    assert (await desk.slack.slash("ana", "support", "/desk", "conversations list")).taken
    return [block["type"] for block in desk.slack.ephemerals("ana")[-1].blocks]


async def test_a_table_is_drawn_with_its_words_above_it(desk: Desk) -> None:
    told(desk, OPEN, words="**2** are open.")
    assert await asked(desk) == ["section", "data_table"]
    [answer] = desk.slack.ephemerals("ana")
    words, table = answer.blocks
    assert words["text"]["text"] == "*2* are open."
    assert table["caption"] == "/desk conversations list"
    assert [[cell["text"] for cell in row] for row in table["rows"]] == [
        ["conversation", "customer", "note"],
        ["a1", "Maya <b>", "*late*"],
        ["b2", "Ben", "-"],
    ]
    assert "customer Ben" in answer.text  # for who reads no blocks


async def test_where_slack_does_not_know_tables_they_are_said_in_words_and_it_is_asked_once(
    desk: Desk,
) -> None:
    desk.slack.without_blocks("data_table")
    told(desk, OPEN)
    assert await asked(desk) == ["section"]
    assert "customer Ben" in desk.slack.ephemerals("ana")[0].text
    assert await asked(desk) == ["section"]
    assert len(desk.slack.ephemerals("ana")) == 2
    assert desk.script.calls.count("response_url") == 1


async def test_a_table_that_comes_late_is_drawn_as_well(slow_desk: Desk) -> None:
    told(slow_desk, OPEN)
    slow_desk.inbox.gate = asyncio.Event()
    await slow_desk.connector.check()
    assert (await slow_desk.slack.slash("ana", "support", "/desk", "conversations list")).taken
    slow_desk.inbox.gate.set()
    await until(lambda: len(slow_desk.slack.ephemerals("ana")) == 2)
    [working, answer] = slow_desk.slack.ephemerals("ana")
    assert (working.text, [block["type"] for block in answer.blocks]) == (WORKING, ["data_table"])


async def test_where_the_table_cannot_be_brought_the_words_are(desk: Desk) -> None:
    told(desk, OPEN)
    desk.script.faults["response_url"] = [Fault(FaultKind.SERVER_ERROR)]
    assert await asked(desk) == ["section"]
    assert await asked(desk) == ["data_table"]  # that was a matter of the moment


async def test_one_row_is_said_in_words(desk: Desk) -> None:
    told(desk, replace(OPEN, rows=OPEN.rows[:1]))
    assert await asked(desk) == ["section"]


CELLS = st.text(max_size=300) | st.just("x" * 4_000)


ROWS = st.integers(1, 22).flatmap(lambda n: st.lists(st.tuples(*[CELLS] * n), max_size=4))


@pytest.mark.long
@given(st.lists(ROWS, max_size=3))
def test_every_table_is_within_slacks_limits_or_is_words(tables: list[list[tuple[str, ...]]]) -> None:
    made = tuple(Table(tuple("h" * len(rows[0])), tuple(rows)) for rows in tables if rows)
    found = drawn(CommandAnswer("All of it", "", made), "/desk")
    if found is not None:
        assert check_blocks(found["blocks"], Surface.MESSAGE) == []
        assert made


def test_a_table_of_very_many_rows_is_words() -> None:
    rows = tuple((str(n), "x") for n in range(100))
    assert drawn(CommandAnswer("", "", (Table(("a", "b"), rows),)), "/desk") is not None
    assert drawn(CommandAnswer("", "", (Table(("a", "b"), (*rows, ("100", "x"))),)), "/desk") is None
