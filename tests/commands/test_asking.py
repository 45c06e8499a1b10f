"""What `desk org apply` asks on a terminal."""

import io

import pytest

from bot.commands.desk import Reply
from bot.run.cli_desk import Shell


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("typed", "reply"),
    [("y\n", Reply.SEEN), ("YES\n", Reply.SEEN), ("n\n", Reply.NO), ("\n", Reply.NO), ("", Reply.NO)],
)
async def test_a_terminal_is_asked_and_shown_what_changes(typed: str, reply: Reply) -> None:
    questions = Terminal()
    assert await Shell(Terminal(typed), questions).confirm("+ teams[a]") is reply
    assert questions.getvalue() == "+ teams[a]\nPut this in force? [y/N] "


async def test_a_script_means_what_it_says() -> None:
    questions = io.StringIO()
    assert await Shell(io.StringIO(), questions).confirm("+ teams[a]") is Reply.YES
    assert questions.getvalue() == ""
