"""A platform answers as nobody expected: what was asked of it may have been done, and is not asked again."""

import asyncio
from datetime import timedelta

import pytest

from bot.bus.deliver import Deliverer, DeliveryPace
from bot.bus.wakeups import Wakeups
from bot.core.connector import MODEST, Capabilities
from bot.core.outbound import Outbound, Sent
from tests.accounts import Brought
from tests.turns.bench import Bench


class Stumbling:
    """The part of a connector that sends, and then cannot read the answer."""

    def __init__(self, stumbles: Exception) -> None:
        self.sent: list[Outbound] = []
        self._stumbles = stumbles
        self.capabilities: Capabilities = MODEST

    async def send(self, outbound: Outbound) -> Sent:
        self.sent.append(outbound)
        raise self._stumbles


@pytest.mark.long
@pytest.mark.parametrize("stumbles", [KeyError("result"), TypeError("no dict"), RuntimeError("?")])
async def test_a_message_that_a_connector_stumbles_over_is_never_sent_a_second_time(
    desk: Bench, stumbles: Exception
) -> None:
    await desk.say("Hello")
    platform, stop = Stumbling(stumbles), asyncio.Event()
    deliverer = Deliverer(
        database=desk.database,
        outbox=desk.outbox,
        connectors=Brought(desk.accounts, dict.fromkeys(desk.accounts, platform)),
        cards=None,  # type: ignore[arg-type]  # no room is open
        wakeups=Wakeups(None, "test", []),
        pace=DeliveryPace(poll=timedelta(milliseconds=20)),
    )
    running = asyncio.create_task(deliverer.run(stop))
    try:
        async with asyncio.timeout(120):
            while await desk.rows("select state from outbox") != [("unknown",)]:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
    finally:
        stop.set()
        await running
    assert len(platform.sent) == 1
