"""What the control API lets people on Telegram do and see."""

from collections.abc import Mapping
from dataclasses import dataclass

from bot.core.errors import CommandError
from connectors.sandbox.body import Body, Deed
from connectors.sandbox.telegram import ChatMessage, TelegramStandIn, TelegramUser

_LONGEST_CHAT = 300  # messages the page is given


@dataclass(frozen=True, slots=True)
class PhoneDeeds:
    telegram: TelegramStandIn

    def deeds(self) -> Mapping[str, Deed]:
        return {
            "user": self._user,
            "say": self._say,
            "send_media": self._send_media,
            "edit": self._edit,
            "delete": self._delete,
            "tap": self._tap,
            "block": self._block,
            "unblock": self._unblock,
            "react": self._react,
            "inject": self._inject,
        }

    def views(self) -> Mapping[str, Deed]:
        return {
            "users": self._users,
            "chat": self._chat,
            "tap_answer": self._tap_answer,
            "sent": self._sent,
            "webhook": self._webhook,
        }

    def _who(self, body: Body) -> TelegramUser:
        """By id, or by name; a new name is not made a person here."""
        wanted = str(body.values.get("user", ""))
        for user in self.telegram.users():
            if wanted in (str(user.id), user.name):
                return user
        raise CommandError(f"Nobody on Telegram is {wanted[:60]!r}.")

    def _shown(self, message: ChatMessage) -> Mapping[str, object]:
        shown = message.snapshot()
        if message.file_id:
            shown["file"] = {
                "id": message.file_id,
                "name": self.telegram.file_name(message.file_id),
                "type": self.telegram.file_type(message.file_id),
                "size": len(self.telegram.file(message.file_id)),
            }
        return shown

    async def _users(self, _: Body) -> object:
        return [
            {
                "id": user.id,
                "name": user.name,
                "username": user.username,
                "blocked": self.telegram.blocked(user),
            }
            for user in self.telegram.users()
        ]

    async def _chat(self, body: Body) -> object:
        user = self._who(body)
        return {
            "messages": [self._shown(message) for message in self.telegram.chat(user)[-_LONGEST_CHAT:]],
            "typing": self.telegram.typing(user),
            "blocked": self.telegram.blocked(user),
        }

    async def _sent(self, body: Body) -> object:
        return [
            {
                "method": call.method,
                "params": dict(call.params),
                "at": call.at.isoformat(),
                "status": call.status,
                "answered": call.answered,
            }
            for call in self.telegram.sent(body.text("method", ""))
        ]

    async def _webhook(self, _: Body) -> object:
        return self.telegram.webhook_info()

    async def _user(self, body: Body) -> object:
        user = self.telegram.user(body.text("name"))
        return {"id": user.id, "name": user.name}

    async def _say(self, body: Body) -> object:
        text = body.text("text")
        if not text.strip():
            raise CommandError("A message needs some text.")
        return self._shown(self.telegram.say(self._who(body), text, body.maybe_number("reply_to")))

    async def _send_media(self, body: Body) -> object:
        return self._shown(
            self.telegram.send_media(
                self._who(body),
                body.text("kind"),
                body.content("content"),
                name=body.text("name", ""),
                mime_type=body.text("mime_type", ""),
                caption=body.text("caption", ""),
                reply_to=body.maybe_number("reply_to"),
                details=body.object("details"),
            )
        )

    async def _edit(self, body: Body) -> object:
        return self._shown(self.telegram.edit(self._who(body), body.number("message_id"), body.text("text")))

    async def _delete(self, body: Body) -> object:
        self.telegram.delete(self._who(body), body.number("message_id"))
        return {}

    async def _tap(self, body: Body) -> object:
        button = body.values.get("button")
        if not isinstance(button, (str, int)):
            raise CommandError("'button' is a label, callback data, or a number from 0.")
        return {"query": self.telegram.tap(self._who(body), body.number("message_id"), button)}

    async def _tap_answer(self, body: Body) -> object:
        answer = self.telegram.tap_answer(body.text("query"))
        if answer is None:
            return {"answered": False}
        return {"answered": True, "text": answer.text, "show_alert": answer.show_alert}

    async def _block(self, body: Body) -> object:
        self.telegram.block(self._who(body))
        return {}

    async def _unblock(self, body: Body) -> object:
        self.telegram.unblock(self._who(body))
        return {}

    async def _react(self, body: Body) -> object:
        self.telegram.react(self._who(body), body.number("message_id"), body.text("emoji"))
        return {}

    async def _inject(self, body: Body) -> object:
        self.telegram.inject(body.text("kind"), dict(body.object("payload")), body.number("chat_id"))
        return {}
