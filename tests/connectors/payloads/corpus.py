"""Payloads as the platforms document them, made by hand, each with the class of what it is."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

Json = dict[str, Any]


class Kind(StrEnum):
    """The class of a payload, by what it is to the person who sent it."""

    WORDS = "words"
    DESCRIPTION = "a description"  # something came, and no words of theirs with it
    UNREADABLE = "unreadable"  # they sent something that the platform or we cannot show
    EDIT = "an edit"
    TAP = "a tap"
    DEED = "a deed"  # a deletion, a reaction, a receipt, an opened chat, a new address: no message
    NOBODY = "nobody's words"


@dataclass(frozen=True, slots=True)
class Payload:
    name: str
    kind: Kind
    body: Json
    foreign: bool = False  # a tap on a button that is none of ours
