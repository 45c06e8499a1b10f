"""Handle somebody who writes faster than allowed: the room gets one post that grows, the customer one answer.

The log keeps all messages in order; agents, and rooms opened later, read them there. Whether somebody is too
fast is decided when a message is accepted. The timers of this module run until the burst is over.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from bot.core.conversation import Burst, Deed, DeliveryReport, Message, MessageState, Role, Room
from bot.core.effects import GrowPost, SetTimer, TellRoom
from bot.core.events import Attachment, Deeds, Event, SenderRole
from bot.core.ids import MessageId
from bot.core.outbound import Post, Section
from bot.turns.escaping import excerpt, inert, quoted, shortened
from bot.turns.story import is_stranger, told_of_stranger, transcript, words
from bot.turns.turn import Turn

BURST: Final = "burst"  # the kind of the timer; these are its subjects:
_CUSTOMER, _OTHERS, _ACCOUNT, _FILES, _ANEW = "customer", "others", "account", "files", "anew"
_KEPT: Final = "they write faster than is allowed: kept, and not shown by itself"
_SHOWN, _LONGEST = 12, 300  # messages in the post, and characters of each
_CHANGES = 10  # changed messages that the post shows
_TOGETHER: Final = timedelta(seconds=10)  # files that are fetched within this time are shown at once
_FILES_SHOWN, _IN_ONE_POST = 30, 10
_ROOMS, _ROOMS_EVERY = 5, timedelta(hours=1)
_AT_ONCE = 3  # posts that are replaced at once when they cannot be edited; the next replacements wait
_PAUSE: Final = timedelta(minutes=1)
_EARLIER = 10  # replaced posts that are remembered, so that late reports about them replace nothing more


def hear(turn: Turn, event: Event) -> None:
    """Start timers when the writer, or all who write to the account, write too fast now."""
    if not isinstance(event.content, Deeds) or event.sender_role is SenderRole.INSIDER:
        return
    theirs = event.sender_role is SenderRole.CUSTOMER
    subject = _CUSTOMER if theirs else _OTHERS
    until = turn.view.customer_floods if theirs else turn.view.others_flood
    if until is not None:
        end = until + _turn_of(turn) if theirs else until
        known = turn.timers.get((BURST, subject))
        if known is None or known.due_at < end:
            turn.add(SetTimer(BURST, subject, end))
    everybody = turn.view.account_floods
    if everybody is not None and (BURST, _ACCOUNT) not in turn.timers:
        turn.add(SetTimer(BURST, _ACCOUNT, everybody))  # once: writing again does not move it


def _turn_of(turn: Turn) -> timedelta:
    """Return how long this conversation waits for earlier ones of a customer who has begun many."""
    return turn.view.crowd * timedelta(minutes=1) / turn.organization.policies.customer_messages_per_minute


def wait_for_room(turn: Turn) -> timedelta:
    """Return how long a conversation waits for a room of its own; zero if it gets one at once.

    Of many conversations with one origin only a few get a room within an hour. The origin is a customer in a
    burst, or an account to which unverified senders write.
    """
    return turn.view.crowd // _ROOMS * _ROOMS_EVERY


def agent_waits(turn: Turn) -> bool:
    """Return whether the agent waits for the end of the burst, to be asked once about all of it."""
    return any((BURST, subject) in turn.timers for subject in (_CUSTOMER, _ACCOUNT))


def is_burst(turn: Turn, sender_role: SenderRole = SenderRole.CUSTOMER) -> bool:
    """Return whether the customer, or the others, are in a burst: no line and no answer for each message."""
    return (BURST, _CUSTOMER if sender_role is SenderRole.CUSTOMER else _OTHERS) in turn.timers


def tell(
    turn: Turn,
    post: Post,
    about: MessageId | None = None,
    room: Room | None = None,
    *,
    changes: MessageId | None = None,
    by: SenderRole = SenderRole.CUSTOMER,
) -> None:
    """Tell a room, by default the open one, what somebody did.

    It gets a line of its own, or in a burst becomes part of the post that grows. `changes` is the message of
    the log that was edited or deleted.
    """
    room = room or turn.open_room
    if room is None or not is_burst(turn, by):
        turn.tell_room(post, about, room)
        return
    turn.explain("desk", _KEPT)
    if about is not None and (message := turn.messages.get(about)) is not None:
        _keep(turn, _joined(_burst_in(turn, room), message))
    elif changes is not None and (message := turn.messages.get(changes)) is not None:
        _keep(turn, _corrected(_burst_in(turn, room), message))


def tell_deed(turn: Turn, deed: Deed, name: str = "") -> None:
    """Tell the open room what the customer did that is no message. A burst shows only the last of each kind.

    `name` is who did it, as CommonMark; by default the customer.
    """
    room = turn.open_room
    if room is None or not is_burst(turn):
        turn.tell_room(Post(_did(turn, deed, name or turn.customer_name)))
        return
    turn.explain("desk", _KEPT)
    burst = _burst_in(turn, room)
    times = sum(known.times for known in burst.deeds if known.kind == deed.kind) + 1
    others = (known for known in burst.deeds if known.kind != deed.kind)
    _keep(turn, replace(burst, deeds=(*others, replace(deed, times=times))))


def _did(turn: Turn, deed: Deed, name: str) -> str:
    match deed.kind:
        case "reacted":
            meant = turn.messages.get(deed.message) if deed.message else None
            said = f" to “{excerpt(meant.text)}”" if meant is not None and meant.text else ""
            return f"{inert(deed.value)} **{name}** reacted{said}."
        case "blocked":
            now = "has blocked us: nothing we write arrives" if deed.value else "can be reached again"
            return f"ℹ️ {name} {now}."
        case "moved":
            return f"➡️ {name} goes on by {deed.value.capitalize()}: answers go there now."
        case "stopped":
            return f"✋ **{name}** stopped the agent."
        case "opened":
            return f"🗣 **{name}** opened the chat again."
        case _:
            return f"🗣 **{name}** sent something we cannot show: {inert(deed.value)}."


def _burst_in(turn: Turn, room: Room) -> Burst:
    """Return the burst that goes on in a room, or a new one.

    A new burst takes over the files of the one before that are still to be shown.
    """
    known = turn.memory.burst
    if known is not None and known.post is not None and not known.over and known.room == str(room.id):
        return known
    begun = Burst(str(room.id), post=turn.rules.new_id())
    return begun if known is None else replace(begun, files=known.files, more_files=known.more_files)


def _joined(burst: Burst, message: Message) -> Burst:
    burst = replace(burst, messages=burst.messages + 1)
    if message.role is not Role.CUSTOMER:
        return replace(burst, others=_span(burst.others, message))
    return replace(burst, theirs=_span(burst.theirs, message), newest=message.id)


def _span(known: tuple[datetime, datetime] | None, message: Message) -> tuple[datetime, datetime]:
    return (known[0] if known else message.at, message.at)


def _corrected(burst: Burst, message: Message) -> Burst:
    if _is_of(burst, message):
        return burst
    others = tuple(id_ for id_ in burst.changed if id_ != message.id)
    newest = burst.newest or (message.id if message.role is Role.CUSTOMER else None)
    changed = (*others, message.id)[-_CHANGES:]
    return replace(burst, newest=newest, changed=changed, changes=burst.changes + 1)


def _keep(turn: Turn, burst: Burst) -> None:
    turn.remember(burst=burst)
    turn.grows = True


def grow(turn: Turn) -> None:
    """Update the post of the burst with what was heard in this turn."""
    burst, before = turn.memory.burst, turn.view.conversation.memory.burst
    if not turn.grows or burst is None or burst.post is None:
        return
    meant = turn.messages.get(burst.newest) if burst.newest else None
    if meant is not None and _is_gone(meant):
        left = [m.id for m in _shown(turn, burst) if m.role is Role.CUSTOMER]
        burst = replace(burst, newest=left[-1] if left else burst.newest)
        turn.remember(burst=burst)
    if burst.stale:
        return
    assert burst.post is not None  # noqa: S101  as above
    room = next(room for room in turn.rooms.values() if str(room.id) == burst.room)
    post = _post(turn, burst)
    if before is not None and before.post == burst.post:
        turn.add(GrowPost(room.id, burst.post, burst.newest, post))
    else:
        turn.add(TellRoom(room.id, post, burst.newest, grows=burst.post))


def end(turn: Turn) -> None:
    """End the burst: what comes next begins another one."""
    if turn.memory.burst is not None:
        turn.remember(burst=replace(turn.memory.burst, over=True))


def begin_anew(turn: Turn, report: DeliveryReport) -> bool:
    """Replace the post of a burst by another one when it cannot be edited any more, or perhaps never arrived.

    The first few times that happens at once, then after a pause. Return False if the report is not about the
    newest burst.
    """
    burst = turn.memory.burst
    if burst is None or report.grows is None:
        return False
    if report.grows in burst.earlier:
        return True
    if burst.post != report.grows:
        return False
    if len(burst.earlier) < _AT_ONCE:
        turn.explain("delivery", f"the post of a burst is begun anew: {report.reason}")
        _anew(turn, burst)
        return True
    turn.explain("delivery", f"the post of a burst is begun anew in a moment: {report.reason}")
    turn.remember(burst=replace(burst, stale=True))
    if (BURST, _ANEW) not in turn.timers:
        turn.add(SetTimer(BURST, _ANEW, turn.now + _PAUSE))
    return True


def _anew(turn: Turn, burst: Burst) -> None:
    earlier = burst.earlier if burst.post is None else (*burst.earlier, burst.post)
    _keep(turn, replace(burst, post=turn.rules.new_id(), earlier=earlier[-_EARLIER:], stale=False))


def _post(turn: Turn, burst: Burst) -> Post:
    name, told = turn.customer_name, ["💬 Too much happens here to be shown line by line."]
    if burst.messages:
        told = [
            f"💬 Too much is written here to be shown line by line: **{burst.messages}** messages so far."
        ]
    for deed in burst.deeds:
        often = f" _The last of {deed.times} times._" if deed.times > 1 else ""
        told.append(_did(turn, deed, name) + often)
    sections = []
    if burst.changed:
        often = f" {burst.changes} times" if burst.changes > 1 else ""
        heading = f"✏️ Lines above were changed meanwhile{often}. What reads otherwise now, the newest last:"
        sections.append(Section(heading, tuple(_changes(turn, burst))))
    if burst.messages:
        sections.append(Section("The newest:", tuple(_newest(turn, burst))))
    every = f"`/desk conversations show {turn.view.conversation.id}`"
    means = " A reply or a reaction to this post means the newest message." if burst.newest else ""
    return Post("\n\n".join(told), sections=tuple(sections), foot=f"_All is kept, in order: {every}.{means}_")


def _shown(turn: Turn, burst: Burst) -> list[Message]:
    """Return the messages of the burst that this turn sees and that were not deleted, oldest first."""
    return [m for m in turn.messages.values() if _is_of(burst, m) and not _is_gone(m)]


def _newest(turn: Turn, burst: Burst) -> Iterator[str]:
    known, address = turn.messages, turn.view.conversation.address
    for message in _shown(turn, burst)[-_SHOWN:]:
        brief = replace(message, text=shortened(words(message), _LONGEST), attachments=())
        if is_stranger(message):
            yield told_of_stranger(brief, turn.customer_name, address, known)
        else:
            yield transcript([brief], turn.customer_name, address, turn.author)


def _changes(turn: Turn, burst: Burst) -> Iterator[str]:
    for message in (turn.messages[id_] for id_ in burst.changed if id_ in turn.messages):
        said = quoted(shortened(words(message), _LONGEST))
        yield f"🗑 deleted:\n\n{said}" if _is_gone(message) else f"Now reads:\n\n{said}"


def _is_gone(message: Message) -> bool:
    return message.state is MessageState.DELETED


def _is_of(burst: Burst, message: Message) -> bool:
    if message.role is not Role.CUSTOMER and not is_stranger(message):
        return False
    span = burst.theirs if message.role is Role.CUSTOMER else burst.others
    return span is not None and span[0] <= message.at <= span[1]


def show_file(turn: Turn, message: Message, position: int, *, stored: bool) -> bool:
    """Note a file of a burst, to be shown with the others. Return False if its message is of no burst."""
    burst = turn.memory.burst
    if burst is None or not _is_of(burst, message):
        return False
    if stored and len(burst.files) < _FILES_SHOWN:
        turn.remember(burst=replace(burst, files=(*burst.files, (message.id, position))))
    else:
        turn.remember(burst=replace(burst, more_files=burst.more_files + 1))
    if (BURST, _FILES) not in turn.timers:
        turn.add(SetTimer(BURST, _FILES, turn.now + _TOGETHER))
    return True


def fire(turn: Turn, subject: str) -> None:
    """Handle a timer of a burst: the burst is over, its post is replaced, or its files are shown."""
    burst = turn.memory.burst
    if subject == _FILES:
        if burst is not None:
            _show_files(turn, burst)
        return
    if burst is not None and burst.stale:
        _anew(turn, burst)
    if subject == _ANEW:
        return
    if subject in (_CUSTOMER, _OTHERS):
        end(turn)
    if subject == _CUSTOMER and turn.capabilities.window is not None:
        turn.show_card()  # it shows until when free text is allowed, counted from their last message
    turn.explain("timer", "the burst is over")


def _show_files(turn: Turn, burst: Burst) -> None:
    turn.remember(burst=replace(burst, files=(), more_files=0))
    room = next((room for room in turn.rooms.values() if str(room.id) == burst.room), None)
    here: list[Attachment] = []
    for id_, position in burst.files:
        message = turn.messages.get(id_)
        if message is not None and message.state is not MessageState.DELETED:
            here.append(message.attachments[position])
    for begin in range(0, len(here), _IN_ONE_POST):
        files = tuple(here[begin : begin + _IN_ONE_POST])
        turn.tell_room(Post("📎 Files of the burst above:", attachments=files), room=room)
    if burst.more_files:
        turn.tell_room(Post(f"📎 {burst.more_files} more files are stored and not shown here."), room=room)
