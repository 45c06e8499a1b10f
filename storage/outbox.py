"""Claim lanes of the outbox, and record the outcome of each attempt.

A lane is one chat of one account. One worker at a time advances it. After each message it rests as long as
the platform's published limit asks.

Messages for a customer leave in the order in which they were added. In a chat of the staff, this order holds
within each conversation, and customers take turns: a card never waits behind everything that another customer
has written, in however many conversations. A row that waits for its next attempt holds up only what comes
after it in its conversation, or in its customer's chat.

A row is marked `sending` in the transaction that claims it. It is marked `begun` in another transaction, just
before its request is sent. Only a row with both marks, whose worker died, is in doubt.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.core.conversation import DeliveryReport, Origin
from bot.core.errors import AccountSuspended, CannotDecrypt, KeyDestroyed, PersonAway
from bot.core.events import Channel, Place, Reference
from bot.core.ids import AccountId, ConversationId, DeliveryId, LaneId, MessageId, NewId, OrgId
from bot.core.outbound import DirectMessage, Invite, Operation, Post, Sent
from storage.codec import dump_reference, load_operation
from storage.database import Step, pipeline
from storage.disclosure import PERSON, STANDING, disclose
from storage.entries import NOBODY, Entry, Wake
from storage.hashes import reference_hash
from storage.inbox import Inboxes
from storage.keys import Keys
from storage.lanes import wake
from storage.notices import NOTICE, Notice, notices
from storage.posted import DELETE_POSTS, ERASE, queue_deletions
from storage.sealed_fields import CONTEXT, ERROR, PAYLOAD, REFERENCE, SENT_ID, TRY_REASON
from storage.sealing import KeyedHash, Sealer
from storage.views import json_place

AnyRow = Row[Any]
log = structlog.get_logger(__name__)
_GONE = "place.gone: nobody can be written to there any more"
_UNREADABLE = timedelta(minutes=5)  # until a row that no key opens is tried again
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Allowance:
    """The rate at which an account may send: `per_second` on average, and `burst` messages at once."""

    per_second: float
    burst: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A claimed row of the outbox. `interrupted`: an earlier attempt may have arrived."""

    id: DeliveryId
    lane: LaneId
    fence: int
    until: datetime  # when the lease of this claim ends
    account_id: AccountId
    organization: OrgId
    conversation: ConversationId
    message: MessageId | None
    room: UUID | None
    kind: str
    operation: Operation | None  # None for a card, which is rendered when it is sent
    place: Place
    context: str  # what the channel needs to answer there
    card: str  # the platform's id of the room's card
    heard_at: datetime | None  # when the customer wrote there last
    open_until: datetime | None  # the platform takes free text there until then, whatever `heard_at` is
    part: int
    attempts: int  # including this one
    interrupted: bool
    reports: bool
    refs: tuple[str, ...]  # the platform's ids of the message to change, or of its post in the room
    sealer: Sealer
    index: KeyedHash | None  # for a customer's chat: hashes the platform's ids of messages
    direct: DirectMessage | None = None  # to one person of the staff; `operation` is the post in it
    turn: int = 0  # see outbox.turn
    notice: Notice | None = None
    lost: bool = False  # the text cannot be read any more: the customer's key is destroyed
    grows: UUID | None = None  # the name of the growing post that this row posts or changes
    listed_in: UUID | None = None  # the notice of messages in doubt that counts it
    disclosed: str = ""  # see outbox.disclosed
    disclosed_before: str = ""  # the same of an earlier attempt
    disclosure: str = ""  # the words put above the text of `operation`


@dataclass(frozen=True, slots=True)
class Claimed:
    """The leased rows.

    `held_back` is the time until the first account that used all its slots may send again.
    """

    items: list[Item]
    held_back: timedelta | None = None
    waiting: tuple[AccountId, ...] = ()  # these have something ready, but no known allowance


@dataclass(frozen=True, slots=True)
class Delivered:
    item: Item
    sent: Sent
    rest: timedelta  # how long the chat must rest now
    slack: timedelta = timedelta()  # how much unused rest the chat may save up for a burst


@dataclass(frozen=True, slots=True)
class Later:
    """An attempt to repeat after `after`. `counts`: it counts as an attempt, not only as a request to
    wait.
    """

    item: Item
    after: timedelta
    code: str
    reason: str
    counts: bool = True
    uncertain: bool = False  # it may have arrived: ask the platform before sending again
    rest: timedelta = timedelta()  # how long the chat must rest now


@dataclass(frozen=True, slots=True)
class Dead:
    """An attempt that is not repeated automatically.

    `outcome` is failed, unknown, withdrawn, or parked (until the customer writes).
    """

    item: Item
    outcome: str
    code: str
    reason: str
    unreachable: bool = False


Result = Delivered | Later | Dead


class Outbox:
    """Claims and settles deliveries. One per process; the caller owns the transaction."""

    def __init__(self, keys: Keys, inboxes: Inboxes, new_id: NewId) -> None:
        self._keys = keys
        self._inboxes = inboxes
        self._new_id = new_id

    async def claim(
        self,
        connection: AsyncConnection,
        allow: Callable[[AccountId], Allowance | None],
        limit: int,
        lease: timedelta,
        *,
        without: Collection[AccountId] = (),
    ) -> Claimed:
        """Lease ready lanes, as many as their accounts may send now, and claim the first row of each.

        Skip the accounts in `without`, and those for which `allow` returns None.
        """
        [found] = await pipeline(connection, (_PACES, {"without": sorted(without)}))
        allowances = {row.id: known for row in found if (known := allow(AccountId(row.id))) is not None}
        waiting = tuple(AccountId(row.id) for row in found if row.id not in allowances)
        accounts = [row for row in found if row.id in allowances]
        if not accounts:
            return Claimed([], waiting=waiting)
        idle_for = {row.id: _idle(row.idle, allowances[row.id]) for row in accounts}
        free = {row.id: _slots(idle_for[row.id], allowances[row.id]) for row in accounts}
        given = {
            "accounts": list(free),
            "slots": list(free.values()),
            "limit": limit,
            "seconds": lease.total_seconds(),
        }
        [rows] = await pipeline(connection, (_CLAIM, given))
        sent: dict[AccountId, int] = {}
        for row in rows:
            sent[row.account_id] = sent.get(row.account_id, 0) + (row.outbox_id is not None)
        waits = [
            _until_next(idle_for[row.id], sent.get(row.id, 0), allowances[row.id])
            for row in accounts
            if sent.get(row.id, 0) >= free[row.id]
        ]
        held_back = min(waits, default=None)
        if not rows:
            return Claimed([], held_back, waiting)
        pace = {
            "ids": list(sent),
            "seconds": [count / allowances[id_].per_second for id_, count in sent.items()],
            "bursts": [allowances[id_].burst / allowances[id_].per_second for id_ in sent],
        }
        claimed = {row.outbox_id: row for row in rows if row.outbox_id is not None}
        steps: list[Step] = [(_PACE, pace)]
        if idle := [LaneId(row.lane_id) for row in rows if row.outbox_id is None]:
            steps.append((_FREE, _freed(idle)))
        *_, details = await pipeline(connection, *steps, (_DETAILS, {"ids": list(claimed)}))
        return Claimed(await self._readable(connection, details, claimed), held_back, waiting)

    async def _readable(
        self, connection: AsyncConnection, details: Sequence[AnyRow], claimed: Mapping[UUID, AnyRow]
    ) -> list[Item]:
        """Return the claimed rows that can be sent.

        Withdraw, fail or postpone the others, so that they do not hold up their lanes: the customer was
        erased, the place is gone, or no key opens the row.
        """
        items, pointless, unreadable, deleting = [], [], [], []
        shown = [row.notice_id for row in details if row.kind == NOTICE]
        noticed = await notices(connection, shown) if shown else {}
        for row in details:
            if row.kind == DELETE_POSTS:
                deleting.append(row)
                continue
            try:
                notice = noticed[row.notice_id] if row.kind == NOTICE else None
                items.append(self._item(row, claimed[row.id], notice))
            except KeyDestroyed:
                pointless.append(row)
            except CannotDecrypt as error:
                log.error("unreadable delivery", delivery=str(row.id), code=error.code)
                unreadable.append(row)
        for row in deleting:
            await queue_deletions(connection, self._new_id, row)
        if pointless:
            await connection.execute(_POINTLESS, [self._pointless(row) for row in pointless])
        if unreadable:
            given = {"ids": [row.id for row in unreadable], "seconds": _UNREADABLE.total_seconds()}
            await connection.execute(_UNSEND, given)
        if left := [*deleting, *pointless, *unreadable]:
            await pipeline(connection, (_FREE, _freed([LaneId(row.lane_id) for row in left])))
        return items

    async def begin(self, connection: AsyncConnection, items: Sequence[Item]) -> list[bool]:
        """Record that the requests of these items are sent now. Return False for an item that another worker
        has.

        The fence of the lane shows a claim that was committed before. The row's count of attempts, read again
        under the row's lock, shows a claim that is committed meanwhile.

        The log says from now on what stands above the message. Turns lock messages before the outbox, too.
        """
        above = [item for item in items if {item.disclosed, item.disclosed_before} - {"", PERSON}]
        if above:
            above.sort(key=lambda item: item.conversation)
            await connection.execute(_SAY, [_saying(item) for item in above])
        given = {
            "ids": [item.id for item in items],
            "lanes": [item.lane for item in items],
            "fences": [item.fence for item in items],
            "attempts": [item.attempts for item in items],
            "disclosed": [item.disclosed for item in items],
        }
        begun = {row.id for row in await connection.execute(_BEGIN, given)}
        return [item.id in begun for item in items]

    async def renew(self, connection: AsyncConnection, items: Sequence[Item], lease: timedelta) -> None:
        await connection.execute(
            _RENEW,
            {
                "ids": [item.lane for item in items],
                "fences": [item.fence for item in items],
                "seconds": lease.total_seconds(),
            },
        )

    async def settle(self, connection: AsyncConnection, results: Sequence[Result]) -> tuple[Wake, ...]:
        """Record the outcome of each attempt and free its lane. Return the conversations that must hear of
        it.

        If the lane has passed to another worker meanwhile, that worker's outcome stands. Only where it
        recorded `unknown`, a delivery that succeeded here replaces it.
        """
        results = await self._unless_reopened(connection, results)
        wakes = await self._report(connection, results)
        held = {"ids": [r.item.lane for r in results], "fences": [r.item.fence for r in results]}
        [rows] = await pipeline(connection, (_OURS, held))
        ours = {row.id for row in rows}
        kept = sorted((r for r in results if r.item.lane in ours), key=lambda r: r.item.lane)
        if late := [r for r in results if r.item.lane not in ours and isinstance(r, Delivered)]:
            await connection.execute(_LATE, [{"id": r.item.id} | _named(r) for r in late])
        if not kept:
            return wakes
        steps: list[Step] = [(_SETTLE, [_row(result) for result in kept])]
        if tries := [_try(result, self._new_id()) for result in kept if not isinstance(result, Delivered)]:
            steps.append((_TRY, tries))
        steps += [
            (_PLACE_NOTICE, {"id": r.item.notice.id, "chat": r.sent.chat or None, "post": r.sent.message})
            for r in kept
            if isinstance(r, Delivered) and r.item.notice is not None and r.sent.message
        ]
        steps += [
            (_PLACE_ROOM, _room(result))
            for result in kept
            if isinstance(result, Delivered)
            and result.item.kind == "card"
            and (result.sent.message or result.sent.thread)
        ]
        free = {
            "ids": [r.item.lane for r in kept],
            "rests": [r.rest.total_seconds() if isinstance(r, Delivered) else 0.0 for r in kept],
            "slacks": [r.slack.total_seconds() if isinstance(r, Delivered) else 0.0 for r in kept],
            "pauses": [r.rest.total_seconds() if isinstance(r, Later) else 0.0 for r in kept],
            "turns": [0 if isinstance(r, Later) else r.item.turn for r in kept],
        }
        await pipeline(connection, *steps, (_FREE, free))
        return wakes

    async def _unless_reopened(
        self, connection: AsyncConnection, results: Sequence[Result]
    ) -> Sequence[Result]:
        """Replace "parked" by an immediate retry where the customer has written meanwhile.

        Lock the conversations first. Either the customer's message is seen here, or the turn that handles it
        sees the parked message.
        """
        parked = {r.item.id for r in results if isinstance(r, Dead) and r.outcome == "parked"}
        if not parked:
            return results
        told = {result.item.conversation for result in results if report_of(result) is not None}
        _, rows = await pipeline(connection, (_LOCK, {"ids": sorted(told)}), (_HEARD, {"ids": list(parked)}))
        heard = {row.id: row.heard_at for row in rows}
        return [
            Later(r.item, timedelta(), r.code, r.reason, counts=False)
            if isinstance(r, Dead) and heard.get(r.item.id, _LONG_AGO) > (r.item.heard_at or _LONG_AGO)
            else r
            for r in results
        ]

    async def _report(self, connection: AsyncConnection, results: Sequence[Result]) -> tuple[Wake, ...]:
        entries = [
            Entry(
                NOBODY,
                f"delivery:{result.item.id}:{result.item.lane}:{result.item.fence}",
                result.item.organization,
                result.item.conversation,
                Origin.SELF,
                report,
                result.item.sealer,
            )
            for result in results
            if (report := report_of(result)) is not None
        ]
        return await self._inboxes.tell(connection, entries) if entries else ()

    async def unclaim(self, connection: AsyncConnection, items: Sequence[Item]) -> None:
        """Give back items that were not sent, and whose claim may not have been committed.

        If nobody knows whether the claim was committed, another worker may have the same fence since, but not
        the same end of the lease.
        """
        rows = await connection.execute(
            _CLAIMED,
            {
                "ids": [item.lane for item in items],
                "fences": [item.fence for item in items],
                "untils": [item.until for item in items],
            },
        )
        ours = {row.id for row in rows}
        kept = sorted((item for item in items if item.lane in ours), key=lambda item: item.lane)
        if not kept:
            return
        # An item whose earlier attempt may have arrived stays in doubt.
        unsent = [item.id for item in kept if not item.interrupted]
        await connection.execute(_UNSEND, {"ids": unsent, "seconds": 0.0})
        await connection.execute(_FREE, _freed([item.lane for item in kept]))

    async def again(self, connection: AsyncConnection, organization: OrgId, delivery: DeliveryId) -> bool:
        """Put a failed or unknown delivery back. Return False if there is none, or if its customer was
        erased, or somebody whose words it may repeat.

        The row of somebody erased stays, because it shows what may have arrived.
        """
        lane = await connection.scalar(_AGAIN, {"organization": organization, "id": delivery})
        if lane is None:
            return False
        await wake(connection, (LaneId(lane),))
        return True

    def _sealer(self, row: AnyRow) -> Sealer:
        """Return the sealer for a row. Raise KeyDestroyed if its customer was erased and it goes to them."""
        if row.data_key is None and row.place_id is None:  # tells staff that the customer was erased
            return self._keys.organization(row.organization_id, row.org_key, row.org_index).sealer
        return self._keys.customer(row.customer_id, row.data_key)

    def _pointless(self, row: AnyRow) -> dict[str, object]:
        """Return the final state of a row that cannot be sent: its customer was erased, or its place
        is gone.
        """
        if row.data_key is None:
            return {"id": row.id, "state": "withdrawn", "error": None}
        sealer = self._keys.customer(row.customer_id, row.data_key)
        return {"id": row.id, "state": "failed", "error": sealer.seal(_GONE, field=ERROR)}

    def _operation(self, row: AnyRow, sealer: Sealer) -> Operation | DirectMessage | None:
        if not row.payload:
            return None
        try:
            return load_operation(sealer.open(row.payload, field=PAYLOAD))
        except CannotDecrypt:
            if row.data_key is None:  # it was for staff, and is sealed with the customer's destroyed key
                raise KeyDestroyed(row.customer_id) from None
            raise

    def _item(self, row: AnyRow, claimed: AnyRow, notice: Notice | None) -> Item:
        sealer, lost = self._sealer(row), False
        try:
            payload = self._operation(row, sealer)
        except KeyDestroyed:
            if not claimed.begun or row.room_id is None or row.kind not in ("post", "offer"):
                raise
            payload, lost = Post(""), True  # it may have arrived: if so, it must be deleted
        direct, context, card = None, "", ""
        if isinstance(payload, DirectMessage):
            direct, place, payload = payload, payload.place, payload.post
        elif row.person_chat is not None:
            place = Place(Channel(row.channel), row.account, row.person_chat)
        elif notice is not None:
            place, card = Place(Channel(row.channel), row.account, notice.chat), notice.post
        elif row.room_id is None:
            owner = self._keys.customer(row.owner_id, row.owner_key)
            place = json_place(owner, row.place, row.channel, row.account)
            context = owner.open(row.context, field=CONTEXT) if row.context else ""
        else:
            place = Place(Channel(row.channel), row.account, row.chat_id or row.chat, row.thread or "")
            card = row.card or ""
        disclosed, disclosure = "", ""
        if payload is not None:
            payload, disclosed, disclosure = disclose(payload, row, begun=claimed.begun)
        return Item(
            id=DeliveryId(row.id),
            lane=LaneId(row.lane_id),
            fence=claimed.fence,
            until=claimed.lease_until,
            account_id=AccountId(row.account_id),
            organization=OrgId(row.organization_id),
            conversation=ConversationId(row.conversation_id),
            message=MessageId(row.message_id) if row.message_id else None,
            room=row.room_id,
            kind=row.kind,
            operation=payload,
            place=place,
            context=context,
            card=card,
            heard_at=row.heard_at,
            open_until=row.open_until,
            part=row.part,
            attempts=row.attempts,
            interrupted=claimed.begun,
            reports=row.reports,
            refs=_refs(row, sealer),
            sealer=sealer,
            index=None
            if row.place_id is None
            else self._keys.organization(row.organization_id, row.org_key, row.org_index).index,
            direct=direct,
            turn=row.turn,
            notice=notice,
            lost=lost,
            grows=row.grows,
            listed_in=None if row.kind == NOTICE else row.notice_id,
            disclosed=disclosed,
            disclosed_before=row.disclosed or "",
            disclosure=disclosure,
        )


def _saying(item: Item) -> dict[str, Any]:
    said = dump_reference(Reference(disclosed=item.disclosure)) if item.disclosure else ""
    return {
        "message": item.message,
        "organization": item.organization,
        "reference": item.sealer.seal(said, field=REFERENCE) if said else None,
        "lane": item.lane,
        "fence": item.fence,
    }


def report_of(result: Result) -> DeliveryReport | None:
    """Return what the conversation must know of a result, or None.

    It learns of failures of messages, cards and invitations, and of deliveries whose success it asked for.
    """
    item = result.item
    if (
        item.kind in ("amend", "retract", "grow", ERASE)
        and isinstance(result, Dead)
        and (result.outcome != "withdrawn" or item.kind == "grow")
    ):
        return DeliveryReport(
            item.message,
            item.id,
            "unchanged",
            result.reason,
            room=item.room,
            code=result.code,
            grows=item.grows,
        )
    if item.lost:
        return None
    if item.direct is not None and isinstance(result, Dead):
        return DeliveryReport(
            None, item.id, result.outcome, result.reason, code=result.code, direct=item.direct
        )
    if isinstance(item.operation, Invite):
        return _not_invited(item, item.operation, result)
    if item.kind not in ("post", "offer", "card") and not (item.kind == "emote" and item.reports):
        return None
    if isinstance(result, Later):
        return _delayed(result)
    if isinstance(result, Dead):
        if result.outcome == "withdrawn":
            return None
        return DeliveryReport(
            item.message,
            item.id,
            result.outcome,
            result.reason,
            result.unreachable and item.room is None,
            item.room,
            result.code,
            item.kind == "card",
            absent=_called(item) if result.code == PersonAway.code else "",
            grows=item.grows,
            notice=item.listed_in,
        )
    if item.room is not None and result.sent.absent and isinstance(item.operation, Post):
        calls = item.operation.calls
        return DeliveryReport(item.message, item.id, "delivered", room=item.room, card=False, absent=calls)
    if result.sent.shown is not None and item.message is not None and item.room is None:
        return DeliveryReport(item.message, item.id, "stopped", shown=result.sent.shown)
    if item.reports and not result.sent.more:
        return DeliveryReport(item.message, item.id, "delivered", room=item.room, notice=item.listed_in)
    return None


def _called(item: Item) -> str:
    return item.operation.calls if isinstance(item.operation, Post) else ""


def _not_invited(item: Item, invite: Invite, result: Result) -> DeliveryReport | None:
    if not isinstance(result, Dead):
        return None
    return DeliveryReport(
        None,
        item.id,
        result.outcome,
        result.reason,
        room=item.room,
        code=result.code,
        card=False,
        absent=invite.person,
    )


def _delayed(result: Later) -> DeliveryReport | None:
    """Report a suspended account to its conversation once, on the first attempt."""
    item = result.item
    if result.code != AccountSuspended.code or item.attempts > 1 or item.room is not None:
        return None
    return DeliveryReport(item.message, item.id, "delayed", result.reason, code=result.code)


def _idle(idle: float, allowance: Allowance) -> float:
    """Return for how many seconds an account has been free, negative while it is not.

    A burst keeps an account busy for a bounded time. A value further in the future was written before the
    clock was set back: it is ignored, or the account would not send until that time.
    """
    longest = (allowance.burst + 1) / allowance.per_second
    return idle if idle >= -longest else 0.0


def _slots(idle: float, allowance: Allowance) -> int:
    """Return how many messages an account may send now, given for how many seconds it has been free.

    `idle` is negative while the account is not free.
    """
    return max(0, min(allowance.burst, int(idle * allowance.per_second) + (idle >= 0)))


def _freed(lanes: Sequence[LaneId]) -> dict[str, object]:
    """Return the values that free lanes from which nothing was sent."""
    zeros = [0.0] * len(lanes)
    return {
        "ids": list(lanes),
        "rests": zeros,
        "slacks": zeros,
        "pauses": zeros,
        "turns": [0] * len(lanes),
    }


def _until_next(idle: float, sent: int, allowance: Allowance) -> timedelta:
    """Return when an account that has just sent `sent` messages may send the next one, counted from now."""
    saved = min(idle, allowance.burst / allowance.per_second)
    return timedelta(seconds=max(0.0, sent / allowance.per_second - saved))


def _row(result: Result) -> dict[str, object]:
    item = result.item
    match result:
        case Delivered(sent=sent):
            state, part, error = ("waiting" if sent.more else "delivered"), item.part + 1, None
            attempts = 0 if sent.more else item.attempts
        case Later():
            state = "sending" if result.uncertain else "waiting"
            part, error = item.part, result.reason
            attempts = item.attempts if result.counts else item.attempts - 1
        case Dead():
            state, part, error, attempts = result.outcome, item.part, result.reason, item.attempts
    return {
        "id": item.id,
        "state": state,
        "part": part,
        "attempts": attempts,
        "wait": result.after.total_seconds() if isinstance(result, Later) else 0.0,
        "error": item.sealer.seal(error[:500], field=ERROR) if error else None,
        "chat": _person_chat(result),
    } | _named(result)


def _named(result: Result) -> dict[str, object]:
    """Return the platform's id of a sent message: hashed to find it, and sealed to change it later.

    It is neither hashed nor sealed in a chat of the staff.
    """
    ref, item = (result.sent.message if isinstance(result, Delivered) else ""), result.item
    if item.kind == "grow" and isinstance(result, Delivered):
        return {"ref": item.refs[0], "sealed": None}  # the post that has grown now shows a newer message
    if item.index is None or not ref:
        return {"ref": ref, "sealed": None}
    return {"ref": reference_hash(item.index, ref), "sealed": item.sealer.seal(ref, field=SENT_ID)}


def _refs(row: AnyRow, sealer: Sealer) -> tuple[str, ...]:
    """Return the platform's ids of the messages that a row is about."""
    if row.kind in ("amend", "retract"):
        return tuple(sealer.open(ref, field=SENT_ID) for ref in row.refs or ())
    return tuple(row.refs or ())


def _person_chat(result: Result) -> str:
    """Return the platform's id of the chat with one person of the staff, or "" if it went elsewhere."""
    if not isinstance(result, Delivered) or not result.sent.message:
        return ""
    if result.item.direct is not None:
        return result.sent.chat or result.item.place.chat
    return result.sent.chat if result.item.kind == "whisper" else ""


def _room(card: Delivered) -> dict[str, object]:
    item, sent = card.item, card.sent
    thread = sent.thread or item.place.thread or sent.message
    return {"id": item.room, "chat": sent.chat or item.place.chat, "thread": thread, "card": sent.message}


def _try(result: Later | Dead | Delivered, id_: UUID) -> dict[str, object]:
    item = result.item
    code, reason = ("delivered", "") if isinstance(result, Delivered) else (result.code, result.reason)
    return {
        "id": id_,
        "organization": item.organization,
        "outbox": item.id,
        "attempt": item.attempts,
        "outcome": code[:40],
        "reason": item.sealer.seal(reason[:500], field=TRY_REASON) if reason else "",
    }


# Finds the accounts of waiting lanes one after the other in the index: the cost grows with the number of
# such accounts, not with the number of all accounts or lanes.
_PACES = text("""
    with recursive busy(account) as (
        (select account_id from lanes where ready_at is not null order by account_id limit 1)
        union all
        select (
            select l.account_id from lanes l where l.account_id > busy.account and l.ready_at is not null
            order by l.account_id limit 1
        ) from busy where busy.account is not null
    )
    select id, extract(epoch from clock_timestamp() - greatest(free_at,
        clock_timestamp() - interval '1 hour'))
        ::float8 as idle
    from accounts
    where id = any(array(select account from busy)) and active and id <> all(cast(:without as uuid[]))
        and exists (
            select 1 from lanes l where l.account_id = accounts.id and l.ready_at <= statement_timestamp()
                and (l.lease_until is null or l.lease_until < statement_timestamp())
        )
    order by id for update
""")

# The first row of a lane that nothing holds up. A row that waits for its next attempt holds up what comes
# after it in its conversation, and in a customer's chat (`turn` is 0 there) all that comes after it.
_HEAD = """
    select o.id from outbox o
    where o.lane_id = {lane} and o.state in ('waiting', 'sending') and not exists (
        select 1 from outbox p
        where p.lane_id = o.lane_id and p.state in ('waiting', 'sending')
            and p.not_before > statement_timestamp() and (p.turn, p.position) <= (o.turn, o.position)
            and (p.conversation_id = o.conversation_id or o.turn = 0)
    )
    order by o.turn, o.position limit 1
"""

# A lease that ended while PostgreSQL was down may belong to a living worker that could not renew it. After a
# start of PostgreSQL, leases therefore hold for their length once more, so that the worker can still settle.
# Takes from each account as many lanes as it may send: a slow account with a long queue delays no other.
_CLAIM = text(f"""
    with due as materialized (
        select d.id from unnest(cast(:accounts as uuid[]), cast(:slots as int[])) as t(account, slots)
        cross join lateral (
            select id, ready_at from lanes
            where account_id = t.account and ready_at <= statement_timestamp()
                and (lease_until is null or lease_until < statement_timestamp()
                    and pg_postmaster_start_time() < statement_timestamp() - make_interval(secs => :seconds))
            order by ready_at limit least(t.slots, :limit) for update skip locked
        ) d
        order by d.ready_at limit :limit
    ), leased as (
        update lanes l
        set lease_until = clock_timestamp() + make_interval(secs => :seconds), fence = l.fence + 1
        from due where l.id = due.id
        returning l.id, l.account_id, l.fence, l.lease_until
    ), heads as materialized (
        select leased.id as lane_id, leased.account_id, leased.fence, leased.lease_until, o.id as outbox_id
        from leased left join lateral ({_HEAD.format(lane="leased.id")}) o on true
    ), marked as (
        update outbox o set state = 'sending', attempts = o.attempts + 1, not_before = null,
            begun = o.begun and o.state = 'sending'
        from heads where o.id = heads.outbox_id and o.state in ('waiting', 'sending')
        returning o.id, o.begun
    )
    select heads.lane_id, heads.account_id, heads.fence, heads.lease_until, marked.id as outbox_id,
        marked.begun
    from heads left join marked on marked.id = heads.outbox_id
""")

# An account that sends now was free: a later `free_at` was written before the clock was set back.
_PACE = text("""
    update accounts a
    set free_at = greatest(
            least(a.free_at, clock_timestamp()), clock_timestamp() - make_interval(secs => t.burst)
        )
        + make_interval(secs => t.seconds)
    from unnest(cast(:ids as uuid[]), cast(:seconds as float8[]), cast(:bursts as float8[]))
        as t(id, seconds, burst)
    where a.id = t.id
""")

_DETAILS = text(f"""
    select o.*, l.account_id, a.channel, a.account, v.customer_id, c.data_key, p.place, p.context,
        p.heard_at, p.open_until, pc.id as owner_id, pc.data_key as owner_key, g.data_key as org_key,
        g.index_key as org_index, r.chat, r.chat_id, r.thread, r.card,
        case when o.kind in ('amend', 'retract') then (
            select array_agg(ref) from outbox p cross join unnest(p.sealed_ids) as ref
            where p.message_id = o.message_id and p.room_id is null and p.kind = 'post'
        ) when o.kind = 'settle_offer' then (
            select p.external_ids from outbox p
            where p.message_id = o.message_id and p.room_id = o.room_id and p.kind = 'offer'
                and p.position < o.position
            order by p.position desc limit 1
        ) when o.kind = 'grow' then (
            select p.external_ids from outbox p
            where p.conversation_id = o.conversation_id and p.grows = o.grows and p.room_id = o.room_id
                and p.kind = 'post' and p.position < o.position
            order by p.position desc limit 1
        ) when o.kind = 'react' and o.message_id is not null then (
            select p.external_ids from outbox p
            where p.message_id = o.message_id and p.room_id = o.room_id and p.kind = 'post'
            order by p.position limit 1
        ) when o.kind = 'erase' then o.external_ids end as refs,
        {STANDING} as standing
    from outbox o
    join lanes l on l.id = o.lane_id
    join accounts a on a.id = l.account_id
    join conversations v on v.id = o.conversation_id
    join customers c on c.id = v.customer_id
    join organizations g on g.id = o.organization_id
    left join rooms r on r.id = o.room_id
    left join places p on p.id = o.place_id
    left join identities i on i.id = p.identity_id
    left join customers pc on pc.id = i.customer_id
    where o.id = any(cast(:ids as uuid[]))
""")

_SAY = text("""
    update messages set reference = :reference where id = :message and organization_id = :organization
        and exists (select from lanes where id = :lane and fence = :fence and lease_until is not null)
""")

_BEGIN = text("""
    update outbox o set begun = true, disclosed = nullif(t.disclosed, ''),
        disclosed_at = case when o.part = 0 or o.disclosed_at is null then clock_timestamp()
            else o.disclosed_at end
    from unnest(cast(:ids as uuid[]), cast(:lanes as uuid[]), cast(:fences as bigint[]),
            cast(:attempts as int[]), cast(:disclosed as text[])) as t(id, lane, fence, attempts, disclosed)
    join lanes l on l.id = t.lane and l.fence = t.fence and l.lease_until is not null
    where o.id = t.id and o.state = 'sending' and o.attempts = t.attempts
    returning o.id
""")

_RENEW = text("""
    update lanes l set lease_until = clock_timestamp() + make_interval(secs => :seconds)
    from unnest(cast(:ids as uuid[]), cast(:fences as bigint[])) as t(id, fence)
    where l.id = t.id and l.fence = t.fence and l.lease_until is not null
""")

_LOCK = text("""
    select id from conversations where id = any(cast(:ids as uuid[])) order by id for update
""")

_HEARD = text("""
    select o.id, p.heard_at from outbox o join places p on p.id = o.place_id
    where o.id = any(cast(:ids as uuid[])) and p.heard_at is not null
""")

_OURS = text("""
    select l.id from lanes l
    join unnest(cast(:ids as uuid[]), cast(:fences as bigint[])) as t(id, fence)
        on l.id = t.id and l.fence = t.fence
    where l.lease_until is not null
    order by l.id for update of l
""")

_CLAIMED = text("""
    select l.id from lanes l
    join unnest(cast(:ids as uuid[]), cast(:fences as bigint[]), cast(:untils as timestamptz[]))
        as t(id, fence, until) on l.id = t.id and l.fence = t.fence and l.lease_until = t.until
    order by l.id for update of l
""")

# A row that waits again counts as begun, for workers of an earlier version: see outbox.begun.
_SETTLE = text("""
    update outbox set state = cast(:state as text), begun = true,
        retried = cast(:state as text) = 'waiting', part = :part, attempts = :attempts,
        error = :error, not_before = case when cast(:wait as float8) > 0
            then clock_timestamp() + make_interval(secs => cast(:wait as float8)) end,
        external_ids = case when cast(:ref as text) <> '' then external_ids || cast(:ref as text) else
        external_ids end,
        person_chat = coalesce(person_chat, nullif(cast(:chat as text), '')),
        sealed_ids = case when cast(:sealed as text) is null then sealed_ids
            else sealed_ids || cast(:sealed as text) end,
        settled_at = case when cast(:state as text) not in ('waiting', 'sending') then clock_timestamp() end
    where id = :id
""")

_LATE = text("""
    update outbox set state = 'delivered', error = null, external_ids = external_ids || cast(:ref as text),
        sealed_ids = case when cast(:sealed as text) is null then sealed_ids
            else sealed_ids || cast(:sealed as text) end
    where id = :id and state = 'unknown'
""")

_TRY = text("""
    insert into deliveries (id, organization_id, outbox_id, attempt, at, outcome, reason)
    values (:id, :organization, :outbox, :attempt, clock_timestamp(), :outcome, :reason)
""")

_PLACE_NOTICE = text("""
    update notices set chat_id = coalesce(chat_id, :chat), post = coalesce(post, :post) where id = :id
""")

_PLACE_ROOM = text("""
    update rooms set chat_id = coalesce(chat_id, :chat), thread = coalesce(thread, :thread),
        card = coalesce(card, nullif(:card, ''))
    where id = :id and (thread is null or card is null)
""")

# A lane may save up `slack` and then send some messages at once: `free_at` is when the next one may leave if
# the lane uses up what it saved (the generic cell rate algorithm, ITU-T I.371). Nothing leaves in a `pause`.
# The lanes are locked, so nothing is added to them meanwhile, and this statement sees all their rows.
_FREE = text(f"""
    update lanes l
    set lease_until = null,
        free_at = f.free_at,
        turn = greatest(l.turn, t.turn),
        ready_at = case when due.at is not null then greatest(due.at, f.free_at) end
    from unnest(cast(:ids as uuid[]), cast(:rests as float8[]), cast(:slacks as float8[]),
            cast(:pauses as float8[]), cast(:turns as bigint[])) as t(id, rest, slack, pause, turn)
    join lanes before on before.id = t.id
    cross join lateral (
        select greatest(
            case when t.pause > 0 then clock_timestamp() + make_interval(secs => t.pause) end,
            case when t.rest > 0 then greatest(
                    clock_timestamp(), coalesce(before.free_at, '-infinity') + make_interval(secs => t.slack)
                ) + make_interval(secs => t.rest - t.slack)
                else before.free_at end
        ) as free_at
    ) f
    cross join lateral (
        select case when exists ({_HEAD.format(lane="before.id")}) then clock_timestamp() else (
            select min(o.not_before) from outbox o
            where o.lane_id = before.id and o.state in ('waiting', 'sending')
                and o.not_before > statement_timestamp()
        ) end as at
    ) due
    where l.id = t.id
""")

_UNSEND = text("""
    update outbox set state = 'waiting', begun = true, retried = true, attempts = greatest(attempts - 1, 0),
        not_before = case when cast(:seconds as float8) > 0
            then clock_timestamp() + make_interval(secs => cast(:seconds as float8)) end
    where id = any(cast(:ids as uuid[])) and state = 'sending'
""")

_POINTLESS = text("""
    update outbox set state = :state, error = cast(:error as text), settled_at = clock_timestamp()
    where id = :id
""")

# Its success is reported, or its message would be shown as failed for ever.
_AGAIN = text("""
    update outbox o set state = 'waiting', retried = true, attempts = 0, error = null, settled_at = null,
        reports = reports or (room_id is null and message_id is not null)
    where organization_id = :organization and id = :id and state in ('failed', 'unknown')
        and (payload <> '' or kind in ('card', 'notice', 'erase')) and not exists (
        select from conversations v join customers c on c.id = v.customer_id
        where v.id = o.conversation_id and o.created_at < c.erased_at and o.kind <> 'card'
    )
    returning lane_id
""")
