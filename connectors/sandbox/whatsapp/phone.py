"""A customer's phone with WhatsApp: what its owner does, and what it shows."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from bot.core.errors import CommandError
from connectors.sandbox.meta.errors import JsonObject
from connectors.sandbox.meta.phone import MetaPhone, chosen
from connectors.sandbox.meta.trouble import Trouble
from connectors.sandbox.whatsapp.line import Line, Owner
from connectors.sandbox.whatsapp.media import KINDS, kind_of
from connectors.sandbox.whatsapp.model import ChatMessage, Choice, Tick
from connectors.sandbox.whatsapp.refusals import failure

Which = ChatMessage | str


class Phone(MetaPhone):
    """A customer's phone. The product gets a webhook for everything done here.

    It raises CommandError for what a phone cannot do. A message may be given as itself or by its id.
    `written` is how long ago it was written: such a message has a time in the past, like one whose webhook
    was delayed.
    """

    def __init__(self, line: Line, owner: Owner) -> None:
        super().__init__(owner, line.clock, lambda: line.changed(owner.wa_id))
        self._line = line
        self._owner = owner

    @property
    def wa_id(self) -> str:
        """Return the number, in digits."""
        return self._owner.wa_id

    id = wa_id

    # What it shows

    @property
    def chat(self) -> list[ChatMessage]:
        """Return the chat as it is shown, oldest first.

        A message of the business is in it once it has arrived.
        """
        return [each for each in self._owner.messages.values() if self._shown(each)]

    def message(self, which: Which) -> ChatMessage:
        message_id = which if isinstance(which, str) else which.id
        message = self._owner.messages.get(message_id)
        if message is None or not self._shown(message):
            raise CommandError("There is no such message on this phone.")
        return message

    def file(self, which: Which) -> bytes:
        """Return the bytes of the file of a message."""
        file = self._line.files.get(self.message(which).file_id)
        if file is None:
            raise CommandError("This message has no file.")
        return file.content

    # What its owner does

    def say(
        self,
        text: str,
        *,
        reply_to: Which = "",
        written: timedelta = timedelta(),
        referral: Mapping[str, object] | None = None,
        forwarded: bool = False,
    ) -> ChatMessage:
        """Write a message. `referral` is what a tapped ad adds to it, as JSON of the API."""
        if not text:
            raise CommandError("A message needs some text.")
        extra: JsonObject = {"referral": dict(referral)} if referral is not None else {}
        if forwarded:
            extra["context"] = {"forwarded": True}
        message = self._draft("text", reply_to, written, text=text)
        return self._send(message, {"text": {"body": text}, **extra})

    def send_media(
        self,
        content: bytes,
        mime: str,
        kind: str = "",
        caption: str = "",
        *,
        name: str = "",
        voice: bool = False,
        reply_to: Which = "",
        written: timedelta = timedelta(),
    ) -> ChatMessage:
        """Send a file.

        `kind` is audio, document, image, sticker or video; by default the one that fits the type.
        """
        kind = kind or kind_of(mime)
        if kind not in KINDS:
            raise CommandError(f"WhatsApp has no {kind!r} message; there are {', '.join(KINDS)}.")
        file = self._line.keep_file(content, mime, name)
        media: JsonObject = {"mime_type": mime, "sha256": file.sha256_base64, "id": file.id}
        if caption:
            media["caption"] = caption
        if kind == "document":
            media["filename"] = name or "document"
        if kind == "audio":
            media["voice"] = voice
        if kind == "sticker":
            media["animated"] = False
        message = self._draft(kind, reply_to, written, text=caption, file_id=file.id, file_name=name)
        return self._send(message, {kind: media})

    def location(self, latitude: float, longitude: float, name: str = "", address: str = "") -> ChatMessage:
        place: JsonObject = {"latitude": latitude, "longitude": longitude}
        place |= {key: value for key, value in (("name", name), ("address", address)) if value}
        return self._send(self._draft("location", content=place), {"location": place})

    def contact(self, name: str, phone: str) -> ChatMessage:
        first, _, last = name.partition(" ")
        card: JsonObject = {
            "name": {"formatted_name": name, "first_name": first, **({"last_name": last} if last else {})},
            "phones": [{"phone": phone, "wa_id": digits(phone), "type": "CELL"}],
        }
        return self._send(self._draft("contacts", contacts=(card,)), {"contacts": [card]})

    def share_number(self, which: Which) -> ChatMessage:
        """Tap "Share contact info" under a message that asks for it."""
        message = self.message(which)
        if (message.content or {}).get("interactive") != "request_contact_info":
            raise CommandError("This message asks for no contact info.")
        card: JsonObject = {
            "origin": "contact_request",
            "name": {"formatted_name": self.name, "first_name": self.name},
            "phones": [{"phone": f"+{self.wa_id}", "wa_id": self.wa_id, "type": "CELL"}],
        }
        return self._send(self._draft("contacts", message, contacts=(card,)), {"contacts": [card]})

    def call(self, *, answered: int = 0) -> None:
        """Call the business. Nobody takes the call unless it is `answered`, for that many seconds."""
        line, owner = self._line, self._owner
        owner.call_id, owner.wrote_at = line.ids(), line.clock()
        line.tell_call(owner, "connect", session={"sdp_type": "offer", "sdp": "v=0"})
        now = int(line.clock().timestamp())
        times = {"start_time": str(now), "end_time": str(now + answered), "duration": answered}
        status = {"status": "COMPLETED", **times} if answered else {"status": "FAILED"}
        line.tell_call(owner, "terminate", **status)
        line.changed(self.wa_id)

    def order(self, items: Sequence[Mapping[str, object]], catalog: str = "194836987003835") -> ChatMessage:
        """Order `items`, as JSON of the API: product_retailer_id, quantity, item_price, currency."""
        body: JsonObject = {
            "catalog_id": catalog,
            "text": "",
            "product_items": [dict(each) for each in items],
        }
        return self._send(self._draft("order", content=body), {"order": body})

    def tap(self, which: Which, button: int | str) -> ChatMessage | None:
        """Tap a button by its place (0 is the first), label or id.

        Return None for a button that opens something else.
        """
        message = self.message(which)
        choice = _chosen(message, button, ("reply", "quick_reply", "url", "phone", "other"))
        match choice.kind:
            case "reply":
                reply = {"type": "button_reply", "button_reply": {"id": choice.id, "title": choice.title}}
                return self._answer(message, "interactive", choice.title, {"interactive": reply})
            case "quick_reply":
                body: JsonObject = {"button": {"payload": choice.id, "text": choice.title}}
                return self._answer(message, "button", choice.title, body)
            case _:
                return None

    def choose(self, which: Which, row: int | str) -> ChatMessage:
        """Choose a row of a list by its place over all sections, title or id."""
        message = self.message(which)
        choice = _chosen(message, row, ("row",))
        chosen = {"id": choice.id, "title": choice.title}
        if choice.description:
            chosen["description"] = choice.description
        reply: JsonObject = {"type": "list_reply", "list_reply": chosen}
        return self._answer(message, "interactive", choice.title, {"interactive": reply})

    def react(self, which: Which, emoji: str) -> None:
        """Add a reaction, or remove it with ""."""
        message = self.message(which)
        others = tuple(pair for pair in message.reactions if pair[0] != "customer")
        mine = (("customer", emoji),) if emoji else ()
        self._line.keep(self._owner, replace(message, reactions=(*others, *mine)))
        reaction: JsonObject = {"message_id": message.id, **({"emoji": emoji} if emoji else {})}
        self._send(self._draft("reaction"), {"reaction": reaction})

    def delete(self, which: Which) -> None:
        """Delete a message for everyone. The business is told, as one that also uses the Business app is."""
        message = self.message(which)
        if message.from_business:
            raise CommandError("Only one's own messages can be deleted.")
        self._line.keep(self._owner, replace(message, deleted=True))
        self._send(self._draft("revoke"), {"revoke": {"original_message_id": message.id}})

    def send_unsupported(self) -> None:
        """Send a poll, a game or another message that the API does not pass on."""
        error = failure(131051)
        del error["href"]
        error |= {"title": "Message type unknown", "message": "Message type unknown"}
        self._send(self._draft("unsupported"), {"errors": [error]})

    def read(self) -> list[str]:
        """Look at the chat: all messages that have arrived get blue ticks.

        Return the ids that were unread.
        """
        seen = [each for each in self.chat if each.from_business and each.tick is Tick.DELIVERED]
        if self._line.troubles.strikes(Trouble.RECEIPTS_SHUFFLED):
            seen.reverse()
        for message in seen:
            self._line.advance(self._owner, message.id, Tick.READ)
            if self._owner.shows_reads:
                self._line.tell_status(self.wa_id, message, Tick.READ)
        return [message.id for message in seen]

    def hide_reads(self, hidden: bool = True) -> None:
        """Turn the setting on or off that hides blue ticks from others."""
        self._owner.shows_reads = not hidden

    def take_username(self, username: str) -> None:
        """Hide the number from the business from now on. With "" it is shown again."""
        self._owner.username = username

    def change_number(self, new: str) -> None:
        """Change the number. The chat and its window move along.

        The business is told under the old number, if it knows the number, otherwise under the user id.
        """
        old, wa_id, user_id = self.wa_id, digits(new), self._owner.user_id
        if not wa_id or wa_id in self._line.owners:
            raise CommandError(f"Nobody can move to the number {new[:30]!r}.")
        new_id = replace(self._owner, wa_id=wa_id).user_id
        hidden = bool(self._owner.username)
        was, now = (user_id, new_id) if hidden else (old, wa_id)
        system: JsonObject = {
            "body": f"User {self.name} changed from {was} to {now}",
            "user_id": new_id,
            "previous_user_id": user_id,
            "type": "user_changed_user_id" if hidden else "user_changed_number",
        }
        wire: JsonObject = {
            "id": self._line.new_wamid(old, from_customer=True),
            "timestamp": self._stamp(self._line.clock()),
            "type": "system",
            "system": system,
        }
        if not hidden:
            wire["from"], system["wa_id"] = old, wa_id
        self._line.tell(old, "system", self._line.value(messages=[wire]))
        del self._line.owners[old]
        self._owner.wa_id = wa_id
        self._line.owners[wa_id] = self._owner
        self._line.changed(wa_id)

    # Internal

    def _arrive(self) -> None:
        for message in list(self._owner.messages.values()):
            if message.from_business and message.tick is Tick.SENT and not self._owner.blocked:
                self._line.arrive(self._owner, message)

    def _shown(self, message: ChatMessage) -> bool:
        if message.deleted or message.kind in ("reaction", "revoke", "unsupported"):
            return False
        return not message.from_business or message.tick in (Tick.DELIVERED, Tick.READ)

    def _draft(
        self, kind: str, reply_to: Which = "", written: timedelta = timedelta(), **more: object
    ) -> ChatMessage:
        if self._owner.gone:
            raise CommandError(f"{self.name} is no longer on WhatsApp.")
        if self._owner.blocked:
            raise CommandError(f"{self.name} has blocked the business and must unblock it first.")
        draft = ChatMessage(
            id=self._line.new_wamid(self.wa_id, from_customer=True),
            from_business=False,
            at=self._line.clock() - written,
            kind=kind,
            reply_to=self.message(reply_to).id if reply_to else "",
            tick=Tick.SENT,
        )
        return replace(draft, **more)  # type: ignore[arg-type]  # fields of a message, by name

    def _answer(self, to: ChatMessage, kind: str, text: str, body: JsonObject) -> ChatMessage:
        return self._send(self._draft(kind, to, text=text), body)

    def _send(self, message: ChatMessage, body: JsonObject) -> ChatMessage:
        self._line.keep(self._owner, message)
        known = self._owner.wrote_at
        self._owner.wrote_at = message.at if known is None else max(known, message.at)
        wire: JsonObject = {
            "from": self.wa_id,
            "id": message.id,
            "timestamp": self._stamp(message.at),
            "type": message.kind,
            **body,
        }
        if message.reply_to:
            quoted = self.message(message.reply_to)
            author = self._line.display_phone_number if quoted.from_business else self.wa_id
            wire = {"context": {"from": author, "id": quoted.id}, **wire}
        self._line.tell_message(self._owner, wire, about=message.id)
        return message

    def _stamp(self, at: datetime) -> str:
        return str(int(at.timestamp()))


def digits(number: str) -> str:
    return "".join(sign for sign in number if sign.isascii() and sign.isdigit())


def _chosen(message: ChatMessage, wanted: int | str, kinds: Sequence[str]) -> Choice:
    return chosen([choice for choice in message.choices if choice.kind in kinds], wanted)
