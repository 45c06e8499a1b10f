"""Offer what people with WhatsApp can do and see through the control API."""

from collections.abc import Mapping
from dataclasses import dataclass

from bot.core.errors import CommandError
from connectors.sandbox.body import Body, Deed
from connectors.sandbox.files_shown import about
from connectors.sandbox.whatsapp import ChatMessage, Phone, WhatsAppStandIn

_LONGEST_CHAT = 300  # messages that the page gets


@dataclass(frozen=True, slots=True)
class WhatsAppDeeds:
    """The WhatsApp part of the control API. `user` is the number."""

    stand_in: WhatsAppStandIn

    def views(self) -> Mapping[str, Deed]:
        return {"users": self._users, "chat": self._chat, "sent": self._sent, "templates": self._templates}

    def deeds(self) -> Mapping[str, Deed]:
        return {
            "user": self._user,
            "say": self._say,
            "send_media": self._send_media,
            "location": self._location,
            "contact": self._contact,
            "tap": self._tap,
            "choose": self._choose,
            "react": self._react,
            "delete": self._delete,
            "read": self._read,
            "online": self._online,
            "block": self._block,
            "call": self._call,
            "hand_over": self._hand_over,
            "change_number": self._change_number,
            "refuse_next": self._refuse_next,
            "webhook": self._webhook,
        }

    def _phone(self, body: Body) -> Phone:
        wanted = body.text("user")
        found = self.stand_in.phone(wanted) or next(
            (each for each in self.stand_in.phones() if each.name == wanted), None
        )
        if found is None:
            raise CommandError(f"Nobody on WhatsApp is {wanted[:60]!r}.")
        return found

    def _shown(self, message: ChatMessage) -> Mapping[str, object]:
        return {**message.snapshot(), "file": about(self.stand_in.file(message.file_id))}

    async def _users(self, _: Body) -> object:
        return [{"id": each.wa_id, "name": each.name} for each in self.stand_in.phones()]

    async def _chat(self, body: Body) -> object:
        phone = self._phone(body)
        return {
            "messages": [self._shown(message) for message in phone.chat[-_LONGEST_CHAT:]],
            "typing": phone.typing,
            "blocked": phone.blocked,
            "online": phone.online,
            "window": self.stand_in.window(phone).total_seconds(),
            "billed": sum(self.stand_in.bill().values()),  # of all customers of this number
        }

    async def _sent(self, body: Body) -> object:
        calls = self.stand_in.sent(body.text("name", ""))
        return [{"name": each.name, "status": each.status} for each in calls]

    async def _templates(self, _: Body) -> object:
        return [each.wire() for each in self.stand_in.templates]

    async def _user(self, body: Body) -> object:
        phone = self.stand_in.customer(body.text("name"), body.text("phone"))
        return {"id": phone.wa_id, "name": phone.name}

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
            voice=body.flag("voice"),
            reply_to=body.text("reply_to", ""),
        )
        return self._shown(sent)

    async def _location(self, body: Body) -> object:
        latitude, longitude = body.fraction("latitude", 0.0), body.fraction("longitude", 0.0)
        return self._shown(self._phone(body).location(latitude, longitude, body.text("name", "")))

    async def _contact(self, body: Body) -> object:
        return self._shown(self._phone(body).contact(body.text("name"), body.text("phone")))

    async def _tap(self, body: Body) -> object:
        self._phone(body).tap(body.text("message_id"), body.choice("button"))
        return {}

    async def _choose(self, body: Body) -> object:
        self._phone(body).choose(body.text("message_id"), body.choice("row"))
        return {}

    async def _react(self, body: Body) -> object:
        self._phone(body).react(body.text("message_id"), body.text("emoji"))
        return {}

    async def _delete(self, body: Body) -> object:
        self._phone(body).delete(body.text("message_id"))
        return {}

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

    async def _call(self, body: Body) -> object:
        self._phone(body).call(answered=body.maybe_number("answered") or 0)
        return {}

    async def _hand_over(self, body: Body) -> object:
        self.stand_in.hand_over(self._phone(body), elsewhere=body.flag("elsewhere", True))
        return {}

    async def _change_number(self, body: Body) -> object:
        self._phone(body).change_number(body.text("number"))
        return {}

    async def _refuse_next(self, body: Body) -> object:
        times, late = body.maybe_number("times") or 1, body.flag("late")
        self.stand_in.refuse_next(body.number("code"), times=times, late=late)
        return {}

    async def _webhook(self, body: Body) -> object:
        await self.stand_in.configure(body.text("url"))
        return {}
