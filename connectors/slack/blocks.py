"""Cards and buttons as Block Kit, within its limits. Numbers of https://docs.slack.dev/reference/block-kit.

Our cards are not sent as `card` blocks, which hold only 200 characters and three buttons. A section too long
to be read at a glance is folded into a `container`:
https://docs.slack.dev/reference/block-kit/blocks/container-block
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice

from bot.core.errors import Refused
from bot.core.outbound import Button, Card, CardTone, Style
from connectors.slack.capabilities import LABEL
from connectors.slack.splitting import cut, cut_plain
from connectors.slack.writing import literal, to_mrkdwn

Block = dict[str, object]

HEADER = 150
SECTION = 3000
FIELD = 2000
FIELDS_PER_SECTION = 10
BLOCKS = 50
ALL_TEXT = 12_000  # of one message: chat.postMessage refuses 13,200 with msg_blocks_too_long
FALLBACK = 3000
VALUE = 2000
ACTION_ID = 255
BUTTONS_PER_ROW = 25
CONTAINER = 150  # characters of its title; it holds ten blocks
GLANCE_TEXT, GLANCE_LINES = 280, 4

_TONES = {CardTone.CALM: "🔵", CardTone.PRESSING: "🟠", CardTone.URGENT: "🔴", CardTone.DONE: "✅"}
_STYLES = {Style.PRIMARY: "primary", Style.DANGER: "danger"}


def plain(text: str, limit: int) -> Block:
    return {"type": "plain_text", "text": cut_plain(text.strip(), limit) or "…", "emoji": True}


def mrkdwn(text: str, limit: int) -> Block:
    # `verbatim`: Slack shall not look for channel names and people in texts which are not its own.
    return {"type": "mrkdwn", "text": cut(text, limit) or "…", "verbatim": True}


def section(text: str) -> Block:
    return {"type": "section", "text": mrkdwn(text, SECTION)}


def message(texts: Sequence[str], buttons: Sequence[Button]) -> list[Block]:
    return [*(section(text) for text in texts), *rows(buttons)]


def rows(buttons: Sequence[Button]) -> list[Block]:
    """Return the buttons in blocks of 25. Raises Refused for a value that Slack would not carry whole."""
    elements = iter([_button(button, index) for index, button in enumerate(buttons)])
    found: list[Block] = []
    while row := list(islice(elements, BUTTONS_PER_ROW)):
        found.append({"type": "actions", "elements": row})
    return found


def _button(button: Button, index: int) -> Block:
    # Slack wants each action_id once in a message; the number behind the colon is cut off when it comes back.
    action_id = f"{button.action}:{index}"
    if len(button.value) > VALUE or len(action_id) > ACTION_ID:
        raise Refused(f"button_too_long: the value of {button.action[:40]!r} exceeds {VALUE} characters")
    element: Block = {"type": "button", "action_id": action_id, "text": plain(button.label, LABEL)}
    if button.value:
        element["value"] = button.value
    if style := _STYLES.get(button.style):
        element["style"] = style
    if button.confirm:
        element["confirm"] = {
            "title": plain("Are you sure?", 100),
            "text": plain(button.confirm, 300),
            "confirm": plain(button.label, 30),
            "deny": plain("Cancel", 30),
        }
    return element


def card(content: Card, now: datetime, *, folds: bool = False) -> list[Block]:
    """Return the blocks of a room's card. What does not fit is cut with "…", except the buttons.

    With `folds`, a long section shows only its heading until it is clicked.
    """
    buttons = rows(content.buttons)
    head: list[Block] = [{"type": "header", "text": plain(f"{_TONES[content.tone]} {content.title}", HEADER)}]
    if content.speaking.strip():
        head.append(section(f"*🗣  {_flat(content.speaking)}*"))
    if content.deadline is not None:
        head.append(_context(f"⏱ {time_left(content.deadline, now)}"))
    if content.window is not None:
        head.append(_context(f"💬 {_window(content.window, now)}"))
    room = BLOCKS - len(buttons)
    body = [*head, *_facts(content.facts)][:room]
    left = ALL_TEXT - sum(_length(block) for block in body)
    for heading, text in _sections(content.sections):
        folded = folds and bool(heading) and _is_long(text)
        room -= folded  # undocumented, but seen: blocks inside a container count
        if len(body) >= room or left < 200:
            break
        if folded:
            body.append(_container(heading, section(cut(text, min(SECTION, left - CONTAINER)))))
        else:
            title = _flat(heading)
            whole = "\n".join(part for part in (f"*{title}*" if title else "", text) if part)
            body.append(section(cut(whole, min(SECTION, left))))
        left -= _length(body[-1])
    return [*body, *buttons]


def _is_long(text: str) -> bool:
    return len(text) > GLANCE_TEXT or text.count("\n") >= GLANCE_LINES


def _container(heading: str, *blocks: Block) -> Block:
    return {
        "type": "container",
        "title": plain(heading, CONTAINER),
        "child_blocks": list(blocks),
        "width": "full",
        "is_collapsible": True,
        "default_collapsed": True,
    }


def card_text(content: Card) -> str:
    """Return the text of a card for notifications, and for clients that know no blocks."""
    told = ": ".join(literal(text) for text in (content.title, content.speaking) if text)
    return cut(f"{_TONES[content.tone]} {told}", FALLBACK)


def time_left(deadline: datetime, now: datetime) -> str:
    """Return the moment in each reader's own time zone, and how far away it is at the time of writing."""
    stamp = f"{deadline:%Y-%m-%d %H:%M} UTC"
    return (
        f"<!date^{int(deadline.timestamp())}^{{date_short_pretty}} {{time}}|{stamp}>"
        f" ({_words(deadline - now)})"
    )


def _window(until: datetime, now: datetime) -> str:
    if until <= now:
        return "Free text does not reach the customer before they write again"
    return f"Free text reaches the customer until {time_left(until, now)}"


def _context(text: str) -> Block:
    return {"type": "context", "elements": [mrkdwn(text, SECTION)]}


def _words(left: timedelta) -> str:
    minutes = round(abs(left).total_seconds() / 60)
    if minutes < 1:
        return "now"
    days, hours = minutes // 1440, minutes // 60
    amount, unit = (days, "day") if days > 1 else (hours, "hour") if hours > 1 else (minutes, "minute")
    words = f"{amount} {unit}" + ("" if amount == 1 else "s")
    return f"{words} left" if left > timedelta() else f"{words} overdue"


def _facts(facts: Sequence[tuple[str, str]]) -> Iterator[Block]:
    """Yield the facts in two columns.

    All fields share the message's space, so that long ones leave some to the others.
    """
    share = max(120, min(FIELD, ALL_TEXT // 2 // max(1, len(facts))))
    fields = iter([mrkdwn(f"*{_flat(name)}*\n{literal(value) or '–'}", share) for name, value in facts])
    for _ in range(3):
        if row := list(islice(fields, FIELDS_PER_SECTION)):
            yield {"type": "section", "fields": row}


def _sections(sections: Sequence[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Yield headings, on one line, and words as Slack's markup."""
    for heading, markdown in sections:
        title, body = " ".join(heading.split()), to_mrkdwn(markdown)
        if title or body:
            yield title, body


def _flat(text: str) -> str:
    """Return the text as one line for use inside bold, without stars and line ends, which would break it."""
    return " ".join(cut(literal(text), SECTION - 100).replace("*", "").split())


def _length(block: Block) -> int:
    match block:
        case {"text": {"text": str(text)}}:
            return len(text)
        case {"title": {"text": str(title)}, "child_blocks": list(children)}:
            return len(title) + sum(map(_length, children))
        case {"fields": list(fields)} | {"elements": list(fields)}:
            return sum(_length({"text": field}) for field in fields)
        case _:
            return 0
