"""A customer who writes faster than the organization allows: one post in the room that grows, one answer.

All of it is in the log, in order, and read by agents and by rooms that are opened later. Who has written too
fast is known when it is accepted; the timers of this module last until that is over.
"""

from dataclasses import replace
from datetime import timedelta
from typing import Final

from bot.core.conversation import Burst, Message, MessageState, Role, Room
from bot.core.effects import GrowPost, SetTimer, TellRoom
from bot.core.events import Attachment, Deeds, Event
from bot.core.ids import MessageId
from bot.core.outbound import Post
from bot.turns.draft import Draft
from bot.turns.quoting import shortened
from bot.turns.story import transcript, words

BURST: Final = "burst"  # the timer; by subject:
_CUSTOMER, _ACCOUNT, _FILES = "customer", "account", "files"
_SHOWN, _LONGEST = 12, 300  # messages in the post, and characters of each
_TOGETHER: Final = timedelta(seconds=10)  # files that are fetched within this time are shown at once
_FILES_SHOWN, _IN_ONE_POST = 30, 10


def hear(draft: Draft, event: Event) -> None:
    """Keep in mind that the customer, or all who write to the account, are too fast now."""
    if not isinstance(event.content, Deeds):
        return
    for subject, until in ((_CUSTOMER, draft.view.customer_floods), (_ACCOUNT, draft.view.account_floods)):
        known = draft.timers.get((BURST, subject))
        if until is not None and (known is None or known.due_at < until):
            draft.add(SetTimer(BURST, subject, until))


def agent_waits(draft: Draft) -> bool:
    """Return whether an agent is asked only when it is over: once, about all of it."""
    return any((BURST, subject) in draft.timers for subject in (_CUSTOMER, _ACCOUNT))


def is_burst(draft: Draft) -> bool:
    """Return whether what the customer does now gets no line of its own in the room, and no answer."""
    return (BURST, _CUSTOMER) in draft.timers


def tell(draft: Draft, post: Post, about: MessageId | None = None, room: Room | None = None) -> None:
    """Tell the room, by default the open one, what the customer did: by a line of its own, or in a burst by
    the post that tells of all of it.
    """
    room = room or draft.open_room
    if room is None or not is_burst(draft):
        draft.tell_room(post, about, room)
        return
    draft.because("customer", "writes faster than is allowed: kept, and not shown by itself")
    message = draft.messages.get(about) if about else None
    known = draft.memory.burst
    goes_on = known is not None and not known.over and known.room == str(room.id)
    if message is not None and message.role is Role.CUSTOMER:
        if known is not None and goes_on:
            known = replace(known, newest=message.id, until=message.at, messages=known.messages + 1)
        else:
            known = Burst(str(room.id), message.id, message.id, message.at, message.at)
        draft.remember(burst=known)
    draft.grows |= goes_on or message is not None  # an edit changes what the post shows


def grow(draft: Draft) -> None:
    """Let the post tell of what was heard in this turn."""
    burst, before = draft.memory.burst, draft.view.conversation.memory.burst
    if not draft.grows or burst is None:
        return
    room = next(room for room in draft.rooms.values() if str(room.id) == burst.room)
    if before is None or before.first != burst.first:
        draft.add(TellRoom(room.id, _post(draft, burst), burst.first))
    else:
        draft.add(GrowPost(room.id, burst.first, burst.newest, _post(draft, burst)))


def _post(draft: Draft, burst: Burst) -> Post:
    theirs = [
        replace(message, text=shortened(words(message), _LONGEST), attachments=())
        for message in draft.messages.values()
        if _is_of(burst, message) and message.state is not MessageState.DELETED
    ]
    address = draft.view.conversation.address
    told = transcript(theirs[-_SHOWN:], draft.customer_name, address, draft.author)
    every = f"`/desk conversations show {draft.view.conversation.id}`"
    return Post(
        f"🌊 **{draft.customer_name}** is writing too fast to be shown line by line: **{burst.messages}**"
        f" messages so far. All are kept, in order: {every}. The newest:\n\n{told}\n\n"
        "_A reply or a reaction to this post means the newest message._"
    )


def _is_of(burst: Burst, message: Message) -> bool:
    return message.role is Role.CUSTOMER and burst.since <= message.at <= burst.until


def show_file(draft: Draft, message: Message, position: int) -> bool:
    """Let a file of a burst be shown with the others. False: its message is of none."""
    burst = draft.memory.burst
    if burst is None or not _is_of(burst, message):
        return False
    if len(burst.files) < _FILES_SHOWN:
        draft.remember(burst=replace(burst, files=(*burst.files, (message.id, position))))
    else:
        draft.remember(burst=replace(burst, more_files=burst.more_files + 1))
    if (BURST, _FILES) not in draft.timers:
        draft.add(SetTimer(BURST, _FILES, draft.now + _TOGETHER))
    return True


def ring(draft: Draft, subject: str) -> None:
    """It is over: whoever has the word gets all of it. Or it is time to show the files that are there."""
    burst = draft.memory.burst
    if subject == _FILES and burst is not None:
        _show_files(draft, burst)
    elif subject == _CUSTOMER and burst is not None:
        draft.remember(burst=replace(burst, over=True))
    if subject != _FILES:
        draft.because("timer", "the burst is over")


def _show_files(draft: Draft, burst: Burst) -> None:
    draft.remember(burst=replace(burst, files=(), more_files=0))
    room = next((room for room in draft.rooms.values() if str(room.id) == burst.room), None)
    here: list[Attachment] = []
    for id_, position in burst.files:
        message = draft.messages.get(id_)
        if message is not None and message.state is not MessageState.DELETED:
            here.append(message.attachments[position])
    for begin in range(0, len(here), _IN_ONE_POST):
        files = tuple(here[begin : begin + _IN_ONE_POST])
        draft.tell_room(Post("📎 Files of the burst above:", attachments=files), room=room)
    if burst.more_files:
        draft.tell_room(Post(f"📎 {burst.more_files} more files of it are kept, and not shown."), room=room)
