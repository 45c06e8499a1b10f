"""A long text keeps the process that accepts it from nothing else."""

import asyncio

import pytest

from bot.bus.accept import Bus
from bot.bus.directory import Directory
from bot.bus.wakeups import Wakeups
from bot.core.connector import ChatCommand
from bot.core.events import Edited
from bot.core.ids import ConversationId
from storage.accounts import Account
from storage.organizations import Organizations
from tests.tools.counting import counted
from tests.turns.bench import Bench

NUMBERS = "4111 1111 1111 1 " * 10_000  # looked through at every place
LOOKING_THROUGH_IT = 100_000  # calls, at the very least


@pytest.mark.parametrize("edited", [False, pytest.param(True, marks=pytest.mark.long)])
async def test_payment_cards_in_a_long_text_are_not_looked_for_on_the_loop(
    desk: Bench, *, edited: bool
) -> None:
    if edited:  # before it came
        edit = Edited("w1", f"{NUMBERS}\nMy card: 4111 1111 1111 1111")
        await desk.hear(desk.event(edit, "+1", on="whatsapp"))
    directory = Directory(desk.database, desk.keys, Organizations(desk.database))
    bus = Bus(desk.database, desk.inboxes, directory, Wakeups(None, "test", []), nobody_commands)
    writing = asyncio.create_task(bus.run())
    try:
        with counted() as here:
            card = "My card: 4111 1111 1111 1111"
            said = desk.event(f"{NUMBERS}\n{card}", "+1", on="whatsapp", message="w1")
            await bus.accept(desk.accounts["whatsapp"].id, [said])
    finally:
        writing.cancel()
    assert here.count < LOOKING_THROUGH_IT
    [(conversation,)] = await desk.rows("select id from conversations")
    kept = (await desk.view(ConversationId(conversation))).story[-1]
    assert kept.text.endswith("My card: •••• •••• •••• 1111")


async def nobody_commands(account: Account, command: ChatCommand) -> str:
    raise AssertionError(f"{account.account}: {command.text}")
