"""The calls of people with Messenger."""

from collections.abc import Mapping

from connectors.sandbox.control.calls import action
from connectors.sandbox.control.files import about
from connectors.sandbox.control.meta import MetaControl
from connectors.sandbox.messenger import ChatMessage, MessengerStandIn, Phone
from connectors.sandbox.snapshots import dump


class MessengerControl(MetaControl[Phone]):
    def __init__(self, stand_in: MessengerStandIn) -> None:
        super().__init__("Messenger", stand_in)
        self._messenger = stand_in

    def _shown(self, message: ChatMessage) -> Mapping[str, object]:
        files = [
            {"kind": each.kind, **about(self._messenger.file(each.file_id))} for each in message.attachments
        ]
        return {**dump(message), "files": files}

    @action
    def user(self, name: str) -> object:
        phone = self._messenger.customer(name)
        return {"id": phone.psid, "name": phone.name}

    @action
    def start(self, user: str, ref: str = "") -> None:
        self._phone(user).start(ref=ref)

    @action
    def follow(self, user: str, ref: str) -> None:
        self._phone(user).follow(ref)

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
    def choose(self, user: str, message_id: str, reply: str | int) -> None:
        self._phone(user).choose(message_id, reply)

    @action
    def edit(self, user: str, message_id: str, text: str) -> object:
        return self._shown(self._phone(user).edit(message_id, text))
