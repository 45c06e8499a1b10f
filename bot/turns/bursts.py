"""Somebody writes faster than the organization allows: one post in the room that grows, and one answer.

All of it is in the log, in order, and read by agents and by rooms that are opened later. Who has written too
fast is known when it is accepted; the timers of this module last until that is over.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Final

from bot.core.conversation import Burst, DeliveryReport, Message, MessageState, Role, Room
from bot.core.effects import GrowPost, SetTimer, TellRoom
from bot.core.events import Attachment, Deeds, Event, Standing
from bot.core.ids import MessageId
from bot.core.outbound import Post
from bot.turns.draft import Draft
from bot.turns.quoting import quoted, shortened
from bot.turns.story import is_stranger, told_of_stranger, transcript, words

BURST: Final = "burst"  # the timer; by subject:
_CUSTOMER, _OTHERS, _ACCOUNT, _FILES = "customer", "others", "account", "files"
_SHOWN, _LONGEST = 12, 300  # messages in the post, and characters of each
_CHANGES = 10
_TOGETHER: Final = timedelta(seconds=10)  # files that are fetched within this time are shown at once
_FILES_SHOWN, _IN_ONE_POST = 30, 10
_BEGUN_ANEW = 3  # posts, one after another, that could not be changed any more


def hear(draft: Draft, event: Event) -> None:
    """Keep in mind that the writer, or all who write to the account, are too fast now."""
    if not isinstance(event.content, Deeds) or event.standing is Standing.INSIDER:
        return
    theirs = event.standing is Standing.CUSTOMER
    subject = _CUSTOMER if theirs else _OTHERS
    until = draft.view.customer_floods if theirs else draft.view.others_flood
    for kind, end in ((subject, until), (_ACCOUNT, draft.view.account_floods)):
        known = draft.timers.get((BURST, kind))
        if end is not None and (known is None or known.due_at < end):
            draft.add(SetTimer(BURST, kind, end))


def agent_waits(draft: Draft) -> bool:
    """Return whether an agent is asked only when it is over: once, about all of it."""
    return any((BURST, subject) in draft.timers for subject in (_CUSTOMER, _ACCOUNT))


def is_burst(draft: Draft, standing: Standing = Standing.CUSTOMER) -> bool:
    """Return whether what the customer, or others, do gets no line of its own in the room, and no answer."""
    return (BURST, _CUSTOMER if standing is Standing.CUSTOMER else _OTHERS) in draft.timers


def tell(
    draft: Draft,
    post: Post,
    about: MessageId | None = None,
    room: Room | None = None,
    *,
    changes: MessageId | None = None,
    by: Standing = Standing.CUSTOMER,
) -> None:
    """Tell the room, by default the open one, what somebody did: by a line of its own, or in a burst by the
    post that tells of all of it. `changes` is the message of the log that reads otherwise now, or is gone.
    """
    room = room or draft.open_room
    if room is None or not is_burst(draft, by):
        draft.tell_room(post, about, room)
        return
    draft.because("desk", "they write faster than is allowed: kept, and not shown by itself")
    known = draft.memory.burst
    going_on = known if known is not None and not known.over and known.room == str(room.id) else None
    if about is not None and (message := draft.messages.get(about)) is not None:
        _keep(draft, _joined(going_on or _begun(room, about, known), message))
    elif changes is not None and (message := draft.messages.get(changes)) is not None:
        _keep(draft, _corrected(going_on or _begun(room, changes, known), message))


def _begun(room: Room, first: MessageId, before: Burst | None) -> Burst:
    """Return a new burst. Files of the one before that are still to be shown are shown with its own."""
    burst = Burst(str(room.id), first, first)
    return burst if before is None else replace(burst, files=before.files, more_files=before.more_files)


def _joined(burst: Burst, message: Message) -> Burst:
    newest = message.id if message.role is Role.CUSTOMER else burst.newest
    since = burst.since or message.at
    return replace(burst, newest=newest, since=since, until=message.at, messages=burst.messages + 1)


def _corrected(burst: Burst, message: Message) -> Burst:
    if _is_of(burst, message):
        return burst
    others = tuple(id_ for id_ in burst.changed if id_ != message.id)
    return replace(burst, changed=(*others, message.id)[-_CHANGES:])


def _keep(draft: Draft, burst: Burst) -> None:
    draft.remember(burst=burst)
    draft.grows = True


def grow(draft: Draft) -> None:
    """Let the post tell of what was heard in this turn."""
    burst, before = draft.memory.burst, draft.view.conversation.memory.burst
    if not draft.grows or burst is None:
        return
    room = next(room for room in draft.rooms.values() if str(room.id) == burst.room)
    post = _post(draft, burst)
    goes_on = before is not None and not before.over and before.room == burst.room
    if before is not None and goes_on and before.begun_anew == burst.begun_anew:
        draft.add(GrowPost(room.id, burst.first, burst.newest, post))
    else:
        draft.add(TellRoom(room.id, post, burst.first, grows=True))


def begin_anew(draft: Draft, report: DeliveryReport) -> None:
    """The post cannot be changed any more, perhaps somebody deleted it: another one tells of all of it."""
    burst = draft.memory.burst
    if burst is None or burst.room != str(report.room) or burst.begun_anew >= _BEGUN_ANEW:
        return
    draft.because("delivery", f"the post of a burst is begun anew: {report.reason}")
    _keep(draft, replace(burst, begun_anew=burst.begun_anew + 1))


def _post(draft: Draft, burst: Burst) -> Post:
    name = draft.customer_name
    parts = []
    if burst.messages:
        parts.append(
            f"💬 Too much is written here to be shown line by line: **{burst.messages}** messages so far. The"
            " newest:"
        )
        parts += _newest(draft, burst)
    if burst.changed:
        parts.append(f"✏️ Changed meanwhile by **{name}**:")
        parts += _changes(draft, burst)
    every = f"`/desk conversations show {draft.view.conversation.id}`"
    parts.append(
        f"_All is kept, in order: {every}. A reply or a reaction to this post means the newest message._"
    )
    return Post("\n\n".join(parts))


def _newest(draft: Draft, burst: Burst) -> Iterator[str]:
    known, address = draft.messages, draft.view.conversation.address
    theirs = [m for m in known.values() if _is_of(burst, m) and m.state is not MessageState.DELETED]
    for message in theirs[-_SHOWN:]:
        brief = replace(message, text=shortened(words(message), _LONGEST), attachments=())
        if is_stranger(message):
            yield told_of_stranger(brief, draft.customer_name, address, known)
        else:
            yield transcript([brief], draft.customer_name, address, draft.author)


def _changes(draft: Draft, burst: Burst) -> Iterator[str]:
    for message in (draft.messages[id_] for id_ in burst.changed if id_ in draft.messages):
        said = quoted(shortened(words(message), _LONGEST))
        yield f"🗑 deleted:\n\n{said}" if message.state is MessageState.DELETED else f"Now reads:\n\n{said}"


def _is_of(burst: Burst, message: Message) -> bool:
    if burst.since is None or burst.until is None or not burst.since <= message.at <= burst.until:
        return False
    return message.role is Role.CUSTOMER or is_stranger(message)


def show_file(draft: Draft, message: Message, position: int, *, stored: bool) -> bool:
    """Let a file of a burst be shown with the others. False: its message is of none."""
    burst = draft.memory.burst
    if burst is None or not _is_of(burst, message):
        return False
    if stored and len(burst.files) < _FILES_SHOWN:
        draft.remember(burst=replace(burst, files=(*burst.files, (message.id, position))))
    else:
        draft.remember(burst=replace(burst, more_files=burst.more_files + 1))
    if (BURST, _FILES) not in draft.timers:
        draft.add(SetTimer(BURST, _FILES, draft.now + _TOGETHER))
    return True


def ring(draft: Draft, subject: str) -> None:
    """It is over: whoever has the word gets all of it. Or it is time to show the files that are there."""
    burst = draft.memory.burst
    if subject == _FILES:
        if burst is not None:
            _show_files(draft, burst)
        return
    if burst is not None and not (is_burst(draft) or is_burst(draft, Standing.STRANGER)):
        draft.remember(burst=replace(burst, over=True))
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
