"""Deliver the outbox: claim lanes, send the first item of each, record the outcome. Nothing else sends."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import assert_never
from uuid import UUID
from weakref import WeakValueDictionary

import structlog

from bot.bus.group_commit import GroupCommit
from bot.bus.lease_loop import LeaseLoop, LeasePace
from bot.bus.metrics import DELIVERIES, SUSPENDED
from bot.bus.wakeups import Wakeups
from bot.core import beginning
from bot.core.connector import Begins, Capabilities, Connector, Connectors, Reconciles
from bot.core.errors import (
    AccountSuspended,
    KeyDestroyed,
    OutcomeUnknown,
    PlatformDown,
    RateLimited,
    SendError,
    StorageUnavailable,
    Unreachable,
    WindowClosed,
)
from bot.core.ids import AccountId, Clock, OrgId, utc_now
from bot.core.outbound import (
    Card,
    Emote,
    Erase,
    Invite,
    Operation,
    Outbound,
    Post,
    React,
    Revise,
    Sent,
    Typing,
    Whisper,
)
from bot.rooms.notices import notice_post
from storage.account_rates import Allowance
from storage.database import Database
from storage.delivery_outcomes import Dead, Delivered, Later, Result
from storage.entries import Wake
from storage.outbox import Outbox
from storage.outbox_items import Item

log = structlog.get_logger(__name__)

MAX_ATTEMPTS = 12  # with the pauses of `_fate`: about twenty minutes
LONGEST_PAUSE = timedelta(minutes=5)
_CONNECTIONS = 64  # per account, as many as its connector opens: no request waits long for one
BEGUN_TOGETHER = 16  # at most so many requests are recorded as begun before they are on the wire
Cards = Callable[[OrgId, UUID], Awaitable[Card]]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryPace(LeasePace):
    """The limits and pauses of the deliverer. `patience`: limit for one call of a platform."""

    slots: int = 200
    batch: int = 64
    patience: timedelta = timedelta(seconds=30)
    # A lane that is taken over too early looks as if its worker had died while sending, and its delivery
    # would be given up as unknown.
    after_outage: timedelta = timedelta(seconds=1)


class Deliverer:
    """Sends until told to stop, then finishes what is being sent."""

    def __init__(
        self,
        *,
        database: Database,
        outbox: Outbox,
        connectors: Connectors,
        cards: Cards,
        wakeups: Wakeups,
        pace: DeliveryPace,
        clock: Clock = utc_now,
    ) -> None:
        self._database = database
        self._outbox = outbox
        self._connectors = connectors
        self._cards = cards
        self._wakeups = wakeups
        self._pace = pace
        self._clock = clock
        self._free: WeakValueDictionary[AccountId, asyncio.Semaphore] = WeakValueDictionary()
        self._doubtful: list[Item] = []  # none was sent; perhaps claimed, as the database failed meanwhile
        self._group: GroupCommit[Result, tuple[Wake, ...]] = GroupCommit(self._write)
        self._beginning: GroupCommit[Item, bool] = GroupCommit(self._begin, limit=BEGUN_TOGETHER)
        # What is still being sent at the end keeps its lane: nobody knows whether it arrived.
        self._loop = LeaseLoop("lanes", pace, claim=self._claim, process=self._deliver, renew=self._renew)
        wakeups.listen(self.heard)

    def heard(self, wakes: Sequence[Wake]) -> None:
        """Wake the delivery loop when an empty wake-up arrives: it means that all should look.

        Wake-ups of single conversations are for the worker.
        """
        if not wakes:
            self.wake()

    def wake(self) -> None:
        """Wake the delivery loop: something was put into the outbox."""
        self._loop.look()

    async def run(self, stop: asyncio.Event) -> None:
        """Deliver until `stop` is set; then finish and record what is being sent."""
        async with asyncio.TaskGroup() as keepers:
            group = keepers.create_task(self._group.run(), name="settle deliveries")
            beginning = keepers.create_task(self._beginning.run(), name="begin deliveries")
            try:
                await self._loop.run(stop)
            finally:
                group.cancel()
                beginning.cancel()

    async def _claim(self, limit: int) -> Sequence[Item]:
        """Claim up to `limit` deliveries.

        An account that already uses as many slots as are free gets none, so that a platform which hangs
        cannot starve the others.
        """
        busy = Counter(item.account_id for item in self._loop.held)
        without = {account for account, held in busy.items() if held >= self._loop.free}
        without |= set(self._connectors.failed)
        items: Sequence[Item] = ()
        try:
            async with self._database.begin() as connection:
                claimed = await self._outbox.claim(
                    connection, self._allowance, limit, self._pace.lease, without=without
                )
                items = claimed.items
        except StorageUnavailable:
            self._doubtful += items
            raise
        if claimed.held_back is not None:
            self._loop.look_after(claimed.held_back)
        for account in claimed.waiting:
            if await self._connectors.get(account) is not None:
                self._loop.look()
        return items

    def _allowance(self, account: AccountId) -> Allowance | None:
        """Return how fast an account may send, or None before its connector is open."""
        connector = self._connectors.opened(account)
        if connector is None:
            return None
        rate = connector.capabilities.per_second
        burst = max(1, int(rate / 10))
        return Allowance(max(rate - burst, rate / 2), burst)

    async def _renew(self, held: Sequence[Item]) -> None:
        """Renew the leases of lanes, and give doubtful claims back."""
        async with self._database.begin() as connection:
            if self._doubtful:
                await self._outbox.unclaim(connection, self._doubtful)
            if held:
                await self._outbox.renew(connection, held, self._pace.lease)
        self._doubtful = []

    async def _deliver(self, item: Item) -> None:
        """Try one delivery and record the result. A record that cannot be written is retried until it can."""
        result = await self._try(item)
        DELIVERIES.labels(item.place.channel, _outcome(result)).inc()
        if not isinstance(result, Delivered):
            log.info(
                "not delivered",
                delivery=str(item.id),
                code=result.code,
                attempt=item.attempts,
                kind=item.kind,
            )
        while True:
            try:
                wakes = await self._group.submit(result)
                break
            except StorageUnavailable:
                await asyncio.sleep(0.2)
        self._wakeups.send(wakes)
        self._again(result)

    def _again(self, result: Result) -> None:
        pause = max(timedelta(), result.rest - result.slack) if isinstance(result, Delivered) else timedelta()
        pauses = {result.after, result.rest} if isinstance(result, Later) else {pause}
        for pause in pauses - {timedelta()}:
            self._loop.look_after(pause)

    async def _write(self, results: Sequence[Result]) -> Sequence[tuple[Wake, ...]]:
        async with self._database.begin() as connection:
            wakes = await self._outbox.settle(connection, results)
        return [wakes if n == 0 else () for n in range(len(results))]

    async def _begin(self, items: Sequence[Item]) -> Sequence[bool]:
        async with self._database.begin() as connection:
            return await self._outbox.begin(connection, items)

    async def _try(self, item: Item) -> Result:
        connector = await self._connectors.get(item.account_id)
        if connector is None:
            return _wait(item, timedelta(seconds=10), "account.closed", "no connector")
        operation: Operation | None = None
        start: _Beginning | None = None
        try:
            operation = await self._operation(item)
            if operation is None:
                return Dead(item, "withdrawn", "delivery.pointless", "what it belongs to was never delivered")
            outbound = Outbound(item.id, item.place, operation, item.part, item.context)
            if item.room is None and self._closed(item, operation, connector.capabilities):
                return Dead(item, "parked", WindowClosed.code, "the customer has not written for too long")
            if item.interrupted:
                if known := await _reconcile(connector, outbound, item):
                    return known
                if item.lost:
                    return Dead(item, "withdrawn", KeyDestroyed.code, "the customer was erased")
                item = replace(item, interrupted=False)
            start = _Beginning(item, self._beginning.submit)
            sent = await self._send(connector, outbound, start)
            if isinstance(sent, Later):
                return sent
            can = connector.capabilities
            rest = _rest(can, item, operation)
            return Delivered(item, self._more(item, sent), max(rest, sent.rest), rest * (can.chat_burst - 1))
        except TimeoutError:
            return _judge(item, operation, OutcomeUnknown("timeout"), connector)
        except SendError as error:
            return _judge(item, operation, error, connector)
        except StorageUnavailable as error:
            return _wait(item, timedelta(seconds=1), error.code, "database away")
        except Exception as error:
            log.error("delivery broke", delivery=str(item.id), kind=item.kind, exc_info=error)
            # The platform may have given an answer that nobody expected: no reason to send once more.
            broken = OutcomeUnknown("internal") if start and start.begun else PlatformDown("internal")
            return _judge(item, operation, broken, connector)

    async def _send(self, connector: Connector, outbound: Outbound, start: "_Beginning") -> Sent | Later:
        """Send the operation once it is recorded as begun.

        A connector that implements Begins says when to record it: when it has a connection. For any other
        connector it is recorded before the call.
        """
        try:
            async with self._free.setdefault(start.item.account_id, asyncio.Semaphore(_CONNECTIONS)):
                if not isinstance(connector, Begins):
                    await start()
                with beginning.told(start):
                    async with asyncio.timeout(self._pace.patience.total_seconds()):
                        return await connector.send(outbound)
        except TimeoutError:
            if not start.begun:
                raise PlatformDown("no connection in time") from None
            raise
        except Exception:
            if start.obstacle is not None:  # whatever the connector raised, nothing was sent
                return start.obstacle
            raise

    def _closed(self, item: Item, operation: Operation, known: Capabilities) -> bool:
        """Return whether the channel accepts no free text now: the platform would refuse it, or charge for
        it.
        """
        if known.window is None or not isinstance(operation, Post) or operation.template is not None:
            return False
        now = self._clock()
        if item.open_until is not None and now < item.open_until:
            return False
        human = operation.speaker is not None and operation.speaker.human
        window = known.human_window or known.window if human else known.window
        return item.heard_at is None or item.heard_at + window <= now

    async def _operation(self, item: Item) -> Operation | None:
        """Return the operation to send now, or None when the message that it would change was never
        delivered.
        """
        if item.kind == "card":
            assert item.room is not None  # noqa: S101  a card always belongs to a room
            card = await self._cards(item.organization, item.room)
            return Revise(item.card, card) if item.card else card
        if item.notice is not None:
            post = notice_post(item.notice)
            return Revise(item.card, post) if item.card else post
        if item.room is not None and not item.place.thread:
            return None
        match item.kind:
            case "amend" if isinstance(item.operation, Post):
                return Revise(item.refs[0], item.operation) if item.refs else None
            case "grow" if isinstance(item.operation, Post):
                return Revise(item.refs[0], item.operation) if item.refs else None
            case "settle_offer" if isinstance(item.operation, Post):
                return Revise(item.refs[-1], item.operation) if item.refs else None  # the part with buttons
            case "react" if isinstance(item.operation, React) and not item.operation.message:
                return replace(item.operation, message=item.refs[0]) if item.refs else None
            case "erase":
                return Erase(item.refs[0], blank=True) if item.refs else None
            case "retract":
                return Erase(item.refs[item.part]) if item.part < len(item.refs) else None
            case _:
                return item.operation

    def _more(self, item: Item, sent: Sent) -> Sent:
        if item.kind == "retract" and item.part + 1 < len(item.refs):
            return Sent(more=True)
        return sent


class _NotBegun(Exception):
    """The delivery could not be recorded as begun, so nothing may be sent."""


class _Beginning:
    """Records once that a delivery has begun, however many requests the delivery takes."""

    def __init__(self, item: Item, record: Callable[[Item], Awaitable[bool]]) -> None:
        self.item, self._record = item, record
        self.begun = False
        self.obstacle: Later | None = None  # set when the delivery could not begin

    async def __call__(self) -> None:
        if self.begun:
            return
        try:
            ours = await self._record(self.item)
        except StorageUnavailable as error:
            self.obstacle = _wait(self.item, timedelta(seconds=1), error.code, "database away")
            raise
        if not ours:
            taken = "another worker has claimed it"
            self.obstacle = _wait(self.item, timedelta(), "lane.taken_over", taken)
            raise _NotBegun
        self.begun = True


async def _reconcile(connector: Connector, outbound: Outbound, item: Item) -> Result | None:
    """Find out from the platform what happened to a delivery that was interrupted while it was being sent.

    Return None when the delivery certainly did not arrive, or when repeating it does no harm. Return a dead
    letter with the outcome "unknown" on a channel that offers no way to ask. Raises SendError when the
    platform cannot be asked now.
    """
    if isinstance(outbound.operation, Revise | Erase | React | Whisper | Emote | Invite | Typing):
        return None
    if not connector.capabilities.reconciles or not isinstance(connector, Reconciles):
        return Dead(item, "unknown", "send.interrupted", "interrupted while it was being sent")
    found = await connector.find(outbound)
    return Delivered(item, found, timedelta()) if found is not None else None


def _wait(item: Item, pause: timedelta, code: str, reason: str) -> Later:
    """Return a result that postpones the delivery without counting a try.

    An earlier interrupted try stays uncertain.
    """
    return Later(item, pause, code, reason, counts=False, uncertain=item.interrupted)


def _judge(item: Item, operation: Operation | None, error: SendError, connector: Connector) -> Result:
    """Return what a failure means for the delivery and for its chat.

    A chat that accepts no new message for now rests until it does. After any other failure the chat stays
    open for other deliveries: a refused edit, or one message that breaks the platform, blocks nobody else.
    """
    result = _fate(item, error, connector)
    if not isinstance(result, Later):
        return result
    if isinstance(error, RateLimited) and isinstance(operation, Post | Card):
        return replace(result, rest=result.after)
    return replace(result, rest=_rest(connector.capabilities, item, operation))


def _fate(item: Item, error: SendError, connector: Connector) -> Result:
    """Return what a failure means for the delivery."""
    pause = min(timedelta(seconds=2.0 ** (item.attempts - 1)), LONGEST_PAUSE)
    match error:
        case RateLimited(growth=1.0):
            return _wait(item, error.retry_after or pause, error.code, error.reason)
        case RateLimited() if item.attempts < MAX_ATTEMPTS:
            wait = (error.retry_after or pause) * error.growth ** (item.attempts - 1)
            wait = min(wait, LONGEST_PAUSE)
            return Later(item, wait, error.code, error.reason, uncertain=item.interrupted)
        case WindowClosed():
            return Dead(item, "parked", error.code, error.reason)
        case AccountSuspended():
            SUSPENDED.labels(item.place.channel, str(item.account_id)).inc()
            log.error("account suspended", account=str(item.account_id), code=error.code)
            if item.kind != "erase" and (item.room is not None or item.direct is not None):
                # The staff must be reached at once, through another account.
                return Dead(item, "failed", error.code, error.reason)
            # What is for a customer is held until somebody has repaired the account. The first try counts, so
            # that the suspension is reported once.
            wait, counts = error.retry_after or LONGEST_PAUSE, item.attempts == 1
            return Later(item, wait, error.code, error.reason, counts=counts, uncertain=item.interrupted)
        case OutcomeUnknown() if connector.capabilities.reconciles:
            if item.attempts < MAX_ATTEMPTS:
                return Later(item, pause, error.code, error.reason, uncertain=True)
            return Dead(item, "unknown", error.code, error.reason)
        case OutcomeUnknown():
            return Dead(item, "unknown", error.code, error.reason)
        case PlatformDown() if item.attempts < MAX_ATTEMPTS:
            wait = max(pause, error.retry_after or timedelta())
            return Later(item, wait, error.code, error.reason, uncertain=item.interrupted)
        case Unreachable():
            return Dead(item, "failed", error.code, error.reason, unreachable=True)
        case _:
            return Dead(item, "failed", error.code, error.reason)


def _rest(known: Capabilities, item: Item, operation: Operation | None) -> timedelta:
    """Return how long the chat rests after this operation.

    The platform publishes its pause for new messages; edits and reactions have limits of their own. A post
    that grows rests as well, so that a customer who writes fast does not delay the others.
    """
    pauses = isinstance(operation, Post | Card) or item.kind == "grow"
    return known.chat_interval if pauses else timedelta()


def _outcome(result: Result) -> str:
    match result:
        case Delivered():
            return "delivered"
        case Later():
            return "later"
        case Dead():
            return result.outcome
        case _:
            assert_never(result)
