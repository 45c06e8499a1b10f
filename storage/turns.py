"""Claim conversations and commit turns.

A claim is a lease with a fencing token: a worker that has lost its lease cannot commit. A commit writes all
effects of a turn or none. Turns that end at the same time share one transaction.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.core.conversation import Conversation, Memory, Status, View
from bot.core.effects import AddMessage, CompleteVerification, Effect, Move, Remember
from bot.core.ids import ConversationId, CustomerId, LaneId, NewId, OrgId
from storage.asked_numbers import with_askers
from storage.codec import dump_memory, seals
from storage.database import pipeline
from storage.effects import Writes
from storage.erased import sealer_of_erased, views_of_erased
from storage.keys import Keys
from storage.merging import alone
from storage.sealing import Sealer
from storage.staff_effects import find_rooms
from storage.turn_rows import CurrentPlace
from storage.views import views

_UNREADABLE = timedelta(minutes=5)  # until a conversation that could not be read is tried again


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to advance one conversation. `last_accepted` is the number of the last input in the view."""

    conversation: ConversationId
    organization: OrgId
    version: int  # of the organization file in force
    fence: int
    attempt: int  # 1 for the first
    last_accepted: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """The content of a turn's commit: its effects, the next wake-up, and how it was decided."""

    lease: Lease
    view: View
    effects: tuple[Effect, ...]
    insist: bool  # commit even if the customer has written again meanwhile
    wake_at: datetime | None  # the next timer
    started_at: datetime
    stages: Mapping[str, float]  # milliseconds
    reasons: tuple[tuple[str, str], ...]  # who handled it, and why


class Turns:
    """Claims, renews, releases and commits turns. One per process; the caller owns the transaction."""

    def __init__(self, keys: Keys, new_id: NewId) -> None:
        self._keys = keys
        self._new_id = new_id

    async def claim(
        self, connection: AsyncConnection, limit: int, lease: timedelta
    ) -> list[tuple[Lease, View]]:
        """Lease up to `limit` conversations that are due, and read them. Prefer those that are due longest.

        Never wait for a row that another transaction has locked.
        """
        given = {"limit": limit, "seconds": lease.total_seconds()}
        [rows] = await pipeline(connection, (_CLAIM, given))
        if not rows:
            return []
        read = await views(connection, self._keys, [row.id for row in rows])
        for id_, view in read.items():
            read[id_] = await with_askers(connection, self._keys, view)
        read |= await views_of_erased(connection, self._keys, [row.id for row in rows if row.id not in read])
        for row in rows:
            if row.id not in read:
                await connection.execute(
                    _RELEASE,
                    {
                        "id": row.id,
                        "fence": row.fence,
                        "seconds": _UNREADABLE.total_seconds(),
                        "failed": True,
                    },
                )
        return [
            (
                Lease(
                    ConversationId(row.id),
                    OrgId(row.organization_id),
                    row.version,
                    row.fence,
                    row.attempts,
                    read[row.id].inputs[-1].seq if read[row.id].inputs else row.last_handled,
                ),
                read[row.id],
            )
            for row in rows
            if row.id in read
        ]

    async def renew(
        self, connection: AsyncConnection, leases: Sequence[Lease], lease: timedelta
    ) -> dict[ConversationId, int]:
        """Extend leases. Return the customer's last input of each conversation that is still ours."""
        rows = await connection.execute(
            _RENEW,
            {
                "ids": [item.conversation for item in leases],
                "fences": [item.fence for item in leases],
                "seconds": lease.total_seconds(),
            },
        )
        return {ConversationId(row.id): row.last_customer_input for row in rows}

    async def release(
        self, connection: AsyncConnection, lease: Lease, *, after: timedelta | None, failed: bool
    ) -> None:
        """Release a conversation without a commit.

        It wakes `after` a pause, or at the time that was set before if that is None. `failed` keeps the
        attempt counted.
        """
        await connection.execute(
            _RELEASE,
            {
                "id": lease.conversation,
                "fence": lease.fence,
                "seconds": None if after is None else after.total_seconds(),
                "failed": failed,
            },
        )

    async def commit(self, connection: AsyncConnection, commits: Sequence[Commit]) -> list[str]:
        """Write the turns. Return for each "committed", "superseded" (the customer wrote again) or "stale".

        A superseded conversation is released and wakes when its quiet window ends. A turn is also superseded
        when it would reopen a conversation although the customer has begun another: it is decided again, and
        then finds the new one.

        Raise Superseded, with nothing written, when a message has begun to leave that a turn believed unsent.
        The caller then tries each turn of the batch alone.
        """
        ordered = sorted(commits, key=lambda item: item.lease.conversation)
        for organization in sorted({c.lease.organization for c in commits if _merges(c)}):
            await alone(connection, organization)
        moved_on = await _moved_on(connection, ordered)
        rows = []
        if going := [c for c in ordered if c.lease.conversation not in moved_on]:
            sealers = await self._memory_sealers(connection, going)
            finishing = [_finish(c, sealers.get(c.view.conversation.customer)) for c in going]
            [rows] = await pipeline(connection, (_FINISH, _columns(finishing)))
        finished = {row.id: row for row in rows}
        superseded = await self._give_back(
            connection, [c for c in ordered if c.view.conversation.id not in finished]
        )
        turns = [(c.lease.organization, c.effects) for c in ordered if c.lease.conversation in finished]
        writes = Writes(self._keys, self._new_id, await find_rooms(connection, self._keys, turns))
        for commit in ordered:
            row = finished.get(commit.lease.conversation)
            if row is not None:
                sealer = await self._sealer(connection, commit.view.conversation, row.data_key)
                ours = self._keys.organization(commit.lease.organization, row.org_key, row.index_key)
                location = CurrentPlace(row.position, LaneId(row.lane_id), row.place_id, sealer, ours.index)
                await writes.add(connection, commit.view, commit.effects, location)
                writes.turn(location, _log(commit, self._new_id()), commit.reasons)
        await writes.flush(connection)
        return [
            "committed"
            if c.lease.conversation in finished
            else "superseded"
            if c.lease.conversation in superseded
            else "stale"
            for c in commits
        ]

    async def _memory_sealers(
        self, connection: AsyncConnection, commits: Sequence[Commit]
    ) -> dict[CustomerId, Sealer]:
        """Return the sealers for memories that hold data of their customers, by customer."""
        whose = {c.view.conversation.customer for c in commits if seals(_memory(c))}
        if not whose:
            return {}
        rows = await connection.execute(_KEYS, {"ids": sorted(whose)})
        return {CustomerId(row.id): self._keys.customer(row.id, row.data_key) for row in rows}

    async def _sealer(
        self, connection: AsyncConnection, conversation: Conversation, data_key: bytes | None
    ) -> Sealer:
        if conversation.erased:
            return await sealer_of_erased(connection, self._keys, conversation.organization)
        return self._keys.customer(conversation.customer, data_key)

    async def _give_back(self, connection: AsyncConnection, commits: Sequence[Commit]) -> set[ConversationId]:
        if not commits:
            return set()
        rows = await connection.execute(
            _GIVE_BACK,
            {"ids": [c.lease.conversation for c in commits], "fences": [c.lease.fence for c in commits]},
        )
        return {row.id for row in rows}


def _merges(commit: Commit) -> bool:
    return any(isinstance(effect, CompleteVerification) for effect in commit.effects)


def _reopens(commit: Commit) -> bool:
    """Return whether a turn reopens a resolved conversation that, as far as it knows, has no successor."""
    before = commit.view.conversation
    moves = [effect.status for effect in commit.effects if isinstance(effect, Move)]
    over = before.status is Status.RESOLVED and before.continued_in is None
    return over and bool(moves) and moves[-1] is not Status.RESOLVED


async def _moved_on(connection: AsyncConnection, commits: Sequence[Commit]) -> set[ConversationId]:
    """Return those of the conversations to be reopened whose customer has begun another one.

    Lock all conversations of the commits first: whoever begins a conversation locks the one before it.
    """
    reopened = [c.lease.conversation for c in commits if _reopens(c)]
    if not reopened:
        return set()
    await connection.execute(_LOCK, {"ids": [c.lease.conversation for c in commits]})
    return {ConversationId(id_) for id_ in await connection.scalars(_MOVED_ON, {"ids": reopened})}


def _memory(commit: Commit) -> Memory:
    remembered = [effect.memory for effect in commit.effects if isinstance(effect, Remember)]
    return remembered[-1] if remembered else commit.view.conversation.memory


def _finish(commit: Commit, sealer: Sealer | None) -> dict[str, object]:
    """Return the new values of the conversation's row. The statement that checks the fence writes them."""
    before = commit.view.conversation
    owner, status = before.owner, before.status
    reopen: timedelta | None = None
    added = 0
    for effect in commit.effects:
        match effect:
            case Move():
                owner, status, reopen = effect.owner, effect.status, effect.reopen
            case AddMessage(position=None):
                added += 1
            case _:
                pass
    return {
        "ids": commit.lease.conversation,
        "fences": commit.lease.fence,
        "seen": commit.lease.last_accepted,
        "insist": commit.insist,
        "wakes": commit.wake_at,
        "added": added,
        "owner_kinds": owner.kind.value,
        "owner_names": owner.name,
        "statuses": status.value,
        "memories": dump_memory(_memory(commit), sealer),
        "reopens": None if reopen is None else reopen.total_seconds(),
    }


def _columns(rows: Sequence[dict[str, object]]) -> dict[str, list[object]]:
    return {name: [row[name] for row in rows] for name in rows[0]}


def _log(commit: Commit, turn: UUID) -> dict[str, object]:
    view = commit.view
    return {
        "id": turn,
        "organization": commit.lease.organization,
        "conversation": commit.lease.conversation,
        "fence": commit.lease.fence,
        "started_at": commit.started_at,
        "inputs": len(view.inputs),
        "timers": sum(timer.due_at <= view.now for timer in view.timers),
        "stages": json.dumps({name: round(ms, 2) for name, ms in commit.stages.items()}),
        "outcome": "committed",
    }


# The statement's own time is stable, so it bounds the scan of the index; clock_timestamp() would not.
_CLAIM = text("""
    with due as (
        select id from conversations
        where wake_at <= statement_timestamp()
            and (lease_until is null or lease_until < statement_timestamp())
        order by wake_at limit :limit for update skip locked
    )
    update conversations v
    set lease_until = clock_timestamp() + make_interval(secs => :seconds), fence = fence + 1,
        attempts = attempts + 1
    from due, organizations o where v.id = due.id and o.id = v.organization_id
    returning v.id, v.organization_id, o.version, v.fence, v.attempts, v.last_handled
""")

_RENEW = text("""
    update conversations v set lease_until = clock_timestamp() + make_interval(secs => :seconds)
    from unnest(cast(:ids as uuid[]), cast(:fences as bigint[])) as t(id, fence)
    where v.id = t.id and v.fence = t.fence and v.lease_until is not null
    returning v.id, v.last_customer_input
""")

_RELEASE = text("""
    update conversations
    set lease_until = null, attempts = case when :failed then attempts else greatest(attempts - 1, 0) end,
        wake_at = case when cast(:seconds as float8) is null then wake_at
            else clock_timestamp() + make_interval(secs => cast(:seconds as float8)) end
    where id = :id and fence = :fence
""")

_KEYS = text(
    "select id, data_key from customers where id = any(cast(:ids as uuid[])) and data_key is not null"
)

_LOCK = text("select id from conversations where id = any(cast(:ids as uuid[])) order by id for update")

_MOVED_ON = text("""
    select v.id from conversations v join places p on p.id = v.place_id
    where v.id = any(cast(:ids as uuid[])) and p.conversation_id <> v.id
""")

_FINISH = text("""
    with locked as (
        select id from conversations where id = any(cast(:ids as uuid[])) order by id for update
    )
    update conversations v
    set lease_until = null, attempts = 0, last_handled = t.seen, position = v.position + t.added,
        owner_kind = t.owner_kind, owner_name = t.owner_name, status = t.status, memory = t.memory,
        resolved_at = case when t.status <> 'resolved' then null
            when v.status = 'resolved' then v.resolved_at else clock_timestamp() end,
        reopen_until = case when t.status <> 'resolved' then null
            when t.reopen is null then v.reopen_until
            else clock_timestamp() + make_interval(secs => t.reopen) end,
        pending_since = case when v.last_customer_input > t.seen then clock_timestamp() end,
        wake_at = case when v.last_accepted > t.seen then greatest(v.wake_at, clock_timestamp())
            else t.wake end
    from locked, organizations g,
        unnest(cast(:ids as uuid[]), cast(:fences as bigint[]), cast(:seen as int[]),
        cast(:insist as bool[]), cast(:wakes as timestamptz[]), cast(:added as int[]),
        cast(:owner_kinds as text[]), cast(:owner_names as text[]), cast(:statuses as text[]),
        cast(:memories as jsonb[]), cast(:reopens as float8[]))
        as t(id, fence, seen, insist, wake, added, owner_kind, owner_name, status, memory, reopen)
    where v.id = locked.id and v.id = t.id and v.fence = t.fence and v.lease_until is not null
        and g.id = v.organization_id and (t.insist or v.last_customer_input <= t.seen)
    returning v.id, v.position - t.added as position, v.place_id, g.data_key as org_key, g.index_key,
        (select lane_id from places where id = v.place_id) as lane_id,
        (select data_key from customers where id = v.customer_id) as data_key
""")

_GIVE_BACK = text("""
    update conversations v
    set lease_until = null, attempts = greatest(v.attempts - 1, 0)
    from unnest(cast(:ids as uuid[]), cast(:fences as bigint[])) as t(id, fence)
    where v.id = t.id and v.fence = t.fence and v.lease_until is not null
    returning v.id
""")
