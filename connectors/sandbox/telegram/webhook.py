"""Post updates to the bot's webhook: https://core.telegram.org/bots/api#setwebhook"""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import aiohttp

from connectors.sandbox.telegram.model import JsonObject

SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105  # a header's name


@dataclass(frozen=True, slots=True)
class PendingUpdate:
    update_id: int
    chat_id: int
    kind: str
    body: bytes  # the Update object as it goes over the wire

    def snapshot(self) -> JsonObject:
        return {
            "update_id": self.update_id,
            "chat_id": self.chat_id,
            "kind": self.kind,
            "body": self.body.decode(),
        }

    @classmethod
    def restored(cls, saved: Mapping[str, object]) -> Self:
        update_id, chat_id = saved["update_id"], saved["chat_id"]
        if not isinstance(update_id, int) or not isinstance(chat_id, int):
            raise TypeError("update_id and chat_id are integers")
        return cls(update_id, chat_id, str(saved["kind"]), str(saved["body"]).encode())


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    url: str
    secret_token: str = ""
    max_connections: int = 40
    ip_address: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPauses:
    """Seconds between attempts to deliver an update: `first`, then doubled each time, up to `longest`."""

    first: float = 0.1
    longest: float = 2.0

    def after(self, failures: int) -> float:
        return min(self.longest, self.first * 2.0 ** min(failures - 1, 30))


class WebhookPump:
    """Posts updates to the webhook until each is taken.

    One chat's updates stay in order; chats do not wait for each other.

    `start` and `stop` may be called any number of times. A stopped pump forgets its queue: the owner of the
    updates keeps them until `taken` is called.
    """

    def __init__(
        self,
        taken: Callable[[PendingUpdate], None],
        failed: Callable[[str], None],
        pauses: RetryPauses,
        post_timeout: float,
    ) -> None:
        self._taken = taken
        self._failed = failed
        self._pauses = pauses
        self._timeout = aiohttp.ClientTimeout(total=post_timeout)
        self._lanes: dict[object, deque[PendingUpdate]] = {}
        self._failures: dict[object, int] = {}
        self._ready: asyncio.Queue[object] = asyncio.Queue()
        self._timers: set[asyncio.TimerHandle] = set()
        self._workers: list[asyncio.Task[None]] = []
        self._session: aiohttp.ClientSession | None = None
        self._copies = 0

    @property
    def running(self) -> bool:
        return bool(self._workers)

    async def start(self, webhook: Webhook) -> None:
        await self.stop()
        self._session = aiohttp.ClientSession(
            timeout=self._timeout,
            connector=aiohttp.TCPConnector(limit=webhook.max_connections),
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        headers = {"Content-Type": "application/json"}
        if webhook.secret_token:
            headers[SECRET_HEADER] = webhook.secret_token
        self._workers = [
            asyncio.create_task(self._work(self._session, webhook.url, headers))
            for _ in range(webhook.max_connections)
        ]

    async def stop(self) -> None:
        workers, self._workers = self._workers, []
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        self._lanes.clear()
        self._failures.clear()
        self._ready = asyncio.Queue()
        if self._session is not None:
            await self._session.close()
            self._session = None

    def add(self, update: PendingUpdate) -> None:
        """Queue an update behind the other updates of its chat."""
        self._append(update.chat_id, update)

    def add_copies(self, update: PendingUpdate, delays: Sequence[float]) -> None:
        """Send a copy of an update after each delay in seconds, independent of its chat's queue."""
        for delay in delays:
            self._copies += 1
            self._later(delay, ("copy", self._copies), update)

    def _append(self, lane: object, update: PendingUpdate) -> None:
        queue = self._lanes.get(lane)
        if queue is None:
            self._lanes[lane] = deque((update,))
            self._ready.put_nowait(lane)
        else:
            queue.append(update)

    def _later(self, delay: float, lane: object, update: PendingUpdate | None) -> None:
        def due() -> None:
            self._timers.discard(timer)
            if update is not None:
                self._append(lane, update)
            else:
                self._ready.put_nowait(lane)

        timer = asyncio.get_running_loop().call_later(delay, due)
        self._timers.add(timer)

    async def _work(self, session: aiohttp.ClientSession, url: str, headers: Mapping[str, str]) -> None:
        while True:
            lane = await self._ready.get()
            queue = self._lanes[lane]
            update = queue[0]
            problem = await _post(session, url, headers, update.body)
            if problem:
                # Nothing waits for the paused lane: a chat that cannot be delivered delays no other.
                self._failures[lane] = failures = self._failures.get(lane, 0) + 1
                self._failed(problem)
                self._later(self._pauses.after(failures), lane, None)
                continue
            self._failures.pop(lane, None)
            queue.popleft()
            if queue:
                self._ready.put_nowait(lane)
            else:
                del self._lanes[lane]
            self._taken(update)


async def _post(session: aiohttp.ClientSession, url: str, headers: Mapping[str, str], body: bytes) -> str:
    """Post an update. Return the problem in Telegram's words, or "" if the bot took it."""
    try:
        async with session.post(url, data=body, headers=headers, allow_redirects=False) as response:
            if 200 <= response.status < 300:
                return ""
            return f"Wrong response from the webhook: {response.status} {response.reason}"
    except aiohttp.ClientConnectorError:
        return "Connection refused"
    except TimeoutError:
        return "Read timeout expired"
    except (aiohttp.ClientError, OSError) as error:
        return f"Connection failed: {type(error).__name__}"
