"""The calls of people with WhatsApp and of people with Messenger."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Generic, TypeVar

from aiohttp import web

from bot.core.errors import CommandError
from connectors.sandbox.control.calls import action, view
from connectors.sandbox.control.files import kept_file_answer
from connectors.sandbox.meta.phone import MetaPhone
from connectors.sandbox.meta.stand_in import MetaStandIn

_LONGEST_CHAT = 300  # messages that the page gets
Phone = TypeVar("Phone", bound=MetaPhone)


class MetaControl(ABC, Generic[Phone]):
    """`user` is a person's id or name."""

    def __init__(self, platform: str, stand_in: MetaStandIn[Phone]) -> None:
        self._platform = platform
        self._stand_in = stand_in

    def file(self, path: str, mime_type: str) -> web.Response:  # noqa: ARG002
        return kept_file_answer(self._stand_in.file(path))

    def _phone(self, user: str) -> Phone:
        found = self._stand_in.phone(user) or next(
            (each for each in self._stand_in.phones() if each.name == user), None
        )
        if found is None:
            raise CommandError(f"Nobody on {self._platform} is {user[:60]!r}.")
        return found

    @abstractmethod
    def _shown(self, message: Any) -> Mapping[str, object]:
        """Return what the page is told of a message."""

    @view
    def users(self) -> object:
        return [{"id": each.id, "name": each.name} for each in self._stand_in.phones()]

    @view
    def chat(self, user: str) -> object:
        return self._chat(self._phone(user))

    def _chat(self, phone: Phone) -> Mapping[str, object]:
        return {
            "messages": [self._shown(message) for message in phone.chat[-_LONGEST_CHAT:]],
            "typing": phone.typing,
            "blocked": phone.blocked,
            "online": phone.online,
            "window": self._stand_in.window(phone).total_seconds(),
        }

    @action
    def say(self, user: str, text: str, reply_to: str = "") -> object:
        return self._shown(self._phone(user).say(text, reply_to=reply_to))

    @action
    def tap(self, user: str, message_id: str, button: str | int) -> None:
        self._phone(user).tap(message_id, button)

    @action
    def react(self, user: str, message_id: str, emoji: str) -> None:
        self._phone(user).react(message_id, emoji)

    @action
    def read(self, user: str) -> object:
        return {"read": self._phone(user).read()}

    @action
    def online(self, user: str, online: bool = True) -> None:
        phone = self._phone(user)
        if online:
            phone.go_online()
        else:
            phone.go_offline()

    @action
    def block(self, user: str, blocked: bool = True) -> None:
        phone = self._phone(user)
        if blocked:
            phone.block()
        else:
            phone.unblock()
