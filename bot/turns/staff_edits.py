"""Decide what an edit by staff changes: words that wait, words that have left, files."""

from dataclasses import replace

from bot.core.conversation import Message, MessageState, Role
from bot.core.effects import AddMessage, Amend, ChangeMessage, Deliver, Replace
from bot.core.events import Attachment, Edited, Event
from bot.core.ids import MessageId, PersonId
from bot.core.outbound import Mark, Post
from bot.turns import albums
from bot.turns.attachments import as_edited, at_hand, awaited, same_files
from bot.turns.private import Divided, divide
from bot.turns.staff_log import LEFT, known_entry, waits
from bot.turns.staff_words import as_kept, hold, keep_album_inside, keep_inside, keep_private, take_inside
from bot.turns.taking_back import TAKE_BACK, deletions_are_told, stop
from bot.turns.turn import Turn
from bot.turns.who_may_speak import is_forwarded, may_speak, written_of
from orgs.specification.texts import fill

_UNWANTED = 50  # replaced files that are remembered


def hear_edit(turn: Turn, event: Event, edit: Edited, person: PersonId | None) -> None:
    message = known_entry(turn, edit.message)
    if message is None:
        _edited_unknown(turn, event, edit, person)
        return
    kept = as_kept(turn, message)
    public, private = divide(edit.text)
    refiled = not same_files(message.attachments, edit.attachments)
    may_leave = message.state in LEFT or waits(turn, message)
    if kept in (Divided(public, private), Divided("", edit.text)) and not (refiled and may_leave):
        return
    whole = bool(private and not public)
    own = message.sender == person and not is_forwarded(event)
    speaks = own and not whole and may_speak(turn, event, person, written_of(event))
    match message.state:
        # A change of the private part alone leaves the public part, and its undo time, as they are.
        case _ if (
            waits(turn, message)
            and own
            and not refiled
            and not whole
            and (
                public.strip() == message.text.strip()
                or (not speaks and public.split() == message.text.split())
            )
        ):
            keep_private(turn, event, message, private)
            if message.state is MessageState.HELD:
                turn.mark(message, Mark.WAITING)
        # The author may undo, whoever holds the conversation. New words leave only if the author holds it.
        case _ if waits(turn, message) and not speaks:
            take_inside(turn, event, message, edit.text, person)
            keep_album_inside(turn, event, albums.join(turn, event, private=whole), person)
        case _ if waits(turn, message) and refiled:
            _begin_anew(turn, event, message, Divided(public, private), edit.attachments)
        case _ if waits(turn, message):
            _reword(turn, message, public)
            keep_private(turn, event, message, private)
        case state if state in LEFT and speaks:
            if public != message.text:
                turn.add(ChangeMessage(message.id, text=public))
                _correct(turn, message, public)
            keep_private(turn, event, message, private)
            if refiled:
                _stop_files(turn, event, message, edit.attachments)
        case state if state in LEFT:
            # The log keeps what the customer reads, as agents and later rooms get the story from it.
            turn.whisper(
                event.sender.external_id,
                f"{turn.customer_name} still reads what you wrote before: this change stays inside."
                f" {_way_back(turn)} to take it back.",
            )
        case _:
            turn.add(ChangeMessage(message.id, text=edit.text))
            if speaks:
                turn.whisper(
                    event.sender.external_id,
                    "This stays inside, as it was written. Write it again to send it.",
                )
    turn.explain(f"person {person or 'unknown'}", f"edited a message that was {message.state}")


def _way_back(turn: Turn) -> str:
    return "Delete the message" if deletions_are_told(turn) else f"React with {TAKE_BACK}"


def _stop_files(turn: Turn, event: Event, message: Message, attachments: tuple[Attachment, ...]) -> None:
    """Keep back the files that an edit removes from a message whose text has left, if they have not left too.

    No channel can exchange files that have left. The author is told, once for each kind of outcome.
    """
    kept = {(attachment.kind, attachment.ref) for attachment in attachments}
    stopped = [
        (message.id, position)
        for position, attachment in enumerate(message.attachments)
        if attachment in awaited(message)
        and not attachment.failure
        and (attachment.kind, attachment.ref) not in kept
        and (message.id, position) not in turn.memory.unwanted
    ]
    if stopped:
        turn.remember(unwanted=(*turn.memory.unwanted, *stopped)[-_UNWANTED:])
        turn.explain(f"person {message.sender}", f"stopped {len(stopped)} files that were being fetched")
        turn.whisper(
            event.sender.external_id,
            "The file that you replaced does not go out. The words before it have left already, so send the"
            " right file in a message of its own.",
        )
    elif turn.advise(f"files of {message.ref}"):
        turn.whisper(
            event.sender.external_id,
            f"Its files were not changed for {turn.customer_name}: the message has left. Send the right file"
            f" in a message of its own. {_way_back(turn)} to take this one back.",
        )


def _begin_anew(
    turn: Turn, event: Event, message: Message, parts: Divided, attachments: tuple[Attachment, ...]
) -> None:
    """Let a message whose files were changed wait for its undo time again. The earlier files never leave."""
    if not parts.public and not attachments:
        stop(turn, message)
        turn.mark(message, Mark.WITHDRAWN)
        return
    stop(turn, message, "✏️ Changed: the new message takes its place.")
    anew = replace(
        message,
        id=MessageId(turn.rules.new_id()),
        state=MessageState.HELD,
        text=parts.public,
        attachments=as_edited(message.attachments, attachments),
        edited=False,
    )
    turn.add(AddMessage(anew))
    keep_private(turn, event, anew, parts.private)
    hold(turn, anew)


def _reword(turn: Turn, message: Message, text: str) -> None:
    """Change the text of a message of which nothing has left. The earlier text never reaches the customer."""
    turn.add(ChangeMessage(message.id, text=text))
    if message.state is MessageState.HELD:
        hold(turn, message)
        return
    post = Post(text, attachments=at_hand(message), speaker=turn.speaker(message.role, message.sender))
    if message.text or at_hand(message):
        turn.add(Replace(message.id, post, unsent=message.state is MessageState.RELEASED))
    else:  # its files are still being fetched: nothing of it is in the outbox
        turn.add(Deliver(message.id, post, report=True))


def _edited_unknown(turn: Turn, event: Event, edit: Edited, person: PersonId | None) -> None:
    """Keep an edit inside whose message is unknown: it came before its message, or long after it.

    Nobody can tell whether it was written while its author held the conversation. If the message still comes,
    `bot.turns.staff_words` lets it leave.
    """
    note = Message(
        id=MessageId(turn.rules.new_id()),
        role=Role.STAFF,
        sender=person or event.sender.external_id,
        text=edit.text,
        state=MessageState.NOTE,
        at=turn.now,
        ref=edit.message,
        room=turn.here.id if turn.here else None,
        attachments=edit.attachments,
    )
    turn.add(AddMessage(note))
    keep_inside(turn, event, note, person)


def _correct(turn: Turn, message: Message, text: str) -> None:
    """Correct a message that has left: edit it where the customer reads it, or send the correction."""
    if turn.capabilities.edits:
        turn.add(Amend(message.id, Post(text)))
    else:
        words = fill(turn.texts.correction, text=text)
        turn.say(words, sender=message.sender, automatic=False, ahead=True)
