"""Read what screens and commands show. Queries name the organization first; everything is opened here.

Texts of a customer whose data key was destroyed read as ERASED.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.core.commands import Subject
from bot.core.conversation import (
    EscalationState,
    Message,
    MessageState,
    Owner,
    OwnerKind,
    Role,
    Status,
    Urgency,
)
from bot.core.errors import BadUsage, KeyDestroyed, NotFound
from bot.core.events import Channel
from bot.core.ids import (
    ConversationId,
    CustomerId,
    DeliveryId,
    EscalationId,
    MessageId,
    OrgId,
    PersonId,
    TeamId,
)
from bot.core.numbers import number_typed
from bot.core.permissions import Scope
from storage import queries_sql as sql
from storage.keys import Keys
from storage.reasons import reason_of
from storage.scopes import limits
from storage.sealed_fields import (
    ADDRESS,
    ERROR,
    PROFILE,
    REASON,
    SNAPSHOT,
    STEP_REASON,
    TRY_REASON,
    TURN_REASONS,
)
from storage.sealing import Sealer
from storage.views import message

ERASED: Final = "(erased)"
PREFIX_LEAST: Final = 8  # hexadecimal digits of an id that are enough, if they identify only one

AnyRow = Row[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationLine:
    id: ConversationId
    number: int
    customer: CustomerId
    customer_name: str
    customer_address: str  # as people write it on that channel; "" if it is not stored
    channel: Channel
    account: str
    status: Status
    owner: Owner
    created_at: datetime
    messages: int
    pending_since: datetime | None  # since when the customer has waited for an answer
    automatic: bool  # a program wrote last, so nobody answers


@dataclass(frozen=True, slots=True, kw_only=True)
class EscalationLine:
    """An escalation without any text of the customer."""

    id: EscalationId
    conversation: ConversationId
    state: EscalationState
    agent: str
    team: TeamId
    holder: PersonId | None
    trigger: str
    urgency: Urgency
    opened_at: datetime
    deadline: datetime | None
    taken_at: datetime | None
    resolved_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PathStep:
    """A step of an escalation: `EscalationStep` of the specification."""

    at: datetime
    from_: str
    to: str
    reason: str
    snapshot: str  # the story at that time


@dataclass(frozen=True, slots=True, kw_only=True)
class EscalationStory:
    line: EscalationLine
    customer_name: str
    customer_address: str
    reason: str
    why: str
    tried: str
    path: tuple[PathStep, ...]  # oldest first


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationStory:
    line: ConversationLine
    messages: tuple[Message, ...]  # the whole log, oldest first
    escalations: tuple[EscalationLine, ...]  # oldest first
    previous: ConversationId | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    attempt: int
    at: datetime
    outcome: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryLine:
    """A row of the outbox that has not arrived. `tries` are its failed attempts, oldest first."""

    id: DeliveryId
    state: str  # waiting, sending, failed, unknown
    kind: str
    channel: Channel
    account: str
    conversation: ConversationId
    to_staff: bool
    attempts: int
    error: str
    created_at: datetime
    tries: tuple[Try, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnLine:
    id: UUID
    started_at: datetime
    inputs: int
    timers: int
    stages: Mapping[str, float]  # milliseconds
    outcome: str
    reasons: tuple[tuple[str, str], ...]  # who handled it, and why


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """The current numbers of an organization."""

    begun: Mapping[Status, int]  # conversations that began in the last 24 hours, by their current status
    unanswered: int  # conversations in which a customer waits for an answer
    unanswered_since: datetime | None
    automatic: int  # conversations that nobody answers, because a program wrote
    escalations_waiting: int
    escalations_held: int
    escalations_unseen: int  # open escalations without an open room
    escalation_waiting_since: datetime | None
    deliveries_waiting: int
    delivery_waiting_since: datetime | None
    deliveries_failed: int
    deliveries_unknown: int


_PLURAL: Final = {
    Subject.CONVERSATION: "conversations",
    Subject.ESCALATION: "escalations",
    Subject.DELIVERY: "deliveries",
    Subject.CUSTOMER: "customers",
}

_BY_PREFIX: Final = {
    Subject.CONVERSATION: sql.CONVERSATIONS_BY_PREFIX,
    Subject.ESCALATION: sql.ESCALATIONS_BY_PREFIX,
    Subject.DELIVERY: sql.DELIVERIES_BY_PREFIX,
    Subject.CUSTOMER: sql.CUSTOMERS_BY_PREFIX,
}

_BY_NUMBER: Final = {
    Subject.CONVERSATION: sql.CONVERSATION_BY_NUMBER,
    Subject.ESCALATION: sql.ESCALATION_BY_NUMBER,
}


async def find_id(connection: AsyncConnection, organization: OrgId, subject: Subject, reference: str) -> UUID:
    """Return the id that begins with `reference`: PREFIX_LEAST or more hexadecimal digits, dashes optional.

    A conversation is also found by its number, and so is its newest escalation. Raise BadUsage for anything
    else, and when several ids begin with it; NotFound when none does.
    """
    if (number := number_typed(reference)) is not None and (statement := _BY_NUMBER.get(subject)) is not None:
        given = {"organization": organization, "number": number}
        if (numbered := await connection.scalar(statement, given)) is not None:
            return UUID(str(numbered))
        if reference.strip().startswith("#") or len(str(number)) < PREFIX_LEAST:
            raise NotFound(subject, reference)
    digits = reference.strip().lower().replace("-", "")
    if not (digits.isascii() and digits.isalnum() and set(digits) <= set("0123456789abcdef")):
        raise BadUsage(f"{reference[:40]!r} is no id of a {subject}: ids are hexadecimal digits.")
    if not PREFIX_LEAST <= len(digits) <= 32:
        raise BadUsage(f"{reference[:40]!r} is no id of a {subject}: give {PREFIX_LEAST} to 32 digits of it.")
    found = list(
        await connection.scalars(
            _BY_PREFIX[subject],
            {
                "organization": organization,
                "least": UUID(digits.ljust(32, "0")),
                "most": UUID(digits.ljust(32, "f")),
            },
        )
    )
    if not found:
        raise NotFound(subject, reference)
    if len(found) > 1:
        shown = ", ".join(str(id_) for id_ in found[:3])
        raise BadUsage(
            f"Several {_PLURAL[subject]} begin with {reference!r}: {shown} …. Give more of the id."
        )
    return UUID(str(found[0]))


async def conversations(
    connection: AsyncConnection,
    keys: Keys,
    organization: OrgId,
    *,
    status: Status | None = None,
    automatic: bool = False,
    before: ConversationId | None = None,
    limit: int = 20,
    scopes: Sequence[Scope] | None = None,
) -> tuple[ConversationLine, ...]:
    """Return conversations in the scopes, newest first. `before` continues after that conversation.

    `automatic` returns only those that nobody answers, because a program wrote.
    """
    given: dict[str, object] = {"organization": organization, "before": before, "limit": limit} | limits(
        scopes
    )
    if automatic:
        rows = await connection.execute(sql.CONVERSATIONS_OF_PROGRAMS.of(scopes), given)
    elif status is None:
        rows = await connection.execute(sql.CONVERSATIONS.of(scopes), given)
    else:
        rows = await connection.execute(
            sql.CONVERSATIONS_OF_STATUS.of(scopes), {**given, "status": status.value}
        )
    return tuple(_conversation_line(row, keys) for row in rows)


async def conversation(
    connection: AsyncConnection, keys: Keys, organization: OrgId, id_: ConversationId
) -> ConversationStory:
    """Return a conversation with its whole log. Raise NotFound."""
    given = {"organization": organization, "conversation": id_}
    row = (await connection.execute(sql.CONVERSATION, given)).one_or_none()
    if row is None:
        raise NotFound("conversation", str(id_))
    sealer = _sealer(keys, row)
    messages = await connection.execute(sql.MESSAGES, given)
    escalated = await connection.execute(sql.ESCALATIONS_OF, given)
    return ConversationStory(
        line=_conversation_line(row, keys),
        messages=tuple(_message(m, sealer) for m in messages),
        escalations=tuple(_escalation_line(e) for e in escalated),
        previous=ConversationId(row.previous_id) if row.previous_id else None,
    )


async def escalations(
    connection: AsyncConnection,
    organization: OrgId,
    *,
    open_only: bool = True,
    before: EscalationId | None = None,
    limit: int = 20,
    scopes: Sequence[Scope] | None = None,
) -> tuple[EscalationLine, ...]:
    """Return escalations in the scopes, newest first: the open ones, or all.

    `before` continues after that escalation.
    """
    statement = (sql.OPEN_ESCALATIONS if open_only else sql.ESCALATIONS).of(scopes)
    rows = await connection.execute(
        statement, {"organization": organization, "before": before, "limit": limit} | limits(scopes)
    )
    return tuple(_escalation_line(row) for row in rows)


async def escalation(
    connection: AsyncConnection, keys: Keys, organization: OrgId, id_: EscalationId
) -> EscalationStory:
    """Return an escalation with its reason and its path. Raise NotFound."""
    given = {"organization": organization, "escalation": id_}
    row = (await connection.execute(sql.ESCALATION, given)).one_or_none()
    if row is None:
        raise NotFound("escalation", str(id_))
    sealer = _sealer(keys, row)
    words = json.loads(sealer.open(row.reason, field=REASON)) if sealer else {}
    steps = await connection.execute(sql.STEPS, given)
    return EscalationStory(
        line=_escalation_line(row),
        customer_name=_name(row.profile, sealer),
        customer_address=_address(row, keys),
        reason=words.get("reason", ERASED),
        why=words.get("why", ERASED),
        tried=words.get("tried", ERASED),
        path=tuple(
            PathStep(
                at=step.timestamp,
                from_=step.from_,
                to=step.to,
                reason=_opened(step.reason, sealer, STEP_REASON),
                snapshot=_opened(step.context_snapshot, sealer, SNAPSHOT) if step.context_snapshot else "",
            )
            for step in steps
        ),
    )


async def deliveries(
    connection: AsyncConnection,
    keys: Keys,
    organization: OrgId,
    *,
    dead_only: bool = False,
    limit: int = 50,
    scopes: Sequence[Scope] | None = None,
) -> tuple[DeliveryLine, ...]:
    """Return what has not arrived, in the scopes: first the failed and unknown (newest first), then the
    waiting (oldest first).
    """
    given = {"organization": organization, "limit": limit, **limits(scopes)}
    rows: list[AnyRow] = list(await connection.execute(sql.DEAD.of(scopes), given))
    if not dead_only and len(rows) < limit:
        rows += await connection.execute(sql.WAITING.of(scopes), {**given, "limit": limit - len(rows)})
    by_id = {row.id: row for row in rows}
    tries: dict[UUID, list[Try]] = {row.id: [] for row in rows}
    for t in await connection.execute(sql.TRIES, {"organization": organization, "ids": list(tries)}):
        reason = reason_of(keys, by_id[t.outbox_id], t.reason, TRY_REASON)
        tries[t.outbox_id].append(Try(attempt=t.attempt, at=t.at, outcome=t.outcome, reason=reason))
    return tuple(_delivery_line(row, keys, tries[row.id]) for row in rows)


async def listeners(connection: AsyncConnection, organization: OrgId) -> Mapping[str, str]:
    """Return for each active account the process that fetches for it now, or "" for none."""
    rows = await connection.execute(sql.LISTENERS, {"organization": organization})
    return {row.account: row.leader for row in rows}


async def turns(
    connection: AsyncConnection, keys: Keys, organization: OrgId, id_: ConversationId, *, limit: int = 50
) -> tuple[TurnLine, ...]:
    """Return the last `limit` turns of a conversation, oldest first. Raise NotFound."""
    given = {"organization": organization, "conversation": id_}
    row = (await connection.execute(sql.KEY, given)).one_or_none()
    if row is None:
        raise NotFound("conversation", str(id_))
    sealer = _sealer(keys, row)
    rows = (await connection.execute(sql.TURNS, {**given, "limit": limit})).all()
    return tuple(
        TurnLine(
            id=turn.id,
            started_at=turn.started_at,
            inputs=turn.inputs,
            timers=turn.timers,
            stages={name: float(ms) for name, ms in turn.stages.items()},
            outcome=turn.outcome,
            reasons=_reasons(turn.reasons, sealer),
        )
        for turn in reversed(rows)
    )


async def counts(connection: AsyncConnection, organization: OrgId) -> Counts:
    """Return the current numbers of an organization. This takes six statements, each on an index."""
    given = {"organization": organization}
    begun = {Status(row.status): row.number for row in await connection.execute(sql.BEGUN, given)}
    unanswered = (await connection.execute(sql.UNANSWERED, given)).one()
    automatic = (await connection.execute(sql.AUTOMATIC, given)).one()
    escalated = (await connection.execute(sql.ESCALATED, given)).one()
    waiting = (await connection.execute(sql.COUNT_WAITING, given)).one()
    dead = (await connection.execute(sql.COUNT_DEAD, given)).one()
    return Counts(
        begun=begun,
        unanswered=unanswered.number,
        unanswered_since=unanswered.since,
        automatic=automatic.number,
        escalations_waiting=escalated.waiting,
        escalations_held=escalated.held,
        escalations_unseen=escalated.unseen,
        escalation_waiting_since=escalated.since,
        deliveries_waiting=waiting.number,
        delivery_waiting_since=waiting.since,
        deliveries_failed=dead.failed,
        deliveries_unknown=dead.unknown,
    )


# --- from rows ---------------------------------------------------------------------------------------------


def _sealer(keys: Keys, row: AnyRow) -> Sealer | None:
    """Return the customer's sealer, or None if they were erased."""
    try:
        return keys.customer(CustomerId(row.customer_id), row.data_key)
    except KeyDestroyed:
        return None


def _opened(sealed: str, sealer: Sealer | None, field: str) -> str:
    return sealer.open(sealed, field=field) if sealer else ERASED


def _name(profile: str, sealer: Sealer | None) -> str:
    return str(json.loads(sealer.open(profile, field=PROFILE))["name"]) if sealer else ERASED


def _reasons(sealed: str, sealer: Sealer | None) -> tuple[tuple[str, str], ...]:
    if sealer is None:
        return (("", ERASED),)
    pairs: Sequence[Sequence[str]] = json.loads(sealer.open(sealed, field=TURN_REASONS))
    return tuple((str(who), str(why)) for who, why in pairs)


def _message(row: AnyRow, sealer: Sealer | None) -> Message:
    if sealer is not None:
        return message(row, sealer)
    return Message(
        id=MessageId(row.id),
        role=Role(row.role),
        sender=row.sender_id,
        text=ERASED,
        state=MessageState(row.state),
        at=row.created_at,
        edited=row.edited,
    )


def _address(row: AnyRow, keys: Keys) -> str:
    if row.owner_key is None or not row.address:
        return ""
    return keys.customer(row.owner_id, row.owner_key).open(row.address, field=ADDRESS)


def _conversation_line(row: AnyRow, keys: Keys) -> ConversationLine:
    sealer = _sealer(keys, row)
    return ConversationLine(
        id=ConversationId(row.id),
        number=row.number,
        customer=CustomerId(row.customer_id),
        customer_name=_name(row.profile, sealer),
        customer_address=_address(row, keys),
        channel=Channel(row.channel or ERASED),
        account=row.account or ERASED,
        status=Status(row.status),
        owner=Owner(OwnerKind(row.owner_kind), row.owner_name),
        created_at=row.created_at,
        messages=row.position,
        pending_since=row.pending_since,
        automatic=row.automatic and row.status == Status.PENDING and row.owner_kind in ("agent", "flow"),
    )


def _escalation_line(row: AnyRow) -> EscalationLine:
    return EscalationLine(
        id=EscalationId(row.id),
        conversation=ConversationId(row.conversation_id),
        state=EscalationState(row.state),
        agent=row.from_agent,
        team=TeamId(row.team),
        holder=PersonId(row.to_human) if row.to_human else None,
        trigger=row.trigger,
        urgency=Urgency(row.urgency),
        opened_at=row.opened_at,
        deadline=row.deadline,
        taken_at=row.taken_at,
        resolved_at=row.resolved_at,
    )


def _delivery_line(row: AnyRow, keys: Keys, tries: Sequence[Try]) -> DeliveryLine:
    return DeliveryLine(
        id=DeliveryId(row.id),
        state=row.state,
        kind=row.kind,
        channel=Channel(row.channel),
        account=row.account,
        conversation=ConversationId(row.conversation_id),
        to_staff=row.place_id is None,
        attempts=row.attempts,
        error=reason_of(keys, row, row.error, ERROR),
        created_at=row.created_at,
        tries=tuple(tries),
    )
