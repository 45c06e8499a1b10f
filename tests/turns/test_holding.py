"""An account that cannot send: what waits is held until somebody has mended it, however long that takes."""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import timedelta

from bot.bus.deliver import MAX_ATTEMPTS, Deliverer, DeliveryPace
from bot.bus.wakeups import Wakeups
from bot.core.answering import HandOver
from bot.core.connector import Capabilities
from bot.core.errors import AccountSuspended, PlatformDown
from bot.core.outbound import Outbound, Post, Sent
from tests.accounts import Brought
from tests.turns.bench import KNOWN, Bench, to_rooms

MAYA = "+491700000001"
AT_ONCE = timedelta(milliseconds=1)
QUICK = replace(KNOWN["whatsapp"], per_second=1000.0, chat_interval=timedelta())


@dataclass
class Number:
    """A number whose token has expired. Once mended it stumbles, and then takes what it is given."""

    capabilities: Capabilities = QUICK
    tries: int = 0
    mended: bool = False
    tried_long: asyncio.Event = field(default_factory=asyncio.Event)
    taken: list[str] = field(default_factory=list)
    came: asyncio.Event = field(default_factory=asyncio.Event)

    async def send(self, outbound: Outbound) -> Sent:
        assert isinstance(outbound.operation, Post)
        self.tries += 1
        if not self.mended:
            if self.tries > MAX_ATTEMPTS + 2:
                self.tried_long.set()
            raise AccountSuspended("190: the access token has expired", retry_after=AT_ONCE)
        if self.tries % 2:
            raise PlatformDown("131016", retry_after=AT_ONCE)
        self.taken.append(outbound.operation.text)
        self.came.set()
        return Sent(message=f"w-{self.tries}")


async def test_messages_that_an_account_cannot_send_are_held_until_it_is_mended(desk: Bench) -> None:
    number = Number()
    accepted = await desk.hear(desk.event("Help!", MAYA, on="whatsapp"))
    await desk.turn(lambda _: HandOver("A reason.", "why", trigger="security"))
    view = await desk.held(accepted.wakes[0].conversation)
    await desk.staff("I am on it.", view, ref="s0")
    await desk.undo_is_over()
    deliverer = Deliverer(
        database=desk.database,
        outbox=desk.outbox,
        connectors=Brought(desk.accounts, {"whatsapp": number}),
        cards=lambda _: asyncio.Future(),
        wakeups=Wakeups(None, "test", []),
        pace=DeliveryPace(poll=AT_ONCE),
    )
    stop = asyncio.Event()
    async with asyncio.timeout(120), asyncio.TaskGroup() as tasks:
        tasks.create_task(deliverer.run(stop))
        await number.tried_long.wait()
        number.mended = True
        while "I am on it." not in number.taken:
            number.came.clear()
            await number.came.wait()
        stop.set()
    assert number.taken.count("I am on it.") == 1
    await desk.turn()
    told = to_rooms(await desk.deliver())
    assert sum("190: the access token has expired" in text for text in told) == 1, "told once"
    assert not any("could not be delivered" in text for text in told)
