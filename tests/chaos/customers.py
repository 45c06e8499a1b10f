"""Customers on every channel: what they do, by the sandbox's control API, and what their side shows."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

from connectors.sandbox.people import SHARED_CHANNEL
from connectors.sandbox.server import Sandbox

PATIENCE = 15.0  # seconds that somebody waits for an answer to a mail before writing again
_LOOK = 1.5  # seconds between looks into a mailbox: each costs the sandbox some milliseconds


class Plays(Protocol):
    async def do(self, name: str, **what: object) -> Mapping[str, object]: ...

    async def get(self, name: str, **query: str) -> object: ...


@dataclass
class Customer(ABC):
    """`address` is how the channel knows them, and how the desk does."""

    channel: ClassVar[str]
    asked: ClassVar[bool] = False  # whether the channel can be asked what became of a message

    address: str
    said: dict[str, str] = field(default_factory=dict)  # texts, by the platform's ids
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def say(self, stage: Plays, text: str) -> None:
        """Say one message, after those that this customer was told to say before."""
        async with self.turn:
            if id_ := await self._say(stage, text):
                self.said[id_] = text

    @abstractmethod
    async def _say(self, stage: Plays, text: str) -> str:
        """The platform's id of the message; "" when nothing was said."""

    @abstractmethod
    def shown(self, seen: Sandbox) -> Sequence[str]:
        """The ids of our messages in the order in which they arrived."""


class OnTelegram(Customer):
    channel = "telegram"

    async def _say(self, stage: Plays, text: str) -> str:
        told = await stage.do("telegram/say", user=int(self.address), text=text)
        return str(told["message_id"])

    def shown(self, seen: Sandbox) -> Sequence[str]:
        user = next(user for user in seen.telegram.users() if str(user.id) == self.address)
        return [str(message.message_id) for message in seen.telegram.chat(user) if message.from_bot]


class OnWhatsApp(Customer):
    channel = "whatsapp"

    async def _say(self, stage: Plays, text: str) -> str:
        return str((await stage.do("whatsapp/say", user=self.address, text=text))["id"])

    def shown(self, seen: Sandbox) -> Sequence[str]:
        phone = seen.whatsapp.phone(self.address)
        assert phone is not None
        return [message.id for message in phone.chat if message.from_business]


class OnMessenger(Customer):
    channel = "messenger"

    async def _say(self, stage: Plays, text: str) -> str:
        return str((await stage.do("messenger/say", user=self.address, text=text))["id"])

    def shown(self, seen: Sandbox) -> Sequence[str]:
        phone = seen.messenger.phone(self.address)
        assert phone is not None
        return [message.id for message in phone.chat if message.from_page]


class ByMail(Customer):
    """After the first mail they answer our newest one. Who gets no answer (it may be `unknown`) is silent."""

    channel = "email"

    async def _say(self, stage: Plays, text: str) -> str:
        if not self.said:
            told = await stage.do("email/write", user=self.address, text=text)
            return str(told["id"])
        newest = await self._answer(stage)
        if not newest:
            return ""
        told = await stage.do("email/reply", user=self.address, message_id=newest, text=text)
        return str(told["id"])

    async def _answer(self, stage: Plays) -> str:
        for _ in range(int(PATIENCE / _LOOK)):
            box = await stage.get("email/box", user=self.address)
            assert isinstance(box, dict)
            ours = [str(letter["id"]) for letter in box["letters"] if letter["folder"] == "inbox"]
            if ours:
                return ours[-1]
            await asyncio.sleep(_LOOK)
        return ""

    def shown(self, seen: Sandbox) -> Sequence[str]:
        return [letter.message_id for letter in seen.mail.customer(self.address).inbox]


class InSlack(Customer):
    """In a thread of the channel that the customers' workspace shares with ours."""

    channel = "slack"
    asked = True

    async def _say(self, stage: Plays, text: str) -> str:
        told = await stage.do(
            "slack-customers/post",
            user=self.address,
            channel=SHARED_CHANNEL,
            text=text,
            thread_ts=next(iter(self.said), ""),
        )
        return str(told["ts"])

    def shown(self, seen: Sandbox) -> Sequence[str]:
        thread = seen.slack_customers.messages(SHARED_CHANNEL, next(iter(self.said)))
        return [str(message["ts"]) for message in thread if message.get("bot_id")]


EVERYWHERE: tuple[type[Customer], ...] = (OnTelegram, OnWhatsApp, OnMessenger, ByMail, InSlack)


def spread(known: Sequence[Mapping[str, str]]) -> list[Customer]:
    """Each person, with their addresses by channel, on one channel: as many on each."""
    kinds = [EVERYWHERE[n % len(EVERYWHERE)] for n in range(len(known))]
    return [kind(person[kind.channel]) for kind, person in zip(kinds, known, strict=True)]
