"""`desk channels`: what each channel can do, as its connector declares it. Also renders docs/channels.md."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from bot.commands.desk import Desk
from bot.core.commands import Call, Command, JsonValue, Output, Parameter, Table
from bot.core.connector import Capabilities, ChannelKind, ConnectionMode, Media
from bot.core.errors import BadUsage
from bot.core.events import ReceiptStatus
from bot.core.permissions import Permission

PAGE: Final = "docs/channels.md"
RENDER: Final = f"desk channels --markdown > {PAGE}"
_HOURS: Final = timedelta(days=2)  # up to this length a span is written in hours
_RECEIPTS: Final = tuple(ReceiptStatus)  # in the order in which they come
_SPECIAL = re.compile(r"([\\*|<>\[\]`])")
# The names of document types that people use.
_KNOWN_AS: Final = {
    "text/plain": "text",
    "application/pdf": "PDF",
    "application/msword": "Word",
    "application/vnd.ms-excel": "Excel",
    "application/vnd.ms-powerpoint": "PowerPoint",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": "pptx",
}


@dataclass(frozen=True, slots=True)
class Topic:
    """A table of the page. It has a row for each row of cells that `cells` yields for a channel."""

    title: str
    columns: tuple[str, ...]
    cells: Callable[[ChannelKind], Iterable[Sequence[str]]]
    note: str = ""


def commands(desk: Desk) -> tuple[Command, ...]:
    async def channels(call: Call) -> Output:
        kinds = _wanted(tuple(desk.channels.values()), call.arguments["channel"])
        data: JsonValue = [_data(kind) for kind in kinds]
        if call.arguments["markdown"]:
            return Output(text=page(kinds), data=data)
        return Output(tables=tuple(_table(topic, kinds) for topic in TOPICS), data=data)

    return (
        Command(
            name="channels",
            summary="What each channel can do: texts, buttons, files, limits, and what an account must give.",
            permission=Permission.ORGANIZATION_READ,
            handler=channels,
            parameters=(
                Parameter("channel", "Only this one.", ""),
                Parameter("markdown", f"As the page {PAGE}.", "", flag=True),
            ),
            example="whatsapp",
        ),
    )


def _wanted(kinds: Sequence[ChannelKind], named: str) -> Sequence[ChannelKind]:
    found = [kind for kind in kinds if named.lower() in ("", kind.name, kind.title.lower())]
    if not found:
        known = ", ".join(f"`{kind.name}`" for kind in kinds)
        raise BadUsage(f"There is no channel `{named[:40]}`. There is {known}.")
    return found


# --- in words ----------------------------------------------------------------------------------------------


def _writing(kind: ChannelKind) -> Iterable[Sequence[str]]:
    can = kind.capabilities
    buttons = f"{can.buttons}, of {can.button_label} characters" if can.buttons else "numbered text"
    lists = f"{can.list_rows} rows, of {can.list_label} characters" if can.list_rows else "-"
    formatting = "plain text" if can.formatting == "none" else can.formatting
    yield f"{can.text_limit:,} {can.text_unit}", formatting, buttons, lists


def _files(kind: ChannelKind) -> Iterable[Sequence[str]]:
    can = kind.capabilities
    yield _media(can.media_in), _media(can.media_out)


def _media(media: Sequence[Media]) -> str:
    """Return a line for each kind of file; kinds with equal limits share one."""
    alike: dict[tuple[tuple[str, ...], int], list[str]] = {}
    for one in media:
        alike.setdefault((one.types, one.max_bytes), []).append(one.kind)
    return "\n".join(
        ", ".join(kinds)
        + (f": {size(most)}" if most else "")
        + (
            f" ({', '.join(_KNOWN_AS.get(name, name) for name in types)})"
            if types and types != ("*/*",)
            else ""
        )
        for (types, most), kinds in alike.items()
    )


def _changes(kind: ChannelKind) -> Iterable[Sequence[str]]:
    can = kind.capabilities
    yield (
        _both(can.edits, can.hears_edits),
        _both(can.erases, can.hears_deletions),
        _both(can.reacts, can.hears_reactions),
        ", ".join(status for status in _RECEIPTS if status in can.receipts) or "-",
        _yes(can.typing),
    )


def _both(ours: bool, theirs: bool) -> str:
    return {(True, True): "both ways", (True, False): "ours", (False, True): "theirs"}.get(
        (ours, theirs), "-"
    )


def _limits(kind: ChannelKind) -> Iterable[Sequence[str]]:
    can = kind.capabilities
    yield (
        _window(can),
        "templates" if can.templates else ("-" if can.window is None else "held until they write"),
        f"{can.per_second:g} a second",
        _pause(can),
        "asked whether it arrived" if can.reconciles else "outcome unknown",
        "programs write there" if can.robots else "-",
        "costs" if can.charges else "-",
        _yes(can.asks_number),
    )


def _pause(can: Capabilities) -> str:
    if not can.chat_interval:
        return "-"
    burst = f", {can.chat_burst} at once" if can.chat_burst > 1 else ""
    return f"{can.chat_interval.total_seconds():g} s{burst}"


def _window(can: Capabilities) -> str:
    if can.window is None:
        return "always open"
    people = f", people {length(can.human_window)}" if can.human_window else ""
    return f"{length(can.window)}{people}"


def _ways(kind: ChannelKind) -> Iterable[Sequence[str]]:
    for at, connection in enumerate(kind.modes):
        yield (
            f"{connection.mode} (usual)" if at == 0 and len(kind.modes) > 1 else connection.mode,
            ", ".join(kind.serves),
            _names(connection.secrets, connection.optional_secrets),
            _names(connection.options, connection.optional),
        )


def _names(needed: Sequence[str], optional: Sequence[str]) -> str:
    lines = [", ".join(needed), f"perhaps {', '.join(optional)}" if optional else ""]
    return "\n".join(filter(None, lines)) or "-"


def _rooms(kind: ChannelKind) -> Iterable[Sequence[str]]:
    if "staff" in kind.serves:
        can = kind.capabilities
        yield kind.room_example or "-", kind.usual_room or "-", _yes(can.whispers), _yes(can.forms)


def _yes(does: bool) -> str:
    return "yes" if does else "-"


def size(count: int) -> str:
    """Return a number of bytes as text: `20 MB`, `500 KB`.

    A unit is 1000 of the next smaller one if the number is round that way, as some platforms count, else
    1024.
    """
    step = 1000 if count % 1_000_000 == 0 else 1024
    for unit, power in (("GB", 3), ("MB", 2), ("KB", 1)):
        if count >= step**power:
            return f"{count / step**power:.4g} {unit}"
    return f"{count} bytes"


def length(span: timedelta) -> str:
    """Return a span of time as text: `24 h`, `7 days`."""
    if span <= _HOURS:
        return f"{span / timedelta(hours=1):g} h"
    return f"{span / timedelta(days=1):g} days"


TOPICS: Final = (
    Topic(
        "Text",
        ("text", "Markdown becomes", "buttons", "lists"),
        _writing,
        "A longer text is split at the ends of sentences. More choices than buttons become a list, more than"
        " a list holds a numbered text, and then the number that is typed counts as the tap.",
    ),
    Topic(
        "Files",
        ("from customers", "to customers"),
        _files,
        "What a channel refuses leaves as a link that expires. FILES_MAX_MB bounds all of them.",
    ),
    Topic(
        "After a message",
        ("edits", "deletions", "reactions", "receipts", "typing"),
        _changes,
        "Ours: we can do it. Theirs: we are told when the other side does.",
    ),
    Topic(
        "Limits",
        (
            "free text after their last word",
            "then",
            "an account sends",
            "pause in a chat",
            "after a crash",
            "automatic replies",
            "a message",
            "asks for a hidden phone number",
        ),
        _limits,
        "As published; `limits` of an account in the organization file changes the rates. Where programs"
        " write, automatic replies are counted and capped. Where each message costs, what the desk says by"
        " itself in one go leaves as one.",
    ),
    Topic(
        "Accounts",
        ("mode", "serves", "secrets", "options"),
        _ways,
        "Secrets are names, in the organization file: of environment variables, or of what `desk secrets set`"
        " keeps sealed. `desk accounts check` asks the platform whether they are right.",
    ),
    Topic(
        "Rooms for staff",
        ("a room is", "where none is named", "words for one alone", "forms"),
        _rooms,
    ),
)


# --- as tables and as a page -------------------------------------------------------------------------------


def _rows(topic: Topic, kinds: Sequence[ChannelKind]) -> tuple[tuple[str, ...], ...]:
    return tuple((kind.title, *cells) for kind in kinds for cells in topic.cells(kind))


def _table(topic: Topic, kinds: Sequence[ChannelKind]) -> Table:
    return Table(
        ("channel", *topic.columns), _rows(topic, kinds), title=topic.title, empty="No such channel."
    )


def page(kinds: Sequence[ChannelKind]) -> str:
    """Return the page in GitHub's Markdown, without a newline at its end."""
    parts = [
        "# What each channel can do",
        f"Made by `{RENDER}` from what the connectors declare; what runs obeys the same numbers.",
    ]
    for topic in TOPICS:
        rows = _rows(topic, kinds)
        if not rows:
            continue
        head = ("channel", *topic.columns)
        lines = [_row(head), _row(["---"] * len(head), plain=True), *map(_row, rows)]
        parts += [f"## {topic.title}", *([topic.note] if topic.note else []), "\n".join(lines)]
    return "\n\n".join(parts)


def _row(cells: Sequence[str], *, plain: bool = False) -> str:
    shown = cells if plain else [_SPECIAL.sub(r"\\\1", cell).replace("\n", "<br>") for cell in cells]
    return f"| {' | '.join(shown)} |"


def _data(kind: ChannelKind) -> JsonValue:
    can = kind.capabilities
    return {
        "channel": kind.name,
        "title": kind.title,
        "serves": list(kind.serves),
        "modes": [_mode_data(connection) for connection in kind.modes],
        "text_limit": can.text_limit,
        "text_unit": can.text_unit.value,
        "formatting": can.formatting,
        "buttons": can.buttons,
        "button_label": can.button_label,
        "list_rows": can.list_rows,
        "list_label": can.list_label,
        "media_in": [_media_data(one) for one in can.media_in],
        "media_out": [_media_data(one) for one in can.media_out],
        "edits": can.edits,
        "hears_edits": can.hears_edits,
        "erases": can.erases,
        "hears_deletions": can.hears_deletions,
        "reacts": can.reacts,
        "hears_reactions": can.hears_reactions,
        "receipts": [status.value for status in _RECEIPTS if status in can.receipts],
        "typing": can.typing,
        "whispers": can.whispers,
        "forms": can.forms,
        "window_seconds": can.window.total_seconds() if can.window else None,
        "human_window_seconds": can.human_window.total_seconds() if can.human_window else None,
        "templates": can.templates,
        "robots": can.robots,
        "charges": can.charges,
        "asks_number": can.asks_number,
        "reconciles": can.reconciles,
        "per_second": can.per_second,
        "chat_interval_seconds": can.chat_interval.total_seconds(),
        "chat_burst": can.chat_burst,
    }


def _mode_data(connection: ConnectionMode) -> JsonValue:
    return {
        "mode": connection.mode,
        "secrets": list(connection.secrets),
        "optional_secrets": list(connection.optional_secrets),
        "options": list(connection.options),
        "optional": list(connection.optional),
    }


def _media_data(media: Media) -> JsonValue:
    return {"kind": media.kind.value, "types": list(media.types), "max_bytes": media.max_bytes or None}
