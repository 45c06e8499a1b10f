"""Provide what phones with WhatsApp and phones with Messenger share."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol, TypeVar

from bot.core.errors import CommandError
from bot.core.ids import Clock


class MetaPerson(Protocol):
    name: str
    online: bool
    blocked: bool
    gone: bool
    typing_until: datetime | None


class Offered(Protocol):
    @property
    def id(self) -> str: ...

    @property
    def title(self) -> str: ...


Choice = TypeVar("Choice", bound=Offered)


class MetaPhone(ABC):
    """A customer's phone. The product gets a webhook for everything done here.

    It raises CommandError for what a phone cannot do. A message may be given as itself or by its id.
    """

    def __init__(self, person: MetaPerson, clock: Clock, changed: Callable[[], None]) -> None:
        self._person = person
        self._clock = clock
        self._changed = changed

    @property
    @abstractmethod
    def id(self) -> str:
        """Return the platform's id of the person."""

    @property
    def name(self) -> str:
        return self._person.name

    @property
    def online(self) -> bool:
        return self._person.online

    @property
    def blocked(self) -> bool:
        """Return True if this person has blocked the business."""
        return self._person.blocked

    @property
    def typing(self) -> bool:
        until = self._person.typing_until
        return until is not None and self._clock() < until

    @property
    @abstractmethod
    def chat(self) -> Sequence[object]:
        """Return the messages that are shown, oldest first."""

    @abstractmethod
    def say(self, text: str, *, reply_to: str = "") -> object: ...

    @abstractmethod
    def tap(self, which: str, button: int | str) -> object: ...

    @abstractmethod
    def react(self, which: str, emoji: str) -> None:
        """Add a reaction, or remove it with ""."""

    @abstractmethod
    def read(self) -> list[str]:
        """Look at the chat. Return the ids that were unread."""

    def go_offline(self) -> None:
        self._person.online = False
        self._changed()

    def go_online(self) -> None:
        """Go online. All messages that waited arrive now."""
        self._person.online = True
        self._arrive()
        self._changed()

    @abstractmethod
    def _arrive(self) -> None:
        """Let all messages that waited arrive."""

    def block(self) -> None:
        """Block the business. It is not told.

        On WhatsApp its messages keep one tick; on Messenger its next message is refused with code 551.
        """
        self._person.blocked = True
        self._changed()

    def unblock(self) -> None:
        """Unblock the business. Messages that WhatsApp held back meanwhile stay lost."""
        self._person.blocked = False
        self._changed()

    def leave(self) -> None:
        """Delete the account. Messages to it are refused from now on.

        WhatsApp's code is 131026. Messenger's is 100, with subcode 2018001.
        """
        self._person.gone = True


def chosen(offered: Sequence[Choice], wanted: int | str) -> Choice:
    """Return what has that place (0 is the first), id or title. Raise CommandError."""
    for at, choice in enumerate(offered):
        if wanted in (at, choice.id, choice.title):
            return choice
    raise CommandError(f"This message offers no {wanted!r}.")
