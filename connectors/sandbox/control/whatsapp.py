"""The calls of people with WhatsApp."""

from collections.abc import Mapping

from connectors.sandbox.control.calls import action
from connectors.sandbox.control.files import about
from connectors.sandbox.control.meta import MetaControl
from connectors.sandbox.snapshots import dump
from connectors.sandbox.whatsapp import ChatMessage, Phone, WhatsAppStandIn


class WhatsAppControl(MetaControl[Phone]):
    def __init__(self, stand_in: WhatsAppStandIn) -> None:
        super().__init__("WhatsApp", stand_in)
        self._whatsapp = stand_in

    def _shown(self, message: ChatMessage) -> Mapping[str, object]:
        return {**dump(message), "file": about(self._whatsapp.file(message.file_id))}

    def _chat(self, phone: Phone) -> Mapping[str, object]:
        # The bill is that of all customers of this number.
        return {**super()._chat(phone), "billed": sum(self._whatsapp.bill().values())}

    @action
    def user(self, name: str, phone: str) -> object:
        added = self._whatsapp.customer(name, phone)
        return {"id": added.wa_id, "name": added.name}

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
    def choose(self, user: str, message_id: str, row: str | int) -> None:
        self._phone(user).choose(message_id, row)

    @action
    def delete(self, user: str, message_id: str) -> None:
        self._phone(user).delete(message_id)

    @action
    def call(self, user: str, answered: int = 0) -> None:
        self._phone(user).call(answered=answered)

    @action
    def hand_over(self, user: str, elsewhere: bool = True) -> None:
        self._whatsapp.hand_over(self._phone(user), elsewhere=elsewhere)

    @action
    def change_number(self, user: str, number: str) -> None:
        self._phone(user).change_number(number)
