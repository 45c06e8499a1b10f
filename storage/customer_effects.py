"""Turn effects into rows of the outbox for customers: what is sent, changed, held back and sent again."""

from dataclasses import replace
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.core.conversation import View
from bot.core.effects import (
    Amend,
    CompleteVerification,
    Deliver,
    Drop,
    Fail,
    Park,
    Replace,
    Retract,
    SendAgain,
    Show,
    StartVerification,
    Unpark,
)
from bot.core.outbound import Operation, Post
from storage.codec import dump_operation
from storage.effect_statements import UNSENT
from storage.hashes import reference_hash
from storage.sealed_fields import ERROR, PAYLOAD
from storage.turn_rows import CurrentPlace, TurnRows
from storage.verification import begin, prove

ToCustomer = Deliver | Amend | Retract | Show | SendAgain | Fail | Park | Unpark | Drop | Replace


def write_for_customer(rows: TurnRows, view: View, location: CurrentPlace, effect: ToCustomer) -> None:
    match effect:
        case Deliver():
            rows.to_customer(view, location, "post", effect.post, effect.message, reports=effect.report)
        case Amend():
            _change_sent(rows, view, location, "amend", effect.post, effect.message)
        case Retract():
            _change_sent(rows, view, location, "retract", Post(""), effect.message)
        case Show():
            kind = type(effect.operation).__name__.lower()
            rows.to_customer(view, location, kind, effect.operation, effect.message, reports=True)
        case SendAgain():
            rows.by_table["send_again"].append({"message": effect.message})
        case Fail():
            rows.by_table["fail"].append(
                {
                    "message": effect.message,
                    "ref": reference_hash(location.index, effect.ref),
                    "reason": location.sealer.seal(effect.reason[:500], field=ERROR),
                }
            )
        case Park():
            rows.by_table["park"].append({"message": effect.message})
        case Unpark():
            rows.by_table["unpark"].append(
                {"conversation": view.conversation.id, "lane": location.lane, "place": location.place}
            )
        case Drop():
            _change_unsent(rows, "drop", effect.message, unsent=effect.unsent)
        case Replace():
            payload = location.sealer.seal(dump_operation(effect.post), field=PAYLOAD)
            _change_unsent(rows, "replace", effect.message, unsent=effect.unsent, payload=payload)


def _change_sent(
    rows: TurnRows, view: View, location: CurrentPlace, kind: str, operation: Operation, message: UUID
) -> None:
    """Add a row that changes a delivered message, at the place where it was delivered."""
    row = rows.row(view, location.sealer, kind, operation, message)
    rows.by_table["change_sent"].append(row | {"lane": location.lane, "place": location.place})


def _change_unsent(rows: TurnRows, statement: str, message: UUID, *, unsent: bool, **given: object) -> None:
    rows.unsent.append((UNSENT[statement], {"message": message} | given))
    if unsent:
        rows.believed_unsent.add(message)


async def start_verification(
    rows: TurnRows, connection: AsyncConnection, view: View, effect: StartVerification
) -> None:
    beginning = await begin(connection, rows.keys, rows.new_id, view.conversation, effect)
    if beginning is None:
        return
    rows.lanes.add(beginning.lane)
    rows.by_table["outbox"].append(
        {
            "id": rows.new_id(),
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


async def complete_verification(
    rows: TurnRows,
    connection: AsyncConnection,
    view: View,
    location: CurrentPlace,
    effect: CompleteVerification,
) -> None:
    there = await prove(connection, rows.keys, rows.new_id, view.conversation, effect)
    moved = replace(location, lane=there.lane, place=there.place)
    rows.to_customer(view, moved, "post", effect.post, effect.message)
