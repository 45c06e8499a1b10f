"""Define an event that arrived, and read whom and what it names: place, sender, address, invitation."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from bot.core.events import (
    INVITATION,
    AddressChanged,
    Called,
    Deleted,
    Edited,
    Event,
    ReachabilityChanged,
    Reacted,
    Receipt,
    ReturnAddress,
    Said,
    SenderRole,
    Started,
    Stopped,
    ThreadControl,
)
from bot.core.ids import AccountId
from bot.core.payment_cards import without_card_numbers
from orgs.routing import without_tag
from storage.accounts import Account
from storage.sealing import KeyedHash

Key = tuple[AccountId, bytes]


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of the organization file about accepting events."""

    quiet: timedelta
    burst_cap: int  # messages
    customer_per_minute: int  # messages
    account_per_minute: int
    owner_kind: str  # of the owner of a new conversation
    owner_name: str
    addressed: Mapping[str, str] = field(default_factory=dict)  # other owners, by address in lower case

    def owner_of(self, event: Event) -> str:
        """Return the name of the owner of a conversation that an event opens."""
        address = event.addressed.casefold()
        return self.addressed.get(address) or self.addressed.get(without_tag(address), self.owner_name)


@dataclass(frozen=True, slots=True)
class Arrival:
    """An event that arrived at an account, before it is stored.

    Payment card numbers that a customer typed are masked here. What staff write is not changed.
    """

    account: Account
    event: Event
    rules: Rules

    def __post_init__(self) -> None:
        if self.account.serves == "customers":
            object.__setattr__(self, "event", without_card_numbers(self.event))


def key_of(account: Account, event: Event) -> Key:
    place = event.place
    speaker = () if event.shared or event.private else (event.sender.external_id,)
    return account.id, account.keys.index.of("place", place.channel, place.chat, place.thread, *speaker)


def identity_of(account: Account, event: Event, address: str = "") -> bytes:
    """Return the keyed hash by which an account knows the sender of an event.

    The same unverified address in two places gives two identities.
    """
    return identity_hash(account.keys.index, event, address)


def identity_hash(index: KeyedHash, event: Event, address: str = "") -> bytes:
    """Return the keyed hash of an event's sender, as `identity_of`. `index` belongs to the organization."""
    place, sender = event.place, event.sender
    if not sender.verified:
        return index.of("unverified", place.channel, place.chat, sender.external_id)
    return index.of("identity", place.channel, address or sender.external_id)


def writer_hash(index: KeyedHash, event: Event, *, merged: bool) -> bytes | None:
    """Return the keyed hash of who wrote where several people share a thread; None where that is clear.

    It is not clear where the conversation is that of a customer into whom the writer is `merged`, either:
    they may be parted again.
    """
    several = event.shared or event.sender_role is SenderRole.STRANGER or merged
    if event.sender_role is SenderRole.INSIDER or not several:
        return None
    return identity_hash(index, event)


@dataclass(frozen=True, slots=True)
class Returns:
    """The address that answers go to, as keyed hashes of the mailbox and of its domain."""

    mailbox: bytes
    domain: bytes
    verified: bool


def returns_of(index: KeyedHash, returns: ReturnAddress | None) -> Returns | None:
    if returns is None:
        return None
    mailbox, domain = index.of("mailbox", returns.mailbox), index.of("domain", returns.domain)
    return Returns(mailbox, domain, returns.verified)


def returns_row(returns: Returns | None) -> dict[str, object]:
    """Return the columns of a place that hold the address for answers."""
    return {
        "mailbox": returns.mailbox if returns else None,
        "domain": returns.domain if returns else None,
        "return_verified": returns is None or returns.verified,
    }


def other_ids(arrival: Arrival) -> Iterator[tuple[bytes, bytes]]:
    """Yield the private chat, and the identity, by each other id that the channel tells of a sender."""
    if may_join(arrival.event):
        for alias in arrival.event.sender.aliases:
            yield (
                private_chat_of(arrival.account, alias)[1],
                identity_of(arrival.account, arrival.event, alias),
            )


def private_chat_of(account: Account, address: str) -> Key:
    """Return the key of a person's private chat."""
    return account.id, account.keys.index.of("place", account.channel, address, "")


def token_of(event: Event) -> str:
    """Return the token of the invitation that an event accepts, or "" if it accepts none."""
    if event.shared or not event.private or not event.sender.verified:
        return ""
    match event.content:
        case Started(payload=written) | Said(text=written):
            found = INVITATION.search(written)
            return found[0] if found else ""
        case _:
            return ""


def token_hash(index: KeyedHash, token: str) -> bytes:
    return index.of("link", token)


_BEGINS_NOTHING = (
    Edited,
    Deleted,
    Reacted,
    Receipt,
    AddressChanged,
    ReachabilityChanged,
    Called,
    Stopped,
    ThreadControl,
)


def opens(event: Event, *, known: bool) -> bool:
    """Return whether an event may open a conversation. `known`: its place has one, which is over.

    A stranger opens one only in a place that has none: whoever answers in a customer's thread does not become
    its owner. An event about an earlier message, such as an edit or a receipt, opens none.
    """
    if event.sender_role is not SenderRole.CUSTOMER:
        told = not isinstance(event.content, Stopped)
        return event.sender_role is SenderRole.STRANGER and told and not known
    return not isinstance(event.content, _BEGINS_NOTHING)


def may_join(event: Event) -> bool:
    return event.private and not event.shared and event.sender.verified


def two_ids(arrivals: Sequence[Arrival]) -> dict[tuple[Key, Key], tuple[Arrival, str]]:
    """Return each pair of places of a sender whom the channel knows by several ids, with the second id.

    The place that they wrote from comes first in each pair.
    """
    return {
        (key_of(a.account, a.event), private_chat_of(a.account, alias)): (a, alias)
        for a in arrivals
        if may_join(a.event) and (opens(a.event, known=True) or isinstance(a.event.content, AddressChanged))
        for alias in a.event.sender.aliases
    }


def chat_of(arrival: Arrival) -> Key:
    account = arrival.account
    return account.id, account.keys.index.of("chat", account.channel, arrival.event.place.chat)


def pairs_of(keys: Sequence[Key]) -> dict[str, object]:
    return {"accounts": [key[0] for key in keys], "hashes": [key[1] for key in keys]}
