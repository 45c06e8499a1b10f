"""Turn the effects of many turns into rows: each effect by the function for its type."""

import json
from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.core.conversation import View
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
from bot.core.ids import NewId
from storage.audit import AuditEntry
from storage.customer_effects import complete_verification, start_verification, write_for_customer
from storage.keys import Keys
from storage.log_effects import add_message, add_step, change_escalation, change_message, open_escalation
from storage.sealed_fields import PROFILE, TURN_REASONS
from storage.sealing import Sealer
from storage.staff_effects import (
    Rooms,
    change_notice,
    delete_posts,
    open_room,
    write_in_other_room,
    write_in_room,
    write_to_person,
)
from storage.turn_rows import CurrentPlace, TurnRows


class Writes:
    """Turns the effects of many turns into rows, which `flush` writes."""

    def __init__(self, keys: Keys, new_id: NewId, rooms: Rooms) -> None:
        self._rows = TurnRows(keys, new_id)
        self._rooms = rooms

    async def add(
        self, connection: AsyncConnection, view: View, effects: Sequence[Effect], location: CurrentPlace
    ) -> None:
        """Collect the rows of one turn's effects, which `flush` writes.

        Rows of address verification, and new lanes and notices, are written here already.
        """
        rows, sealer = self._rows, location.sealer
        position = location.position
        for effect in effects:
            match effect:
                case AddMessage():
                    position += effect.position is None
                    add_message(rows, view, sealer, effect, effect.position or position)
                case ChangeMessage():
                    change_message(rows, view, sealer, effect)
                case OpenEscalation():
                    open_escalation(rows, view, sealer, effect)
                case ChangeEscalation():
                    change_escalation(rows, view, sealer, effect)
                case AddStep():
                    add_step(rows, view, sealer, effect)
                case (
                    Deliver()
                    | Amend()
                    | Retract()
                    | Show()
                    | SendAgain()
                    | Fail()
                    | Park()
                    | Unpark()
                    | Drop()
                    | Replace()
                ):
                    write_for_customer(rows, view, location, effect)
                case CountReply():
                    rows.replies.append((location.place, effect))
                case StartVerification():
                    await start_verification(rows, connection, view, effect)
                case CompleteVerification():
                    await complete_verification(rows, connection, view, location, effect)
                case OpenRoom():
                    await open_room(rows, connection, view, sealer, effect)
                case CloseRoom() | ReopenRoom():
                    opened = isinstance(effect, ReopenRoom)
                    rows.by_table["open_room"].append({"id": effect.room, "open": opened})
                case ShowCard() | TellRoom() | Offer() | GrowPost():
                    write_in_room(rows, self._rooms, view, sealer, effect)
                case TellOtherRoom():
                    write_in_other_room(rows, self._rooms, view, effect)
                case DeletePosts():
                    await delete_posts(rows, connection, view, sealer)
                case SettleOffer():
                    row = rows.row(view, sealer, "settle_offer", effect.post, effect.message)
                    rows.by_table["settle_offer"].append(row)
                case JoinNotice() | LeaveNotice() | ShowNotice() | Gather() | ShowGathered():
                    await change_notice(rows, connection, view, sealer, effect)
                case TellPerson():
                    await write_to_person(rows, connection, view, sealer, effect.message)
                case SetTimer() | ClearTimers():
                    _change_timer(rows, view, effect)
                case Introduce():
                    _introduce(rows, view, sealer, effect)
                case Audit():
                    _record(rows, view, effect)
                case Move() | Remember():
                    pass  # written with the conversation's own row, see storage.turns

    def turn(
        self, location: CurrentPlace, row: dict[str, object], reasons: Sequence[tuple[str, str]]
    ) -> None:
        """Collect the row that `desk why` shows."""
        sealed = location.sealer.seal(json.dumps(list(reasons)), field=TURN_REASONS)
        self._rows.by_table["turn"].append({**row, "reasons": sealed})

    async def flush(self, connection: AsyncConnection) -> None:
        """Write everything. Raises as `TurnRows.flush`."""
        await self._rows.flush(connection)


def _change_timer(rows: TurnRows, view: View, effect: SetTimer | ClearTimers) -> None:
    row = {"conversation": view.conversation.id, "kind": effect.kind, "subject": effect.subject}
    if isinstance(effect, SetTimer):
        rows.by_table["set_timer"].append(row | {"due_at": effect.due_at})
    else:
        rows.by_table["clear_timers"].append(row)


def _introduce(rows: TurnRows, view: View, sealer: Sealer, effect: Introduce) -> None:
    profile = {"name": effect.name, "handle": effect.handle, "language": effect.language}
    sealed = sealer.seal(json.dumps(profile), field=PROFILE)
    rows.by_table["introduce"].append({"id": view.conversation.customer, "profile": sealed})


def _record(rows: TurnRows, view: View, effect: Audit) -> None:
    rows.audit[view.conversation.organization].append(
        AuditEntry(
            id=rows.new_id(),
            at=view.now,
            actor=effect.actor,
            action=effect.action,
            subject=effect.subject,
            details=effect.details,
        )
    )
