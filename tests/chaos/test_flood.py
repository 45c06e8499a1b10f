"""Thousands of updates in no order, every one delivered three times, two workers: each answered once.

FLOOD_UPDATES says how many there are: 1,500 by default, 5,000 in `make chaos`.
"""

import asyncio
import json
import random
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

import aiohttp
import pytest
from aiohttp import web

from bot.app.embedded.server_files import free_port
from connectors.sandbox.server import Sandbox
from connectors.sandbox.telegram import TelegramStandIn
from tests.accounts import hooks
from tests.chaos import evidence
from tests.chaos.processes import Program, programs
from tests.lengths import times
from tests.story.rig import Change, environment, install, organization, quick, serving, webhooks

UPDATES = times(5000, quick=1000)
PER_CHAT = 20
COPIES = 3
AT_ONCE = 48  # requests under way
PATIENCE = 240.0  # seconds; a machine ten times slower still passes

pytestmark = pytest.mark.chaos


@dataclass
class Flood:
    """All that is going to be said, and when the desk was told of it and said that it has it."""

    updates: dict[int, bytes] = field(default_factory=dict)
    said: defaultdict[str, dict[str, str]] = field(default_factory=lambda: defaultdict(dict))
    begun: dict[tuple[str, str], float] = field(
        default_factory=dict
    )  # by chat and message: first request sent
    taken: dict[tuple[str, str], float] = field(default_factory=dict)  # first answer of 200
    where: dict[int, tuple[str, str]] = field(default_factory=dict)
    refused: int = 0

    async def pour(self, url: str, secret: str, order: Sequence[int]) -> None:
        """Deliver in that order, many at once. What is not taken is delivered again, as Telegram does."""
        left = iter(order)
        headers = {"Content-Type": "application/json", "X-Telegram-Bot-Api-Secret-Token": secret}
        connector = aiohttp.TCPConnector(limit=AT_ONCE)
        async with aiohttp.ClientSession(headers=headers, connector=connector) as session:

            async def carry() -> None:
                for update in left:
                    while not await self._deliver(session, url, update):
                        self.refused += 1

            async with asyncio.TaskGroup() as tasks:
                for _ in range(AT_ONCE):
                    tasks.create_task(carry())

    async def _deliver(self, session: aiohttp.ClientSession, url: str, update: int) -> bool:
        place = self.where[update]
        self.begun.setdefault(place, time.perf_counter())
        async with session.post(url, data=self.updates[update]) as response:
            assert response.status in (200, 503), response.status
            if response.status == 200:
                self.taken.setdefault(place, time.perf_counter())
            return response.status == 200


def flood(phones: TelegramStandIn, updates: int) -> Flood:
    """Let everybody say everything, and carry the updates in place of Telegram."""
    made = Flood()
    users = phones.users()
    for number in range(updates):
        user = users[number % len(users)]
        # A courtesy is answered however often it is said, so that every turn ends in one reply of the agent.
        text = "Hello" + "!" * (number // len(users))
        message = phones.say(user, text)
        made.said[str(user.id)][str(message.message_id)] = text
    saved = phones.snapshot()
    box = saved["updates"]
    assert isinstance(box, dict)
    for update in box["pending"]:
        body = json.loads(update["body"])
        made.updates[update["update_id"]] = update["body"].encode()
        made.where[update["update_id"]] = str(update["chat_id"]), str(body["message"]["message_id"])
    phones.restore({**saved, "updates": {**box, "pending": []}})
    return made


def quiet(window: str) -> Change:
    """Return rules with that window, and no limit to how much is answered.

    5,000 updates are more than an account's minute.
    """

    def change(document: dict[str, object]) -> None:
        document["quiet_window"] = window
        document["policies"] |= {  # type: ignore[operator]
            "customer_messages_per_minute": 100_000,
            "account_messages_per_minute": 1_000_000,
        }

    return change


@pytest.mark.long
@pytest.mark.parametrize("window", ["40ms", "1ms"])
async def test_a_shuffled_flood_is_stored_once_and_answered_once_in_order(
    window: str, database_url: str, redis_url: str
) -> None:
    updates = UPDATES if window == "40ms" else UPDATES // 3
    chats = max(1, updates // PER_CHAT)
    await install(database_url, organization(quick, webhooks, quiet(window)))
    sandbox = Sandbox(customers=[f"Customer {n}" for n in range(chats)])
    poured = flood(sandbox.telegram, updates)
    order = list(poured.updates) * COPIES
    random.Random(2024).shuffle(order)  # noqa: S311
    ports = [free_port() for _ in range(4)]
    environ = environment(database_url, redis_url, ports[0], ports[3], sandbox)
    root = web.Application()
    root.add_subapp("/sandbox", sandbox.app())
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(serving(root, ports[3]))
        ours = await stack.enter_async_context(programs())
        serve = ours.desk("serve", "serve", environ, ports[0])
        working = [ours.desk(f"work-{n}", "work", environ, ports[n]) for n in (1, 2)]
        for program in (serve, *working):
            program.launch()
        await asyncio.gather(*(program.ready() for program in (serve, *working)))
        begun = time.perf_counter()
        async with asyncio.timeout(PATIENCE):
            hook = hooks(database_url, serve.health)["telegram"]
            await poured.pour(hook, environ["TELEGRAM_WEBHOOK_SECRET"], order)
            accepted = time.perf_counter() - begun
            while await evidence.waiting(database_url):  # noqa: ASYNC110 (others work, elsewhere)
                await asyncio.sleep(0.1)
        took = time.perf_counter() - begun
        duplicates = await _metric(serve, "desk_duplicates_total")
        told = await evidence.read(database_url)
        phones = {
            str(user.id): [
                str(message.message_id) for message in sandbox.telegram.chat(user) if message.from_bot
            ]
            for user in sandbox.telegram.users()
        }
    _check(told, poured, phones)
    assert duplicates == updates * (COPIES - 1)
    turns = sum(len(one.turns) for one in told.values())
    _print(
        window=window,
        chats=chats,
        updates=updates,
        delivered=len(order) + poured.refused,
        duplicates=round(duplicates),
        stored=sum(len(one.asked) for one in told.values()),
        turns=turns,
        replies=sum(len(one.replies) for one in told.values()),
        on_phones=sum(map(len, phones.values())),
        accepted_s=f"{accepted:.1f}",
        all_done_s=f"{took:.1f}",
        turns_per_s=f"{turns / took:.0f}",
    )


def _check(told: Mapping[str, evidence.Told], poured: Flood, phones: Mapping[str, Sequence[str]]) -> None:
    evidence.check_stored(told, poured.said)
    for one in told.values():
        evidence.check_order(one)
        evidence.check_answered_once(one)
        assert evidence.check_phone(one, phones[one.chat]) == 0
        assert {row.state for row in one.outbox} == {"delivered"}
        evidence.check_acceptance(one, poured.begun, poured.taken)


async def _metric(program: Program, name: str) -> float:
    async with aiohttp.ClientSession() as session, session.get(f"{program.health}/metrics") as response:
        lines = (await response.text()).splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name))


def _print(**row: object) -> None:
    print("\n" + evidence.table([row]))
