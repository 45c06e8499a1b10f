"""Deliver events to the product: in order, with retries, and as late and as often as faults decide."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from itertools import islice
from typing import Generic, TypeVar

import aiohttp

MAX_BATCH = 1000  # events in one request
Event = TypeVar("Event")


@dataclass(slots=True, eq=False)
class Attempt(Generic[Event]):
    """The next attempt to deliver an event, after `delay` seconds. `problem` is that of the last one."""

    event: Event
    delay: float = 0.0
    failures: int = 0
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPauses:
    """Seconds between attempts: `first`, then twice as long each time up to `longest`.

    After `tries` attempts the event is given up.
    """

    first: float = 0.1
    longest: float = 2.0
    tries: int | None = None

    def after(self, failures: int) -> float | None:
        """Return the pause after that many failures, or None to give up."""
        if self.tries is not None and failures >= self.tries:
            return None
        return min(self.longest, self.first * 2.0 ** min(failures - 1, 30))


@dataclass(slots=True, eq=False)
class _Lane(Generic[Event]):
    attempts: deque[Attempt[Event]] = field(default_factory=deque)
    sending: asyncio.Lock = field(default_factory=asyncio.Lock)
    task: asyncio.Task[None] | None = None

    def cancel(self) -> None:
        if self.task is not None:
            self.task.cancel()
            self.task = None


class WebhookQueue(Generic[Event]):
    """Delivers events until each is taken or given up, and owns all tasks and the HTTP session for that.

    The events of a lane, such as a chat, leave in order: while the first is tried again, the others wait.
    Lanes do not wait for each other. Faults can change the order. Events that are added while the queue is
    stopped wait for `start`.

    `send` returns "" for what is done, otherwise a problem: then `pause` is asked, with the number of
    failures, how long to wait, None to give up. `batches` says whether all events that are ready leave in one
    call of `send`.
    """

    def __init__(
        self,
        send: Callable[[aiohttp.ClientSession, Sequence[Attempt[Event]]], Awaitable[str]],
        pause: Callable[[int], float | None],
        *,
        timeout: float,
        taken: Callable[[Event], None] = lambda _: None,
        batches: Callable[[], bool] = lambda: False,
    ) -> None:
        self.session: aiohttp.ClientSession | None = None
        self.given_up = 0
        self._open = False
        self._send = send
        self._pause = pause
        self._timeout = aiohttp.ClientTimeout(total=timeout)
        self._taken = taken
        self._batches = batches
        self._lanes: dict[Hashable, _Lane[Event]] = {}
        self._loop: asyncio.AbstractEventLoop
        self._connections: asyncio.Semaphore

    def start(self, *, connections: int = 100) -> None:
        """Begin to deliver, over at most so many connections at once. Safe to call twice."""
        if self.session is None:
            self._loop = asyncio.get_running_loop()
            self._connections = asyncio.Semaphore(connections)
            self.session = aiohttp.ClientSession(timeout=self._timeout, cookie_jar=aiohttp.DummyCookieJar())
        self._open = True
        for key in self._lanes:
            self._run(key)

    def pause(self) -> None:
        """Stop at once. Keep what was not taken: it is sent after the next `start`."""
        self._open = False
        for lane in self._lanes.values():
            lane.cancel()

    async def stop(self) -> None:
        """Pause, and close the session."""
        tasks = self._tasks()
        self.pause()
        await asyncio.gather(*tasks, return_exceptions=True)
        session, self.session = self.session, None
        if session is not None:
            await session.close()

    def add(self, lane: Hashable, event: Event, delays: Sequence[float] = (0.0,)) -> None:
        """Add an event at the end of its lane. For `delays` see Faults.deliveries."""
        if not delays:
            self._append(object(), Attempt(event, self._pause(1) or 0.0, 1, "http_timeout"))
        for number, delay in enumerate(delays):
            in_order = number == 0 and delay <= 0.0
            self._append(lane if in_order else object(), Attempt(event, delay))

    def pending(self) -> list[Event]:
        """Return the events that were neither taken nor given up."""
        return [attempt.event for lane in self._lanes.values() for attempt in lane.attempts]

    def drop(self) -> None:
        """Forget all events, except in lanes that are sending one now."""
        for key, lane in list(self._lanes.items()):
            if not lane.sending.locked():
                lane.cancel()
                del self._lanes[key]

    async def settled(self) -> None:
        """Wait until everything was taken or given up, or the queue is stopped."""
        while tasks := self._tasks():
            await asyncio.wait(tasks)

    def _tasks(self) -> list[asyncio.Task[None]]:
        return [lane.task for lane in self._lanes.values() if lane.task is not None]

    def _append(self, key: Hashable, attempt: Attempt[Event]) -> None:
        self._lanes.setdefault(key, _Lane()).attempts.append(attempt)
        self._run(key)

    def _run(self, key: Hashable) -> None:
        lane = self._lanes[key]
        if self._open and self.session is not None and lane.task is None:
            lane.task = self._loop.create_task(self._drain(self.session, key, lane))

    async def _drain(self, session: aiohttp.ClientSession, key: Hashable, lane: _Lane[Event]) -> None:
        try:
            while lane.attempts:
                first = lane.attempts[0]
                await asyncio.sleep(first.delay)
                first.delay = 0.0
                async with self._connections, lane.sending:
                    # Meanwhile the first event may have left in the batch of another lane.
                    if lane.attempts and lane.attempts[0].delay == 0.0:
                        await self._send_first(session, lane)
            del self._lanes[key]
        finally:
            if lane.task is asyncio.current_task():
                lane.task = None

    async def _send_first(self, session: aiohttp.ClientSession, lane: _Lane[Event]) -> None:
        """Send the first event of the lane, or a batch."""
        others = [each for each in self._lanes.values() if _is_ready(each)]
        is_batch = (len(lane.attempts) > 1 or bool(others)) and self._batches()
        lanes, room = ([lane, *others], MAX_BATCH) if is_batch else ([lane], 1)
        async with AsyncExitStack() as stack:
            for other in lanes[1:]:
                await stack.enter_async_context(other.sending)
            sent = []
            for one in lanes:
                sent.append((one, list(islice(one.attempts, room))))
                room -= len(sent[-1][1])
            problem = await self._send(session, [attempt for _, attempts in sent for attempt in attempts])
            for one, attempts in sent:
                self._settle(one, attempts, problem)

    def _settle(self, lane: _Lane[Event], sent: Sequence[Attempt[Event]], problem: str) -> None:
        for _ in sent:
            lane.attempts.popleft()
        if not problem:
            for attempt in sent:
                self._taken(attempt.event)
            return
        again = []
        for attempt in sent:
            attempt.failures += 1
            attempt.problem = problem
            if self._pause(attempt.failures) is None:
                self.given_up += 1
            else:
                again.append(attempt)
        if again:
            again[0].delay = self._pause(again[0].failures) or 0.0
        lane.attempts.extendleft(reversed(again))


def _is_ready(lane: _Lane[Event]) -> bool:
    return bool(lane.attempts) and lane.attempts[0].delay == 0.0 and not lane.sending.locked()
