"""Decide what an event from the customer's chat does."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from typing import assert_never

from bot.core.conversation import Deed, Input, Message, MessageState, OwnerKind, Role, Room, Status
from bot.core.effects import AddMessage, ChangeMessage, Introduce
from bot.core.events import (
    INVITATION,
    OPTION,
    AddressChanged,
    Attachment,
    AttachmentKind,
    Called,
    Deleted,
    Edited,
    Event,
    Ignored,
    ReachabilityChanged,
    Reacted,
    Receipt,
    Reference,
    Said,
    SenderRole,
    Started,
    Stopped,
    Submitted,
    Tapped,
    ThreadControl,
    Unsupported,
    WorkplaceChanged,
)
from bot.core.ids import MessageId
from bot.core.outbound import Post
from bot.turns import bursts, channel_switch, numbers, thread_control
from bot.turns.attachments import at_hand, awaited
from bot.turns.closing import reopen_by_customer, said_only_thanks
from bot.turns.delivery_reports import receipt
from bot.turns.escalating import escalate, expect_people
from bot.turns.escaping import inert, quoted
from bot.turns.story import is_stranger, named, reference_for_staff, told_by_customer, told_by_stranger
from bot.turns.turn import Turn
from bot.turns.unvouched import give_to_people, hear_unvouched, is_unvouched
from bot.turns.window import reopened
from orgs.answering.choosing import choice_of
from orgs.answering.language import language_of
from orgs.routing import team_addressed
from orgs.specification.texts import fill

_EMOJI, _KIND = 64, 64  # characters that are kept of an emoji, and of an unsupported kind
_MOVING = timedelta(minutes=2)  # a shared live location is told to the room no more often
_BESIDE_AN_INVITATION = 20  # characters beside an invitation that a link may type; more is a message


def hear(turn: Turn, item: Input, event: Event) -> None:
    """Handle one input from the customer's chat."""
    bursts.hear(turn, event)
    _link(turn, item, event)
    if event.sender_role is not SenderRole.CUSTOMER:
        _others(turn, item, event)
        return
    _introduced(turn, event)
    if _is_gone(turn, item, event):
        return
    if isinstance(event.content, Said | Tapped | Started | Submitted) and not event.automatic:
        if not thread_control.is_elsewhere(turn, event):  # held messages would interrupt that app
            reopened(turn)
        _moved(turn, event)
    _handle(turn, item, event)


def hear_kept(turn: Turn) -> None:
    """Handle the messages that were kept while another app had the chat, as if they had just come."""
    for item in thread_control.to_answer(turn):
        event, message = item.body, _entry(turn, item)
        if isinstance(event, Event) and message is not None:
            if isinstance(event.content, Said):  # it may have been edited since
                event = replace(event, content=replace(event.content, text=message.text))
            turn.explain("channel", "what was kept is ours to answer now")
            _handle(turn, item, event)


def _handle(turn: Turn, item: Input, event: Event) -> None:
    match event.content:
        case Said() | Tapped() | Submitted():
            _said(turn, item, event)
        case Started(payload=payload):
            _started(turn, event, payload)
        case Edited():
            _edited(turn, item, event, event.content)
        case Deleted():
            _deleted(turn, event, event.content)
        case ReachabilityChanged(reachable=reachable):
            turn.remember(unreachable=not reachable)
            word = "can be reached again" if reachable else "has blocked us: nothing we write arrives"
            bursts.tell_deed(turn, Deed("blocked", "" if reachable else "yes"))
            turn.explain("customer", word)
        case Unsupported(kind=kind):
            _unreadable(turn, item, event, kind)
        case Receipt():
            receipt(turn, event.content)
        case AddressChanged():
            turn.tell_room(
                Post(f"ℹ️ {turn.customer_name} has a new number. The conversation continues there.")
            )
            turn.explain("customer", "has a new address")
        case Called(seconds=seconds):
            _called(turn, event, seconds)
        case Reacted():
            _reacted(turn, event, event.content)
        case WorkplaceChanged() | Ignored() | Stopped() | ThreadControl():
            # The first two are of staff and never stored. `decide` hears the third, whoever pressed it, and
            # has heard the last.
            pass
        case _:
            assert_never(event.content)


def _is_gone(turn: Turn, item: Input, event: Event) -> bool:
    """Return whether the message of an input was deleted before it came, and tell the room so.

    An edit whose entry is gone has become part of its message, which came since: nobody needs to be told.
    """
    message = _entry(turn, item)
    if message is None or message.state is not MessageState.DELETED:
        return False
    if not isinstance(event.content, Edited):
        _told_deleted(turn, event, message)
    return True


def _called(turn: Turn, event: Event, seconds: int | None) -> None:
    """Handle a call: it opens the window for our messages, whoever answers it. A ringing call is not told."""
    if not thread_control.is_elsewhere(turn, event):
        reopened(turn)
    if turn.owner.kind in (OwnerKind.QUEUE, OwnerKind.PERSON):
        turn.show_card()
    if seconds is None:
        turn.explain("customer", "calls")
        return
    turn.tell_room(Post(f"📞 **{turn.wrote(event)}** called, and was answered ({seconds} s)."))
    turn.explain("customer", "called, and was answered")


def _link(turn: Turn, item: Input, event: Event) -> None:
    """Record which message of the log the new one answers."""
    message, answered = _entry(turn, item), turn.in_their_chat(event.reply_to)
    if message is not None and answered is not None and answered.id != message.id:
        turn.add(ChangeMessage(message.id, reply_to=answered.id))


def _introduced(turn: Turn, event: Event) -> None:
    """Store a name that came with a later event because it could not be looked up in time for the first.

    Ignore it in a thread that several people share, where it may be somebody else's.
    """
    sender = event.sender
    if turn.name or not sender.display_name or event.shared:
        return
    turn.name = sender.display_name
    language = turn.view.conversation.language or sender.language
    turn.add(Introduce(sender.display_name, sender.handle, language))
    turn.show_card()


def _said(turn: Turn, item: Input, event: Event) -> None:
    message = _entry(turn, item)
    if message is None:
        return
    if thread_control.is_elsewhere(turn, event) and not event.automatic:
        _kept(turn, message, event)
        return
    if isinstance(event.content, Tapped) and event.content.action == OPTION:
        _pick(turn, event.content.value)
    if isinstance(event.content, Said):
        if not event.automatic:
            _heard_language(turn, event.content.text)
        _typed_choice(turn, message, event.content.text)
        done = (
            _invited(turn, event.content.text)
            or channel_switch.hear(turn, event, message)
            or numbers.hear(turn, item, event)
        )
        message = turn.messages[message.id]  # as changed by `channel_switch.hear`, which removes a code
        if done:
            if message.state is not MessageState.NOTE:
                _show_people(turn, message, event)
            return
    _owed(turn, message, event)


def _kept(turn: Turn, message: Message, event: Event) -> None:
    """Keep a message until we may answer it, as `hear_kept` does. People see it at once."""
    turn.remember(unreachable=False)
    turn.keep(message.id)
    turn.explain("customer", "another app is answering there: kept, and not answered")
    _show_people(turn, message, event)


def _unshown(turn: Turn, message: Message | None) -> Message | None:
    """Return a message if it has yet to be shown to people: a kept one is among what they are told."""
    return None if message is None or message.id in turn.shown_before else message


def _show_people(turn: Turn, message: Message, event: Event) -> None:
    """Show a message in the room of the people who have the conversation, if they do not know it."""
    people = turn.owner.kind in (OwnerKind.QUEUE, OwnerKind.PERSON)
    if people and message.id not in turn.shown_before:
        _show(turn, message, event)
        if turn.capabilities.window is not None and not bursts.is_burst(turn):
            turn.show_card()  # it shows until when free text is allowed, which is now later


def _entry(turn: Turn, item: Input) -> Message | None:
    """Return the message of the log that was made from the input when it was accepted.

    Return None when it made none, or one older than the story that a turn sees: that needs no answer any
    more.
    """
    return turn.messages.get(item.message) if item.message else None


def _heard_language(turn: Turn, text: str) -> None:
    """Remember the language that the customer surely writes in now, to answer in it.

    It stays until they surely write in another one.
    """
    spoken = turn.organization.policies.languages
    if found := language_of(text, spoken, known=turn.memory.language):
        turn.remember(language=found)


def _typed_choice(turn: Turn, message: Message, text: str) -> None:
    """Treat a number typed under numbered choices, or a choice written out, like a tap on that choice."""
    offered = turn.view.conversation.memory.options if turn.picked else turn.memory.options
    if (at := choice_of(text, offered, turn.customer_name)) is not None:
        value, label = offered[at]
        turn.typed[message.id] = label
        _pick(turn, value)


def _pick(turn: Turn, value: str) -> None:
    """Record a choice, once: the same number typed later is only a number. This turn may still correct it."""
    turn.picked = value
    turn.remember(options=())


def _owed(turn: Turn, message: Message, event: Event) -> None:
    """Hand the message to the owner of the conversation. No program of ours answers what a program wrote."""
    turn.remember(unreachable=False)
    if event.automatic and turn.owner.kind in (OwnerKind.AGENT, OwnerKind.FLOW):
        turn.explain("customer", "a program wrote this: kept, and not answered")
        turn.unanswered_programs += 1
        turn.remember(automatic=True)
        return
    if not event.automatic:
        turn.remember(automatic=False)
    if turn.status is Status.RESOLVED and not reopen_by_customer(turn, event, _unshown(turn, message)):
        _show(turn, message, event, turn.closed.room if turn.closed else None)
        return
    match turn.owner.kind:
        case OwnerKind.AGENT | OwnerKind.FLOW:
            turn.asking.append(message.id)
            if turn.status is Status.PENDING and event.addressed:
                account = event.place.account
                turn.addressed_team = team_addressed(turn.organization, account, event.addressed)
            hear_unvouched(turn, event)
        case OwnerKind.QUEUE | OwnerKind.PERSON:
            _show_people(turn, message, event)
            turn.explain(f"{turn.owner.kind} {turn.owner.name}", "is handling this: shown in the room")
            if not (event.automatic or said_only_thanks(turn, event)):
                expect_people(turn)
        case _:
            assert_never(turn.owner.kind)


def _show(turn: Turn, message: Message, event: Event, room: Room | None = None) -> None:
    """Show a message in the room: its text, the attachments at hand, and the names of awaited files."""
    name, aside = turn.wrote(event), reference_for_staff(message, turn.messages)
    if name != turn.customer_name:  # several people write in one thread
        aside = f" (with {turn.customer_name}){aside}"
    aside += " 🤖 _automatic reply_" if event.automatic else ""
    aside += " 👂 _another app is answering there_" if event.overheard else ""
    told = told_by_customer(name, _told(message), aside)
    post = Post(told, attachments=at_hand(message), reply_to=_line_answered(turn, message))
    bursts.tell(turn, post, message.id, room)


def _line_answered(turn: Turn, message: Message) -> str:
    answered = turn.messages.get(message.reply_to) if message.reply_to else None
    return turn.line_of(answered) if answered is not None else ""


def _writer(event: Event) -> str:
    """Return the name of a writer other than the customer, with the address if there may be two of one name.

    A colleague is recognized by the channel; some name where they wrote, and no address.
    """
    sender = event.sender
    if event.sender_role is SenderRole.INSIDER or sender.display_name in ("", sender.address):
        return inert(sender.display_name or sender.address)
    return inert(f"{sender.display_name} ({sender.address})")


def _told(message: Message) -> str:
    """Return the text, what came with it, and the names of the files that are still being fetched."""
    told = [message.text, message.reference.described, *(named(a) for a in awaited(message))]
    return "\n".join(filter(None, told))


def _moved(turn: Turn, event: Event) -> None:
    """Tell the room that the customer now writes in another channel: answers go there."""
    before, now = turn.memory.channel, event.place.channel
    if before and before != now:
        bursts.tell_deed(turn, Deed("moved", now))
        turn.show_card()
        turn.explain("customer", f"goes on by {now}, before by {before}")
    turn.remember(channel=now)


def _colleague_changed(turn: Turn, event: Event, ref: str) -> None:
    """Record that a colleague edited or deleted what they wrote to the customer, and tell the room."""
    written = (m for m in turn.messages.values() if ref and m.ref == ref and m.role is Role.STAFF)
    message = next(written, None)
    name = _writer(event)
    if message is None:
        return
    if isinstance(event.content, Edited):
        if event.content.text == message.text:
            return
        turn.add(ChangeMessage(message.id, text=event.content.text))
        sign, did = "✏️", f"changed what they wrote to {turn.customer_name}:\n\n{quoted(event.content.text)}"
    else:
        turn.add(ChangeMessage(message.id, state=MessageState.DELETED))
        sign, did = "🗑", f"deleted what they wrote to {turn.customer_name}."
    turn.tell_room(Post(f"{sign} **{name}** {did}"))
    turn.explain("staff", f"{name} changed what the customer reads")


def _stranger_changed(turn: Turn, event: Event, ref: str) -> None:
    """Record that a stranger edited or deleted a message in the customer's thread, and tell the room."""
    written = (m for m in turn.messages.values() if ref and m.ref == ref and is_stranger(m))
    message = next(written, None)
    if message is None or message.sender != event.sender.external_id:
        return
    before, who = message.text, f"{_writer(event)}, who is not {turn.customer_name}"
    if isinstance(event.content, Edited):
        if event.content.text == before:
            return
        turn.add(ChangeMessage(message.id, text=event.content.text))
        now = f"{quoted(event.content.text)}\n\n_Before:_\n\n{quoted(before)}"
        told = f"✏️ {who}, changed what they wrote:\n\n{now}"
    else:
        turn.add(ChangeMessage(message.id, state=MessageState.DELETED))
        told = f"🗑 {who}, deleted what they wrote:\n\n{quoted(before)}"
    bursts.tell(turn, Post(told), changes=message.id, by=event.sender_role)
    turn.explain("stranger", "changed a note in the customer's thread")


def _others(turn: Turn, item: Input, event: Event) -> None:
    """Handle what somebody else did where the customer reads: a colleague of ours, or a stranger."""
    match event.content:
        case Receipt():
            receipt(turn, event.content)
            return
        case Edited(message=ref) | Deleted(message=ref) if event.sender_role is SenderRole.INSIDER:
            _colleague_changed(turn, event, ref)
            return
        case Edited(message=ref) | Deleted(message=ref):
            _stranger_changed(turn, event, ref)
            return
        case _:
            message = _entry(turn, item)
    if message is None:
        return
    name = _writer(event)
    about = reference_for_staff(message, turn.messages)
    text, files, line = quoted(_told(message)), at_hand(message), _line_answered(turn, message)
    if event.sender_role is SenderRole.INSIDER:
        _leave_it_to(turn, event, name)
        if isinstance(event.content, Said) and not event.automatic:
            turn.remember(beside=message.id, kept=())  # they have answered it
        said = f"🧑 **{name}** wrote to {turn.customer_name} directly{about}:\n\n{text}"
        turn.tell_room(Post(said, attachments=files, reply_to=line), message.id)
        turn.explain("staff", f"{name} wrote where the customer reads")
        return
    if turn.escalation is not None:
        told = told_by_stranger(name, turn.customer_name, _told(message), about)
        post = Post(told, attachments=files, reply_to=line)
        bursts.tell(turn, post, message.id, by=event.sender_role)
    else:
        sentence = f"{name}, who is not {turn.customer_name}, answered in this thread"
        escalate(
            turn, reason=f"{sentence}. Nobody has told them anything.", why="a stranger wrote", quiet=True
        )
        turn.tell_room(Post(f"⚠️ {name} wrote{about}:\n\n{text}", attachments=files), message.id)
    turn.explain("stranger", "answered in the customer's thread: a note to staff")


def _leave_it_to(turn: Turn, event: Event, name: str) -> None:
    """Silence the agent when a colleague has answered the customer in their private chat.

    In a thread that several share, colleagues may talk to each other. What a program wrote is no answer.
    """
    if event.shared or event.automatic or not isinstance(event.content, Said):
        return
    if turn.owner.kind not in (OwnerKind.AGENT, OwnerKind.FLOW) or turn.status is Status.RESOLVED:
        return
    turn.asking = []
    told = f"{name} has answered {turn.customer_name} directly"
    reason = f"{told}: the agent is silent until this is returned to it."
    escalate(turn, reason=reason, why="a colleague answered", quiet=True)


def _reacted(turn: Turn, event: Event, reaction: Reacted) -> None:
    meant = turn.in_their_chat(reaction.message)
    if reaction.added:
        deed = Deed("reacted", reaction.emoji[:_EMOJI], meant.id if meant is not None else None)
        bursts.tell_deed(turn, deed, turn.wrote(event))
    turn.explain("customer", "reacted" if reaction.added else "took a reaction back")


def _unreadable(turn: Turn, item: Input, event: Event, kind: str) -> None:
    """Record a message that we cannot read, and show its kind to people.

    A customer who talks to an agent alone is asked for words, once in a row.
    """
    text = turn.texts.unreadable
    ours = (m.text for m in reversed(turn.messages.values()) if m.role is not Role.CUSTOMER)
    asked = next(ours, "") == text
    message, elsewhere = _entry(turn, item), thread_control.is_elsewhere(turn, event)
    theirs = event.message and event.private and not (event.automatic or elsewhere)
    if message is not None and elsewhere and not event.automatic:
        turn.keep(message.id)
    if theirs and turn.status is Status.RESOLVED:
        reopen_by_customer(turn, event, _unshown(turn, message))
    if message is not None and message.id in turn.shown_before:
        pass
    elif message is not None:
        told = Post(f"🗣 **{turn.wrote(event)}** sent something we cannot show: {inert(kind)}.")
        bursts.tell(turn, told, item.message)
    else:
        bursts.tell_deed(turn, Deed("unreadable", kind[:_KIND]), turn.wrote(event))
    alone = turn.owner.kind in (OwnerKind.AGENT, OwnerKind.FLOW) and turn.status is not Status.RESOLVED
    if alone and theirs and is_unvouched(event):
        hear_unvouched(turn, event)
        give_to_people(turn)
    elif alone and theirs and not asked:
        turn.say(text)
        turn.explain("customer", f"sent what nobody can read here: {kind}")


def _started(turn: Turn, event: Event, payload: str) -> None:
    if _invited(turn, payload):
        return
    if turn.owner.kind in (OwnerKind.QUEUE, OwnerKind.PERSON):
        bursts.tell_deed(turn, Deed("opened"))
        return
    greeting = fill(turn.texts.greeting, organization=turn.organization.display_name)
    if bursts.is_burst(turn) and any(m.text == greeting for m in _of_agents(turn)):
        turn.explain("customer", "opened the chat again and again: greeted before")
        return
    if thread_control.is_elsewhere(turn, event):
        turn.explain("customer", "opened the chat: another app is answering there")
        return
    turn.say(greeting, role=Role.AGENT, sender=turn.owner.name)
    turn.explain(f"agent {turn.owner.name}", "greeted: the chat was opened")


def _of_agents(turn: Turn) -> list[Message]:
    return [message for message in turn.messages.values() if message.role is Role.AGENT]


def _invited(turn: Turn, written: str) -> bool:
    """Handle an invitation to this very conversation. Return whether the message was that and nothing else.

    An invitation that was used or is too old leads to a new conversation, which begins as any other.
    """
    if not turn.view.conversation.memory.channel or not INVITATION.search(written):
        return False
    if len(INVITATION.sub("", written)) > _BESIDE_AN_INVITATION:
        return False
    turn.say(turn.texts.goes_on_here, ahead=True)
    turn.explain("customer", "accepted an invitation to go on here")
    return True


def _known(turn: Turn, ref: str) -> Message | None:
    return next(iter(_entries(turn, ref)), None)


def _entries(turn: Turn, ref: str) -> list[Message]:
    """Return the log's entries for the newest message with an id, which are several if edits brought files.

    Ids begin anew where a Telegram group becomes a supergroup, and some programs give all their mails one.
    """
    known = (m for m in turn.messages.values() if ref and m.ref == ref and m.role is Role.CUSTOMER)
    # What is yet to be heard has the words of the edits that came before it.
    heard = (message for message in known if message.id not in turn.unheard)
    entries = [message for message in heard if message.state is not MessageState.DELETED]
    newest = max((n for n, message in enumerate(entries) if message.text), default=0)
    return entries[newest:]  # what an edit brought has no text


def _edited(turn: Turn, item: Input, event: Event, edit: Edited) -> None:
    if item.message is not None:  # the log had no such message: whether it was answered is unknown
        if (message := _entry(turn, item)) is not None:
            if (text := channel_switch.without_code(turn, message.text)) != message.text:
                turn.add(ChangeMessage(message.id, text=text))
                message = turn.messages[message.id]
            told = f"✏️ **{turn.wrote(event)}** changed a message that we do not know here. It now reads:"
            bursts.tell(turn, Post(f"{told}\n\n{quoted(_told(message))}"), message.id)
            turn.explain("customer", "edited an unknown message: a note")
        return
    message = _known(turn, edit.message)
    if message is None:
        return
    before_it = message.reference.edited_at
    if before_it is not None and event.occurred_at < before_it:
        turn.explain("customer", "an edit that is older than the words we have: passed over")
        return
    reference = replace(message.reference, edited_at=event.occurred_at)
    _refiled(turn, event, edit)
    before = message.text
    text = channel_switch.without_code(turn, edit.text, before)
    if before == text:
        turn.add(ChangeMessage(message.id, reference=reference))
        return
    turn.add(ChangeMessage(message.id, text=text, reference=reference))
    bursts.tell(
        turn,
        Post(
            f"✏️ **{turn.wrote(event)}** changed their message:\n\n{quoted(text)}"
            f"\n\n_Before:_\n\n{quoted(before)}"
        ),
        changes=message.id,
    )
    turn.explain("customer", "edited a message")


def _refiled(turn: Turn, event: Event, edit: Edited) -> None:
    """Keep the files that an edit brings beside the earlier ones, and tell the room."""
    entries = _entries(turn, edit.message)
    before = [attachment for entry in entries for attachment in entry.attachments]
    new = tuple(a for a in edit.attachments if not any(_alike(a, known) for known in before))
    if not new:
        return
    moves = all(a.kind is AttachmentKind.LOCATION for a in (*before, *new))
    if moves:  # a live location: only the first and the newest point are kept
        for passed in entries[1:]:
            turn.add(ChangeMessage(passed.id, state=MessageState.DELETED))
    entry = replace(
        entries[0],
        id=MessageId(turn.rules.new_id()),
        text="",
        at=turn.now,
        attachments=new,
        edited=False,
        reply_to=None,
        reference=Reference(writer=entries[0].reference.writer, address=entries[0].reference.address),
    )
    turn.add(AddMessage(entry, written_at=event.place, extends=entries[0].id))
    if moves and len(entries) > 1 and turn.now - entries[-1].at < _MOVING:
        return
    told = f"✏️ **{turn.wrote(event)}** changed the files of their message:\n\n{_names(new)}"
    if before:
        told += f"\n\n_Before:_\n\n{_names(before)}"
    bursts.tell(turn, Post(told, attachments=at_hand(entry)), entry.id)
    turn.explain("customer", "changed the files of a message")


def _names(attachments: Iterable[Attachment]) -> str:
    return quoted("\n".join(map(named, attachments)))


def _alike(one: Attachment, known: Attachment) -> bool:
    """Return whether two attachments are the same file: a platform may give one file a new handle."""
    same_size = one.is_file and one.size is not None and one.size == known.size
    return one.kind is known.kind and (one.ref == known.ref or same_size)


def _deleted(turn: Turn, event: Event, deletion: Deleted) -> None:
    message = _known(turn, deletion.message)
    if message is None:
        return
    for entry in _entries(turn, deletion.message):
        turn.add(ChangeMessage(entry.id, state=MessageState.DELETED))
    turn.asking = [asked for asked in turn.asking if asked != message.id]
    _told_deleted(turn, event, message)


def _told_deleted(turn: Turn, event: Event, message: Message) -> None:
    gone = Post(f"🗑 **{turn.wrote(event)}** deleted their message:\n\n{quoted(message.text)}")
    bursts.tell(turn, gone, changes=message.id)
    turn.explain("customer", "deleted a message")
