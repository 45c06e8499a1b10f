"""Everything is told more than once and in no order, on each channel in its own way: each is answered once.

Meta repeats webhooks in other batches, Slack its events, and a mailbox is numbered anew.
"""

import asyncio
import hashlib
import hmac
import json
import random
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial

import aiohttp
import pytest
from aiohttp import web

from bot.app.embedded.server_files import free_port
from connectors.sandbox.faults import Mischief
from connectors.sandbox.messenger import MessengerStandIn
from connectors.sandbox.meta.webhook import Parcel
from connectors.sandbox.server import Sandbox
from connectors.sandbox.snapshots import load
from connectors.sandbox.whatsapp import WhatsAppStandIn
from connectors.sandbox.whatsapp.line import compose as whatsapp_batch
from tests.accounts import hooks
from tests.chaos import evidence
from tests.chaos.customers import ByMail, Customer, InSlack, OnMessenger, OnWhatsApp
from tests.chaos.people import Api
from tests.chaos.processes import START, Program, programs
from tests.story.rig import environment, install, mail_at, organization, quick, serving, until, webhooks

PATIENCE = 120.0  # seconds, on a machine that is busy
COPIES = 3
LARGEST = 20  # events in a batch
AT_ONCE = 16  # requests under way

pytestmark = pytest.mark.chaos


def staff_polls(document: dict[str, object]) -> None:
    """The staff's bot has no webhook."""
    for account in document["accounts"]:  # type: ignore[attr-defined]
        if account["id"] == "telegram-staff":
            account["mode"] = "polling"


@dataclass
class Desk:
    """The desk as processes: one that serves and two that work. The platforms are in this one."""

    sandbox: Sandbox
    serve: Program
    database_url: str
    api: Api

    async def quiet(self, said: int) -> None:
        """Wait until so many messages are stored, and nothing is left to do."""
        async with asyncio.timeout(PATIENCE):
            while await evidence.stored(self.database_url) < said:  # noqa: ASYNC110 (others work, elsewhere)
                await asyncio.sleep(0.1)
            while await evidence.waiting(self.database_url):  # noqa: ASYNC110
                await asyncio.sleep(0.1)

    async def duplicates(self) -> int:
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"{self.serve.health}/metrics") as response,
        ):
            lines = (await response.text()).splitlines()
        counted = (line.rpartition(" ")[2] for line in lines if line.startswith("desk_duplicates_total"))
        return round(sum(map(float, counted)))

    async def check(self, customers: Sequence[Customer]) -> Mapping[str, evidence.Told]:
        """Stored once, in order, and answered once; all of that arrived, and nothing else."""
        told = await evidence.read(self.database_url)
        evidence.check_stored(told, {customer.address: customer.said for customer in customers})
        for customer in customers:
            one = told[customer.address]
            evidence.check_order(one)
            evidence.check_answered_once(one)
            assert evidence.check_phone(one, customer.shown(self.sandbox)) == 0
            assert {row.state for row in one.outbox} == {"delivered"}
        return told


@asynccontextmanager
async def desk(database_url: str, redis_url: str, people: int) -> AsyncIterator[Desk]:
    sandbox = Sandbox(customers=[f"Customer {n}" for n in range(people)])
    ports = [free_port() for _ in range(4)]
    environ = environment(database_url, redis_url, ports[0], ports[3], sandbox)
    root = web.Application()
    root.add_subapp("/sandbox", sandbox.app())
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(serving(root, ports[3]))
        mail = mail_at(sandbox.mail.smtp.port, sandbox.mail.imap.port)
        await install(database_url, organization(quick, webhooks, staff_polls, mail, every_channel=True))
        ours = await stack.enter_async_context(programs())
        serve = ours.desk("serve", "serve", environ, ports[0])
        working = [ours.desk(f"work-{n}", "work", environ, ports[n]) for n in (1, 2)]
        await asyncio.gather(*(program.start() for program in (serve, *working)))
        await sandbox.connect(hooks(database_url, serve.health))
        async with asyncio.timeout(START):
            while not await evidence.mailboxes(database_url):  # noqa: ASYNC110 (another process does it)
                await asyncio.sleep(0.05)
        session = await stack.enter_async_context(aiohttp.ClientSession(f"http://127.0.0.1:{ports[3]}"))
        yield Desk(sandbox, serve, database_url, Api(session))


@dataclass
class Carrier:
    """Brings Meta's events in its stead: each `COPIES` times, every time in another batch, in no order."""

    url: str
    secret: str
    compose: Callable[[Sequence[Parcel]], Mapping[str, object]]
    begun: dict[tuple[str, str], float] = field(default_factory=dict)  # by customer and message
    taken: dict[tuple[str, str], float] = field(default_factory=dict)

    async def carry(self, parcels: Sequence[Parcel], chance: random.Random) -> None:
        left = iter(_batches(parcels, chance))
        async with aiohttp.ClientSession() as session:

            async def run() -> None:
                for batch in left:
                    while not await self._post(session, batch):  # noqa: ASYNC110 (as Meta pauses)
                        await asyncio.sleep(0.05)

            async with asyncio.TaskGroup() as tasks:
                for _ in range(AT_ONCE):
                    tasks.create_task(run())

    async def _post(self, session: aiohttp.ClientSession, batch: Sequence[Parcel]) -> bool:
        body = json.dumps(self.compose(batch)).encode()
        signature = "sha256=" + hmac.new(self.secret.encode(), body, hashlib.sha256).hexdigest()
        headers = {"Content-Type": "application/json", "X-Hub-Signature-256": signature}
        places = [(parcel.lane, parcel.message) for parcel in batch]
        for place in places:
            self.begun.setdefault(place, time.perf_counter())
        async with session.post(self.url, data=body, headers=headers) as response:
            assert response.status in (200, 503), response.status
            if response.status != 200:
                return False
        for place in places:
            self.taken.setdefault(place, time.perf_counter())
        return True


def _batches(parcels: Sequence[Parcel], chance: random.Random) -> list[Sequence[Parcel]]:
    batches: list[Sequence[Parcel]] = []
    for _ in range(COPIES):
        left = list(parcels)
        chance.shuffle(left)
        while left:
            size = chance.randint(1, LARGEST)
            batches.append(left[:size])
            del left[:size]
    chance.shuffle(batches)
    return batches


def _pending(stand_in: WhatsAppStandIn | MessengerStandIn) -> list[Parcel]:
    saved = stand_in.snapshot()["pending"]
    assert isinstance(saved, list)
    return [load(Parcel, each) for each in saved]


@pytest.mark.long
@pytest.mark.parametrize("kind", [OnWhatsApp, OnMessenger], ids=lambda kind: kind.channel)
async def test_batches_that_are_shuffled_and_repeated_are_stored_once_and_answered_once(
    kind: type[Customer], database_url: str, redis_url: str
) -> None:
    people, messages = 40, 8
    async with desk(database_url, redis_url, people) as d:
        meta = d.sandbox.whatsapp if kind is OnWhatsApp else d.sandbox.messenger
        url = hooks(database_url, d.serve.health)[kind.channel]
        meta.point_at("")  # we bring it all
        customers = [kind(person[kind.channel]) for person in await d.api.people()]
        for number in range(messages):
            for customer in customers:
                await customer.say(d.api, "Hello" + "!" * number)
        if isinstance(meta, WhatsAppStandIn):
            compose = partial(whatsapp_batch, meta.business_account_id)
        else:
            compose = partial(_page_batch, meta.page_id)
        carrier = Carrier(url, meta.app_secret, compose)
        parcels = _pending(meta)
        assert len(parcels) == people * messages
        async with asyncio.timeout(PATIENCE):
            await carrier.carry(parcels, random.Random(2024))  # noqa: S311
        assert await d.duplicates() == len(parcels) * (COPIES - 1)
        await d.quiet(len(parcels))
        meta.point_at(url)  # all once more, and the receipts
        await meta.settled()
        await d.quiet(len(parcels))
        told = await d.check(customers)
        for one in told.values():
            evidence.check_acceptance(one, carrier.begun, carrier.taken)


def _page_batch(page: str, parcels: Sequence[Parcel]) -> Mapping[str, object]:
    """Return one entry with all parcels, as Meta also sends them."""
    events = [parcel.content for parcel in parcels]
    return {"object": "page", "entry": [{"id": page, "time": int(time.time() * 1000), "messaging": events}]}


@pytest.mark.long
async def test_events_that_slack_repeats_and_shuffles_are_stored_once_and_answered_once(
    database_url: str, redis_url: str
) -> None:
    people, messages = 30, 5
    async with desk(database_url, redis_url, people) as d:
        customers = [InSlack(person["slack"]) for person in await d.api.people()]
        for customer in customers:
            await customer.say(d.api, "Hello")
        d.sandbox.faults.add("slack", Mischief.DUPLICATE, pattern="message", seconds=0.05)
        d.sandbox.faults.add("slack", Mischief.REORDER, pattern="message", seconds=0.4)
        for number in range(1, messages):
            for customer in customers:
                await customer.say(d.api, "Hello" + "!" * number)
        await asyncio.wait_for(d.sandbox.slack_customers.settled(), PATIENCE)
        await d.quiet(people * messages)
        assert await d.duplicates() >= people * (messages - 1)
        await d.check(customers)
        assert d.sandbox.slack_customers.double_posts() == {}


@pytest.mark.long
async def test_mails_that_are_numbered_anew_are_read_once_and_answered_once(
    database_url: str, redis_url: str
) -> None:
    people = 12
    async with desk(database_url, redis_url, people) as d:
        customers = [ByMail(person["email"]) for person in await d.api.people()]
        address = d.sandbox.credentials.email_address
        for customer in customers:
            await customer.say(d.api, "Hello")
        await d.quiet(people)
        for number in (1, 2):
            await d.sandbox.mail.imap.renumber(address)
            for customer in customers:
                await customer.say(d.api, "Hello" + "!" * number)
            await d.quiet(people * (number + 1))
            await until(lambda: d.sandbox.mail.imap.connections, what="the mailbox is watched again")
            async with asyncio.timeout(PATIENCE):
                while await d.duplicates() < people * number:  # noqa: ASYNC110 (others count)
                    await asyncio.sleep(0.05)
            await d.quiet(people * (number + 1))
        await d.check(customers)
        for customer in customers:
            inbox = [letter.message_id for letter in d.sandbox.mail.customer(customer.address).inbox]
            assert len(inbox) == len(set(inbox)) == 3
