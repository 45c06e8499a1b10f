"""One Facebook Page: its chats, what was said, and the webhooks that the product gets.

https://developers.facebook.com/docs/messenger-platform/reference/webhook-events
"""

import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from urllib.parse import urlencode

from bot.core.errors import CommandError
from connectors.sandbox.messenger.model import ChatMessage, Member, Tick
from connectors.sandbox.meta.clock import MovableClock
from connectors.sandbox.meta.errors import JsonObject
from connectors.sandbox.meta.files import KeptFile
from connectors.sandbox.meta.ids import HexIds, mid, numeric
from connectors.sandbox.meta.trouble import Trouble, Troubles
from connectors.sandbox.meta.webhook import Parcel

WINDOW = timedelta(hours=24)
AD_WINDOW = timedelta(days=7)  # after a message by an ad
HUMAN_AGENT_WINDOW = timedelta(days=7)
TYPING = timedelta(seconds=20)
URL_LIVES = timedelta(days=5)
CDN = "/cdn/"
APP_ID = 1000000000000001
INBOX_APP_ID = 263902037430900  # the Page inbox: messages that staff write in Meta's own tools have this id
FIELDS: Mapping[str, str] = {
    "message": "messages",
    "postback": "messaging_postbacks",
    "delivery": "message_deliveries",
    "read": "message_reads",
    "reaction": "message_reactions",
    "echo": "message_echoes",
    "referral": "messaging_referrals",
    "edit": "message_edits",
    "optin": "messaging_optins",
}


@dataclass(slots=True, kw_only=True)
class Page:
    page_id: str
    name: str
    secret: bytes
    clock: MovableClock
    ids: HexIds
    troubles: Troubles
    emit: Callable[[Parcel], None]
    changed: Callable[[str], None]
    url: str = ""  # the address of this stand-in, with which links to attachments begin
    members: dict[str, Member] = field(default_factory=dict)
    files: dict[str, KeptFile] = field(default_factory=dict)
    subscribed: set[str] = field(default_factory=lambda: set(FIELDS.values()))
    profile: JsonObject = field(default_factory=dict)  # the button with which chats begin
    last_ms: int = 0
    _whose: dict[str, Member] = field(default_factory=dict)  # the person by message id

    def now_ms(self) -> int:
        self.last_ms = max(self.last_ms + 1, int(self.clock().timestamp() * 1000))
        return self.last_ms

    def new_mid(self) -> str:
        return mid(self.ids())

    def keep(self, member: Member, message: ChatMessage) -> ChatMessage:
        member.messages[message.id] = message
        self._whose[message.id] = member
        self.changed(member.psid)
        return message

    def keep_file(self, content: bytes, mime_type: str, name: str) -> KeptFile:
        file = KeptFile(numeric(self.ids()), mime_type, name, content, self.clock())
        self.files[file.id] = file
        return file

    def member(self, psid: str) -> Member | None:
        found = self.members.get(psid)
        return None if found is None or found.gone else found

    def find(self, message_id: str) -> tuple[Member, ChatMessage] | None:
        member = self._whose.get(message_id)
        return None if member is None else (member, member.messages[message_id])

    def replace_members(self, members: Sequence[Member]) -> None:
        self.members = {member.psid: member for member in members}
        self._whose = {message_id: member for member in members for message_id in member.messages}

    def start_over(self) -> None:
        """Forget what was said. All people keep their ids, are online, and have blocked nobody."""
        there = [member for member in self.members.values() if not member.gone]
        self.replace_members([Member(member.psid, member.name) for member in there])
        self.files.clear()
        self.last_ms = 0
        for member in there:
            self.changed(member.psid)

    def window_open(self, member: Member, window: timedelta = WINDOW) -> bool:
        """Return True if the Page may write to this person now.

        https://developers.facebook.com/docs/messenger-platform/policy/policy-overview
        """
        if self.troubles.strikes(Trouble.WINDOW_EXPIRED) or member.wrote_at is None:
            return False
        return self.clock() <= max(member.wrote_at + window, member.ad_until or member.wrote_at)

    # Links to attachments: anybody who has one may read the file, for some days

    def link(self, file: KeptFile) -> str:
        """Return the URL of a file. Raise CommandError while the address of this stand-in is unknown."""
        if not self.url:
            raise CommandError("Messenger does not know yet under which address its files are reached.")
        ends = f"{int((self.clock() + URL_LIVES).timestamp()):X}"
        return f"{self.url}{CDN}{file.id}?{urlencode({'oh': self.seal(file.id, ends), 'oe': ends})}"

    def seal(self, file_id: str, ends: str) -> str:
        return hmac.new(self.secret, f"{file_id}.{ends}".encode(), hashlib.sha256).hexdigest()[:32]

    # Webhooks to the product

    def tell(self, member: Member, kind: str, body: JsonObject, *, at: int = 0, about: str = "") -> None:
        """Send an event about a person to the product. `kind` is one of FIELDS.

        In an echo, the Page is the sender.
        """
        if FIELDS.get(kind, kind) not in self.subscribed:
            return
        ends = [{"id": member.psid}, {"id": self.page_id}]
        sender, recipient = reversed(ends) if kind == "echo" else ends
        event: JsonObject = {
            "sender": sender,
            "recipient": recipient,
            "timestamp": at or self.now_ms(),
            **body,
        }
        self.emit(Parcel(member.psid, kind, event, message=about))

    def attached(self, message: ChatMessage) -> list[JsonObject]:
        """Return the attachments of a message as events have them."""
        found: list[JsonObject] = [
            {"type": each.kind, "payload": {"url": self.link(self.files[each.file_id])}}
            for each in message.attachments
        ]
        if message.template is not None:
            found.append({"type": "template", "payload": message.template})
        return found

    def echo(self, member: Member, message: ChatMessage, *, app_id: int = APP_ID, metadata: str = "") -> None:
        body: JsonObject = {"mid": message.id, "is_echo": True, "app_id": app_id}
        if metadata:
            body["metadata"] = metadata
        if message.text:
            body["text"] = message.text
        if attached := self.attached(message):
            body["attachments"] = attached
        self.tell(member, "echo", {"message": body}, at=message.at)

    # Receipts

    def send_off(self, member: Member, message: ChatMessage) -> None:
        self.keep(member, message)
        if member.online:
            self.arrive(member, [message])

    def arrive(self, member: Member, messages: Sequence[ChatMessage]) -> None:
        member.typing_until = None
        for message in messages:
            self.keep(member, replace(message, tick=Tick.DELIVERED))
        mids = [message.id for message in messages]
        if self.troubles.strikes(Trouble.RECEIPTS_SHUFFLED):
            member.undelivered += mids
        else:
            self.tell_delivery(member, mids)

    def advance(self, member: Member, message_id: str, tick: Tick) -> None:
        """Set the tick of a message. A tick only moves forward."""
        message = member.messages.get(message_id)
        if message is not None and list(Tick).index(tick) > list(Tick).index(message.tick):
            self.keep(member, replace(message, tick=tick))

    def tell_delivery(self, member: Member, mids: Sequence[str]) -> None:
        if mids:
            watermark = max(member.messages[each].at for each in mids)
            self.tell(member, "delivery", {"delivery": {"mids": list(mids), "watermark": watermark}})


def compose(page_id: str, parcels: Sequence[Parcel], now_ms: Callable[[], int]) -> JsonObject:
    """Return a webhook request with an entry for each event, as Meta sends them."""
    entries = [{"id": page_id, "time": now_ms(), "messaging": [parcel.content]} for parcel in parcels]
    return {"object": "page", "entry": entries}
