"""Updates for the bot, by webhook or getUpdates, kept until the bot confirms them.

https://core.telegram.org/bots/api#getting-updates
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice, takewhile

from aiohttp import ClientSession

from connectors.sandbox.telegram.model import ApiError
from connectors.sandbox.telegram.webhook import PendingUpdate, Webhook, post
from connectors.sandbox.webhook_queue import Attempt, RetryPauses, WebhookQueue

# Sent only to a bot that asks for them by name: https://core.telegram.org/bots/api#setwebhook
ON_REQUEST_ONLY = frozenset({"chat_member", "message_reaction", "message_reaction_count"})
KINDS = (
    "message",
    "edited_message",
    "channel_post",
    "edited_channel_post",
    "business_connection",
    "business_message",
    "edited_business_message",
    "deleted_business_messages",
    "message_reaction",
    "message_reaction_count",
    "inline_query",
    "chosen_inline_result",
    "callback_query",
    "shipping_query",
    "pre_checkout_query",
    "purchased_paid_media",
    "poll",
    "poll_answer",
    "my_chat_member",
    "chat_member",
    "chat_join_request",
    "chat_boost",
    "removed_chat_boost",
)


@dataclass(frozen=True, slots=True)
class LastError:
    at: int
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedUpdates:
    next_id: int
    pending: list[PendingUpdate]
    allowed: frozenset[str] | None
    webhook: Webhook | None


class UpdateBox:
    """Keeps every update that the bot has not confirmed, in the order of their ids."""

    def __init__(
        self, *, first_update_id: int, now: Callable[[], int], pauses: RetryPauses, timeout: float
    ) -> None:
        self.pending: dict[int, PendingUpdate] = {}
        self.webhook: Webhook | None = None
        self.allowed: frozenset[str] | None = None  # None: all but ON_REQUEST_ONLY
        self.last_error: LastError | None = None
        self.open = False  # between open() and close(); a closed box collects and sends nothing
        self.next_id = first_update_id
        self._now = now
        self._pauses = pauses
        self._queue = WebhookQueue(self._post, pauses.after, timeout=timeout, taken=self._taken)
        self._again: list[PendingUpdate] = []  # duplicates for getUpdates
        self._arrival: asyncio.Future[None] | None = None
        self._emptied: asyncio.Future[None] | None = None
        self._timers: set[asyncio.TimerHandle] = set()

    @property
    def polled(self) -> bool:
        return self._arrival is not None

    async def settled(self) -> None:
        while self.pending:
            if self._emptied is None or self._emptied.done():
                self._emptied = asyncio.get_running_loop().create_future()
            await asyncio.shield(self._emptied)

    def _note_emptied(self) -> None:
        if not self.pending and self._emptied is not None and not self._emptied.done():
            self._emptied.set_result(None)

    def wants(self, kind: str) -> bool:
        return kind in self.allowed if self.allowed is not None else kind not in ON_REQUEST_ONLY

    def add(
        self, kind: str, chat_id: int, body: Callable[[int], str], delays: Sequence[float] = (0.0,)
    ) -> None:
        """Add an update. `body` returns its JSON for an update_id. For `delays` see Faults.deliveries."""
        if not self.wants(kind):
            return
        delays = delays or (self._pauses.first,)
        if self.webhook is None and delays[0] > 0.0:
            # getUpdates returns only rising ids, so a late update gets its id when it arrives.
            self._after(delays[0], lambda: self.add(kind, chat_id, body, (0.0, *delays[1:])))
            return
        update = PendingUpdate(self.next_id, chat_id, kind, body(self.next_id))
        self.next_id += 1
        self.pending[update.update_id] = update
        if self.webhook is not None:
            if self.open:
                self._queue.add(chat_id, update, delays)
        else:
            self._again.extend(update for _ in delays[1:])
            self._wake()

    async def set_webhook(self, webhook: Webhook | None, *, drop_pending: bool) -> None:
        self.webhook = webhook
        self.last_error = None
        if drop_pending:
            self.drop()
        await self._restart()
        self._wake()

    def drop(self) -> None:
        self.pending.clear()
        self._again.clear()
        self._note_emptied()

    async def begin(self) -> None:
        self.open = True
        await self._restart()

    async def close(self) -> None:
        self.open = False
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        self._wake()
        await self._queue.stop()

    async def _restart(self) -> None:
        """Deliver all updates that the bot has not confirmed, to the webhook that is set now."""
        await self._queue.stop()
        self._queue.drop()
        if self.open and self.webhook is not None:
            self._queue.start(connections=self.webhook.max_connections)
            for update in self.pending.values():
                self._queue.add(update.chat_id, update)

    async def _post(self, session: ClientSession, attempts: Sequence[Attempt[PendingUpdate]]) -> str:
        if self.webhook is None:
            return "no webhook is set"
        problem = await post(session, self.webhook, attempts)
        if problem:
            self.last_error = LastError(self._now(), problem)
        return problem

    def _taken(self, update: PendingUpdate) -> None:
        self.pending.pop(update.update_id, None)
        self._note_emptied()

    def _after(self, delay: float, action: Callable[[], None]) -> None:
        def due() -> None:
            self._timers.discard(timer)
            action()

        timer = asyncio.get_running_loop().call_later(delay, due)
        self._timers.add(timer)

    async def get(self, offset: int, limit: int, timeout: float) -> list[PendingUpdate]:
        """Confirm the updates below `offset`. Return the others, after at most `timeout` seconds."""
        if self.webhook is not None:
            raise _webhook_active()
        self._end_other_poll()
        self._confirm(offset)
        if not self._any() and timeout > 0 and self.open:
            arrival = self._arrival = asyncio.get_running_loop().create_future()
            try:
                await asyncio.wait_for(arrival, timeout)
            except TimeoutError:
                pass
            finally:
                if self._arrival is arrival:
                    self._arrival = None
        if self.webhook is not None:
            raise _webhook_active()
        again, self._again = self._again[:limit], self._again[limit:]
        fresh = islice(self.pending.values(), max(0, limit - len(again)))
        return sorted((*again, *fresh), key=lambda update: update.update_id)

    def _any(self) -> bool:
        return bool(self.pending or self._again)

    def _confirm(self, offset: int) -> None:
        if offset < 0:
            kept = list(self.pending)[offset:]
            self.pending = {update_id: self.pending[update_id] for update_id in kept}
            return
        for update_id in list(takewhile(lambda update_id: update_id < offset, self.pending)):
            del self.pending[update_id]
        self._note_emptied()

    def _end_other_poll(self) -> None:
        if self._arrival is not None and not self._arrival.done():
            self._arrival.set_exception(_terminated())

    def _wake(self) -> None:
        if self._arrival is not None and not self._arrival.done():
            self._arrival.set_result(None)

    def snapshot(self) -> SavedUpdates:
        return SavedUpdates(
            next_id=self.next_id,
            pending=list(self.pending.values()),
            allowed=self.allowed,
            webhook=self.webhook,
        )

    def restore(self, saved: SavedUpdates) -> None:
        """Restore a snapshot. Call it before `begin`, which starts to send what the box holds."""
        self.pending = {update.update_id: update for update in saved.pending}
        self.next_id, self.allowed, self.webhook = saved.next_id, saved.allowed, saved.webhook


def _webhook_active() -> ApiError:
    return ApiError(
        409,
        "Conflict: can't use getUpdates method while webhook is active;"
        " use deleteWebhook to delete the webhook first",
    )


def _terminated() -> ApiError:
    return ApiError(
        409,
        "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running",
    )
