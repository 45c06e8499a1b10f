"""Convert frozen values of `bot.core` to JSON and back, for the columns that store them."""

import json
from contextlib import suppress
from typing import Any, Final

from pydantic import TypeAdapter

from bot.core.conversation import (
    Body,
    CustomerErased,
    CustomerMerged,
    DeliveryReport,
    FileReport,
    HolderLeft,
    Memory,
    OrganizationRetired,
    TeamChanged,
    WatchRequested,
    WriterErased,
)
from bot.core.errors import CannotDecrypt
from bot.core.events import (
    AddressChanged,
    Attachment,
    Called,
    Deleted,
    Edited,
    Event,
    ReachabilityChanged,
    Reacted,
    Receipt,
    Reference,
    Said,
    Started,
    Stopped,
    Submitted,
    Tapped,
    ThreadControl,
    Unsupported,
    WorkplaceChanged,
)
from bot.core.outbound import (
    Card,
    DirectMessage,
    Emote,
    Erase,
    Invite,
    Operation,
    Post,
    React,
    Revise,
    Typing,
    Whisper,
)
from storage.sealing import Sealer

_CONTENTS = (
    Said,
    Edited,
    Deleted,
    Tapped,
    Submitted,
    Started,
    Reacted,
    ReachabilityChanged,
    Receipt,
    AddressChanged,
    Called,
    Stopped,
    ThreadControl,
    Unsupported,
    WorkplaceChanged,
)
_REPORTS = (
    DeliveryReport,
    FileReport,
    HolderLeft,
    TeamChanged,
    WatchRequested,
    CustomerErased,
    WriterErased,
    CustomerMerged,
    OrganizationRetired,
)
_OPERATIONS = (Post, Card, Revise, Erase, React, Whisper, Emote, Invite, Typing, DirectMessage)
_ADAPTERS: dict[str, TypeAdapter[Any]] = {
    kind.__name__: TypeAdapter(kind) for kind in (*_CONTENTS, *_OPERATIONS, *_REPORTS)
}
_REPORT_KINDS = frozenset(kind.__name__ for kind in _REPORTS)
_EVENT: TypeAdapter[Event] = TypeAdapter(Event)
_EARLY: Final = "conversations.memory.early"
_PROOF: Final = "conversations.memory.proof"
_MEMORY: TypeAdapter[Memory] = TypeAdapter(Memory)
_REFERENCE: TypeAdapter[Reference] = TypeAdapter(Reference)
_ATTACHMENTS: TypeAdapter[tuple[Attachment, ...]] = TypeAdapter(tuple[Attachment, ...])


def dump_body(body: Body) -> str:
    """Return an input's body as JSON, with its kind: two kinds of content may have the same fields."""
    if isinstance(body, Event):
        content = type(body.content).__name__
        return f'["{content}",{_EVENT.dump_json(body).decode()}]'
    kind = type(body).__name__
    return f'["{kind}",{_ADAPTERS[kind].dump_json(body).decode()}]'


def load_body(text: str) -> Body:
    kind, fields = json.loads(text)
    if kind in _REPORT_KINDS:
        body: Body = _ADAPTERS[kind].validate_python(fields)
        return body
    fields["content"] = _ADAPTERS[kind].validate_python(fields["content"])
    # Rows written before `album` was a field have it in `hints`, among other facts of the channel.
    fields.setdefault("album", dict(fields.pop("hints", ())).get("album", ""))
    return _EVENT.validate_python(fields)


def dump_operation(operation: Operation | DirectMessage) -> str:
    kind = type(operation).__name__
    return f'["{kind}",{_ADAPTERS[kind].dump_json(operation).decode()}]'


def load_operation(text: str) -> Operation | DirectMessage:
    kind, fields = json.loads(text)
    if kind == "Revise":  # its body is one of two kinds, which share no required field
        body = Card if "title" in fields["body"] else Post
        fields["body"] = _ADAPTERS[body.__name__].validate_python(fields["body"])
    if kind == "DirectMessage":
        post = Whisper if "press" in fields["post"] else Post
        fields["post"] = _ADAPTERS[post.__name__].validate_python(fields["post"])
    operation: Operation | DirectMessage = _ADAPTERS[kind].validate_python(fields)
    return operation


def seals(memory: Memory) -> bool:
    """Return whether a memory holds data of the customer: platform ids or an address."""
    return bool(memory.early or memory.proof)


def dump_memory(memory: Memory, sealer: Sealer | None = None) -> str:
    """Return a memory as JSON, with the customer's data in it sealed.

    Without a sealer, because the customer was erased, that data is left out.
    """
    if not seals(memory):
        return _MEMORY.dump_json(memory, exclude_defaults=True).decode()
    fields = _MEMORY.dump_python(memory, mode="json", exclude_defaults=True)
    early, proof = fields.pop("early", ()), fields.pop("proof", None)
    if early and sealer:
        fields["early"] = [
            {"status": one["status"], "message": sealer.seal(json.dumps(one), field=_EARLY)} for one in early
        ]
    if proof and sealer:
        fields["proof"] = proof | {"address": sealer.seal(proof["address"], field=_PROOF)}
    return json.dumps(fields)


def load_memory(fields: dict[str, Any] | None, sealer: Sealer) -> Memory:
    """Return a memory from JSON. Accept rows of an earlier version, in which nothing was sealed."""
    known = dict(fields or {})
    if early := known.get("early"):
        known["early"] = [_early(one, sealer) for one in early]
    if proof := known.get("proof"):
        with suppress(CannotDecrypt):
            known["proof"] = proof | {"address": sealer.open(proof["address"], field=_PROOF)}
    return _MEMORY.validate_python(known)


def _early(kept: dict[str, Any], sealer: Sealer) -> dict[str, Any]:
    try:
        opened: dict[str, Any] = json.loads(sealer.open(kept["message"], field=_EARLY))
    except CannotDecrypt:
        return kept
    return opened


def dump_reference(reference: Reference) -> str:
    return _REFERENCE.dump_json(reference, exclude_defaults=True).decode()


def load_reference(text: str) -> Reference:
    return _REFERENCE.validate_json(text)


def dump_source(ref: str, sender: str) -> str:
    """Return the platform's id of a message, and its author if that is not the customer, as JSON."""
    return json.dumps([ref, sender])


def load_source(text: str) -> tuple[str, str]:
    ref, sender = json.loads(text)
    return ref, sender


def dump_attachments(attachments: tuple[Attachment, ...]) -> str:
    return _ATTACHMENTS.dump_json(attachments, exclude_defaults=True).decode()


def load_attachments(text: str) -> tuple[Attachment, ...]:
    return _ATTACHMENTS.validate_json(text)
