"""Stopping in good order, and what joins a turn before it is answered."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import psycopg
import pytest
from aiohttp import web

from bot.app.embedded import Servers
from bot.app.embedded.server_files import free_port
from bot.app.health import listening
from bot.app.processes import running
from bot.app.settings import parse
from bot.app.web import web_app
from bot.app.wiring import Services, services
from bot.bus.work import Worker, WorkerPace
from bot.core.answering import Answer, Answered, Question
from bot.core.ids import new_id, utc_now
from connectors.sandbox.faults import Mischief
from connectors.sandbox.people import TEAM, identity
from connectors.sandbox.server import Sandbox
from connectors.sandbox.slack import Tenant
from orgs.documents import to_document
from storage.turns import Turns
from tests.accounts import hooks
from tests.chaos import evidence
from tests.chaos.processes import programs
from tests.story.rig import (
    Change,
    environment,
    install,
    organization,
    quick,
    sample,
    serving,
    until,
    webhooks,
)

DRAIN = 20.0  # seconds: the promise
CHATS = 120


@pytest.mark.long
async def test_sigterm_drains_and_gives_every_lease_back(database_url: str, redis_url: str) -> None:
    await install(database_url, organization(quick, webhooks))
    sandbox = Sandbox(customers=[f"Customer {n}" for n in range(CHATS)])
    phones = sandbox.telegram
    sandbox.faults.add("telegram", Mischief.SLOW, pattern="sendMessage", seconds=0.5)
    ports = [free_port() for _ in range(3)]
    environ = environment(database_url, redis_url, ports[0], ports[2], sandbox)
    root = web.Application()
    root.add_subapp("/sandbox", sandbox.app())
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(serving(root, ports[2]))
        ours = await stack.enter_async_context(programs())
        serve = ours.desk("serve", "serve", environ, ports[0])
        work = ours.desk("work", "work", environ, ports[1])
        await asyncio.gather(serve.start(), work.start())
        said = {user.id: phones.say(user, "Hello").message_id for user in phones.users()}
        await until(lambda: _answered(sandbox) >= 5, what="the first answers", seconds=60)
        work.terminate()
        assert await work.ended(DRAIN) == 0
        await _nothing_is_held(database_url)
        answered = _answered(sandbox)
        await asyncio.wait_for(phones.settled(), 60)  # `serve` goes on accepting
        serve.terminate()
        assert await serve.ended(DRAIN) == 0
        assert _answered(sandbox) == answered, "something left although nobody works"
        await asyncio.gather(serve.start(), work.start())
        async with asyncio.timeout(120):
            while await evidence.waiting(database_url):  # noqa: ASYNC110 (others work, elsewhere)
                await asyncio.sleep(0.1)
        await _all_answered_once(database_url, sandbox, said)


def _answered(sandbox: Sandbox) -> int:
    return sum(
        any(message.from_bot for message in sandbox.telegram.chat(user)) for user in sandbox.telegram.users()
    )


async def _nothing_is_held(database_url: str) -> None:
    """No lease is left to run out, and no delivery is left in doubt."""
    left = await evidence.waiting(database_url)
    assert left.leases == 0, left
    told = await evidence.read(database_url)
    assert evidence.states(told.values()).keys() <= {"delivered", "waiting"}


async def _all_answered_once(database_url: str, sandbox: Sandbox, said: Mapping[int, int]) -> None:
    told = await evidence.read(database_url)
    evidence.check_stored(told, {str(user): {str(message): "Hello"} for user, message in said.items()})
    for user in sandbox.telegram.users():
        one = told[str(user.id)]
        evidence.check_order(one)
        evidence.check_answered_once(one)
        phone = [str(message.message_id) for message in sandbox.telegram.chat(user) if message.from_bot]
        assert evidence.check_phone(one, phone) == one.unknown() == 0
        assert len(phone) == 1


# --- bursts, and answers that take long ---------------------------------------------------------------------


@dataclass
class Thinker:
    """An answerer that thinks until it may speak, and remembers what it was asked."""

    asked: list[tuple[str, ...]] = field(default_factory=list)
    may_speak: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer(self, question: Question) -> Answer:
        self.asked.append(question.messages)
        await self.may_speak.wait()
        return Answered("So be it.", "thought about it")


@dataclass
class Desk:
    """One process that serves, and a worker that is asked for by hand."""

    sandbox: Sandbox
    services: Services
    thinker: Thinker
    database_url: str

    def say(self, *texts: str) -> None:
        for text in texts:
            self.sandbox.telegram.say(self.sandbox.telegram.users()[0], text)

    def heard(self) -> Sequence[str]:
        chat = self.sandbox.telegram.chat(self.sandbox.telegram.users()[0])
        return [message.text for message in chat if message.from_bot]

    def worker(self, grace: timedelta) -> Worker:
        h = self.services
        return Worker(
            database=h.database,
            turns=Turns(h.desk.keys, new_id),
            directory=h.directory,
            connectors=h.connections,
            answerers={"grounded": self.thinker},
            wakeups=h.wakeups,
            deliver=h.deliverer.wake,
            clock=utc_now,
            new_id=new_id,
            pace=WorkerPace(grace=grace),
        )

    @asynccontextmanager
    async def working(self, grace: timedelta = timedelta(seconds=10)) -> AsyncIterator[None]:
        """A worker beside the block, told to stop at its end."""
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.worker(grace).run(stop))
            try:
                yield
            finally:
                stop.set()

    async def told(self) -> evidence.Told:
        (one,) = (await evidence.read(self.database_url)).values()
        return one

    async def stored(self, inputs: int) -> evidence.Told:
        """Wait until so many inputs are stored."""
        async with asyncio.timeout(120):
            while True:
                found = await evidence.read(self.database_url)
                for one in found.values():
                    if len(one.inputs) == inputs:
                        return one
                await asyncio.sleep(0.02)


@asynccontextmanager
async def desk(database_url: str, redis_url: str, *changes: Change) -> AsyncIterator[Desk]:
    """Events are accepted; nothing is delivered and nothing is answered unless a test asks for it."""
    await install(database_url, organization(quick, webhooks, *changes))
    sandbox = Sandbox()
    ports = free_port(), free_port()
    settings = parse(environment(database_url, redis_url, ports[0], ports[1], sandbox))
    root = web.Application()
    root.add_subapp("/sandbox", sandbox.app())
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(serving(root, ports[1]))
        known = Servers(database_url=database_url, redis_url=redis_url)
        h = await stack.enter_async_context(services(settings, known))
        await stack.enter_async_context(listening(settings.host, settings.port, web_app(h)))
        await stack.enter_async_context(running(h, serves=True, works=False, stop=asyncio.Event()))
        yield Desk(sandbox, h, Thinker(), database_url)


def in_slack(document: dict[str, object]) -> None:
    """Customers write in Slack, too."""
    accounts = to_document(sample().organization)["accounts"]
    theirs = next(each for each in accounts if each["id"] == "slack-customers")  # type: ignore[attr-defined]
    document["accounts"] = [*document["accounts"], theirs]  # type: ignore[misc]
    for agent in document["agents"]:  # type: ignore[attr-defined]
        agent["channels"] = [*agent["channels"], "slack-customers"]


def burst(window: str, cap: int) -> Change:
    def change(document: dict[str, object]) -> None:
        document["quiet_window"] = window
        document["burst_cap"] = cap

    return change


async def test_a_burst_up_to_the_cap_is_one_turn_long_before_the_quiet_window_ends(
    database_url: str, redis_url: str
) -> None:
    async with desk(database_url, redis_url, burst("1m", 5)) as d, d.working():
        d.thinker.may_speak.set()
        d.say("one", "two", "three", "four", "five")
        await until(lambda: d.thinker.asked, what="the agent is asked", seconds=30)
        one = await _settled(d)
        assert d.thinker.asked == [("one", "two", "three", "four", "five")]
        assert [turn.inputs for turn in one.turns] == [5]
        assert len(one.replies) == 1


@pytest.mark.long
async def test_a_message_in_the_quiet_window_waits_with_the_rest(database_url: str, redis_url: str) -> None:
    async with desk(database_url, redis_url, burst("1m", 8)) as d, d.working():
        d.thinker.may_speak.set()
        d.say("one")
        first = await d.stored(1)
        d.say("two")
        second = await d.stored(2)
        assert second.row.wake_at > first.row.wake_at, "the window moves with every message"
        assert second.row.wake_at - second.inputs[-1].accepted_at >= timedelta(seconds=59)
        assert not second.turns
        await _let_the_window_end(database_url)
        await until(lambda: d.thinker.asked, what="the agent is asked", seconds=30)
        one = await _settled(d)
        assert d.thinker.asked == [("one", "two")]
        assert [turn.inputs for turn in one.turns] == [2]


async def test_a_half_made_answer_is_thrown_away_when_the_customer_writes_on(
    database_url: str, redis_url: str
) -> None:
    async with desk(database_url, redis_url, burst("20ms", 8)) as d, d.working():
        d.say("one")
        await until(lambda: d.thinker.asked == [("one",)], what="the agent thinks", seconds=30)
        d.say("two")
        await until(lambda: d.thinker.asked[-1] == ("one", "two"), what="it thinks anew", seconds=30)
        d.thinker.may_speak.set()
        one = await _settled(d)
        assert [turn.inputs for turn in one.turns] == [2]
        assert len(one.replies) == 1
        assert one.row.attempts == 0, "to be superseded is no failure"


async def test_a_customer_who_never_stops_gets_an_answer_all_the_same(
    database_url: str, redis_url: str
) -> None:
    async with desk(database_url, redis_url, burst("20ms", 2)) as d, d.working():
        d.say("one", "two")
        await until(lambda: d.thinker.asked and d.thinker.asked[-1] == ("one", "two"), seconds=30)
        d.say("three")
        await d.stored(3)
        asked = len(d.thinker.asked)
        d.thinker.may_speak.set()
        one = await _settled(d)
        assert d.thinker.asked[asked:] == [("three",)], "the answer in the making was kept"
        assert [turn.inputs for turn in one.turns] == [2, 1]
        assert len(one.replies) == 2


@pytest.mark.long
async def test_an_agent_that_is_stopped_while_it_thinks_says_nothing_and_is_asked_anew(
    database_url: str, redis_url: str
) -> None:
    async with desk(database_url, redis_url, in_slack) as d, d.working():
        await d.sandbox.connect(hooks(database_url, d.services.settings.public_url))
        theirs, maya = d.sandbox.slack_customers.workspace(TEAM), identity("Maya Fischer").slack
        direct = theirs.open_direct(maya).id
        thread = theirs.say(maya, direct, "Tell me all.")
        await until(lambda: _session(theirs, direct, thread) == "processing", what="Slack shows the button")
        assert d.thinker.asked == [("Tell me all.",)]
        theirs.stop_agent(maya, direct, thread)
        await d.stored(2)
        one = await _settled(d)
        assert [turn.inputs for turn in one.turns] == [2]
        assert one.replies == []
        assert one.row.attempts == 0, "to be stopped is no failure"
        await until(lambda: _session(theirs, direct, thread) == "active", what="Slack shows it no more")
        d.thinker.may_speak.set()
        theirs.say(maya, direct, "Only the price.", thread)
        await d.stored(3)
        one = await _settled(d)
        assert d.thinker.asked[-1] == ("Only the price.",)
        assert len(one.replies) == 1


def _session(theirs: Tenant, direct: str, thread: str) -> object:
    return theirs.pane(direct, thread).get("session")


async def test_an_answer_that_outlasts_the_grace_is_given_back_and_made_by_the_next(
    database_url: str, redis_url: str
) -> None:
    async with desk(database_url, redis_url) as d:
        async with d.working(grace=timedelta(milliseconds=50)):
            d.say("one")
            await until(lambda: d.thinker.asked, what="the agent thinks", seconds=30)
        stopped = await d.told()
        assert stopped.row.lease_until is None, "the lease is given back at once"
        assert stopped.row.attempts == 0, "to be stopped is no failure"
        assert not stopped.turns
        assert not stopped.replies
        d.thinker.may_speak.set()
        async with d.working():
            one = await _settled(d)
        assert d.thinker.asked == [("one",), ("one",)]
        assert len(one.replies) == 1


async def _settled(d: Desk) -> evidence.Told:
    """Wait until every input is handled."""
    async with asyncio.timeout(120):
        while True:
            one = await d.told()
            if one.row.last_handled == one.row.last_accepted:
                return one
            await asyncio.sleep(0.02)


async def _let_the_window_end(database_url: str) -> None:
    async with await psycopg.AsyncConnection.connect(database_url) as connection:
        await connection.execute("update conversations set wake_at = clock_timestamp()")
