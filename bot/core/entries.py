"""Entries of the log: which inputs are one, and what it says.

Decided from the input alone, when it is accepted. So the log has the order of acceptance, whatever a later
turn makes of its inputs.
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
    Standing,
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
    """Return whether an event is nobody's deed towards us, and is to be counted and forgotten.

    So is a press of a button that another program has shown to a customer: only it knows what that means.
    """
    match event.content:
        case Ignored():
            return True
        case Tapped(action=action):
            return customers and action != OPTION
        case _:
            return False


def log_entry(event: Event, origin: Origin, *, known: bool = True, label: str = "") -> LogEntry | None:
    """Return the entry that an accepted event makes; None when it makes none.

    `known` tells whether the log has the message that an edit changes. An edit of an unknown message is a
    note: either it came before its message, or the message was never accepted. `label` is what the button
    of a tap said, where the channel does not tell it.
    """
    if origin is not Origin.CUSTOMER:
        return None
    if event.standing is not Standing.CUSTOMER:
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
    """Return whether a turn may make an entry of an input: what staff say in a room.

    Only a turn knows who that is, and what of it stays inside. Its place in the log is kept for it.
    """
    said = event.content
    return origin is Origin.ROOM and isinstance(said, Said) and bool(said.text or said.attachments)


def changed_message(event: Event) -> str:
    """Return the platform's id of the message that an edit or a deletion is about; "" for anything else."""
    return event.content.message if isinstance(event.content, Edited | Deleted) else ""


def _reference(event: Event) -> Reference:
    """Return what the event tells, with its sender where others may write in the same thread.

    What an answer names may be older than the conversation: then no more is known of it than that it is.
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
    """A colleague of ours whom the customer reads, or a stranger, whose words are a note to staff."""
    match event.content:
        case Said(text=text, attachments=attachments):
            pass
        case Unsupported(kind=kind) if event.message:
            text, attachments = f"[{kind}]", ()
        case _:
            return None
    insider = event.standing is Standing.INSIDER
    # A stranger is named by id alone: no name of theirs can pass for one of ours.
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
