"""Read a claimed row of the outbox: what is sent, where, and with whose key it is sealed."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from bot.core.errors import CannotDecrypt, KeyDestroyed
from bot.core.events import Channel, Place
from bot.core.ids import AccountId, ConversationId, DeliveryId, LaneId, MessageId, OrgId
from bot.core.outbound import DirectMessage, Operation, Post
from storage.codec import load_operation
from storage.disclosure import disclose
from storage.keys import Keys
from storage.notices import NOTICE, Notice
from storage.sealed_fields import CONTEXT, ERROR, PAYLOAD, SENT_ID
from storage.sealing import KeyedHash, Sealer
from storage.views import json_place

AnyRow = Row[Any]
_GONE = "place.gone: nobody can be written to there any more"


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


def _sealer(keys: Keys, row: AnyRow) -> Sealer:
    """Return the sealer for a row. Raise KeyDestroyed if its customer was erased and it goes to them."""
    if row.data_key is None and row.place_id is None:  # tells staff that the customer was erased
        return keys.organization(row.organization_id, row.org_key, row.org_index).sealer
    return keys.customer(row.customer_id, row.data_key)


def final_state(keys: Keys, row: AnyRow) -> dict[str, object]:
    """Return the final state of a row that cannot be sent: its customer was erased, or its place
    is gone.
    """
    if row.data_key is None:
        return {"id": row.id, "state": "withdrawn", "error": None}
    sealer = keys.customer(row.customer_id, row.data_key)
    return {"id": row.id, "state": "failed", "error": sealer.seal(_GONE, field=ERROR)}


def _operation(row: AnyRow, sealer: Sealer) -> Operation | DirectMessage | None:
    if not row.payload:
        return None
    try:
        return load_operation(sealer.open(row.payload, field=PAYLOAD))
    except CannotDecrypt:
        if row.data_key is None:  # it was for staff, and is sealed with the customer's destroyed key
            raise KeyDestroyed(row.customer_id) from None
        raise


def item_of(keys: Keys, row: AnyRow, claimed: AnyRow, notice: Notice | None) -> Item:
    sealer, lost = _sealer(keys, row), False
    try:
        payload = _operation(row, sealer)
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
        owner = keys.customer(row.owner_id, row.owner_key)
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
        else keys.organization(row.organization_id, row.org_key, row.org_index).index,
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


def _refs(row: AnyRow, sealer: Sealer) -> tuple[str, ...]:
    """Return the platform's ids of the messages that a row is about."""
    if row.kind in ("amend", "retract"):
        return tuple(sealer.open(ref, field=SENT_ID) for ref in row.refs or ())
    return tuple(row.refs or ())
