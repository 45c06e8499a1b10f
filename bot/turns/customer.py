"""Decide what an event from the customer's chat does."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from typing import assert_never

from bot.core.conversation import Deed, Input, Message, MessageState, OwnerKind, Role, Room, Status
from bot.core.effects import AddMessage, ChangeMessage, Introduce, SetTimer
from bot.core.events import (
    INVITATION,
    NO_REFERENCE,
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
    Said,
    Standing,
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
from bot.turns import bursts, elsewhere, numbers
from bot.turns.attachments import at_hand, awaited
from bot.turns.closing import reopen_by_customer, said_only_thanks
from bot.turns.draft import Draft
from bot.turns.escalating import ANSWER_DUE, escalate
from bot.turns.quoting import inert, quoted
from bot.turns.reports import receipt
from bot.turns.story import is_stranger, named, reference_for_staff, told_by_customer, told_by_stranger
from bot.turns.unvouched import give_to_people, hear_unvouched, is_unvouched
from bot.turns.waiting import TO_ANSWER, expect_answer
from bot.turns.window import reopened
from orgs.answering.choosing import choice_of
from orgs.answering.language import language_of
from orgs.routing import team_addressed
from orgs.specification.texts import fill

_EMOJI, _KIND = 64, 64  # characters that are kept of an emoji, and of an unsupported kind
_MOVING = timedelta(minutes=2)  # a shared live location is told to the room no more often
_BESIDE_AN_INVITATION = 20  # characters beside an invitation that a link may type; more is a message


def hear(draft: Draft, item: Input, event: Event) -> None:
    """Handle one input from the customer's chat."""
    bursts.hear(draft, event)
    _link(draft, item, event)
    if event.standing is not Standing.CUSTOMER:
        _others(draft, item, event)
        return
    _introduced(draft, event)
    if isinstance(event.content, Said | Tapped | Started | Submitted) and not event.automatic:
        if event.message or event.overheard:  # a call passes no control: nobody answers it in words
            draft.given_control(ours=not event.overheard, at=event.occurred_at)
        if not (event.overheard or draft.another_has_the_word):  # held messages would interrupt that app
            reopened(draft)
        _moved(draft, event)
    match event.content:
        case Said():
            _said(draft, item, event)
        case Tapped():
            if event.content.action == OPTION:
                _pick(draft, event.content.value)
            _said(draft, item, event)
        case Started(payload=payload):
            _started(draft, event, payload)
        case Edited():
            _edited(draft, item, event, event.content)
        case Deleted():
            _deleted(draft, event, event.content)
        case ReachabilityChanged(reachable=reachable):
            draft.remember(unreachable=not reachable)
            word = "can be reached again" if reachable else "has blocked us: nothing we write arrives"
            bursts.tell_deed(draft, Deed("blocked", "" if reachable else "yes"))
            draft.because("customer", word)
        case Unsupported(kind=kind):
            _unreadable(draft, item, event, kind)
        case Receipt():
            receipt(draft, event.content)
        case AddressChanged():
            draft.tell_room(Post(f"ℹ️ {draft.customer_name} has a new number: it goes on there."))
            draft.because("customer", "has a new address")
        case Called(seconds=seconds):
            _called(draft, event, seconds)
        case ThreadControl():
            _control(draft, event, event.content)
        case Reacted():
            _reacted(draft, event, event.content)
        case Submitted():
            _submitted(draft, item, event)
        case WorkplaceChanged() | Ignored() | Stopped():
            pass  # the first two are of staff and never stored; `decide` hears the third, whoever pressed it
        case _:
            assert_never(event.content)


def _called(draft: Draft, event: Event, seconds: int | None) -> None:
    """Handle a call: it opens the window for our messages, whoever answers it. A ringing call is not told."""
    if not draft.another_has_the_word:
        reopened(draft)
    if draft.owner.kind in (OwnerKind.QUEUE, OwnerKind.PERSON):
        draft.show_card()
    if seconds is None:
        draft.because("customer", "calls")
        return
    draft.tell_room(Post(f"📞 **{draft.wrote(event)}** called, and was answered ({seconds} s)."))
    draft.because("customer", "called, and was answered")


def _control(draft: Draft, event: Event, control: ThreadControl) -> None:
    """Handle a change of control: another app takes the customer's chat over, or gives it to us.

    When it is ours again, the messages that the other app left unanswered are answered.
    """
    before = draft.another_has_the_word
    draft.given_control(ours=control.ours, at=event.occurred_at, told=True)
    now = draft.another_has_the_word
    if now is before:
        return
    draft.because("channel", "another app has the word there" if now else "we have the word again")
    name = draft.customer_name
    if now:
        told = f"👂 Another app has the word with {name} now: we hear what is said there"
        draft.tell_room(Post(f"{told}, and nothing leaves by itself."))
        return
    draft.tell_room(Post(f"👂 The word with {name} is ours again."))
    if draft.status is Status.RESOLVED:
        return
    if draft.owner.kind in (OwnerKind.AGENT, OwnerKind.FLOW):
        draft.asking += [message.id for message in _unanswered(draft) if message.id not in draft.asking]
    else:
        _expect_answer(draft)


def _unanswered(draft: Draft) -> list[Message]:
    """Return the customer's newest messages to which neither an agent nor a person of ours has replied."""
    found: list[Message] = []
    for message in reversed(draft.messages.values()):
        if message.role is Role.CUSTOMER and message.state is MessageState.RECEIVED:
            found.append(message)
        elif found or message.role is Role.AGENT or message.room is not None:
            break
    return found[::-1]


def _link(draft: Draft, item: Input, event: Event) -> None:
    """Record which message of the log the new one answers."""
    message, answered = _entry(draft, item), draft.in_their_chat(event.reply_to)
    if message is not None and answered is not None:
        draft.add(ChangeMessage(message.id, reply_to=answered.id))


def _introduced(draft: Draft, event: Event) -> None:
    """Store a name that came with a later event because it could not be looked up in time for the first.

    Ignore it in a thread that several people share, where it may be somebody else's.
    """
    sender = event.sender
    if draft.name or not sender.display_name or event.shared:
        return
    draft.name = sender.display_name
    language = draft.view.conversation.language or sender.language
    draft.add(Introduce(sender.display_name, sender.handle, language))
    draft.show_card()


def _said(draft: Draft, item: Input, event: Event) -> None:
    message = _entry(draft, item)
    if message is None:
        return
    if isinstance(event.content, Said) and not event.overheard:
        if not event.automatic:
            _heard_language(draft, event.content.text)
        _typed_choice(draft, message, event.content.text)
        done = (
            _invited(draft, event.content.text)
            or elsewhere.hear(draft, event, message)
            or numbers.hear(draft, item, event)
        )
        message = draft.messages[message.id]  # as changed by `elsewhere.hear`, which removes a code
        if done:
            told = draft.owner.kind in (OwnerKind.QUEUE, OwnerKind.PERSON)
            if told and message.state is not MessageState.NOTE:
                _show(draft, message, event)
            return
    twin = _known(draft, event.message) if isinstance(event.content, Said) else None
    if twin is not None and twin.id != message.id:
        # The edit came before the message it belongs to: the log already has the newer text, as a note.
        if twin.state is not MessageState.NOTE:
            draft.add(ChangeMessage(message.id, state=MessageState.DELETED))
            return
        draft.add(ChangeMessage(message.id, text=twin.text))
        draft.add(ChangeMessage(twin.id, state=MessageState.DELETED))
        message = draft.messages[message.id]
    _owed(draft, message, event)


def _entry(draft: Draft, item: Input) -> Message | None:
    """Return the message of the log that was made from the input when it was accepted.

    Return None when it made none, or one older than the story that a turn sees: that needs no answer any
    more.
    """
    return draft.messages.get(item.message) if item.message else None


def _heard_language(draft: Draft, text: str) -> None:
    """Remember the language that the customer surely writes in now, to answer in it.

    It stays until they surely write in another one.
    """
    spoken = draft.organization.policies.languages
    if found := language_of(text, spoken, known=draft.memory.language):
        draft.remember(language=found)


def _typed_choice(draft: Draft, message: Message, text: str) -> None:
    """Treat a number typed under numbered choices, or a choice written out, like a tap on that choice."""
    offered = draft.view.conversation.memory.options if draft.picked else draft.memory.options
    if (at := choice_of(text, offered, draft.customer_name)) is not None:
        value, label = offered[at]
        draft.typed[message.id] = label
        _pick(draft, value)


def _pick(draft: Draft, value: str) -> None:
    """Record a choice, once: the same number typed later is only a number. This turn may still correct it."""
    draft.picked = value
    draft.remember(options=())


def _owed(draft: Draft, message: Message, event: Event) -> None:
    """Hand the message to the owner of the conversation. No program of ours answers what a program wrote."""
    draft.remember(unreachable=False)
    elsewhere = event.overheard or draft.another_has_the_word
    if (event.automatic or elsewhere) and draft.owner.kind in (OwnerKind.AGENT, OwnerKind.FLOW):
        why = "a program wrote this" if event.automatic else "another app has the word there"
        draft.because("customer", f"{why}: kept, and not answered")
        if event.automatic:
            draft.unanswered_programs += 1
            draft.remember(automatic=True)
        return
    if not event.automatic:
        draft.remember(automatic=False)
    if draft.status is Status.RESOLVED and not reopen_by_customer(draft, event, message):
        _show(draft, message, event, draft.closed.room if draft.closed else None)
        return
    match draft.owner.kind:
        case OwnerKind.AGENT | OwnerKind.FLOW:
            draft.asking.append(message.id)
            if draft.status is Status.PENDING and event.addressed:
                account = event.place.account
                draft.addressed_team = team_addressed(draft.organization, account, event.addressed)
            hear_unvouched(draft, event)
        case OwnerKind.QUEUE | OwnerKind.PERSON:
            _show(draft, message, event)
            if draft.capabilities.window is not None and not bursts.is_burst(draft):
                draft.show_card()  # it shows until when free text is allowed, which is now later
            draft.because(f"{draft.owner.kind} {draft.owner.name}", "has the word: shown in the room")
            if not (event.automatic or event.overheard or said_only_thanks(draft, event)):
                _expect_answer(draft)
        case _:
            assert_never(draft.owner.kind)


def _expect_answer(draft: Draft) -> None:
    """Start the clocks for the answer to the customer, and for what the customer is told meanwhile."""
    if draft.owner.kind is OwnerKind.PERSON and (ANSWER_DUE, "") not in draft.timers:
        draft.add(SetTimer(ANSWER_DUE, "", draft.now + TO_ANSWER))
    expect_answer(draft)


def _show(draft: Draft, message: Message, event: Event, room: Room | None = None) -> None:
    """Show a message in the room: its text, the attachments at hand, and the names of awaited files."""
    name, aside = draft.wrote(event), reference_for_staff(message, draft.messages)
    if name != draft.customer_name:  # several people write in one thread
        aside = f" (with {draft.customer_name}){aside}"
    aside += " 🤖 _automatic reply_" if event.automatic else ""
    aside += " 👂 _another app has the word there_" if event.overheard else ""
    told = told_by_customer(name, _told(message), aside)
    post = Post(told, attachments=at_hand(message), reply_to=_line_answered(draft, message))
    bursts.tell(draft, post, message.id, room)


def _line_answered(draft: Draft, message: Message) -> str:
    answered = draft.messages.get(message.reply_to) if message.reply_to else None
    return draft.line_of(answered) if answered is not None else ""


def _writer(event: Event) -> str:
    """Return the name of a writer other than the customer, with the address if there may be two of one name.

    A colleague is recognized by the channel; some name where they wrote, and no address.
    """
    sender = event.sender
    if event.standing is Standing.INSIDER or sender.display_name in ("", sender.address):
        return inert(sender.display_name or sender.address)
    return inert(f"{sender.display_name} ({sender.address})")


def _told(message: Message) -> str:
    """Return the text, what came with it, and the names of the files that are still being fetched."""
    told = [message.text, message.reference.described, *(named(a) for a in awaited(message))]
    return "\n".join(filter(None, told))


def _moved(draft: Draft, event: Event) -> None:
    """Tell the room that the customer now writes in another channel: answers go there."""
    before, now = draft.memory.channel, event.place.channel
    if before and before != now:
        bursts.tell_deed(draft, Deed("moved", now))
        draft.show_card()
        draft.because("customer", f"goes on by {now}, before by {before}")
    draft.remember(channel=now)


def _colleague_changed(draft: Draft, event: Event, ref: str) -> None:
    """Record that a colleague edited or deleted what they wrote to the customer, and tell the room."""
    written = (m for m in draft.messages.values() if ref and m.ref == ref and m.role is Role.STAFF)
    message = next(written, None)
    name = _writer(event)
    if message is None:
        return
    if isinstance(event.content, Edited):
        if event.content.text == message.text:
            return
        draft.add(ChangeMessage(message.id, text=event.content.text))
        sign, did = "✏️", f"changed what they wrote to {draft.customer_name}:\n\n{quoted(event.content.text)}"
    else:
        draft.add(ChangeMessage(message.id, state=MessageState.DELETED))
        sign, did = "🗑", f"deleted what they wrote to {draft.customer_name}."
    draft.tell_room(Post(f"{sign} **{name}** {did}"))
    draft.because("staff", f"{name} changed what the customer reads")


def _stranger_changed(draft: Draft, event: Event, ref: str) -> None:
    """Record that a stranger edited or deleted a message in the customer's thread, and tell the room."""
    written = (m for m in draft.messages.values() if ref and m.ref == ref and is_stranger(m))
    message = next(written, None)
    if message is None or message.sender != event.sender.external_id:
        return
    before, who = message.text, f"{_writer(event)}, who is not {draft.customer_name}"
    if isinstance(event.content, Edited):
        if event.content.text == before:
            return
        draft.add(ChangeMessage(message.id, text=event.content.text))
        now = f"{quoted(event.content.text)}\n\n_Before:_\n\n{quoted(before)}"
        told = f"✏️ {who}, changed what they wrote:\n\n{now}"
    else:
        draft.add(ChangeMessage(message.id, state=MessageState.DELETED))
        told = f"🗑 {who}, deleted what they wrote:\n\n{quoted(before)}"
    bursts.tell(draft, Post(told), changes=message.id, by=event.standing)
    draft.because("stranger", "changed a note in the customer's thread")


def _others(draft: Draft, item: Input, event: Event) -> None:
    """Handle what somebody else did where the customer reads: a colleague of ours, or a stranger."""
    match event.content:
        case Receipt():
            receipt(draft, event.content)
            return
        case Edited(message=ref) | Deleted(message=ref) if event.standing is Standing.INSIDER:
            _colleague_changed(draft, event, ref)
            return
        case Edited(message=ref) | Deleted(message=ref):
            _stranger_changed(draft, event, ref)
            return
        case _:
            message = _entry(draft, item)
    if message is None:
        return
    name = _writer(event)
    about = reference_for_staff(message, draft.messages)
    text, files, line = quoted(_told(message)), at_hand(message), _line_answered(draft, message)
    if event.standing is Standing.INSIDER:
        _leave_it_to(draft, event, name)
        said = f"🧑 **{name}** wrote to {draft.customer_name} directly{about}:\n\n{text}"
        draft.tell_room(Post(said, attachments=files, reply_to=line), message.id)
        draft.because("staff", f"{name} wrote where the customer reads")
        return
    if draft.escalation is not None:
        told = told_by_stranger(name, draft.customer_name, _told(message), about)
        post = Post(told, attachments=files, reply_to=line)
        bursts.tell(draft, post, message.id, by=event.standing)
    else:
        sentence = f"{name}, who is not {draft.customer_name}, answered in this thread"
        escalate(
            draft, reason=f"{sentence}. Nobody has told them anything.", why="a stranger wrote", quiet=True
        )
        draft.tell_room(Post(f"⚠️ {name} wrote{about}:\n\n{text}", attachments=files), message.id)
    draft.because("stranger", "answered in the customer's thread: a note to staff")


def _leave_it_to(draft: Draft, event: Event, name: str) -> None:
    """Silence the agent when a colleague has answered the customer in their private chat.

    In a thread that several share, colleagues may talk to each other. What a program wrote is no answer.
    """
    if event.shared or event.automatic or not isinstance(event.content, Said):
        return
    if draft.owner.kind not in (OwnerKind.AGENT, OwnerKind.FLOW) or draft.status is Status.RESOLVED:
        return
    draft.asking = []
    told = f"{name} has answered {draft.customer_name} directly"
    reason = f"{told}: the agent is silent until this is returned to it."
    escalate(draft, reason=reason, why="a colleague answered", quiet=True)


def _reacted(draft: Draft, event: Event, reaction: Reacted) -> None:
    meant = draft.in_their_chat(reaction.message)
    if reaction.added:
        deed = Deed("reacted", reaction.emoji[:_EMOJI], meant.id if meant is not None else None)
        bursts.tell_deed(draft, deed, draft.wrote(event))
    draft.because("customer", "reacted" if reaction.added else "took a reaction back")


def _submitted(draft: Draft, item: Input, event: Event) -> None:
    """Treat a form that the customer filled in like a message."""
    if (message := _entry(draft, item)) is not None:
        _owed(draft, message, event)


def _unreadable(draft: Draft, item: Input, event: Event, kind: str) -> None:
    """Record a message that we cannot read, and show its kind to people.

    A customer who talks to an agent alone is asked for words, once in a row.
    """
    text = draft.texts.unreadable
    ours = (m.text for m in reversed(draft.messages.values()) if m.role is not Role.CUSTOMER)
    asked = next(ours, "") == text
    theirs = event.message and event.private and not (event.automatic or event.overheard)
    if theirs and draft.status is Status.RESOLVED:
        reopen_by_customer(draft, event, _entry(draft, item))
    if _entry(draft, item) is not None:
        told = Post(f"🗣 **{draft.wrote(event)}** sent something we cannot show: {inert(kind)}.")
        bursts.tell(draft, told, item.message)
    else:
        bursts.tell_deed(draft, Deed("unreadable", kind[:_KIND]), draft.wrote(event))
    alone = draft.owner.kind in (OwnerKind.AGENT, OwnerKind.FLOW) and draft.status is not Status.RESOLVED
    if alone and theirs and is_unvouched(event):
        hear_unvouched(draft, event)
        give_to_people(draft)
    elif alone and theirs and not asked:
        draft.say(text)
        draft.because("customer", f"sent what nobody can read here: {kind}")


def _started(draft: Draft, event: Event, payload: str) -> None:
    if _invited(draft, payload):
        return
    if draft.owner.kind in (OwnerKind.QUEUE, OwnerKind.PERSON):
        bursts.tell_deed(draft, Deed("opened"))
        return
    greeting = fill(draft.texts.greeting, organization=draft.organization.display_name)
    if bursts.is_burst(draft) and any(m.text == greeting for m in _of_agents(draft)):
        draft.because("customer", "opened the chat again and again: greeted before")
        return
    if event.overheard:
        draft.because("customer", "opened the chat: another app has the word there")
        return
    draft.say(greeting, role=Role.AGENT, sender=draft.owner.name)
    draft.because(f"agent {draft.owner.name}", "greeted: the chat was opened")


def _of_agents(draft: Draft) -> list[Message]:
    return [message for message in draft.messages.values() if message.role is Role.AGENT]


def _invited(draft: Draft, written: str) -> bool:
    """Handle an invitation to this very conversation. Return whether the message was that and nothing else.

    An invitation that was used or is too old leads to a new conversation, which begins as any other.
    """
    if not draft.view.conversation.memory.channel or not INVITATION.search(written):
        return False
    if len(INVITATION.sub("", written)) > _BESIDE_AN_INVITATION:
        return False
    draft.say(draft.texts.goes_on_here, ahead=True)
    draft.because("customer", "accepted an invitation to go on here")
    return True


def _known(draft: Draft, ref: str) -> Message | None:
    return next(iter(_entries(draft, ref)), None)


def _entries(draft: Draft, ref: str) -> list[Message]:
    """Return the log's entries for a message: more than one where an edit brought other files."""
    known = (m for m in draft.messages.values() if ref and m.ref == ref and m.role is Role.CUSTOMER)
    return [message for message in known if message.state is not MessageState.DELETED]


def _edited(draft: Draft, item: Input, event: Event, edit: Edited) -> None:
    if item.message is not None:  # the log had no such message: whether it was answered is unknown
        if (message := _entry(draft, item)) is not None:
            told = f"✏️ **{draft.wrote(event)}** changed a message that is not known here. It reads now:"
            bursts.tell(draft, Post(f"{told}\n\n{quoted(_told(message))}"), message.id)
            draft.because("customer", "edited an unknown message: a note")
        return
    message = _known(draft, edit.message)
    if message is None:
        return
    _refiled(draft, event, edit)
    before = message.text
    if before == edit.text:
        return
    draft.add(ChangeMessage(message.id, text=edit.text))
    bursts.tell(
        draft,
        Post(
            f"✏️ **{draft.wrote(event)}** changed their message:\n\n{quoted(edit.text)}"
            f"\n\n_Before:_\n\n{quoted(before)}"
        ),
        changes=message.id,
    )
    draft.because("customer", "edited a message")


def _refiled(draft: Draft, event: Event, edit: Edited) -> None:
    """Keep the files that an edit brings beside the earlier ones, and tell the room."""
    entries = _entries(draft, edit.message)
    before = [attachment for entry in entries for attachment in entry.attachments]
    new = tuple(a for a in edit.attachments if not any(_alike(a, known) for known in before))
    if not new:
        return
    moves = all(a.kind is AttachmentKind.LOCATION for a in (*before, *new))
    if moves:  # a live location: only the first and the newest point are kept
        for passed in entries[1:]:
            draft.add(ChangeMessage(passed.id, state=MessageState.DELETED))
    entry = replace(
        entries[0],
        id=MessageId(draft.rules.new_id()),
        text="",
        state=MessageState.RECEIVED,
        at=draft.now,
        attachments=new,
        edited=False,
        reply_to=None,
        reference=NO_REFERENCE,
    )
    draft.add(AddMessage(entry, written_at=event.place))
    if moves and len(entries) > 1 and draft.now - entries[-1].at < _MOVING:
        return
    told = f"✏️ **{draft.wrote(event)}** changed the files of their message:\n\n{_names(new)}"
    if before:
        told += f"\n\n_Before:_\n\n{_names(before)}"
    bursts.tell(draft, Post(told, attachments=at_hand(entry)), entry.id)
    draft.because("customer", "changed the files of a message")


def _names(attachments: Iterable[Attachment]) -> str:
    return quoted("\n".join(map(named, attachments)))


def _alike(one: Attachment, known: Attachment) -> bool:
    """Return whether two attachments are the same file: a platform may give one file a new handle."""
    same_size = one.is_file and one.size is not None and one.size == known.size
    return one.kind is known.kind and (one.ref == known.ref or same_size)


def _deleted(draft: Draft, event: Event, deletion: Deleted) -> None:
    message = _known(draft, deletion.message)
    if message is None:
        return
    for entry in _entries(draft, deletion.message):
        draft.add(ChangeMessage(entry.id, state=MessageState.DELETED))
    draft.asking = [asked for asked in draft.asking if asked != message.id]
    gone = Post(f"🗑 **{draft.wrote(event)}** deleted their message:\n\n{quoted(message.text)}")
    bursts.tell(draft, gone, changes=message.id)
    draft.because("customer", "deleted a message")
