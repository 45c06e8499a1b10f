"""`kill -9` of a worker in a storm: only what was on the wire is in doubt, and all the rest is sent once.

Once in `make test` and `make test-all`, five times in `make chaos`.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

import psycopg
import pytest
from aiohttp import web

from bot.app.embedded.server_files import free_port
from bot.bus.deliver import BEGUN_TOGETHER
from bot.turns.in_doubt import FEW
from connectors.sandbox.server import Sandbox
from tests.chaos import evidence
from tests.chaos.processes import programs
from tests.lengths import rounds
from tests.story.rig import environment, install, organization, quick, serving, until, webhooks

ROUNDS = rounds(5)
CHATS = 300
LEASE = 3  # seconds
PATIENCE = 120.0  # seconds, on a machine that is busy

pytestmark = pytest.mark.chaos
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Wire:
    """Records what the platform was asked to send, by chat, as soon as the request has come in."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def app(self, sandbox: Sandbox) -> web.Application:
        @web.middleware
        async def hear(request: web.Request, handler: Handler) -> web.StreamResponse:
            if request.path.endswith("/sendMessage"):
                self.asked.append(str((await request.post())["chat_id"]))
            return await handler(request)

        root = web.Application(middlewares=[hear])
        root.add_subapp("/sandbox", sandbox.app())
        return root

    async def silent(self) -> None:
        """Wait until nothing more comes in: what a dead process had written is read."""
        before = -1
        while len(self.asked) != before:
            before = len(self.asked)
            await asyncio.sleep(0.5)


@pytest.mark.long
@pytest.mark.parametrize("number", range(1, ROUNDS + 1))
async def test_a_dead_worker_leaves_in_doubt_what_was_on_the_wire(
    number: int, database_url: str, redis_url: str
) -> None:
    await install(database_url, organization(quick, webhooks))
    sandbox, wire = Sandbox(customers=[f"Customer {n}" for n in range(CHATS)]), Wire()
    phones = sandbox.telegram
    ports = [free_port() for _ in range(3)]
    environ = environment(database_url, redis_url, ports[0], ports[2], sandbox)
    environ["LEASE_SECONDS"] = str(LEASE)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(serving(wire.app(sandbox), ports[2]))
        ours = await stack.enter_async_context(programs())
        serve = ours.desk("serve", "serve", environ, ports[0])
        work = ours.desk("work", "work", environ, ports[1])
        await asyncio.gather(serve.start(), work.start())
        for user in phones.users():
            phones.say(user, "Hello")
        await until(lambda: len(wire.asked) >= 80 + 20 * number, what="the first answers", seconds=60)
        await work.kill()
        await wire.silent()
        claimed, recorded = await _claimed_and_recorded(database_url)
        on_the_wire = len(wire.asked) - recorded
        await work.start()
        async with asyncio.timeout(PATIENCE):
            await phones.settled()
            while await evidence.waiting(database_url):  # noqa: ASYNC110 (others work, elsewhere)
                await asyncio.sleep(0.1)
        told = await evidence.read(database_url)
        shown = {str(user.id): [m for m in phones.chat(user) if m.from_bot] for user in phones.users()}
    unknown = sum(one.unknown() for one in told.values())
    arrived = sum(
        evidence.check_phone(one, [str(message.message_id) for message in shown[chat]])
        for chat, one in told.items()
    )
    row = {"chats": CHATS, "claimed": claimed, "on the wire": on_the_wire, "unknown": unknown}
    slack = sandbox.slack
    shown_to_staff = [json.dumps(m) for channel in slack.channels() for m in slack.messages(channel["name"])]
    notices = sum("Send all again" in message for message in shown_to_staff)
    rooms = sum(len(one.rooms) for one in told.values())
    row |= {"of those arrived": arrived, "notices": notices, "rooms": rooms}
    print("\n" + evidence.table([row]))
    assert (notices, rooms) == ((1, 0) if unknown > FEW else (0, unknown))
    # What is recorded as begun when the process dies is perhaps not written yet: one group at most.
    assert unknown <= on_the_wire + BEGUN_TOGETHER


async def _claimed_and_recorded(database_url: str) -> tuple[int, int]:
    """Return how many deliveries the dead worker held, and how many it had recorded."""
    async with await psycopg.AsyncConnection.connect(database_url) as connection:
        row = await (await connection.execute(_HELD)).fetchone()
    assert row is not None
    return row[0], row[1]


_HELD = """
    select count(*) filter (where state = 'sending'), count(*) filter (where state = 'delivered')
    from outbox where room_id is null
"""
