"""Events as JSON, so that what is expected can be written beside what came."""

import json
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Any

from bot.core.events import Event, Receipt, Said, Unsupported

FOLDER = Path(__file__).parent


def load(name: str) -> Any:
    return json.loads((FOLDER / name).read_text())


def plain(value: object) -> Any:
    """Only what is said: fields that are empty or false are left out."""
    if is_dataclass(value) and not isinstance(value, type):
        found = {field.name: plain(getattr(value, field.name)) for field in fields(value)}
        return {name: part for name, part in found.items() if part not in ("", None, [], {}, False)}
    if isinstance(value, tuple | frozenset):
        return [plain(part) for part in value]
    if isinstance(value, Enum):
        return value.value
    return value.isoformat() if isinstance(value, datetime) else value


def normal(event: Event) -> dict[str, Any]:
    written: dict[str, Any] = plain(event)
    written["content"] = {"is": type(event.content).__name__, **plain(event.content)}
    del written["place"]["channel"], written["sender"]["verified"], written["sender"]["address"]
    del written["sender_role"]
    if written.pop("private", False) is not True:
        written["others read along"] = True
    return written


def in_a_word(event: Event) -> str:
    """Return the kind of the event, without what anybody said."""
    words = [type(event.content).__name__]
    match event.content:
        case Said(attachments=attachments):
            words += [attachment.kind.value for attachment in attachments]
        case Unsupported(kind=kind):
            words.append(kind)
        case Receipt(status=status, code=code):
            words += [status.value, *([code] if code else [])]
    return " ".join(words)
