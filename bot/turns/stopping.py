"""The stop button: what an agent has not begun to send is not sent, what it was asked is not answered.

Of a long answer that leaves in parts, no further one does. Anybody may press it who reads there. The
customer's next words are answered as ever, also when the platform tells of the button later. Words of people
still leave, and so do notices of the desk: that people were called has happened already.
"""

from dataclasses import replace
from datetime import timedelta
from itertools import takewhile
from typing import Final

from bot.core.conversation import Deed, Message, MessageState, Role
from bot.core.effects import ChangeMessage, Drop
from bot.core.events import Event
from bot.core.ids import MessageId
from bot.core.outbound import Post
from bot.turns import bursts
from bot.turns.turn import Turn
from bot.turns.undo import withdraw

_CLOCKS: Final = timedelta(seconds=30)  # so much may the platform's clock and ours differ


def hear(turn: Turn, event: Event) -> None:
    """Take back what waits of the agent's words, and forget what the agent still had to answer."""
    bursts.hear(turn, event)
    since = _asked_since(turn, event)
    stopped = list(takewhile(lambda message: message.id not in since, turn.messages.values()))
    turn.asking = [asked for asked in turn.asking if asked in since]
    unsent = [message for message in stopped if _is_unsent(turn, message)]
    for message in unsent:
        if message.state is not MessageState.HELD:
            turn.add(Drop(message.id, unsent=message.state is MessageState.RELEASED))
        withdraw(turn, message)
    _drop_rest(turn, stopped)
    turn.remember(owed=tuple(owed for owed in turn.memory.owed if owed in since))
    if unsent:
        turn.remember(awaiting_option=False, options=())  # nobody has read what could be chosen
    bursts.tell_deed(turn, Deed("stopped"), turn.wrote(event))
    turn.explain("customer", "stopped the agent")


def cut(turn: Turn, message: Message, shown: str) -> None:
    """Let the log have what the customer was shown of a message that they stopped while it grew.

    Tell a person who wrote it: no connector should let the button end their words, but a platform may.
    """
    about = replace(message.reference, stopped=True)
    text = shown.removeprefix(about.disclosed).lstrip() if about.disclosed else shown
    turn.add(ChangeMessage(message.id, text=text, reference=about))
    newest = next((m for m in reversed(turn.messages.values()) if m.role is Role.AGENT), None)
    if newest is not None and newest.id == message.id:
        turn.remember(awaiting_option=False, options=())  # its buttons come with its end
    turn.explain("customer", f"stopped an answer midway: {len(text)} of {len(message.text)} characters shown")
    turn.audit("customer", "answer.stopped", message=str(message.id), shown=len(text))
    if message.role is Role.STAFF:
        turn.tell_author(
            Post("✋ The customer stopped this answer midway and has seen only the beginning."), message
        )


def _asked_since(turn: Turn, event: Event) -> set[MessageId]:
    """Return the customer's messages that came after the button was pressed."""
    late = event.occurred_at + _CLOCKS
    heard = {item.message: item.body.occurred_at for item in turn.view.inputs if isinstance(item.body, Event)}
    theirs = [message for message in turn.messages.values() if message.role is Role.CUSTOMER]
    return {message.id for message in theirs if heard.get(message.id, message.at) > late}


def _drop_rest(turn: Turn, stopped: list[Message]) -> None:
    """Let what has left of the newest answer, in parts, be all of it."""
    for message in reversed(stopped):
        if message.role is Role.AGENT and message.id in turn.view.begun:
            turn.add(Drop(message.id))
            return


def _is_unsent(turn: Turn, message: Message) -> bool:
    if message.role is not Role.AGENT:
        return False
    match message.state:
        case MessageState.HELD | MessageState.PARKED:
            return True
        case MessageState.RELEASED:
            return message.id in turn.view.unsent
        case _:
            return False
