"""The notices that list many messages in doubt, or many escalations without a room. Pure."""

from bot.core.events import OPEN_NEXT, SEND_ALL
from bot.core.outbound import Button, Post, Style
from bot.turns.escaping import inert
from storage.notices import GATHERED, NEXT, Notice


def notice_post(notice: Notice) -> Post:
    """Draw the notice. Everything in it is true at the moment at which it was read."""
    if notice.kind == GATHERED:
        return _gathered(notice)
    if notice.pressed_by or not notice.in_doubt:
        return Post(_outcome(notice), buttons=_button(notice) if notice.in_doubt else ())
    return Post(
        f"❓ It is not certain that {_reached(notice.in_doubt)}: the connection broke"
        " during sending, and the channel cannot be asked. Whoever has one already would get it"
        f" twice.\n\n{_named(notice, notice.in_doubt)}."
        " `/desk conversations show …` tells the story of one.",
        buttons=_button(notice),
    )


def _gathered(notice: Notice) -> Post:
    if not notice.gathered:
        return Post("✅ All of these conversations have their own thread now, or are closed.")
    many = f"{notice.gathered} conversations wait" if notice.gathered != 1 else "1 conversation waits"
    return Post(
        f"📋 {many} here without a thread: at once there came more than is shown singly, from one customer or"
        " from addresses that nobody vouches for. Nobody has answered them. Each gets a thread in its turn, a"
        f" few an hour, or when you ask for it.\n\n{_named(notice, notice.gathered)}."
        " `/desk conversations show …` tells the story of one, `/desk escalations` lists all.",
        buttons=(Button(OPEN_NEXT, str(notice.id), f"Open the next {NEXT}", Style.PRIMARY),),
    )


def _named(notice: Notice, count: int) -> str:
    more = count - len(notice.conversations)
    shown = ", ".join(f"`{str(id_)[:13]}`" for id_ in notice.conversations)
    return f"{shown}{f' and {more} more' if more > 0 else ''}"


def _outcome(notice: Notice) -> str:
    if not notice.pressed_by:
        return "✅ No message of these is in doubt any more."
    told = [f"🔁 Sent again by **{inert(notice.pressed_by)}**: {notice.delivered + notice.on_the_way}."]
    counted = (
        ("Of these on the way", notice.on_the_way),
        ("Not delivered again", notice.failed),
        ("Held until the customer writes", notice.parked),
        ("Arrived after all, and not sent again", notice.arrived),
        ("Not sent, as the customer had another answer meanwhile", notice.answered),
        ("Still in doubt", notice.in_doubt),
    )
    told += [f"{what}: {count}." for what, count in counted if count]
    return " ".join(told)


def _reached(count: int) -> str:
    return f"{count} messages reached their customers" if count != 1 else "1 message reached its customer"


def _button(notice: Notice) -> tuple[Button, ...]:
    return (Button(SEND_ALL, str(notice.id), "Send all again", Style.PRIMARY),)
