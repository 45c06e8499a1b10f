"""A phone and the account it writes to; a group with topics and the account that keeps rooms there."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from bot.core.events import Event
from bot.core.outbound import Card, CardTone, Operation, Sent
from connectors.sandbox.telegram import GroupChat, RetryPauses, TelegramStandIn
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
        """Return what the bot has written on the phone."""
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


@dataclass(frozen=True)
class Office:
    """The staff's group. Hugo is in it, and has not started the bot."""

    telegram: TelegramStandIn
    url: str
    account: TelegramConnector
    group: GroupChat
    hugo: TelegramUser

    async def send(self, operation: Operation, *, thread: str = "", part: int = 0) -> Sent:
        return await self.account.send(rig.outbound(self.group.id, operation, part, thread))

    async def room(self, title: str = "Maya needs a person", **changes: object) -> tuple[int, int]:
        """A topic with its card: their ids."""
        begun = await self.send(card(title, **changes))
        posted = await self.send(card(title, **changes), thread=begun.thread, part=1)
        return int(begun.thread), int(posted.message)

    async def heard(self) -> list[Event]:
        """Return the events of the newest update."""
        updates = await self.account._updates(None)
        return list(self.account._read(updates[-1]).events) if updates else []

    async def post_newest(self, inbox: rig.Inbox, times: int = 1) -> None:
        """Telegram's newest update at our webhook, as often as it likes."""
        (update,) = (await self.account._updates(None))[-1:]
        (route,) = self.account.routes(inbox)
        for _ in range(times):
            assert (await route.handle(rig.signed(json.dumps(update).encode()))).status == 200


def card(title: str, **changes: object) -> Card:
    values: dict[str, object] = {"speaking": "Nobody speaks", "tone": CardTone.PRESSING, "facts": ()}
    return Card(title=title, **(values | changes))  # type: ignore[arg-type]


@pytest.fixture
async def office() -> AsyncIterator[Office]:
    stand_in = TelegramStandIn(rig.TOKEN, pauses=RetryPauses(first=0.005, longest=0.02))
    async with rig.served(stand_in) as url:
        hugo = stand_in.user("Hugo Brandt")
        group = stand_in.group("Billing", [hugo])
        account = rig.connector(url, serves="staff", options={"groups": str(group.id)})
        yield Office(stand_in, url, account, group, hugo)
        await account.close()
