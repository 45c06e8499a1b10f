"""Redis is only a doorbell: without it everything still works, and when it comes back it rings again."""

import asyncio
import json
import os
import signal
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

import pytest
import redis.asyncio
from aiohttp import web

from bot.app.embedded import EmbeddedValkey
from bot.app.embedded.server_files import free_port
from bot.app.process import namespace
from bot.app.settings import parse
from bot.bus.wakeups import Wakeups
from bot.core.ids import ConversationId, new_id
from connectors.sandbox.server import Sandbox
from storage.entries import Wake
from tests.accounts import hooks
from tests.chaos.processes import Program, programs
from tests.story.rig import Rig, environment, install, organization, quick, serving, until, webhooks

CHANNEL = "billing-escalations"
KEYS = [b"k" * 32]


@pytest.mark.long
async def test_the_round_trip_needs_no_redis_and_uses_it_when_it_is_back(
    database_url: str, var: Path
) -> None:
    valkey = EmbeddedValkey(var, durable=False)
    await valkey.start()
    await valkey.stop()  # from here on nobody listens at its address
    await install(database_url, organization(quick, webhooks))
    sandbox = Sandbox()
    ports = [free_port() for _ in range(3)]
    environ = environment(database_url, valkey.url, ports[0], ports[2], sandbox)
    root = web.Application()
    root.add_subapp("/sandbox", sandbox.app())
    rig = Rig(sandbox, parse(environ), maya=sandbox.telegram.users()[0])
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(serving(root, ports[2]))
        ours = await stack.enter_async_context(programs())
        serve = ours.desk("serve", "serve", environ, ports[0])
        work = ours.desk("work", "work", environ, ports[1])
        base = hooks(database_url, serve.health)["slack"]
        sandbox.configure_slack(f"{base}/events", f"{base}/interactions", f"{base}/commands")
        await asyncio.gather(serve.start(), work.start())
        await _round_trip(rig)
        for program in (serve, work):
            assert (await program.ready())["redis"] == "down"
        stack.push_async_callback(valkey.stop)
        await valkey.start()
        for program in (serve, work):
            await _until_up(program)
        await _rings(rig, valkey.url, namespace(database_url))


@pytest.mark.long
async def test_wake_ups_go_on_after_a_redis_that_hung(var: Path) -> None:
    """No connection breaks, so nothing but an answer can tell that it is back."""
    valkey = EmbeddedValkey(var, durable=False)
    await valkey.start()
    heard: list[ConversationId] = []
    one, other = Wakeups(valkey.url, "test", KEYS), Wakeups(valkey.url, "test", KEYS)
    other.listen(lambda wakes: heard.extend(wake.conversation for wake in wakes))
    running = [asyncio.create_task(wakeups.run()) for wakeups in (one, other)]
    try:
        await until(lambda: one.redis.state == other.redis.state == "up", what="both are up", seconds=60)
        for pid in valkey.pids():
            os.kill(pid, signal.SIGSTOP)
        one.send([Wake(ConversationId(new_id()), timedelta(), 0)])
        await until(lambda: one.redis.state == other.redis.state == "down", what="both notice", seconds=60)
        for pid in valkey.pids():
            os.kill(pid, signal.SIGCONT)
        await until(lambda: one.redis.state == other.redis.state == "up", what="both are back", seconds=60)
        name = ConversationId(new_id())
        async with asyncio.timeout(120):
            while name not in heard:
                one.send([Wake(name, timedelta(), 0)])
                await asyncio.sleep(0.05)
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        for pid in valkey.pids():
            os.kill(pid, signal.SIGCONT)
        await valkey.stop()


@pytest.mark.long
async def test_a_redis_that_answers_and_refuses_is_down_until_it_does_not(var: Path) -> None:
    valkey = EmbeddedValkey(var, durable=False)
    await valkey.start()
    looked: list[object] = []
    wakeups = Wakeups(valkey.url, "test", KEYS)
    wakeups.listen(looked.append)
    async with redis.asyncio.Redis.from_url(valkey.url) as client:
        await client.execute_command("ACL", "SETUSER", "default", "-publish")
        running = asyncio.create_task(wakeups.run())
        try:
            begun = (await client.info("stats"))["total_connections_received"]
            async with asyncio.timeout(120):
                while (await client.info("stats"))["total_connections_received"] < begun + 5:  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
            assert (wakeups.redis.state, looked) == ("down", [])
            assert "Redis refuses" in wakeups.redis.sentence
            await client.execute_command("ACL", "SETUSER", "default", "+publish")
            await until(lambda: wakeups.redis.state == "up" and looked, what="it is back")
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
    await valkey.stop()


async def test_foreign_messages_in_the_redis_channel_wake_nobody(var: Path) -> None:
    valkey = EmbeddedValkey(var, durable=False)
    await valkey.start()
    heard: list[Wake] = []
    one, other = Wakeups(valkey.url, "test", KEYS), Wakeups(valkey.url, "test", KEYS)
    other.listen(heard.extend)
    running = [asyncio.create_task(wakeups.run()) for wakeups in (one, other)]
    somebody = redis.asyncio.Redis.from_url(valkey.url)
    try:
        await until(lambda: one.redis.state == other.redis.state == "up", what="both are up", seconds=60)
        late = ConversationId(new_id())
        for data in (
            *(f'["x", [["{late}", {ms}, 0]]]' for ms in ("1e20", "1e999", "-1e20", "NaN", "9" * 400)),
            *(f'["x", [["{late}", 0, {said}]]]' for said in ("1e999", "NaN", "[]", "9" * 5_000)),
            "[" * 100_000,
            '{"a":' * 100_000,
            "[" + "0," * 1_000_000 + "0]",
            *("", "x", "[]", "null", '["x", 5]', '["x", [[5, 5, 5]]]', '["x", [{}]]', "\x00"),
            *(b"\xff\xfe\x00", b"\xef\xbb\xbf[]"),
            b"0" * 64 + json.dumps(["x", [[str(late), 0, 2**40]]]).encode(),
        ):
            await somebody.publish("desk:test:wakes", data)
        name = ConversationId(new_id())
        one.send([Wake(name, timedelta(seconds=3), 7)])
        await until(
            lambda: any(wake.conversation == name for wake in heard), what="the next ring", seconds=60
        )
        assert heard == [Wake(name, timedelta(seconds=3), 7)]
        assert not any(task.done() for task in running)
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await somebody.aclose()
        await valkey.stop()


async def _round_trip(r: Rig) -> None:
    """A question, an escalation, a person's answer, and the agent again."""
    r.phone.say(r.maya, "How do I invite my team?")
    await until(r.heard, what="an answer", seconds=60)
    r.phone.say(r.maya, "I was charged twice this month")
    await until(lambda: r.threads(CHANNEL), what="a card in the staff's channel", seconds=60)
    ts = str(r.threads(CHANNEL)[0]["ts"])
    await r.press("hugo", CHANNEL, ts, "take")
    await until(
        lambda: any("has taken this" in text for text in r.in_thread(CHANNEL, ts)),
        what="the thread says who speaks",
        seconds=60,
    )
    r.slack.post_as("hugo", CHANNEL, "I refunded the second charge.", thread_ts=ts)
    await until(lambda: "I refunded the second charge." in r.heard(), what="the person's answer", seconds=60)
    before = len(r.heard())
    await r.press("hugo", CHANNEL, ts, "return")
    await until(lambda: len(r.heard()) > before, what="the agent is back", seconds=60)
    before = len(r.heard())
    r.phone.say(r.maya, "Thank you")
    await until(lambda: len(r.heard()) > before, what="the agent answers again", seconds=60)
    assert len(r.heard()) == len(set(r.heard())), "something was said twice"


async def _until_up(program: Program) -> None:
    async with asyncio.timeout(120):
        while (await program.ready())["redis"] != "up":  # noqa: ASYNC110 (it tells nobody)
            await asyncio.sleep(0.05)


async def _rings(r: Rig, url: str, name: str) -> None:
    """Wait until what a customer writes is rung from the process that accepts to the one that works."""
    async with (
        asyncio.timeout(120),
        redis.asyncio.Redis.from_url(url) as client,
        client.pubsub(ignore_subscribe_messages=True) as heard,
    ):
        await heard.subscribe(f"desk:{name}:wakes")
        while (await client.pubsub_numsub(f"desk:{name}:wakes"))[0][1] < 3:  # two processes and this test
            await heard.get_message(timeout=0.05)
        before = len(r.heard())
        r.phone.say(r.maya, "Hello")
        while not _wakes(await heard.get_message(ignore_subscribe_messages=True, timeout=5)):
            pass
        await until(lambda: len(r.heard()) > before, what="an answer", seconds=60)


def _wakes(message: dict[str, bytes] | None) -> bool:
    """Return whether a message tells of a wake-up: programs also publish to see that Redis works."""
    return message is not None and bool(json.loads(message["data"][64:])[1])
