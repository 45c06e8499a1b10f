"""A platform that does not answer holds nobody up but its own customers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import timedelta

import aiohttp
import pytest
from aiohttp import web

from bot.bus.deliver import Deliverer, DeliveryPace
from bot.bus.wakeups import Wakeups
from bot.core.connector import MODEST, Capabilities
from bot.core.errors import PlatformDown
from bot.core.outbound import Outbound, Sent
from connectors.beginning import begun
from storage.account_rates import Allowance
from tests.accounts import Brought
from tests.turns.bench import Bench

SLOTS = 16


class Platform:
    """Takes what is sent to it; under `/slow/` it never says so."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.changed = asyncio.Condition()
        self.url = ""

    async def take(self, request: web.Request) -> web.Response:
        account = request.match_info["account"]
        async with self.changed:
            self.asked.append(account)
            self.changed.notify_all()
        if account in ("whatsapp", "messenger"):
            with suppress(asyncio.CancelledError):
                await asyncio.Event().wait()
        return web.Response()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        app = web.Application()
        app.router.add_post("/{account}", self.take)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            yield
        finally:
            await runner.cleanup()


class Connected:
    """The part of a connector that sends."""

    def __init__(self, platform: Platform, account: str) -> None:
        self._address = f"{platform.url}/{account}"

    @property
    def capabilities(self) -> Capabilities:
        return replace(MODEST, per_second=1000.0, chat_interval=timedelta())

    async def send(self, outbound: Outbound) -> Sent:
        try:
            async with aiohttp.ClientSession() as session, session.post(self._address):
                return Sent(str(outbound.id))
        except aiohttp.ClientConnectionError:
            raise PlatformDown("cannot connect") from None


@pytest.mark.long
async def test_platforms_that_do_not_answer_leave_room_for_the_others(desk: Bench) -> None:
    for n in range(SLOTS * 2):
        await desk.say("Hello", f"{n}", on="whatsapp")
        await desk.say("Hello", f"{n}", on="messenger")
    platform, stop = Platform(), asyncio.Event()
    async with platform.listening():
        deliverer = Deliverer(
            database=desk.database,
            outbox=desk.outbox,
            connectors=Brought(desk.accounts, {name: Connected(platform, name) for name in desk.accounts}),
            cards=None,  # type: ignore[arg-type]  # no room is open
            wakeups=Wakeups(None, "test", []),
            pace=DeliveryPace(slots=SLOTS, poll=timedelta(milliseconds=20), grace=timedelta()),
        )
        running = asyncio.create_task(deliverer.run(stop))
        try:
            async with asyncio.timeout(120):
                async with platform.changed:
                    await platform.changed.wait_for(lambda: len(platform.asked) >= SLOTS * 3 // 4)
                await desk.say("Hello", on="telegram")
                async with platform.changed:
                    await platform.changed.wait_for(lambda: "telegram" in platform.asked)
        finally:
            stop.set()
            await running
    assert set(platform.asked) == {"whatsapp", "messenger", "telegram"}


class Handshaking(Connected):
    """Its connections are made with TLS, which takes its time."""

    begins = True

    def __init__(self, platform: Platform, account: str) -> None:
        super().__init__(platform, account)
        self._address = self._address.replace("http:", "https:")

    async def send(self, outbound: Outbound) -> Sent:
        async with aiohttp.ClientSession(trace_configs=begun()) as session, session.post(self._address):
            return Sent(str(outbound.id))


@pytest.mark.long
async def test_a_delivery_that_waits_for_its_connection_has_not_begun(desk: Bench) -> None:
    """So a worker that dies while it greets a platform leaves nothing in doubt."""
    for n in range(SLOTS):
        await desk.say("Hello", f"{n}")
    platform, stop, greeted = Platform(), asyncio.Event(), asyncio.Semaphore(0)

    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take the connection, and never answer to what comes over it."""
        greeted.release()
        await stop.wait()
        writer.close()

    async with await asyncio.start_server(greet, "127.0.0.1", 0) as server:
        platform.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        deliverer = Deliverer(
            database=desk.database,
            outbox=desk.outbox,
            connectors=Brought(desk.accounts, {name: Handshaking(platform, name) for name in desk.accounts}),
            cards=None,  # type: ignore[arg-type]  # no room is open
            wakeups=Wakeups(None, "test", []),
            pace=DeliveryPace(slots=SLOTS, poll=timedelta(milliseconds=20), grace=timedelta()),
        )
        running = asyncio.create_task(deliverer.run(stop))
        try:
            async with asyncio.timeout(120):
                for _ in range(SLOTS // 2):
                    await greeted.acquire()
            told = "select count(*) filter (where begun), count(*) from outbox where state = 'sending'"
            [[begun_, claimed]] = await desk.rows(told)
        finally:
            stop.set()
            await running
    assert int(str(claimed)) >= SLOTS // 2
    assert begun_ == 0


async def test_an_account_with_much_to_send_and_a_low_rate_leaves_room_for_the_others(desk: Bench) -> None:
    for n in range(12):
        await desk.say("Hello", f"{n}@a.example", on="email", chat=f"{n}", shared=True)
    await desk.say("Hello", on="telegram")
    await desk.execute("update lanes set ready_at = ready_at - interval '1 hour' where account_id = :id",
                       id=desk.accounts["email"].id)  # fmt: skip
    allowances = {
        account.id: Allowance(1.0 if name == "email" else 30.0, 1) for name, account in desk.accounts.items()
    }
    async with desk.database.begin() as connection:
        claimed = await desk.outbox.claim(connection, allowances.get, 8, timedelta(minutes=1))
    assert sorted(item.place.channel for item in claimed.items) == ["email", "telegram"]
