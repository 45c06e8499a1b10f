"""Decide what an input from a room does. The one law here: only the holder's words reach the customer."""

from dataclasses import replace
from datetime import datetime
from itertools import takewhile
from typing import assert_never

from bot.core.connector import MODEST
from bot.core.conversation import (
    Album,
    Escalation,
    EscalationState,
    Input,
    Message,
    MessageState,
    OwnerKind,
    Role,
    Status,
)
from bot.core.effects import (
    AddMessage,
    AddStep,
    Amend,
    ChangeMessage,
    ClearTimers,
    Deliver,
    Drop,
    Replace,
    Retract,
    SendAgain,
    SetTimer,
    SettleOffer,
)
from bot.core.events import (
    OPEN_NEXT,
    SEND_ALL,
    AddressChanged,
    Attachment,
    Called,
    Deleted,
    Edited,
    Event,
    Ignored,
    ReachabilityChanged,
    Reacted,
    Receipt,
    Said,
    Started,
    Stopped,
    Submitted,
    Tapped,
    ThreadControl,
    Unsupported,
    WorkplaceChanged,
)
from bot.core.ids import MessageId, PersonId
from bot.core.outbound import Button, Mark, Post
from bot.turns import albums, in_doubt, reactions, window, workplace
from bot.turns.assigning import JOIN, assign, join
from bot.turns.attachments import as_edited, at_hand, awaited, same_files
from bot.turns.closing import REOPEN, close, reopen_by_staff, why_closed
from bot.turns.escalating import ANSWER_DUE, LADDER, REMIND
from bot.turns.escaping import excerpt, inert
from bot.turns.ownership import Cause
from bot.turns.private import Divided, divide, is_command
from bot.turns.turn import RELEASE, STRANGER, SYSTEM, Turn
from bot.turns.underway import SEND_AGAIN
from bot.turns.undo import withdraw
from bot.turns.waiting import TO_ANSWER
from bot.turns.who_speaks import who_speaks
from orgs.routing import find_person, people_of, person_on, roles_of
from orgs.specification.organization import PersonRole
from orgs.specification.texts import fill

TAKE, ASSIGN, RESOLVE, RETURN = "take", "assign", "resolve", "return"
ASSIGN_TO, ASK_NUMBER = "assign_to", "ask_number"
TAKE_BACK = "👎"
_LEFT = (  # a message in such a state has left for the customer, unless `_waits` says otherwise
    MessageState.RELEASED,
    MessageState.SENT,
    MessageState.DELIVERED,
    MessageState.READ,
    MessageState.FAILED,
)
_PRIVATE = "private words of "  # before a person's id, in `Memory.advised`
_OFFERED = 8  # people that are offered as buttons
_UNWANTED = 50  # replaced files that are remembered


def hear(turn: Turn, item: Input, event: Event) -> None:
    """Handle one input from a room of this conversation."""
    person = _person(turn, event)
    match event.content:
        case Said():
            _said(turn, item, event, event.content, person)
        case Edited():
            _edited(turn, event, event.content, person)
        case Deleted():
            _deleted(turn, event, event.content)
        case Tapped():
            _tapped(turn, event, event.content, person)
        case Submitted():
            _submitted(turn, event, event.content, person)
        case Reacted():
            _reacted(turn, event, event.content, person)
        case Unsupported():
            _unsupported(turn, event, event.content, person)
        case WorkplaceChanged():
            workplace.hear(turn, event.place, event.content, person)
        case Started() | ReachabilityChanged() | Receipt() | AddressChanged() | Ignored():
            pass
        case Called() | Stopped() | ThreadControl():
            pass  # only customers send these
        case _:
            assert_never(event.content)


def _person(turn: Turn, event: Event) -> PersonId | None:
    sender = event.sender
    email = sender.handle if "@" in sender.handle else ""  # only channels that verify emails put one there
    return person_on(turn.organization, event.place.channel, sender.external_id, email)


def _speaks(turn: Turn, event: Event, person: PersonId | None) -> bool:
    """Return whether the words of an event may leave: the holder's, in the open room, since they took it.

    This is promise 7 of the product, in one expression.
    """
    escalation = turn.escalation
    return (
        person is not None
        and escalation is not None
        and escalation.state is EscalationState.HELD
        and escalation.holder == person
        and turn.owner.kind is OwnerKind.PERSON
        and turn.owner.name == person
        and _in_open_room(escalation, event)
        and event.occurred_at > _taken_at(turn)
    )


def _is_forwarded(event: Event) -> bool:
    """Return whether somebody else wrote the message first: only the holder's own words may leave."""
    return event.reference.forwarded


def _taken_at(turn: Turn) -> datetime:
    """Return when the holder took the conversation, by the room's own clock.

    A line written before that is private, however late the platform brings it. If the entry that `take` left
    is older than the story, so is everything written before it.
    """
    takes = [m.at for m in turn.messages.values() if m.sender == SYSTEM and m.state is MessageState.NOTE]
    return takes[-1] if takes else min((m.at for m in turn.messages.values()), default=turn.now)


def _in_open_room(escalation: Escalation, event: Event) -> bool:
    room = escalation.room
    return (
        room is not None
        and room.open
        and (room.place.account, room.place.chat, room.place.thread)
        == (event.place.account, event.place.chat, event.place.thread)
    )


def _known(turn: Turn, ref: str) -> Message | None:
    """Return the log's entry for a message of staff: the newest one, where an edit began a new entry."""
    entries = _entries(turn, ref)
    own = [m for m in entries if m.state not in (MessageState.NOTE, MessageState.DELETED)]
    return own[-1] if own else next(iter(entries), None)


def _waits(turn: Turn, message: Message) -> bool:
    """Return whether nothing of a message has left for the customer, and nothing is leaving now."""
    match message.state:
        case MessageState.HELD | MessageState.PARKED:
            return True
        case MessageState.RELEASED:
            return message.id in turn.view.unsent
        case MessageState.FAILED:
            return message.id not in turn.view.begun
        case _:
            return False


def _shown(turn: Turn, ref: str) -> Message | None:
    """Return what staff wrote in another room, by the line of this room that shows it."""
    return next((m for m in turn.in_rooms(ref) if m.role is Role.STAFF), None)


def _private_part(turn: Turn, message: Message) -> Message | None:
    """Return the note with the private part of a message that also has a public part.

    It is a later entry of the log.
    """
    entries = _entries(turn, message.ref)
    return next((m for m in entries if m.id != message.id and m.state is MessageState.NOTE), None)


def _entries(turn: Turn, ref: str) -> list[Message]:
    return [m for m in turn.messages.values() if ref and m.ref == ref and m.role is Role.STAFF]


def _said(turn: Turn, item: Input, event: Event, said: Said, person: PersonId | None) -> None:
    known = _known(turn, event.message)
    if known is not None:  # its edit or deletion came first, and is in the log already
        _came_late(turn, event, known, person)
        return
    if not said.text and not said.attachments:
        return
    public, private = divide(said.text)
    own = _speaks(turn, event, person) and not _is_forwarded(event)
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
        _keep_private(turn, event, message, private)
        _hold(turn, message)
    else:
        _keep_inside(turn, event, message, person)
        _keep_album_inside(turn, event, album, person)


def _keep_album_inside(turn: Turn, event: Event, album: Album, person: PersonId | None) -> None:
    """Take back the waiting pictures of an album whose words are private."""
    waiting = (_known(turn, ref) for ref in album.messages if album.private)
    for message in waiting:
        if message is not None and message.state is MessageState.HELD:
            _take_inside(turn, event, message, message.text, person)


def _take_inside(turn: Turn, event: Event, message: Message, text: str, person: PersonId | None) -> None:
    """Keep a message inside that has not left: it waits, or it failed."""
    _keep_private(turn, event, message, "")
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
    _keep_inside(turn, event, kept, person)


def _as_kept(turn: Turn, message: Message) -> Divided:
    """Return the public and the private part of a message as the log has them."""
    if message.state is MessageState.NOTE:
        return Divided("", message.text)
    note = _private_part(turn, message)
    return Divided(message.text, note.text if note else "")


def _keep_private(turn: Turn, event: Event, message: Message, private: str) -> None:
    """Store the private part of a message as a note beside its public part, and tell its author."""
    if private == _as_kept(turn, message).private:
        return
    note = _private_part(turn, message)
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


def _unsupported(turn: Turn, event: Event, content: Unsupported, person: PersonId | None) -> None:
    """Tell staff that what they posted cannot be passed on, if they may think that it was.

    That is the holder, and whoever writes in a closed thread.
    """
    closed = turn.here is not None and not turn.here.open
    if event.message and (closed or _speaks(turn, event, person)):
        turn.mark_here(event.message, Mark.INSIDE)
        why = f"This cannot go on to {turn.customer_name}: {content.kind}."
        turn.whisper(event.sender.external_id, why_closed(turn) if closed else why)


def _came_late(turn: Turn, event: Event, known: Message, person: PersonId | None) -> None:
    """Let a message leave that arrives after its edit. Only now is it known that its holder wrote it."""
    public, private = divide(known.text)
    own = _speaks(turn, event, person) and not _is_forwarded(event)
    if known.state is MessageState.NOTE and own and (public or not private):
        turn.add(ChangeMessage(known.id, state=MessageState.HELD, text=public if private else None))
        _keep_private(turn, event, turn.messages[known.id], private)
        _hold(turn, known)


def _hold(turn: Turn, message: Message) -> None:
    undo = turn.organization.policies.undo
    turn.add(SetTimer(RELEASE, str(message.id), turn.now + undo))
    turn.mark(message, Mark.WAITING)
    turn.explain(f"person {message.sender}", f"speaks; leaves in {undo.total_seconds():g} s")


def _keep_inside(turn: Turn, event: Event, message: Message, person: PersonId | None) -> None:
    turn.explain(f"person {person or 'unknown'}", "a note: stays inside")
    turn.mark(message, Mark.INSIDE)
    escalation, who = turn.escalation, event.sender.external_id
    if escalation is None or not _in_open_room(escalation, event):
        turn.whisper(who, f"What you wrote stays inside. {why_closed(turn)}")
        return
    holds = person is not None and escalation.holder == person
    if holds and _is_forwarded(event):
        _advise_on_forwarding(turn, who)
    elif holds and is_command(message.text):
        turn.whisper(
            who, "This begins like a command, so it stays inside. To send it, put a word before the slash."
        )
    elif holds and divide(message.text).private and turn.advise(f"{_PRIVATE}{who}"):
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


def _edited(turn: Turn, event: Event, edit: Edited, person: PersonId | None) -> None:
    message = _known(turn, edit.message)
    if message is None:
        _edited_unknown(turn, event, edit, person)
        return
    kept = _as_kept(turn, message)
    public, private = divide(edit.text)
    refiled = not same_files(message.attachments, edit.attachments)
    may_leave = message.state in _LEFT or _waits(turn, message)
    if kept in (Divided(public, private), Divided("", edit.text)) and not (refiled and may_leave):
        return
    whole = bool(private and not public)
    own = message.sender == person and not _is_forwarded(event)
    speaks = own and not whole and _speaks(turn, event, person)
    match message.state:
        # A change of the private part alone leaves the public part, and its undo time, as they are.
        case _ if (
            _waits(turn, message)
            and own
            and not refiled
            and not whole
            and (
                public.strip() == message.text.strip()
                or (not speaks and public.split() == message.text.split())
            )
        ):
            _keep_private(turn, event, message, private)
            if message.state is MessageState.HELD:
                turn.mark(message, Mark.WAITING)
        # The author may undo, whoever holds the conversation. New words leave only if the author holds it.
        case _ if _waits(turn, message) and not speaks:
            _take_inside(turn, event, message, edit.text, person)
            _keep_album_inside(turn, event, albums.join(turn, event, private=whole), person)
        case _ if _waits(turn, message) and refiled:
            _begin_anew(turn, event, message, Divided(public, private), edit.attachments)
        case _ if _waits(turn, message):
            _reword(turn, message, public)
            _keep_private(turn, event, message, private)
        case state if state in _LEFT and speaks:
            if public != message.text:
                turn.add(ChangeMessage(message.id, text=public))
                _correct(turn, message, public)
            _keep_private(turn, event, message, private)
            if refiled:
                _stop_files(turn, event, message, edit.attachments)
        case state if state in _LEFT:
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
    return "Delete the message" if _deletions_are_told(turn) else f"React with {TAKE_BACK}"


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
        _stop(turn, message)
        turn.mark(message, Mark.WITHDRAWN)
        return
    _stop(turn, message, "✏️ Changed: the new message takes its place.")
    anew = replace(
        message,
        id=MessageId(turn.rules.new_id()),
        state=MessageState.HELD,
        text=parts.public,
        attachments=as_edited(message.attachments, attachments),
        edited=False,
    )
    turn.add(AddMessage(anew))
    _keep_private(turn, event, anew, parts.private)
    _hold(turn, anew)


def _reword(turn: Turn, message: Message, text: str) -> None:
    """Change the text of a message of which nothing has left. The earlier text never reaches the customer."""
    turn.add(ChangeMessage(message.id, text=text))
    if message.state is MessageState.HELD:
        _hold(turn, message)
        return
    post = Post(text, attachments=at_hand(message), speaker=turn.speaker(message.role, message.sender))
    if message.text or at_hand(message):
        turn.add(Replace(message.id, post, unsent=message.state is MessageState.RELEASED))
    else:  # its files are still being fetched: nothing of it is in the outbox
        turn.add(Deliver(message.id, post, report=True))


def _edited_unknown(turn: Turn, event: Event, edit: Edited, person: PersonId | None) -> None:
    """Keep an edit inside whose message is unknown: it came before its message, or long after it.

    Nobody can tell whether it was written while its author held the conversation. If the message still comes,
    `_came_late` lets it leave.
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
    _keep_inside(turn, event, note, person)


def _correct(turn: Turn, message: Message, text: str) -> None:
    """Correct a message that has left: edit it where the customer reads it, or send the correction."""
    if turn.capabilities.edits:
        turn.add(Amend(message.id, Post(text)))
    else:
        words = fill(turn.texts.correction, text=text)
        turn.say(words, sender=message.sender, automatic=False, ahead=True)


def _deleted(turn: Turn, event: Event, deletion: Deleted) -> None:
    message = _known(turn, deletion.message)
    if message is None:
        # The deletion came before the message: remember it, so that the message never leaves.
        gone = Message(
            id=MessageId(turn.rules.new_id()),
            role=Role.STAFF,
            sender=event.sender.external_id,
            text="",
            state=MessageState.WITHDRAWN,
            at=turn.now,
            ref=deletion.message,
            room=turn.here.id if turn.here else None,
        )
        turn.add(AddMessage(gone))
        return
    if (note := _private_part(turn, message)) is not None:
        turn.add(ChangeMessage(note.id, state=MessageState.DELETED))
    _take_back_album(turn, event, message)
    if _waits(turn, message):
        _stop(turn, message)
    elif message.state in _LEFT:
        _retract(turn, message)
    else:
        turn.add(ChangeMessage(message.id, state=MessageState.DELETED))
    turn.mark_line(message, Mark.WITHDRAWN)
    turn.explain(f"person {message.sender}", f"deleted a message that was {message.state}")


def _stop(turn: Turn, message: Message, said: str = window.TAKEN_BACK) -> None:
    """Take back a message of which nothing has left. `said` replaces the buttons where staff had a choice."""
    match message.state:
        case MessageState.PARKED:
            window.never_send(turn, message, said)
        case MessageState.RELEASED:
            turn.add(Drop(message.id, unsent=True))
        case MessageState.FAILED:
            turn.add(Drop(message.id))
            turn.add(SettleOffer(message.id, Post(said)))
        case _:
            pass
    withdraw(turn, message)


def _retract(turn: Turn, message: Message) -> None:
    """Retract a message that has left: delete it where the customer reads it, or ask them to disregard it.

    A part that has not left, such as a file, never leaves.
    """
    turn.add(ChangeMessage(message.id, state=MessageState.DELETED))
    turn.add(Drop(message.id))
    if message.state is MessageState.FAILED:
        turn.add(SettleOffer(message.id, Post("↩️ Taken back. It will not be sent again.")))
    if turn.capabilities.erases:
        turn.add(Retract(message.id))
    else:
        turn.say(turn.texts.disregard, sender=message.sender, automatic=False, ahead=True)


def _tapped(turn: Turn, event: Event, tap: Tapped, person: PersonId | None) -> None:
    who = event.sender.external_id
    if tap.action in (SEND_ALL, OPEN_NEXT):
        in_doubt.press(turn, event, tap, person)
        return
    if person is None:
        turn.whisper(who, STRANGER)
        return
    if tap.action == REOPEN:
        reopen_by_staff(turn, tap.value, person, who, event.occurred_at)
        return
    if tap.action == JOIN:
        join(turn, tap.value, person)
        return
    escalation = turn.escalation
    about_message = tap.action in (SEND_AGAIN, window.TEMPLATE, window.HOLD, window.DISCARD)
    if escalation is None or not (about_message or _meant(escalation, event, tap.value)):
        turn.whisper(who, why_closed(turn))
        turn.explain(f"person {person}", f"pressed {tap.action} on a card that is over")
        return
    if tap.action in (TAKE, ASSIGN, ASSIGN_TO) and _taken_since(turn, escalation, tap.value, person, who):
        return
    match tap.action:
        case "assign":
            _offer_people(turn, escalation)
        case "assign_to":
            _assign_to(turn, event, tap.value.partition(":")[2].partition(":")[0], person)
        case window.TEMPLATE | window.HOLD | window.DISCARD:
            window.choose(turn, tap.action, tap.value, person, who)
        case "take":
            take(turn, person, who, event.occurred_at)
        case "resolve" | "return":
            _finish(turn, escalation, person, who, resolved=tap.action == RESOLVE)
        case "ask_number":
            _ask_number(turn, escalation, person, who)
        case "send_again":
            _send_again(turn, tap.value, person, who)
        case _:
            turn.whisper(who, "This button does nothing any more.")
            turn.explain(f"person {person}", "pressed a button that nobody knows")


def _ask_number(turn: Turn, escalation: Escalation, person: PersonId, who: str) -> None:
    """Ask the customer to share the phone number that they hide, with a button of their channel's own."""
    conversation = turn.view.conversation
    if escalation.holder != person:
        turn.whisper(who, "Only who handles this can ask for the number: press **Take over** first.")
        return
    closes = window.open_until(conversation, turn.capabilities)
    if closes is not None and closes <= turn.now:
        turn.whisper(who, "They have not written for too long: ask for it when they write again.")
        return
    if not turn.capabilities.asks_number:
        turn.whisper(who, "They write on another channel now, which has no button to share a number.")
        return
    if conversation.address.startswith("+"):  # only a phone number begins so
        turn.whisper(who, f"Their number is known: {inert(conversation.address)}.")
        return
    if _has_asked_number(turn):
        turn.whisper(who, "They were asked for it already, and have not written since.")
        return
    turn.say(turn.texts.asks_number, sender=person, automatic=False, ahead=True, asks_number=True)
    turn.tell_room(Post(f"📱 {turn.person_name(person)} asked for the phone number."))
    turn.explain(f"person {person}", "asked for the phone number")


def _has_asked_number(turn: Turn) -> bool:
    """Return whether the customer was asked for their number and has not written since."""
    since = takewhile(lambda m: m.role is not Role.CUSTOMER, reversed(turn.messages.values()))
    asked = (m for m in since if m.role is Role.SYSTEM and m.text == turn.texts.asks_number)
    return any(m.state not in (MessageState.FAILED, MessageState.WITHDRAWN) for m in asked)


def _meant(escalation: Escalation, event: Event, value: str) -> bool:
    """Return whether a button was pressed on the card of the room that is open now.

    Otherwise somebody could take a conversation into a room that they do not see or cannot even open.
    """
    return value.partition(":")[0] == str(escalation.id) and _in_open_room(escalation, event)


def _taken_since(turn: Turn, escalation: Escalation, seen: str, person: PersonId, who: str) -> bool:
    """Refuse a press on a card that did not show who holds the conversation now.

    Return whether it is refused.

    Of two people who press at once the first one gets it, and the second is told so.
    """
    holder = escalation.holder
    if escalation.state is not EscalationState.HELD or holder in (seen.rpartition(":")[2], person):
        return False
    turn.whisper(
        who,
        f"**{turn.person_name(holder)}** has just taken this. If you should handle it instead, press"
        " **Take over** on the card.",
    )
    turn.explain(f"person {person}", f"pressed a button that did not show {holder} as the holder")
    return True


def _offer_people(turn: Turn, escalation: Escalation) -> None:
    """Offer people as buttons where the room's channel has no forms: those it knows, the team's first."""
    channel = turn.here.place.channel if turn.here else ""
    team = people_of(turn.organization, escalation.team)
    everybody = dict.fromkeys((*team, *turn.organization.people))
    known = [person for person in everybody if person.on(channel)][:_OFFERED]
    seen = escalation.holder or ""
    buttons = tuple(Button(ASSIGN_TO, f"{escalation.id}:{p.id}:{seen}", p.name) for p in known)
    turn.tell_room(Post("Who shall take this?", buttons=buttons))


def _assign_to(turn: Turn, event: Event, chosen: str, by: PersonId) -> None:
    found = find_person(turn.organization, chosen)
    if found is None:
        turn.whisper(event.sender.external_id, "That person is not named in the organization file.")
        return
    _assign(turn, event, PersonId(found.id), by)


def _assign(turn: Turn, event: Event, assignee: PersonId, by: PersonId) -> None:
    """Assign the conversation. Whoever assigns it to themselves takes it."""
    escalation, who = turn.escalation, event.sender.external_id
    assert escalation is not None  # noqa: S101  callers look first
    if assignee == by:
        take(turn, by, who, event.occurred_at)
    elif escalation.state is EscalationState.HELD and escalation.holder == assignee:
        turn.whisper(who, f"**{turn.person_name(assignee)}** is handling this already.")
    else:
        assign(turn, assignee, by)


def _reacted(turn: Turn, event: Event, reaction: Reacted, person: PersonId | None) -> None:
    """Handle a reaction. 👎 takes one's own message back; a listed emoji on a customer's message is sent."""
    speaks = _speaks(turn, event, person)
    own = _known(turn, reaction.message) or _shown(turn, reaction.message)
    if own is not None:
        # The author may undo, also when they no longer hold the conversation.
        may = own.sender == person or (speaks and own.state is MessageState.PARKED)
        if may and reaction.added and reaction.emoji.startswith(TAKE_BACK):
            _take_back(turn, event, own, here=own.ref == reaction.message)
            return
        if own.ref == reaction.message:
            return  # a reaction to a colleague is a matter among staff
    if person is not None and speaks:
        reactions.react(turn, reaction, person, event.sender.external_id)
    elif person is not None:
        reactions.withdraw(turn, reaction, person)


def _deletions_are_told(turn: Turn) -> bool:
    """Return whether the room's channel reports deleted messages."""
    room = turn.here
    return room is None or turn.rules.capabilities.get(room.place.account, MODEST).hears_deletions


def _take_back(turn: Turn, event: Event, own: Message, *, here: bool) -> None:
    """Take back a message at its author's wish.

    `here`: it was written in this room, where it may be deleted.
    """
    _take_back_album(turn, event, own)
    if _waits(turn, own):
        _stop(turn, own)
        turn.mark(own, Mark.WITHDRAWN)
        turn.explain(f"person {own.sender}", "took their words back")
    elif own.state in _LEFT and here and _deletions_are_told(turn):
        turn.whisper(event.sender.external_id, "This has left already: delete it to take it back.")
    elif own.state in _LEFT:
        _retract(turn, own)
        turn.mark(own, Mark.WITHDRAWN)
        turn.explain(f"person {own.sender}", "took back what had left")


def _take_back_album(turn: Turn, event: Event, own: Message) -> None:
    """Take back the rest of the album to which a message belongs, as far as it has not left."""
    others = [_known(turn, ref) for ref in albums.leave(turn, own.ref) if ref != own.ref]
    waiting = [other for other in others if other is not None and _waits(turn, other)]
    for other in waiting:
        _stop(turn, other)
        turn.mark(other, Mark.WITHDRAWN)
    if waiting:
        count = len(waiting)
        also = "The other one" if count == 1 else f"The other {count}"
        turn.whisper(event.sender.external_id, f"↩️ {also} of this album that had not left: taken back, too.")


def _submitted(turn: Turn, event: Event, form: Submitted, person: PersonId | None) -> None:
    escalation = turn.escalation
    if person is None:
        turn.whisper(event.sender.external_id, STRANGER)
        return
    if form.form != ASSIGN or escalation is None or not _meant(escalation, event, form.subject):
        turn.whisper(event.sender.external_id, why_closed(turn))
        return
    if _taken_since(turn, escalation, form.subject, person, event.sender.external_id):
        return
    values = dict(form.values)
    chosen = values.get("person", "")
    assignee = person_on(turn.organization, event.place.channel, chosen, values.get("person_email", ""))
    if assignee is None:
        turn.whisper(event.sender.external_id, "That person is not named in the organization file.")
        return
    _assign(turn, event, assignee, person)


def take(turn: Turn, person: PersonId, who: str, at: datetime) -> None:
    """Make the person the holder, also in place of another one, whose waiting messages keep their undo time.

    What they write after `at`, by the room's clock, may leave. That time is recorded in the log.
    """
    escalation = turn.escalation
    assert escalation is not None  # noqa: S101  callers look first
    if escalation.holder == person and escalation.state is EscalationState.HELD:
        turn.whisper(who, "You hold this already: what you write here goes to the customer.")
        return
    before = escalation.holder
    turn.change_escalation(state=EscalationState.HELD, holder=person, assignee=None, deadline=None)
    turn.add(AddStep(escalation.id, before or escalation.team, person, "taken"))
    turn.add(ClearTimers(LADDER))
    turn.add(ClearTimers(REMIND))
    turn.add(SetTimer(ANSWER_DUE, "", turn.now + TO_ANSWER))
    turn.give(Cause.TAKEN, person, Status.ESCALATED)
    did = f"**{turn.person_name(person)}** has taken this"
    if before is not None:
        did = f"**{turn.person_name(person)}** took over from **{turn.person_name(before)}**"
    turn.add(
        AddMessage(
            Message(
                id=MessageId(turn.rules.new_id()),
                role=Role.SYSTEM,
                sender=SYSTEM,
                text=did,
                state=MessageState.NOTE,
                at=at,
            )
        )
    )
    turn.tell_room(Post(who_speaks(turn, turn.person_name(person), did)))
    turn.show_card()
    # Advice about what stays inside depends on the holder and is given anew; that about `//` is given once.
    turn.remember(advised=tuple(a for a in turn.memory.advised if a.startswith(_PRIVATE)))
    turn.explain(f"person {person}", "took it")
    turn.audit(f"person:{person}", "escalation.taken", holder=person, escalation=str(escalation.id))


def _finish(turn: Turn, escalation: Escalation, person: PersonId, who: str, *, resolved: bool) -> None:
    supervisor = roles_of(turn.organization, person) & {PersonRole.SUPERVISOR, PersonRole.ADMIN}
    if escalation.state is EscalationState.HELD and escalation.holder != person and not supervisor:
        turn.whisper(who, f"**{turn.person_name(escalation.holder)}** holds this. Take it over first.")
        return
    close(turn, person, resolved=resolved)


def _send_again(turn: Turn, value: str, person: PersonId, who: str) -> None:
    message = next((m for m in turn.messages.values() if str(m.id) == value), None)
    if message is None or message.state is not MessageState.FAILED:
        turn.whisper(who, "This has been sent again already, or is too old.")
        return
    if turn.escalation is None or turn.escalation.holder != person:
        turn.whisper(
            who, "Only the person who is talking to the customer can send it again. Press **Take** first."
        )
        return
    turn.add(ChangeMessage(message.id, state=MessageState.RELEASED))
    turn.add(SendAgain(message.id))
    if message.role is Role.STAFF:
        turn.mark(message, Mark.WAITING)
    turn.add(SettleOffer(message.id, Post(f"🔁 **{turn.person_name(person)}** sent it again.")))
    turn.explain(f"person {person}", "sent a failed message again")
    turn.audit(f"person:{person}", "delivery.sent_again", message=value)
