"""A customer's phone with Messenger: what its owner does, and what it shows."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from bot.core.errors import CommandError
from connectors.sandbox.messenger.model import Attachment, ChatMessage, Member, Tick
from connectors.sandbox.messenger.page import AD_WINDOW, Page
from connectors.sandbox.meta.errors import JsonObject
from connectors.sandbox.meta.phone import MetaPhone, chosen

Which = ChatMessage | str
KINDS = ("image", "audio", "video", "file")
_REACTIONS = {
    "👍": "like",
    "❤": "love",
    "😆": "smile",
    "😮": "wow",
    "😢": "sad",
    "😠": "angry",
    "👎": "dislike",
}


class Phone(MetaPhone):
    """A customer's phone. The product gets a webhook for everything done here.

    It raises CommandError for what a phone cannot do. A message may be given as itself or by its id.
    `written` is how long ago it was written.
    """

    def __init__(self, page: Page, member: Member) -> None:
        super().__init__(member, page.clock, lambda: page.changed(member.psid))
        self._page = page
        self._member = member

    @property
    def psid(self) -> str:
        """Return the person's id for the Page."""
        return self._member.psid

    id = psid

    # What it shows

    @property
    def chat(self) -> list[ChatMessage]:
        """Return the chat as it is shown, oldest first.

        A message of the Page is in it once it has arrived.
        """
        return [
            each
            for each in self._member.messages.values()
            if not each.from_page or each.tick is not Tick.SENT
        ]

    def message(self, which: Which) -> ChatMessage:
        message_id = which if isinstance(which, str) else which.id
        message = self._member.messages.get(message_id)
        if message is None:
            raise CommandError("There is no such message on this phone.")
        return message

    def file(self, which: Which, at: int = 0) -> bytes:
        """Return the bytes of a file of a message. `at` is the index of the attachment."""
        attachments = self.message(which).attachments
        if at >= len(attachments) or attachments[at].file_id not in self._page.files:
            raise CommandError("This message has no such file.")
        return self._page.files[attachments[at].file_id].content

    # What its owner does

    def say(
        self,
        text: str,
        *,
        reply_to: Which = "",
        written: timedelta = timedelta(),
        referral: Mapping[str, object] | None = None,
    ) -> ChatMessage:
        """Write a message.

        `referral` is what an ad, or a product that the customer asks about, adds to it.
        """
        if not text:
            raise CommandError("A message needs some text.")
        extra: JsonObject = {"referral": dict(referral)} if referral is not None else {}
        message = self._draft(reply_to, written, text=text)
        if referral is not None and referral.get("source") == "ADS":
            self._member.ad_until = self._page.clock() - written + AD_WINDOW
        return self._send(message, extra)

    def send_media(
        self, content: bytes, mime: str, kind: str = "", caption: str = "", *, name: str = ""
    ) -> ChatMessage:
        """Send a file. `kind` is image, audio, video or file.

        A caption is sent before it, as a message of its own.
        """
        kind = kind or next((each for each in KINDS[:3] if mime.startswith(each)), "file")
        if kind not in KINDS:
            raise CommandError(f"Messenger has no {kind!r} attachment; there are {', '.join(KINDS)}.")
        if caption:
            self.say(caption)
        file = self._page.keep_file(content, mime, name)
        return self._send(self._draft(attachments=(Attachment(kind, file.id),)), {})

    def like(self) -> ChatMessage:
        """Press the "like" button beside the text field: it sends a sticker."""
        file = self._page.keep_file(b"\x89PNG\r\n\x1a\n", "image/png", "like.png")
        return self._send(
            self._draft(attachments=(Attachment("image", file.id),)), {}, sticker=369239263222822
        )

    def tap(self, which: Which, button: int | str) -> None:
        """Tap a button of a template by its place (0 is the first), title or payload.

        The title then stands in the chat as if it was written. A button that opens a page or a call is not
        reported.
        """
        message = self.message(which)
        choice = chosen(message.buttons, button)
        if choice.kind == "postback":
            tapped = self._page.keep(self._member, self._draft(text=choice.title))
            postback = {"mid": tapped.id, "title": choice.title, "payload": choice.id}
            content: JsonObject = {"postback": postback}
            self._page.tell(self._member, "postback", content, at=tapped.at, about=tapped.id)

    def choose(self, which: Which, reply: int | str) -> ChatMessage:
        """Tap a quick reply. Quick replies are shown only under the newest message."""
        message = self.message(which)
        if self.chat[-1].id != message.id:
            raise CommandError("The quick replies of this message are gone.")
        choice = chosen(message.quick_replies, reply)
        return self._send(self._draft(text=choice.title), {"quick_reply": {"payload": choice.id}})

    def start(self, payload: str = "GET_STARTED", *, ref: str = "") -> None:
        """Press "Get Started", perhaps after a link m.me/page?ref=…"""
        self._write()
        postback: JsonObject = {"title": "Get Started", "payload": payload, "mid": self._page.new_mid()}
        if ref:
            postback["referral"] = _referral(ref)
        self._page.tell(self._member, "postback", {"postback": postback})

    def follow(self, ref: str, *, source: str = "SHORTLINK", ad_id: str = "") -> None:
        """Come into an existing chat by a link or an ad."""
        self._write()
        self._page.tell(self._member, "referral", {"referral": _referral(ref, source, ad_id)})

    def react(self, which: Which, emoji: str) -> None:
        """Add a reaction, or remove it with ""."""
        message = self.message(which)
        self._write()
        others = tuple(pair for pair in message.reactions if pair[0] != "customer")
        mine = (("customer", emoji),) if emoji else ()
        self._page.keep(self._member, replace(message, reactions=(*others, *mine)))
        reaction: JsonObject = {"mid": message.id, "action": "react" if emoji else "unreact"}
        if emoji:
            reaction |= {"reaction": _REACTIONS.get(emoji.rstrip("\ufe0f"), "other"), "emoji": emoji}
        self._page.tell(self._member, "reaction", {"reaction": reaction})

    def edit(self, which: Which, text: str) -> ChatMessage:
        message = self.message(which)
        if message.from_page or not message.text:
            raise CommandError("Only one's own texts can be edited.")
        edited = self._page.keep(self._member, replace(message, text=text, edits=message.edits + 1))
        body: JsonObject = {"mid": edited.id, "text": text, "num_edit": edited.edits}
        self._page.tell(self._member, "edit", {"message_edit": body})
        return edited

    def read(self) -> list[str]:
        """Look at the chat. Return the ids that were unread. The product gets a receipt with a watermark."""
        seen = [each for each in self.chat if each.from_page and each.tick is Tick.DELIVERED]
        for message in seen:
            self._page.keep(self._member, replace(message, tick=Tick.READ))
        if seen:
            self._page.tell(self._member, "read", {"read": {"watermark": max(each.at for each in seen)}})
        held, self._member.undelivered = self._member.undelivered, []
        self._page.tell_delivery(self._member, held)
        return [message.id for message in seen]

    # Internal

    def _arrive(self) -> None:
        """Let all messages that waited arrive. One receipt reports them."""
        waiting = [
            each for each in self._member.messages.values() if each.from_page and each.tick is Tick.SENT
        ]
        if waiting:
            self._page.arrive(self._member, waiting)

    def _write(self, written: timedelta = timedelta()) -> None:
        if self._member.gone or self._member.blocked:
            raise CommandError(f"{self.name} has left or has blocked the page.")
        at, known = self._page.clock() - written, self._member.wrote_at
        self._member.wrote_at = at if known is None else max(known, at)

    def _draft(self, reply_to: Which = "", written: timedelta = timedelta(), **more: object) -> ChatMessage:
        self._write(written)
        now = self._page.now_ms()
        draft = ChatMessage(
            id=self._page.new_mid(),
            from_page=False,
            at=now - int(written.total_seconds() * 1000),
            reply_to=self.message(reply_to).id if reply_to else "",
        )
        return replace(draft, **more)  # type: ignore[arg-type]  # fields of a message, by name

    def _send(self, message: ChatMessage, extra: JsonObject, *, sticker: int = 0) -> ChatMessage:
        body: JsonObject = {"mid": message.id}
        if message.text:
            body["text"] = message.text
        if message.reply_to:
            body["reply_to"] = {"mid": message.reply_to}
        if attached := self._page.attached(message):
            if sticker:
                attached[0] = {**attached[0], "payload": {"url": self._link(message), "sticker_id": sticker}}
                body["sticker_id"] = sticker
            body["attachments"] = attached
        self._page.keep(self._member, message)
        content: JsonObject = {"message": {**body, **extra}}
        self._page.tell(self._member, "message", content, at=message.at, about=message.id)
        return message

    def _link(self, message: ChatMessage) -> str:
        return self._page.link(self._page.files[message.attachments[0].file_id])


def _referral(ref: str, source: str = "SHORTLINK", ad_id: str = "") -> JsonObject:
    referral: JsonObject = {"ref": ref, "source": source, "type": "OPEN_THREAD"}
    return {**referral, "ad_id": ad_id, "source": "ADS"} if ad_id else referral
