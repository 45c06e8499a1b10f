"""A phone, and the account it writes to."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from connectors.sandbox.telegram import RetryPauses, TelegramStandIn
from connectors.sandbox.telegram.model import TelegramUser
from connectors.telegram.connector import TelegramConnector
from tests.connectors.telegram import rig


@dataclass(frozen=True)
class Line:
    telegram: TelegramStandIn
    url: str
    account: TelegramConnector
    maya: TelegramUser

    def shown(self) -> list[str]:
        """What stands on the phone from the bot."""
        return [message.text for message in self.telegram.chat(self.maya) if message.from_bot]


@pytest.fixture
async def line() -> AsyncIterator[Line]:
    stand_in = TelegramStandIn(rig.TOKEN, pauses=RetryPauses(first=0.005, longest=0.02))
    async with rig.served(stand_in) as url:
        maya = stand_in.user("Maya Fischer")
        stand_in.say(maya, "/start")
        account = rig.connector(url)
        yield Line(stand_in, url, account, maya)
        await account.close()
