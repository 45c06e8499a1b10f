"""Every hot statement reads a few pages, whatever the size of the tables.

Each statement is prepared and explained as it runs in production, with a plan made for its values and with
the generic plan that PostgreSQL turns to after some executions. No large table may be read as a whole, and
what is read must stay below a bound that knows nothing of the tables' size: the same bound holds for the
30,000 messages of the test run and for `PLAN_MESSAGES=1000000`.
"""

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import sql as psql
from sqlalchemy import TextClause
from sqlalchemy.dialects.postgresql import psycopg as dialect

from bot.core.permissions import Scope
from storage import (
    asked_numbers,
    audit,
    early_changes,
    early_replies,
    effect_statements,
    files,
    hashes,
    inputs,
    known_places,
    lanes,
    locked_conversations,
    merging,
    notices,
    outbox_statements,
    place_updates,
    places,
    retention,
    rewriting,
    rooms,
    senders,
    settled_rows,
    staff_effects,
    staff_events,
    turns,
    views,
)
from storage import queries_sql as screens
from storage.row_security import TENANT
from storage.scopes import limits
from tests.tools.shared_servers import Addresses, clone, drop, on_database

MESSAGES = int(os.environ.get("PLAN_MESSAGES", "30000"))
PER_CONVERSATION = 10
AT_ONCE = 5  # conversations in a batch of the bus
WAITING = 20  # conversations, lanes and escalations in which something waits

LARGE = frozenset(
    [
        "conversations",
        "messages",
        "inbox",
        "outbox",
        "lanes",
        "timers",
        "escalations",
        "escalation_steps",
        "identities",
        "places",
        "files",
        "customers",
        "rooms",
        "turns",
        "deliveries",
        "notices",
        "audit_log",
        "audit_chain",
    ]
)

FILL = (
    """
    create function v7(timestamptz, bigint) returns uuid language sql immutable as $$
        select (lpad(to_hex((extract(epoch from $1) * 1000)::bigint), 12, '0') || '70008'
            || lpad(to_hex($2), 15, '0'))::uuid
    $$
    """,
    "set session_replication_role = replica",  # no foreign keys are checked while filling
    """
    insert into organizations (id, name, data_key, index_key)
    select v7('2026-01-01', n), 'organization ' || n, '', '' from generate_series(0, 9) n
    """,
    """
    insert into accounts (id, organization_id, channel, account, serves)
    select v7('2026-01-01', n), v7('2026-01-01', n %% 10),
        case when n < 10 then 'telegram' else 'slack' end, 'a' || n,
        case when n < 10 then 'customers' else 'staff' end
    from generate_series(0, 19) n
    """,
    """
    create table story as
    select n, at, v7(at, n) as id, v7('2026-01-01', n %% 10) as organization, v7('2026-01-01',
        n %% 10) as account,
        v7('2026-01-01', n %% 10 + 10) as staff, n > %(conversations)s - %(waiting)s as waits
    from (select n, now() - (%(conversations)s - n) * interval '100 days' / %(conversations)s as at
        from generate_series(1, %(conversations)s) n) t
    """,
    """
    insert into customers (id, organization_id, data_key, profile, created_at)
    select id, organization, sha256(n::text::bytea) || sha256('x'), repeat('p', 120), at from story
    """,
    """
    insert into identities (id, organization_id, account_id, address_hash, customer_id)
    select id, organization, account, substr(sha256(n::text::bytea), 1, 16), id from story
    """,
    """
    insert into lanes (id, organization_id, account_id, chat_hash, ready_at)
    select id, organization, account, substr(sha256(n::text::bytea), 1, 16), case when waits then now() end
    from story
    """,
    """
    insert into places (id, organization_id, account_id, place_hash, shared, private, identity_id,
        conversation_id, lane_id, place, heard_at)
    select id, organization, account, substr(sha256(n::text::bytea), 1, 16), false, true, id, id, id,
        repeat('p', 60), at
    from story
    """,
    """
    insert into files (id, organization_id, conversation_id, customer_id, account_id, message_id, position,
        state, due_at)
    select v7(at, n * 16 + 1), organization, id, id, account, v7(at, n * 16 + 1), 0,
        case when waits then 'waiting' else 'stored' end, case when waits then now() end
    from story where n %% 10 = 3 or waits
    """,
    """
    insert into conversations (id, number, organization_id, customer_id, status, created_at, place_id,
        owner_kind, owner_name, memory, last_accepted, last_handled, position, last_customer_input,
            pending_since, wake_at)
    select id, 100000 + n, organization, id,
        case when waits then 'escalated' when n %% 50 = 0 then 'active' else 'resolved' end,
        at, id, 'agent', 'tier1', '{}', 5, case when waits then 4 else 5 end,
            10, 5,
        case when waits then now() end,
        case when waits then now() when n %% 50 = 0 then now() + interval '1 day' end
    from story
    """,
    """
    insert into messages (id, conversation_id, organization_id, position, sender_type, sender_id, role,
        content,
        state, created_at)
    select v7(at, n * 16 + p), id, organization, p, 'human', id::text, 'customer', repeat('m', 200),
        'received', at
    from story, generate_series(1, %(per)s) p order by n, p
    """,
    """
    insert into inbox (account_id, external_id, organization_id, conversation_id, seq, origin, message_id,
        kind,
        body, accepted_at)
    select account, 'update:' || n * 16 + s, organization, id, s, 'customer', v7(at, n * 16 + s), 'Said',
        case when at > now() - interval '30 hours' then repeat('b', 400) end, at
    from story, generate_series(1, 5) s where at > now() - interval '32 days' or waits order by n, s
    """,
    """
    insert into inbox (account_id, external_id, organization_id, origin, kind, body, waits_for, accepted_at)
    select staff, 'early:' || n, organization, 'room', 'Said', '', 'C' || n || '/1.' || n, at
    from story where n in (1, 1001, 2001)
    """,
    """
    insert into outbox (id, organization_id, lane_id, conversation_id, message_id, place_id, kind, payload,
        state, created_at, settled_at, external_ids, notice_id)
    select v7(at, n * 16 + p), organization, id, id, v7(at, n * 16 + p), id, 'post', repeat('o', 250),
        case when p = 5 and waits then 'waiting' when p = 5 and n %% 1000 = 1 then 'failed'
        when p = 5 and n %% 1000 = 3 then 'unknown' else 'delivered' end, at,
        case when not (p = 5 and waits) then at end, array['sent:' || n * 16 + p],
        case when p = 5 and n %% 10 = 3 then id end
    from story, generate_series(1, 5) p order by n, p
    """,
    """
    insert into notices (id, organization_id, team, lane_id, chat, created_at)
    select id, organization, 'experts', id, 'help', at from story
    """,
    """
    insert into outbox (id, organization_id, lane_id, conversation_id, kind, payload, state, notice_id,
        created_at, settled_at)
    select v7(at, n * 16 + 9), organization, id, id, 'notice', '', 'delivered', id, at, at from story
    """,
    """
    insert into deliveries (id, organization_id, outbox_id, attempt, at, outcome, reason)
    select id, organization, v7(at, n * 16 + 5), 1, at, 'send.rate_limited', '' from story
    """,
    """
    insert into turns (id, organization_id, conversation_id, fence, started_at, inputs, timers, stages,
        outcome,
        reasons)
    select v7(at, n * 16 + t), organization, id, t, at, 1, 0, '{"load": 1.5, "act": 20}', 'committed',
        repeat('r', 100)
    from story, generate_series(1, 5) t order by n, t
    """,
    "insert into timers (conversation_id, kind, subject, due_at) select id, 'idle', '', at from story",
    """
    insert into escalations (id, organization_id, conversation_id, from_agent, reason, team, state, urgency,
        opened_at)
    select id, organization, id, 'tier1', repeat('r', 300), 'experts',
        case when waits then 'waiting' else 'resolved' end, 'normal', at from story
    """,
    """
    insert into escalation_steps (id, organization_id, escalation_id, "from", "to", reason, "timestamp")
    select v7(at, n * 16 + s), organization, id, 'tier1', 'experts', repeat('r', 100), at
    from story, generate_series(1, 2) s
    """,
    """
    insert into rooms (id, organization_id, conversation_id, escalation_id, account_id, lane_id, team, chat,
        chat_id, thread)
    select id, organization, id, id, staff, id, 'experts', 'help', 'C1', '1.' || n from story
    """,
    "set session_replication_role = origin",
    """
    insert into audit_log (id, organization_id, at, actor, action, subject, details)
    select id, organization, at, 'agent:tier1', 'escalation.opened', 'escalation:' || id, '{}' from story
    """,
    """
    insert into audit_chain (organization_id, position, audit_id, previous, hash)
    select organization, n, id, sha256((n - 1)::text::bytea),
        sha256(n::text::bytea) from story where not waits
    """,
    "delete from audit_unsealed using story where audit_id = id and not waits",
    "vacuum analyze",
    "vacuum (full, analyze) audit_unsealed",  # a queue that was never long
)


@dataclass(frozen=True, slots=True)
class Sample:
    """Rows to ask for: AT_ONCE conversations from all over, of the organization of the last of them."""

    ids: list[UUID]
    waiting: list[UUID]
    organization: UUID
    organizations: list[UUID]
    account: UUID
    accounts: list[UUID]
    staff: list[UUID]
    hashes: list[bytes]
    externals: list[str]
    threads: list[str]
    messages: list[UUID]
    tried: list[UUID]


class Filled:
    """The filled database, and its word on a statement."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self.connection = connection
        self.sample = _sample(connection)

    def explain(
        self, statement: TextClause, given: Mapping[str, object], mode: str, tenant: UUID | None = None
    ) -> dict[str, Any]:
        """Run a statement and return its plan; with a `tenant`, behind the wall between organizations."""
        names: list[str] = []

        def number(match: re.Match[str]) -> str:
            if match[1] not in names:
                names.append(match[1])
            return f"${names.index(match[1]) + 1}"

        written = str(statement.compile(dialect=dialect.dialect()))
        prepared = re.sub(r"%\((\w+)\)s", number, written).replace("%%", "%")
        assert set(names) == set(given), "the statement asks for other values now"
        arguments = psql.SQL(", ").join(psql.Literal(given[name]) for name in names)
        call = psql.SQL("execute asked ({})").format(arguments) if names else psql.SQL("execute asked")
        with self.connection.transaction(force_rollback=True):
            self.connection.execute(f"set local plan_cache_mode = force_{mode}_plan")
            if tenant is not None:
                self.connection.execute(
                    "select set_config('role', %s, true), set_config('desk.organization', %s, true)",
                    (TENANT, str(tenant)),
                )
            self.connection.execute(f"prepare asked as {prepared}")
            try:
                row = self.connection.execute(
                    psql.SQL("explain (analyze, buffers, format json) {}").format(call)
                ).fetchone()
            finally:
                self.connection.execute("deallocate asked")
        assert row is not None
        plan: dict[str, Any] = row[0][0]["Plan"]
        return plan


def _sample(connection: psycopg.Connection) -> Sample:
    def column(query: str) -> list[Any]:
        return [row[0] for row in connection.execute(query)]  # type: ignore[call-overload]

    picked = f"from story where n % {MESSAGES // PER_CONVERSATION // AT_ONCE} = 3 order by n limit {AT_ONCE}"
    return Sample(
        ids=column(f"select id {picked}"),
        waiting=column("select id from story where waits order by n"),
        organization=column("select organization from story order by n desc limit 1")[0],
        organizations=column("select id from organizations order by id"),
        account=column(f"select account {picked}")[0],
        accounts=column(f"select account {picked}"),
        staff=column(f"select staff {picked}"),
        hashes=column(f"select substr(sha256(n::text::bytea), 1, 16) {picked}"),
        externals=column(f"select 'update:' || n * 16 + 2 {picked}"),
        threads=column(f"select '1.' || n {picked}"),
        messages=column(f"select v7(at, n * 16 + 4) {picked}"),
        tried=column("select outbox_id from deliveries order by id desc limit 20"),
    )


@pytest.fixture(scope="module")
def filled(servers: Addresses, _admin: psycopg.Connection, worker_id: str) -> Iterator[Filled]:
    name = f"plans_{worker_id}"
    clone(_admin, name)
    try:
        given = {
            "conversations": MESSAGES // PER_CONVERSATION,
            "per": PER_CONVERSATION,
            "waiting": WAITING,
        }
        with psycopg.connect(
            on_database(servers.admin_url, name), autocommit=True, cursor_factory=psycopg.ClientCursor
        ) as connection:
            for statement in FILL:
                connection.execute(statement, given)  # type: ignore[call-overload]
            yield Filled(connection)
    finally:
        drop(_admin, name)


@dataclass(frozen=True, slots=True)
class Case:
    name: str
    statement: TextClause
    given: Callable[[Sample], Mapping[str, object]]
    pages: int  # it may read, of 8 KiB


def _n(value: object) -> list[object]:
    return [value] * AT_ONCE


def _in(s: Sample) -> dict[str, object]:
    return {"organization": s.organization}


def _recent_notice(s: Sample) -> dict[str, object]:
    return {"organization": s.organization, "team": "experts", "kind": "in_doubt", "minutes": 10}


def _page(s: Sample, **more: object) -> dict[str, object]:
    return {"organization": s.organization, "limit": 20, **more}


def _one(s: Sample) -> dict[str, object]:
    return {"organization": s.organization, "conversation": s.waiting[-1]}


def _finish(s: Sample) -> dict[str, object]:
    return {
        "ids": s.ids,
        "fences": _n(0),
        "seen": _n(5),
        "insist": _n(False),
        "wakes": _n(None),
        "added": _n(1),
        "owner_kinds": _n("agent"),
        "owner_names": _n("tier1"),
        "statuses": _n("active"),
        "memories": _n("{}"),
        "reopens": _n(None),
    }


def _retained(days: int) -> Callable[[Sample], Mapping[str, object]]:
    return lambda _s: {"before": datetime.now(UTC) - timedelta(days=days), "limit": 100}


def _aged(days: int) -> Callable[[Sample], Mapping[str, object]]:
    return lambda _s: {
        "before": retention.first_id(datetime.now(UTC) - timedelta(days=days)),
        "limit": 100,
    }


def _prefix(s: Sample) -> dict[str, object]:
    digits = s.waiting[-1].hex[:12]
    return _in(s) | {"least": UUID(digits.ljust(32, "0")), "most": UUID(digits.ljust(32, "f"))}


def _numbered(s: Sample) -> dict[str, object]:
    return _in(s) | {"number": 100_000 + MESSAGES // PER_CONVERSATION}


CASES = (
    # accepting
    Case("find", known_places._FIND, lambda s: {"accounts": s.accounts, "hashes": s.hashes}, 200),
    Case("who", senders._IDENTITIES, lambda s: {"accounts": s.accounts, "hashes": s.hashes}, 150),
    Case("going on", senders._GOING_ON, lambda s: {"root": s.waiting[0]}, 60),
    Case(
        "concerned",
        places._LOCK,
        lambda s: {
            "others": s.waiting[:1],
            "accounts": s.accounts,
            "hashes": s.hashes,
            "owners": s.accounts,
            "identities": s.hashes,
            "tokens": [b"no such token"],
        },
        400,
    ),
    Case(
        "merging",
        merging._LOCK,
        lambda s: {"organization": s.organization, "customers": s.waiting[:2]},
        60,
    ),
    Case(
        "rooms",
        staff_events._ROOMS,
        lambda s: {"accounts": s.staff, "chats": _n("C1"), "threads": s.threads},
        150,
    ),
    Case(
        "room of a message",
        staff_events._ROOM_OF_MESSAGE,
        lambda s: {"organization": s.organization, "account": s.staff[0], "chat": "C1", "ref": "1.1"},
        60,
    ),
    Case("lock", locked_conversations._LOCK, lambda s: {"conversations": s.waiting[:2]}, 120),
    Case("edited", early_changes._LOGGED, lambda s: {"conversations": s.ids[:2], "refs": ["m1", "m2"]}, 60),
    Case("leading", locked_conversations._LEADING, lambda s: {"places": s.ids}, 60),
    Case(
        "hear",
        place_updates._HEAR,
        lambda s: {"ids": s.ids, "heard": _n(datetime.now(UTC))},
        250,
    ),
    Case(
        "answer to",
        place_updates._ANSWER_TO,
        lambda s: {
            "ids": s.ids,
            "contexts": _n("c"),
            "mailboxes": _n(b"m"),
            "domains": _n(b"d"),
            "verified": _n(True),
        },
        250,
    ),
    Case(
        "seen",
        hashes.SEEN,
        lambda s: {"accounts": s.accounts, "externals": s.externals, "former": s.externals},
        60,
    ),
    Case(
        "touch",
        locked_conversations._TOUCH,
        lambda s: {
            "ids": s.ids,
            "last_accepted": _n(6),
            "positions": _n(11),
            "last_customer_inputs": _n(6),
            "seconds": _n(0.8),
            "patient": _n(False),
            "places": s.ids,
        },
        250,
    ),
    Case("early_events", early_replies._EARLY_EVENTS, lambda _s: {}, 200),
    Case(
        "early changes",
        early_changes._WAITING,
        lambda s: {"accounts": s.ids, "waits_for": [f"{n}/{n}" for n in range(len(s.ids))]},
        200,
    ),
    # the turn
    Case("claim", turns._CLAIM, lambda _s: {"limit": AT_ONCE, "seconds": 30.0}, 300),
    Case("claim all there is", turns._CLAIM, lambda _s: {"limit": 100, "seconds": 30.0}, 900),
    Case("heads", views._HEADS, lambda s: {"ids": s.ids}, 200),
    Case("files of", views._FILES, lambda s: {"ids": s.ids}, 60),
    Case("sent as", views._SENT, lambda s: {"id": s.ids[0], "refs": ["sent:52"]}, 60),
    Case(
        "sent until",
        views._SENT_UNTIL,
        lambda s: {"id": s.ids[0], "until": datetime.now(UTC), "channel": "telegram", "account": "telegram"},
        60,
    ),
    Case("lines that show", views._LINES, lambda s: {"room": s.ids[0], "ids": s.messages[:2]}, 60),
    Case("how far", views._HOW_FAR, lambda s: {"ids": s.messages[:2]}, 60),
    Case("leaving", views._LEAVING, lambda s: {"ids": s.messages[:2]}, 60),
    Case("inputs", views.INPUTS, lambda s: {"ids": s.waiting[:AT_ONCE]}, 100),
    Case("heard", views._HEARD, lambda s: {"id": s.ids[0], "ids": s.messages[:2]}, 60),
    Case("earlier in this hour of the customer", views._CROWD, lambda s: {"id": s.ids[0]}, 120),
    Case("earlier in this hour of nobody", views._UNVOUCHED, lambda s: {"id": s.ids[0]}, 200),
    Case("arrived", views._ARRIVED, lambda s: {"ids": s.messages[:2]}, 60),
    Case("buttons that were posted", inputs._POSTED, lambda s: {"conversation": s.ids[0]}, 60),
    Case("timers", views.TIMERS, lambda s: {"ids": s.ids}, 60),
    Case("story", views._STORY, lambda s: {"ids": s.ids, "limit": views.STORY}, 100),
    Case("escalations", views._ESCALATIONS, lambda s: {"ids": s.waiting[:AT_ONCE]}, 120),
    Case("renew", turns._RENEW, lambda s: {"ids": s.ids, "fences": _n(0), "seconds": 30.0}, 120),
    Case(
        "release",
        turns._RELEASE,
        lambda s: {"id": s.ids[0], "fence": 0, "seconds": None, "failed": False},
        60,
    ),
    Case("finish", turns._FINISH, _finish, 300),
    Case("give back", turns._GIVE_BACK, lambda s: {"ids": s.ids, "fences": _n(0)}, 120),
    Case(
        "change message",
        effect_statements.STATEMENTS["change_message"],
        lambda s: {
            "id": s.messages[0],
            "conversation": s.ids[0],
            "state": "delivered",
            "content": None,
            "reference": None,
            "edits": False,
            "reply_to": None,
        },
        40,
    ),
    Case(
        "clear timers",
        effect_statements.STATEMENTS["clear_timers"],
        lambda s: {"conversation": s.ids[0], "kind": "idle", "subject": None},
        40,
    ),
    Case("send again", effect_statements.FINDING["send_again"], lambda s: {"message": s.messages[0]}, 40),
    Case(
        "unpark",
        effect_statements.FINDING["unpark"],
        lambda s: {"conversation": s.ids[0], "lane": s.ids[0], "place": s.ids[0]},
        40,
    ),
    Case(
        "fail",
        effect_statements.STATEMENTS["fail"],
        lambda s: {"message": s.messages[0], "ref": "77", "reason": "131026"},
        60,
    ),
    Case("park", effect_statements.STATEMENTS["park"], lambda s: {"message": s.messages[0]}, 60),
    Case("drop", effect_statements.UNSENT["drop"], lambda s: {"message": s.messages[0]}, 40),
    Case(
        "replace",
        effect_statements.UNSENT["replace"],
        lambda s: {"message": s.messages[0], "payload": "sealed"},
        60,
    ),
    Case("lanes of messages", effect_statements.LANES_OF, lambda s: {"messages": s.messages[:2]}, 60),
    Case("begun", effect_statements.BEGUN, lambda s: {"messages": s.messages[:2]}, 60),
    Case("lock lanes", lanes._LOCK, lambda s: {"ids": s.ids}, 200),
    Case(
        "open room", effect_statements.STATEMENTS["open_room"], lambda s: {"id": s.ids[0], "open": False}, 40
    ),
    Case("card", rooms._ROOM, lambda s: {"id": s.ids[0]}, 60),
    Case("card's story", rooms._STORY, lambda s: {"id": s.ids[0], "limit": 60}, 40),
    # the outbox
    Case("wake lanes", lanes._WAKE, lambda s: {"ids": s.ids}, 200),
    Case("paces", outbox_statements.PACES, lambda _s: {"without": []}, 250),
    Case(
        "claim lanes",
        outbox_statements.CLAIM,
        lambda s: {"accounts": s.accounts, "slots": _n(30), "limit": AT_ONCE, "seconds": 30.0},
        400,
    ),
    Case(
        "begin",
        outbox_statements.BEGIN,
        lambda s: {
            "ids": s.messages,
            "lanes": s.ids,
            "fences": _n(0),
            "attempts": _n(1),
            "disclosed": [""] * len(s.messages),
        },
        300,
    ),
    Case("details", outbox_statements.DETAILS, lambda s: {"ids": s.messages}, 300),
    # notices of messages in doubt
    Case("recent notice", notices._RECENT, _recent_notice, 40),
    Case(
        "list escalation in a notice",
        notices._GATHER,
        lambda s: {"notice": s.ids[0], "escalation": s.ids[0]},
        40,
    ),
    Case("notice with an escalation", notices._WITH, lambda s: {"escalation": s.ids[0]}, 40),
    Case("list in a notice", notices._LIST, lambda s: {"notice": s.ids[0], "message": s.messages[0]}, 40),
    Case("lane of a notice", notices._LANE, lambda s: {"notice": s.ids[0]}, 40),
    Case("pressed", notices._PRESSED, lambda s: {"notice": s.ids[0], "by": "Ana"}, 60),
    Case("notices", notices._NOTICES, lambda s: {"ids": s.ids}, 150),
    Case("open in notices", notices._OPEN, lambda s: {"ids": s.ids, "limit": 10}, 150),
    Case(
        "listed",
        notices._LISTED,
        lambda s: {"organization": s.organizations[3], "notice": s.ids[0], "next": 5},
        60,
    ),
    Case(
        "was listed",
        notices._WAS_LISTED,
        lambda s: {"organization": s.organizations[3], "notice": s.ids[0]},
        60,
    ),
    Case("notices of a conversation", notices._NAMING, lambda s: {"conversation": s.ids[0]}, 60),
    # files
    Case("claim files", files._CLAIM, lambda _s: {"without": [], "limit": 8, "seconds": 60.0}, 300),
    Case("find a file", files._FIND, lambda s: {"organization": s.organization, "id": s.messages[0]}, 40),
    Case(
        "renew lanes",
        outbox_statements.RENEW,
        lambda s: {"ids": s.ids, "fences": _n(0), "seconds": 30.0},
        120,
    ),
    Case("our lanes", outbox_statements.OURS, lambda s: {"ids": s.ids, "fences": _n(0)}, 100),
    Case(
        "settle",
        settled_rows._SETTLE,
        lambda s: {
            "id": s.messages[0],
            "state": "delivered",
            "part": 1,
            "attempts": 1,
            "error": None,
            "wait": 1.0,
            "ref": "77",
            "sealed": "sealed",
            "chat": "",
        },
        60,
    ),
    Case("lock conversations", outbox_statements.LOCK, lambda s: {"ids": s.ids}, 120),
    Case("heard since", outbox_statements.HEARD, lambda s: {"ids": s.messages}, 200),
    Case(
        "pointless",
        outbox_statements.POINTLESS,
        lambda s: {"id": s.messages[0], "state": "failed", "error": "sealed"},
        60,
    ),
    Case(
        "free lanes",
        outbox_statements.FREE,
        lambda s: {"ids": s.ids, "rests": _n(1.0), "slacks": _n(0.0), "pauses": _n(0.0), "turns": _n(1)},
        300,
    ),
    Case("unsend", outbox_statements.UNSEND, lambda s: {"ids": s.messages, "seconds": 0.0}, 100),
    Case(
        "again", outbox_statements.AGAIN, lambda s: {"organization": s.organization, "id": s.messages[0]}, 40
    ),
    # who asks by a number
    Case(
        "asking customers",
        asked_numbers._CUSTOMERS,
        lambda s: _in(s) | {"channel": "telegram", "account": "a0", "identity": s.hashes[0]},
        80,
    ),
    Case(
        "counted of who asks",
        asked_numbers._COUNTS,
        lambda s: _in(s) | {"identity": s.hashes[0], "root": b"r"},
        40,
    ),
    Case("asked for", asked_numbers._CASE, lambda s: _numbered(s) | {"customers": s.waiting[-1:]}, 80),
    Case(
        "asked for by others", asked_numbers._CASE, lambda s: _numbered(s) | {"customers": s.waiting[:1]}, 80
    ),
    Case("whose it is", asked_numbers._WHOSE, lambda s: {"id": s.waiting[-1]}, 40),
    Case("their addresses", asked_numbers._ADDRESSES, lambda s: {"customers": s.waiting[-1:]}, 40),
    Case(
        "a copy",
        asked_numbers._LOG,
        lambda s: {"id": s.waiting[-1], "customers": s.waiting[-1:], "most": 5000},
        200,
    ),
    Case(
        "others' rooms",
        staff_effects._OTHER_ROOMS,
        lambda s: {"organizations": _n(s.organization), "rooms": s.waiting[-2:]},
        80,
    ),
    Case("lanes of rooms", staff_effects._ROOM_LANES, lambda s: {"rooms": s.waiting[-2:]}, 40),
    # screens
    Case("conversation by prefix", screens.CONVERSATIONS_BY_PREFIX, _prefix, 60),
    Case("conversation by number", screens.CONVERSATION_BY_NUMBER, _numbered, 30),
    Case("escalation by number", screens.ESCALATION_BY_NUMBER, _numbered, 40),
    Case("escalation by prefix", screens.ESCALATIONS_BY_PREFIX, _prefix, 60),
    Case("delivery by prefix", screens.DELIVERIES_BY_PREFIX, _prefix, 60),
    Case("conversations", screens.CONVERSATIONS.everything, lambda s: _page(s, before=None), 300),
    Case(
        "conversations of a team",
        screens.CONVERSATIONS.within,
        lambda s: _page(s, before=None, **limits([Scope(teams=frozenset({"experts"}))])),
        1200,
    ),
    Case(
        "conversations further on",
        screens.CONVERSATIONS.everything,
        lambda s: _page(s, before=s.waiting[-1]),
        300,
    ),
    Case(
        "conversations of a rare status",
        screens.CONVERSATIONS_OF_STATUS.everything,
        lambda s: _page(s, status="pending", before=None),
        300,
    ),
    Case(
        "conversations of programs",
        screens.CONVERSATIONS_OF_PROGRAMS.everything,
        lambda s: _page(s, before=None),
        300,
    ),
    Case("programs counted", screens.AUTOMATIC, lambda s: {"organization": s.organization}, 300),
    Case("conversation", screens.CONVERSATION, _one, 60),
    Case("messages", screens.MESSAGES, _one, 40),
    Case("escalations of", screens.ESCALATIONS_OF, _one, 40),
    Case("escalations all", screens.ESCALATIONS.everything, lambda s: _page(s, before=None), 150),
    Case("escalations open", screens.OPEN_ESCALATIONS.everything, lambda s: _page(s, before=None), 150),
    Case(
        "escalation",
        screens.ESCALATION,
        lambda s: {"organization": s.organization, "escalation": s.waiting[-1]},
        60,
    ),
    Case("steps", screens.STEPS, lambda s: {"organization": s.organization, "escalation": s.waiting[-1]}, 40),
    Case("deliveries dead", screens.DEAD.everything, _page, 200),
    Case("deliveries waiting", screens.WAITING.everything, _page, 250),
    Case("tries", screens.TRIES, lambda s: {"organization": s.organization, "ids": s.tried}, 60),
    Case("key", screens.KEY, _one, 40),
    Case("turns", screens.TURNS, lambda s: {**_one(s), "limit": 50}, 40),
    Case("begun", screens.BEGUN, _in, 300),
    Case("unanswered", screens.UNANSWERED, _in, 300),
    Case("escalated", screens.ESCALATED, _in, 100),
    Case("count waiting", screens.COUNT_WAITING, _in, 200),
    Case("count dead", screens.COUNT_DEAD, _in, 100),
    # the audit log
    Case("audit: who waits", audit._WAITING_ORGANIZATIONS, lambda _s: {"limit": 1000}, 200),
    Case(
        "audit: what waits",
        audit._WAITING_ROWS,
        lambda s: {"organizations": s.organizations, "limit": 1000},
        200,
    ),
    Case("audit: last links", audit._LAST_LINKS, lambda s: {"organizations": s.organizations}, 120),
    Case(
        "audit: link",
        audit._LINK,
        lambda s: {
            "organizations": _n(s.organization),
            "positions": [10**9 + n for n in range(AT_ONCE)],
            "audit_ids": [uuid4() for _ in range(AT_ONCE)],
            "previous": _n(b""),
            "hashes": _n(b""),
        },
        150,
    ),
    Case(
        "audit: walk",
        audit._LINKS,
        lambda s: {"organization_id": s.organization, "after": 0, "limit": 20},
        300,
    ),
    Case("audit: lost", audit._LOST, lambda s: {"organization_id": s.organization}, 150),
    Case("audit: tail", audit._TAIL, lambda s: {"organization_id": s.organization, "limit": 20}, 200),
    # retention
    Case("forget bodies", retention._FORGET_BODIES, _retained(1), 3500),
    Case("delete keys", retention._DELETE_KEYS, _retained(30), 600),
    Case("delete early events", retention._DELETE_EARLY_EVENTS, _retained(30), 600),
    Case("delete early changes", retention._DELETE_EARLY_CHANGES, _retained(1), 600),
    Case("delete tries", retention._DELETE_TRIES, _aged(90), 600),
    Case("delete delivered", retention._DELETE_DELIVERED, _retained(90), 1500),
    Case("delete notices", retention._DELETE_NOTICES, _aged(90), 1500),
    Case("delete links", retention._DELETE_LINKS, _retained(90), 60),
    Case("destroyed keys", rewriting._DESTROYED, lambda _s: {}, 40),
    Case("keys gone", rewriting._GONE, lambda s: {"ids": s.ids}, 100),
    Case("delete turns", retention._DELETE_TURNS, _aged(90), 600),
)


SCREENS = [case for case in CASES if case.statement in vars(screens).values()]


@pytest.mark.long
@pytest.mark.parametrize("mode", ["custom", "generic"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_hot_statement_reads_a_few_pages_by_its_indexes(filled: Filled, case: Case, mode: str) -> None:
    plan = filled.explain(case.statement, case.given(filled.sample), mode)
    whole = [node for node in _nodes(plan) if node["Node Type"] == "Seq Scan" and _large(node)]
    pages = plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
    assert not whole, f"a large table is read as a whole:\n{_drawn(plan)}"
    assert pages <= case.pages, f"{pages} pages, at most {case.pages}:\n{_drawn(plan)}"


@pytest.mark.parametrize("case", SCREENS, ids=lambda case: case.name)
def test_a_screen_reads_as_few_pages_behind_the_wall_between_organizations(
    filled: Filled, case: Case
) -> None:
    """In the one mode that our connections ask for (`storage.database`)."""
    organization = filled.sample.organization
    plan = filled.explain(case.statement, case.given(filled.sample), "generic", organization)
    whole = [node for node in _nodes(plan) if node["Node Type"] == "Seq Scan" and _large(node)]
    pages = plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
    assert not whole, f"a large table is read as a whole:\n{_drawn(plan)}"
    assert pages <= case.pages + 20, f"{pages} pages, at most {case.pages}:\n{_drawn(plan)}"


def test_the_statements_find_what_they_ask_for(filled: Filled) -> None:
    """Else their plans would prove nothing."""
    some = {"find", "rooms", "lock", "seen", "claim", "heads", "inputs", "timers", "story", "escalations"}
    some |= {"open in notices", "listed"}
    some |= {"claim lanes", "details", "conversations", "messages", "turns", "tries", "audit: what waits"}
    for case in CASES:
        if case.name in some:
            plan = filled.explain(case.statement, case.given(filled.sample), "custom")
            assert plan["Actual Rows"] > 0, case.name


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from _nodes(child)


def _large(node: dict[str, Any]) -> bool:
    """A node that was never executed read nothing."""
    return node["Relation Name"] in LARGE and node["Actual Loops"] > 0


def _drawn(plan: dict[str, Any], depth: int = 0) -> str:
    on = plan.get("Index Name") or plan.get("Relation Name") or ""
    line = (
        f"{'  ' * depth}{plan['Node Type']} {on} rows={plan['Plan Rows']}/{plan['Actual Rows']}"
        f" x{plan['Actual Loops']} removed={plan.get('Rows Removed by Filter', 0)}"
        f" pages={plan['Shared Hit Blocks'] + plan['Shared Read Blocks']}"
    )
    return "\n".join([line, *(_drawn(child, depth + 1) for child in plan.get("Plans", ()))])
