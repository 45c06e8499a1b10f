"""`python -m tests.bench.texts`: CPU milliseconds to make messages of 10,000 characters, on each channel."""

import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime

from bot.core.errors import Refused
from bot.core.outbound import Post
from connectors.email.composing import Envelope, Letterhead, compose
from connectors.email.context import ReplyContext
from connectors.messenger.capabilities import CAPABILITIES as MESSENGER
from connectors.rendering import plan, to_plain
from connectors.slack.sending import layout
from connectors.telegram.parts import parts_of as on_telegram
from connectors.whatsapp.parts import parts_of as on_whatsapp

CHARACTERS = 10_000
_PLAIN = "The parcel left our warehouse on Monday and should be with you by Thursday. "
_UNITS: Mapping[str, str] = {
    "plain words": _PLAIN,
    "one long word": "a",
    "𝄢": "𝄢",
    "combining marks": "e\u0301\u0327\u0323",
    "families": "👨\u200d👩\u200d👧\u200d👦",
    "flags": "🇩🇪",
    "right to left marks": "\u200f\u200e",
    "ideographs": "三。",
    "newlines": "a\n",
    "empty lines": "\n",
    "one-letter paragraphs": "a\n\n",
    "`&a;`": "&a;",
    "`&amp;`": "&amp;",
    "`>`": ">",
    "`> > `": "> > a\n",
    "list items": "- a\n",
    "numbered items": "1. a\n",
    "items that go on": "9. 9. 9. a\nword ",
    "headings": "# a\n",
    "rules": "---\n",
    "tables": "|a|b|\n|-|-|\n|c|d|\n\n",
    "table rows": "|a|b",
    "`*`": "*",
    "`*_~`": "*_~",
    "`*a*`": "*a* ",
    "`**a` opened": "**a ",
    "`*a_`": "*a_ ",
    "`_a` within words": "a_a",
    "`~~a~~`": "~~a~~ ",
    "`[`": "[",
    "`[](`": "[](",
    "`[a](b)`": "[a](b) ",
    "links": "[a](https://example.org/a_b?c=d) ",
    "addresses": "https://example.org/a ",
    "pictures": "![a](b) ",
    "pictures in pictures": "![word word word\n",
    "`]`": "]",
    "`[a]:`": "[a]: b\n",
    "backticks": "`",
    "code": "`a` ",
    "growing backticks": "`a``b```c````d`````",
    "fences": "```\na\n```\n",
    "backslashes": "\\",
    "`<`": "<",
    "tags": "<b>",
    "`a@`": "a@a.aa ",
    "`$`": "$a$",
    "spaces": " ",
}
TEXTS: Mapping[str, str] = {name: (unit * CHARACTERS)[:CHARACTERS] for name, unit in _UNITS.items()}


def _link(_: str) -> str:
    return ""


def _by_mail(text: str) -> None:
    """An answer that quotes what it answers; the context is cut to 4 KiB before."""
    context = ReplyContext(thread="t", address="m@a.example", to="m@a.example", quoted=text[:4096])
    envelope = Envelope(message_id="<a@b>", reply_to="a@b", at=datetime(2026, 1, 1, tzinfo=UTC), speaker=None)
    compose(text, (), context, envelope, Letterhead(address="s@b.example"))


CHANNELS: Mapping[str, Callable[[str], object]] = {
    "WhatsApp": lambda text: on_whatsapp(Post(text), _link),
    "Messenger": lambda text: plan(Post(text), MESSENGER, render=to_plain, link=_link),
    "Telegram": lambda text: on_telegram(Post(text), _link),
    "Slack": lambda text: layout(Post(text), _link),
    "email": _by_mail,
}


def milliseconds(make: Callable[[str], object], text: str) -> float:
    """Return the least CPU of three tries: what else the machine does only adds to it."""
    tries = []
    for _ in range(3):
        begun = time.process_time()
        with suppress(Refused):  # a text that shows nothing
            make(text)
        tries.append((time.process_time() - begun) * 1000)
    return min(tries)


def main() -> int:
    print("text".ljust(24), *(name.rjust(10) for name in CHANNELS))
    for name, text in TEXTS.items():
        figures = (milliseconds(make, text) for make in CHANNELS.values())
        print(name.ljust(24), *(f"{figure:10.0f}" for figure in figures), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
