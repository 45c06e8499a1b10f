"""Customers: each writes, and waits for the answer before writing again."""

import asyncio
import itertools
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tests.bench.wire import Webhook

QUESTIONS = (  # each is answered from one article
    "How do I reset my password?",
    "How do I invite my colleagues?",
    "What payment methods do you accept?",
    "How do I cancel my subscription?",
    "How do I set up SSO?",
    "Can I export my data?",
    "How do I create an API key?",
    "What are the API rate limits?",
    "How do I upgrade my plan?",
    "Where are my invoices?",
    "How to turn on two-factor authentication?",
    "How do I delete my account?",
)
GREETINGS = ("hi",)  # answered without a search: what the bus itself costs
Progress = Callable[[int], None]


@dataclass(slots=True)
class Customer:
    chat: int
    said: int = 0
    waits: deque[tuple[float, "asyncio.Future[float]"]] = field(default_factory=deque)


@dataclass(slots=True)
class Outcome:
    """The outcome of one phase. Latencies are seconds from when a message was due to its answer."""

    seconds: float = 0.0
    sent: int = 0
    refused: int = 0
    answered: int = 0
    latencies: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        return self.answered / self.seconds if self.seconds else 0.0

    def quantile(self, share: float) -> float:
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


class Crowd:
    """The customers of a run. `unasked` counts answers that nobody waited for: it must stay 0."""

    def __init__(self, webhook: Webhook, size: int) -> None:
        self._webhook = webhook
        self._customers = {chat: Customer(chat) for chat in range(7_100_000_001, 7_100_000_001 + size)}
        self.unasked = 0

    def heard(self, chat: int, at: float) -> None:
        customer = self._customers.get(chat)
        if customer is None or not customer.waits:
            self.unasked += 1
            return
        due, future = customer.waits.popleft()
        if not future.done():
            future.set_result(at - due)

    async def once_each(self, texts: Sequence[str], *, at_once: int, within: float) -> Outcome:
        """Every customer's first message: customer, key, identity, lane and conversation are made."""
        turns = iter(self._customers.values())
        return await self._together(texts, lambda: next(turns, None), at_once, within)

    async def saturate(self, texts: Sequence[str], *, at_once: int, seconds: float) -> Outcome:
        """Send as fast as it goes with `at_once` messages under way."""
        turns = itertools.cycle(self._customers.values())
        return await self._together(texts, lambda: next(turns), at_once, seconds)

    async def _together(
        self,
        texts: Sequence[str],
        following: Callable[[], Customer | None],
        at_once: int,
        seconds: float,
    ) -> Outcome:
        outcome = Outcome()
        begun = time.perf_counter()

        async def stream() -> None:
            while time.perf_counter() - begun < seconds and (customer := following()):
                await self._ask(customer, texts, time.perf_counter(), outcome)

        async with asyncio.TaskGroup() as streams:
            for _ in range(at_once):
                streams.create_task(stream())
        outcome.seconds = time.perf_counter() - begun
        return outcome

    async def steadily(self, texts: Sequence[str], *, per_second: float, seconds: float) -> Outcome:
        """At fixed times, whether or not earlier messages are answered."""
        outcome = Outcome()
        begun = time.perf_counter()
        turns = itertools.cycle(self._customers.values())
        async with asyncio.TaskGroup() as messages:
            for number in range(int(per_second * seconds)):
                due = begun + number / per_second
                if (pause := due - time.perf_counter()) > 0:
                    await asyncio.sleep(pause)
                messages.create_task(self._ask(next(turns), texts, due, outcome))
        outcome.seconds = time.perf_counter() - begun
        return outcome

    async def _ask(self, customer: Customer, texts: Sequence[str], due: float, outcome: Outcome) -> None:
        text = texts[(customer.said + customer.chat) % len(texts)]
        customer.said += 1
        answer: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        customer.waits.append((due, answer))
        outcome.sent += 1
        status = await self._webhook.say(customer.chat, text)
        if status != 200:
            outcome.refused += 1
            customer.waits.remove((due, answer))
            return
        try:
            async with asyncio.timeout(15.0):
                outcome.latencies.append(await answer)
                outcome.answered += 1
        except TimeoutError:
            customer.waits.remove((due, answer))
