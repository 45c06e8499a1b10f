"""Offer what people with Messenger can do and see through the control API."""

from collections.abc import Mapping
from dataclasses import dataclass

from bot.core.errors import CommandError
from connectors.sandbox.body import Body, Deed
from connectors.sandbox.files_shown import about
from connectors.sandbox.messenger import ChatMessage, MessengerStandIn, Phone

_LONGEST_CHAT = 300  # messages that the page gets


@dataclass(frozen=True, slots=True)
class MessengerDeeds:
    """The Messenger part of the control API. `user` is the person's id for the Page."""

    stand_in: MessengerStandIn

    def views(self) -> Mapping[str, Deed]:
        return {"users": self._users, "chat": self._chat, "sent": self._sent}

    def deeds(self) -> Mapping[str, Deed]:
        return {
            "user": self._user,
            "start": self._start,
            "follow": self._follow,
            "say": self._say,
            "send_media": self._send_media,
            "like": self._like,
            "tap": self._tap,
            "choose": self._choose,
            "react": self._react,
            "edit": self._edit,
            "read": self._read,
            "online": self._online,
            "block": self._block,
            "refuse_next": self._refuse_next,
            "webhook": self._webhook,
        }

    def _phone(self, body: Body) -> Phone:
        wanted = body.text("user")
        found = self.stand_in.phone(wanted) or next(
            (each for each in self.stand_in.phones() if each.name == wanted), None
        )
        if found is None:
            raise CommandError(f"Nobody on Messenger is {wanted[:60]!r}.")
        return found

    def _shown(self, message: ChatMessage) -> Mapping[str, object]:
        files = [
            {"kind": each.kind, **about(self.stand_in.file(each.file_id))} for each in message.attachments
        ]
        return {**message.snapshot(), "files": files}

    async def _users(self, _: Body) -> object:
        return [{"id": each.psid, "name": each.name} for each in self.stand_in.phones()]

    async def _chat(self, body: Body) -> object:
        phone = self._phone(body)
        return {
            "messages": [self._shown(message) for message in phone.chat[-_LONGEST_CHAT:]],
            "typing": phone.typing,
            "blocked": phone.blocked,
            "online": phone.online,
            "window": self.stand_in.window(phone).total_seconds(),
        }

    async def _sent(self, body: Body) -> object:
        calls = self.stand_in.sent(body.text("name", ""))
        return [{"name": each.name, "status": each.status} for each in calls]

    async def _user(self, body: Body) -> object:
        phone = self.stand_in.customer(body.text("name"))
        return {"id": phone.psid, "name": phone.name}

    async def _start(self, body: Body) -> object:
        self._phone(body).start(ref=body.text("ref", ""))
        return {}

    async def _follow(self, body: Body) -> object:
        self._phone(body).follow(body.text("ref"))
        return {}

    async def _say(self, body: Body) -> object:
        phone = self._phone(body)
        return self._shown(phone.say(body.text("text"), reply_to=body.text("reply_to", "")))

    async def _send_media(self, body: Body) -> object:
        sent = self._phone(body).send_media(
            body.content("content"),
            body.text("mime_type", "") or "application/octet-stream",
            body.text("kind", ""),
            body.text("caption", ""),
            name=body.text("name", ""),
        )
        return self._shown(sent)

    async def _like(self, body: Body) -> object:
        return self._shown(self._phone(body).like())

    async def _tap(self, body: Body) -> object:
        self._phone(body).tap(body.text("message_id"), body.choice("button"))
        return {}

    async def _choose(self, body: Body) -> object:
        self._phone(body).choose(body.text("message_id"), body.choice("reply"))
        return {}

    async def _react(self, body: Body) -> object:
        self._phone(body).react(body.text("message_id"), body.text("emoji"))
        return {}

    async def _edit(self, body: Body) -> object:
        return self._shown(self._phone(body).edit(body.text("message_id"), body.text("text")))

    async def _read(self, body: Body) -> object:
        return {"read": self._phone(body).read()}

    async def _online(self, body: Body) -> object:
        phone = self._phone(body)
        if body.flag("online", True):
            phone.go_online()
        else:
            phone.go_offline()
        return {}

    async def _block(self, body: Body) -> object:
        phone = self._phone(body)
        if body.flag("blocked", True):
            phone.block()
        else:
            phone.unblock()
        return {}

    async def _refuse_next(self, body: Body) -> object:
        self.stand_in.refuse_next(body.text("name"), times=body.maybe_number("times") or 1)
        return {}

    async def _webhook(self, body: Body) -> object:
        await self.stand_in.configure(body.text("url"))
        return {}
