"""Store inputs in conversations whose rows are locked: input, message, files, and what they change beside."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.core.conversation import MessageState, Origin, Role
from bot.core.entries import LogEntry, changed_message, keeps_a_place, log_entry
from bot.core.events import Deeds, Edited, Event, SenderRole, Tapped
from bot.core.ids import ConversationId, NewId, OrgId
from bot.core.outbound import Post
from storage import prices
from storage.codec import dump_body, load_operation
from storage.database import Step, pipeline
from storage.early_changes import ONE_FLOODS, Logged, logged
from storage.entries import Entry, Wake, kind_of
from storage.floods import Floods, recording
from storage.hashes import reference_hash
from storage.locked_conversations import Head, schedule, touching
from storage.message_rows import INSERT_FILE, INSERT_MESSAGE, file_rows, message_row
from storage.place_updates import PlaceUpdates, hear
from storage.sealed_fields import BODY, PAYLOAD
from storage.senders import LOCK_WRITERS

_ALL_FLOOD = 600.0  # seconds that a flood of all senders of an account lasts at most after the last message


class Inputs:
    """Stores inputs of conversations. Counts what each sender wrote, to notice who floods us."""

    def __init__(self, new_id: NewId, floods: Floods) -> None:
        self._new_id = new_id
        self._floods = floods

    async def store(
        self,
        connection: AsyncConnection,
        entries: Sequence[Entry],
        heads: dict[ConversationId, Head],
        statement: TextClause | None = None,
        log: Logged | None = None,
    ) -> tuple[Wake, ...]:
        if not entries:
            return ()
        inputs: list[dict[str, object]] = []
        messages: list[dict[str, object]] = []
        files: list[dict[str, object]] = []
        heard = PlaceUpdates()
        floods: dict[UUID, tuple[OrgId, float]] = {}
        touched: dict[ConversationId, Head] = {}
        log = await _logged(connection, entries) if log is None else log
        entries = [entry for entry in entries if not _changes(entry, log.deleted)]
        labels = await _labels(connection, entries)
        for entry in entries:
            head = heads[entry.conversation]
            touched[head.id] = head
            head.last_accepted += 1
            message = position = None
            if (said := _log_entry(entry, log.known, labels)) is not None:
                message = message_row(self._new_id(), entry, said, head)
                messages.append(message)
                files += file_rows(self._new_id, entry, said, message["id"])
                if said.role is Role.CUSTOMER:
                    log.known.add((head.id, said.ref))
            elif isinstance(entry.body, Event) and keeps_a_place(entry.body, entry.origin):
                position = head.position = head.position + 1
            if entry.location is not None:
                hear(entry, head, heard)
            floods |= self._too_much(entry, head)
            inputs.append(
                {
                    "account": entry.account_id,
                    "external": entry.external_id,
                    "organization": entry.organization,
                    "conversation": head.id,
                    "seq": head.last_accepted,
                    "origin": entry.origin.value,
                    "message": message["id"] if message else None,
                    "position": position,
                    "kind": kind_of(entry.body),
                    "body": entry.sealer.seal(dump_body(entry.body), field=BODY),
                }
            )
            schedule(entry, head)
        steps: list[Step] = [(_INSERT_INPUT if statement is None else statement, inputs)]
        if (locked := _writers_of(messages)) is not None:
            steps.insert(0, locked)
        if messages:
            steps.append((INSERT_MESSAGE, messages))
        if files:
            steps.append((INSERT_FILE, files))
        steps += heard.steps()
        told = ((e.account_id, e.organization, e.index, e.body) for e in entries if isinstance(e.body, Event))
        if (priced := prices.recording(told)) is not None:
            steps.append(priced)
        if floods:
            steps.append(recording(floods))
        ordered = sorted(touched.values(), key=lambda head: head.id)
        await pipeline(connection, *steps, touching(ordered))
        return tuple(
            Wake(
                head.id,
                head.wake or timedelta(),
                head.last_customer_input if head.last_customer_input > head.last_handled else 0,
            )
            for head in ordered
        )

    def _too_much(self, entry: Entry, head: Head) -> dict[UUID, tuple[OrgId, float]]:
        """Count an event of a customer or a stranger. Return who is flooding us, and for how many seconds.

        What exceeds the limit of one sender is not counted against the account: other senders would have to
        wait.
        """
        rules, event = entry.rules, entry.body
        if rules is None or not isinstance(event, Event) or not isinstance(event.content, Deeds):
            return {}
        if event.sender_role is SenderRole.INSIDER:
            return {}
        theirs = event.sender_role is SenderRole.CUSTOMER
        subject = head.customer if theirs else entry.conversation  # strangers in a thread are counted as one
        seconds = self._floods.count(subject, rules.customer_per_minute, ONE_FLOODS)
        if not seconds:
            subject = entry.account_id
            seconds = self._floods.count(subject, rules.account_per_minute, _ALL_FLOOD)
        return {subject: (entry.organization, seconds)} if seconds else {}


def _writers_of(messages: Sequence[Mapping[str, object]]) -> Step | None:
    """Return the statement that locks the identities of the writers whom messages name, or None."""
    named = [each for each in messages if each["writer"] is not None]
    if not named:
        return None
    return LOCK_WRITERS, {
        "accounts": [each["account"] for each in named],
        "writers": [each["writer"] for each in named],
    }


async def _logged(connection: AsyncConnection, entries: Sequence[Entry]) -> Logged:
    """Return what the log has of the customers' messages that these inputs edit or delete."""
    return await logged(
        connection,
        [
            (entry.conversation, ref, reference_hash(entry.index, ref) if entry.index else ref)
            for entry in entries
            if isinstance(entry.body, Event) and (ref := changed_message(entry.body))
        ],
    )


def _changes(entry: Entry, messages: Collection[tuple[ConversationId, str]]) -> bool:
    """Return whether an input edits one of these messages."""
    if not isinstance(entry.body, Event) or not isinstance(entry.body.content, Edited):
        return False
    return (entry.conversation, changed_message(entry.body)) in messages


async def _labels(connection: AsyncConnection, entries: Sequence[Entry]) -> dict[str, str]:
    """Return the labels of pressed buttons whose events do not carry them, by the ids of the events.

    The labels are looked up in the newest posts of the conversation.
    """
    labels = {}
    for entry in entries:
        content = entry.body.content if isinstance(entry.body, Event) else None
        if entry.origin is not Origin.CUSTOMER or not isinstance(content, Tapped) or content.label:
            continue
        for row in await connection.execute(_POSTED, {"conversation": entry.conversation}):
            post = load_operation(entry.sealer.open(row.payload, field=PAYLOAD))
            shown = post.buttons if isinstance(post, Post) else ()
            label = next(
                (b.label for b in shown if (b.action, b.value) == (content.action, content.value)), ""
            )
            if label:
                labels[entry.external_id] = label
                break
    return labels


def _log_entry(
    entry: Entry, logged: Collection[tuple[ConversationId, str]], labels: Mapping[str, str]
) -> LogEntry | None:
    if not isinstance(entry.body, Event):
        return None
    known = (entry.conversation, changed_message(entry.body)) in logged
    said = log_entry(entry.body, entry.origin, known=known, label=labels.get(entry.external_id, ""))
    return replace(said, state=MessageState.DELETED) if said is not None and entry.deleted else said


_INSERT_INPUT = text("""
    insert into inbox (account_id, external_id, organization_id, conversation_id, seq, origin, message_id,
        position, kind, body, accepted_at)
    values (:account, :external, :organization, :conversation, :seq, :origin, :message,
        cast(:position as int), :kind, :body, clock_timestamp())
""")

# 50 are enough: a question that stays unanswered is asked again, or handed to people.
_POSTED = text("""
    select o.payload from outbox o
    where o.conversation_id = :conversation and o.room_id is null and o.kind = 'post' and o.payload <> ''
    order by o.created_at desc limit 50
""")
