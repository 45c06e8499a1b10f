"""Decide what leaves for the customer of what staff do in a room: promise 7 of the product, in one table."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from bot.core.conversation import RoomPurpose


class Writer(StrEnum):
    """Somebody who does something in a room."""

    HOLDER = "holder"  # the person who has taken the conversation, since they took it
    COLLEAGUE = "colleague"  # another person of the organization file
    STRANGER = "stranger"  # somebody whom the file does not name


class Written(StrEnum):
    """A kind of thing that staff do in a room."""

    WORDS = "words"
    FILE = "file"
    PRIVATE = "private"  # a line that begins with `//`, with what follows it
    COMMAND = "command"  # words that begin like a command
    FORWARDED = "forwarded"  # what somebody else wrote first, or a bot composed
    LISTED_EMOJI = "listed emoji"  # a reaction with an emoji that the organization file lists
    OTHER_EMOJI = "other emoji"
    DRAFT = "draft"  # an agent's draft, sent by a press


_LEAVES, _STAYS = True, False
_E, _S, _C, _T = RoomPurpose.ESCALATION, RoomPurpose.SUPERVISION, RoomPurpose.CO_PILOT, RoomPurpose.TRAINING
_W = Written

_TABLE: Final[Mapping[tuple[RoomPurpose, Written], tuple[bool, bool, bool]]] = {
    # In the order of `Writer`: the holder, a colleague, a stranger.
    (_E, _W.WORDS): (_LEAVES, _STAYS, _STAYS),
    (_E, _W.FILE): (_LEAVES, _STAYS, _STAYS),
    (_E, _W.PRIVATE): (_STAYS, _STAYS, _STAYS),
    (_E, _W.COMMAND): (_STAYS, _STAYS, _STAYS),
    (_E, _W.FORWARDED): (_STAYS, _STAYS, _STAYS),
    (_E, _W.LISTED_EMOJI): (_LEAVES, _STAYS, _STAYS),
    (_E, _W.OTHER_EMOJI): (_STAYS, _STAYS, _STAYS),
    (_E, _W.DRAFT): (_LEAVES, _STAYS, _STAYS),
    (_S, _W.WORDS): (_STAYS, _STAYS, _STAYS),
    (_S, _W.FILE): (_STAYS, _STAYS, _STAYS),
    (_S, _W.PRIVATE): (_STAYS, _STAYS, _STAYS),
    (_S, _W.COMMAND): (_STAYS, _STAYS, _STAYS),
    (_S, _W.FORWARDED): (_STAYS, _STAYS, _STAYS),
    (_S, _W.LISTED_EMOJI): (_STAYS, _STAYS, _STAYS),
    (_S, _W.OTHER_EMOJI): (_STAYS, _STAYS, _STAYS),
    (_S, _W.DRAFT): (_STAYS, _STAYS, _STAYS),
    (_C, _W.WORDS): (_LEAVES, _STAYS, _STAYS),
    (_C, _W.FILE): (_LEAVES, _STAYS, _STAYS),
    (_C, _W.PRIVATE): (_STAYS, _STAYS, _STAYS),
    (_C, _W.COMMAND): (_STAYS, _STAYS, _STAYS),
    (_C, _W.FORWARDED): (_STAYS, _STAYS, _STAYS),
    (_C, _W.LISTED_EMOJI): (_LEAVES, _STAYS, _STAYS),
    (_C, _W.OTHER_EMOJI): (_STAYS, _STAYS, _STAYS),
    (_C, _W.DRAFT): (_LEAVES, _STAYS, _STAYS),
    (_T, _W.WORDS): (_STAYS, _STAYS, _STAYS),
    (_T, _W.FILE): (_STAYS, _STAYS, _STAYS),
    (_T, _W.PRIVATE): (_STAYS, _STAYS, _STAYS),
    (_T, _W.COMMAND): (_STAYS, _STAYS, _STAYS),
    (_T, _W.FORWARDED): (_STAYS, _STAYS, _STAYS),
    (_T, _W.LISTED_EMOJI): (_STAYS, _STAYS, _STAYS),
    (_T, _W.OTHER_EMOJI): (_STAYS, _STAYS, _STAYS),
    (_T, _W.DRAFT): (_STAYS, _STAYS, _STAYS),
}

LEAVES: Final[Mapping[tuple[Writer, RoomPurpose, Written], bool]] = MappingProxyType(
    {
        (writer, purpose, written): leaves
        for (purpose, written), row in _TABLE.items()
        for writer, leaves in zip(Writer, row, strict=True)
    }
)
"""Whether a thing of a kind leaves for the customer, by who did it and in a room of which purpose."""
