"""Read a webhook request of a Page as events.

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
    SenderRole,
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
from connectors.payload import Node, clean

INBOX = "The Page's inbox"
# The app ids of Meta's own inbox. Messages from any other app are from a program.
_INBOX_APPS = frozenset({"", "263902037430900", "26390203743090"})
_MAX_ID = 200  # characters of an event's id
_FRAME = frozenset(
    {"sender", "recipient", "timestamp", "messaging_type", "tag", "notification_type", "standby"}
)
# Actions of the Page, of its apps or of Meta: nothing that the customer said.
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
    """The events of a webhook request.

    `elsewhere` counts entries of other Pages: an app has one webhook for all its Pages.
    """

    events: tuple[Event, ...]
    elsewhere: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    account: str
    page: str  # its id
    mark: str  # how the `metadata` of this account's messages begins
    app: str = ""  # the id of our app; "" if the organization file does not name it

    def read(self, body: bytes, received: datetime) -> Read:
        """Read a webhook request. `received` is the time of items that have none.

        Raise nothing but MalformedPayload.
        """
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
        """Yield the event of an invitation when its customer writes or taps first: then the token is
        beside the message.
        """
        node = Node(item)
        said, tapped = node.node("message"), node.node("postback")
        token = said.node("referral").text("ref") or tapped.node("referral").text("ref")
        if INVITATION.search(token) and not isinstance(self._content(item)[0], Started | Receipt):
            frame = {key: item[key] for key in ("sender", "recipient", "timestamp") if key in item}
            yield self._event({**frame, "referral": {"ref": token}}, when)

    def _change(self, change: Mapping[str, object], when: datetime) -> Iterator[Event]:
        """Yield the event of a field that comes as a change: from the dashboard's Test button.

        The Page's feed also comes as changes. It is no chat, so it is skipped.
        """
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
        if not by_page and recipient not in ("", self.page):  # it was sent to another Page
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
            # Meta does not say who at the Page wrote it. The chat is named by the customer, so the sender has
            # the customer's id.
            sender=Sender(customer, display_name=INBOX if insider else ""),
            content=content,
            occurred_at=moment(node.number("timestamp")) or when,
            message=mid,
            reply_to=message.node("reply_to").id("mid"),
            reference=Reference(
                kind="story" if message.node("reply_to").node("story") else "",
                described=described(message) if isinstance(content, Said) else "",
            ),
            sender_role=SenderRole.INSIDER if insider else SenderRole.CUSTOMER,
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
        """Return what an item says, and whether the Page said it."""
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
            case {"pass_thread_control": dict()}:
                return self._control(node.node("pass_thread_control"), passed=True), False
            case {"take_thread_control": dict()}:
                return self._control(node.node("take_thread_control"), passed=False), False
        # An opt-in, a linked account, a payment or a new feature is no message.
        name = first_other(item, _FRAME)
        return Ignored(kind(name or "empty")), name in _OF_THE_PAGE

    def _control(self, change: Node, *, passed: bool) -> Content:
        """Return who controls a chat now. All apps of the Page may be told of it, whoever gains or loses it.

        https://developers.facebook.com/documentation/business-messaging/messenger-platform/webhooks/webhook-events/messaging_handovers
        """
        owner = change.id("new_owner_app_id")
        if owner and self.app:
            return ThreadControl(ours=owner == self.app)
        if passed and owner and owner not in _INBOX_APPS:
            return Ignored("pass_thread_control")  # to an app of which we do not know whether it is ours
        return ThreadControl(ours=passed and not owner)

    def _echo(self, raw: Mapping[str, object]) -> Content:
        """Return what the Page wrote.

        An echo of our own message is a receipt; otherwise a person or another app wrote it.
        """
        message = Node(raw)
        if (mid := message.id("mid")) and message.text("metadata").startswith(self.mark):
            return Receipt(status=ReceiptStatus.SENT, messages=(mid,))
        return message_of(raw)


def _identity(item: Mapping[str, object], mid: str) -> str:
    """Return the message's id if the item is a message, otherwise a digest that is the same for each delivery
    of the item.

    A postback also has a message id, but it may not be its own: two taps must stay two.
    """
    if 0 < len(mid) <= _MAX_ID:
        return mid
    digest = sha256(json.dumps(item, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
    return f"item:{digest}"


def _opens(item: Node) -> timedelta | None:
    """Return how long a message or a tap opens a chat that came by an ad, or None for the usual time."""
    referrals = (item.node(said).node("referral") for said in ("message", "postback"))
    return AFTER_AN_AD if any(referral.text("source") == "ADS" for referral in referrals) else None


def _person(node: Node) -> str:
    """Return a page-scoped id, or the reference of a person whom a plug-in knows but Messenger does not
    know yet.
    """
    found = node.id("id") or node.text("user_ref")
    return found if len(found) <= _MAX_ID else ""


def _mids(raw: Mapping[str, object]) -> tuple[str, ...]:
    return tuple(clean(mid) for mid in _list(raw.get("mids")) if isinstance(mid, str) and mid)


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _object(body: bytes) -> dict[str, object]:
    """Return the JSON object of a body as a plain dict: digests and lists of ids need the original values."""
    try:
        value: object = json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise MalformedPayload("body", f"not JSON ({type(error).__name__})") from None
    if not isinstance(value, dict):
        raise MalformedPayload("body", f"a JSON object was expected, found {type(value).__name__}")
    return value
