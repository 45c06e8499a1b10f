"""Questions that commands ask on a terminal before they change something for good."""

import io

import pytest

from bot.app.cli_desk import Shell
from bot.commands.desk import Consent


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("typed", "reply"),
    [
        ("y\n", Consent.AGREED),
        ("YES\n", Consent.AGREED),
        ("n\n", Consent.DECLINED),
        ("\n", Consent.DECLINED),
        ("", Consent.DECLINED),
    ],
)
async def test_a_terminal_is_asked_and_shown_what_changes(typed: str, reply: Consent) -> None:
    questions = Terminal()
    assert await Shell(Terminal(typed), questions).confirm("+ teams[a]", "Put this in force?") is reply
    assert questions.getvalue() == "+ teams[a]\nPut this in force? [y/N] "


@pytest.mark.parametrize(("answers", "questions"), [(io.StringIO, Terminal), (Terminal, io.StringIO)])
async def test_without_a_terminal_nobody_agrees(
    answers: type[io.StringIO], questions: type[io.StringIO]
) -> None:
    """An answer from a pipe does not count: it may have been written for another question."""
    asked = questions()
    assert await Shell(answers("y\n"), asked).confirm("+ teams[a]", "Put this in force?") is Consent.UNASKED
    assert asked.getvalue() == ""


async def test_a_terminal_is_shown_no_characters_that_it_obeys() -> None:
    questions = Terminal()
    await Shell(Terminal("n\n"), questions).confirm("+ teams[\x1b[31m]", "Put this in force?")
    assert "\x1b" not in questions.getvalue()
