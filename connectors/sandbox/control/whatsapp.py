"""The calls of people with WhatsApp."""

from collections.abc import Mapping
from dataclasses import dataclass

from aiohttp import web

from bot.core.errors import CommandError
from connectors.sandbox.control.calls import action, view
from connectors.sandbox.control.files import about, kept_file_answer
from connectors.sandbox.snapshots import dump
from connectors.sandbox.whatsapp import ChatMessage, Phone, WhatsAppStandIn

_LONGEST_CHAT = 300  # messages that the page gets


@dataclass(frozen=True, slots=True)
class WhatsAppControl:
    """`user` is the person's number or name."""

    stand_in: WhatsAppStandIn

    def file(self, path: str, mime_type: str) -> web.Response:  # noqa: ARG002
        return kept_file_answer(self.stand_in.file(path))

    def _phone(self, user: str) -> Phone:
        found = self.stand_in.phone(user) or next(
            (each for each in self.stand_in.phones() if each.name == user), None
        )
        if found is None:
            raise CommandError(f"Nobody on WhatsApp is {user[:60]!r}.")
        return found

    def _shown(self, message: ChatMessage) -> Mapping[str, object]:
        return {**dump(message), "file": about(self.stand_in.file(message.file_id))}

    @view
    def users(self) -> object:
        return [{"id": each.wa_id, "name": each.name} for each in self.stand_in.phones()]

    @view
    def chat(self, user: str) -> object:
        phone = self._phone(user)
        return {
            "messages": [self._shown(message) for message in phone.chat[-_LONGEST_CHAT:]],
            "typing": phone.typing,
            "blocked": phone.blocked,
            "online": phone.online,
            "window": self.stand_in.window(phone).total_seconds(),
            "billed": sum(self.stand_in.bill().values()),  # of all customers of this number
        }

    @action
    def user(self, name: str, phone: str) -> object:
        added = self.stand_in.customer(name, phone)
        return {"id": added.wa_id, "name": added.name}

    @action
    def say(self, user: str, text: str, reply_to: str = "") -> object:
        return self._shown(self._phone(user).say(text, reply_to=reply_to))

    @action
    def send_media(
        self,
        user: str,
        content: bytes,
        mime_type: str = "",
        kind: str = "",
        caption: str = "",
        name: str = "",
        voice: bool = False,
        reply_to: str = "",
    ) -> object:
        sent = self._phone(user).send_media(
            content,
            mime_type or "application/octet-stream",
            kind,
            caption,
            name=name,
            voice=voice,
            reply_to=reply_to,
        )
        return self._shown(sent)

    @action
    def location(self, user: str, latitude: float, longitude: float, name: str = "") -> object:
        return self._shown(self._phone(user).location(latitude, longitude, name))

    @action
    def contact(self, user: str, name: str, phone: str) -> object:
        return self._shown(self._phone(user).contact(name, phone))

    @action
    def tap(self, user: str, message_id: str, button: str | int) -> None:
        self._phone(user).tap(message_id, button)

    @action
    def choose(self, user: str, message_id: str, row: str | int) -> None:
        self._phone(user).choose(message_id, row)

    @action
    def react(self, user: str, message_id: str, emoji: str) -> None:
        self._phone(user).react(message_id, emoji)

    @action
    def delete(self, user: str, message_id: str) -> None:
        self._phone(user).delete(message_id)

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

    @action
    def call(self, user: str, answered: int = 0) -> None:
        self._phone(user).call(answered=answered)

    @action
    def hand_over(self, user: str, elsewhere: bool = True) -> None:
        self.stand_in.hand_over(self._phone(user), elsewhere=elsewhere)

    @action
    def change_number(self, user: str, number: str) -> None:
        self._phone(user).change_number(number)
