"""A small story in a real database: two customers, one escalation, one dead delivery."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import text

from bot.core.conversation import (
    Escalation,
    EscalationState,
    Message,
    MessageState,
    Owner,
    OwnerKind,
    Role,
    Status,
    Urgency,
)
from bot.core.effects import AddMessage, AddStep, Audit, Deliver, Move, OpenEscalation
from bot.core.events import Channel, Content, Event, Place, Said, Sender
from bot.core.ids import (
    AgentId,
    ConversationId,
    CustomerId,
    DeliveryId,
    EscalationId,
    MessageId,
    OrgId,
    TeamId,
    new_id,
)
from bot.core.outbound import Post
from orgs.loading import load
from storage import organizations
from storage.arrivals import Arrival, Rules
from storage.database import Database
from storage.inbox import Inboxes
from storage.keys import Keys
from storage.sealed_fields import ERROR, TRY_REASON
from storage.sealing import Keyring
from storage.turns import Commit, Turns
from tests.accounts import all_accounts

SAMPLE = Path(__file__).resolve().parents[2] / "orgs" / "samples" / "saas-support"
ANOTHER = SAMPLE.with_name("minimal")
KEY = bytes(range(32))
WORDS = "My **card** was charged twice <!channel>\x1b[31m"
AGENT = "onboarding-specialist"


@dataclass(frozen=True, slots=True)
class Told:
    """The organization and the ids that the tests ask about."""

    organization: OrgId
    plain: ConversationId
    escalated: ConversationId
    escalation: EscalationId
    dead: DeliveryId
    waiting: DeliveryId
    maria: CustomerId  # of `plain`
    tom: CustomerId  # of `escalated`


_KEY_OF = text("""
    select c.id, c.data_key from conversations v join customers c on c.id = v.customer_id where v.id = :id
""")


_WHERE = text("""
    select v.id, v.customer_id from inbox i join conversations v on v.id = i.conversation_id
    where i.external_id = :key
""")


def keys_of_tests() -> Keys:
    return Keys(Keyring([KEY]))


async def tell(database_url: str) -> Told:
    database, keys = Database(database_url), keys_of_tests()
    try:
        async with database.begin() as connection:
            applied = await organizations.apply(
                connection, keys, new_id, load(SAMPLE), by="shell", digest="d" * 64
            )
        await say(database, keys, "101", "Maria", Said("How do I invite people?"))
        await say(database, keys, "102", "Tom", Said(WORDS))
        return await _answer(database, keys, applied.organization)
    finally:
        await database.close()


async def another(database: Database, tmp_path: Path) -> OrgId:
    """Another organization beside it, with nothing but its file."""
    file = tmp_path / "organization.yaml"
    written = (ANOTHER / "organization.yaml").read_text("utf-8")
    for name in ("TELEGRAM_BOT_TOKEN", "SLACK_BOT_TOKEN", "SLACK_APP_TOKEN"):
        written = written.replace(name, f"RIVAL_{name}")
    file.write_text(written, "utf-8")
    async with database.begin() as connection:
        applied = await organizations.apply(connection, keys_of_tests(), new_id, load(file), by="shell")
    return applied.organization


async def say(
    database: Database,
    keys: Keys,
    chat: str,
    name: str,
    content: Content,
    *,
    event: str = "",
    verified: bool = True,
) -> None:
    """A customer does something in a private chat. Their chat is their address."""
    async with database.begin() as connection:
        account = next(a for a in await all_accounts(connection, keys) if a.account == "telegram")
        told = Event(
            external_id=event or f"update-{chat}",
            place=Place(Channel("telegram"), account.account, chat),
            sender=Sender(chat, name, verified=verified),
            content=content,
            occurred_at=datetime(2026, 3, 1, tzinfo=UTC),
            message="1",
        )
        rules = Rules(timedelta(), 8, 100_000, 1_000_000, "agent", AGENT)
        await Inboxes(keys, new_id).accept(connection, [Arrival(account, told, rules)])


async def where(database: Database, keys: Keys, event: str) -> tuple[ConversationId, CustomerId]:
    """Return where an event of Telegram was stored, and whose matter that is."""
    async with database.begin() as connection:
        account = next(a for a in await all_accounts(connection, keys) if a.account == "telegram")
        row = (await connection.execute(_WHERE, {"key": account.keys.index.of("event", event).hex()})).one()
    return ConversationId(row.id), CustomerId(row.customer_id)


async def _answer(database: Database, keys: Keys, organization: OrgId) -> Told:
    turns = Turns(keys, new_id)
    escalation = EscalationId(new_id())
    async with database.begin() as connection:
        claimed = await turns.claim(connection, 10, timedelta(seconds=30))
        by_name = {view.conversation.customer_name: (lease, view) for lease, view in claimed}
        commits = []
        for name, (lease, view) in by_name.items():
            reply = Message(
                id=MessageId(new_id()),
                role=Role.AGENT,
                sender=AGENT,
                text=f"Hello {name}!",
                state=MessageState.RELEASED,
                at=view.now,
            )
            effects = [AddMessage(reply), Deliver(reply.id, Post(reply.text))]
            if name == "Tom":
                effects += _escalated(escalation, view.now)
            commits.append(
                Commit(
                    lease=lease,
                    view=view,
                    effects=tuple(effects),
                    insist=True,
                    wake_at=None,
                    started_at=view.now,
                    stages={"commit": 1.25, "load": 2.0, "act": 3.5},
                    reasons=((f"agent:{AGENT}", "one article fits: invite-people"),),
                )
            )
        assert await turns.commit(connection, commits) == ["committed", "committed"]
        ids = {name: view.conversation.id for name, (_, view) in by_name.items()}
        wrapped = await connection.execute(_KEY_OF, {"id": ids["Maria"]})
        sealer = keys.customer(*wrapped.one())
        dead = await connection.scalar(
            text(
                "update outbox set state = 'failed', attempts = 3, error = :error"
                " where conversation_id = :id returning id"
            ),
            {"id": ids["Maria"], "error": sealer.seal("bot was blocked", field=ERROR)},
        )
        await connection.execute(
            text(
                "insert into deliveries (id, organization_id, outbox_id, attempt, at, outcome, reason)"
                " values (:id, :organization, :outbox, 3, clock_timestamp(), 'send.unreachable', :reason)"
            ),
            {
                "id": new_id(),
                "organization": organization,
                "outbox": dead,
                "reason": sealer.seal("bot was blocked", field=TRY_REASON),
            },
        )
        waiting = await connection.scalar(
            text("select id from outbox where conversation_id = :id"), {"id": ids["Tom"]}
        )
        rows = await connection.execute(text("select id, customer_id from conversations"))
        customers = {row.id: CustomerId(row.customer_id) for row in rows}
    return Told(
        organization,
        ids["Maria"],
        ids["Tom"],
        escalation,
        DeliveryId(dead),
        DeliveryId(waiting),
        customers[ids["Maria"]],
        customers[ids["Tom"]],
    )


def _escalated(escalation: EscalationId, now: datetime) -> list[OpenEscalation | AddStep | Audit | Move]:
    team = TeamId("billing")
    return [
        OpenEscalation(
            Escalation(
                id=escalation,
                state=EscalationState.WAITING,
                agent=AgentId(AGENT),
                team=team,
                reason="Money: a charge.",
                why="trigger billing_inquiry",
                tried="nothing yet",
                urgency=Urgency.NORMAL,
                opened_at=now,
                deadline=now + timedelta(minutes=5),
                step=0,
                trigger="billing_inquiry",
            )
        ),
        AddStep(escalation, f"agent:{AGENT}", "team:billing", "the rule says so", "Tom: charged twice"),
        Audit(f"agent:{AGENT}", "escalation.opened", f"escalation:{escalation}", {"team": "billing"}),
        Move(Owner(OwnerKind.QUEUE, team), Status.ESCALATED),
    ]
