"""Tell the room, when somebody takes a conversation, who speaks now and which of their words leave."""

from bot.core.connector import MODEST, Capabilities
from bot.core.events import ReceiptStatus
from bot.core.outbound import Mark
from bot.turns.turn import Turn

_MEANINGS = {
    Mark.WAITING: "waits",
    Mark.SENT: "sent",
    Mark.DELIVERED: "delivered",
    Mark.READ: "read",
    Mark.FAILED: "not delivered",
    Mark.INSIDE: "stays inside",
    Mark.WITHDRAWN: "taken back",
}
_BY_RECEIPT = {Mark.SENT: ReceiptStatus.DELIVERED, Mark.READ: ReceiptStatus.READ}


def who_speaks(turn: Turn, name: str, did: str) -> str:
    """Return the notice: who speaks, what stays inside, how to undo, and what the marks mean.

    Step 3 of the story in README.md says the same.
    """
    customer, undo = turn.customer_name, turn.organization.policies.undo.total_seconds()
    room = _capabilities_of_room(turn)
    take_back = "delete or edit the message" if room.hears_deletions else "react with 👎, or edit the message"
    lines = [
        f"👋 {did}. From now on what {name} writes in this thread goes to {customer} after {undo:g} s."
        " Everyone else's words stay inside.",
        "- **Stays inside:** a line that begins with `//`, also after a name, a label, a date or an address"
        " (`Carla: // …`), and what follows it up to the next blank line; a block of code that holds one,"
        " whole; the whole message, if its first line does or begins like a command (`/word`); whatever is"
        " forwarded, or composed by a bot.",
        f"- **Reactions:** {_reactions(turn)}",
        f"- **Undo:** {take_back} within {undo:g} s.",
        f"- **Marks:** {_marks(turn, room)}",
    ]
    return "\n".join(lines)


def _capabilities_of_room(turn: Turn) -> Capabilities:
    room = turn.escalation.room if turn.escalation else None
    return turn.rules.capabilities.get(room.place.account, MODEST) if room else MODEST


def _reactions(turn: Turn) -> str:
    listed = " ".join(turn.organization.policies.reactions)
    if not listed or not turn.capabilities.reacts:
        return "stay inside."
    return f"{listed} on a message of {turn.customer_name} go out like words. All others stay inside."


def _marks(turn: Turn, room: Capabilities) -> str:
    """List the marks that can appear: not every customer channel reports what happened to a message."""
    told = turn.capabilities.receipts
    return ", ".join(
        f"{picture} {_MEANINGS[mark]}"
        for mark, picture in room.marks
        if mark not in _BY_RECEIPT or _BY_RECEIPT[mark] in told
    )
