"""All commands: a module for each noun, loaded by need. A new noun is a new file and a line here."""

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Final

from bot.commands import help
from bot.core.commands import Commands

if TYPE_CHECKING:
    from bot.commands.desk import Desk

HELP: Final = "help"

GROUPS: Final[Mapping[str, Mapping[str, str]]] = {
    "Conversations and customers": {
        "conversations": "List conversations, and read one.",
        "escalations": "List what waits for people, and read one.",
        "why": "Show who decided what in a conversation, and why.",
        "customers": "List customers; merge, invite or erase one.",
    },
    "Messages and accounts": {
        "status": "Show what waits, what failed and what began today.",
        "deliveries": "List what could not be sent, and send it again.",
        "accounts": "List the accounts, and check that each works.",
        "channels": "Show what each channel can do.",
    },
    "The organization": {
        "org": "Show the organization, check or apply its file, go back.",
        "roles": "Show who may do what.",
        "audit": "Read the audit log, and prove that nobody changed it.",
        "secrets": "List and keep the accounts' tokens and passwords.",
    },
}
"""All nouns but `help`, as `help` groups them. Each has the module `bot.commands.<noun>`, and a sentence."""

NOUNS: Final[Mapping[str, str]] = {
    **{noun: told for group in GROUPS.values() for noun, told in group.items()},
    HELP: "List the commands, or explain one.",
}
"""Every noun with its sentence, for `desk --help`."""


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
        for command in help.commands(known, GROUPS):
            known.add(command)
    return known.freeze()
