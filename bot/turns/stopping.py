"""The stop button: what an agent has not begun to send is not sent, what it was asked is not answered.

Of a long answer that leaves in parts, no further one does. Anybody may press it who reads there. The
customer's next words are answered as ever. Words of people still leave, and so do notices of the desk: that
people were called has happened already.
"""

from bot.core.conversation import Deed, Message, MessageState, Role
from bot.core.effects import Drop
from bot.core.events import Event
from bot.turns import bursts
from bot.turns.turn import Turn
from bot.turns.undo import withdraw


def hear(turn: Turn, event: Event) -> None:
    """Take back what waits of the agent's words, and forget what the agent still had to answer."""
    bursts.hear(turn, event)
    turn.asking = []
    unsent = [message for message in turn.messages.values() if _is_unsent(turn, message)]
    for message in unsent:
        if message.state is not MessageState.HELD:
            turn.add(Drop(message.id, unsent=message.state is MessageState.RELEASED))
        withdraw(turn, message)
    _drop_rest(turn)
    turn.remember(owed=())
    if unsent:
        turn.remember(awaiting_option=False, options=())  # nobody has read what could be chosen
    turn.disclose_again()
    bursts.tell_deed(turn, Deed("stopped"), turn.wrote(event))
    turn.explain("customer", "stopped the agent")


def _drop_rest(turn: Turn) -> None:
    """Let what has left of the newest answer, in parts, be all of it."""
    for message in reversed(turn.messages.values()):
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
