"""Define the inputs of conversations that are stored, and what wakes because of them."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from bot.core.conversation import Body, Origin
from bot.core.events import Event
from bot.core.ids import AccountId, ConversationId, OrgId
from storage.arrivals import Returns, Rules, returns_of
from storage.early_changes import Incoming
from storage.known_places import KnownPlace
from storage.sealing import KeyedHash, Sealer

NOBODY = AccountId(UUID(int=0))  # the account of inputs that we create ourselves


@dataclass(frozen=True, slots=True)
class Wake:
    """A conversation that has something to do, and when, counted from now.

    `last_customer_input` is the number of the input in which the customer wrote, or 0 if somebody else did
    something.
    """

    conversation: ConversationId
    after: timedelta
    last_customer_input: int


@dataclass(frozen=True, slots=True)
class Entry:
    """An input for a known conversation, such as an event of staff or a report of our own."""

    account_id: AccountId
    external_id: str
    organization: OrgId
    conversation: ConversationId
    origin: Origin
    body: Body
    sealer: Sealer
    rules: Rules | None = None  # for a customer's event
    author: str = ""  # the customer's id
    location: KnownPlace | None = None  # where a customer's event came from
    returns: Returns | None = None  # where answers to it go
    index: KeyedHash | None = None  # for a customer's event: hashes the platform's ids of messages
    edited: bool = False  # an edit came before this message, which has its words
    deleted: bool = False  # a deletion came before this message


def kind_of(body: Body) -> str:
    return type(body.content).__name__ if isinstance(body, Event) else type(body).__name__


def entry_of(incoming: Incoming, location: KnownPlace) -> Entry:
    """Return the entry of a customer's event for the conversation of its place."""
    arrival = incoming.arrival
    return Entry(
        arrival.account.id,
        incoming.key,
        arrival.account.organization,
        location.conversation,
        Origin.CUSTOMER,
        incoming.edited or arrival.event,
        location.sealer,
        arrival.rules,
        str(location.customer),
        location,
        returns_of(arrival.account.keys.index, arrival.event.returns),
        arrival.account.keys.index,
        incoming.edited is not None,
        incoming.deleted,
    )
