"""The phases of a run, in their order. All of it together stays below five minutes."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from bot.app.embedded.server_files import free_port
from tests.accounts import hooks
from tests.bench import tenants
from tests.bench.desk import Desk, desk
from tests.bench.load import GREETINGS, QUESTIONS, Crowd, Outcome
from tests.bench.measure import Memory, Watched, busy
from tests.bench.wire import BotApi, Webhook

CUSTOMERS = 600
AT_ONCE = 128
STEADY = 100.0  # messages a second
_IDLE = 8.0  # seconds
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Phase:
    """The result of one kind of load.

    `cpu` is milliseconds for each answer, by process; `elsewhere` how many cores were busy with something
    else, which makes rates and latencies worse than they are.
    """

    name: str
    outcome: Outcome
    cpu: dict[str, float]
    elsewhere: float


@dataclass(slots=True)
class Report:
    phases: list[Phase] = field(default_factory=list)
    idle: dict[str, Memory] = field(default_factory=dict)
    loaded: dict[str, Memory] = field(default_factory=dict)
    tenants: dict[str, float] = field(default_factory=dict)  # cores that each process keeps busy
    tenants_memory: dict[str, Memory] = field(default_factory=dict)
    unasked: int = 0
    complaints: dict[str, int] = field(default_factory=dict)  # what the processes logged, how often

    def phase(self, name: str) -> Phase:
        return next(phase for phase in self.phases if phase.name == name)


class Bench:
    """One run."""

    def __init__(self, services: Desk, crowd: Crowd, say: Say) -> None:
        self._desk = services
        self._crowd = crowd
        self._say = say
        self.report = Report()

    async def run(self) -> Report:
        crowd = self._crowd
        await asyncio.sleep(2.0)  # what starting up leaves to do is not idling
        self.report.idle = self._memory()
        await self._phase("first messages", crowd.once_each(QUESTIONS, at_once=64, within=15.0))
        await self._phase("warm-up", self._saturate(QUESTIONS, 4.0))
        for name, texts in (("questions", QUESTIONS), ("greetings", GREETINGS)):
            await self._phase(f"{name}, saturated", self._saturate(texts, 10.0))
            await self._phase(f"{name}, 100/s", self._steadily(texts, STEADY, 9.0))
        await self._phase("greetings, 5/s", self._steadily(GREETINGS, 5.0, 5.0))
        self.report.loaded = self._memory()
        self._say("a second worker starts")
        await self._desk.start("work", "work 2")
        await self._phase("warm-up of two", self._saturate(QUESTIONS, 3.0))
        for name, texts in (("questions", QUESTIONS), ("greetings", GREETINGS)):
            await self._phase(f"{name}, saturated, two workers", self._saturate(texts, 8.0))
        self.report.unasked = crowd.unasked
        await self._tenants()
        for event in self._desk.said():
            self.report.complaints[event] = self.report.complaints.get(event, 0) + 1
        return self.report

    async def _tenants(self) -> None:
        """Weigh the processes while thousands of organizations have nothing to do."""
        self._say(f"{tenants.ORGANIZATIONS} more organizations")
        await asyncio.to_thread(tenants.settle, self._desk.environ)
        await self._desk.again()
        await self._until_quiet()
        self._say("they are idle")
        before, begun = self._cpu(), time.monotonic()
        await asyncio.sleep(_IDLE)
        took = time.monotonic() - begun
        used = {who: seconds - before.get(who, 0.0) for who, seconds in self._cpu().items()}
        self.report.tenants = {who: seconds / took for who, seconds in used.items() if who != "load"}
        self.report.tenants_memory = self._memory()

    async def _until_quiet(self) -> None:
        """Starting up looks at each account once: that is not idling."""
        async with asyncio.timeout(120):
            while True:
                before = self._cpu()
                await asyncio.sleep(1.0)
                used = {who: seconds - before.get(who, 0.0) for who, seconds in self._cpu().items()}
                if used["serve"] < 0.03:
                    return

    async def _saturate(self, texts: Sequence[str], seconds: float) -> Outcome:
        return await self._crowd.saturate(texts, at_once=AT_ONCE, seconds=seconds)

    async def _steadily(self, texts: Sequence[str], per_second: float, seconds: float) -> Outcome:
        return await self._crowd.steadily(texts, per_second=per_second, seconds=seconds)

    async def _phase(self, name: str, load: Awaitable[Outcome]) -> None:
        self._say(name)
        before, busy_before, begun = self._cpu(), busy(), time.monotonic()
        outcome = await load
        used = {who: seconds - before.get(who, 0.0) for who, seconds in self._cpu().items()}
        elsewhere = (busy() - busy_before - sum(used.values())) / (time.monotonic() - begun)
        per = max(1, outcome.answered)
        cpu = {who: seconds * 1000 / per for who, seconds in used.items()}
        self.report.phases.append(Phase(name, outcome, cpu, max(0.0, elsewhere)))

    @property
    def _watched(self) -> list[Watched]:
        return [*self._desk.processes, *self._desk.servers]

    def _cpu(self) -> dict[str, float]:
        return {watched.name: watched.cpu() for watched in (*self._watched, Watched.myself("load"))}

    def _memory(self) -> dict[str, Memory]:
        return {watched.name: watched.memory() for watched in self._watched}


@asynccontextmanager
async def bench(say: Say) -> AsyncIterator[Bench]:
    """Everything started, with one worker."""
    loop = asyncio.get_running_loop()
    crowd: Crowd | None = None

    def answered(chat: int, at: float) -> None:
        if crowd is not None:
            crowd.heard(chat, at)

    port = free_port()
    platform = await loop.create_server(lambda: BotApi(answered), "127.0.0.1", port)
    try:
        say("the servers start")
        async with desk(port) as services:
            say("the product starts")
            await services.start("serve", "serve")
            await services.start("work", "work")
            path = hooks(services.environ["DATABASE_URL"], "")["telegram"]
            webhook = Webhook("127.0.0.1", services.port, path, services.environ["TELEGRAM_WEBHOOK_SECRET"])
            await webhook.open()
            crowd = Crowd(webhook, CUSTOMERS)
            try:
                yield Bench(services, crowd, say)
            finally:
                webhook.close()
    finally:
        platform.close()
