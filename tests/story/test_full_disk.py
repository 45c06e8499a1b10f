"""A disk is full for a while: what was written meanwhile is neither lost nor heard twice."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from connectors.sandbox.server import Sandbox
from tests.chaos import evidence
from tests.rooms.sides import EVERYWHERE, Customer, InSlack
from tests.rooms.test_room import Room
from tests.story.rig import rig, until

LINES = ["The first line", "The second line", "The third line"]
TRIES = 2  # so many times something is brought in vain
FULL = (
    "create sequence refused start 0 minvalue 0",
    "create function full_disk() returns trigger language plpgsql as $$ begin"
    " perform nextval('refused');"  # counts although the transaction fails
    " raise exception 'could not extend file' using errcode = '53100'; end $$",
    "create trigger full_disk before insert on inbox for each row when (new.origin <> 'self')"
    " execute function full_disk()",
)


class Disk:
    """PostgreSQL's disk, full for all that comes from outside."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def refused(self) -> int:
        row = self._connection.execute("select last_value from refused").fetchone()
        assert row is not None
        return int(row[0])

    async def fill(self) -> None:
        for statement in FULL:
            await self._alter(statement)

    async def make_room(self) -> None:
        await self._alter("drop trigger full_disk on inbox")

    async def _alter(self, statement: str) -> None:
        """Wait for the desk's transactions in a thread of its own: they go on in this event loop."""
        await asyncio.to_thread(self._connection.execute, statement)  # type: ignore[arg-type]


@asynccontextmanager
async def full(database_url: str) -> AsyncIterator[Disk]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        disk = Disk(connection)
        await disk.fill()
        yield disk


def impatient(state: Path | None = None) -> Sandbox:
    """The platforms, with a Slack that tries again for longer than any test lasts, and at once."""
    return Sandbox(state_file=state, slack_retry_delays=[timedelta(milliseconds=100)] * 3000)


async def stored(database_url: str, messages: int) -> None:
    """Wait until so many messages of customers are stored, and nothing is left to do about them."""
    async with asyncio.timeout(120):
        while await _unfinished(database_url, messages):  # noqa: ASYNC110 (others work, elsewhere)
            await asyncio.sleep(0.05)


async def _unfinished(database_url: str, messages: int) -> bool:
    return await evidence.stored(database_url) < messages or bool(await evidence.waiting(database_url))


@pytest.mark.parametrize("channel", EVERYWHERE)
async def test_a_customers_message_while_the_disk_of_postgresql_is_full_is_stored_once(
    channel: type[Customer], database_url: str, redis_url: str
) -> None:
    async with rig(database_url, redis_url, sandbox=impatient(), every_channel=True) as r:
        customer = channel(r, "Maya Fischer")
        async with full(database_url) as disk:
            for line in LINES:
                await customer.say(line)
            await until(lambda: disk.refused() >= TRIES, what="that the platform tries again")
            assert await evidence.stored(database_url) == 0
            await disk.make_room()
        await until(customer.heard, what="an answer")
        await stored(database_url, len(LINES))
        [told] = (await evidence.read(database_url)).values()
        customers = (
            text for row, text in zip(told.messages, told.texts, strict=True) if row.role == "customer"
        )
        said = [text.splitlines()[-1] for text in customers]  # the first lines of a mail are its subject
        # Slack tries each event again by itself, and so in any order.
        assert (sorted(said) if channel is InSlack else said) == LINES


@pytest.mark.long
async def test_a_holders_message_while_the_disk_of_postgresql_is_full_arrives_once(
    database_url: str, redis_url: str
) -> None:
    async with rig(database_url, redis_url, sandbox=impatient()) as r:
        room = await (await Room(r).open()).taken()
        async with full(database_url) as disk:
            room.write("hugo", "Hugo here.")
            await until(lambda: disk.refused() >= TRIES, what="that Slack tries again")
            await disk.make_room()
        await room.hears("Hugo here.")
        await r.slack.settled()
        assert r.heard().count("Hugo here.") == 1


@pytest.mark.long
async def test_messages_that_wait_at_a_platform_outlive_the_sandbox(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    """The desk and the stand-ins are ended while the disk is full, and started when there is room."""
    state = tmp_path / "sandbox.json"
    async with (
        rig(database_url, redis_url, sandbox=impatient(state), every_channel=True) as r,
        full(database_url) as disk,
    ):
        for channel in EVERYWHERE:
            await channel(r, "Maya Fischer").say(LINES[0])
        await until(lambda: disk.refused() >= TRIES, what="that they try again")
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("drop trigger full_disk on inbox")
    assert await evidence.stored(database_url) == 0
    async with rig(database_url, redis_url, sandbox=impatient(state), every_channel=True) as r:
        await stored(database_url, len(EVERYWHERE))


@pytest.mark.long
async def test_messages_after_the_sandbox_lost_its_state_are_heard(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    """Its file could not be written, as the disk was full, so it goes on from an older one."""
    state = tmp_path / "sandbox.json"
    saved = b""
    for written in (len(LINES), 2 * len(LINES), 3 * len(LINES)):
        async with rig(database_url, redis_url, sandbox=Sandbox(state_file=state)) as r:
            for line in LINES:
                r.phone.say(r.maya, line)
            await stored(database_url, written)
        saved = saved or state.read_bytes()
        state.write_bytes(saved)
