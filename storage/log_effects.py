"""Turn effects into rows of the log: messages and their files, escalations and their steps."""

from bot.core.conversation import Escalation, EscalationState, Message, View
from bot.core.effects import AddMessage, AddStep, ChangeEscalation, ChangeMessage, OpenEscalation
from bot.core.events import Reference
from storage.codec import dump_attachments, dump_reference
from storage.message_rows import MADE, SENDER_TYPE, file_row
from storage.sealed_fields import CONTENT, EXTRAS, FILE_REF, REFERENCE, SNAPSHOT, STEP_REASON
from storage.sealing import Sealer
from storage.turn_rows import TurnRows
from storage.views import seal_reason


def _made(effect: AddMessage, place: int, sealer: Sealer) -> dict[str, object]:
    """Return the column that holds the content of a file we wrote ourselves, or {} for other files."""
    if place >= len(effect.contents):
        return {}
    return {"ref": sealer.seal(MADE + effect.contents[place], field=FILE_REF)}


def add_message(rows: TurnRows, view: View, sealer: Sealer, effect: AddMessage, position: int) -> None:
    message: Message = effect.message
    rows.by_table["message"].append(
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
        rows.by_table["file"] += [
            file_row(rows.new_id(), place, attachment, sealer)
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


def change_message(rows: TurnRows, view: View, sealer: Sealer, effect: ChangeMessage) -> None:
    rows.by_table["change_message"].append(
        {
            "id": effect.message,
            "conversation": view.conversation.id,
            "state": effect.state.value if effect.state else None,
            "reply_to": effect.reply_to,
            "content": None if effect.text is None else sealer.seal(effect.text, field=CONTENT),
            "edits": effect.edits,
            "reference": _reference(sealer, effect.reference),
        }
    )


def open_escalation(rows: TurnRows, view: View, sealer: Sealer, effect: OpenEscalation) -> None:
    rows.by_table["escalation"].append(_escalation(view, sealer, effect.escalation))


def change_escalation(rows: TurnRows, view: View, sealer: Sealer, effect: ChangeEscalation) -> None:
    """Change an escalation. One that this turn opened is only inserted, in its last state."""
    row = _escalation(view, sealer, effect.escalation)
    opened = rows.by_table["escalation"]
    for place, known in enumerate(opened):
        if known["id"] == row["id"]:
            opened[place] = row
            return
    rows.by_table["change_escalation"].append(row)


def _escalation(view: View, sealer: Sealer, value: Escalation) -> dict[str, object]:
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


def add_step(rows: TurnRows, view: View, sealer: Sealer, effect: AddStep) -> None:
    rows.by_table["step"].append(
        {
            "id": rows.new_id(),
            "organization": view.conversation.organization,
            "escalation": effect.escalation,
            "from_": effect.from_,
            "to": effect.to,
            "reason": sealer.seal(effect.reason, field=STEP_REASON),
            "snapshot": sealer.seal(effect.snapshot, field=SNAPSHOT) if effect.snapshot else None,
            "at": view.now,
        }
    )


def _reference(sealer: Sealer, reference: Reference | None) -> str | None:
    """Return the column `reference` of a message, or None if it does not change."""
    return None if reference is None else sealer.seal(dump_reference(reference), field=REFERENCE)
