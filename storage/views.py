"""Read rows as the frozen values of `bot.core.conversation`. Everything sealed is opened here."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from typing import Any, NamedTuple
from uuid import UUID

import structlog
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.core.conversation import (
    Conversation,
    Counted,
    DeliveryReport,
    Escalation,
    EscalationState,
    FileReport,
    Input,
    Memory,
    Message,
    MessageState,
    Origin,
    Owner,
    OwnerKind,
    Role,
    Room,
    RoomPurpose,
    Status,
    Timer,
    Urgency,
    View,
)
from bot.core.errors import DeskError
from bot.core.events import (
    NO_REFERENCE,
    Attachment,
    Channel,
    Deleted,
    Edited,
    Event,
    Place,
    Reacted,
    Receipt,
    Stopped,
    ThreadControl,
)
from bot.core.ids import AgentId, ConversationId, CustomerId, EscalationId, MessageId, OrgId, PersonId, TeamId
from storage.codec import load_attachments, load_body, load_memory, load_reference, load_source
from storage.database import pipeline
from storage.hashes import reference_hash
from storage.keys import Keys
from storage.sealed_fields import (
    ADDRESS,
    BODY,
    CONTENT,
    EXTRAS,
    FILE_ERROR,
    FILE_NAME,
    PLACE,
    PROFILE,
    REASON,
    REFERENCE,
    SOURCE,
)
from storage.sealing import KeyedHash, Sealer

STORY = 60  # messages of the log that a turn sees
INPUTS_AT_ONCE = 200  # inputs that a turn takes: several turns handle a longer backlog

_WORDS = ("reason", "why", "tried")
_MAY_WAIT = (
    MessageState.RELEASED,
    MessageState.PARKED,
    MessageState.FAILED,
)
_OPEN = (EscalationState.WAITING.value, EscalationState.HELD.value)

AnyRow = Row[Any]
log = structlog.get_logger(__name__)


async def views(
    connection: AsyncConnection, keys: Keys, ids: Sequence[ConversationId]
) -> dict[ConversationId, View]:
    """Return the current views of conversations, by id.

    One round trip reads them all. Inputs that refer to older messages cost further queries per conversation.
    Leave out and log those that cannot be read (their customer was erased, or no key fits).
    """
    given = {"ids": list(ids)}
    found, *listed, matters = await pipeline(
        connection,
        (_HEADS, given),
        (INPUTS, given),
        (TIMERS, given),
        (_STORY, given | {"limit": STORY}),
        (_FILES, given),
        (ROOMS, given),
        (_REPLIES, given),
        (_FLOODS, given),
        (_ESCALATIONS, given),
    )
    heads = {row.id: row for row in found}
    inputs, timers, story, files, rooms, replies, floods = map(_group, listed)
    escalations = _escalations(keys, heads, matters)
    read: dict[ConversationId, View] = {}
    for id_, row in heads.items():
        try:
            sealer = keys.customer(row.customer_id, row.data_key)
            settled = settled_files(files[id_], sealer)
            view = _view(row, keys, escalations.get(id_), inputs[id_], timers[id_], story[id_], settled)
            flooding = {known.subject: known.until for known in floods[id_]}
            view = replace(
                view,
                rooms=tuple(room_of(known) for known in rooms[id_]),
                replies={Counted(known.kind): tuple(known.replied) for known in replies[id_]},
                more=row.unhandled > INPUTS_AT_ONCE,
                customer_floods=flooding.get("customer"),
                others_flood=flooding.get("others"),
                account_floods=flooding.get("account"),
            )
            index = keys.organization(row.organization_id, row.org_key, row.index_key).index
            read[ConversationId(id_)] = await _with_older(connection, view, sealer, index, settled)
        except (DeskError, ValueError) as error:  # an unreadable conversation must not hold up the others
            log.error("unreadable conversation", conversation=str(id_), code=getattr(error, "code", "row"))
    return read


async def _with_older(
    connection: AsyncConnection, view: View, sealer: Sealer, index: KeyedHash, settled: "Settled"
) -> View:
    """Return the view with messages that its inputs refer to and that are older than the story.

    Such inputs are edits, deletions, reactions, receipts, and reports of deliveries and files.
    """
    refs: set[str] = set()
    ids: set[MessageId] = set()
    sent: set[str] = set()
    until: set[tuple[datetime, Place]] = set()
    for item in view.inputs:
        match item.body:
            case DeliveryReport(message=told) if told is not None:
                ids.add(told)
            case FileReport(message=carrier):
                ids.add(carrier)
            case Event(content=Edited(message=ref) | Deleted(message=ref)):
                refs.add(ref)
            case Event(content=Reacted(message=ref)):
                refs.add(ref)
                sent.add(ref)
            case Event(content=Receipt(messages=named, until=mark), place=place):
                sent.update(named)
                if mark is not None:
                    until.add((mark, place))
            case _:
                pass
        if isinstance(item.body, Event) and item.body.reply_to and item.origin is Origin.CUSTOMER:
            refs.add(item.body.reply_to)
            sent.add(item.body.reply_to)
    sent.update(early.message for early in view.conversation.memory.early)
    ids.update(view.conversation.memory.owed)
    ids.update(view.conversation.memory.kept)
    if burst := view.conversation.memory.burst:
        meant = (burst.newest, *burst.changed, *(deed.message for deed in burst.deeds))
        ids.update(id_ for id_ in meant if id_ is not None)
        ids.update(id_ for id_, _ in burst.files)
    reactions = view.conversation.memory.reactions
    ids.update(MessageId(UUID(waiting.message)) for waiting in reactions if not waiting.left)
    if sent or until:
        view = await _with_meaning(connection, view, index, sent, until)
    ids.update(*view.refs.values(), *view.shown.values())
    ids -= {m.id for m in view.story}
    # A note may be the private part of a message whose public part is older.
    refs -= {m.ref for m in view.story if m.state is not MessageState.NOTE}
    if ids or refs:
        given = {"id": view.conversation.id, "ids": sorted(ids), "refs": sorted(_kept(index, refs))}
        older = [message(row, sealer, settled) for row in await connection.execute(_OLDER, given)]
        known = {m.id for m in view.story}
        view = replace(view, story=(*(m for m in older if m.id not in known), *view.story))
    view = await _with_leaving(connection, await _with_lines(connection, view))
    view = await _with_crowd(connection, await _with_unsent(connection, view))
    return await _with_doubts(connection, await _with_heard(connection, view, sealer))


async def _with_heard(connection: AsyncConnection, view: View, sealer: Sealer) -> View:
    """Return the view with the inputs of messages that are kept, or whose answers another app may stop."""
    ids = set(view.conversation.memory.kept)
    if any(_changes_hands(item, view.conversation.memory) for item in view.inputs):
        coming = {item.message for item in view.inputs}
        ids |= {m.id for m in view.story if m.state is MessageState.RECEIVED and m.id not in coming}
    if not ids:
        return view
    rows = await connection.execute(_HEARD, {"id": view.conversation.id, "ids": sorted(ids)})
    return replace(view, heard=tuple(_input(row, sealer) for row in rows))


def _changes_hands(item: Input, memory: Memory) -> bool:
    """Return whether words of ours that wait may have to be taken back, because of another app."""
    if not isinstance(item.body, Event) or item.origin is not Origin.CUSTOMER:
        return False
    # The customer may write to us again, where another app has answered since words of ours wait.
    again = memory.parked > 0 and bool(memory.controls)
    return again or item.body.overheard or isinstance(item.body.content, ThreadControl)


async def _with_crowd(connection: AsyncConnection, view: View) -> View:
    """Return the view with the number of similar conversations that need people, if it has no escalation."""
    if view.escalation is not None:
        return view
    id_, crowd = {"id": view.conversation.id}, 0
    if not view.conversation.return_verified:
        crowd = await connection.scalar(_UNVOUCHED, id_) or 0
    if view.customer_floods is not None or any(_waits_for_customer(timer) for timer in view.timers):
        crowd = max(crowd, await connection.scalar(_CROWD, id_) or 0)
    return replace(view, crowd=crowd)


def _waits_for_customer(timer: Timer) -> bool:
    return (timer.kind, timer.subject) == ("burst", "customer")


async def _with_doubts(connection: AsyncConnection, view: View) -> View:
    """Return the view with the number of messages in doubt for each agent, if a timer asks for it now."""
    doubted = [timer for timer in view.timers if timer.kind in ("in_doubt", "noticed")]
    if not doubted:
        return view
    given = {"ids": [UUID(timer.subject) for timer in doubted]}
    arrived = frozenset(map(MessageId, await connection.scalars(_ARRIVED, given)))
    view = replace(view, arrived=arrived)
    if not any(timer.kind == "in_doubt" and timer.due_at <= view.now for timer in doubted):
        return view
    rows = await connection.execute(_IN_DOUBT, {"organization": view.conversation.organization})
    return replace(view, in_doubt={row.owner_name: row.messages for row in rows})


async def _with_meaning(
    connection: AsyncConnection,
    view: View,
    index: KeyedHash,
    refs: set[str],
    until: set[tuple[datetime, Place]],
) -> View:
    """Return the view with the messages that the platform's ids and watermarks refer to."""
    id_ = view.conversation.id
    parts = set()
    found: defaultdict[str, list[MessageId]] = defaultdict(list)
    shown: defaultdict[str, list[MessageId]] = defaultdict(list)
    kept = _kept(index, refs)
    for row in await connection.execute(_SENT, {"id": id_, "refs": sorted(kept)}):
        ref = kept[row.ref]
        if row.grown:  # the post stands for the message that it was last changed for
            shown[ref].clear()
        (shown if row.in_room else found)[ref].append(MessageId(row.message_id))
        if row.part and not row.in_room:
            parts.add(ref)
    for mark, place in until:
        given = {"id": id_, "until": mark, "channel": place.channel, "account": place.account}
        rows = await connection.execute(_SENT_UNTIL, given)
        found[mark.isoformat()] += [MessageId(row.message_id) for row in rows]
    return replace(view, refs=_fixed(found), shown=_fixed(shown), parts=frozenset(parts))


def _kept(index: KeyedHash, refs: Iterable[str]) -> dict[str, str]:
    """Return the platform's ids by their stored form: a hash in a customer's chat, the id itself in a
    room.
    """
    return {ref: ref for ref in refs} | {reference_hash(index, ref): ref for ref in refs}


def _fixed(found: Mapping[str, list[MessageId]]) -> dict[str, tuple[MessageId, ...]]:
    return {ref: tuple(ids) for ref, ids in found.items()}


async def _with_leaving(connection: AsyncConnection, view: View) -> View:
    """Return the view with the messages of which a file, or the text beside it, has not left yet."""
    told = {item.body.message for item in view.inputs if isinstance(item.body, DeliveryReport)}
    told |= {id_ for ids in view.refs.values() for id_ in ids}
    files = [m.id for m in view.story if m.id in told and any(a.is_file for a in m.attachments)]
    if not files:
        return view
    rows = await connection.scalars(_LEAVING, {"ids": files})
    return replace(view, leaving=frozenset(map(MessageId, rows)))


async def _with_unsent(connection: AsyncConnection, view: View) -> View:
    """Return the view with what has left, and what has not, of our messages that an input may change."""
    staff = any(
        isinstance(item.body, Event)
        and item.origin is Origin.ROOM
        and isinstance(item.body.content, Edited | Deleted | Reacted)
        for item in view.inputs
    )
    memory = view.conversation.memory
    takes_back = {
        item.body.place.account
        for item in view.inputs
        if isinstance(item.body, Event)
        and (_changes_hands(item, memory) or isinstance(item.body.content, Stopped))
    }
    of_staff = {m.id for m in view.story if staff and m.role is Role.STAFF and m.state in _MAY_WAIT}
    automatic_roles = (Role.AGENT, Role.SYSTEM) if takes_back else ()
    automatic = {m.id for m in view.story if m.role in automatic_roles and m.state in _MAY_WAIT}
    if not of_staff | automatic:
        return view
    rows = (await connection.execute(_HOW_FAR, {"ids": sorted(of_staff | automatic)})).all()
    under_way = {row.message_id for row in rows if row.started}
    elsewhere = {row.message_id for row in rows if row.account not in takes_back}
    # Nobody is told when automatic words arrive: of old ones nothing may be left in the outbox.
    waiting = {row.message_id for row in rows} - under_way - elsewhere
    begun = frozenset(MessageId(row.message_id) for row in rows if row.begun)
    return replace(view, unsent=frozenset(of_staff - under_way | waiting), begun=begun)


async def _with_lines(connection: AsyncConnection, view: View) -> View:
    """Return the view with the posts in the open room that show the messages which the inputs reply to."""
    room = view.escalation.room if view.escalation else None
    answered = {
        item.body.reply_to
        for item in view.inputs
        if isinstance(item.body, Event) and item.origin is Origin.CUSTOMER and item.body.reply_to
    }
    if room is None or not answered:
        return view
    ids = {id_ for ref in answered for id_ in view.refs.get(ref, ())}
    ids |= {m.id for m in view.story if m.ref in answered}
    rows = await connection.execute(_LINES, {"room": room.id, "ids": sorted(ids)})
    return replace(view, lines={MessageId(row.message_id): row.line for row in rows})


def _group(rows: Any) -> defaultdict[UUID, list[AnyRow]]:
    grouped: defaultdict[UUID, list[AnyRow]] = defaultdict(list)
    for row in rows:
        grouped[row.conversation_id].append(row)
    return grouped


def _view(
    row: AnyRow,
    keys: Keys,
    escalation: Escalation | None,
    inputs: Sequence[AnyRow],
    timers: Sequence[AnyRow],
    story: Sequence[AnyRow],
    settled: "Settled",
) -> View:
    sealer = keys.customer(row.customer_id, row.data_key)
    over = escalation is not None and escalation.state in (EscalationState.RESOLVED, EscalationState.RETURNED)
    return View(
        now=row.now,
        conversation=conversation(row, keys),
        escalation=None if over else escalation,
        closed=escalation if over else None,
        inputs=tuple(_input(row, sealer) for row in inputs),
        timers=tuple(Timer(t.kind, t.subject, t.due_at) for t in timers),
        story=tuple(message(m, sealer, settled) for m in reversed(story)),
    )


def _input(row: AnyRow, sealer: Sealer) -> Input:
    return Input(
        seq=row.seq,
        origin=Origin(row.origin),
        body=load_body(sealer.open(row.body, field=BODY)),
        message=MessageId(row.message_id) if row.message_id else None,
        position=row.position,
        at=row.accepted_at,
    )


def conversation(row: AnyRow, keys: Keys) -> Conversation:
    """Return the conversation of a row of `CONVERSATION`. Raise KeyDestroyed."""
    sealer = keys.customer(row.customer_id, row.data_key)
    owner = keys.customer(row.owner_id, row.owner_key)
    profile = json.loads(sealer.open(row.profile, field=PROFILE))
    return Conversation(
        id=ConversationId(row.id),
        organization=OrgId(row.organization_id),
        customer=CustomerId(row.customer_id),
        customer_name=profile["name"],
        language=profile["language"],
        place=json_place(owner, row.place, row.channel, row.account),
        owner=Owner(OwnerKind(row.owner_kind), row.owner_name),
        status=Status(row.status),
        created_at=row.created_at,
        number=row.number,
        memory=load_memory(row.memory, sealer),
        verified=row.verified,
        return_verified=row.return_verified,
        address=owner.open(row.address, field=ADDRESS) if row.address else "",
        heard_at=row.heard_at,
        open_until=row.open_until,
        continued_in=ConversationId(row.continued_in) if row.continued_in else None,
    )


class _File(NamedTuple):
    """The outcome of fetching an attachment."""

    file: str
    mime_type: str
    size: int
    name: str
    failure: str


Settled = Mapping[tuple[UUID, int], _File]  # by message and position


def settled_files(rows: Sequence[AnyRow], sealer: Sealer) -> Settled:
    """Return the outcomes in rows of `files` that are fetched or given up."""
    return {
        (row.message_id, row.position): _File(
            file=str(row.id) if row.state == "stored" else "",
            mime_type=row.mime_type,
            size=row.size,
            name=sealer.open(row.name, field=FILE_NAME),
            failure=""
            if row.state == "stored"
            else (sealer.open(row.error, field=FILE_ERROR) if row.error else "gone"),
        )
        for row in rows
    }


def _attachments(row: AnyRow, sealer: Sealer, settled: Settled) -> tuple[Attachment, ...]:
    if not row.extras:
        return ()
    found = []
    for position, attachment in enumerate(load_attachments(sealer.open(row.extras, field=EXTRAS))):
        file = settled.get((row.id, position))
        if file is not None and file.failure:
            attachment = replace(attachment, failure=file.failure)  # noqa: PLW2901
        elif file is not None:
            attachment = replace(attachment, **file._asdict())  # noqa: PLW2901
        found.append(attachment)
    return tuple(found)


def message(row: AnyRow, sealer: Sealer, settled: Settled = MappingProxyType({})) -> Message:
    """Return the message of a row of `messages`, with the outcomes of its attachments."""
    ref, sender = row.external_id, row.sender_id
    if row.source:
        ref, named = load_source(sealer.open(row.source, field=SOURCE))
        sender = named or sender
    return Message(
        id=MessageId(row.id),
        role=Role(row.role),
        sender=sender,
        text=sealer.open(row.content, field=CONTENT),
        state=MessageState(row.state),
        at=row.created_at,
        ref=ref,
        room=row.room_id,
        attachments=_attachments(row, sealer, settled),
        edited=row.edited,
        reply_to=MessageId(row.reply_to) if row.reply_to else None,
        reference=load_reference(sealer.open(row.reference, field=REFERENCE))
        if row.reference
        else NO_REFERENCE,
    )


async def escalations_of_erased(connection: AsyncConnection, ids: Sequence[UUID]) -> dict[UUID, Escalation]:
    """Return the open escalations of conversations whose customer was erased, without their reasons."""
    if not ids:
        return {}
    rows = await connection.execute(_ESCALATIONS, {"ids": list(ids)})
    return {row.conversation_id: escalation(row, None) for row in rows if row.state in _OPEN}


def _escalations(keys: Keys, heads: dict[UUID, AnyRow], rows: Iterable[AnyRow]) -> dict[UUID, Escalation]:
    found: dict[UUID, Escalation] = {}
    for row in rows:
        head = heads.get(row.conversation_id)
        if head is None:  # the customer was erased
            continue
        with suppress(DeskError):  # its conversation cannot be read either, and is left out there
            found[row.conversation_id] = escalation(row, keys.customer(head.customer_id, head.data_key))
    return found


def escalation(row: AnyRow, sealer: Sealer | None) -> Escalation:
    """Return the escalation of a row of `ESCALATION`. Without a sealer, its reason is empty."""
    words = json.loads(sealer.open(row.reason, field=REASON)) if sealer else dict.fromkeys(_WORDS, "")
    room = None
    if row.room_id is not None:
        room = room_of(row)
    return Escalation(
        id=EscalationId(row.id),
        state=EscalationState(row.state),
        agent=AgentId(row.from_agent),
        team=TeamId(row.team),
        reason=words["reason"],
        why=words["why"],
        tried=words["tried"],
        urgency=Urgency(row.urgency),
        opened_at=row.opened_at,
        deadline=row.deadline,
        step=row.step,
        holder=PersonId(row.to_human) if row.to_human else None,
        closed_by=PersonId(row.closed_by) if row.closed_by else None,
        assignee=PersonId(row.assignee) if row.assignee else None,
        trigger=row.trigger,
        room=room,
    )


def room_of(row: AnyRow) -> Room:
    """Return the room of a row with the columns of `_ROOM`."""
    return Room(
        id=row.room_id,
        team=TeamId(row.room_team),
        place=Place(Channel(row.room_channel), row.room_account, row.room_chat, row.room_thread or ""),
        name=row.room_name,
        open=row.room_open,
        purpose=RoomPurpose(row.room_purpose),
    )


def json_place(sealer: Sealer, sealed: str, channel: str, account: str) -> Place:
    """Return the place whose chat and thread are sealed in a row."""
    chat, thread = json.loads(sealer.open(sealed, field=PLACE))
    return Place(Channel(channel), account, chat, thread)


def seal_reason(value: Escalation, sealer: Sealer) -> str:
    words = {"reason": value.reason, "why": value.why, "tried": value.tried}
    return sealer.seal(json.dumps(words), field=REASON)


def next_wake(timers: Sequence[Timer]) -> datetime | None:
    return min((timer.due_at for timer in timers), default=None)


CONVERSATION = """
    select v.id, v.organization_id, v.customer_id, v.owner_kind, v.owner_name, v.status, v.created_at,
        v.memory, v.number, p.place, p.heard_at, p.open_until,
        nullif(p.conversation_id, v.id) as continued_in,
        p.account_id, a.channel, a.account, c.profile, c.data_key, i.verified, i.address, p.return_verified,
        o.id as owner_id, o.data_key as owner_key, g.data_key as org_key, g.index_key,
        v.last_accepted - v.last_handled as unhandled, clock_timestamp() as now
    from conversations v
    join organizations g on g.id = v.organization_id
    join customers c on c.id = v.customer_id
    join places p on p.id = v.place_id
    join accounts a on a.id = p.account_id
    join identities i on i.id = p.identity_id
    join customers o on o.id = i.customer_id
"""

_ROOM = """r.id as room_id, r.team as room_team, a.channel as room_channel, a.account as room_account,
        coalesce(r.chat_id, r.chat) as room_chat, r.chat as room_name, r.thread as room_thread,
        r.open as room_open, r.purpose as room_purpose"""

ESCALATION = f"""
    select e.*, {_ROOM}
    from escalations e
    left join lateral (
        select * from rooms where escalation_id = e.id order by created_at desc, id desc limit 1
    ) r on true
    left join accounts a on a.id = r.account_id
"""

_HEADS = text(CONVERSATION + " where v.id = any(cast(:ids as uuid[]))")

# Places on channels where nobody can pretend to be somebody else have no hashes: nothing is counted there.
_REPLIES = text("""
    select v.id as conversation_id, g.kind, g.replied
    from conversations v
    join places p on p.id = v.place_id and p.mailbox_hash is not null
    join loop_guard g on g.organization_id = p.organization_id
        and (g.hash = p.mailbox_hash and g.kind <> 'domain' or g.hash = p.domain_hash and g.kind = 'domain')
    where v.id = any(cast(:ids as uuid[]))
""")

_FLOODS = text("""
    select v.id as conversation_id, f.until,
        case f.subject_id when p.account_id then 'account' when v.id then 'others' else 'customer' end
            as subject
    from conversations v
    join places p on p.id = v.place_id
    join customers c on c.id = v.customer_id
    join floods f on f.subject_id = any(array[coalesce(c.merged_into, c.id), p.account_id, v.id])
        and f.until > clock_timestamp()
    where v.id = any(cast(:ids as uuid[]))
""")

# ix_conversations_customer_id. Counts conversations that need people, or soon may.
_CROWD = text("""
    select count(*) from (
        select from conversations mine
        join conversations v on v.customer_id = mine.customer_id and v.id < mine.id
            and v.created_at > mine.created_at - interval '1 hour'
        where mine.id = :id and (
            v.last_accepted > v.last_handled
            or exists (select from escalations e where e.conversation_id = v.id)
            or exists (select from timers t where t.conversation_id = v.id and t.kind = 'burst')
        ) limit 1000
    ) crowd
""")

# ix_conversations_organization_created
_UNVOUCHED = text("""
    select count(*) from (
        select from conversations mine
        join places p on p.id = mine.place_id
        join conversations v on v.organization_id = mine.organization_id and v.id < mine.id
            and v.created_at > mine.created_at - interval '1 hour' and v.created_at <= mine.created_at
        join places q on q.id = v.place_id and q.account_id = p.account_id and not q.return_verified
        where mine.id = :id limit 1000
    ) crowd
""")

INPUTS = text(f"""
    select i.conversation_id, i.seq, i.origin, i.body, i.message_id, i.position, i.accepted_at
    from conversations v join inbox i on i.conversation_id = v.id
        and i.seq > v.last_handled and i.seq <= v.last_handled + {INPUTS_AT_ONCE}
    where v.id = any(cast(:ids as uuid[])) order by i.conversation_id, i.seq
""")

# uq_inbox_seq. Their bodies are deleted after about a day.
_HEARD = text("""
    select seq, origin, body, message_id, position, accepted_at from inbox
    where conversation_id = :id and seq > (select last_handled from conversations where id = :id) - 1000
        and message_id = any(cast(:ids as uuid[])) and body is not null
    order by seq
""")

TIMERS = text("""
    select conversation_id, kind, subject, due_at from timers
    where conversation_id = any(cast(:ids as uuid[])) order by due_at, kind, subject
""")

# The newest messages, and those that must be there however old they are: the messages of the current inputs
# (each added one at most), and messages that wait for their undo. Messages of later inputs are left out.
_STORY = text(f"""
    select m.* from conversations v
    cross join lateral (
        select case when v.last_accepted <= v.last_handled + {INPUTS_AT_ONCE} then v.position else (
            select coalesce(min(coalesce(i.position, later.position)) - 1, v.position)
            from inbox i left join messages later on later.id = i.message_id
            where i.conversation_id = v.id and i.seq > v.last_handled + {INPUTS_AT_ONCE}
        ) end as last, least(v.last_accepted - v.last_handled, {INPUTS_AT_ONCE}) as inputs
    ) hand
    cross join lateral (
        select * from messages where conversation_id = v.id
            and position > hand.last - (:limit + hand.inputs) and position <= hand.last
        union all
        select * from messages where conversation_id = v.id and state in ('held', 'parked')
            and (position <= hand.last - (:limit + hand.inputs) or position > hand.last)
    ) m
    where v.id = any(cast(:ids as uuid[]))
    order by m.conversation_id, m.position desc
""")

# ix_outbox_dead
_IN_DOUBT = text("""
    select v.owner_name, count(*) as messages
    from outbox o join conversations v on v.id = o.conversation_id and v.owner_kind = 'agent'
    where o.organization_id = :organization and o.state = 'unknown' and o.room_id is null
        and o.kind = 'post' and o.settled_at > clock_timestamp() - interval '1 minute'
    group by v.owner_name
""")

_ARRIVED = text("""
    select message_id from outbox
    where message_id = any(cast(:ids as uuid[])) and room_id is null and kind = 'post'
    group by message_id having bool_and(state = 'delivered')
""")

_FILES = text("""
    select f.conversation_id, f.message_id, f.position, f.id, f.state, f.mime_type, f.size, f.name, f.error
    from files f
    where f.conversation_id = any(cast(:ids as uuid[])) and f.state <> 'waiting'
""")

# ix_outbox_conversation_id: one conversation has few rows.
_SENT = text("""
    select ref, o.message_id,
        o.state <> 'delivered' or ref <> o.external_ids[cardinality(o.external_ids)] as part,
        o.room_id is not null as in_room, o.kind = 'grow' as grown
    from outbox o cross join unnest(o.external_ids) as ref
    where o.conversation_id = :id and o.message_id is not null and o.kind in ('post', 'grow')
        and ref = any(cast(:refs as text[]))
    order by o.position
""")

_LEAVING = text("""
    select distinct message_id from outbox
    where message_id = any(cast(:ids as uuid[])) and room_id is null and kind = 'post'
        and state not in ('delivered', 'withdrawn')
""")

_HOW_FAR = text("""
    select o.message_id, max(a.account) as account, bool_or(o.state = 'delivered' or o.part > 0) as begun,
        bool_or(o.state in ('sending', 'delivered', 'unknown') or o.part > 0) as started
    from outbox o join lanes l on l.id = o.lane_id join accounts a on a.id = l.account_id
    where o.message_id = any(cast(:ids as uuid[])) and o.room_id is null and o.kind = 'post'
        and (o.state <> 'withdrawn' or o.part > 0)
    group by o.message_id
""")

_LINES = text("""
    select distinct on (message_id) message_id, external_ids[1] as line from outbox
    where room_id = :room and kind = 'post' and message_id = any(cast(:ids as uuid[]))
        and cardinality(external_ids) > 0
    order by message_id, position
""")

# A watermark is the platform's time of a message, which is earlier than our record of the delivery.
_SENT_UNTIL = text("""
    select message_id from (
        select o.message_id, o.position
        from outbox o join places p on p.id = o.place_id join accounts a on a.id = p.account_id
        where o.conversation_id = :id and o.room_id is null and o.kind = 'post' and o.state = 'delivered'
            and o.message_id is not null and o.created_at <= :until
            and o.settled_at <= cast(:until as timestamptz) + interval '10 seconds'
            and a.channel = :channel and a.account = :account
        order by o.position desc limit 20
    ) o order by position
""")

_OLDER = text("""
    select * from messages where conversation_id = :id
        and (id = any(cast(:ids as uuid[])) or external_id = any(cast(:refs as text[])))
    order by position
""")

ROOMS = text(f"""
    select r.conversation_id, {_ROOM} from rooms r join accounts a on a.id = r.account_id
    where r.conversation_id = any(cast(:ids as uuid[])) order by r.created_at, r.id
""")

# The open escalation is the newest: no other is opened beside it, and only the newest is reopened.
_ESCALATIONS = text(f"""
    select distinct on (conversation_id) * from (
        {ESCALATION} where e.conversation_id = any(cast(:ids as uuid[]))
    ) e order by conversation_id, opened_at desc, id desc
""")
