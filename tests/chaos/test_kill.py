"""`kill -9` of everything, at random points of many conversations on all channels: nothing is lost or said
twice, and all stays in order.

One round of 60 customers in `make test`, six of 300 in `make test-all`, twenty in `make chaos`. CHAOS_SEED
says which seed the first round has.
"""

import asyncio
import itertools
import os
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bot.app.embedded import EmbeddedPostgres, EmbeddedValkey
from bot.app.embedded.server_files import free_port
from connectors.sandbox.server import Sandbox
from storage.audit import verify
from storage.database import Database
from storage.migrate import upgrade
from tests.accounts import hooks
from tests.chaos import evidence
from tests.chaos.customers import Customer
from tests.chaos.people import BILLING, Staff, Stage, stage
from tests.chaos.processes import START, Program, Programs, programs
from tests.lengths import rounds, times
from tests.story.rig import environment, install, mail_at, organization, quick, webhooks

ROUNDS = rounds(20)
CONVERSATIONS = times(300, quick=60)
SEED = int(os.environ.get("CHAOS_SEED", "1"))
MESSAGES = 2  # that each customer writes
ESCALATING = 21  # every so manieth customer needs a person: some on each of the five channels
KILLS = 8 if ROUNDS > 3 else 5  # in a round; each of the five victims is hit at least once
PER_SECOND = 90.0  # messages
LEASE = 3  # seconds
PATIENCE = 150.0  # seconds until all is done after the last message

pytestmark = pytest.mark.chaos


@dataclass
class Victim:
    """A process that can be killed, and is started again as whoever runs it would, until it stands."""

    name: str
    kind: str
    strike: Callable[[], Awaitable[None]]
    revive: Callable[[], Awaitable[None]]
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def suffer(self, pause: float) -> None:
        async with self.lock:
            await self.strike()
            await asyncio.sleep(pause)
            await self.revive()


@dataclass
class Services:
    """The product, its servers, and the world around it which lives on."""

    postgres: EmbeddedPostgres
    valkey: EmbeddedValkey
    stage: Stage
    serve: Program
    working: Sequence[Program]

    @property
    def victims(self) -> list[Victim]:
        return [
            *(
                Victim(program.name, program.name.partition("-")[0], program.kill, _revived(program))
                for program in (self.serve, *self.working)
            ),
            Victim("postgres", "postgres", self.postgres.kill, self.postgres.start),
            Victim("valkey", "valkey", self.valkey.kill, self.valkey.start),
        ]


def _revived(program: Program) -> Callable[[], Awaitable[None]]:
    async def revive() -> None:
        while True:
            if not program.running:  # it does not start while there is no database, and says so
                program.launch()
            status, _ = await program.told()
            if status == 200:
                return
            await asyncio.sleep(0.1)

    return revive


@dataclass(frozen=True)
class Say:
    customer: Customer
    text: str


@dataclass(frozen=True)
class Strike:
    victim: int  # its number among the victims
    pause: float  # seconds until it is brought back


Step = Say | Strike


def script(seed: int, customers: Sequence[Customer], victims: int) -> list[Step]:
    """Return what happens, in order. The same seed gives the same script."""
    chance = random.Random(seed)  # noqa: S311
    turns = [number for number in range(len(customers)) for _ in range(MESSAGES)]
    chance.shuffle(turns)
    spoken: Counter[int] = Counter()
    steps: list[Step] = []
    for number in turns:
        needs_person = number % ESCALATING == 0 and not spoken[number]
        words = "I was charged twice this month" if needs_person else "Hello"
        steps.append(Say(customers[number], words + "!" * spoken[number]))
        spoken[number] += 1
    hit = [*range(victims), *(chance.randrange(victims) for _ in range(KILLS - victims))]
    chance.shuffle(hit)
    for victim in hit:
        at = chance.randrange(len(steps) // 10, len(steps))
        steps.insert(at, Strike(victim, chance.uniform(0.05, 1.0)))
    return steps


def staff_polls(document: dict[str, object]) -> None:
    """The staff's bot has no webhook."""
    for account in document["accounts"]:  # type: ignore[attr-defined]
        if account["id"] == "telegram-staff":
            account["mode"] = "polling"


@pytest.mark.parametrize("seed", range(SEED, SEED + ROUNDS))
async def test_no_kill_loses_or_repeats_a_word(seed: int, var: Path, artifacts: Path) -> None:
    begun = time.perf_counter()
    async with AsyncExitStack() as stack:
        services = await _built(stack, var)
        staff = Staff(services.stage)
        killed: Counter[str] = Counter()
        async with asyncio.timeout(PATIENCE + 60), asyncio.TaskGroup() as tasks:
            serving = tasks.create_task(staff.work())
            storm = time.perf_counter()
            steps = script(seed, services.stage.customers, len(services.victims))
            await _play(services, steps, tasks, killed)
            storm = time.perf_counter() - storm
            drain = time.perf_counter()
            await _until_quiet(services, staff)
            drain = time.perf_counter() - drain
            serving.cancel()
        told = await evidence.read(services.postgres.url)
        await _check_audit(services.postgres.url)
        for program in (services.serve, *services.working):
            _, health = await program.told()
            assert (health["database"], health["redis"]) == ("up", "up"), f"{program.name}: {health}"
        for program in (services.serve, *services.working, services.stage.program):
            program.terminate()
        codes = [await p.ended(20.0) for p in (services.serve, *services.working, services.stage.program)]
        assert codes == [0, 0, 0, 0], f"exit codes {codes}"
        seen = Sandbox(customers=(), state_file=services.stage.state)
        shown, arrived = _check(told, services.stage.customers, seen)
        assert staff.done == {
            room.thread for one in told.values() for room in one.rooms if room.team == BILLING
        }
    states = evidence.states(told.values())
    row = {
        "seed": seed,
        **{f"kill {kind}": killed[kind] for kind in ("serve", "work", "postgres", "valkey")},
        "chats": len(told),
        "said": sum(len(customer.said) for customer in services.stage.customers),
        "stored": sum(len(one.asked) for one in told.values()),
        "turns": sum(len(one.turns) for one in told.values()),
        "on phones": shown,
        **{state: states[state] for state in ("delivered", "withdrawn", "unknown")},
        "of those on the wire": arrived,
        "untold": sum(one.untold for one in told.values()),
        "threads": sum(len(one.rooms) for one in told.values()),
        "retried": sum(row.attempts > 1 for one in told.values() for row in (*one.outbox, *one.room)),
        "storm s": f"{storm:.1f}",
        "drain s": f"{drain:.1f}",
        "all s": f"{time.perf_counter() - begun:.1f}",
    }
    counted = evidence.table([row])
    print("\n" + counted)
    (artifacts / f"kill-round-{seed}.txt").write_text(counted + "\n", "utf-8")


async def _built(stack: AsyncExitStack, var: Path) -> Services:
    """All of it running, on an empty database that survives crashes."""
    postgres, valkey = EmbeddedPostgres(var), EmbeddedValkey(var)
    stack.push_async_callback(postgres.stop)
    stack.push_async_callback(valkey.stop)
    await asyncio.gather(postgres.start(), valkey.start())
    await asyncio.to_thread(upgrade, postgres.url)
    ours: Programs = await stack.enter_async_context(programs())
    around = await stage(stack, ours, var, [f"Customer {n}" for n in range(CONVERSATIONS)])
    changes = (quick, webhooks, staff_polls, mail_at(*around.mail))
    await install(postgres.url, organization(*changes, every_channel=True))
    ports = [free_port() for _ in range(3)]
    environ = {
        **environment(postgres.url, valkey.url, ports[0], around.port, Sandbox()),
        "LEASE_SECONDS": str(LEASE),
    }
    serve = ours.desk("serve", "serve", environ, ports[0])
    working = [ours.desk(f"work-{n}", "work", environ, ports[n]) for n in (1, 2)]
    await around.configure_slack(hooks(postgres.url, serve.health))
    for program in (serve, *working):
        program.launch()
    await asyncio.gather(*(program.ready() for program in (serve, *working)))
    await around.connect(hooks(postgres.url, serve.health))
    await _until_mail_is_read(postgres.url)
    return Services(postgres, valkey, around, serve, working)


async def _until_mail_is_read(database_url: str) -> None:
    """Wait until the mailbox is watched: mail from before that is nobody's."""
    async with asyncio.timeout(START):
        while not await evidence.mailboxes(database_url):  # noqa: ASYNC110 (another process does it)
            await asyncio.sleep(0.05)


async def _play(
    services: Services, steps: Sequence[Step], tasks: asyncio.TaskGroup, killed: Counter[str]
) -> None:
    """Returns when everything is said, and all that was killed is back."""
    victims, struck, saying = services.victims, [], []
    loop = asyncio.get_running_loop()
    beat = loop.time()
    for step in steps:
        match step:
            case Say(customer, text):
                saying.append(tasks.create_task(customer.say(services.stage, text)))
                beat += 1 / PER_SECOND
                await asyncio.sleep(beat - loop.time())
            case Strike(number, pause):
                victim = victims[number]
                killed[victim.kind] += 1
                struck.append(tasks.create_task(victim.suffer(pause), name=f"kill {victim.name}"))
    await asyncio.gather(*struck, *saying)


async def _until_quiet(services: Services, staff: Staff) -> None:
    """Wait until nothing is left to do, on either side of the desk, in two looks one after the other."""
    said = sum(len(customer.said) for customer in services.stage.customers)
    looks = itertools.count()
    quiet_since, left, taken = 0, None, 0
    try:
        async with asyncio.timeout(PATIENCE):
            for look in looks:
                left = await evidence.waiting(services.postgres.url)
                taken = await evidence.stored(services.postgres.url)
                if left or taken < said or not staff.idle:
                    quiet_since = look + 1
                elif look - quiet_since >= 3:
                    return
                await asyncio.sleep(0.2)
    except TimeoutError:
        told = await evidence.read(services.postgres.url)
        stuck = {
            o.chat: dict(o.row._asdict()) for o in told.values() if o.row.last_handled < o.row.last_accepted
        }
        raise AssertionError(
            f"not done: {left}, {taken} of {said} taken, staff {staff.open}, stuck {stuck}"
        ) from None


def _check(
    told: Mapping[str, evidence.Told], customers: Sequence[Customer], seen: Sandbox
) -> tuple[int, int]:
    """All promises. Returns how many of our messages arrived, and how many of those are `unknown` to us."""
    evidence.check_stored(told, {customer.address: customer.said for customer in customers})
    shown = arrived = 0
    for customer in customers:
        one = told[customer.address]
        assert one.row.channel == customer.channel
        phone = customer.shown(seen)
        shown += len(phone)
        evidence.check_order(one)
        arrived += evidence.check_phone(one, phone)
        if one.unknown():
            assert not customer.asked, f"{one.chat}: {customer.channel} could have been asked"
            assert one.rooms or one.noticed, f"{one.chat}: words may be lost, and no people were told"
        if not one.rooms:
            evidence.check_answered_once(one)
        states = {row.state for row in one.room}
        assert states <= {"delivered", "withdrawn"}, f"{one.chat}: words to the staff are {states}"
    assert seen.slack_customers.double_posts() == {}
    assert seen.slack.double_posts() == {}
    _check_threads(told, seen)
    return shown, arrived


def _check_threads(told: Mapping[str, evidence.Told], seen: Sandbox) -> None:
    """Each thread shows what was posted to it, in order; each person's answer reached its customer once."""
    for one in told.values():
        for room in one.rooms:
            inside = seen.slack.messages(room.chat_id, room.thread)
            ours = [str(m["ts"]) for m in inside if m.get("bot_id")]
            posted = [
                row.external_ids[0]
                for row in one.room
                if row.room_id == room.id and row.kind in ("card", "post", "offer") and row.external_ids
            ]
            assert ours == list(dict.fromkeys(posted)), f"{one.chat}: the thread shows {ours} for {posted}"
            answers = [str(m["text"]) for m in inside if not m.get("bot_id")]
            if room.team == BILLING:
                phone = [
                    text for row, text in zip(one.messages, one.texts, strict=True) if row.role == "staff"
                ]
                assert [text for text in phone if text in answers] == answers


async def _check_audit(database_url: str) -> None:
    database = Database(database_url, pool=1)
    try:
        async with database.begin() as connection:
            row = (await connection.exec_driver_sql("select id from organizations")).one()
            verdict = await verify(connection, row.id)
            assert verdict.ok, verdict.sentence
    finally:
        await database.close()
