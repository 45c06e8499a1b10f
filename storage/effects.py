"""Turn effects into rows. Collect the effects of many turns, and write each table once."""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.core.conversation import Escalation, EscalationState, Message, View
from bot.core.effects import (
    AddMessage,
    AddStep,
    Amend,
    Audit,
    ChangeEscalation,
    ChangeMessage,
    ClearTimers,
    CloseRoom,
    CompleteVerification,
    CountReply,
    DeletePosts,
    Deliver,
    Drop,
    Effect,
    Fail,
    Gather,
    GrowPost,
    Introduce,
    JoinNotice,
    LeaveNotice,
    Move,
    Offer,
    OpenEscalation,
    OpenRoom,
    Park,
    Remember,
    ReopenRoom,
    Replace,
    Retract,
    SendAgain,
    SetTimer,
    SettleOffer,
    Show,
    ShowCard,
    ShowGathered,
    ShowNotice,
    StartVerification,
    TellOtherRoom,
    TellPerson,
    TellRoom,
    Unpark,
)
from bot.core.errors import Superseded
from bot.core.events import Place, Reference
from bot.core.ids import CustomerId, LaneId, NewId, OrgId
from bot.core.outbound import DirectMessage, Operation, Post
from storage.audit import AuditEntry, record
from storage.codec import dump_attachments, dump_operation, dump_reference
from storage.database import Step, pipeline
from storage.hashes import reference_hash
from storage.keys import Keys
from storage.lanes import lane_of, locking, waking
from storage.loop_guard import count
from storage.message_rows import MADE, SENDER_TYPE, file_row
from storage.notices import (
    GATHERED,
    IN_DOUBT,
    NOTICE,
    Making,
    gathering,
    lane_of_notice,
    leaving,
    listing,
    notice_listing,
    notice_of,
    notice_with,
    notices_naming,
    pressing,
)
from storage.posted import DELETE_POSTS, where_posted
from storage.sealed_fields import (
    CONTENT,
    ERROR,
    EXTRAS,
    FILE_REF,
    PAYLOAD,
    PROFILE,
    REFERENCE,
    SNAPSHOT,
    STEP_REASON,
    TURN_REASONS,
)
from storage.sealing import KeyedHash, Sealer
from storage.verification import begin, prove
from storage.views import seal_reason

ToCustomer = Deliver | Amend | Retract | Show | SendAgain | Fail | Park | Unpark | Drop | Replace


@dataclass(frozen=True, slots=True)
class CurrentPlace:
    """The place where a turn continues: the log's last position, the customer's lane, place and keys."""

    position: int
    lane: LaneId
    place: UUID
    sealer: Sealer
    index: KeyedHash


def _made(effect: AddMessage, place: int, sealer: Sealer) -> dict[str, object]:
    """Return the column that holds the content of a file we wrote ourselves, or {} for other files."""
    if place >= len(effect.contents):
        return {}
    return {"ref": sealer.seal(MADE + effect.contents[place], field=FILE_REF)}


class Writes:
    """The rows of one transaction, by table, written in an order that satisfies every foreign key."""

    def __init__(self, keys: Keys, new_id: NewId) -> None:
        self._keys = keys
        self._new_id = new_id
        self._rows: dict[str, list[dict[str, object]]] = defaultdict(list)
        self._audit: dict[OrgId, list[AuditEntry]] = defaultdict(list)
        self._lanes: set[LaneId] = set()
        self._replies: list[tuple[UUID, CountReply]] = []
        self._unsent: list[Step] = []  # changes of unsent messages, in the order of the effects
        self._noticed: list[Step] = []  # changes of notices: what they list, and who pressed their buttons
        self._believed_unsent: set[UUID] = set()  # messages whose sending must not have begun

    async def add(
        self, connection: AsyncConnection, view: View, effects: Sequence[Effect], location: CurrentPlace
    ) -> None:
        """Collect the rows of one turn's effects, which `flush` writes.

        Rows of address verification, and new lanes and notices, are written here already.
        """
        sealer = location.sealer
        position = location.position
        for effect in effects:
            match effect:
                case AddMessage():
                    position += effect.position is None
                    self._message(view, sealer, effect, effect.position or position)
                case ChangeMessage():
                    self._rows["change_message"].append(
                        {
                            "id": effect.message,
                            "conversation": view.conversation.id,
                            "state": effect.state.value if effect.state else None,
                            "reply_to": effect.reply_to,
                            "content": None
                            if effect.text is None
                            else sealer.seal(effect.text, field=CONTENT),
                            "edits": effect.edits,
                            "reference": _reference(sealer, effect.reference),
                        }
                    )
                case Deliver() | Amend() | Retract() | Show() | SendAgain():
                    self._to_customer(view, location, effect)
                case Fail() | Park() | Unpark() | Drop() | Replace():
                    self._to_customer(view, location, effect)
                case CountReply():
                    self._replies.append((location.place, effect))
                case StartVerification():
                    await self._prove(connection, view, effect)
                case CompleteVerification():
                    await self._go_on(connection, view, location, effect)
                case OpenEscalation():
                    self._rows["escalation"].append(self._escalation(view, sealer, effect.escalation))
                case ChangeEscalation():
                    self._change(self._escalation(view, sealer, effect.escalation))
                case AddStep():
                    self._step(view, sealer, effect)
                case OpenRoom():
                    await self._room(connection, view, sealer, effect)
                case CloseRoom() | ReopenRoom():
                    opened = isinstance(effect, ReopenRoom)
                    self._rows["open_room"].append({"id": effect.room, "open": opened})
                case ShowCard() | TellRoom() | TellOtherRoom() | Offer() | GrowPost():
                    await self._tell(connection, view, sealer, effect)
                case DeletePosts():
                    await self._delete_posts(connection, view, sealer)
                case SettleOffer():
                    self._rows["settle_offer"].append(
                        self._row(view, sealer, "settle_offer", effect.post, effect.message)
                    )
                case JoinNotice() | LeaveNotice() | ShowNotice() | Gather() | ShowGathered():
                    await self._notice(connection, view, sealer, effect)
                case TellPerson():
                    await self._direct(connection, view, sealer, effect.message)
                case SetTimer() | ClearTimers():
                    self._timer(view, effect)
                case Introduce():
                    profile = {"name": effect.name, "handle": effect.handle, "language": effect.language}
                    sealed = sealer.seal(json.dumps(profile), field=PROFILE)
                    self._rows["introduce"].append({"id": view.conversation.customer, "profile": sealed})
                case Audit():
                    self._audit[view.conversation.organization].append(
                        AuditEntry(
                            id=self._new_id(),
                            at=view.now,
                            actor=effect.actor,
                            action=effect.action,
                            subject=effect.subject,
                            details=effect.details,
                        )
                    )
                case Move() | Remember():
                    pass  # written with the conversation's own row, see storage.turns

    def _timer(self, view: View, effect: SetTimer | ClearTimers) -> None:
        row = {"conversation": view.conversation.id, "kind": effect.kind, "subject": effect.subject}
        if isinstance(effect, SetTimer):
            self._rows["set_timer"].append(row | {"due_at": effect.due_at})
        else:
            self._rows["clear_timers"].append(row)

    def _to_customer(self, view: View, location: CurrentPlace, effect: ToCustomer) -> None:
        match effect:
            case Deliver():
                self._out(view, location, "post", effect.post, effect.message, reports=effect.report)
            case Amend():
                self._change_sent(view, location, "amend", effect.post, effect.message)
            case Retract():
                self._change_sent(view, location, "retract", Post(""), effect.message)
            case Show():
                kind = type(effect.operation).__name__.lower()
                self._out(view, location, kind, effect.operation, effect.message, reports=True)
            case SendAgain():
                self._rows["send_again"].append({"message": effect.message})
            case Fail():
                self._rows["fail"].append(
                    {
                        "message": effect.message,
                        "ref": reference_hash(location.index, effect.ref),
                        "reason": location.sealer.seal(effect.reason[:500], field=ERROR),
                    }
                )
            case Park():
                self._rows["park"].append({"message": effect.message})
            case Unpark():
                self._rows["unpark"].append(
                    {"conversation": view.conversation.id, "lane": location.lane, "place": location.place}
                )
            case Drop():
                self._change_unsent("drop", effect.message, unsent=effect.unsent)
            case Replace():
                payload = location.sealer.seal(dump_operation(effect.post), field=PAYLOAD)
                self._change_unsent("replace", effect.message, unsent=effect.unsent, payload=payload)

    def _change_unsent(self, statement: str, message: UUID, *, unsent: bool, **given: object) -> None:
        self._unsent.append((_UNSENT[statement], {"message": message} | given))
        if unsent:
            self._believed_unsent.add(message)

    def turn(
        self, location: CurrentPlace, row: dict[str, object], reasons: Sequence[tuple[str, str]]
    ) -> None:
        """Collect the row that `desk why` shows."""
        sealer = location.sealer
        self._rows["turn"].append(
            {**row, "reasons": sealer.seal(json.dumps(list(reasons)), field=TURN_REASONS)}
        )

    async def flush(self, connection: AsyncConnection) -> None:
        """Write everything. Lock the lanes in order; the conversations' rows are locked already.

        Raise Superseded when a message has begun to leave that a turn believed unsent, or when too many
        automatic replies have been sent to one recipient.
        """
        await count(connection, self._replies)
        steps: list[Step] = [
            (statement, rows) for name, statement in _STATEMENTS.items() if (rows := self._rows.get(name))
        ]
        found = [(statement, row) for name, statement in _FINDING.items() for row in self._rows.get(name, ())]
        if found:
            steps += found
            written = await pipeline(connection, *steps)
            self._lanes |= {LaneId(row.lane_id) for rows in written[-len(found) :] for row in rows}
            steps = []
        if self._unsent:
            given = {"messages": [changed["message"] for _, changed in self._unsent]}  # type: ignore[call-overload]
            [*_, there] = await pipeline(connection, *steps, (_LANES_OF, given))
            steps = [locking(self._lanes | {LaneId(row.lane_id) for row in there})]
        if self._lanes:
            steps.append(waking(self._lanes))
        if self._believed_unsent:
            steps.append((_BEGUN, {"messages": sorted(self._believed_unsent)}))
            [*_, begun] = await pipeline(connection, *steps)
            if begun:
                raise Superseded("what a turn took for unsent has begun to leave")
            steps = []
        # Nobody claims from the locked lanes, so nothing that waits there begins to leave before the commit.
        steps += [*self._unsent, *self._noticed]
        if steps:
            await pipeline(connection, *steps)
        for organization, entries in self._audit.items():
            await record(connection, organization, entries)

    def _message(self, view: View, sealer: Sealer, effect: AddMessage, position: int) -> None:
        message: Message = effect.message
        self._rows["message"].append(
            {
                "id": message.id,
                "conversation": view.conversation.id,
                "organization": view.conversation.organization,
                "position": position,
                "sender_type": SENDER_TYPE[message.role],
                "sender": message.sender,
                "role": message.role.value,
                "content": sealer.seal(message.text, field=CONTENT),
                "extras": sealer.seal(dump_attachments(message.attachments), field=EXTRAS)
                if message.attachments
                else None,
                "reference": _reference(sealer, message.reference) if effect.extends else None,
                "state": message.state.value,
                "external": message.ref,
                "room": message.room,
                "extends": effect.extends,
                "at": message.at,
            }
        )

        rooms = (room.place for room in view.rooms if room.id == message.room)
        origin = effect.written_at or next(rooms, None)
        if origin is not None:
            self._rows["file"] += [
                file_row(self._new_id(), place, attachment, sealer)
                | {
                    "organization": view.conversation.organization,
                    "conversation": view.conversation.id,
                    "customer": view.conversation.customer,
                    "channel": origin.channel,
                    "fetcher": origin.account,
                    "message": message.id,
                }
                | _made(effect, place, sealer)
                for place, attachment in enumerate(message.attachments)
                if attachment.is_file and not attachment.file
            ]

    def _escalation(self, view: View, sealer: Sealer, value: Escalation) -> dict[str, object]:
        return {
            "id": value.id,
            "organization": view.conversation.organization,
            "conversation": view.conversation.id,
            "agent": value.agent,
            "holder": value.holder,
            "closed_by": value.closed_by,
            "assignee": value.assignee,
            "reason": seal_reason(value, sealer),
            "team": value.team,
            "state": value.state.value,
            "urgency": value.urgency.value,
            "trigger": value.trigger,
            "step": value.step,
            "opened_at": value.opened_at,
            "deadline": value.deadline,
            "over": value.state in (EscalationState.RESOLVED, EscalationState.RETURNED),
        }

    def _change(self, row: dict[str, object]) -> None:
        """Change an escalation. One that this turn opened is only inserted, in its last state."""
        opened = self._rows["escalation"]
        for place, known in enumerate(opened):
            if known["id"] == row["id"]:
                opened[place] = row
                return
        self._rows["change_escalation"].append(row)

    def _step(self, view: View, sealer: Sealer, effect: AddStep) -> None:
        self._rows["step"].append(
            {
                "id": self._new_id(),
                "organization": view.conversation.organization,
                "escalation": effect.escalation,
                "from_": effect.from_,
                "to": effect.to,
                "reason": sealer.seal(effect.reason, field=STEP_REASON),
                "snapshot": sealer.seal(effect.snapshot, field=SNAPSHOT) if effect.snapshot else None,
                "at": view.now,
            }
        )

    async def _room(self, connection: AsyncConnection, view: View, sealer: Sealer, effect: OpenRoom) -> None:
        place = effect.room.place
        account, lane = await self._staff_lane(connection, view, place)
        self._rows["room"].append(
            {
                "id": effect.room.id,
                "organization": view.conversation.organization,
                "conversation": view.conversation.id,
                "escalation": effect.escalation,
                "account": account,
                "lane": lane,
                "team": effect.room.team,
                "chat": place.chat,
                "at": view.now,
            }
        )
        self._to_room(view, sealer, lane, "card", None, None, effect.room.id)

    async def _direct(
        self, connection: AsyncConnection, view: View, sealer: Sealer, message: DirectMessage
    ) -> None:
        _, lane = await self._staff_lane(connection, view, message.place)
        row = self._row(view, sealer, "direct", message, None)
        self._rows["outbox"].append(
            row | {"lane": lane, "place": None, "room": None, "grows": None, "reports": False}
        )
        self._lanes.add(lane)

    async def _notice(
        self,
        connection: AsyncConnection,
        view: View,
        sealer: Sealer,
        effect: JoinNotice | LeaveNotice | ShowNotice | Gather | ShowGathered,
    ) -> None:
        organization = view.conversation.organization
        match effect:
            case JoinNotice(message=message, team=team, place=place):
                _, lane = await self._staff_lane(connection, view, place)
                made = Making(organization, team, lane, place.chat, IN_DOUBT)
                id_ = await notice_of(connection, self._new_id, made)
                self._noticed.append(listing(id_, message))
            case Gather(escalation=escalation, team=team, place=place):
                _, lane = await self._staff_lane(connection, view, place)
                made = Making(organization, team, lane, place.chat, GATHERED)
                id_ = await notice_of(connection, self._new_id, made)
                self._noticed.append(gathering(id_, escalation))
            case LeaveNotice(message=message):
                found = await notice_listing(connection, message)
                if found is None:
                    return
                id_, lane = found
                self._noticed.append(leaving(message))
            case ShowGathered(escalation=escalation):
                found = await notice_with(connection, escalation)
                if found is None:
                    return
                id_, lane = found
            case ShowNotice(notice=id_, pressed_by=name):
                lane = await lane_of_notice(connection, id_)
                if name:
                    self._noticed.append(pressing(id_, name))
        self._show_notice(view, sealer, id_, lane)

    def _show_notice(self, view: View, sealer: Sealer, notice: UUID, lane: LaneId) -> None:
        row = self._row(view, sealer, NOTICE, None, None)
        self._rows["notice"].append(row | {"lane": lane, "notice": notice})
        self._lanes.add(lane)

    async def _delete_posts(self, connection: AsyncConnection, view: View, sealer: Sealer) -> None:
        """Add a row `delete_posts` for each room and person that got posts of this conversation.

        The posts to delete are found when this row is claimed, after all rows before it.
        """
        for lane, room in await where_posted(connection, view.conversation.id):
            self._to_room(view, sealer, lane, DELETE_POSTS, None, None, room)
        for notice, lane in await notices_naming(connection, view.conversation.id):
            self._show_notice(view, sealer, notice, lane)

    async def _staff_lane(self, connection: AsyncConnection, view: View, place: Place) -> tuple[UUID, LaneId]:
        """Return the account of a place of the staff, and the lane of its chat."""
        organization = view.conversation.organization
        given = {"organization": organization, "channel": place.channel, "account": place.account}
        account = (await connection.execute(_ACCOUNT, given)).one()
        keys = self._keys.organization(organization, account.data_key, account.index_key)
        lane = await lane_of(
            connection, organization, account.id, keys.index, place.channel, place.chat, self._new_id
        )
        return account.id, lane

    async def _prove(self, connection: AsyncConnection, view: View, effect: StartVerification) -> None:
        beginning = await begin(connection, self._keys, self._new_id, view.conversation, effect)
        if beginning is None:
            return
        self._lanes.add(beginning.lane)
        self._rows["outbox"].append(
            {
                "id": self._new_id(),
                "organization": view.conversation.organization,
                "conversation": beginning.conversation,
                "message": None,
                "kind": "post",
                "payload": beginning.sealer.seal(dump_operation(effect.post), field=PAYLOAD),
                "lane": beginning.lane,
                "place": beginning.place,
                "room": None,
                "grows": None,
                "reports": False,
            }
        )

    async def _go_on(
        self, connection: AsyncConnection, view: View, location: CurrentPlace, effect: CompleteVerification
    ) -> None:
        there = await prove(connection, self._keys, self._new_id, view.conversation, effect)
        moved = replace(location, lane=there.lane, place=there.place)
        self._out(view, moved, "post", effect.post, effect.message)

    async def _tell(
        self,
        connection: AsyncConnection,
        view: View,
        sealer: Sealer,
        effect: ShowCard | TellRoom | TellOtherRoom | Offer | GrowPost,
    ) -> None:
        if isinstance(effect, TellOtherRoom):
            await self._tell_other(connection, view, effect)
            return
        room = effect.room
        opened = next((row for row in self._rows["room"] if row["id"] == room), None)
        lane: UUID = opened["lane"] if opened else await connection.scalar(_ROOM_LANE, {"id": room})  # type: ignore[assignment]
        match effect:
            case ShowCard():
                self._to_room(view, sealer, LaneId(lane), "card", None, None, room)
            case TellRoom(operation=operation, about=about, grows=grows):
                kind = type(operation).__name__.lower()
                self._to_room(view, sealer, LaneId(lane), kind, operation, about, room, grows=grows)
            case Offer(post=post, message=about):
                self._to_room(view, sealer, LaneId(lane), "offer", post, about, room)
            case GrowPost(grows=name, newest=newest, post=post):
                row = self._row(view, sealer, "grow", post, newest)
                self._rows["grow"].append(row | {"lane": lane, "room": room, "grows": name})
                self._lanes.add(LaneId(lane))

    async def _tell_other(self, connection: AsyncConnection, view: View, effect: TellOtherRoom) -> None:
        """Post in the room of another conversation, sealed with the key of that conversation's customer."""
        given = {"room": effect.room, "organization": view.conversation.organization}
        row = (await connection.execute(_OTHER_ROOM, given)).one_or_none()
        if row is None:
            return
        sealer = self._keys.customer(CustomerId(row.customer_id), row.data_key)
        self._to_room(view, sealer, LaneId(row.lane_id), "post", effect.post, None, effect.room)
        self._rows["outbox"][-1]["conversation"] = row.conversation_id

    def _out(
        self,
        view: View,
        location: CurrentPlace,
        kind: str,
        operation: Operation,
        message: UUID | None,
        *,
        reports: bool = False,
    ) -> None:
        """Add a row that goes to the customer's current place."""
        row = self._row(view, location.sealer, kind, operation, message)
        self._rows["outbox"].append(
            row
            | {
                "lane": location.lane,
                "place": location.place,
                "room": None,
                "grows": None,
                "reports": reports,
            }
        )
        self._lanes.add(location.lane)

    def _change_sent(
        self, view: View, location: CurrentPlace, kind: str, operation: Operation, message: UUID
    ) -> None:
        """Add a row that changes a delivered message, at the place where it was delivered."""
        row = self._row(view, location.sealer, kind, operation, message)
        self._rows["change_sent"].append(row | {"lane": location.lane, "place": location.place})

    def _to_room(
        self,
        view: View,
        sealer: Sealer,
        lane: LaneId,
        kind: str,
        operation: Operation | None,
        message: UUID | None,
        room: UUID | None,
        *,
        grows: UUID | None = None,
    ) -> None:
        row = self._row(view, sealer, kind, operation, message)
        there = {"lane": lane, "place": None, "room": room, "grows": grows}
        self._rows["outbox"].append(row | there | {"reports": False})
        self._lanes.add(lane)

    def _row(
        self,
        view: View,
        sealer: Sealer,
        kind: str,
        operation: Operation | DirectMessage | None,
        message: UUID | None,
    ) -> dict[str, object]:
        return {
            "id": self._new_id(),
            "organization": view.conversation.organization,
            "conversation": view.conversation.id,
            "message": message,
            "kind": kind,
            "payload": sealer.seal(dump_operation(operation), field=PAYLOAD) if operation else "",
        }


_ACCOUNT = text("""
    select a.id, o.data_key, o.index_key from accounts a join organizations o on o.id = a.organization_id
    where a.organization_id = :organization and a.channel = :channel and a.account = :account
""")

_OTHER_ROOM = text("""
    select r.lane_id, r.conversation_id, v.customer_id, c.data_key
    from rooms r join conversations v on v.id = r.conversation_id join customers c on c.id = v.customer_id
    where r.id = :room and r.organization_id = :organization and c.data_key is not null
""")

_ROOM_LANE = text("select lane_id from rooms where id = :id")

# The turn after the last one of this customer that waits in the lane, and after the last one that left. It
# looks at the customer's newest conversations together: opening many of them gives a customer no more turns.
_TURN = """1 + greatest(l.turn, (
    select max(turn) from outbox
    where lane_id = l.id and state in ('waiting', 'sending') and conversation_id = any(array(
        select v.id from conversations v
        where v.customer_id = (select customer_id from conversations where id = :conversation)
        order by v.id desc limit 50
    ) || cast(:conversation as uuid))
))"""


def _reference(sealer: Sealer, reference: Reference | None) -> str | None:
    """Return the column `reference` of a message, or None if it does not change."""
    return None if reference is None else sealer.seal(dump_reference(reference), field=REFERENCE)


_STATEMENTS: dict[str, TextClause] = {  # in an order that satisfies every key
    "message": text("""
        insert into messages (id, conversation_id, organization_id, position, sender_type, sender_id, role,
            content, extras, reference, state, external_id, source, writer, room_id, created_at)
        select :id, :conversation, :organization, :position, :sender_type, coalesce(e.sender_id, :sender),
            :role, :content, :extras, :reference, :state, coalesce(e.external_id, :external), e.source,
            e.writer, cast(:room as uuid), :at
        from (select cast(:extends as uuid) as id) as extended
        left join messages e on e.id = extended.id
    """),
    "file": text("""
        insert into files (id, organization_id, conversation_id, customer_id, account_id, message_id,
            position, ref, name, mime_type, due_at)
        select :id, :organization, :conversation, :customer, a.id, :message, :position, :ref, :name,
            :mime_type, clock_timestamp()
        from accounts a
        where a.organization_id = :organization and a.channel = :channel and a.account = :fetcher
    """),
    "change_message": text("""
        update messages set state = coalesce(cast(:state as text), state),
            content = coalesce(cast(:content as text), content),
            edited = edited or :edits,
            reply_to = coalesce(cast(:reply_to as uuid), reply_to),
            reference = coalesce(cast(:reference as text), reference)
        where id = :id and conversation_id = :conversation
    """),
    # Before a new one is inserted: a conversation has at most one open escalation.
    "change_escalation": text("""
        update escalations set to_human = cast(:holder as text), closed_by = cast(:closed_by as text),
            assignee = cast(:assignee as text), reason = :reason, team = :team, state = :state,
            urgency = :urgency, step = :step, deadline = :deadline,
            taken_at = case when cast(:holder as text) is not null then coalesce(taken_at, clock_timestamp())
                else taken_at end,
            resolved_at = case when :over then coalesce(resolved_at, clock_timestamp()) end
        where id = :id and organization_id = :organization
    """),
    "escalation": text("""
        insert into escalations (id, organization_id, conversation_id, from_agent, to_human, closed_by,
            assignee, reason, team, state, urgency, trigger, step, opened_at, deadline, taken_at, resolved_at)
        values (:id, :organization, :conversation, :agent, cast(:holder as text), cast(:closed_by as text),
            cast(:assignee as text), :reason, :team, :state, :urgency, :trigger, :step, :opened_at, :deadline,
            case when cast(:holder as text) is not null then clock_timestamp() end,
            case when :over then clock_timestamp() end)
    """),
    "step": text("""
        insert into escalation_steps (id, organization_id, escalation_id, "from", "to", reason,
        context_snapshot,
            "timestamp")
        values (:id, :organization, :escalation, :from_, :to, :reason, :snapshot, :at)
    """),
    "room": text("""
        insert into rooms (id, organization_id, conversation_id, escalation_id, account_id, lane_id, team,
        chat,
            created_at)
        values (:id, :organization, :conversation, :escalation, :account, :lane, :team, :chat, :at)
    """),
    "introduce": text("update customers set profile = :profile where id = :id"),
    "open_room": text("update rooms set open = :open where id = :id"),
    "clear_timers": text("""
        delete from timers where conversation_id = :conversation and kind = :kind
            and (cast(:subject as text) is null or subject = :subject)
    """),
    "set_timer": text("""
        insert into timers (conversation_id, kind, subject, due_at) values (:conversation, :kind, :subject,
        :due_at)
        on conflict (conversation_id, kind, subject) do update set due_at = excluded.due_at
    """),
    # When it is sent again, it starts with the part that failed.
    "fail": text("""
        update outbox set state = 'failed', error = :reason, settled_at = clock_timestamp(),
            part = array_position(external_ids, cast(:ref as text)) - 1,
            sealed_ids = sealed_ids[1 : array_position(external_ids, cast(:ref as text)) - 1],
            external_ids = external_ids[1 : array_position(external_ids, cast(:ref as text)) - 1]
        where message_id = :message and room_id is null and kind = 'post'
            and state in ('delivered', 'failed') and external_ids @> array[cast(:ref as text)]
    """),
    "park": text("""
        update outbox set state = 'parked', part = 0, external_ids = '{}',
            sealed_ids = '{}'
        where message_id = :message and room_id is null and kind = 'post' and state = 'delivered'
    """),
    "outbox": text(f"""
        insert into outbox (id, organization_id, lane_id, conversation_id, message_id, room_id, place_id,
            grows, kind, payload, state, reports, turn)
        select :id, :organization, l.id, :conversation, :message, :room, cast(:place as uuid),
            cast(:grows as uuid), :kind, :payload, 'waiting', :reports,
            case when cast(:place as uuid) is null then {_TURN} else 0 end
        from lanes l where l.id = :lane
        on conflict (room_id) where kind = 'card' and state = 'waiting' and not retried do nothing
    """),
    "grow": text(f"""
        insert into outbox (id, organization_id, lane_id, conversation_id, message_id, room_id, grows, kind,
            payload, state, turn)
        select :id, :organization, l.id, :conversation, :message, :room, :grows, :kind, :payload, 'waiting',
            {_TURN}
        from lanes l where l.id = :lane
        on conflict (room_id, grows) where kind = 'grow' and state = 'waiting' and not retried
            do update set payload = excluded.payload, message_id = excluded.message_id
    """),
    "notice": text("""
        insert into outbox (id, organization_id, lane_id, conversation_id, kind, payload, state, notice_id,
            turn)
        select :id, :organization, l.id, :conversation, :kind, :payload, 'waiting', :notice, 1 + l.turn
        from lanes l where l.id = :lane
        on conflict (notice_id) where kind = 'notice' and state = 'waiting' and not retried do nothing
    """),
    "turn": text("""
        insert into turns (id, organization_id, conversation_id, fence, started_at, inputs, timers, stages,
        outcome,
            reasons)
        values (:id, :organization, :conversation, :fence, :started_at, :inputs, :timers,
            cast(:stages as jsonb), :outcome, :reasons)
    """),
}

# These statements find the lanes of their rows. All lanes of a transaction are locked at its end, in order.
_FINDING: dict[str, TextClause] = {
    "change_sent": text("""
        with sent as (
            select lane_id, place_id from outbox
            where message_id = :message and room_id is null and kind = 'post' order by position limit 1
        )
        insert into outbox (id, organization_id, lane_id, conversation_id, message_id, place_id, kind,
            payload, state)
        values (:id, :organization, coalesce((select lane_id from sent), :lane), :conversation, :message,
            coalesce((select place_id from sent), :place), :kind, :payload, 'waiting')
        returning lane_id
    """),
    "settle_offer": text("""
        insert into outbox (id, organization_id, lane_id, conversation_id, message_id, room_id, kind, payload,
            state, turn)
        select :id, :organization, lane_id, :conversation, :message, room_id, :kind, :payload, 'waiting', turn
        from outbox where message_id = :message and kind = 'offer' order by position desc limit 1
        returning lane_id
    """),
    "send_again": text("""
        update outbox set state = 'waiting', attempts = 0, error = null, settled_at = null, reports = true
        where message_id = :message and room_id is null and kind = 'post'
            and state in ('failed', 'unknown')
        returning lane_id
    """),
    # To the customer's current place: a message on one channel opens no window on another.
    "unpark": text("""
        update outbox set state = 'waiting', attempts = 0, error = null, settled_at = null,
            part = case when place_id = :place then part else 0 end, lane_id = :lane, place_id = :place
        where conversation_id = :conversation and state = 'parked'
        returning lane_id
    """),
}

# Executed when the lanes are locked.
_UNSENT: dict[str, TextClause] = {
    "drop": text("""
        update outbox set state = 'withdrawn', settled_at = clock_timestamp()
        where message_id = :message and room_id is null and kind = 'post'
            and state in ('waiting', 'parked', 'failed', 'unknown')
    """),
    # The new text replaces all unsent rows of the message, including those of its files.
    "replace": text("""
        with first as (
            select id from outbox
            where message_id = :message and room_id is null and kind = 'post'
                and state in ('waiting', 'parked', 'failed', 'unknown')
            order by position limit 1
        )
        update outbox o set payload = case when o.id = first.id then :payload else o.payload end,
            part = case when o.id = first.id then 0 else o.part end,
            state = case when o.id = first.id then o.state else 'withdrawn' end,
            settled_at = case when o.id = first.id then o.settled_at else clock_timestamp() end
        from first
        where o.message_id = :message and o.room_id is null and o.kind = 'post'
            and o.state in ('waiting', 'parked', 'failed', 'unknown')
    """),
}

_LANES_OF = text("""
    select distinct lane_id from outbox
    where message_id = any(cast(:messages as uuid[])) and room_id is null and kind = 'post'
        and state in ('waiting', 'sending')
""")

_BEGUN = text("""
    select 1 from outbox
    where message_id = any(cast(:messages as uuid[])) and room_id is null and kind = 'post'
        and (state in ('sending', 'delivered', 'unknown') or part > 0) limit 1
""")
