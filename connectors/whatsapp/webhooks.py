"""Read webhooks of WhatsApp as events. Pure: the time of receipt is an argument.

https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256

from bot.core.errors import MalformedPayload
from bot.core.events import (
    MISSED_CALL,
    AddressChanged,
    Called,
    Content,
    Deleted,
    Edited,
    Event,
    Ignored,
    Place,
    Price,
    Reacted,
    Receipt,
    ReceiptStatus,
    Reference,
    Said,
    Sender,
    SenderRole,
    ThreadControl,
)
from connectors.payload import Node
from connectors.whatsapp.capabilities import CHANNEL
from connectors.whatsapp.contents import content_of, described
from connectors.whatsapp.failures import meaning

_STATUSES = {
    "sent": ReceiptStatus.SENT,
    "delivered": ReceiptStatus.DELIVERED,
    "read": ReceiptStatus.READ,
    "played": ReceiptStatus.READ,  # a voice message was listened to
    "failed": ReceiptStatus.FAILED,
    "warning": ReceiptStatus.SENT,  # sent, but with a problem: its errors say which
}
APP, OTHER = "The WhatsApp Business app", "Another app on this number"
# A number, or Meta's id of a person for one business or a group of them.
# https://developers.facebook.com/documentation/business-messaging/whatsapp/business-scoped-user-ids
_KNOWN = re.compile(r"[0-9]{1,20}|[A-Z]{2}\.(?:ENT\.)?[A-Za-z0-9]{1,128}")
_ID_CHARS = 200
_REASON_CHARS = 300
_NEWS_CHARS = 80
_LABEL_CHARS = 40
_CONTROL = {"control_passed": True, "control_taken": False}  # True: we may write in the chat
_FIELDS = frozenset(
    {"messages", "smb_message_echoes", "standby", "user_id_update", "messaging_handovers", "calls"}
)


@dataclass(slots=True)
class ReadWebhook:
    """The events of a webhook.

    `errors` are error codes about the account, `news` is what else is said about it, in a word.

    `unreadable` counts items without an id or a sender. `elsewhere` counts items of other numbers: an app has
    one webhook for all its numbers, unless it is configured otherwise.
    """

    events: list[Event] = field(default_factory=list)
    errors: list[int] = field(default_factory=list)
    news: list[str] = field(default_factory=list)
    unreadable: int = 0
    elsewhere: int = 0


@dataclass(frozen=True, slots=True)
class WebhookReader:
    account: str
    phone_number_id: str

    def read(self, payload: Node, received: datetime) -> ReadWebhook:
        """Read all messages and statuses of our number. `received` is the time of those that have none.

        Raise MalformedPayload if the payload is no webhook. A message that cannot be read does not hold up
        the others: Meta would send the whole batch again and again, and it would never be accepted.
        """
        if "entry" not in payload:
            raise MalformedPayload("entry", "missing: not a webhook of WhatsApp")
        read = ReadWebhook()
        for change in (change for entry in payload.nodes("entry") for change in entry.nodes("changes")):
            name, value = change.text("field"), change.node("value")
            number = value.node("metadata") or value.node("recipient")
            if name not in _FIELDS:
                told = (name, value.text("event"), value.text("message_template_name"))
                read.news.append(" ".join(filter(None, told))[:_NEWS_CHARS])
            elif number.id("phone_number_id") != self.phone_number_id:
                read.elsewhere += 1
            else:
                codes = (error.whole("code") for error in value.nodes("errors"))
                read.errors += [code for code in codes if code is not None]
                events = list(self._events(name, value, received))
                read.events += [event for event in events if event]
                read.unreadable += events.count(None)
        return read

    def _events(self, name: str, value: Node, received: datetime) -> Iterator[Event | None]:
        people = value.nodes("contacts")
        if name == "messaging_handovers":
            yield self._handover(value, received)
            return
        if name == "calls":
            for call in value.nodes("calls"):
                yield self._call(call, people, received)
            return
        for message in value.nodes("messages"):
            yield self._message(message, people, received)
            if changed := self._also_renamed(message, received):
                yield changed
        for update in value.nodes("user_id_update"):
            yield self._renamed(update, received)
        for status in value.nodes("statuses"):
            if status.text("status") in _STATUSES:
                yield self._status(status, people, received)
        for echo in value.nodes("message_echoes"):
            yield self._echo(echo, people, received, APP)
        # The chat while another app controls it. Receipts are left out: we do not know that app's messages.
        # https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/standby/
        standby = value.node("standby")
        for message in standby.nodes("messages"):
            yield self._message(message, people, received, overheard=True)
        for echo in standby.nodes("message_echoes"):
            yield self._echo(echo, people, received, OTHER)

    def _message(
        self, message: Node, people: list[Node], received: datetime, *, overheard: bool = False
    ) -> Event | None:
        # A person who hides their number is named by the previous id when it changes.
        system = message.node("system")
        person = _person(
            people,
            message.text("from"),
            system.text("previous_user_id") or message.text("from_user_id"),
            system.text("previous_parent_user_id") or message.text("from_parent_user_id"),
            _shared_number(message),
        )
        # A group's id is the place. The author is still one person.
        chat = message.text("group_id") or person.address
        wamid = message.text("id")
        if not wamid or not person.address:
            return None
        content = content_of(message)
        return Event(
            external_id=_event_id(message, content),
            place=Place(CHANNEL, self.account, chat),
            sender=person.sender(),
            content=content,
            occurred_at=message.moment("timestamp") or received,
            message="" if isinstance(content, Reacted | Edited | Deleted) else wamid,
            reply_to=message.node("context").text("id"),
            reference=_reference(message),
            private=not message.text("group_id"),
            overheard=overheard,
        )

    def _also_renamed(self, message: Node, received: datetime) -> Event | None:
        """Return an event that changes the customer's address, if a message says that they have a new number.

        With the number, Meta's id of the person changes too, and the id may be all that names them from then
        on.
        https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages/system/
        """
        system = message.node("system")
        number = system.text("wa_id") or system.text("new_wa_id")
        previous, current = system.text("previous_user_id"), system.text("user_id")
        if not number or not message.text("id"):
            return None
        when = message.moment("timestamp") or received
        return self._known_as(previous, current, number, when)

    def _renamed(self, update: Node, received: datetime) -> Event | None:
        """Return an event for a changed id that comes by itself, as Meta documented it until August 2026."""
        ids = update.node("user_id")
        when = update.moment("timestamp") or received
        return self._known_as(ids.text("previous"), ids.text("current"), update.text("wa_id"), when)

    def _known_as(self, previous: str, current: str, number: str, when: datetime) -> Event | None:
        if not previous or not current or previous == current:
            return None
        person = _Person(address=previous, others=(number,))
        return Event(
            external_id=_bounded(f"user_id:{previous}:{current}"),
            place=Place(CHANNEL, self.account, previous),
            sender=person.sender(),
            content=AddressChanged(current),
            occurred_at=when,
        )

    def _handover(self, value: Node, received: datetime) -> Event | None:
        """Return an event for a chat shared by several programs, when we gain or lose control of it.

        https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messaging-handovers/
        """
        sender = value.node("sender")
        person = _person([], sender.text("phone_number"), sender.text("user_id"))
        when = value.moment("timestamp") or received
        kinds = [value.text("type"), *(kind for kind in _CONTROL if value.node(kind))]
        kind = next((kind for kind in kinds if kind in _CONTROL), "")
        if not person.address or not kind:
            return None
        # Several may come within a second, which is all that Meta tells of the time.
        details = sorted(value.node(kind).fields())
        return Event(
            external_id=_bounded(f"{kind}:{person.address}:{value.id('timestamp')}:{details}"),
            place=Place(CHANNEL, self.account, person.address),
            sender=person.sender(),
            content=ThreadControl(ours=_CONTROL[kind]),
            occurred_at=when,
        )

    def _call(self, call: Node, people: list[Node], received: datetime) -> Event | None:
        """Return an event for a call from the customer, or a call of ours that they took.

        It opens their window, whoever answers it.
        https://developers.facebook.com/documentation/business-messaging/whatsapp/calling/pricing
        """
        theirs = call.text("direction") != "BUSINESS_INITIATED"
        side = "from" if theirs else "to"
        person = _person(
            people, call.text(side), call.text(f"{side}_user_id"), call.text(f"{side}_parent_user_id")
        )
        call_id, event = call.text("id"), call.text("event")
        if not call_id or not person.address:
            return None
        content, described = _of_call(call, event, theirs=theirs)
        began = call.moment("start_time") if isinstance(content, Called) else None
        return Event(
            external_id=_bounded(f"call:{call_id}:{event}"),
            place=Place(CHANNEL, self.account, person.address),
            sender=person.sender(),
            content=content,
            occurred_at=began or call.moment("timestamp") or received,
            reference=Reference(described=described),
        )

    def _echo(self, echo: Node, people: list[Node], received: datetime, writer: str) -> Event | None:
        """Return an event for a message that the business wrote without us, for example in the WhatsApp
        Business app.

        https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/smb_message_echoes
        """
        person = _person(people, echo.text("to"), echo.text("to_user_id"), echo.text("to_parent_user_id"))
        wamid = echo.text("id")
        if not wamid or not person.address:
            return None
        content = content_of(echo)
        return Event(
            external_id=_event_id(echo, content),
            place=Place(CHANNEL, self.account, person.address),
            # Meta does not say who wrote it. The customer's id names the place.
            sender=Sender(person.address, display_name=writer),
            content=content,
            occurred_at=echo.moment("timestamp") or received,
            message="" if isinstance(content, Reacted | Edited | Deleted) else wamid,
            reply_to=echo.node("context").text("id"),
            reference=_reference(echo),
            sender_role=SenderRole.INSIDER,
            automatic=writer == OTHER,
        )

    def _status(self, status: Node, people: list[Node], received: datetime) -> Event | None:
        # A message to a group has a status for each member.
        group = status.text("recipient_id") if status.text("recipient_type") == "group" else ""
        number = status.text("recipient_participant_id") if group else status.text("recipient_id")
        person = _person(
            people, number, status.text("recipient_user_id"), status.text("recipient_parent_user_id")
        )
        wamid, name = status.text("id"), status.text("status")
        if not wamid or not person.address:
            return None
        code, reason = _failure(status)
        return Event(
            external_id=_bounded(f"status:{wamid}:{name}" + (f":{person.address}" if group else "")),
            place=Place(CHANNEL, self.account, group or person.address),
            sender=person.sender(),
            content=Receipt(
                status=_STATUSES[name], messages=(wamid,), code=code, reason=reason, price=_price(status)
            ),
            occurred_at=status.moment("timestamp") or received,
            private=not group,
        )


@dataclass(frozen=True, slots=True)
class _Person:
    """A person in a webhook. `address` is the wa_id, or Meta's id of a person who hides their number.

    `others` are all further ids, so that a person who hides the number later remains one customer. A business
    with several portfolios gets an id that all of them know, the "parent" id.
    https://developers.facebook.com/documentation/business-messaging/whatsapp/business-scoped-user-ids
    """

    address: str
    name: str = ""
    handle: str = ""
    others: tuple[str, ...] = ()  # further ids

    def sender(self) -> Sender:
        aliases = tuple(dict.fromkeys(o for o in self.others if o != self.address and _KNOWN.fullmatch(o)))
        shown = f"+{self.address}" if self.address.isdecimal() else f"user id {self.address}"
        if self.handle:
            shown = f"{shown} (@{self.handle})"
        return Sender(self.address, self.name, self.handle, aliases=aliases, address=shown)


def _person(
    people: list[Node], number: str, scoped_id: str, parent_id: str = "", own_number: str = ""
) -> _Person:
    def known(person: Node) -> bool:
        return bool(number and person.text("wa_id") == number) or bool(
            scoped_id and person.text("user_id") == scoped_id
        )

    # A person's id and number may differ, so a single contact belongs to any number.
    contact = next(filter(known, people), people[0] if len(people) == 1 else Node(None))
    profile = contact.node("profile")
    scoped = scoped_id or contact.text("user_id")
    parent = parent_id or contact.text("parent_user_id")
    address = contact.text("wa_id") or number or scoped or parent
    return _Person(
        address=address if _KNOWN.fullmatch(address) else "",
        name=profile.text("name"),
        handle=profile.text("username") or contact.text("username"),
        others=(own_number, scoped, parent),
    )


def _shared_number(message: Node) -> str:
    """Return the customer's own number, if they shared it by the button of our request, or ""."""
    cards = message.nodes("contacts") if message.text("type") == "contacts" else []
    asked = [card for card in cards if card.text("origin") == "contact_request"]
    return next((phone.text("wa_id") for card in asked for phone in card.nodes("phones")), "")


def _of_call(call: Node, event: str, *, theirs: bool) -> tuple[Content, str]:
    """Return the content of a call's event, and a description.

    A call that ended but never began was missed.
    """
    if event == "terminate":
        if call.moment("start_time") or call.number("duration"):
            return Called(int(call.number("duration") or 0)), ""
        if theirs:
            return Said(""), MISSED_CALL
    elif event in ("connect", "call_created") and theirs:
        return Called(), ""
    return Ignored(f"call_{event}"[:_NEWS_CHARS]), ""


def _price(status: Node) -> Price | None:
    """Return what Meta charges for a message, or None.

    https://developers.facebook.com/documentation/business-messaging/whatsapp/pricing
    """
    pricing = status.node("pricing")
    category, rate = pricing.text("category")[:_LABEL_CHARS], pricing.text("type")[:_LABEL_CHARS]
    if not category:
        return None
    # `billable` is deprecated and will be removed. The type says the same.
    return Price(
        category, rate, billed=pricing.flag("billable") if "billable" in pricing else rate == "regular"
    )


def _event_id(message: Node, content: Content) -> str:
    wamid = message.text("id")
    if isinstance(content, Reacted | Edited | Deleted):
        # An edit, a deletion or a reaction has an id different from the message's, and from later ones.
        return _bounded(f"{message.text('type')}:{wamid}:{message.id('timestamp')}")
    return _bounded(wamid)


def _bounded(name: str) -> str:
    return name if len(name) <= _ID_CHARS else f"sha256:{sha256(name.encode()).hexdigest()}"


def _reference(message: Node) -> Reference:
    """Return whether a message was forwarded, and what came with it.

    WhatsApp does not say who wrote it first.
    """
    context = message.node("context")
    often = context.flag("frequently_forwarded")
    forwarded = often or context.flag("forwarded")
    return Reference(forwarded=forwarded, often=often, described=described(message))


def _failure(status: Node) -> tuple[str, str]:
    """Return the code and the reason of a status with errors: of the first known error, or else of the
    first.
    """
    errors = status.nodes("errors")
    for error in errors:
        if (code := error.whole("code")) is not None and (failure := meaning(code)) is not None:
            return failure.code, failure.reason
    for error in errors:
        return "send.refused", f"{error.id('code')}: {error.text('title') or 'not delivered'}"[:_REASON_CHARS]
    return ("send.refused", "not delivered") if status.text("status") == "failed" else ("", "")
