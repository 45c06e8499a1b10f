"""Turn effects into rows of the outbox for staff: cards and lines of rooms, notices, direct messages."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.core.conversation import View
from bot.core.effects import (
    Effect,
    Gather,
    GrowPost,
    JoinNotice,
    LeaveNotice,
    Offer,
    OpenRoom,
    ShowCard,
    ShowGathered,
    ShowNotice,
    TellOtherRoom,
    TellRoom,
)
from bot.core.events import Place
from bot.core.ids import ConversationId, CustomerId, LaneId, OrgId
from bot.core.outbound import DirectMessage
from storage.database import pipeline
from storage.keys import Keys
from storage.lanes import lane_of
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
from storage.sealing import Sealer
from storage.turn_rows import TurnRows


async def open_room(
    rows: TurnRows, connection: AsyncConnection, view: View, sealer: Sealer, effect: OpenRoom
) -> None:
    place = effect.room.place
    account, lane = await _staff_lane(rows, connection, view, place)
    rows.by_table["room"].append(
        {
            "id": effect.room.id,
            "organization": view.conversation.organization,
            "conversation": view.conversation.id,
            "purpose": effect.room.purpose.value,
            "escalation": effect.escalation,
            "account": account,
            "lane": lane,
            "team": effect.room.team,
            "chat": place.chat,
            "at": view.now,
        }
    )
    rows.to_staff(view, sealer, lane, "card", None, None, effect.room.id)


@dataclass(frozen=True, slots=True)
class OtherRoom:
    """A room of another conversation, and whose key seals what is written there."""

    lane: LaneId
    conversation: ConversationId
    sealer: Sealer


@dataclass(frozen=True, slots=True)
class Rooms:
    """The rooms that exist already and are written in."""

    lanes: Mapping[UUID, LaneId]
    others: Mapping[tuple[OrgId, UUID], OtherRoom]


async def find_rooms(
    connection: AsyncConnection, keys: Keys, turns: Iterable[tuple[OrgId, Sequence[Effect]]]
) -> Rooms:
    """Read the rooms that the effects of many turns write in: two statements, in one round trip."""
    own: set[UUID] = set()
    others: set[tuple[OrgId, UUID]] = set()
    for organization, effects in turns:
        for effect in effects:
            if isinstance(effect, ShowCard | TellRoom | Offer | GrowPost):
                own.add(effect.room)
            elif isinstance(effect, TellOtherRoom):
                others.add((organization, effect.room))
    if not own and not others:
        return Rooms({}, {})
    ordered = sorted(others)
    given = {"organizations": [each[0] for each in ordered], "rooms": [each[1] for each in ordered]}
    lanes, found = await pipeline(connection, (_ROOM_LANES, {"rooms": sorted(own)}), (_OTHER_ROOMS, given))
    return Rooms(
        {row.id: LaneId(row.lane_id) for row in lanes},
        {
            (OrgId(row.organization_id), row.id): OtherRoom(
                LaneId(row.lane_id),
                ConversationId(row.conversation_id),
                keys.customer(CustomerId(row.customer_id), row.data_key),
            )
            for row in found
        },
    )


def write_in_room(
    rows: TurnRows, rooms: Rooms, view: View, sealer: Sealer, effect: ShowCard | TellRoom | Offer | GrowPost
) -> None:
    room = effect.room
    opened = next((row for row in rows.by_table["room"] if row["id"] == room), None)
    lane = cast("LaneId", opened["lane"]) if opened else rooms.lanes[room]
    match effect:
        case ShowCard():
            rows.to_staff(view, sealer, lane, "card", None, None, room)
        case TellRoom(operation=operation, about=about, grows=grows):
            kind = type(operation).__name__.lower()
            rows.to_staff(view, sealer, lane, kind, operation, about, room, grows=grows)
        case Offer(post=post, message=about):
            rows.to_staff(view, sealer, lane, "offer", post, about, room)
        case GrowPost(grows=name, newest=newest, post=post):
            row = rows.row(view, sealer, "grow", post, newest)
            rows.by_table["grow"].append(row | {"lane": lane, "room": room, "grows": name})
            rows.lanes.add(lane)


def write_in_other_room(rows: TurnRows, rooms: Rooms, view: View, effect: TellOtherRoom) -> None:
    """Post in the room of another conversation, sealed with the key of that conversation's customer."""
    there = rooms.others.get((view.conversation.organization, effect.room))
    if there is None:
        return
    rows.to_staff(view, there.sealer, there.lane, "post", effect.post, None, effect.room)
    rows.by_table["outbox"][-1]["conversation"] = there.conversation


async def write_to_person(
    rows: TurnRows, connection: AsyncConnection, view: View, sealer: Sealer, message: DirectMessage
) -> None:
    _, lane = await _staff_lane(rows, connection, view, message.place)
    row = rows.row(view, sealer, "direct", message, None)
    rows.by_table["outbox"].append(
        row | {"lane": lane, "place": None, "room": None, "grows": None, "reports": False}
    )
    rows.lanes.add(lane)


async def change_notice(
    rows: TurnRows,
    connection: AsyncConnection,
    view: View,
    sealer: Sealer,
    effect: JoinNotice | LeaveNotice | ShowNotice | Gather | ShowGathered,
) -> None:
    organization = view.conversation.organization
    match effect:
        case JoinNotice(message=message, team=team, place=place):
            _, lane = await _staff_lane(rows, connection, view, place)
            made = Making(organization, team, lane, place.chat, IN_DOUBT)
            id_ = await notice_of(connection, rows.new_id, made)
            rows.noticed.append(listing(id_, message))
        case Gather(escalation=escalation, team=team, place=place):
            _, lane = await _staff_lane(rows, connection, view, place)
            made = Making(organization, team, lane, place.chat, GATHERED)
            id_ = await notice_of(connection, rows.new_id, made)
            rows.noticed.append(gathering(id_, escalation))
        case LeaveNotice(message=message):
            found = await notice_listing(connection, message)
            if found is None:
                return
            id_, lane = found
            rows.noticed.append(leaving(message))
        case ShowGathered(escalation=escalation):
            found = await notice_with(connection, escalation)
            if found is None:
                return
            id_, lane = found
        case ShowNotice(notice=id_, pressed_by=name):
            lane = await lane_of_notice(connection, id_)
            if name:
                rows.noticed.append(pressing(id_, name))
    _show_notice(rows, view, sealer, id_, lane)


def _show_notice(rows: TurnRows, view: View, sealer: Sealer, notice: UUID, lane: LaneId) -> None:
    row = rows.row(view, sealer, NOTICE, None, None)
    rows.by_table["notice"].append(row | {"lane": lane, "notice": notice})
    rows.lanes.add(lane)


async def delete_posts(rows: TurnRows, connection: AsyncConnection, view: View, sealer: Sealer) -> None:
    """Add a row `delete_posts` for each room and person that got posts of this conversation.

    The posts to delete are found when this row is claimed, after all rows before it.
    """
    for lane, room in await where_posted(connection, view.conversation.id):
        rows.to_staff(view, sealer, lane, DELETE_POSTS, None, None, room)
    for notice, lane in await notices_naming(connection, view.conversation.id):
        _show_notice(rows, view, sealer, notice, lane)


async def _staff_lane(
    rows: TurnRows, connection: AsyncConnection, view: View, place: Place
) -> tuple[UUID, LaneId]:
    """Return the account of a place of the staff, and the lane of its chat."""
    organization = view.conversation.organization
    given = {"organization": organization, "channel": place.channel, "account": place.account}
    account = (await connection.execute(_ACCOUNT, given)).one()
    keys = rows.keys.organization(organization, account.data_key, account.index_key)
    lane = await lane_of(
        connection, organization, account.id, keys.index, place.channel, place.chat, rows.new_id
    )
    return account.id, lane


_ACCOUNT = text("""
    select a.id, o.data_key, o.index_key from accounts a join organizations o on o.id = a.organization_id
    where a.organization_id = :organization and a.channel = :channel and a.account = :account
""")

_OTHER_ROOMS = text("""
    select r.id, r.organization_id, r.lane_id, r.conversation_id, v.customer_id, c.data_key
    from unnest(cast(:organizations as uuid[]), cast(:rooms as uuid[])) as k(organization, room)
    join rooms r on r.id = k.room and r.organization_id = k.organization
    join conversations v on v.id = r.conversation_id join customers c on c.id = v.customer_id
    where c.data_key is not null
""")

_ROOM_LANES = text("select id, lane_id from rooms where id = any(cast(:rooms as uuid[]))")
