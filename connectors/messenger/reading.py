"""A webhook request of a Page as events.

https://developers.facebook.com/documentation/business-messaging/messenger-platform/webhooks/webhook-events
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from bot.core.errors import MalformedPayload
from bot.core.events import (
    INVITATION,
    Content,
    Deleted,
    Event,
    Ignored,
    Place,
    Receipt,
    ReceiptStatus,
    Reference,
    Said,
    Sender,
    Standing,
    Started,
    ThreadControl,
)
from connectors.messenger.capabilities import AFTER_AN_AD, CHANNEL
from connectors.messenger.contents import (
    described,
    edit_of,
    first_other,
    kind,
    message_of,
    moment,
    postback_of,
    reaction_of,
    receipt_of,
    referral_of,
)
from connectors.meta import Node, clean

INBOX = "The Page's inbox"
# As which app Meta's own inbox writes; what any other app writes, a program wrote.
_INBOX_APPS = frozenset({"", "263902037430900", "26390203743090"})
_MAX_ID = 200  # characters of an event's id
_FRAME = frozenset(
    {"sender", "recipient", "timestamp", "messaging_type", "tag", "notification_type", "standby"}
)
# Things that the Page or one of its apps did, or Meta did to it: no word of the customer's.
_OF_THE_PAGE = frozenset(
    {
        "request_thread_control",
        "app_roles",
        "policy_enforcement",
        "policy-enforcement",
    }
)


@dataclass(frozen=True, slots=True)
class Read:
    """`elsewhere` counts the entries of other Pages: an app has one webhook for all of its Pages."""

    events: tuple[Event, ...]
    elsewhere: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    account: str
    page: str  # its id
    mark: str  # how the `metadata` begins of what this account sends

    def read(self, body: bytes, received: datetime) -> Read:
        """`received` dates what Meta does not. Raises MalformedPayload and nothing else."""
        data = _object(body)
        if data.get("object") != "page":
            return Read(())
        try:
            entries = [entry for entry in _list(data.get("entry")) if isinstance(entry, dict)]
            ours = [entry for entry in entries if Node(entry).id("id") == self.page]
            events = tuple(event for entry in ours for event in self._entry(entry, received))
        except RecursionError:
            raise MalformedPayload("body", "nested too deeply") from None
        return Read(events, len(entries) - len(ours))

    def _entry(self, entry: Mapping[str, object], received: datetime) -> Iterator[Event]:
        when = moment(Node(entry).number("time")) or received
        for channel in ("messaging", "standby"):
            for item in _list(entry.get(channel)):
                if isinstance(item, dict):
                    yield from self._invited(item, when)
                    yield self._event(item, when, standby=channel == "standby")
        for change in _list(entry.get("changes")):
            if isinstance(change, dict):
                yield from self._change(change, when)

    def _invited(self, item: Mapping[str, object], when: datetime) -> Iterator[Event]:
        """Who comes by an invitation and writes, or taps, first: the token is beside what they say."""
        node = Node(item)
        said, tapped = node.node("message"), node.node("postback")
        token = said.node("referral").text("ref") or tapped.node("referral").text("ref")
        if INVITATION.search(token) and not isinstance(self._content(item)[0], Started | Receipt):
            frame = {key: item[key] for key in ("sender", "recipient", "timestamp") if key in item}
            yield self._event({**frame, "referral": {"ref": token}}, when)

    def _change(self, change: Mapping[str, object], when: datetime) -> Iterator[Event]:
        """Fields that come as changes: the dashboard's Test button, and the Page's feed, which is no chat."""
        field, value = Node(change).text("field"), change.get("value")
        if not field.startswith(("messag", "standby")):
            return
        if isinstance(value, dict) and Node(value).node("sender"):
            yield self._event(value, when)
        else:
            yield self._event({field: value if value is not None else {}}, when)

    def _event(self, item: Mapping[str, object], when: datetime, *, standby: bool = False) -> Event:
        node = Node(item)
        sender = _person(node.node("sender")) or _person(node.node("optin"))
        recipient = _person(node.node("recipient"))
        by_page = sender in ("", self.page)
        if not by_page and recipient not in ("", self.page):  # said to another Page: it is no matter of ours
            return self._elsewhere(item, sender, when)
        customer = (recipient if by_page else sender) or sender or self.page
        content, of_page = self._content(item)
        receipt, deleted = isinstance(content, Receipt), isinstance(content, Deleted)
        insider = (of_page or by_page) and not isinstance(content, Receipt | ThreadControl)
        message = Node(None) if receipt or deleted else node.node("message")
        mid = message.id("mid")
        return Event(
            external_id=_identity(item, mid),
            place=Place(CHANNEL, self.account, customer),
            # A place that is not shared is the customer's, and known by theirs as the sender's id. Who it was
            # at the Page, Meta tells nobody.
            sender=Sender(customer, display_name=INBOX if insider else ""),
            content=content,
            occurred_at=moment(node.number("timestamp")) or when,
            message=mid,
            reply_to=message.node("reply_to").id("mid"),
            reference=Reference(
                kind="story" if message.node("reply_to").node("story") else "",
                described=described(message) if isinstance(content, Said) else "",
            ),
            standing=Standing.INSIDER if insider else Standing.CUSTOMER,
            automatic=insider and message.id("app_id") not in _INBOX_APPS,
            overheard=standby,
            opens=None if insider else _opens(node),
        )

    def _elsewhere(self, item: Mapping[str, object], sender: str, when: datetime) -> Event:
        return Event(
            external_id=_identity(item, ""),
            place=Place(CHANNEL, self.account, sender),
            sender=Sender(sender),
            content=Ignored("another_page"),
            occurred_at=when,
        )

    def _content(self, item: Mapping[str, object]) -> tuple[Content, bool]:
        """What it says, and whether the Page said it."""
        node = Node(item)
        match item:
            case {"message": dict() as raw} if node.node("message").flag("is_echo"):
                return self._echo(raw), True
            case {"message": dict() as raw}:
                return message_of(raw), False
            case {"message_edit": dict()}:
                return edit_of(node.node("message_edit")), False
            case {"reaction": dict()}:
                return reaction_of(node.node("reaction")), False
            case {"postback": dict()}:
                return postback_of(node.node("postback")), False
            case {"referral": dict()}:
                return referral_of(node.node("referral")), False
            case {"delivery": dict() as raw}:
                return receipt_of(Node(raw), ReceiptStatus.DELIVERED, _mids(raw)), False
            case {"read": dict() as raw}:
                return receipt_of(Node(raw), ReceiptStatus.READ), False
            # Told to who gets the word in a chat, and to who loses it.
            # https://developers.facebook.com/documentation/business-messaging/messenger-platform/webhooks/webhook-events/messaging_handovers
            case {"pass_thread_control": dict()}:
                return ThreadControl(ours=True), False
            case {"take_thread_control": dict()}:
                return ThreadControl(ours=False), False
        # An opt-in, a linked account, a payment, a feature of tomorrow: no message in any case.
        name = first_other(item, _FRAME)
        return Ignored(kind(name or "empty")), name in _OF_THE_PAGE

    def _echo(self, raw: Mapping[str, object]) -> Content:
        """What the Page wrote: by this account, which is a confirmation, or by a person or another app."""
        message = Node(raw)
        if (mid := message.id("mid")) and message.text("metadata").startswith(self.mark):
            return Receipt(status=ReceiptStatus.SENT, messages=(mid,))
        return message_of(raw)


def _identity(item: Mapping[str, object], mid: str) -> str:
    """The message's id where the item is the message; else a digest, the same for each delivery of the item.

    A postback has an id of a message too, but not certainly one of its own: two taps must stay two.
    """
    if 0 < len(mid) <= _MAX_ID:
        return mid
    digest = sha256(json.dumps(item, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
    return f"item:{digest}"


def _opens(item: Node) -> timedelta | None:
    """Return for how long a message or a tap opens the chat that came by an ad; None for the usual time."""
    referrals = (item.node(said).node("referral") for said in ("message", "postback"))
    return AFTER_AN_AD if any(referral.text("source") == "ADS" for referral in referrals) else None


def _person(node: Node) -> str:
    """A page-scoped id; or the reference of somebody whom a plug-in knows and Messenger does not yet."""
    found = node.id("id") or node.text("user_ref")
    return found if len(found) <= _MAX_ID else ""


def _mids(raw: Mapping[str, object]) -> tuple[str, ...]:
    return tuple(clean(mid) for mid in _list(raw.get("mids")) if isinstance(mid, str) and mid)


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _object(body: bytes) -> dict[str, object]:
    """As `connectors.meta.decode`, but plain: digests and lists of ids need the values themselves."""
    try:
        value: object = json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise MalformedPayload("body", f"not JSON ({type(error).__name__})") from None
    if not isinstance(value, dict):
        raise MalformedPayload("body", f"a JSON object was expected, found {type(value).__name__}")
    return value
