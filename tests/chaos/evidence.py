"""Evidence: what the database says happened, read after the storm, and the promises checked against it."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import namedtuple_row

from bot.core.ids import CustomerId
from storage.codec import load_source
from storage.keys import Keys
from storage.sealed_fields import ADDRESS, CONTENT, SENT_ID, SOURCE
from storage.sealing import Keyring

KEY = b"k" * 32  # the one that `tests.story.rig.environment` gives to the processes
RECEIPTS = ("whatsapp", "messenger")
Row = Any


@dataclass
class Told:
    """One conversation: every list in the order in which it happened."""

    row: Row  # with the `channel` of its place
    chat: str  # the customer's address there
    inputs: list[Row] = field(default_factory=list)
    messages: list[Row] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)  # of the messages
    turns: list[Row] = field(default_factory=list)
    outbox: list[Row] = field(default_factory=list)  # what goes to the customer
    room: list[Row] = field(default_factory=list)  # what goes to the staff
    rooms: list[Row] = field(default_factory=list)  # their threads

    @property
    def asked(self) -> list[Row]:
        """The customer's messages."""
        return [message for message in self.messages if message.role == "customer"]

    @property
    def replies(self) -> list[Row]:
        """Return what the agent or the desk said."""
        return [message for message in self.messages if message.role in ("agent", "system")]

    @property
    def untold(self) -> int:
        """Count the messages that arrived without a receipt, on a channel that has receipts."""
        if self.row.channel not in RECEIPTS:
            return 0
        waiting = {row.id for row in self.messages if row.state in ("released", "sent")}
        return sum(row.message_id in waiting for row in self.outbox if row.state == "delivered")

    @property
    def noticed(self) -> bool:
        """Return whether people were told of what is in doubt by the notice of many."""
        return all(row.notice_id is not None for row in self.outbox if row.state == "unknown")

    def unknown(self) -> int:
        return sum(row.state == "unknown" for row in self.outbox)


@dataclass(frozen=True)
class Waiting:
    """Return what is left to do."""

    inputs: int
    outbox: int
    leases: int
    due: int  # conversations that are to wake within a second
    files: int  # attachments whose fate their conversation will hear of

    def __bool__(self) -> bool:
        return any((self.inputs, self.outbox, self.leases, self.due, self.files))


async def waiting(database_url: str) -> Waiting:
    async with await psycopg.AsyncConnection.connect(database_url, connect_timeout=5) as connection:
        row = await (await connection.execute(_WAITING)).fetchone()
    assert row is not None
    return Waiting(*row)


async def mailboxes(database_url: str) -> int:
    """Return how many of them the desk has begun to read."""
    async with await psycopg.AsyncConnection.connect(database_url, connect_timeout=5) as connection:
        row = await (await connection.execute(_MAILBOXES)).fetchone()
    assert row is not None
    return int(row[0])


async def stored(database_url: str) -> int:
    """Return how many messages of customers there are."""
    async with await psycopg.AsyncConnection.connect(database_url, connect_timeout=5) as connection:
        row = await (await connection.execute(_STORED)).fetchone()
    assert row is not None
    return int(row[0])


async def read(database_url: str) -> dict[str, Told]:
    """Every conversation by the customer's address. There is one for each of them, or this fails."""
    keys = Keys(Keyring((KEY,)))
    told: dict[UUID, Told] = {}
    async with await psycopg.AsyncConnection.connect(database_url, row_factory=namedtuple_row) as connection:
        await connection.set_isolation_level(psycopg.IsolationLevel.REPEATABLE_READ)  # one moment
        sealers = {}
        for row in await _all(connection, _CONVERSATIONS):
            sealers[row.id] = keys.customer(CustomerId(row.customer_id), row.data_key)
            shown = sealers[row.id].open(row.address, field=ADDRESS)
            told[row.id] = Told(row, _id_of(row.channel, shown))
        for row in await _all(connection, _INPUTS):
            told[row.conversation_id].inputs.append(row)
        for row in await _all(connection, _MESSAGES):
            if row.source:
                ref, _ = load_source(sealers[row.conversation_id].open(row.source, field=SOURCE))
                row = row._replace(external_id=ref)  # noqa: PLW2901
            told[row.conversation_id].messages.append(row)
            told[row.conversation_id].texts.append(
                sealers[row.conversation_id].open(row.content, field=CONTENT)
            )
        for row in await _all(connection, _TURNS):
            told[row.conversation_id].turns.append(row)
        for row in await _all(connection, _ROOMS):
            told[row.conversation_id].rooms.append(row)
        for row in await _all(connection, _OUTBOX):
            found = told[row.conversation_id]
            if row.sealed_ids:
                sealer = sealers[row.conversation_id]
                row = row._replace(  # noqa: PLW2901
                    external_ids=[sealer.open(one, field=SENT_ID) for one in row.sealed_ids]
                )
            (found.outbox if row.room_id is None and row.kind != "notice" else found.room).append(row)
    by_chat = {one.chat: one for one in told.values()}
    twice = [one for one in told.values() if by_chat[one.chat] is not one]
    assert not twice, "two conversations of one customer: " + "; ".join(
        f"{o.row.channel} {o.row.status} {o.texts}, {by_chat[o.chat].texts}" for o in twice
    )
    return by_chat


def _id_of(channel: str, shown: str) -> str:
    """Return the platform's id of a customer out of the address that staff are shown."""
    match channel:
        case "telegram":
            return shown.rpartition("id ")[2].removesuffix(")")
        case "slack":
            found = re.search(r"\bU[A-Z0-9]{4,}\b", shown)
            assert found is not None, shown
            return found[0]
        case _:
            return shown.removeprefix("+")


async def _all(connection: psycopg.AsyncConnection[Any], statement: str) -> list[Row]:
    return await (await connection.execute(statement)).fetchall()


def check_stored(told: Mapping[str, Told], said: Mapping[str, Mapping[str, str]]) -> None:
    """Every message, by chat and the platform's id, is in the log once, with its words."""
    assert set(told) == set(said), "another set of chats than those that wrote"
    for chat, wanted in said.items():
        one = told[chat]
        stored = Counter(row.external_id for row in one.asked)
        assert stored == Counter(dict.fromkeys(wanted, 1)), (
            f"chat {chat}: stored {stored}, said {list(wanted)}"
        )
        words = {
            m.external_id: t for m, t in zip(one.messages, one.texts, strict=True) if m.role == "customer"
        }
        assert words == wanted, f"chat {chat}: other words than were said: {words}"
        heard = [row for row in one.inputs if row.kind == "Said" and row.origin == "customer"]
        assert len(heard) == len(wanted), f"chat {chat}: {len(heard)} inputs for {len(wanted)} messages"


def check_order(one: Told) -> None:
    """The log, the inputs and the turns agree on one order, without a gap."""
    assert [row.seq for row in one.inputs] == list(range(1, len(one.inputs) + 1)), (
        f"{one.chat}: a gap in inputs"
    )
    assert one.row.last_accepted == one.row.last_handled == len(one.inputs), (
        f"{one.chat}: of {[row.kind for row in one.inputs]} {one.row.last_handled} were handled"
    )
    positions = [row.position for row in one.messages]
    assert positions == list(range(1, len(positions) + 1)), f"{one.chat}: a gap in the log"
    place = {row.id: row.position for row in one.messages}
    accepted = [place[row.message_id] for row in one.inputs if row.message_id is not None]
    assert accepted == sorted(accepted), f"{one.chat}: the log has another order than was accepted"
    # Staff's words in a thread that was not recorded yet join the conversation after they were accepted.
    times = [row.accepted_at for row in one.inputs if row.origin == "customer"]
    assert times == sorted(times), f"{one.chat}: an input overtook another"
    fences = [row.fence for row in one.turns]
    assert fences == sorted(set(fences)), f"{one.chat}: two turns with one fence"
    assert sum(row.inputs for row in one.turns) == len(one.inputs), (
        f"{one.chat}: a message is in two turns or none"
    )


def turns_that_answer(one: Told) -> int:
    """Count the turns with words of the customer. Turns take inputs in order, each what is there."""
    count, at = 0, 0
    for turn in one.turns:
        heard = one.inputs[at : at + turn.inputs]
        at += turn.inputs
        count += any(row.kind == "Said" and row.origin == "customer" for row in heard)
    return count


def check_answered_once(one: Told) -> None:
    """Check a conversation of the agent: one reply for each turn, and the last word is its."""
    assert len(one.replies) == turns_that_answer(one), f"{one.chat}: {len(one.replies)} replies"
    last = [f"{row.role}: {text}" for row, text in zip(one.messages, one.texts, strict=True)][-4:]
    assert one.messages[-1].role == "agent", f"{one.chat}: the customer was left without an answer: {last}"


def check_phone(one: Told, phone: Sequence[str]) -> int:
    """Check that the phone shows what was delivered, in order and once, by ids.

    A row that is `unknown` was under way when its worker died: it shows once or not at all, in its place.
    Returns how many of those show.
    """
    shown = list(phone)
    arrived = 0
    delivered = {id_ for row in one.outbox for id_ in row.external_ids}
    for row in one.outbox:
        match row.state:
            case "delivered":
                ids, shown = shown[: len(row.external_ids)], shown[len(row.external_ids) :]
                assert row.external_ids, f"{one.chat}: delivered, and nobody knows where"
                assert ids == row.external_ids, f"{one.chat}: the phone shows {ids} for {row.external_ids}"
            case "unknown":
                if shown and shown[0] not in delivered:
                    shown.pop(0)
                    arrived += 1
            case state:
                raise AssertionError(f"{one.chat}: a delivery is {state}: {row.error}")
    assert not shown, f"{one.chat}: the phone shows {shown}, which nothing in the outbox explains"
    in_log = {row.id: row.position for row in one.messages}
    order = [in_log[row.message_id] for row in one.outbox if row.kind == "post"]
    assert order == sorted(order), f"{one.chat}: words left in another order than they were said"
    assert len(order) == len(set(order)), f"{one.chat}: one message is in the outbox twice"
    return arrived


def check_acceptance(
    one: Told, begun: Mapping[tuple[str, str], float], taken: Mapping[tuple[str, str], float]
) -> None:
    """A message that was taken before another was even sent stands before it in the log.

    Both by address and message: when the first request with it began, and when the first was answered 200.
    """
    latest = 0.0  # when the last of those before began
    for row in one.asked:
        place = one.chat, row.external_id
        assert taken[place] > latest, f"{place} was taken before, and stands behind"
        latest = max(latest, begun[place])


def table(rows: Iterable[Mapping[str, object]]) -> str:
    """For people: one line for each."""
    listed = [{name: str(value) for name, value in row.items()} for row in rows]
    widths = {name: max(len(name), *(len(row[name]) for row in listed)) for name in listed[0]}
    lines = ["  ".join(name.rjust(widths[name]) for name in widths)]
    lines += ["  ".join(row[name].rjust(widths[name]) for name in widths) for row in listed]
    return "\n".join(lines)


def states(told: Iterable[Told]) -> Mapping[str, int]:
    """Return how many rows of the outbox are in which state, of customers and staff together."""
    counted: defaultdict[str, int] = defaultdict(int)
    for one in told:
        for row in (*one.outbox, *one.room):
            counted[row.state] += 1
    return counted


_WAITING = """
    select
        (select count(*) from conversations where last_handled < last_accepted),
        (select count(*) from outbox where state in ('waiting', 'sending')),
        (select count(*) from conversations where lease_until is not null)
            + (select count(*) from lanes where lease_until is not null),
        (select count(*) from conversations where wake_at < clock_timestamp() + interval '1 second')
            + (select count(*) from timers where kind = 'in_doubt'),
        (select count(*) from files where due_at is not null)
"""
_MAILBOXES = "select count(*) from vault where name like 'uid:%'"
_STORED = "select count(*) from inbox where kind = 'Said' and origin = 'customer'"

_CONVERSATIONS = """
    select v.*, c.data_key, i.address, a.channel
    from conversations v
    join customers c on c.id = v.customer_id
    join places p on p.id = v.place_id
    join identities i on i.id = p.identity_id and i.customer_id = v.customer_id
    join accounts a on a.id = p.account_id
    order by v.id
"""
_INPUTS = "select * from inbox where conversation_id is not null order by conversation_id, seq"
_MESSAGES = "select * from messages order by conversation_id, position"
_TURNS = "select * from turns order by conversation_id, fence"
_ROOMS = "select * from rooms order by conversation_id, created_at, id"
_OUTBOX = "select * from outbox order by position"
