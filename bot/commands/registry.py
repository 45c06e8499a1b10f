"""All commands: one line for each module. A new command is a new file and a line here."""

from bot.commands import (
    accounts,
    audit,
    channels,
    conversations,
    customers,
    deliveries,
    escalations,
    help,
    org,
    secrets,
    status,
    why,
)
from bot.commands.desk import Desk
from bot.core.commands import Commands


def registry(desk: Desk) -> Commands:
    """Closed: whatever is missing here does not exist."""
    known = Commands(
        (
            *org.commands(desk),
            *conversations.commands(desk),
            *escalations.commands(desk),
            *deliveries.commands(desk),
            *audit.commands(desk),
            *why.commands(desk),
            *status.commands(desk),
            *customers.commands(desk),
            *accounts.commands(desk),
            *secrets.commands(desk),
            *channels.commands(desk),
        )
    )
    for command in help.commands(known):
        known.add(command)
    return known.freeze()
