"""What the notice of many messages in doubt says. Pure."""

from bot.core.events import SEND_ALL
from bot.core.outbound import Button, Post, Style
from bot.turns.quoting import inert
from storage.notices import Notice


def notice_post(notice: Notice) -> Post:
    """Draw the notice. Everything in it is true at the moment at which it was read."""
    if notice.pressed_by or not notice.in_doubt:
        return Post(_outcome(notice), buttons=_button(notice) if notice.in_doubt else ())
    shown = ", ".join(f"`{str(id_)[:13]}`" for id_ in notice.conversations)
    more = notice.in_doubt - len(notice.conversations)
    return Post(
        f"❓ It is not certain that {_reached(notice.in_doubt)}: the connection broke"
        " during sending, and the channel cannot be asked. Whoever has one already would get it"
        f" twice.\n\n{shown}{f' and {more} more' if more > 0 else ''}."
        " `/desk conversations show …` tells the story of one.",
        buttons=_button(notice),
    )


def _outcome(notice: Notice) -> str:
    if not notice.pressed_by:
        return "✅ No message of these is in doubt any more."
    told = f"🔁 Sent again by **{inert(notice.pressed_by)}**: {notice.sent_again}."
    if notice.answered:
        told += f" Not sent, as the customer had another answer meanwhile: {notice.answered}."
    if notice.in_doubt:
        told += f" Still in doubt: {notice.in_doubt}."
    return told


def _reached(count: int) -> str:
    return f"{count} messages reached their customers" if count != 1 else "1 message reached its customer"


def _button(notice: Notice) -> tuple[Button, ...]:
    return (Button(SEND_ALL, str(notice.id), "Send all again", Style.PRIMARY),)
