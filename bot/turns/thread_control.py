"""Handle the control of a chat that several apps share: WhatsApp and Messenger let one of them answer.

While another app has the chat, we hear what is said there, keep the customer's messages, and nothing
automatic leaves. What we kept is handled as if it had just come once we may answer it: what the customer
wrote to us as soon as the chat is ours again, what they told the other app if that gave us the chat later.

Platforms tell of this in any order. So a turn first learns who has each chat from all of its inputs, by the
platform's times, and then handles them.
"""

from bot.core.conversation import Input, Message, MessageState, Origin, Role
from bot.core.events import MISSED_CALL, Event, Said, SenderRole, Started, Submitted, Tapped, ThreadControl
from bot.core.ids import MessageId
from bot.core.outbound import Post
from bot.turns.turn import Turn
from bot.turns.undo import withdraw_unsent
from bot.turns.window import open_until, reopened, withdraw_outdated


def learn(turn: Turn) -> None:
    """Take from the inputs of the turn who controls the customer's chats now, and act on a change of that."""
    inputs = [item.body for item in turn.view.inputs if item.origin is Origin.CUSTOMER]
    events = [body for body in inputs if isinstance(body, Event) and _tells(body)]
    for account in dict.fromkeys(event.place.account for event in events):
        told = [event for event in events if event.place.account == account]
        was_taken, was_ours = turn.is_taken(account), _is_ours(turn, account)
        for event in told:
            control = event.content
            if isinstance(control, ThreadControl):
                turn.given_control(account, ours=control.ours, at=event.occurred_at, told=True)
            else:
                turn.given_control(account, ours=not event.overheard, at=event.occurred_at)
        if turn.is_taken(account) and not was_taken:
            _taken(turn)
        late = any(event.overheard and not is_elsewhere(turn, event) for event in told)
        if _is_ours(turn, account) and (late or not was_ours):
            _given(turn, was_ours=was_ours)


def is_elsewhere(turn: Turn, event: Event) -> bool:
    """Return whether we may not answer a customer's event, or not yet: it is for another app.

    That has the chat, or was told this before we got the chat by the customer's writing to us alone.
    """
    account = event.place.account
    if turn.another_app_answers or turn.is_taken(account):
        return True
    if not event.overheard:
        return False
    control = turn.control(account)
    return control is None or control.passed is None or event.occurred_at > control.passed


def to_answer(turn: Turn) -> list[Input]:
    """Return the inputs with kept messages that we may answer now, in order, and keep these no longer."""
    if not turn.memory.kept:
        return []
    known = {item.message: item for item in turn.view.heard}
    left = [id_ for id_ in turn.memory.kept if id_ in known]  # the others came too long ago
    inputs = [known[id_] for id_ in left]
    ours = [item for item in inputs if isinstance(item.body, Event) and not is_elsewhere(turn, item.body)]
    done = {item.message for item in ours}
    turn.remember(kept=tuple(id_ for id_ in left if id_ not in done))
    return [item for item in sorted(ours, key=lambda item: item.seq) if _is_there(turn, item.message)]


def _tells(event: Event) -> bool:
    """Return whether an event tells who controls a chat. A call does not: nobody answers it in words."""
    if event.sender_role is not SenderRole.CUSTOMER or event.automatic:
        return False
    if isinstance(event.content, Said) and event.reference.described == MISSED_CALL:
        return False
    return isinstance(event.content, Said | Tapped | Started | Submitted | ThreadControl)


def _taken(turn: Turn) -> None:
    """Take back what has not begun to leave, and keep what it answered and what was still to be answered."""
    turn.explain("channel", "another app answers there now")
    turn.keep(*turn.memory.owed, *answered_by(turn, withdraw_unsent(turn)))
    turn.remember(owed=())
    told = f"👂 Another app is answering {turn.customer_name} now. We see what is said there"
    turn.tell_room(Post(f"{told}, and send nothing automatically."))


def _given(turn: Turn, *, was_ours: bool) -> None:
    """Let leave what waited for the customer's words, but decide anew what was decided before the newest."""
    if not was_ours:
        turn.explain("channel", "we answer again")
        turn.tell_room(Post(f"👂 {turn.customer_name} can be answered from here again."))
    turn.keep(*answered_by(turn, withdraw_outdated(turn)))
    closes = open_until(turn.view.conversation, turn.capabilities)
    if closes is not None and closes > turn.now:
        reopened(turn)


def _is_ours(turn: Turn, account: str) -> bool:
    """Return whether nobody has told of another app that answers, however long ago."""
    control = turn.control(account)
    return control is None or control.ours


def answered_by(turn: Turn, withdrawn: list[Message]) -> list[MessageId]:
    """Return the customer's messages that were answered by words which have been taken back."""
    story = [message for message in turn.messages.values() if message.id not in turn.unheard]
    gone = {message.id for message in withdrawn}
    found: set[MessageId] = set()
    for place in (n for n, message in enumerate(story) if message.id in gone):
        for message in reversed(story[:place]):
            if _was_read(turn, message):
                break
            if message.role is Role.CUSTOMER and message.state is MessageState.RECEIVED:
                found.add(message.id)
    return [message.id for message in story if message.id in found]


def _was_read(turn: Turn, message: Message) -> bool:
    """Return whether the customer has, or will have, these words of ours. Those of another app are not."""
    if message.state in (MessageState.WITHDRAWN, MessageState.DELETED, MessageState.NOTE):
        return False
    if message.role is Role.STAFF:
        return message.room is not None or message.id == turn.memory.beside
    return message.role is not Role.CUSTOMER


def _is_there(turn: Turn, id_: MessageId | None) -> bool:
    message = turn.messages.get(id_) if id_ else None
    return message is not None and message.state is MessageState.RECEIVED
