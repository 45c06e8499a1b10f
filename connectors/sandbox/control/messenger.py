"""The calls of people with Messenger."""

from collections.abc import Mapping
from dataclasses import dataclass

from aiohttp import web

from bot.core.errors import CommandError
from connectors.sandbox.control.calls import action, view
from connectors.sandbox.control.files import about, kept_file_answer
from connectors.sandbox.messenger import ChatMessage, MessengerStandIn, Phone
from connectors.sandbox.snapshots import dump

_LONGEST_CHAT = 300  # messages that the page gets


@dataclass(frozen=True, slots=True)
class MessengerControl:
    """`user` is the person's id for the Page, or their name."""

    stand_in: MessengerStandIn

    def file(self, path: str, mime_type: str) -> web.Response:  # noqa: ARG002
        return kept_file_answer(self.stand_in.file(path))

    def _phone(self, user: str) -> Phone:
        found = self.stand_in.phone(user) or next(
            (each for each in self.stand_in.phones() if each.name == user), None
        )
        if found is None:
            raise CommandError(f"Nobody on Messenger is {user[:60]!r}.")
        return found

    def _shown(self, message: ChatMessage) -> Mapping[str, object]:
        files = [
            {"kind": each.kind, **about(self.stand_in.file(each.file_id))} for each in message.attachments
        ]
        return {**dump(message), "files": files}

    @view
    def users(self) -> object:
        return [{"id": each.psid, "name": each.name} for each in self.stand_in.phones()]

    @view
    def chat(self, user: str) -> object:
        phone = self._phone(user)
        return {
            "messages": [self._shown(message) for message in phone.chat[-_LONGEST_CHAT:]],
            "typing": phone.typing,
            "blocked": phone.blocked,
            "online": phone.online,
            "window": self.stand_in.window(phone).total_seconds(),
        }

    @action
    def user(self, name: str) -> object:
        phone = self.stand_in.customer(name)
        return {"id": phone.psid, "name": phone.name}

    @action
    def start(self, user: str, ref: str = "") -> None:
        self._phone(user).start(ref=ref)

    @action
    def follow(self, user: str, ref: str) -> None:
        self._phone(user).follow(ref)

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
    ) -> object:
        mime_type = mime_type or "application/octet-stream"
        return self._shown(self._phone(user).send_media(content, mime_type, kind, caption, name=name))

    @action
    def like(self, user: str) -> object:
        return self._shown(self._phone(user).like())

    @action
    def tap(self, user: str, message_id: str, button: str | int) -> None:
        self._phone(user).tap(message_id, button)

    @action
    def choose(self, user: str, message_id: str, reply: str | int) -> None:
        self._phone(user).choose(message_id, reply)

    @action
    def react(self, user: str, message_id: str, emoji: str) -> None:
        self._phone(user).react(message_id, emoji)

    @action
    def edit(self, user: str, message_id: str, text: str) -> object:
        return self._shown(self._phone(user).edit(message_id, text))

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
