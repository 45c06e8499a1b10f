"""Decide what a line in a room becomes: words that leave after their undo time, or a note."""

from dataclasses import replace

from bot.core.conversation import Album, EscalationState, Input, Message, MessageState, Role
from bot.core.effects import AddMessage, ChangeMessage, ClearTimers, Drop, SetTimer, SettleOffer
from bot.core.events import Event, Said
from bot.core.ids import MessageId, PersonId
from bot.core.outbound import Mark, Post
from bot.turns import albums, window
from bot.turns.closing import why_closed
from bot.turns.escaping import excerpt
from bot.turns.private import Divided, divide, is_command
from bot.turns.staff_log import known_entry, private_part
from bot.turns.turn import RELEASE, Turn
from bot.turns.who_may_speak import (
    ADVICE_TO_WATCHERS,
    in_open_room,
    is_forwarded,
    is_watched_here,
    may_speak,
    written_of,
)

PRIVATE = "private words of "  # before a person's id, in `Memory.advised`


def hear_words(turn: Turn, item: Input, event: Event, said: Said, person: PersonId | None) -> None:
    known = known_entry(turn, event.message)
    if known is not None:  # its edit or deletion came first, and is in the log already
        _came_late(turn, event, known, person)
        return
    if not said.text and not said.attachments:
        return
    public, private = divide(said.text)
    own = may_speak(turn, event, person, written_of(event))
    whole = bool(private and not public)
    album = albums.join(turn, event, private=whole) if own else Album("")
    leaves = own and not whole and not album.private
    message = Message(
        id=MessageId(turn.rules.new_id()),
        role=Role.STAFF,
        sender=person or event.sender.external_id,
        text=public if leaves else said.text,
        state=MessageState.HELD if leaves else MessageState.NOTE,
        at=item.at or turn.now,
        ref=event.message,
        room=turn.here.id if turn.here else None,
        attachments=said.attachments,
    )
    turn.add(AddMessage(message, item.position))
    if leaves:
        keep_private(turn, event, message, private)
        hold(turn, message)
    else:
        keep_inside(turn, event, message, person)
        keep_album_inside(turn, event, album, person)


def keep_album_inside(turn: Turn, event: Event, album: Album, person: PersonId | None) -> None:
    """Take back the waiting pictures of an album whose words are private."""
    waiting = (known_entry(turn, ref) for ref in album.messages if album.private)
    for message in waiting:
        if message is not None and message.state is MessageState.HELD:
            take_inside(turn, event, message, message.text, person)


def take_inside(turn: Turn, event: Event, message: Message, text: str, person: PersonId | None) -> None:
    """Keep a message inside that has not left: it waits, or it failed."""
    keep_private(turn, event, message, "")
    if message.state is MessageState.PARKED:
        window.never_send(turn, message, "🔒 It stays inside now: it is not sent.")
    elif message.state is MessageState.FAILED:
        turn.add(Drop(message.id))
        turn.add(SettleOffer(message.id, Post("🔒 Kept private. It will not be sent again.")))
    elif message.state is MessageState.RELEASED:
        turn.add(Drop(message.id, unsent=True))
    turn.add(ChangeMessage(message.id, state=MessageState.NOTE, text=text))
    turn.add(ClearTimers(RELEASE, str(message.id)))
    kept, escalation = turn.messages[message.id], turn.escalation
    lost = message.sender == person and escalation is not None and escalation.holder != person
    if lost and message.state is not MessageState.FAILED and text != message.text:
        turn.mark(message, Mark.INSIDE)
        turn.whisper(
            event.sender.external_id,
            "You no longer hold this conversation, so your change was not sent, and your earlier words were"
            " taken back.",
        )
        return
    keep_inside(turn, event, kept, person)


def as_kept(turn: Turn, message: Message) -> Divided:
    """Return the public and the private part of a message as the log has them."""
    if message.state is MessageState.NOTE:
        return Divided("", message.text)
    note = private_part(turn, message)
    return Divided(message.text, note.text if note else "")


def keep_private(turn: Turn, event: Event, message: Message, private: str) -> None:
    """Store the private part of a message as a note beside its public part, and tell its author."""
    if private == as_kept(turn, message).private:
        return
    note = private_part(turn, message)
    if note is None:
        id_ = MessageId(turn.rules.new_id())
        part = replace(message, id=id_, text=private, state=MessageState.NOTE, attachments=(), edited=False)
        turn.add(AddMessage(part))
    elif private:
        turn.add(ChangeMessage(note.id, text=private))
    else:
        turn.add(ChangeMessage(note.id, state=MessageState.DELETED))
    if private:
        turn.whisper(event.sender.external_id, f"🔒 This part stays inside: “{excerpt(private)}”")


def _came_late(turn: Turn, event: Event, known: Message, person: PersonId | None) -> None:
    """Let a message leave that arrives after its edit. Only now is it known that its holder wrote it."""
    public, private = divide(known.text)
    own = may_speak(turn, event, person, written_of(event))
    if known.state is MessageState.NOTE and own and (public or not private):
        turn.add(ChangeMessage(known.id, state=MessageState.HELD, text=public if private else None))
        keep_private(turn, event, turn.messages[known.id], private)
        hold(turn, known)


def hold(turn: Turn, message: Message) -> None:
    undo = turn.organization.policies.undo
    turn.add(SetTimer(RELEASE, str(message.id), turn.now + undo))
    turn.mark(message, Mark.WAITING)
    turn.explain(f"person {message.sender}", f"speaks; leaves in {undo.total_seconds():g} s")


def keep_inside(turn: Turn, event: Event, message: Message, person: PersonId | None) -> None:
    turn.explain(f"person {person or 'unknown'}", "a note: stays inside")
    turn.mark(message, Mark.INSIDE)
    escalation, who = turn.escalation, event.sender.external_id
    if is_watched_here(turn):
        if turn.advise(f"watching: {who}"):
            turn.whisper(who, ADVICE_TO_WATCHERS.format(customer=turn.customer_name))
        return
    if escalation is None or not in_open_room(escalation, event):
        turn.whisper(who, f"What you wrote stays inside. {why_closed(turn)}")
        return
    holds = person is not None and escalation.holder == person
    if holds and is_forwarded(event):
        _advise_on_forwarding(turn, who)
    elif holds and is_command(message.text):
        turn.whisper(
            who, "This begins like a command, so it stays inside. To send it, put a word before the slash."
        )
    elif holds and divide(message.text).private and turn.advise(f"{PRIVATE}{who}"):
        turn.whisper(
            who,
            "🔒 This whole message stays inside: it begins with what is private (`//`). Put what"
            f" {turn.customer_name} should read in a message of its own.",
        )
    if holds or not turn.advise(who):
        return
    if escalation.state is EscalationState.HELD:
        speaker = turn.person_name(escalation.holder)
        advice = f"Only **{speaker}** is talking to {turn.customer_name}: what you wrote stays inside."
    else:
        advice = f"This stays inside. Press **Take** to talk to {turn.customer_name}."
    turn.whisper(who, advice)


def _advise_on_forwarding(turn: Turn, who: str) -> None:
    """Explain in the room why a forwarded message carries a lock, once per holder."""
    if turn.advise(f"forwarded by {who}"):
        turn.tell_room(
            Post(
                "🔒 What is forwarded stays inside, and so does what another bot composed. To tell"
                f" {turn.customer_name} something, write it, or upload the file yourself."
            )
        )
