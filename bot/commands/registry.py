"""All commands: a module for each noun, loaded by need. A new noun is a new file and a line here."""

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Final

from bot.commands import help
from bot.core.commands import Commands

if TYPE_CHECKING:
    from bot.commands.desk import Desk

HELP: Final = "help"

NOUNS: Final[Mapping[str, str]] = {
    "org": "Check an organization file, apply it, go back to an earlier version.",
    "conversations": "List conversations, and read one.",
    "escalations": "List what waits for people, and read one.",
    "deliveries": "List what could not be sent, and send it again.",
    "audit": "Read the audit log, and prove that nobody changed it.",
    "why": "Show why a conversation was answered as it was.",
    "status": "Show what waits, what failed and what began today.",
    "customers": "List customers, merge them, invite them, erase them.",
    "accounts": "List the accounts, and check that each works.",
    "secrets": "Keep the accounts' tokens and passwords.",
    "channels": "Show what each channel can do.",
    HELP: "Show what can be asked for; of one command, how.",
}
"""Each noun has the module `bot.commands.<noun>`, and a sentence for `desk --help`."""


def registry(desk: "Desk", noun: str = HELP) -> Commands:
    """Return the commands of one noun, by default of all. Closed: whatever is missing does not exist.

    A program that runs one command loads the modules of this command alone: all take a second.
    """
    known = Commands()
    nouns = [name for name in NOUNS if name != HELP] if noun == HELP else [noun]
    for name in nouns:
        for command in import_module(f"bot.commands.{name}").commands(desk):
            known.add(command)
    if noun == HELP:
        for command in help.commands(known):
            known.add(command)
    return known.freeze()
