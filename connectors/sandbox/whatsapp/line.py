"""One number of a business: its chats, what was said, and the webhooks that the product gets."""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import sha256

from connectors.sandbox.meta.clock import MovableClock
from connectors.sandbox.meta.errors import JsonObject
from connectors.sandbox.meta.files import KeptFile
from connectors.sandbox.meta.ids import HexIds, numeric, wamid
from connectors.sandbox.meta.trouble import Trouble, Troubles
from connectors.sandbox.meta.webhook import Parcel
from connectors.sandbox.whatsapp.model import ChatMessage, Tick
from connectors.sandbox.whatsapp.refusals import failure

WINDOW = timedelta(hours=24)
TYPING = timedelta(seconds=25)  # https://developers.facebook.com/docs/whatsapp/cloud-api/typing-indicators
_ORDER = (Tick.WAITING, Tick.SENT, Tick.DELIVERED, Tick.READ)


@dataclass(slots=True, eq=False)
class Owner:
    """A person on WhatsApp as the platform knows them. `wa_id` is the number, in digits.

    A person with a `username` is named in webhooks only by their `user_id`, without the number.
    https://developers.facebook.com/documentation/business-messaging/whatsapp/business-scoped-user-ids
    """

    wa_id: str
    name: str
    username: str = ""
    online: bool = True
    blocked: bool = False
    gone: bool = False  # True: the person has left WhatsApp
    shows_reads: bool = True
    wrote_at: datetime | None = None
    typing_until: datetime | None = None
    call_id: str = ""  # the id of the newest call
    elsewhere: bool = False  # True: another app controls this chat
    messages: dict[str, ChatMessage] = field(default_factory=dict)

    @property
    def user_id(self) -> str:
        """Return Meta's id of this person. It changes with the number, as on the platform."""
        return f"DE.{int(sha256(self.wa_id.encode()).hexdigest()[:16], 16)}"

    @property
    def parent_user_id(self) -> str:
        """Return the id that is the same for all portfolios of a business with several."""
        return self.user_id.replace("DE.", "DE.ENT.")

    @property
    def contact(self) -> JsonObject:
        """Return the contact by which webhooks name this person."""
        profile = {"name": self.name} | ({"username": self.username} if self.username else {})
        number: JsonObject = {} if self.username else {"wa_id": self.wa_id}
        return {
            "profile": profile,
            "user_id": self.user_id,
            "parent_user_id": self.parent_user_id,
            **number,
        }


@dataclass(slots=True, kw_only=True)
class Line:
    phone_number_id: str
    business_account_id: str
    display_phone_number: str  # digits only, as webhooks have it
    clock: MovableClock
    ids: HexIds
    troubles: Troubles
    emit: Callable[[Parcel], None]
    changed: Callable[[str], None]
    owners: dict[str, Owner] = field(default_factory=dict)  # by wa_id
    files: dict[str, KeptFile] = field(default_factory=dict)
    subscribed: bool = True
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _whose: dict[str, Owner] = field(default_factory=dict)  # by message id

    # People and messages

    def owner(self, wa_id: str) -> Owner | None:
        found = self.owners.get(wa_id)
        return None if found is None or found.gone else found

    def owner_of_id(self, user_id: str) -> Owner | None:
        return next(
            (each for each in self.owners.values() if each.user_id == user_id and not each.gone), None
        )

    def find(self, message_id: str) -> tuple[Owner, ChatMessage] | None:
        owner = self._whose.get(message_id)
        return None if owner is None else (owner, owner.messages[message_id])

    def replace_owners(self, owners: Sequence[Owner]) -> None:
        self.owners = {owner.wa_id: owner for owner in owners}
        self._whose = {message_id: owner for owner in owners for message_id in owner.messages}

    def start_over(self) -> None:
        """Forget what was said. All people keep their numbers, are online, and have blocked nobody."""
        there = [owner for owner in self.owners.values() if not owner.gone]
        self.replace_owners([Owner(owner.wa_id, owner.name, owner.username) for owner in there])
        self.files.clear()
        for owner in there:
            self.changed(owner.wa_id)

    def keep(self, owner: Owner, message: ChatMessage) -> ChatMessage:
        owner.messages[message.id] = message
        self._whose[message.id] = owner
        self.changed(owner.wa_id)
        return message

    def new_wamid(self, wa_id: str, *, from_customer: bool) -> str:
        return wamid(wa_id, self.ids(), from_customer=from_customer)

    def keep_file(self, content: bytes, mime_type: str, name: str) -> KeptFile:
        file = KeptFile(numeric(self.ids()), mime_type, name, content, self.clock())
        self.files[file.id] = file
        return file

    def window_open(self, owner: Owner) -> bool:
        """Return True if free text may be sent.

        https://developers.facebook.com/docs/whatsapp/cloud-api/guides/send-messages
        """
        if self.troubles.strikes(Trouble.WINDOW_EXPIRED) or owner.wrote_at is None:
            return False
        return self.clock() - owner.wrote_at <= WINDOW

    # Webhooks to the product

    def value(self, **more: object) -> JsonObject:
        return {
            "messaging_product": "whatsapp",
            "metadata": {
                "display_phone_number": self.display_phone_number,
                "phone_number_id": self.phone_number_id,
            },
            **more,
        }

    def tell(
        self, lane: str, kind: str, value: JsonObject, *, field_name: str = "messages", about: str = ""
    ) -> None:
        if self.subscribed:
            self.emit(Parcel(lane, kind, {"value": value, "field": field_name}, message=about))

    def tell_message(self, owner: Owner, wire: JsonObject, *, about: str = "") -> None:
        wire = {"from_user_id": owner.user_id, "from_parent_user_id": owner.parent_user_id, **wire}
        if owner.username:
            wire.pop("from", None)
        kind, contacts = str(wire["type"]), [owner.contact]
        if owner.elsewhere:
            value = self.value(contacts=contacts, standby={"messages": [wire]})
            self.tell(owner.wa_id, kind, value, field_name="standby", about=about)
        else:
            self.tell(owner.wa_id, kind, self.value(contacts=contacts, messages=[wire]), about=about)

    def tell_call(self, owner: Owner, event: str, **more: object) -> None:
        """Send an event of a call from this person to the product.

        https://developers.facebook.com/documentation/business-messaging/whatsapp/calling/user-initiated-calls
        """
        call: JsonObject = {
            "id": f"wacid.{owner.call_id}",
            "from": owner.wa_id,
            "from_user_id": owner.user_id,
            "from_parent_user_id": owner.parent_user_id,
            "to": self.display_phone_number,
            "event": event,
            "timestamp": str(int(self.clock().timestamp())),
            "direction": "USER_INITIATED",
            **more,
        }
        if owner.username:
            del call["from"]
        value = self.value(contacts=[owner.contact], calls=[call])
        self.tell(owner.wa_id, "call", value, field_name="calls")

    def hand_over(self, owner: Owner, *, elsewhere: bool) -> None:
        """Give control of this chat to another app, or to the product."""
        if owner.elsewhere is elsewhere:
            return
        owner.elsewhere = elsewhere
        kind = "control_taken" if elsewhere else "control_passed"
        roles = ("partner_app", "meta_business_agent")
        before, after = roles if elsewhere else roles[::-1]
        value: JsonObject = {
            "messaging_product": "whatsapp",
            "type": kind,
            "recipient": {
                "display_phone_number": self.display_phone_number,
                "phone_number_id": self.phone_number_id,
            },
            "sender": {"phone_number": owner.wa_id},
            "timestamp": str(int(self.clock().timestamp())),
            kind: {"previous_owner_app_role": before, "new_owner_app_role": after},
        }
        self.tell(owner.wa_id, kind, value, field_name="messaging_handovers")

    def bill(self) -> Mapping[str, int]:
        """Return how many messages have arrived, by the category that Meta charges."""
        arrived = (
            message.category
            for owner in self.owners.values()
            for message in owner.messages.values()
            if message.from_business and message.tick in (Tick.DELIVERED, Tick.READ)
        )
        return Counter(arrived)

    # Receipts

    def send_off(self, owner: Owner, message: ChatMessage) -> None:
        """Send a message of the business: one tick, and the second one if the phone is reached."""
        if message.kind != "template":
            owner.elsewhere = False  # "if your app sends a service message, it will take over"
        message = self.keep(owner, replace(message, tick=Tick.SENT))
        reached = owner.online and not owner.blocked
        shuffled = reached and self.troubles.strikes(Trouble.RECEIPTS_SHUFFLED)
        if not shuffled:
            self.tell_status(owner.wa_id, message, Tick.SENT)
        if reached:
            self.arrive(owner, message)
        if shuffled:
            self.tell_status(owner.wa_id, message, Tick.SENT)

    def arrive(self, owner: Owner, message: ChatMessage) -> None:
        owner.typing_until = None
        self.advance(owner, message.id, Tick.DELIVERED)
        self.tell_status(owner.wa_id, message, Tick.DELIVERED)

    def fail(self, wa_id: str, message: ChatMessage, code: int, details: str = "") -> None:
        owner = self.owners.get(wa_id)
        if owner is not None:
            self.keep(owner, replace(message, tick=Tick.FAILED, error=code))
        self.tell_status(wa_id, message, Tick.FAILED, errors=[failure(code, details)])

    def advance(self, owner: Owner, message_id: str, tick: Tick) -> None:
        """Set the tick of a message. A tick only moves forward, and a failed message stays failed."""
        message = owner.messages.get(message_id)
        if message is None or message.tick is Tick.FAILED:
            return
        if _ORDER.index(tick) > _ORDER.index(message.tick):
            self.keep(owner, replace(message, tick=tick))

    def tell_status(
        self, wa_id: str, message: ChatMessage, tick: Tick, *, errors: Sequence[JsonObject] = ()
    ) -> None:
        status: JsonObject = {
            "id": message.id,
            "status": tick.value,
            "timestamp": str(int(self.clock().timestamp())),
        }
        owner = self.owners.get(wa_id)
        if owner is not None:
            status["recipient_user_id"] = owner.user_id
            status["recipient_parent_user_id"] = owner.parent_user_id
        if owner is None or not owner.username:
            status["recipient_id"] = wa_id
        if tick in (Tick.SENT, Tick.DELIVERED):
            status["conversation"] = {
                "id": wamid(wa_id, self.business_account_id, from_customer=False)[6:38].lower(),
                "origin": {"type": message.category},
            }
            status["pricing"] = {
                "billable": True,  # service messages too, since 1 October 2026
                "pricing_model": "PMP",
                "category": message.category,
                "type": "regular",
            }
        if errors:
            status["errors"] = list(errors)
        self.tell(wa_id, "status", self.value(statuses=[status]))

    # Background work

    def spawn(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def idle(self) -> None:
        while self.tasks:
            await asyncio.gather(*self.tasks, return_exceptions=True)

    async def stop(self) -> None:
        for task in list(self.tasks):
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


def compose(business_account_id: str, parcels: Sequence[Parcel]) -> JsonObject:
    """Return a webhook request: an entry for each lane, with consecutive messages joined in one change."""
    entries: list[JsonObject] = []
    lane: str | None = None
    changes: list[JsonObject] = []
    for parcel in parcels:
        if parcel.lane != lane:
            lane, changes = parcel.lane, []
            entries.append({"id": business_account_id, "changes": changes})
        if not (changes and _joined(changes[-1], parcel.content)):
            changes.append(_copy(parcel.content))
    return {"object": "whatsapp_business_account", "entry": entries}


def _joined(last: JsonObject, more: JsonObject) -> bool:
    """Merge `more` into the change before it. Return False if they cannot be merged."""
    old, new = last["value"], more["value"]
    if not isinstance(old, dict) or not isinstance(new, dict) or last["field"] != more["field"]:
        return False
    for name in ("messages", "statuses"):
        ours, theirs = old.get(name), new.get(name)
        if isinstance(ours, list) and isinstance(theirs, list) and old.get("contacts") == new.get("contacts"):
            ours += theirs
            return True
    return False


def _copy(change: JsonObject) -> JsonObject:
    value = change["value"]
    if not isinstance(value, dict):
        return dict(change)
    lists = {name: list(value[name]) for name in ("messages", "statuses") if name in value}
    return {**change, "value": {**value, **lists}}
