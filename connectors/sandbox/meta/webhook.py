"""Post events to the product: signed, with retries, to an address that was verified first.

https://developers.facebook.com/docs/graph-api/webhooks/getting-started
"""

import asyncio
import hashlib
import hmac
import json
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import aiohttp

from bot.core.errors import CommandError
from connectors.sandbox.fault import Faults
from connectors.sandbox.meta.errors import JsonObject
from connectors.sandbox.meta.trouble import Trouble, Troubles

MAX_BATCH = 1000  # updates in one request, by the page above
_WORKERS = 16


@dataclass(frozen=True, slots=True)
class Parcel:
    """One event. The events of one customer share a lane and arrive in order."""

    lane: str
    kind: str  # the name that faults use
    content: JsonObject
    number: int = 0  # the number of the next attempt, from 0
    message: str = ""  # the id of the customer's message in it, for its tick when accepted

    def snapshot(self) -> JsonObject:
        return {"lane": self.lane, "kind": self.kind, "content": self.content, "message": self.message}

    @classmethod
    def restored(cls, saved: Mapping[str, object]) -> Self:
        content = saved["content"]
        if not isinstance(content, dict):
            raise TypeError("what happened is a JSON object")
        return cls(str(saved["lane"]), str(saved["kind"]), content, message=str(saved["message"]))


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPauses:
    """Seconds between attempts: `first`, then twice as long each time up to `longest`.

    After `tries` the event is given up: by default after about seven days, as Meta does.
    """

    first: float = 0.1
    longest: float = 5.0
    tries: int = 7 * 24 * 60 * 60 // 5

    def after(self, failures: int) -> float:
        return min(self.longest, self.first * 2.0 ** min(failures - 1, 30))


class Webhook:
    """Delivers events to the product, and owns all tasks for that. Events added before `start` wait for it.

    `compose` makes the request body of some parcels. While the first parcel of a lane is tried again, the
    lane is blocked, so that a customer's messages arrive in order. Faults can change that order.
    """

    def __init__(
        self,
        platform: str,
        *,
        app_secret: str,
        verify_token: str,
        compose: Callable[[Sequence[Parcel]], JsonObject],
        taken: Callable[[Parcel], None],
        faults: Faults,
        troubles: Troubles,
        pauses: RetryPauses,
        timeout: float,
    ) -> None:
        self.url = ""
        self.undelivered = 0  # parcels given up
        self.last_problem = ""
        self._platform = platform
        self._secret = app_secret.encode()
        self._verify_token = verify_token
        self._compose = compose
        self._taken = taken
        self._faults = faults
        self._troubles = troubles
        self._pauses = pauses
        self._timeout = aiohttp.ClientTimeout(total=timeout)
        self._lanes: dict[object, deque[Parcel]] = {}
        self._ready: asyncio.Queue[object] = asyncio.Queue()
        self._timers: dict[asyncio.TimerHandle, Parcel | None] = {}
        self._workers: list[asyncio.Task[None]] = []
        self._session: aiohttp.ClientSession | None = None
        self._backlog: list[Parcel] = []
        self._copies = 0
        self._calm = asyncio.Event()
        self._calm.set()

    async def start(self) -> None:
        """Begin to deliver. Safe to call twice."""
        if self._session is not None:
            return
        self._session = aiohttp.ClientSession(timeout=self._timeout, cookie_jar=aiohttp.DummyCookieJar())
        self._workers = [asyncio.create_task(self._work(self._session)) for _ in range(_WORKERS)]
        self.point_at(self.url)

    def point_at(self, url: str) -> None:
        """Set the address to post to from now on. With "" events wait."""
        self.url = url
        backlog, self._backlog = self._backlog, []
        for parcel in backlog:
            self.add(parcel)

    async def close(self) -> None:
        """Stop at once. Keep what was not accepted: it is sent after the next `start`."""
        workers, self._workers = self._workers, []
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
        self._backlog = self.pending()
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        self._lanes.clear()
        self._ready = asyncio.Queue()
        self._look_calm()
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def add(self, parcel: Parcel) -> None:
        """Add an event at the end of its lane, with the copies and the delays that the faults decide."""
        if self._session is None or not self.url:
            self._backlog.append(parcel)
            return
        self._calm.clear()
        delays = tuple(self._faults.deliveries(self._platform, parcel.kind))
        if not delays:  # the first try is lost
            self._later(self._pauses.after(1), parcel.lane, parcel)
            return
        for delay in delays:
            if delay <= 0.0 and delay == delays[0]:
                self._append(parcel.lane, parcel)
                continue
            self._copies += 1
            self._later(delay, ("copy", self._copies), parcel)

    def pending(self) -> list[Parcel]:
        """Return the events that the product has not accepted yet."""
        queued = [parcel for lane in self._lanes.values() for parcel in lane]
        return [*self._backlog, *queued, *(parcel for parcel in self._timers.values() if parcel is not None)]

    def drop(self) -> None:
        """Forget the events that were not accepted yet, except those on their way."""
        self._backlog.clear()
        for timer in [timer for timer, parcel in self._timers.items() if parcel is not None]:
            timer.cancel()
            del self._timers[timer]
        for lane in self._lanes.values():
            while len(lane) > 1:
                lane.pop()

    async def settled(self) -> None:
        """Wait until the product has accepted everything, or the rest was given up."""
        await self._calm.wait()

    async def verify(self, url: str, verify_token: str = "") -> None:
        """Ask whether the address is ours, as Meta does before it accepts one. Raise CommandError if not."""
        challenge = str(1_000_000_000 + self._copies * 7919 % 999_999_999)
        query = {
            "hub.mode": "subscribe",
            "hub.challenge": challenge,
            "hub.verify_token": verify_token or self._verify_token,
        }
        try:
            async with (
                aiohttp.ClientSession(timeout=self._timeout) as session,
                session.get(url, params=query, allow_redirects=False) as response,
            ):
                body = await response.content.read(1024)
                status = response.status
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise CommandError(f"The callback URL cannot be reached ({type(error).__name__}).") from None
        if status != 200 or body.decode("utf-8", "replace").strip() != challenge:
            raise CommandError("The callback URL or verify token couldn't be validated.")

    def _append(self, lane: object, parcel: Parcel) -> None:
        queue = self._lanes.get(lane)
        if queue is None:
            self._lanes[lane] = deque((parcel,))
            self._ready.put_nowait(lane)
        else:
            queue.append(parcel)

    def _later(self, delay: float, lane: object, parcel: Parcel | None) -> None:
        def due() -> None:
            self._timers.pop(timer, None)
            if parcel is not None:
                self._append(lane, parcel)
            elif lane in self._lanes:
                self._ready.put_nowait(lane)

        timer = asyncio.get_running_loop().call_later(delay, due)
        self._timers[timer] = parcel

    async def _work(self, session: aiohttp.ClientSession) -> None:
        while True:
            lane = await self._ready.get()
            taken = self._gather(lane)
            if not taken:
                continue
            problem = await self._post(session, [parcel for _, parcels in taken for parcel in parcels])
            for key, parcels in taken:
                self._settle(key, parcels, problem)
            self._look_calm()

    def _gather(self, lane: object) -> list[tuple[object, list[Parcel]]]:
        """Return what one request contains: the first event of the lane, or with `BATCHES` all that is
        ready in any lane.
        """
        queue = self._lanes.get(lane)
        if not queue:
            return []
        several = len(queue) > 1 or not self._ready.empty()
        if not several or not self._troubles.strikes(Trouble.BATCHES):
            return [(lane, [queue[0]])]
        gathered, room = [(lane, list(queue)[:MAX_BATCH])], MAX_BATCH - len(queue)
        while room > 0 and not self._ready.empty():
            other = self._ready.get_nowait()
            if more := list(self._lanes.get(other, ()))[:room]:
                gathered.append((other, more))
                room -= len(more)
        return gathered

    def _settle(self, lane: object, parcels: Sequence[Parcel], problem: str) -> None:
        queue = self._lanes.get(lane)
        if queue is None:
            return
        for _ in parcels:
            queue.popleft()
        if problem:
            self.last_problem = problem
            again = [
                Parcel(each.lane, each.kind, each.content, each.number + 1, each.message)
                for each in parcels
                if each.number + 1 < self._pauses.tries
            ]
            self.undelivered += len(parcels) - len(again)
            queue.extendleft(reversed(again))
        if not queue:
            del self._lanes[lane]
        elif problem:
            self._later(self._pauses.after(queue[0].number or 1), lane, None)
        else:
            self._ready.put_nowait(lane)
        if not problem:
            for parcel in parcels:
                self._taken(parcel)

    def _look_calm(self) -> None:
        if not self._lanes and not self._timers:
            self._calm.set()

    async def _post(self, session: aiohttp.ClientSession, parcels: Sequence[Parcel]) -> str:
        """Post some events. Return "" if the product accepted them, otherwise what went wrong."""
        body = json.dumps(self._compose(parcels)).encode()
        signature = hmac.new(self._secret, body, hashlib.sha256).hexdigest()
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "facebookexternalua",
            "X-Hub-Signature": "sha1=" + hmac.new(self._secret, body, "sha1").hexdigest(),
            "X-Hub-Signature-256": "sha256=" + signature,
        }
        try:
            async with session.post(self.url, data=body, headers=headers, allow_redirects=False) as response:
                return "" if response.status == 200 else f"HTTP {response.status}"
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return type(error).__name__
