"""Wake workers when something is ready. Redis carries the wake-ups; losing one costs a poll, no message."""

import asyncio
import hmac
import json
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from uuid import UUID, uuid4

from redis.asyncio import Redis
from redis.exceptions import RedisError

from bot.bus.redis_health import RedisHealth
from bot.core.ids import ConversationId
from storage.entries import Wake

_RECONNECT = 0.5  # seconds
_PATIENCE = 2.0  # seconds that a command to Redis may take
# Anybody who may write to Redis can write to our channel as well. A wake-up that is not signed, or is larger
# than this, is dropped, which costs a poll.
_LATEST = 86_400_000  # milliseconds
_MOST = 1_000_000  # bytes
_SIGNATURE = 64  # hexadecimal digits
Listener = Callable[[Sequence[Wake]], None]


def _obey() -> None:
    """Raise CancelledError again when a call to Redis has swallowed the cancellation of this task.

    The client sends through `asyncio.wait_for`. On Python 3.11 that returns normally when the call ends at
    the moment of the cancellation; the task would then never end.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


class Wakeups:
    """Wakes the listeners in this process at once, and other processes through Redis when it is up.

    `run` owns the connections. Without `run`, or without Redis, only this process is woken.
    """

    def __init__(self, redis_url: str | None, namespace: str, keys: Sequence[bytes]) -> None:
        """`keys` are the program's, newest first: only wake-ups signed with one of them are believed."""
        self._signing = tuple(hmac.digest(key, b"wake-ups", "sha256") for key in keys)
        self._redis = (
            Redis.from_url(
                redis_url,
                socket_timeout=_PATIENCE,
                socket_connect_timeout=_PATIENCE,
                client_name="desk",
                health_check_interval=0,
            )
            if redis_url
            else None
        )
        self._channel = f"desk:{namespace}:wakes"
        self._me = uuid4().hex
        self._listeners: list[Listener] = []
        self._outgoing: list[Wake] = []
        self._more = asyncio.Event()
        self.redis = RedisHealth(used=self._redis is not None)

    def listen(self, listener: Listener) -> None:
        self._listeners.append(listener)

    def send(self, wakes: Sequence[Wake]) -> None:
        """Wake every listener. Never waits and never fails."""
        if not wakes:
            return
        for listener in self._listeners:
            listener(wakes)
        if self.redis.state == "up":
            self._outgoing.extend(wakes)
            self._more.set()

    async def run(self) -> None:
        """Exchange wake-ups with other processes until cancelled. Reconnects by itself when Redis is back."""
        if self._redis is None:
            await asyncio.Event().wait()  # only this process is woken
            return
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._receive(self._redis), name="receive wake-ups")
                tasks.create_task(self._send(self._redis), name="send wake-ups")
        finally:
            await self._redis.aclose()

    async def _receive(self, redis: Redis) -> None:
        while True:
            _obey()
            try:
                async with redis.pubsub(ignore_subscribe_messages=True) as subscription:
                    await subscription.subscribe(self._channel)
                    # Whoever hears this may subscribe and publish: a Redis can refuse one of both.
                    await redis.publish(self._channel, self._signed([]))
                    asked, since = True, time.monotonic()
                    while True:
                        _obey()
                        message = await subscription.get_message(timeout=_PATIENCE / 2)
                        if message is not None and self._hear(message["data"]):
                            asked, since = False, time.monotonic()
                            self._answers()  # also after a wake-up that `_send` could not publish
                        elif time.monotonic() - since < _PATIENCE / 2:
                            continue  # the answer to `subscribe`, or what is not ours
                        elif asked:
                            raise TimeoutError("no answer")
                        else:
                            await redis.publish(self._channel, self._signed([]))
                            asked, since = True, time.monotonic()
            except (RedisError, OSError, TimeoutError) as error:
                self.redis.down(error)
                await asyncio.sleep(_RECONNECT)

    async def _send(self, redis: Redis) -> None:
        while True:
            _obey()
            await self._more.wait()
            self._more.clear()
            wakes, self._outgoing = self._outgoing, []
            body = [
                [str(w.conversation), round(w.after.total_seconds() * 1000), w.last_customer_input]
                for w in wakes
            ]
            try:
                await redis.publish(self._channel, self._signed(body))
            except (RedisError, OSError, TimeoutError) as error:
                self.redis.down(error)  # workers poll meanwhile; `_receive` notices when Redis is back

    def _signed(self, body: object) -> bytes:
        told = json.dumps([self._me, body]).encode()
        return hmac.digest(self._signing[0], told, "sha256").hex().encode() + told

    def _is_ours(self, signature: bytes, told: bytes) -> bool:
        return any(
            hmac.compare_digest(hmac.digest(key, told, "sha256").hex().encode(), signature)
            for key in self._signing
        )

    def _hear(self, data: bytes) -> bool:
        """Wake the listeners. Return False for what no program of ours has published."""
        signature, told = data[:_SIGNATURE], data[_SIGNATURE:]
        if len(data) > _MOST or not self._is_ours(signature, told):
            return False
        try:
            sender, body = json.loads(told)
            wakes = [
                Wake(ConversationId(UUID(i)), timedelta(milliseconds=min(max(ms, 0), _LATEST)), int(s))
                for i, ms, s in body
            ]
        except (ValueError, TypeError, AttributeError, OverflowError, RecursionError):
            return False  # of a version that says something else
        if sender != self._me and wakes:
            for listener in self._listeners:
                listener(wakes)
        return True

    def _answers(self) -> None:
        if self.redis.up():
            for listener in self._listeners:
                listener(())  # look once: wake-ups may have been lost
