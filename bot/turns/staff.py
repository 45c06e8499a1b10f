"""Decide what an input from a room does. The one law here: only the holder's words reach the customer."""

from dataclasses import replace
from datetime import datetime
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
from bot.turns.draft import RELEASE, SYSTEM, Draft
from bot.turns.escalating import ANSWER_DUE, LADDER, REMIND
from bot.turns.notice import who_speaks
from bot.turns.ownership import Cause
from bot.turns.private import Divided, divide, is_command
from bot.turns.quoting import excerpt
from bot.turns.underway import SEND_AGAIN
from bot.turns.undo import withdraw
from bot.turns.waiting import TO_ANSWER
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
STRANGER = "You are not named in the organization file, so you cannot act here."


def hear(draft: Draft, item: Input, event: Event) -> None:
    """Handle one input from a room of this conversation."""
    person = _person(draft, event)
    match event.content:
        case Said():
            _said(draft, item, event, event.content, person)
        case Edited():
            _edited(draft, event, event.content, person)
        case Deleted():
            _deleted(draft, event, event.content)
        case Tapped():
            _tapped(draft, event, event.content, person)
        case Submitted():
            _submitted(draft, event, event.content, person)
        case Reacted():
            _reacted(draft, event, event.content, person)
        case Unsupported():
            _unsupported(draft, event, event.content, person)
        case WorkplaceChanged():
            workplace.hear(draft, event.place, event.content, person)
        case Started() | ReachabilityChanged() | Receipt() | AddressChanged() | Ignored():
            pass
        case Called() | Stopped() | ThreadControl():
            pass  # only customers send these
        case _:
            assert_never(event.content)


def _person(draft: Draft, event: Event) -> PersonId | None:
    sender = event.sender
    email = sender.handle if "@" in sender.handle else ""  # only channels that verify emails put one there
    return person_on(draft.organization, event.place.channel, sender.external_id, email)


def _speaks(draft: Draft, event: Event, person: PersonId | None) -> bool:
    """Return whether the words of an event may leave: the holder's, in the open room, since they took it.

    This is promise 7 of the product, in one expression.
    """
    escalation = draft.escalation
    return (
        person is not None
        and escalation is not None
        and escalation.state is EscalationState.HELD
        and escalation.holder == person
        and draft.owner.kind is OwnerKind.PERSON
        and draft.owner.name == person
        and _in_open_room(escalation, event)
        and event.occurred_at > _taken_at(draft)
    )


def _is_forwarded(event: Event) -> bool:
    """Return whether somebody else wrote the message first: only the holder's own words may leave."""
    return event.reference.forwarded


def _taken_at(draft: Draft) -> datetime:
    """Return when the holder took the conversation, by the room's own clock.

    A line written before that is private, however late the platform brings it. If the entry that `take` left
    is older than the story, so is everything written before it.
    """
    takes = [m.at for m in draft.messages.values() if m.sender == SYSTEM and m.state is MessageState.NOTE]
    return takes[-1] if takes else min((m.at for m in draft.messages.values()), default=draft.now)


def _in_open_room(escalation: Escalation, event: Event) -> bool:
    room = escalation.room
    return (
        room is not None
        and room.open
        and (room.place.account, room.place.chat, room.place.thread)
        == (event.place.account, event.place.chat, event.place.thread)
    )


def _known(draft: Draft, ref: str) -> Message | None:
    """Return the log's entry for a message of staff: the newest one, where an edit began a new entry."""
    entries = _entries(draft, ref)
    own = [m for m in entries if m.state not in (MessageState.NOTE, MessageState.DELETED)]
    return own[-1] if own else next(iter(entries), None)


def _waits(draft: Draft, message: Message) -> bool:
    """Return whether nothing of a message has left for the customer, and nothing is leaving now."""
    match message.state:
        case MessageState.HELD | MessageState.PARKED:
            return True
        case MessageState.RELEASED:
            return message.id in draft.view.unsent
        case MessageState.FAILED:
            return message.id not in draft.view.begun
        case _:
            return False


def _shown(draft: Draft, ref: str) -> Message | None:
    """Return what staff wrote in another room, by the line of this room that shows it."""
    return next((m for m in draft.in_rooms(ref) if m.role is Role.STAFF), None)


def _private_part(draft: Draft, message: Message) -> Message | None:
    """Return the note with the private part of a message that also has a public part.

    It is a later entry of the log.
    """
    entries = _entries(draft, message.ref)
    return next((m for m in entries if m.id != message.id and m.state is MessageState.NOTE), None)


def _entries(draft: Draft, ref: str) -> list[Message]:
    return [m for m in draft.messages.values() if ref and m.ref == ref and m.role is Role.STAFF]


def _said(draft: Draft, item: Input, event: Event, said: Said, person: PersonId | None) -> None:
    known = _known(draft, event.message)
    if known is not None:  # its edit or deletion came first, and is in the log already
        _came_late(draft, event, known, person)
        return
    if not said.text and not said.attachments:
        return
    public, private = divide(said.text)
    own = _speaks(draft, event, person) and not _is_forwarded(event)
    whole = bool(private and not public)
    album = albums.join(draft, event, private=whole) if own else Album("")
    leaves = own and not whole and not album.private
    message = Message(
        id=MessageId(draft.rules.new_id()),
        role=Role.STAFF,
        sender=person or event.sender.external_id,
        text=public if leaves else said.text,
        state=MessageState.HELD if leaves else MessageState.NOTE,
        at=item.at or draft.now,
        ref=event.message,
        room=draft.here.id if draft.here else None,
        attachments=said.attachments,
    )
    draft.add(AddMessage(message, item.position))
    if leaves:
        _keep_private(draft, event, message, private)
        _hold(draft, message)
    else:
        _keep_inside(draft, event, message, person)
        _keep_album_inside(draft, event, album, person)


def _keep_album_inside(draft: Draft, event: Event, album: Album, person: PersonId | None) -> None:
    """Take back the waiting pictures of an album whose words are private."""
    waiting = (_known(draft, ref) for ref in album.messages if album.private)
    for message in waiting:
        if message is not None and message.state is MessageState.HELD:
            _take_inside(draft, event, message, message.text, person)


def _take_inside(draft: Draft, event: Event, message: Message, text: str, person: PersonId | None) -> None:
    """Keep a message inside that has not left: it waits, or it failed."""
    _keep_private(draft, event, message, "")
    if message.state is MessageState.PARKED:
        window.never_send(draft, message, "🔒 It stays inside now: it is not sent.")
    elif message.state is MessageState.FAILED:
        draft.add(Drop(message.id))
        draft.add(SettleOffer(message.id, Post("🔒 It stays inside now: it is not sent again.")))
    elif message.state is MessageState.RELEASED:
        draft.add(Drop(message.id, unsent=True))
    draft.add(ChangeMessage(message.id, state=MessageState.NOTE, text=text))
    draft.add(ClearTimers(RELEASE, str(message.id)))
    kept, escalation = draft.messages[message.id], draft.escalation
    lost = message.sender == person and escalation is not None and escalation.holder != person
    if lost and message.state is not MessageState.FAILED and text != message.text:
        draft.mark(message, Mark.INSIDE)
        draft.whisper(
            event.sender.external_id,
            "You no longer hold this conversation, so your change was not sent, and your earlier words were"
            " taken back.",
        )
        return
    _keep_inside(draft, event, kept, person)


def _as_kept(draft: Draft, message: Message) -> Divided:
    """Return the public and the private part of a message as the log has them."""
    if message.state is MessageState.NOTE:
        return Divided("", message.text)
    note = _private_part(draft, message)
    return Divided(message.text, note.text if note else "")


def _keep_private(draft: Draft, event: Event, message: Message, private: str) -> None:
    """Store the private part of a message as a note beside its public part, and tell its author."""
    if private == _as_kept(draft, message).private:
        return
    note = _private_part(draft, message)
    if note is None:
        id_ = MessageId(draft.rules.new_id())
        part = replace(message, id=id_, text=private, state=MessageState.NOTE, attachments=(), edited=False)
        draft.add(AddMessage(part))
    elif private:
        draft.add(ChangeMessage(note.id, text=private))
    else:
        draft.add(ChangeMessage(note.id, state=MessageState.DELETED))
    if private:
        draft.whisper(event.sender.external_id, f"🔒 This part stays inside: “{excerpt(private)}”")


def _unsupported(draft: Draft, event: Event, content: Unsupported, person: PersonId | None) -> None:
    """Tell staff that what they posted cannot be passed on, if they may think that it was.

    That is the holder, and whoever writes in a closed thread.
    """
    closed = draft.here is not None and not draft.here.open
    if event.message and (closed or _speaks(draft, event, person)):
        draft.mark_here(event.message, Mark.INSIDE)
        why = f"This cannot go on to {draft.customer_name}: {content.kind}."
        draft.whisper(event.sender.external_id, why_closed(draft) if closed else why)


def _came_late(draft: Draft, event: Event, known: Message, person: PersonId | None) -> None:
    """Let a message leave that arrives after its edit. Only now is it known that its holder wrote it."""
    public, private = divide(known.text)
    own = _speaks(draft, event, person) and not _is_forwarded(event)
    if known.state is MessageState.NOTE and own and (public or not private):
        draft.add(ChangeMessage(known.id, state=MessageState.HELD, text=public if private else None))
        _keep_private(draft, event, draft.messages[known.id], private)
        _hold(draft, known)


def _hold(draft: Draft, message: Message) -> None:
    undo = draft.organization.policies.undo
    draft.add(SetTimer(RELEASE, str(message.id), draft.now + undo))
    draft.mark(message, Mark.WAITING)
    draft.because(f"person {message.sender}", f"speaks; leaves in {undo.total_seconds():g} s")


def _keep_inside(draft: Draft, event: Event, message: Message, person: PersonId | None) -> None:
    draft.because(f"person {person or 'unknown'}", "a note: stays inside")
    draft.mark(message, Mark.INSIDE)
    escalation, who = draft.escalation, event.sender.external_id
    if escalation is None or not _in_open_room(escalation, event):
        draft.whisper(who, f"What you wrote stays inside. {why_closed(draft)}")
        return
    holds = person is not None and escalation.holder == person
    if holds and _is_forwarded(event):
        _advise_on_forwarding(draft, who)
    elif holds and is_command(message.text):
        draft.whisper(
            who, "This begins like a command, so it stays inside. To send it, put a word before the slash."
        )
    elif holds and divide(message.text).private and draft.advise(f"{_PRIVATE}{who}"):
        draft.whisper(
            who,
            "🔒 This whole message stays inside: it begins with what is private (`//`). Put what"
            f" {draft.customer_name} should read in a message of its own.",
        )
    if holds or not draft.advise(who):
        return
    if escalation.state is EscalationState.HELD:
        speaker = draft.person_name(escalation.holder)
        advice = f"Only **{speaker}** is speaking to {draft.customer_name}: what you wrote stays inside."
    else:
        advice = f"This stays inside. Press **Take** to speak to {draft.customer_name}."
    draft.whisper(who, advice)


def _advise_on_forwarding(draft: Draft, who: str) -> None:
    """Explain in the room why a forwarded message carries a lock, once per holder."""
    if draft.advise(f"forwarded by {who}"):
        draft.tell_room(
            Post(
                "🔒 What is forwarded stays inside, and so does what another bot composed. To tell"
                f" {draft.customer_name} something, write it, or upload the file yourself."
            )
        )


def _edited(draft: Draft, event: Event, edit: Edited, person: PersonId | None) -> None:
    message = _known(draft, edit.message)
    if message is None:
        _edited_unknown(draft, event, edit, person)
        return
    kept = _as_kept(draft, message)
    public, private = divide(edit.text)
    refiled = not same_files(message.attachments, edit.attachments)
    may_leave = message.state in _LEFT or _waits(draft, message)
    if kept in (Divided(public, private), Divided("", edit.text)) and not (refiled and may_leave):
        return
    whole = bool(private and not public)
    own = message.sender == person and not _is_forwarded(event)
    speaks = own and not whole and _speaks(draft, event, person)
    match message.state:
        # A change of the private part alone leaves the public part, and its undo time, as they are.
        case _ if (
            _waits(draft, message)
            and own
            and not refiled
            and not whole
            and (
                public.strip() == message.text.strip()
                or (not speaks and public.split() == message.text.split())
            )
        ):
            _keep_private(draft, event, message, private)
            if message.state is MessageState.HELD:
                draft.mark(message, Mark.WAITING)
        # The author may undo, whoever holds the conversation. New words leave only if the author holds it.
        case _ if _waits(draft, message) and not speaks:
            _take_inside(draft, event, message, edit.text, person)
            _keep_album_inside(draft, event, albums.join(draft, event, private=whole), person)
        case _ if _waits(draft, message) and refiled:
            _begin_anew(draft, event, message, Divided(public, private), edit.attachments)
        case _ if _waits(draft, message):
            _reword(draft, message, public)
            _keep_private(draft, event, message, private)
        case state if state in _LEFT and speaks:
            if public != message.text:
                draft.add(ChangeMessage(message.id, text=public))
                _correct(draft, message, public)
            _keep_private(draft, event, message, private)
            if refiled:
                _stop_files(draft, event, message, edit.attachments)
        case state if state in _LEFT:
            # The log keeps what the customer reads, as agents and later rooms get the story from it.
            draft.whisper(
                event.sender.external_id,
                f"{draft.customer_name} still reads what you wrote before: this change stays inside."
                f" {_way_back(draft)} to take it back.",
            )
        case _:
            draft.add(ChangeMessage(message.id, text=edit.text))
            if speaks:
                draft.whisper(
                    event.sender.external_id,
                    "This stays inside, as it was written. Write it again to send it.",
                )
    draft.because(f"person {person or 'unknown'}", f"edited a message that was {message.state}")


def _way_back(draft: Draft) -> str:
    return "Delete the message" if _deletions_are_told(draft) else f"React with {TAKE_BACK}"


def _stop_files(draft: Draft, event: Event, message: Message, attachments: tuple[Attachment, ...]) -> None:
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
        and (message.id, position) not in draft.memory.unwanted
    ]
    if stopped:
        draft.remember(unwanted=(*draft.memory.unwanted, *stopped)[-_UNWANTED:])
        draft.because(f"person {message.sender}", f"stopped {len(stopped)} files that were being fetched")
        draft.whisper(
            event.sender.external_id,
            "The file that you replaced does not go out. The words before it have left already, so send the"
            " right file in a message of its own.",
        )
    elif draft.advise(f"files of {message.ref}"):
        draft.whisper(
            event.sender.external_id,
            f"Its files were not changed for {draft.customer_name}: the message has left. Send the right file"
            f" in a message of its own. {_way_back(draft)} to take this one back.",
        )


def _begin_anew(
    draft: Draft, event: Event, message: Message, parts: Divided, attachments: tuple[Attachment, ...]
) -> None:
    """Let a message whose files were changed wait for its undo time again. The earlier files never leave."""
    if not parts.public and not attachments:
        _stop(draft, message)
        draft.mark(message, Mark.WITHDRAWN)
        return
    _stop(draft, message, "✏️ Changed: the new message takes its place.")
    anew = replace(
        message,
        id=MessageId(draft.rules.new_id()),
        state=MessageState.HELD,
        text=parts.public,
        attachments=as_edited(message.attachments, attachments),
        edited=False,
    )
    draft.add(AddMessage(anew))
    _keep_private(draft, event, anew, parts.private)
    _hold(draft, anew)


def _reword(draft: Draft, message: Message, text: str) -> None:
    """Change the text of a message of which nothing has left. The earlier text never reaches the customer."""
    draft.add(ChangeMessage(message.id, text=text))
    if message.state is MessageState.HELD:
        _hold(draft, message)
        return
    post = Post(text, attachments=at_hand(message), speaker=draft.speaker(message.role, message.sender))
    if message.text or at_hand(message):
        draft.add(Replace(message.id, post, unsent=message.state is MessageState.RELEASED))
    else:  # its files are still being fetched: nothing of it is in the outbox
        draft.add(Deliver(message.id, post, report=True))


def _edited_unknown(draft: Draft, event: Event, edit: Edited, person: PersonId | None) -> None:
    """Keep an edit inside whose message is unknown: it came before its message, or long after it.

    Nobody can tell whether it was written while its author held the conversation. If the message still comes,
    `_came_late` lets it leave.
    """
    note = Message(
        id=MessageId(draft.rules.new_id()),
        role=Role.STAFF,
        sender=person or event.sender.external_id,
        text=edit.text,
        state=MessageState.NOTE,
        at=draft.now,
        ref=edit.message,
        room=draft.here.id if draft.here else None,
        attachments=edit.attachments,
    )
    draft.add(AddMessage(note))
    _keep_inside(draft, event, note, person)


def _correct(draft: Draft, message: Message, text: str) -> None:
    """Correct a message that has left: edit it where the customer reads it, or send the correction."""
    if draft.capabilities.edits:
        draft.add(Amend(message.id, Post(text)))
    else:
        draft.say(fill(draft.texts.correction, text=text), automatic=False, ahead=True)


def _deleted(draft: Draft, event: Event, deletion: Deleted) -> None:
    message = _known(draft, deletion.message)
    if message is None:
        # The deletion came before the message: remember it, so that the message never leaves.
        gone = Message(
            id=MessageId(draft.rules.new_id()),
            role=Role.STAFF,
            sender=event.sender.external_id,
            text="",
            state=MessageState.WITHDRAWN,
            at=draft.now,
            ref=deletion.message,
            room=draft.here.id if draft.here else None,
        )
        draft.add(AddMessage(gone))
        return
    if (note := _private_part(draft, message)) is not None:
        draft.add(ChangeMessage(note.id, state=MessageState.DELETED))
    _take_back_album(draft, event, message)
    if _waits(draft, message):
        _stop(draft, message)
    elif message.state in _LEFT:
        _retract(draft, message)
    else:
        draft.add(ChangeMessage(message.id, state=MessageState.DELETED))
    draft.mark_line(message, Mark.WITHDRAWN)
    draft.because(f"person {message.sender}", f"deleted a message that was {message.state}")


def _stop(draft: Draft, message: Message, said: str = window.TAKEN_BACK) -> None:
    """Take back a message of which nothing has left. `said` replaces the buttons where staff had a choice."""
    match message.state:
        case MessageState.PARKED:
            window.never_send(draft, message, said)
        case MessageState.RELEASED:
            draft.add(Drop(message.id, unsent=True))
        case MessageState.FAILED:
            draft.add(Drop(message.id))
            draft.add(SettleOffer(message.id, Post(said)))
        case _:
            pass
    withdraw(draft, message)


def _retract(draft: Draft, message: Message) -> None:
    """Retract a message that has left: delete it where the customer reads it, or ask them to disregard it.

    A part that has not left, such as a file, never leaves.
    """
    draft.add(ChangeMessage(message.id, state=MessageState.DELETED))
    draft.add(Drop(message.id))
    if message.state is MessageState.FAILED:
        draft.add(SettleOffer(message.id, Post("↩️ Taken back: it is not sent again.")))
    if draft.capabilities.erases:
        draft.add(Retract(message.id))
    else:
        draft.say(draft.texts.disregard, automatic=False, ahead=True)


def _tapped(draft: Draft, event: Event, tap: Tapped, person: PersonId | None) -> None:
    who = event.sender.external_id
    if person is None:
        draft.whisper(who, STRANGER)
        return
    if tap.action == SEND_ALL:
        in_doubt.press(draft, tap, person)
        return
    if tap.action == OPEN_NEXT:
        in_doubt.press_next(draft, tap, person)
        return
    if tap.action == REOPEN:
        reopen_by_staff(draft, tap.value, person, who, event.occurred_at)
        return
    if tap.action == JOIN:
        join(draft, tap.value, person)
        return
    escalation = draft.escalation
    about_message = tap.action in (SEND_AGAIN, window.TEMPLATE, window.HOLD, window.DISCARD)
    if escalation is None or not (about_message or _meant(escalation, event, tap.value)):
        draft.whisper(who, why_closed(draft))
        draft.because(f"person {person}", f"pressed {tap.action} on a card that is over")
        return
    if tap.action in (TAKE, ASSIGN, ASSIGN_TO) and _taken_since(draft, escalation, tap.value, person, who):
        return
    match tap.action:
        case "assign":
            _offer_people(draft, escalation)
        case "assign_to":
            _assign_to(draft, event, tap.value.partition(":")[2].partition(":")[0], person)
        case window.TEMPLATE | window.HOLD | window.DISCARD:
            window.choose(draft, tap.action, tap.value, person, who)
        case "take":
            take(draft, person, who, event.occurred_at)
        case "resolve" | "return":
            _finish(draft, escalation, person, who, resolved=tap.action == RESOLVE)
        case "ask_number":
            _ask_number(draft, escalation, person, who)
        case "send_again":
            _send_again(draft, tap.value, person, who)
        case _:
            draft.whisper(who, "This button does nothing any more.")
            draft.because(f"person {person}", "pressed a button that nobody knows")


def _ask_number(draft: Draft, escalation: Escalation, person: PersonId, who: str) -> None:
    """Ask the customer to share the phone number that they hide, with a button of their channel's own."""
    conversation = draft.view.conversation
    if escalation.holder != person:
        draft.whisper(who, "Only who handles this can ask for the number: press **Take over** first.")
        return
    closes = window.open_until(conversation, draft.capabilities)
    if closes is not None and closes <= draft.now:
        draft.whisper(who, "They have not written for too long: ask for it when they write again.")
        return
    draft.say(draft.texts.asks_number, automatic=False, ahead=True, asks_number=True)
    draft.tell_room(Post(f"📱 {draft.person_name(person)} asked for the phone number."))
    draft.because(f"person {person}", "asked for the phone number")


def _meant(escalation: Escalation, event: Event, value: str) -> bool:
    """Return whether a button was pressed on the card of the room that is open now.

    Otherwise somebody could take a conversation into a room that they do not see or cannot even open.
    """
    return value.partition(":")[0] == str(escalation.id) and _in_open_room(escalation, event)


def _taken_since(draft: Draft, escalation: Escalation, seen: str, person: PersonId, who: str) -> bool:
    """Refuse a press on a card that did not show who holds the conversation now.

    Return whether it is refused.

    Of two people who press at once the first one gets it, and the second is told so.
    """
    holder = escalation.holder
    if escalation.state is not EscalationState.HELD or holder in (seen.rpartition(":")[2], person):
        return False
    draft.whisper(
        who,
        f"**{draft.person_name(holder)}** has just taken this. If you should handle it instead, press"
        " **Take over** on the card.",
    )
    draft.because(f"person {person}", f"pressed a button that did not show {holder} as the holder")
    return True


def _offer_people(draft: Draft, escalation: Escalation) -> None:
    """Offer people as buttons where the room's channel has no forms: those it knows, the team's first."""
    channel = draft.here.place.channel if draft.here else ""
    team = people_of(draft.organization, escalation.team)
    everybody = dict.fromkeys((*team, *draft.organization.people))
    known = [person for person in everybody if person.on(channel)][:_OFFERED]
    seen = escalation.holder or ""
    buttons = tuple(Button(ASSIGN_TO, f"{escalation.id}:{p.id}:{seen}", p.name) for p in known)
    draft.tell_room(Post("Who shall take this?", buttons=buttons))


def _assign_to(draft: Draft, event: Event, chosen: str, by: PersonId) -> None:
    found = find_person(draft.organization, chosen)
    if found is None:
        draft.whisper(event.sender.external_id, "That person is not named in the organization file.")
        return
    _assign(draft, event, PersonId(found.id), by)


def _assign(draft: Draft, event: Event, assignee: PersonId, by: PersonId) -> None:
    """Assign the conversation. Whoever assigns it to themselves takes it."""
    escalation, who = draft.escalation, event.sender.external_id
    assert escalation is not None  # noqa: S101  callers look first
    if assignee == by:
        take(draft, by, who, event.occurred_at)
    elif escalation.state is EscalationState.HELD and escalation.holder == assignee:
        draft.whisper(who, f"**{draft.person_name(assignee)}** is handling this already.")
    else:
        assign(draft, assignee, by)


def _reacted(draft: Draft, event: Event, reaction: Reacted, person: PersonId | None) -> None:
    """Handle a reaction. 👎 takes one's own message back; a listed emoji on a customer's message is sent."""
    speaks = _speaks(draft, event, person)
    own = _known(draft, reaction.message) or _shown(draft, reaction.message)
    if own is not None:
        # The author may undo, also when they no longer hold the conversation.
        may = own.sender == person or (speaks and own.state is MessageState.PARKED)
        if may and reaction.added and reaction.emoji.startswith(TAKE_BACK):
            _take_back(draft, event, own, here=own.ref == reaction.message)
            return
        if own.ref == reaction.message:
            return  # a reaction to a colleague is a matter among staff
    if person is not None and speaks:
        reactions.react(draft, reaction, person, event.sender.external_id)
    elif person is not None:
        reactions.withdraw(draft, reaction, person)


def _deletions_are_told(draft: Draft) -> bool:
    """Return whether the room's channel reports deleted messages."""
    room = draft.here
    return room is None or draft.rules.capabilities.get(room.place.account, MODEST).hears_deletions


def _take_back(draft: Draft, event: Event, own: Message, *, here: bool) -> None:
    """Take back a message at its author's wish.

    `here`: it was written in this room, where it may be deleted.
    """
    _take_back_album(draft, event, own)
    if _waits(draft, own):
        _stop(draft, own)
        draft.mark(own, Mark.WITHDRAWN)
        draft.because(f"person {own.sender}", "took their words back")
    elif own.state in _LEFT and here and _deletions_are_told(draft):
        draft.whisper(event.sender.external_id, "This has left already: delete it to take it back.")
    elif own.state in _LEFT:
        _retract(draft, own)
        draft.mark(own, Mark.WITHDRAWN)
        draft.because(f"person {own.sender}", "took back what had left")


def _take_back_album(draft: Draft, event: Event, own: Message) -> None:
    """Take back the rest of the album to which a message belongs, as far as it has not left."""
    others = [_known(draft, ref) for ref in albums.leave(draft, own.ref) if ref != own.ref]
    waiting = [other for other in others if other is not None and _waits(draft, other)]
    for other in waiting:
        _stop(draft, other)
        draft.mark(other, Mark.WITHDRAWN)
    if waiting:
        count = len(waiting)
        also = "The other one" if count == 1 else f"The other {count}"
        draft.whisper(event.sender.external_id, f"↩️ {also} of this album that had not left: taken back, too.")


def _submitted(draft: Draft, event: Event, form: Submitted, person: PersonId | None) -> None:
    escalation = draft.escalation
    if person is None:
        draft.whisper(event.sender.external_id, STRANGER)
        return
    if form.form != ASSIGN or escalation is None or not _meant(escalation, event, form.subject):
        draft.whisper(event.sender.external_id, why_closed(draft))
        return
    if _taken_since(draft, escalation, form.subject, person, event.sender.external_id):
        return
    values = dict(form.values)
    chosen = values.get("person", "")
    assignee = person_on(draft.organization, event.place.channel, chosen, values.get("person_email", ""))
    if assignee is None:
        draft.whisper(event.sender.external_id, "That person is not named in the organization file.")
        return
    _assign(draft, event, assignee, person)


def take(draft: Draft, person: PersonId, who: str, at: datetime) -> None:
    """Make the person the holder, also in place of another one, whose waiting messages keep their undo time.

    What they write after `at`, by the room's clock, may leave. That time is recorded in the log.
    """
    escalation = draft.escalation
    assert escalation is not None  # noqa: S101  callers look first
    if escalation.holder == person and escalation.state is EscalationState.HELD:
        draft.whisper(who, "You hold this already: what you write here goes to the customer.")
        return
    before = escalation.holder
    draft.change_escalation(state=EscalationState.HELD, holder=person, assignee=None, deadline=None)
    draft.add(AddStep(escalation.id, before or escalation.team, person, "taken"))
    draft.add(ClearTimers(LADDER))
    draft.add(ClearTimers(REMIND))
    draft.add(SetTimer(ANSWER_DUE, "", draft.now + TO_ANSWER))
    draft.give(Cause.TAKEN, person, Status.ESCALATED)
    did = f"**{draft.person_name(person)}** has taken this"
    if before is not None:
        did = f"**{draft.person_name(person)}** took over from **{draft.person_name(before)}**"
    draft.add(
        AddMessage(
            Message(
                id=MessageId(draft.rules.new_id()),
                role=Role.SYSTEM,
                sender=SYSTEM,
                text=did,
                state=MessageState.NOTE,
                at=at,
            )
        )
    )
    draft.tell_room(Post(who_speaks(draft, draft.person_name(person), did)))
    draft.show_card()
    # Advice about what stays inside depends on the holder and is given anew; that about `//` is given once.
    draft.remember(advised=tuple(a for a in draft.memory.advised if a.startswith(_PRIVATE)))
    draft.because(f"person {person}", "took it")
    draft.audit(f"person:{person}", "escalation.taken", holder=person, escalation=str(escalation.id))


def _finish(draft: Draft, escalation: Escalation, person: PersonId, who: str, *, resolved: bool) -> None:
    supervisor = roles_of(draft.organization, person) & {PersonRole.SUPERVISOR, PersonRole.ADMIN}
    if escalation.state is EscalationState.HELD and escalation.holder != person and not supervisor:
        draft.whisper(who, f"**{draft.person_name(escalation.holder)}** holds this. Take it over first.")
        return
    close(draft, person, resolved=resolved)


def _send_again(draft: Draft, value: str, person: PersonId, who: str) -> None:
    message = next((m for m in draft.messages.values() if str(m.id) == value), None)
    if message is None or message.state is not MessageState.FAILED:
        draft.whisper(who, "This has been sent again already, or is too old.")
        return
    if draft.escalation is None or draft.escalation.holder != person:
        draft.whisper(who, "Only the one who speaks to the customer can send it again. Take it first.")
        return
    draft.add(ChangeMessage(message.id, state=MessageState.RELEASED))
    draft.add(SendAgain(message.id))
    if message.role is Role.STAFF:
        draft.mark(message, Mark.WAITING)
    draft.add(SettleOffer(message.id, Post(f"🔁 **{draft.person_name(person)}** sent it again.")))
    draft.because(f"person {person}", "sent a failed message again")
    draft.audit(f"person:{person}", "delivery.sent_again", message=value)
