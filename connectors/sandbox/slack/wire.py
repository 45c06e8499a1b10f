"""Slack's notation on the wire: JSON objects, refusals, timestamps and typed text."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from secrets import choice
from string import ascii_uppercase, digits
from typing import Any, TypeAlias

# Blocks, metadata and payloads are JSON of Slack and the app. The stand-in stores and shows them unread.
Wire: TypeAlias = dict[str, Any]

Clock: TypeAlias = Callable[[], datetime]
Ids: TypeAlias = Callable[[str], str]


class Refused(Exception):
    """An answer of Slack with `ok: false`: its error code, and the messages of `response_metadata`."""

    def __init__(self, code: str, *messages: str, **fields: object) -> None:
        super().__init__(f"{code}: {'; '.join(messages)}" if messages else code)
        self.code = code
        self.messages = messages
        self.fields = fields

    def answer(self) -> Wire:
        body: Wire = {"ok": False, "error": self.code, **self.fields}
        if self.messages:
            body["response_metadata"] = {"messages": [f"[ERROR] {text}" for text in self.messages]}
        return body


def wall_clock() -> datetime:
    return datetime.now(UTC)


def random_id(prefix: str) -> str:
    """Return a random id in Slack's form.

    As it is random, a restarted stand-in never repeats an event's id.
    """
    return prefix + "0" + "".join(choice(ascii_uppercase + digits) for _ in range(9))


class CountedIds:
    """Creates ids in sequence, for tests that compare whole answers."""

    def __init__(self) -> None:
        self._count = 0

    def __call__(self, prefix: str) -> str:
        self._count += 1
        return f"{prefix}0{self._count:08d}"


_TS = re.compile(r"\d{1,12}\.\d{6}")


def micros(ts: str) -> int:
    """Return a timestamp in microseconds. Slack also takes whole seconds, as in `oldest=0`.

    Raises ValueError.
    """
    whole, _, rest = ts.partition(".")
    if not whole.isdigit() or (rest and not rest.isdigit()):
        raise ValueError(f"{ts!r} is not a Slack timestamp")
    return int(whole) * 1_000_000 + int((rest + "000000")[:6])


def is_ts(ts: str) -> bool:
    return _TS.fullmatch(ts) is not None


def ts_of(value: int) -> str:
    return f"{value // 1_000_000}.{value % 1_000_000:06d}"


_SPECIAL = re.compile(
    r"(?P<kept><(?:[@#!][^<>]+|(?:https?://|mailto:)[^<>\s]+)>)"
    r"|(?P<url>https?://[^\s<>]+)"
    r"|(?<!\S)@(?P<name>[\w.-]+)"
    r"|(?P<escaped>[&<>])"
)
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


def typed(text: str, ids_by_name: Mapping[str, str]) -> str:
    """Return what a client sends for what a person typed: escaped, links in angle brackets, `@name` as a
    mention.

    Rules of https://docs.slack.dev/messaging/formatting-message-text.
    """

    def encode(match: re.Match[str]) -> str:
        if url := match["url"]:
            return "<" + url.replace("&", "&amp;") + ">"
        if name := match["name"]:
            bare = name.rstrip(".-")
            return f"<@{ids_by_name[bare]}>{name[len(bare) :]}" if bare in ids_by_name else f"@{name}"
        return match["kept"] or _ESCAPES[match["escaped"]]

    return _SPECIAL.sub(encode, text)
