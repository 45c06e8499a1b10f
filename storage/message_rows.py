"""Make the rows of a message and of its files."""

from uuid import UUID

from sqlalchemy import text

from bot.core.conversation import Role
from bot.core.entries import LogEntry
from bot.core.events import NO_REFERENCE, Attachment, Event
from bot.core.ids import NewId
from storage.arrivals import writer_hash
from storage.codec import dump_attachments, dump_reference, dump_source
from storage.entries import Entry
from storage.hashes import reference_hash
from storage.locked_conversations import Head
from storage.mime import known_type
from storage.sealed_fields import CONTENT, EXTRAS, FILE_NAME, FILE_REF, REFERENCE, SOURCE
from storage.sealing import Sealer

MADE = "made:"  # prefix of the `ref` of a file that we wrote ourselves: the rest is its text
SENDER_TYPE = {Role.CUSTOMER: "human", Role.STAFF: "human", Role.AGENT: "agent", Role.SYSTEM: "system"}


def message_row(id_: UUID, entry: Entry, said: LogEntry, head: Head) -> dict[str, object]:
    """Return the row of the message that an input adds to the log. It gets the next position."""
    head.position += 1
    attachments = dump_attachments(said.attachments) if said.attachments else ""
    reference = dump_reference(said.reference) if said.reference != NO_REFERENCE else ""
    return {
        "id": id_,
        "conversation": head.id,
        "organization": entry.organization,
        "position": head.position,
        "sender_type": SENDER_TYPE[said.role],
        "sender": "" if said.sender else entry.author,
        "account": entry.account_id,
        "writer": _writer(entry),
        "role": said.role.value,
        "state": said.state.value,
        "edited": entry.edited,
        "content": entry.sealer.seal(said.text, field=CONTENT),
        "extras": entry.sealer.seal(attachments, field=EXTRAS) if attachments else None,
        "external": reference_hash(entry.index, said.ref) if entry.index else said.ref,
        "source": entry.sealer.seal(dump_source(said.ref, said.sender), field=SOURCE)
        if said.ref or said.sender
        else None,
        "reference": entry.sealer.seal(reference, field=REFERENCE) if reference else None,
    }


def file_rows(new_id: NewId, entry: Entry, said: LogEntry, message: object) -> list[dict[str, object]]:
    """Return the rows of a message's files, which must be fetched."""
    return [
        file_row(new_id(), position, attachment, entry.sealer)
        | {
            "organization": entry.organization,
            "conversation": entry.conversation,
            "customer": UUID(entry.author),
            "account": entry.account_id,
            "message": message,
        }
        for position, attachment in enumerate(said.attachments)
        if attachment.is_file
    ]


def _writer(entry: Entry) -> bytes | None:
    """Return the keyed hash of who wrote, if that need not be the customer whose conversation it is."""
    if entry.index is None or not isinstance(entry.body, Event):
        return None
    merged = entry.location is not None and entry.location.whose != entry.location.customer
    return writer_hash(entry.index, entry.body, merged=merged)


def file_row(id_: UUID, position: int, attachment: Attachment, sealer: Sealer) -> dict[str, object]:
    """Return the columns of a file's row that describe the attachment."""
    return {
        "id": id_,
        "position": position,
        "ref": sealer.seal(attachment.ref, field=FILE_REF),
        "name": sealer.seal(attachment.name, field=FILE_NAME),
        "mime_type": known_type(attachment.mime_type),
    }


INSERT_FILE = text("""
    insert into files (id, organization_id, conversation_id, customer_id, account_id, message_id, position,
        ref, name, mime_type, due_at)
    values (:id, :organization, :conversation, :customer, :account, :message, :position, :ref, :name,
        :mime_type, clock_timestamp())
""")

INSERT_MESSAGE = text("""
    insert into messages (id, conversation_id, organization_id, position, sender_type, sender_id,
        writer, role, content, extras, state, edited, external_id, source, reference, created_at)
    values (:id, :conversation, :organization, :position, :sender_type, :sender, :writer, :role, :content,
        :extras, :state, :edited, :external, :source, :reference, clock_timestamp())
""")
