"""Handle the control of a chat that several apps share: WhatsApp and Messenger let one of them answer.

While another app has it, we hear what is said there, and nothing automatic leaves. When it is given back,
what the customer wrote meanwhile is answered as if it had just come, even if we are told of it later.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from bot.core.conversation import Message, MessageState, OwnerKind, Role, Status
from bot.core.events import Event, Said, ThreadControl
from bot.core.outbound import Post
from bot.turns import numbers
from bot.turns.closing import reopen_by_customer, said_only_thanks
from bot.turns.escalating import expect_people
from bot.turns.turn import Turn
from bot.turns.undo import withdraw_unsent
from bot.turns.window import reopened_by_another, withdraw_outdated

_PROGRAMS: Final = (OwnerKind.AGENT, OwnerKind.FLOW)
_UNSEEN: Final = (MessageState.WITHDRAWN, MessageState.DELETED, MessageState.NOTE)


def heard(turn: Turn, event: Event) -> None:
    """Take from a customer's message who controls their chat: they write to us, or to another app.

    Where it was another app's and is ours now, what that app found waiting is decided again.
    """
    was_ours = _is_ours(turn)
    turn.given_control(ours=not event.overheard, at=event.occurred_at)
    late = event.overheard and not is_elsewhere(turn, event)
    if (was_ours and not late) or not _is_ours(turn):
        return
    outdated = withdraw_outdated(turn)
    if outdated and turn.owner.kind in _PROGRAMS:
        turn.asking += [message.id for message in _to_answer_anew(turn, outdated, [])]


def changed(turn: Turn, event: Event, control: ThreadControl) -> None:
    """Handle a change of control: another app takes the customer's chat over, or gives it to us.

    When it is ours again, the messages that the other app left unanswered are answered, and what waited until
    the customer wrote leaves if they have written to the other app.
    """
    heard_before, was_ours = turn.another_has_the_word, _is_ours(turn)
    turn.given_control(ours=control.ours, at=event.occurred_at, told=True)
    name = turn.customer_name
    if turn.another_has_the_word and not heard_before:
        turn.explain("channel", "another app answers there now")
        withdraw_unsent(turn)
        told = f"👂 Another app is answering {name} now: we hear what is said there"
        turn.tell_room(Post(f"{told}, and nothing leaves by itself."))
    if was_ours or not _is_ours(turn):
        return
    turn.explain("channel", "we answer again")
    turn.tell_room(Post(f"👂 The word with {name} is ours again."))
    outdated = reopened_by_another(turn)
    unanswered = _to_answer_anew(turn, outdated, _unanswered(turn, turn.messages.values()))
    if turn.status is Status.RESOLVED:
        unanswered = _said_since_closing(turn, unanswered)
        if not _reopens(turn, event, unanswered):
            return
    if turn.owner.kind in _PROGRAMS:
        turn.asking += [message.id for message in unanswered]
    elif any(not said_only_thanks(turn, _as_said(event, message)) for message in unanswered):
        expect_people(turn)


def is_elsewhere(turn: Turn, event: Event) -> bool:
    """Return whether another app is to answer a customer's message: it has the word, or had it at the time.

    If it has given us the word since, and only then, it is told late to us, and is ours to answer.
    """
    if turn.another_has_the_word or not event.overheard:
        return turn.another_has_the_word
    control = turn.memory.control
    return control is None or not (control.passed and event.occurred_at <= control.at)


def _is_ours(turn: Turn) -> bool:
    """Return whether nobody has told of another app that answers, however long ago."""
    return turn.memory.control is None or turn.memory.control.ours


def _to_answer_anew(turn: Turn, outdated: list[Message], unanswered: list[Message]) -> list[Message]:
    """Return the `unanswered` messages and those that were answered by `outdated` ones, as in the log."""
    written = list(turn.messages.values())
    places = [n for n, message in enumerate(written) if message.id in {each.id for each in outdated}]
    answered = (message for n in places for message in _unanswered(turn, written[:n]))
    ids = {message.id for message in (*answered, *unanswered)} - set(turn.asking)
    return [message for message in written if message.id in ids]


def _unanswered(turn: Turn, written: Iterable[Message]) -> list[Message]:
    """Return the customer's newest messages to which neither an agent nor a person of ours has replied.

    What only asks the desk itself, for a number or a copy, needs no reply but the desk's.
    """
    found: list[Message] = []
    desk_replied = False
    for message in reversed(tuple(written)):
        if message.id in turn.unheard or message.state in _UNSEEN:
            continue
        if message.role is Role.CUSTOMER:
            if not (desk_replied and numbers.asks_desk(turn, message)):
                found.append(message)
        elif found or _is_reply(turn, message):
            break
        else:
            desk_replied = desk_replied or message.role is Role.SYSTEM
    return found[::-1]


def _is_reply(turn: Turn, message: Message) -> bool:
    """Return whether an agent or a person of ours wrote it. What another app wrote is none."""
    return message.role is Role.AGENT or message.room is not None or message.id == turn.memory.beside


def _said_since_closing(turn: Turn, messages: list[Message]) -> list[Message]:
    """Return those of the messages that came after the conversation was resolved."""
    written = list(turn.messages.values())
    closed = next((n for n, m in enumerate(written) if str(m.id) == turn.memory.closing), -1)
    return [message for message in written[closed + 1 :] if message in messages]


def _reopens(turn: Turn, event: Event, messages: list[Message]) -> bool:
    """Reopen a resolved conversation for what the customer told another app, unless that is only thanks."""
    for message in messages:
        said = _as_said(event, message)
        if not said_only_thanks(turn, said):
            return reopen_by_customer(turn, said, None)
    return False


def _as_said(event: Event, message: Message) -> Event:
    """Return the event as if it had brought that message of the customer."""
    return replace(event, content=Said(message.text, attachments=message.attachments))
