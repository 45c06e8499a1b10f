"""Run commands in chat: words in, Markdown out. No input makes it raise."""

import shlex
from difflib import get_close_matches
from typing import Final

import structlog

from bot.commands.arguments import bind
from bot.commands.desk import Desk
from bot.commands.execute import execute
from bot.commands.markdown import bounded, to_answer, to_text
from bot.core.commands import Caller, Command, CommandAnswer, Commands
from bot.core.errors import (
    BadUsage,
    CommandError,
    DeskError,
    InvalidOrganization,
    StorageUnavailable,
    UnknownCommand,
)

log = structlog.get_logger(__name__)

_LONGEST: Final = 2_000  # characters; a longer line is refused

# The characters that phones type instead of those of a command.
_TYPED: Final = str.maketrans({"“": '"', "”": '"', "„": '"', "‘": "'", "’": "'", "—": "--", "\u00a0": " "})


async def run_in_chat(desk: Desk, registry: Commands, caller: Caller, text: str) -> CommandAnswer:
    """Return the answer for somebody who typed `/desk TEXT`. Never raises, except when it is cancelled.

    `caller` is a person of the organization file, or nobody: then nothing is allowed.
    """
    try:
        command, words = find(registry, split(text))
        return to_answer(await execute(desk, caller, command, bind(command, words)))
    except InvalidOrganization as error:
        told = bounded(to_text(str(error)))
    except StorageUnavailable:
        told = "The database cannot be reached at this moment. Please try again in a minute."
    except UnknownCommand as error:
        told = bounded(to_text(error.sentence("/desk")))
    except CommandError as error:
        told = bounded(to_text(str(error)))
    except DeskError as error:
        log.warning("command failed", code=error.code, exc_info=error)
        told = f"That did not work: `{error.code}`. The log says more."
    except Exception as error:
        code = str(desk.new_id())[-12:]
        log.exception("command broke", code=code, exc_info=error)
        told = f"Something went wrong on our side. Whoever looks after the program finds it under `{code}`."
    return CommandAnswer(told)


def split(text: str) -> list[str]:
    """Split a line into words, with quotes respected; an empty line is `help`. Raises BadUsage."""
    if len(text) > _LONGEST:
        raise BadUsage(f"That is too long: at most {_LONGEST} characters.")
    try:
        return shlex.split(text.translate(_TYPED)) or ["help"]
    except ValueError:
        raise BadUsage("A quotation mark is not closed.") from None


def find(registry: Commands, words: list[str]) -> tuple[Command, list[str]]:
    """Return the command that the words name, and the words after it.

    Raises UnknownCommand, and BadUsage if its verb is missing or wrong.
    """
    words = [words[0].lower(), *(word.lower() if at == 0 else word for at, word in enumerate(words[1:]))]
    noun = words[0]
    verbs = [
        command.name.split()[1]
        for command in registry
        if command.name.startswith(f"{noun} ") and not command.shell_only
    ]
    try:
        command, rest = registry.find(words)
    except UnknownCommand:
        if not verbs:
            raise
        raise BadUsage(_with_a_verb(noun, words[1:2], verbs)) from None
    takes_words = any(not (p.option or p.flag) for p in command.parameters)
    if rest and verbs and command.name == noun and not takes_words and not rest[0].startswith("--"):
        raise BadUsage(_with_a_verb(noun, rest[:1], verbs))
    return command, rest


def _with_a_verb(noun: str, typed: list[str], verbs: list[str]) -> str:
    """Return what can follow a noun, or what was probably meant by the word that was typed behind it."""
    listed = ", ".join(f"`{verb}`" for verb in verbs)
    if not typed:
        return f"`{noun}` needs one of these after it: {listed}."
    told = f"There is no `{noun} {typed[0][:40].replace('`', chr(39))}`."
    near = get_close_matches(typed[0], verbs, n=1)
    if near:
        return f"{told} Did you mean `/desk {noun} {near[0]}`?"
    return f"{told} After `{noun}` can come: {listed}."
