"""The desk of a walked conversation: in the model alone, or in PostgreSQL with the model beside it."""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import TypeVar
from uuid import UUID

from sqlalchemy import text

from bot.core.connector import MODEST, Capabilities
from bot.core.conversation import (
    Conversation,
    DeliveryReport,
    HolderLeft,
    Input,
    Memory,
    Message,
    Origin,
    Owner,
    OwnerKind,
    Role,
    Status,
    TeamChanged,
    Timer,
    View,
)
from bot.core.entries import changed_message, log_entry
from bot.core.errors import StorageUnavailable
from bot.core.events import Channel, Event, Place, ReceiptStatus
from bot.core.ids import ConversationId, CustomerId, DeliveryId, MessageId, OrgId, new_id
from bot.turns.turn import Decision, Rulebook
from orgs.documents import from_document, to_document
from orgs.loading import Loaded, load
from orgs.specification.organization import Organization
from storage.accounts import Account
from storage.arrivals import Arrival, Rules
from storage.database import Database
from storage.entries import NOBODY, Entry
from storage.inbox import Inboxes
from storage.keys import Keys
from storage.organizations import apply
from storage.sealing import Keyring
from storage.turns import Commit, Lease, Turns
from storage.views import STORY, views
from tests.accounts import all_accounts
from tests.story.rig import SAMPLE
from tests.turns.world import State

T = TypeVar("T")
HANDOFF, CLOSED, LATER = "You are handed over.", "Nobody is in.", "It takes longer."
NUMBER = "The number of your case is #4831-27."
SOON, BACK = "You hear from us within {wait}.", "They are back {opens}."
FIRST, SECOND = "onboarding-specialist", "technical-troubleshooter"
LEASE = timedelta(minutes=1)


def organization() -> Organization:
    """The sample, with two agents that name each other and texts that can be told apart."""
    document: dict[str, object] = dict(to_document(load(SAMPLE).organization))
    policies = dict(document["policies"])  # type: ignore[call-overload]
    texts = {
        "handoff": HANDOFF,
        "out_of_hours": CLOSED,
        "not_taken_in_time": LATER,
    }
    texts |= {"answer_expected": SOON, "team_is_back": BACK}
    document["policies"] = policies | {"texts": {"en": policies["texts"]["en"] | texts}}
    for agent, other in zip(document["agents"], (SECOND, FIRST), strict=True):  # type: ignore[call-overload]
        agent["escalation_rules"].append({"trigger": "ping", "target": other})
    return from_document(document)  # type: ignore[arg-type]


def capabilities(*, edits: bool) -> Capabilities:
    return replace(
        MODEST,
        edits=edits,
        erases=edits,
        buttons=8,
        typing=True,
        per_second=1000.0,
        receipts=frozenset(ReceiptStatus),
        window=timedelta(hours=24),
    )


class ModelDesk:
    """The model alone: a turn sees what `State` says."""

    def __init__(self, org: Organization) -> None:
        self.organization = org
        self.now = datetime(2026, 3, 2, 10, tzinfo=UTC)  # a Monday within hours
        self.customer = CustomerId(new_id())
        self.place = Place(Channel("telegram"), "telegram", str(new_id()))
        self._seqs = count(1)
        self._inputs: list[Input] = []
        self.return_verified, self._answered = True, False
        self._id = ConversationId(new_id())
        self._organization_id = OrgId(new_id())
        self.state = State(Owner(OwnerKind.AGENT, FIRST), Status.PENDING, Memory(), None, {}, {})

    def tick(self) -> datetime:
        self.now += timedelta(milliseconds=1)
        return self.now

    def pass_time(self, by: timedelta) -> None:
        """All clocks of the conversation come nearer."""
        self.state.timers = {
            key: replace(timer, due_at=timer.due_at - by) for key, timer in self.state.timers.items()
        }
        self.state.replies = {
            kind: tuple(age + by for age in ages) for kind, ages in self.state.replies.items()
        }

    def accept(self, event: Event, origin: Origin) -> None:
        if event.returns is not None and not self._answered:
            self._answered = self.return_verified = event.returns.verified
        message = None
        known = changed_message(event) in {
            m.ref for m in self.state.messages.values() if m.role is Role.CUSTOMER
        }
        if (entry := log_entry(event, origin, known=known)) is not None:
            message = Message(
                id=MessageId(new_id()),
                role=entry.role,
                sender=entry.sender or str(self.customer),
                text=entry.text,
                state=entry.state,
                at=self.tick(),
                ref=entry.ref,
                attachments=entry.attachments,
                reference=entry.reference,
            )
            self.state.messages[message.id] = message
        self._inputs.append(
            Input(seq=next(self._seqs), origin=origin, body=event, message=message.id if message else None)
        )

    def report(self, report: DeliveryReport | HolderLeft | TeamChanged) -> None:
        self._inputs.append(Input(seq=next(self._seqs), origin=Origin.SELF, body=report))

    def room_opened(self, room: UUID, thread: str) -> None:
        known = self.state.rooms[room]
        opened = replace(known, place=replace(known.place, thread=thread))
        self.state.rooms[room] = opened
        if self.state.escalation is not None and self.state.escalation.room == known:
            self.state.escalation = replace(self.state.escalation, room=opened)

    def load(self) -> View:
        state = self.state
        return View(
            now=self.tick(),
            conversation=Conversation(
                id=self._id,
                organization=self._organization_id,
                customer=self.customer,
                customer_name="Maya",
                language="en",
                place=self.place,
                owner=state.owner,
                status=state.status,
                created_at=self.now,
                number=483127,
                memory=state.memory,
                return_verified=self.return_verified,
            ),
            replies={kind: tuple(self.now - age for age in ages) for kind, ages in state.replies.items()},
            escalation=state.escalation,
            closed=state.closed,
            inputs=tuple(self._inputs),
            timers=tuple(sorted(state.timers.values(), key=_by_due)),
            story=tuple(state.messages.values()),
            unsent=state.unsent(),
            begun=state.begun(),
            refs={platform_id(out.message): (out.message,) for out in state.outbox if out.message},
            rooms=tuple(state.rooms.values()),
        )

    def commit(self, view: View, decision: Decision) -> None:  # noqa: ARG002  # of the stored desk
        self.state.apply(decision.turn.effects)
        self.state.settle()
        self._inputs.clear()

    def rules(self, *, edits: bool) -> Rulebook:
        return Rulebook(self.organization, {"telegram": capabilities(edits=edits)}, new_id)


def _by_due(timer: Timer) -> tuple[datetime, str, str]:
    return timer.due_at, timer.kind, timer.subject


class Stored:
    """A database with the organization in it, for as many conversations as wanted."""

    def __init__(self, url: str, org: Organization) -> None:
        self.loop = asyncio.new_event_loop()
        self.keys = Keys(Keyring((b"k" * 32,)))
        self.inboxes = Inboxes(self.keys, new_id)
        self.turns = Turns(self.keys, new_id)
        self.database = Database(url, pool=1)
        self.organization = org
        self.accounts: dict[str, Account] = self.loop.run_until_complete(self._install())

    async def _install(self) -> dict[str, Account]:
        loaded = Loaded(organization=self.organization, articles=(), warnings=(), digest="test")
        async with self.database.begin() as connection:
            await apply(connection, self.keys, new_id, loaded, by="test", digest="test")
        async with self.database.begin() as connection:
            return {a.account: a for a in await all_accounts(connection, self.keys)}

    def close(self) -> None:
        self.loop.run_until_complete(self.database.close())
        self.loop.close()


class StoredDesk(ModelDesk):
    """PostgreSQL decides what a turn sees, and after every turn the model must say the same."""

    def __init__(self, stored: Stored) -> None:
        super().__init__(stored.organization)
        self.now = datetime.now(UTC)
        self._stored = stored
        self._lease: Lease | None = None
        self._numbers = count(1)
        self._conversation: ConversationId | None = None

    def _run(self, work: Coroutine[object, object, T]) -> T:
        return self._stored.loop.run_until_complete(work)

    def accept(self, event: Event, origin: Origin) -> None:  # noqa: ARG002  # the account tells it
        account = self._stored.accounts[event.place.account]
        event = replace(event, external_id=f"{self.place.chat}.{event.external_id}")
        rules = Rules(timedelta(), 8, 100_000, 1_000_000, "agent", FIRST)

        async def work() -> None:
            async with self._stored.database.begin() as connection:
                accepted = await self._stored.inboxes.accept(connection, [Arrival(account, event, rules)])
            if accepted.wakes:
                self._conversation = self._conversation or accepted.wakes[0].conversation
                assert accepted.wakes[0].conversation == self._conversation, "the conversation was left"

        self._run(work())

    def report(self, report: DeliveryReport | HolderLeft | TeamChanged) -> None:
        async def work() -> None:
            customer, id_ = self.customer, self._conversation
            assert id_ is not None
            async with self._stored.database.begin() as connection:
                row = (await connection.execute(_KEY, {"id": id_})).one()
                customer = CustomerId(row.id)
                await self._stored.inboxes.tell(
                    connection,
                    [
                        Entry(
                            NOBODY,
                            f"{id_}:{next(self._numbers)}",
                            OrgId(row.organization_id),
                            id_,
                            Origin.SELF,
                            report,
                            self._stored.keys.customer(customer, row.data_key),
                        )
                    ],
                )

        self._run(work())

    def room_opened(self, room: UUID, thread: str) -> None:
        super().room_opened(room, thread)
        self._execute(_OPENED, id=room, thread=thread)

    def pass_time(self, by: timedelta) -> None:
        super().pass_time(by)
        self._execute(_HASTEN, id=self._conversation, by=by.total_seconds())

    def _execute(self, statement: object, **values: object) -> None:
        async def work() -> None:
            async with self._stored.database.begin() as connection:
                await connection.execute(statement, values)  # type: ignore[call-overload]

        self._run(work())

    def load(self) -> View:
        async def work() -> View | None:
            async with self._stored.database.begin() as connection:
                await connection.execute(_WAKE, {"id": self._conversation})
                claimed = await self._stored.turns.claim(connection, 10, LEASE)
            self._lease, view = claimed[0]
            return view

        if self._conversation is None:
            return super().load()
        view = self._run(work())
        for message in view.story:
            if message.room is None:
                self.state.messages.setdefault(message.id, message)
        self._compare(view)
        # Nothing leaves the stored outbox: only the model knows what was delivered.
        state = self.state
        return replace(view, unsent=state.unsent(), begun=state.begun())

    def commit(self, view: View, decision: Decision) -> None:
        if self._conversation is None or self._lease is None:
            super().commit(view, decision)
            return
        commit = Commit(
            lease=self._lease,
            view=view,
            effects=tuple(decision.turn.effects),
            insist=True,
            wake_at=decision.turn.wake_at,
            started_at=view.now,
            stages={},
            reasons=tuple(decision.turn.reasons),
        )

        async def work() -> View:
            with suppress(StorageUnavailable):
                async with self._stored.database.begin() as connection:
                    assert await self._stored.turns.commit(connection, [commit]) == ["committed"]
            async with self._stored.database.begin() as connection:
                id_ = view.conversation.id
                twice = (await connection.execute(_TWICE, {"id": id_})).all()
                assert not twice, "a message has two deliveries"
                return (await views(connection, self._stored.keys, [id_]))[id_]

        after = self._run(work())
        super().commit(view, decision)
        self._compare(after)

    def _compare(self, view: View) -> None:
        stored, model = State.of(view), self.state
        assert stored.owner == model.owner
        assert stored.status is model.status
        assert stored.memory == model.memory
        assert stored.timers == model.timers
        assert stored.escalation == model.escalation
        assert stored.rooms == model.rooms
        assert stored.closed == model.closed
        # The model has them in the order of turns, the log in that of acceptance: see test_log_order.
        assert all(model.messages[id_] == message for id_, message in stored.messages.items())
        assert len(stored.messages) >= min(len(model.messages), STORY)


_KEY = text("""
    select c.id, c.organization_id, c.data_key from conversations v join customers c on c.id = v.customer_id
    where v.id = :id
""")
_OPENED = text("update rooms set thread = :thread, chat_id = chat where id = :id")
_HASTEN = text("""
    update timers set due_at = due_at - make_interval(secs => :by) where conversation_id = :id
""")
_WAKE = text("""
    update conversations set wake_at = case when id = :id then timestamptz '-infinity' end, lease_until = null
""")
_TWICE = text("""
    select message_id from outbox
    where conversation_id = :id and room_id is null and kind = 'post' and state <> 'withdrawn'
    group by message_id having count(*) > 1
""")


def platform_id(message: MessageId) -> str:
    """Return the id by which the platform knows what was delivered of it."""
    return f"p{message}"


def delivery() -> DeliveryId:
    return DeliveryId(new_id())
