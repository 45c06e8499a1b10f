"""What a customer did, turned into decisions."""

from typing import assert_never

from bot.core.conversation import Input, Message, MessageState, OwnerKind, Role, Status
from bot.core.effects import AddMessage, ChangeMessage, SetTimer
from bot.core.events import (
    Deleted,
    Edited,
    Event,
    ReachabilityChanged,
    Reacted,
    Said,
    Started,
    Submitted,
    Tapped,
    Unsupported,
)
from bot.core.ids import MessageId
from bot.core.outbound import Post
from bot.turns.draft import Draft
from bot.turns.escalating import ANSWER_DUE, WAITING_ON_HOLDER
from bot.turns.ownership import Cause
from bot.turns.story import words

OPTION = "option"  # the action of a clarifying question's buttons


def hear(draft: Draft, item: Input, event: Event) -> None:
    """One input of the customer."""
    match event.content:
        case Said():
            _said(draft, item, event)
        case Tapped():
            if event.content.action == OPTION:
                draft.picked = event.content.value
            _said(draft, item, event)
        case Started():
            _started(draft)
        case Edited():
            _edited(draft, event, event.content)
        case Deleted():
            _deleted(draft, event.content)
        case ReachabilityChanged(reachable=reachable):
            draft.remember(unreachable=not reachable)
            word = "can be reached again" if reachable else "has blocked us: nothing we write arrives"
            draft.tell_room(Post(f"ℹ️ {draft.customer_name} {word}."))
            draft.because("customer", word)
        case Unsupported(kind=kind):
            _write_down(draft, event, f"[{kind}]")
            draft.tell_room(Post(f"🗣 **{draft.customer_name}** sent something we cannot show: {kind}."))
        case Reacted() | Submitted():
            draft.because("customer", "reacted; nothing to do")
        case _:
            assert_never(event.content)


def _said(draft: Draft, item: Input, event: Event) -> None:
    message = draft.messages.get(item.message) if item.message else None
    if message is None:
        return  # older than the story that a turn sees: nothing can be owed for it any more
    twin = _known(draft, event.message) if isinstance(event.content, Said) else None
    if twin is not None and twin.id != message.id:
        # An edit overtook the message it belongs to; the newer words stand in the log already.
        draft.add(ChangeMessage(message.id, state=MessageState.DELETED))
        return
    _owed(draft, message)


def _owed(draft: Draft, message: Message) -> None:
    """Whoever has the word gets the message."""
    draft.remember(unreachable=False)
    if draft.status is Status.RESOLVED:
        draft.give(Cause.REOPENED, draft.owner.name, Status.IN_PROGRESS)
        draft.because("customer", "wrote again within the window: reopened")
        draft.audit("customer", "conversation.reopened")
    match draft.owner.kind:
        case OwnerKind.AGENT | OwnerKind.FLOW:
            draft.asking.append(message.id)
        case OwnerKind.QUEUE | OwnerKind.PERSON:
            _show(draft, message)
            draft.because(f"{draft.owner.kind} {draft.owner.name}", "has the word: shown in the room")
            if draft.owner.kind is OwnerKind.PERSON and (ANSWER_DUE, "") not in draft.timers:
                draft.add(SetTimer(ANSWER_DUE, "", draft.now + WAITING_ON_HOLDER))
        case _:
            assert_never(draft.owner.kind)


def _show(draft: Draft, message: Message, remark: str = "") -> None:
    post = Post(
        f"🗣 **{draft.customer_name}**{remark}  {words(message) if not message.attachments else message.text}",
        attachments=message.attachments,
        files_from=draft.view.conversation.place.account if message.attachments else "",
    )
    draft.tell_room(post, message.id)


def _started(draft: Draft) -> None:
    if draft.owner.kind in (OwnerKind.QUEUE, OwnerKind.PERSON):
        draft.tell_room(Post(f"🗣 **{draft.customer_name}** opened the chat again."))
        return
    if draft.status is Status.RESOLVED:
        draft.give(Cause.REOPENED, draft.owner.name, Status.IN_PROGRESS)
    draft.say(draft.organization.identity.greeting, role=Role.AGENT, sender=draft.owner.name)
    draft.because(f"agent {draft.owner.name}", "greeted: the chat was opened")


def _known(draft: Draft, ref: str) -> Message | None:
    if not ref:
        return None
    return next((m for m in draft.messages.values() if m.ref == ref and m.role is Role.CUSTOMER), None)


def _edited(draft: Draft, event: Event, edit: Edited) -> None:
    message = _known(draft, edit.message)
    if message is None:
        added = _write_down(draft, event, edit.text)
        _owed(draft, added)
        return
    before = message.text
    if before == edit.text:
        return
    draft.add(ChangeMessage(message.id, text=edit.text))
    draft.tell_room(
        Post(f"✏️ **{draft.customer_name}** changed their message:\n\n{edit.text}\n\n_Before:_ {before}")
    )
    draft.because("customer", "edited a message")


def _deleted(draft: Draft, deletion: Deleted) -> None:
    message = _known(draft, deletion.message)
    if message is None:
        return
    draft.add(ChangeMessage(message.id, state=MessageState.DELETED))
    draft.asking = [asked for asked in draft.asking if asked != message.id]
    draft.tell_room(Post(f"🗑 **{draft.customer_name}** deleted their message:\n\n~~{message.text}~~"))
    draft.because("customer", "deleted a message")


def _write_down(draft: Draft, event: Event, text: str) -> Message:
    """An entry of the log for what came without one."""
    message = Message(
        id=MessageId(draft.rules.new_id()),
        role=Role.CUSTOMER,
        sender=str(draft.view.conversation.customer),
        text=text,
        state=MessageState.RECEIVED,
        at=draft.now,
        ref=event.message,
    )
    draft.add(AddMessage(message))
    return message
