"""A desk without processes: PostgreSQL, accepting, turns and the outbox, each advanced by hand.

What an agent answers and what a platform says of a delivery are told by the test; all between is real.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import count

from sqlalchemy import text

from bot.core.answering import Answer, Answered
from bot.core.connector import MODEST, Capabilities
from bot.core.conversation import DeliveryReport, FileReport, HolderLeft, Message, MessageState, Origin, View
from bot.core.errors import PlaceMoved
from bot.core.events import (
    Channel,
    Content,
    Event,
    Place,
    ReceiptStatus,
    Said,
    Sender,
    Tapped,
    return_address,
)
from bot.core.ids import ConversationId, CustomerId, OrgId, new_id
from bot.core.outbound import Operation, Post, Sent
from bot.turns.decide import conclude, decide, decide_guarded
from bot.turns.turn import Decision, Rulebook
from orgs.loading import Loaded
from orgs.specification.organization import Organization
from storage.account_rates import Allowance
from storage.accounts import Account
from storage.arrivals import Arrival, Rules
from storage.database import Database
from storage.delivery_outcomes import Dead, Delivered, Result
from storage.entries import NOBODY, Entry
from storage.inbox import Accepted, Inboxes
from storage.keys import Keys
from storage.organizations import apply
from storage.outbox import Outbox
from storage.outbox_items import Item
from storage.sealed_fields import SENT_ID
from storage.sealing import Keyring
from storage.turns import Commit, Turns
from storage.views import views
from tests.accounts import all_accounts
from tests.disclosure import undisclosed
from tests.turns.desk import FIRST, organization

ORGANIZATION = organization()
LEASE = timedelta(minutes=1)
HUGO, CARLA = "U0HUGO0008", "U0CARLA003"
DAY = timedelta(hours=24)
RECEIPTS = frozenset(ReceiptStatus)
KNOWN: Mapping[str, Capabilities] = {
    "telegram": replace(MODEST, edits=True, erases=True, buttons=8, reacts=True),
    "whatsapp": replace(MODEST, window=DAY, templates=True, receipts=RECEIPTS, reacts=True),
    "messenger": replace(MODEST, window=DAY, human_window=7 * DAY, receipts=RECEIPTS),
    "email": replace(MODEST, robots=True),
    "slack": replace(MODEST, edits=True, erases=True, reacts=True),
    "slack-customers": replace(MODEST, edits=True, erases=True),
}
CODE = "123456"
Answerer = Callable[[Decision], Answer]


def answered(_: Decision) -> Answer:
    return Answered("An answer.", "an article", settled=True)


@dataclass(frozen=True, slots=True)
class Left:
    """Something that left: where to, and what."""

    place: Place
    operation: Operation
    item: Item

    @property
    def text(self) -> str:
        return self.operation.whole if isinstance(self.operation, Post) else ""


class Bench:
    """One process of the desk."""

    def __init__(self, database: Database, accounts: Mapping[str, Account], org: Organization) -> None:
        self.database = database
        self.accounts = accounts
        self.organization = org
        self.keys = Keys(Keyring((b"k" * 32,)))
        self.inboxes = Inboxes(self.keys, new_id)
        self.turns = Turns(self.keys, new_id)
        self.outbox = Outbox(self.keys, self.inboxes, new_id)
        self.capabilities = dict(KNOWN)
        self.codes = count(int(CODE))
        self.addressed: dict[str, str] = {}  # agents by the address that was written to
        self.customer_per_minute, self.account_per_minute = 100_000, 1_000_000
        self.quiet = timedelta()
        self._numbers = count(1)

    @property
    def tenant(self) -> OrgId:
        return next(iter(self.accounts.values())).organization

    # --- what comes in

    def event(
        self,
        content: Content | str,
        who: str = "maya",
        *,
        on: str = "telegram",
        chat: str = "",
        thread: str = "",
        name: str = "Maya",
        verified: bool = True,
        alias: str = "",
        aliases: tuple[str, ...] = (),
        address: str = "",
        language: str = "",
        at: datetime | None = None,
        **more: object,
    ) -> Event:
        """Return an event on a channel that has the account's name, but for Slack's two."""
        n = next(self._numbers)
        said = Said(content) if isinstance(content, str) else content
        channel = Channel("slack" if on.startswith("slack") else on)
        given: dict[str, object] = {"external_id": f"e{n}-{new_id()}"} | more
        if isinstance(said, Said):
            given.setdefault("message", f"m{n}")
            if on == "email":
                given.setdefault("reply_context", f"to {who}")
                given.setdefault("returns", return_address(who, verified=verified))
        return Event(
            place=Place(channel, on, chat or who, thread),
            sender=Sender(
                who,
                name,
                language=language,
                verified=verified,
                aliases=aliases or ((alias,) if alias else ()),
                address=address,
            ),
            content=said,
            occurred_at=at or datetime.now(UTC),
            **given,  # type: ignore[arg-type]
        )

    def arrival(self, event: Event) -> Arrival:
        rules = Rules(
            self.quiet, 8, self.customer_per_minute, self.account_per_minute, "agent", FIRST, self.addressed
        )
        return Arrival(self.accounts[event.place.account], event, rules)

    async def hear(self, *events: Event) -> Accepted:
        """Accept events as the bus does: all in one transaction, begun again when a place has moved."""
        for _ in range(100):
            try:
                async with self.database.begin() as connection:
                    return await self.inboxes.accept(connection, [self.arrival(e) for e in events])
            except PlaceMoved:
                continue
        raise AssertionError("places led elsewhere again and again")

    async def say(self, text_: str | Content, who: str = "maya", **more: object) -> ConversationId:
        """Heard and dealt with. Returns the conversation that it went to."""
        accepted = await self.hear(self.event(text_, who, **more))  # type: ignore[arg-type]
        await self.turn()
        return accepted.wakes[0].conversation

    async def staff(self, content: Content | str, view: View, who: str = HUGO, ref: str = "") -> None:
        """Said or done in the room of that conversation, and dealt with."""
        room = self.room(view)
        event = self.event(
            content,
            who,
            on=room.account,
            chat=room.chat,
            thread=room.thread,
            in_our_thread=True,
            **({"message": ref} if ref else {}),
        )
        await self.hear(event)
        await self.turn()

    async def press(self, action: str, view: View, who: str = HUGO, value: str = "") -> None:
        assert view.escalation is not None
        await self.staff(Tapped(action, value or str(view.escalation.id)), view, who)

    @staticmethod
    def room(view: View) -> Place:
        assert view.escalation is not None
        assert view.escalation.room is not None
        return view.escalation.room.place

    async def report(
        self, conversation: ConversationId, body: DeliveryReport | FileReport | HolderLeft
    ) -> None:
        """Something that we tell ourselves."""
        [[customer, key]] = await self.rows(
            "select c.id, c.data_key from conversations v join customers c on c.id = v.customer_id"
            " where v.id = :id",
            id=conversation,
        )
        sealer = self.keys.customer(customer, key)  # type: ignore[arg-type]
        id_ = f"told:{next(self._numbers)}"
        entry = Entry(NOBODY, id_, self.tenant, conversation, Origin.SELF, body, sealer)
        async with self.database.begin() as connection:
            await self.inboxes.tell(connection, [entry])

    # --- what is made of it

    async def turn(self, answer: Answerer = answered) -> list[Decision]:
        """Every conversation that is due, once; clocks that are not due do not ring."""
        decided = await self.decided(answer)
        for _, commit in decided:
            assert await self.commit(commit) == "committed"
        return [decision for decision, _ in decided]

    async def decided(self, answer: Answerer = answered) -> list[tuple[Decision, Commit]]:
        """Return what those turns decide, before any of it is committed."""
        decided = []
        async with self.database.begin() as connection:
            await connection.execute(_RECEIPTS_NEED_NOT_WAIT)
            claimed = await self.turns.claim(connection, 50, LEASE)
        for lease, view in claimed:
            exhausted = lease.attempt > self.organization.policies.max_turn_attempts
            decision = (decide_guarded if exhausted else decide)(view, self.rules())
            while decision.agent:
                decision = conclude(decision, answer(decision))
            commit = Commit(
                lease=lease,
                view=view,
                effects=tuple(decision.turn.effects),
                insist=True,
                wake_at=decision.turn.wake_at,
                started_at=view.now,
                stages={},
                reasons=tuple(decision.turn.reasons),
            )
            decided.append((decision, commit))
        return decided

    async def commit(self, commit: Commit) -> str:
        async with self.database.begin() as connection:
            [outcome] = await self.turns.commit(connection, [commit])
        return outcome

    def rules(self) -> Rulebook:
        return Rulebook(
            self.organization,
            self.capabilities,
            new_id,
            {"email": self._begin},
            lambda: f"{next(self.codes)}",
        )

    @staticmethod
    def _begin(address: str, subject: str) -> tuple[Place, str]:
        return Place(Channel("email"), "email", f"thread-{new_id()}"), f"to {address}: {subject}"

    async def view(self, conversation: ConversationId) -> View:
        async with self.database.begin() as connection:
            return (await views(connection, self.keys, [conversation]))[conversation]

    async def held(self, conversation: ConversationId, who: str = HUGO) -> View:
        """A person has taken what an agent handed over."""
        await self.deliver()
        await self.press("take", await self.view(conversation), who)
        await self.deliver()
        return await self.view(conversation)

    async def take_over(self, view: View, who: str) -> View:
        """Somebody takes it from whom the card shows as the holder."""
        before = (await self.view(view.conversation.id)).escalation
        assert before is not None
        await self.press("take", view, who, f"{before.id}:{before.holder}")
        after = await self.view(view.conversation.id)
        assert after.escalation is not None
        assert after.escalation.holder != before.holder
        return after

    async def undo_is_over(self) -> None:
        await self.rings("release", "react")

    async def rings(self, *kinds: str, answer: Answerer = answered) -> None:
        """The clocks of these kinds are due."""
        given = {"kinds": list(kinds)}
        await self.execute(
            "update timers set due_at = now() - interval '1 second' where kind = any(:kinds)", **given
        )
        await self.execute(
            "update conversations set wake_at = now() - interval '1 second' where id in"
            " (select conversation_id from timers where kind = any(:kinds))",
            **given,
        )
        await self.turn(answer)

    # --- what leaves

    async def claim(self) -> list[Item]:
        everybody = {account.id: Allowance(1e6, 1000) for account in self.accounts.values()}
        async with self.database.begin() as connection:
            return (await self.outbox.claim(connection, everybody.get, 50, LEASE)).items

    async def settle(self, *results: Result) -> None:
        async with self.database.begin() as connection:
            await self.outbox.settle(connection, results)

    async def deliver(self, fate: Callable[[Item], Result | None] = lambda _: None) -> list[Left]:
        """Everything that waits, in order; `fate` None is delivered. What died is not in the answer."""
        left: list[Left] = []
        for _ in range(1000):
            items = await self.claim() or await self.claim()  # a claim may find only what can never be sent
            if not items:
                return left
            for item in items:
                result = fate(item) or self.taken(item)
                if isinstance(result, Delivered) and item.operation is not None:
                    left.append(Left(item.place, item.operation, item))
                async with self.database.begin() as connection:
                    await self.outbox.begin(connection, [item])
                    await self.outbox.settle(connection, [result])
            await self.rested()
        raise AssertionError("it never ends")

    async def rested(self) -> None:
        """Every pause is over."""
        await self.execute("update outbox set not_before = null where not_before is not null")
        await self.execute("update lanes set free_at = null, ready_at = now() where ready_at is not null")

    def taken(self, item: Item, ref: str = "") -> Delivered:
        """Return what a platform says that took it. A card begins its thread."""
        ref = ref or f"p{next(self._numbers)}"
        return Delivered(
            item, Sent(ref if item.kind in ("post", "offer", "card", "notice") else ""), timedelta()
        )

    @staticmethod
    def closed(item: Item) -> Result | None:
        """The window is closed where customers are: their posts are parked, as the deliverer does."""
        if item.room is None and item.kind == "post" and item.place.account in ("whatsapp", "messenger"):
            assert isinstance(item.operation, Post)
            if item.operation.template is None:
                return Dead(item, "parked", "send.window_closed", "not written for too long")
        return None

    # --- what is seen

    async def rows(self, statement: str, **given: object) -> list[tuple[object, ...]]:
        async with self.database.begin() as connection:
            return [tuple(row) for row in await connection.execute(text(statement), given)]

    async def sent_ids(self) -> list[list[str]]:
        """Return the platform's ids of each message that has left to a customer, whole or in part."""
        rows = await self.rows(
            "select c.id, c.data_key, o.sealed_ids from outbox o"
            " join conversations v on v.id = o.conversation_id join customers c on c.id = v.customer_id"
            " where o.sealed_ids <> '{}' order by o.position"
        )
        return [
            [self.keys.customer(id_, key).open(one, field=SENT_ID) for one in sealed]  # type: ignore[arg-type,attr-defined]
            for id_, key, sealed in rows
        ]

    async def execute(self, statement: str, **given: object) -> None:
        async with self.database.begin() as connection:
            await connection.execute(text(statement), given)

    async def end(self, conversation: ConversationId) -> None:
        """Resolved, and too long ago to be opened again."""
        await self.execute(
            "update conversations set status = 'resolved', reopen_until = now() - interval '1 minute',"
            " resolved_at = now() where id = :id",
            id=conversation,
        )

    async def customer_of(self, conversation: ConversationId) -> CustomerId:
        [[customer]] = await self.rows(
            "select customer_id from conversations where id = :id", id=conversation
        )
        return customer  # type: ignore[return-value]

    async def root_of(self, conversation: ConversationId) -> CustomerId:
        [[root]] = await self.rows(
            "select coalesce(c.merged_into, c.id) from conversations v join customers c"
            " on c.id = v.customer_id where v.id = :id",
            id=conversation,
        )
        return root  # type: ignore[return-value]

    async def conversations(self) -> int:
        [[n]] = await self.rows("select count(*) from conversations")
        return int(str(n))


def to_customers(left: Iterable[Left]) -> list[str]:
    """Return what customers read, without what says that an AI writes: see test_disclosure."""
    return [undisclosed(text_) for text_ in whole_to_customers(left)]


def whole_to_customers(left: Iterable[Left]) -> list[str]:
    return [one.text for one in left if one.item.room is None and one.item.kind == "post"]


def to_rooms(left: Iterable[Left]) -> list[str]:
    return [one.text for one in left if one.item.room is not None and one.item.kind in ("post", "offer")]


def states(view: View, text_: str) -> list[MessageState]:
    return [message.state for message in view.story if message.text == text_]


def message(view: View, text_: str) -> Message:
    return next(m for m in view.story if m.text == text_)


@asynccontextmanager
async def bench_of(url: str, org: Organization = ORGANIZATION) -> AsyncIterator[Bench]:
    await put_in_force(url, org)
    database = Database(url, pool=4)
    yield await another(database, org)
    await database.close()


async def put_in_force(url: str, org: Organization = ORGANIZATION) -> None:
    database = Database(url, pool=1)
    loaded = Loaded(organization=org, articles=(), warnings=(), digest="test")
    async with database.begin() as connection:
        await apply(connection, Keys(Keyring((b"k" * 32,))), new_id, loaded, by="test", digest="test")
    await database.close()


async def another(database: Database, org: Organization = ORGANIZATION) -> Bench:
    """One more process on the same database, with a memory of its own."""
    keys = Keys(Keyring((b"k" * 32,)))
    async with database.begin() as connection:
        accounts = {a.account: a for a in await all_accounts(connection, keys)}
    return Bench(database, accounts, org)


_RECEIPTS_NEED_NOT_WAIT = text("""
    update conversations set wake_at = now() - interval '1 second'
    where wake_at < now() + interval '1 second' and last_accepted > last_handled
""")
