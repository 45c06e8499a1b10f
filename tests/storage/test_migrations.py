"""Work left by an older version goes on after the migration: rows as that version wrote them, by SQL."""

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from alembic import command
from alembic.config import Config
from psycopg import sql
from sqlalchemy import create_engine, text
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.core.conversation import MessageState, OwnerKind, Status
from bot.core.events import Edited
from bot.core.ids import ConversationId, MessageId, new_id
from storage import migrate
from storage.database import Database, engine_url
from storage.keys import Keys, OrgKeys
from storage.migrate import upgrade
from storage.sealed_fields import PLACE, PROFILE
from storage.sealing import Sealer
from tests.tools.shared_servers import Addresses, drop, on_database
from tests.turns.bench import HUGO, Bench, bench_of, states, to_customers, to_rooms

FOLDER = Path(migrate.__file__).parent / "migrations"


@pytest.fixture
def empty_url(servers: Addresses, worker_id: str) -> Iterator[str]:
    """A database without a schema."""
    name = f"old_{worker_id}_{new_id().hex}"
    with psycopg.connect(servers.admin_url, autocommit=True) as admin:
        admin.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        yield on_database(servers.admin_url, name)
        drop(admin, name)


def migrated_to(url: str, revision: str) -> None:
    engine = create_engine(engine_url(url))
    with engine.connect() as connection:
        config = Config()
        config.set_main_option("script_location", str(FOLDER))
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        connection.commit()
    engine.dispose()


@dataclass
class Old:
    """A matter of the spine's: an organization of one phone channel, and staff in Slack."""

    desk: Bench
    conversations: dict[str, ConversationId] = field(default_factory=dict)
    messages: dict[str, MessageId] = field(default_factory=dict)

    @property
    def keys(self) -> Keys:
        return self.desk.keys

    @property
    def ours(self) -> OrgKeys:
        return self.desk.accounts["telegram"].keys

    async def insert(self, connection: AsyncConnection, table: str, **row: object) -> None:
        names = ", ".join(f'"{name}"' for name in row)
        values = ", ".join(f":{name.rstrip('_')}" for name in row)
        given = {name.rstrip("_"): value for name, value in row.items()}
        await connection.execute(text(f"insert into {table} ({names}) values ({values})"), given)

    async def matter(self, name: str, *, current: bool = True, **more: object) -> Sealer:
        """A conversation in which one thing was said and one is to be answered yet."""
        organization, account = self.desk.tenant, self.desk.accounts["telegram"].id
        customer, identity, lane = new_id(), new_id(), new_id()
        conversation = self.conversations[name] = ConversationId(new_id())
        wrapped, sealer = self.keys.new_customer(customer)  # type: ignore[arg-type]
        profile = {"name": "Maya", "handle": "", "language": "en"}
        index = self.ours.index
        async with self.desk.database.begin() as connection:
            await self.insert(
                connection,
                "customers",
                id=customer,
                organization_id=organization,
                data_key=wrapped,
                profile=sealer.seal(json.dumps(profile), field=PROFILE),
            )
            await self.insert(
                connection,
                "identities",
                id=identity,
                organization_id=organization,
                account_id=account,
                address_hash=index.of("identity", "telegram", name, name),
                customer_id=customer,
            )
            await self.insert(
                connection,
                "lanes",
                id=lane,
                organization_id=organization,
                account_id=account,
                chat_hash=index.of("chat", "telegram", name),
                ready_at=datetime.now(UTC),
            )
            row: dict[str, object] = {
                "id": conversation,
                "organization_id": organization,
                "customer_id": customer,
                "status": "in_progress",
                "account_id": account,
                "identity_id": identity,
                "lane_id": lane,
                "place": sealer.seal(json.dumps([name, ""]), field=PLACE),
                "current": current,
                "owner_kind": "agent",
                "owner_name": "onboarding-specialist",
                "memory": json.dumps({"misses": 1, "advised": ["U1"]}),
                "accepted": 1,
                "handled": 1,
                "position": 1,
                "said": 1,
            } | more
            await self.insert(connection, "conversations", **row)
            await self.said(connection, sealer, name, f"Hello from {name}", 1)
            await self.waits(connection, sealer, name, f"Answer to {name}", 2, lane)
        return sealer

    async def said(
        self, connection: AsyncConnection, sealer: Sealer, name: str, words: str, position: int,
        role: str = "customer", state: str = "received", ref: str = "",
    ) -> MessageId:  # fmt: skip
        id_ = self.messages[words] = MessageId(new_id())
        await self.insert(
            connection,
            "messages",
            id=id_,
            conversation_id=self.conversations[name],
            organization_id=self.desk.tenant,
            position=position,
            sender_type="human",
            sender_id="hugo" if role == "staff" else "x",
            role=role,
            content=sealer.seal(words, field="messages.content"),
            state=state,
            external_id=ref,
            created_at=datetime.now(UTC),
        )
        await connection.execute(
            text("update conversations set position = :position where id = :id"),
            {"position": position, "id": self.conversations[name]},
        )
        return id_

    async def waits(
        self, connection: AsyncConnection, sealer: Sealer, name: str, words: str, position: int, lane: object
    ) -> None:
        """Write a post as the first version did: no speaker, no template, and whose the files are."""
        id_ = await self.said(connection, sealer, name, words, position, "agent", "released")
        fields = {"text": words, "buttons": [], "attachments": [], "files_from": "", "reply_to": ""}
        await self.insert(
            connection,
            "outbox",
            id=new_id(),
            organization_id=self.desk.tenant,
            lane_id=lane,
            conversation_id=self.conversations[name],
            message_id=id_,
            kind="post",
            payload=sealer.seal(json.dumps(["Post", fields]), field="outbox.payload"),
            state="waiting",
        )

    async def held(self, name: str, sealer: Sealer) -> None:
        """Hugo has it, in a thread whose card is the thread's own first message."""
        organization, slack = self.desk.tenant, self.desk.accounts["slack"].id
        escalation, lane, conversation = new_id(), new_id(), self.conversations[name]
        now = datetime.now(UTC)
        words = {"reason": "A reason.", "why": "why", "tried": ""}
        async with self.desk.database.begin() as connection:
            await self.insert(
                connection,
                "escalations",
                id=escalation,
                organization_id=organization,
                conversation_id=conversation,
                from_agent="onboarding-specialist",
                to_human="hugo",
                reason=sealer.seal(json.dumps(words), field="escalations.reason"),
                team="escalation-team",
                state="held",
                urgent=False,
                opened_at=now,
                taken_at=now,
            )
            await self.insert(
                connection,
                "lanes",
                id=lane,
                organization_id=organization,
                account_id=slack,
                chat_hash=self.ours.index.of("chat", "slack", "#escalation"),
            )
            await self.insert(
                connection,
                "rooms",
                id=new_id(),
                organization_id=organization,
                conversation_id=conversation,
                escalation_id=escalation,
                account_id=slack,
                lane_id=lane,
                team="escalation-team",
                chat="#escalation",
                chat_id="C1",
                thread="170.1",
            )
            note = await self.said(
                connection, sealer, name, "**Hugo Martin** has taken this", 3, "system", "note"
            )
            await connection.execute(
                text("update messages set sender_id = 'desk', created_at = :at where id = :id"),
                {"id": note, "at": now - timedelta(seconds=5)},
            )
            held = await self.said(connection, sealer, name, "I look into it", 4, "staff", "held", "s1")
            await connection.execute(
                text(
                    "insert into timers values (:id, 'release', :subject, now() - interval '1 second'),"
                    " (:id, 'answer_due', '', now() + interval '9 minutes')"
                ),
                {"id": conversation, "subject": str(held)},
            )
            await connection.execute(
                text(
                    "update conversations set owner_kind = 'person', owner_name = 'hugo',"
                    " status = 'escalated', wake_at = now() where id = :id"
                ),
                {"id": conversation},
            )


_INSTALLED = ("organizations", "organization_versions", "accounts")


def installed(newest: str, url: str) -> None:
    """Write what an organization leaves when it is applied, in the columns that the older version has."""
    with psycopg.connect(newest) as new, psycopg.connect(url) as old:
        for table in _INSTALLED:
            name = sql.Identifier(table)
            rows = new.execute(sql.SQL("select to_jsonb(t) - 'owner_id' from {} t").format(name))
            for (row,) in rows.fetchall():
                statement = "insert into {} select (jsonb_populate_record(null::{}, %s::jsonb)).*"
                old.execute(sql.SQL(statement).format(name, name), (json.dumps(row),))


@asynccontextmanager
async def spine(url: str, newest: str) -> AsyncIterator[Old]:
    """A desk as the first version had it. `newest` is a database in which an organization can be applied."""
    migrated_to(url, "0001")
    async with bench_of(newest) as applied:
        installed(newest, url)
        desk = Bench(Database(url, pool=4), applied.accounts, applied.organization)
        yield Old(desk)
        await desk.database.close()


@pytest.mark.long
async def test_open_conversations_go_on_after_the_migration(empty_url: str, database_url: str) -> None:
    async with spine(empty_url, database_url) as old:
        sealer = await old.matter("maya")
        await old.held("maya", sealer)
        await old.matter("tom")
        await old.matter("over", current=False, status="resolved", reopen_until=datetime.now(UTC))
        await old.desk.database.close()
        assert "0002" in upgrade(empty_url)
        desk = Bench(Database(empty_url, pool=4), old.desk.accounts, old.desk.organization)
        try:
            await goes_on(desk, old)
        finally:
            await desk.database.close()


async def goes_on(desk: Bench, old: Old) -> None:
    maya = old.conversations["maya"]
    view = await desk.view(maya)
    assert (view.conversation.place.account, view.conversation.place.chat) == ("telegram", "maya")
    assert (view.conversation.owner.kind, view.conversation.status) == (OwnerKind.PERSON, Status.ESCALATED)
    assert view.conversation.memory.misses == 1
    assert view.conversation.verified
    assert view.escalation is not None
    assert view.escalation.room is not None
    assert (await desk.view(old.conversations["over"])).conversation.status is Status.RESOLVED

    left = await desk.deliver()
    assert {(one.place.chat, one.text) for one in left} == {
        (name, f"Answer to {name}") for name in ("maya", "tom", "over")
    }
    await desk.turn()  # the undo of what Hugo had written is over
    assert to_customers(await desk.deliver()) == ["I look into it"]
    await desk.turn()
    assert states(await desk.view(maya), "I look into it") == [MessageState.DELIVERED]

    view = await desk.view(maya)
    await desk.staff("And it is done", view, HUGO, ref="s2")
    await desk.staff(Edited("s1", "I looked into it"), view)
    await desk.undo_is_over()
    left = [one for one in await desk.deliver() if one.item.room is None]
    assert [one.item.kind for one in left] == ["amend", "post"]
    assert left[0].item.refs, "it is changed where it was delivered"
    assert {one.place.chat for one in left} == {"maya"}
    assert to_customers(left) == ["And it is done"]
    await desk.press("resolve", await desk.view(maya))
    assert (await desk.view(maya)).conversation.status is Status.RESOLVED
    left = await desk.deliver()
    assert any("marked this as solved" in text_ for text_ in to_rooms(left))
    assert [thread for (thread,) in await desk.rows("select thread from rooms")] == ["170.1"]


@pytest.mark.long
async def test_a_customer_who_writes_after_the_migration_is_heard(empty_url: str, database_url: str) -> None:
    async with spine(empty_url, database_url) as old:
        await old.matter("maya")
        await old.desk.database.close()
        upgrade(empty_url)
        desk = Bench(Database(empty_url, pool=4), old.desk.accounts, old.desk.organization)
        try:
            id_ = await desk.say("Me again", "maya")
            assert "An answer." in to_customers(await desk.deliver())
            assert states(await desk.view(id_), "Me again") == [MessageState.RECEIVED]
        finally:
            await desk.database.close()


@pytest.mark.long
async def test_a_customer_erased_before_the_migration_stays_erased_and_holds_nobody_up(
    empty_url: str, database_url: str
) -> None:
    async with spine(empty_url, database_url) as old:
        await old.matter("maya")
        await old.matter("tom")
        await old.desk.execute(
            "update customers set data_key = null, erased_at = now() where id ="
            " (select customer_id from conversations where id = :id)",
            id=old.conversations["maya"],
        )
        await old.desk.database.close()
        upgrade(empty_url)
        desk = Bench(Database(empty_url, pool=4), old.desk.accounts, old.desk.organization)
        try:
            assert to_customers(await desk.deliver()) == ["Answer to tom"]
        finally:
            await desk.database.close()


@pytest.mark.long
async def test_an_older_conversation_gets_a_number_by_the_migration(empty_url: str) -> None:
    migrated_to(empty_url, "0018")
    filled = """
        insert into organizations (id, name, data_key, index_key)
            select gen_random_uuid(), 'org' || n, '', '' from generate_series(1, 2) n;
        insert into customers (id, organization_id, data_key, profile)
            select gen_random_uuid(), id, '', '' from organizations;
        insert into conversations (id, organization_id, customer_id, status, owner_kind, owner_name)
            select gen_random_uuid(), c.organization_id, c.id, 'resolved', 'agent', 'a'
            from customers c, generate_series(1, 3000);
    """
    with psycopg.connect(empty_url, autocommit=True) as connection:
        connection.execute(filled)
        upgrade(empty_url)
        rows = connection.execute("select organization_id, number from conversations").fetchall()
        assert len(rows) == 6000
        assert len(set(rows)) == 6000
        numbers = [number for _, number in rows]
        assert min(numbers) >= 100_000
        assert sum(number < 1_000_000 for number in numbers) > 5_900
        assert max(numbers) < 100_000_000
        # A program of the version before goes on beginning conversations until it is stopped.
        late = connection.execute("""
            insert into conversations (id, organization_id, customer_id, status, owner_kind, owner_name)
            select gen_random_uuid(), organization_id, id, 'resolved', 'agent', 'a' from customers
            returning number
        """).fetchall()
    assert all(number >= 10**11 for [number] in late)
