"""Words outside WhatsApp's window, and workers that are killed while words are parked and while they leave.

One round in `make test`, five at full length. CHAOS_SEED says which seed the first has.
"""

import asyncio
import os
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from aiohttp import web

from bot.app.embedded.server_files import free_port
from bot.app.settings import parse
from connectors.sandbox.server import Sandbox
from connectors.sandbox.whatsapp import Phone
from tests.accounts import hooks
from tests.chaos import evidence
from tests.chaos.processes import Program, programs
from tests.lengths import rounds
from tests.story.rig import Rig, environment, install, mail_at, organization, quick, serving, until, webhooks

ROUNDS = rounds(5)
SEED = int(os.environ.get("CHAOS_SEED", "1"))
CUSTOMERS = 8
WORDS = 2  # that Hugo writes to each
ROOM = "billing-escalations"
LONG_AGO = timedelta(hours=25)
PATIENCE = 240.0  # seconds for each act, on a machine that is busy
KILLS = 6  # of each worker beside a block: on a slow machine a worker may do nothing between two of them

pytestmark = pytest.mark.chaos


def whatsapp_alone(document: dict[str, object]) -> None:
    """Customers on WhatsApp, staff in Slack."""
    document["accounts"] = [
        account
        for account in document["accounts"]  # type: ignore[attr-defined]
        if account["id"] in ("whatsapp", "slack")
    ]
    document["teams"] = [team for team in document["teams"] if team["id"] != "night-watch"]  # type: ignore[attr-defined]
    for ladder in document["ladders"]:  # type: ignore[attr-defined]
        ladder["steps"] = [step for step in ladder["steps"] if step["target"] != "night-watch"]
    for agent in document["agents"]:  # type: ignore[attr-defined]
        agent["channels"] = [ref for ref in agent["channels"] if ref == "whatsapp" or "slack" in ref]


@dataclass
class Act:
    """The desk as processes, with the world around it in this one."""

    rig: Rig
    database_url: str
    working: Sequence[Program]
    chance: random.Random
    threads: dict[str, str] = field(default_factory=dict)  # by the customer's number
    kills: int = 0

    @property
    def phones(self) -> list[Phone]:
        return self.rig.whatsapp.phones()

    def said_freely(self) -> list[tuple[str, datetime]]:
        """Calls that would have said free words: to whom, and when."""
        calls = self.rig.whatsapp.sent("messages")
        return [(str(c.params["to"]), c.at) for c in calls if {"text", "interactive"} & c.params.keys()]

    @asynccontextmanager
    async def killing(self) -> AsyncIterator[None]:
        """Beside the block each worker is killed up to KILLS times; all are back at its end."""
        over = asyncio.Event()

        async def kill(program: Program) -> None:
            for _ in range(KILLS):
                if over.is_set():
                    return
                await self._moment()
                await program.kill()
                self.kills += 1
                await program.start()

        async with asyncio.TaskGroup() as tasks:
            for program in self.working:
                tasks.create_task(kill(program), name=f"kill {program.name}")
            yield
            over.set()

    async def _moment(self) -> None:
        """Any, or the worst: the platform has just taken something, and nobody has written that down."""
        took = len(self.rig.whatsapp.sent("messages"))
        for _ in range(self.chance.randrange(20, 600)):
            if len(self.rig.whatsapp.sent("messages")) > took:
                await asyncio.sleep(self.chance.choice((0.0, 0.0, 0.004)))
                return
            await asyncio.sleep(0.001)

    async def quiet(self) -> None:
        """Wait until nothing is left to do but to wait for customers."""
        async with asyncio.timeout(PATIENCE):
            while await evidence.waiting(self.database_url):  # noqa: ASYNC110 (others work, elsewhere)
                await asyncio.sleep(0.1)

    async def count(self, query: str) -> int:
        async with await psycopg.AsyncConnection.connect(self.database_url) as connection:
            row = await (await connection.execute(query)).fetchone()
        assert row is not None
        return int(row[0])

    async def reaches(self, query: str, number: int) -> None:
        async with asyncio.timeout(PATIENCE):
            while await self.count(query) < number:  # noqa: ASYNC110 (others work, elsewhere)
                await asyncio.sleep(0.05)

    async def taken(self) -> None:
        """Let everybody have written long ago, and Hugo hold all their matters."""
        for phone in self.phones:
            phone.say("I was charged twice this month", written=LONG_AGO)
        await until(
            lambda: len(self.rig.threads(ROOM)) == len(self.phones), what="the cards", seconds=PATIENCE
        )
        for card in self.rig.threads(ROOM):
            name = next(p for p in self.phones if f"{p.name} needs a person" in str(card))
            self.threads[name.wa_id] = str(card["ts"])
        for ts in self.threads.values():
            await self.rig.press("hugo", ROOM, ts, "take")
        await until(lambda: all(self.tells(ts, "has taken this") for ts in self.threads.values()), seconds=60)

    def tells(self, ts: str, words: str) -> bool:
        return any(words in text for text in self.rig.in_thread(ROOM, ts))


@asynccontextmanager
async def act(database_url: str, redis_url: str, seed: int) -> AsyncIterator[Act]:
    sandbox = Sandbox(customers=[f"Customer {chr(65 + n)}" for n in range(CUSTOMERS)])
    ports = [free_port() for _ in range(4)]
    environ = environment(database_url, redis_url, ports[0], ports[3], sandbox) | {"LEASE_SECONDS": "2"}
    root = web.Application()
    root.add_subapp("/sandbox", sandbox.app())
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(serving(root, ports[3]))
        mail = mail_at(sandbox.mail.smtp.port, sandbox.mail.imap.port)
        changes = (quick, webhooks, mail, whatsapp_alone)
        await install(database_url, organization(*changes, every_channel=True))
        ours = await stack.enter_async_context(programs())
        serve = ours.desk("serve", "serve", environ, ports[0])
        working = [ours.desk(f"work-{n}", "work", environ, ports[n]) for n in (1, 2)]
        served = hooks(database_url, serve.health)
        base = served["slack"]
        sandbox.configure_slack(f"{base}/events", f"{base}/interactions", f"{base}/commands")
        await asyncio.gather(*(program.start() for program in (serve, *working)))
        await sandbox.whatsapp.configure(served["whatsapp"])
        chance = random.Random(seed)  # noqa: S311
        yield Act(Rig(sandbox, parse(environ)), database_url, working, chance)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(SEED, SEED + ROUNDS))
async def test_held_words_leave_once_whenever_a_worker_is_killed(
    seed: int, database_url: str, redis_url: str, artifacts: Path
) -> None:
    async with act(database_url, redis_url, seed) as a:
        await a.taken()
        async with a.killing():
            for number in range(WORDS):
                for wa_id, ts in a.threads.items():
                    a.rig.slack.post_as("hugo", ROOM, f"Words {number} for {wa_id}", thread_ts=ts)
                    await asyncio.sleep(a.chance.uniform(0.0, 0.3))
            await a.reaches(
                "select count(*) from messages where role = 'staff' and state = 'parked'", CUSTOMERS * WORDS
            )
        await a.quiet()
        assert a.said_freely() == [], "free words left outside the window"
        parking = a.kills
        assert await a.count("select count(*) from outbox where state = 'unknown'") == 0
        async with a.killing():
            opened = {}
            for phone in a.chance.sample(a.phones, CUSTOMERS):
                opened[phone.wa_id] = phone.say("Hello? Anybody?").at
                await asyncio.sleep(a.chance.uniform(0.0, 0.8))
            await a.reaches(
                "select count(*) from messages where role = 'staff' and state <> 'parked'", CUSTOMERS * WORDS
            )
        await a.rig.whatsapp.settled()
        await a.quiet()
        assert all(at >= opened[wa_id] for wa_id, at in a.said_freely()), "something left before they wrote"
        told = await evidence.read(database_url)
        unknown = arrived = 0
        for phone in a.phones:
            one = told[phone.wa_id]
            evidence.check_order(one)
            arrived += evidence.check_phone(one, [m.id for m in phone.chat if m.from_business])
            unknown += one.unknown()
            words = [text for text in (m.text for m in phone.chat if m.from_business) if "Words" in text]
            assert len(words) == len(set(words)), f"something was said twice: {words}"
            ts = a.threads[phone.wa_id]
            if one.unknown():
                assert a.tells(ts, "It is not certain"), "nobody was told that words may be lost"
        row = {
            "seed": seed,
            "kills while parking": parking,
            "kills while leaving": a.kills - parking,
            "held": CUSTOMERS * (WORDS + 1),
            "left once": sum(row.state == "delivered" for one in told.values() for row in one.outbox),
            "unknown": unknown,
            "of those arrived": arrived,
        }
    counted = evidence.table([row])
    print("\n" + counted)
    (artifacts / f"window-round-{seed}.txt").write_text(counted + "\n", "utf-8")
