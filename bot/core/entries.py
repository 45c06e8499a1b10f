"""Entries of the log: which inputs make one, and what it says.

This is decided from the input alone, when it is accepted. So the log has the order of acceptance, whatever a
later turn makes of its inputs.
"""

from dataclasses import dataclass, replace

from bot.core.conversation import MessageState, Origin, Role
from bot.core.events import (
    NO_REFERENCE,
    OPTION,
    Attachment,
    Deleted,
    Edited,
    Event,
    Ignored,
    Reference,
    Said,
    SenderRole,
    Submitted,
    Tapped,
    Unsupported,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEntry:
    """A message of the log that has no id and no position yet. `sender` is "" for the customer."""

    role: Role
    state: MessageState
    text: str
    sender: str = ""
    ref: str = ""  # the platform's id of the message
    attachments: tuple[Attachment, ...] = ()
    reference: Reference = NO_REFERENCE


def is_nobodys(event: Event, *, customers: bool) -> bool:
    """Return whether an event is no act of a person towards us, and is only counted.

    The same goes for a customer's text of blanks alone, and for a press of a button that another program has
    shown to a customer: only that program knows what the press means.
    """
    match event.content:
        case Ignored():
            return True
        case Said(text=text, attachments=()):
            return customers and not (event.reference.described or any(map(_is_shown, text)))
        case Tapped(action=action):
            return customers and action != OPTION
        case _:
            return False


def _is_shown(sign: str) -> bool:
    return sign.isprintable() and not sign.isspace()


def log_entry(event: Event, origin: Origin, *, known: bool = True, label: str = "") -> LogEntry | None:
    """Return the log's entry for an accepted event, or None if it makes none.

    `known` says whether the log has the message that an edit changes. The edit of an unknown message becomes
    a note: either it came before its message, or the message was never accepted. `label` is the text of a
    tapped button, where the channel does not report it.
    """
    if origin is not Origin.CUSTOMER:
        return None
    if event.sender_role is not SenderRole.CUSTOMER:
        return _by_somebody_else(event)
    match event.content:
        case Said(text=text, attachments=attachments):
            return _by_customer(event, text, event.message, attachments)
        case Tapped(value=value, label=told):
            return _by_customer(event, told or label or value)
        case Submitted(form=form, values=values):
            filled_in = "\n".join(f"{name}: {value}" for name, value in values)
            return _by_customer(event, filled_in or form, event.message)
        case Unsupported(kind=kind):
            return _by_customer(event, f"[{kind}]", event.message)
        case Edited(message=ref, text=text, attachments=attachments) if not known:
            return replace(_by_customer(event, text, ref, attachments), state=MessageState.NOTE)
        case _:
            return None


def keeps_a_place(event: Event, origin: Origin) -> bool:
    """Return whether a turn may make an entry from an input: what staff say in a room.

    Only a turn knows who that is, and which part stays inside. The entry's position in the log is reserved.
    """
    said = event.content
    return origin is Origin.ROOM and isinstance(said, Said) and bool(said.text or said.attachments)


def changed_message(event: Event) -> str:
    """Return the platform's id of the message that an edit or a deletion is about; "" for anything else."""
    return event.content.message if isinstance(event.content, Edited | Deleted) else ""


def _reference(event: Event) -> Reference:
    """Return the event's reference, with its sender where others may write in the same thread.

    A message that it answers may be older than the conversation: then nothing else is known of it.
    """
    told, sender = event.reference, event.sender
    if event.reply_to and not (told.quote or told.kind or told.author):
        told = replace(told, kind="earlier message")
    if not event.shared:
        return told
    return replace(told, writer=sender.display_name, address=sender.address)


def _by_customer(
    event: Event, text: str, ref: str = "", attachments: tuple[Attachment, ...] = ()
) -> LogEntry:
    return LogEntry(
        role=Role.CUSTOMER,
        state=MessageState.RECEIVED,
        text=text,
        ref=ref,
        attachments=attachments,
        reference=_reference(event),
    )


def _by_somebody_else(event: Event) -> LogEntry | None:
    """Return the entry for a message in the customer's thread that is not the customer's.

    A colleague's is a message that the customer reads; a stranger's is a note to staff.
    """
    match event.content:
        case Said(text=text, attachments=attachments):
            pass
        case Unsupported(kind=kind) if event.message:
            text, attachments = f"[{kind}]", ()
        case _:
            return None
    insider = event.sender_role is SenderRole.INSIDER
    # A stranger is named only by id: no name that they choose can look like a colleague's.
    name = event.sender.display_name if insider else ""
    return LogEntry(
        role=Role.STAFF if insider else Role.SYSTEM,
        state=MessageState.DELIVERED if insider else MessageState.NOTE,
        text=text,
        sender=name or event.sender.external_id,
        ref=event.message,
        attachments=attachments,
        reference=_reference(event),
    )
