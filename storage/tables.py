"""Define the tables. Keys state the guarantees; code does not repeat them.

The tables of the specification have its names and columns. People's texts are sealed (see `storage.sealing`):
a column whose comment says "sealed" is unreadable without the key.
"""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    Computed,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, TSVECTOR

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _when(name: str, *, nullable: bool = True) -> Column[object]:
    return Column(name, DateTime(timezone=True), nullable=nullable)


def _created() -> Column[object]:
    return Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now())


def _organization() -> Column[object]:
    return Column("organization_id", Uuid, ForeignKey("organizations.id"), nullable=False)


organizations = Table(
    "organizations",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("name", String(255), nullable=False, unique=True),
    Column("description", Text),
    Column("owner_id", Uuid, ForeignKey("users.id", use_alter=True)),
    _created(),
    Column("version", Integer, nullable=False, server_default="0"),  # of the organization file in force
    _when("retired_at"),  # since then, nothing is accepted or sent for it
    # The transaction that last changed it or its accounts, so that processes read only what changed.
    Column("changed_in", BigInteger, nullable=False, server_default="0"),
    Column("data_key", LargeBinary, nullable=False),  # wrapped; seals what belongs to no customer
    Column("index_key", LargeBinary, nullable=False),  # wrapped; hashes identities and chats
    Index("ix_organizations_changed_in", "changed_in"),
)

organization_versions = Table(
    "organization_versions",
    metadata,
    Column("organization_id", Uuid, ForeignKey("organizations.id"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("document", JSONB, nullable=False),  # the organization and its articles
    Column("digest", String(64), nullable=False),
    Column("applied_by", String(255), nullable=False),
    _created(),
)

users = Table(
    "users",
    metadata,
    Column("id", Uuid, primary_key=True),
    _organization(),
    Column("person", String(100), nullable=False),  # the id in the organization file
    Column("name", String(255), nullable=False),
    Column("email", String(255)),
    Column("roles", ARRAY(String(50)), nullable=False, server_default="{}"),
    Column("active", Boolean, nullable=False, server_default=text("true")),
    _created(),
    UniqueConstraint("organization_id", "person"),
)

agents = Table(
    "agents",
    metadata,
    Column("id", Uuid, primary_key=True),
    _organization(),
    Column("agent", String(100), nullable=False),
    Column("name", String(255), nullable=False),
    Column("description", Text),
    Column("category", String(100)),
    Column("configuration", JSONB, nullable=False),
    Column("created_by", Uuid, ForeignKey("users.id")),
    Column("active", Boolean, nullable=False, server_default=text("true")),
    UniqueConstraint("organization_id", "agent"),
)

workflows = Table(
    "workflows",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("name", String(255), nullable=False),
    Column("definition", JSONB, nullable=False),
    _organization(),
)

teams = Table(
    "teams",
    metadata,
    Column("id", Uuid, primary_key=True),
    _organization(),
    Column("team", String(100), nullable=False),
    Column("name", String(255), nullable=False),
    Column("active", Boolean, nullable=False, server_default=text("true")),
    UniqueConstraint("organization_id", "team"),
)

memberships = Table(
    "memberships",
    metadata,
    Column("team_id", Uuid, ForeignKey("teams.id", ondelete="CASCADE"), primary_key=True),
    Column("user_id", Uuid, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    _organization(),
)

accounts = Table(
    "accounts",
    metadata,
    Column("id", Uuid, primary_key=True),
    _organization(),
    Column("channel", String(50), nullable=False),
    Column("account", String(100), nullable=False),
    Column("serves", String(20), nullable=False),
    Column("mode", String(20), nullable=False, server_default=""),  # "": the usual one of its channel
    # Identify the platform's account: the names under which its secrets are stored, and the options.
    Column("secrets", JSONB, nullable=False, server_default="{}"),
    Column("options", JSONB, nullable=False, server_default="{}"),
    Column("webhook", String(64)),  # fingerprint of the webhook that the platform knows
    Column("active", Boolean, nullable=False, server_default=text("true")),
    # When this account may send its next message: limits the rate of all workers together.
    Column("free_at", DateTime(timezone=True), nullable=False, server_default=text("'-infinity'")),
    # The process that fetches for a polled account, and until when: there is one leader at a time.
    Column("leader", String(100)),
    _when("leader_until"),
    UniqueConstraint("organization_id", "channel", "account"),
)

article_sections = Table(
    "article_sections",
    metadata,
    _organization(),
    Column("collection", String(100), nullable=False),
    Column("article", String(200), nullable=False),
    Column("position", Integer, nullable=False),
    Column("title", Text, nullable=False),
    Column("tags", Text, nullable=False),
    Column("heading", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column(
        "tsv",
        TSVECTOR,
        Computed(
            "setweight(to_tsvector('english', title), 'A')"
            " || setweight(to_tsvector('english', heading), 'B')"
            " || setweight(to_tsvector('english', tags), 'B')"
            " || setweight(to_tsvector('english', body), 'C')",
            persisted=True,
        ),
    ),
    PrimaryKeyConstraint("organization_id", "article", "position"),
    Index("ix_article_sections_tsv", "tsv", postgresql_using="gin"),
)

customers = Table(
    "customers",
    metadata,
    Column("id", Uuid, primary_key=True),
    _organization(),
    Column("data_key", LargeBinary),  # wrapped; null once destroyed: erased
    Column("profile", Text, nullable=False),  # sealed
    _created(),
    _when("erased_at"),
    Column("erased_by", String(255), nullable=False, server_default=""),  # as the audit log names them
    _when("key_gone_at"),  # when the destroyed key was also gone from the pages of this table
    # The customer who is the same person, as staff said or a verified link proved. This customer's texts keep
    # their own key, so that the merge can be undone. Never a chain: that customer is merged into nobody.
    Column("merged_into", Uuid, ForeignKey("customers.id")),
    Column("crm_hash", LargeBinary),  # the id by which the CRM knows them, as a keyed hash
    Index("ix_customers_merged_into", "merged_into", postgresql_where=text("merged_into is not null")),
    Index(
        "uq_customers_crm_hash",
        "organization_id",
        "crm_hash",
        unique=True,
        postgresql_where=text("crm_hash is not null"),
    ),
    Index(
        "ix_customers_key_in_pages",
        "erased_at",
        postgresql_where=text("erased_at is not null and key_gone_at is null"),
    ),
    Index("ix_customers_organization_created", "organization_id", text("created_at desc")),
)

# Merges of customers, with what is needed to undo them.
merges = Table(
    "merges",
    metadata,
    Column("id", Uuid, primary_key=True),
    _organization(),
    Column("kept_id", Uuid, ForeignKey("customers.id"), nullable=False),
    Column("merged_id", Uuid, ForeignKey("customers.id"), nullable=False),
    Column("followers", ARRAY(Uuid), nullable=False, server_default="{}"),  # merged into `merged_id` before
    Column("by", String(255), nullable=False),
    Column("how", String(40), nullable=False),  # staff, link, code or crm
    _created(),
    _when("undone_at"),
    Index("ix_merges_kept_id", "kept_id"),
    Index("ix_merges_merged_id", "merged_id"),
)

identities = Table(
    "identities",
    metadata,
    Column("id", Uuid, primary_key=True),
    _organization(),
    Column("account_id", Uuid, ForeignKey("accounts.id"), nullable=False),
    Column("address_hash", LargeBinary, nullable=False),
    Column("customer_id", Uuid, ForeignKey("customers.id"), nullable=False),
    Column("address", Text, nullable=False, server_default=""),  # sealed
    Column("verified", Boolean, nullable=False, server_default=text("true")),
    _created(),
    UniqueConstraint("account_id", "address_hash"),
    Index("ix_identities_customer_id", "customer_id"),
)

lanes = Table(
    "lanes",
    metadata,
    Column("id", Uuid, primary_key=True),
    _organization(),
    Column("account_id", Uuid, ForeignKey("accounts.id"), nullable=False),
    Column("chat_hash", LargeBinary, nullable=False),
    _when("ready_at"),  # when something may leave; null: nothing waits
    _when("free_at"),  # until when the chat rests, by the platform's published limit or at its request
    _when("lease_until"),
    Column("fence", BigInteger, nullable=False, server_default="0"),
    Column("turn", BigInteger, nullable=False, server_default="0"),  # of the last row sent: see outbox.turn
    UniqueConstraint("account_id", "chat_hash"),
    # By account, so that a slow account with many waiting lanes is skipped in one step.
    Index("ix_lanes_ready", "account_id", "ready_at", postgresql_where=text("ready_at is not null")),
    postgresql_with={"fillfactor": "70"},
)

conversations = Table(
    "conversations",
    metadata,
    Column("id", Uuid, primary_key=True),
    _organization(),
    Column("customer_id", Uuid, ForeignKey("customers.id"), nullable=False),
    # Short and random, for people: see storage.numbers. The default serves programs of the previous version.
    Column(
        "number",
        BigInteger,
        nullable=False,
        server_default=text("100000000000 + floor(random() * 900000000000)::bigint"),
    ),
    Column("status", String(50), nullable=False),
    _created(),
    Column("place_id", Uuid, ForeignKey("places.id", use_alter=True)),  # where the customer wrote last
    Column("previous_id", Uuid, ForeignKey("conversations.id")),
    Column("owner_kind", String(20), nullable=False),
    Column("owner_name", String(100), nullable=False),
    Column("memory", JSONB, nullable=False, server_default="{}"),
    _when("resolved_at"),
    _when("reopen_until"),
    # The queue. `last_accepted` and `last_handled` are numbers of inputs, `position` the messages of the log.
    Column("last_accepted", Integer, nullable=False, server_default="0"),
    Column("last_handled", Integer, nullable=False, server_default="0"),
    Column("position", Integer, nullable=False, server_default="0"),
    # The input in which the customer wrote last.
    Column("last_customer_input", Integer, nullable=False, server_default="0"),
    _when("pending_since"),  # time of the customer's oldest message that waits for an answer
    _when("wake_at"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    _when("lease_until"),
    Column("fence", BigInteger, nullable=False, server_default="0"),
    Index("uq_conversations_number", "organization_id", "number", unique=True),
    Index("ix_conversations_wake_at", "wake_at", postgresql_where=text("wake_at is not null")),
    Index("ix_conversations_organization_created", "organization_id", text("created_at desc")),
    Index("ix_conversations_status", "organization_id", "status", text("created_at desc")),
    Index(
        "ix_conversations_pending",
        "organization_id",
        "pending_since",
        postgresql_where=text("pending_since is not null"),
    ),
    Index("ix_conversations_customer_id", "customer_id", "id"),
    # Conversations created to verify an address (see storage.verification), and not erased yet.
    Index(
        "ix_conversations_proving",
        "created_at",
        postgresql_where=text("owner_name = '' and place_id is not null"),
    ),
    postgresql_with={"fillfactor": "70"},
)

# Places where a customer writes and is answered, each with its current conversation.
places = Table(
    "places",
    metadata,
    Column("id", Uuid, primary_key=True),
    _organization(),
    Column("account_id", Uuid, ForeignKey("accounts.id"), nullable=False),
    Column("place_hash", LargeBinary, nullable=False),
    Column("shared", Boolean, nullable=False),  # a thread: one conversation, whoever writes in it
    Column("private", Boolean, nullable=False),  # nobody else can read it
    Column("identity_id", Uuid, ForeignKey("identities.id"), nullable=False),  # who wrote here first
    Column("conversation_id", Uuid, ForeignKey("conversations.id"), nullable=False),
    Column("lane_id", Uuid, ForeignKey("lanes.id"), nullable=False),
    Column("place", Text, nullable=False),  # sealed with the key of the identity's customer: chat and thread
    Column("context", Text),  # sealed with the same key: what the channel needs to answer here
    _when("heard_at"),  # when the customer wrote here last, by the platform's clock
    _when("open_until"),  # until when free text is taken, if that is longer than the channel's window
    # The address for answers, on channels where anybody can give any address: keyed hashes, see loop_guard.
    Column("mailbox_hash", LargeBinary),
    Column("domain_hash", LargeBinary),
    Column("return_verified", Boolean, nullable=False, server_default=text("true")),
    _created(),
    UniqueConstraint("account_id", "place_hash"),
    Index("ix_places_conversation_id", "conversation_id"),
    Index("ix_places_identity_id", "identity_id"),
    postgresql_with={"fillfactor": "80"},
)

# Times of automatic replies to one address or domain, newest first. Only the last day counts.
loop_guard = Table(
    "loop_guard",
    metadata,
    Column("organization_id", Uuid, ForeignKey("organizations.id"), primary_key=True),
    Column("hash", LargeBinary, primary_key=True),
    Column("kind", String(20), primary_key=True),  # `Counted`
    Column("replied", ARRAY(DateTime(timezone=True)), nullable=False),
    Column("last_at", DateTime(timezone=True), nullable=False),
    Index("ix_loop_guard_last_at", "last_at"),
)

# Senders who wrote faster than the organization allows, and until when that counts.
floods = Table(
    "floods",
    metadata,
    Column("subject_id", Uuid, primary_key=True),  # a customer, a conversation's strangers, or an account
    _organization(),
    Column("until", DateTime(timezone=True), nullable=False),
    Index("ix_floods_until", "until"),
)

# What platforms charge for our delivered messages, kept for 90 days.
prices = Table(
    "prices",
    metadata,
    Column("account_id", Uuid, ForeignKey("accounts.id"), primary_key=True),
    Column("message_hash", LargeBinary, primary_key=True),  # keyed; platforms report a message repeatedly
    _organization(),
    Column("category", String(40), nullable=False),
    Column("rate", String(40), nullable=False),
    Column("billed", Boolean, nullable=False),
    Column("told_at", DateTime(timezone=True), nullable=False),
    Index("ix_prices_organization_id", "organization_id", "told_at"),
    Index("ix_prices_told_at", "told_at"),
)

# Invitations to continue on another channel as the same customer: a link's token, or a code for an address.
links = Table(
    "links",
    metadata,
    Column("id", Uuid, primary_key=True),
    _organization(),
    Column("token_hash", LargeBinary, nullable=False, unique=True),
    Column("customer_id", Uuid, ForeignKey("customers.id"), nullable=False),
    Column("conversation_id", Uuid, ForeignKey("conversations.id"), nullable=False),
    Column("place_id", Uuid, ForeignKey("places.id")),  # of a code: it counts against the limit per address
    Column("tries", Integer, nullable=False, server_default="0"),
    _created(),
    _when("expires_at", nullable=False),
    _when("used_at"),
    Index("ix_links_conversation_id", "conversation_id"),
    Index("ix_links_expires_at", "expires_at"),
)

# Attachments: fetched by a worker, kept sealed in the file store.
files = Table(
    "files",
    metadata,
    Column("id", Uuid, primary_key=True),
    _organization(),
    Column("conversation_id", Uuid, ForeignKey("conversations.id"), nullable=False),
    Column("customer_id", Uuid, ForeignKey("customers.id"), nullable=False),  # whose key seals it
    Column("account_id", Uuid, ForeignKey("accounts.id"), nullable=False),  # whose connector fetches it
    Column("message_id", Uuid, nullable=False),
    Column("position", Integer, nullable=False),  # among the attachments of the message
    Column("ref", Text),  # sealed: the channel's own handle; null when it is no longer needed
    Column("state", String(20), nullable=False, server_default="waiting"),  # stored, refused, failed
    Column("name", Text, nullable=False, server_default=""),  # sealed
    Column("mime_type", String(255), nullable=False, server_default=""),  # as sniffed
    Column("size", BigInteger),
    Column("attempts", Integer, nullable=False, server_default="0"),
    _when("due_at"),  # null: nothing more to do
    _when("lease_until"),
    Column("error", Text),  # sealed
    _created(),
    UniqueConstraint("message_id", "position"),
    Index("ix_files_due_at", "due_at", postgresql_where=text("due_at is not null")),
    Index("ix_files_conversation_id", "conversation_id"),
    Index("ix_files_customer_id", "customer_id"),
)

# Secrets of accounts, by their names in the organization file. Other secrets are in the environment.
secrets = Table(
    "secrets",
    metadata,
    Column("organization_id", Uuid, ForeignKey("organizations.id"), primary_key=True),
    Column("name", String(100), primary_key=True),
    Column("value", Text, nullable=False),  # sealed with the organization's key
    Column("changed_by", String(255), nullable=False),
    Column("changed_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)

# Values that connectors must remember of their accounts, sealed with the organization's key.
vault = Table(
    "vault",
    metadata,
    Column("account_id", Uuid, ForeignKey("accounts.id"), primary_key=True),
    Column("name", String(255), primary_key=True),
    _organization(),
    Column("value", Text, nullable=False),  # sealed
    Column("changed_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)

messages = Table(
    "messages",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("conversation_id", Uuid, ForeignKey("conversations.id"), nullable=False),
    Column("organization_id", Uuid, nullable=False),
    Column("position", Integer, nullable=False),
    Column("sender_type", String(20), nullable=False),  # human, agent, system
    Column("sender_id", String(255), nullable=False),  # our id of the sender; "": `source` names them
    # Who wrote it, where that need not be the conversation's customer (several people share a thread, or two
    # customers are merged): the keyed hash of their identity, once they are erased the id of their customer;
    # "": unknown, from before migration 0022.
    Column("writer", LargeBinary),
    Column("role", String(20), nullable=False),  # customer, staff, agent, system
    Column("content", Text, nullable=False),  # sealed
    Column("extras", Text),  # sealed: attachments
    Column("metadata", JSONB, nullable=False, server_default="{}"),
    Column("state", String(20), nullable=False),
    # The platform's id: in clear for staff's messages in a room, a keyed hash in a customer's chat.
    Column("external_id", String(255), nullable=False, server_default=""),
    Column("source", Text),  # sealed: the platform's id, and the author if that is not the customer
    Column("room_id", Uuid),  # the room in which staff wrote it
    Column("reply_to", Uuid),  # the message that it answers
    Column("reference", Text),  # sealed: what it replies to or forwards, or the text that stood above it
    Column("edited", Boolean, nullable=False, server_default=text("false")),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Index("uq_messages_position", "conversation_id", "position", unique=True),
    # Finds staff's messages by the platform's id: a reaction names its message, and not always its thread.
    Index(
        "ix_messages_staff",
        "organization_id",
        "external_id",
        postgresql_where=text("role = 'staff' and external_id <> ''"),
    ),
    Index("ix_messages_writer", "organization_id", "writer", postgresql_where=text("writer is not null")),
    Index("ix_messages_held", "conversation_id", postgresql_where=text("state in ('held', 'parked')")),
)

inbox = Table(
    "inbox",
    metadata,
    Column("account_id", Uuid, nullable=False),
    # Unique with the account, so that a redelivery collides. A keyed hash of the platform's id, or ours.
    Column("external_id", String(255), nullable=False),
    Column("organization_id", Uuid, nullable=False),
    Column("conversation_id", Uuid),  # null: see `waits_for`
    Column("seq", Integer),
    Column("origin", String(20), nullable=False),
    Column("message_id", Uuid),
    Column("position", Integer),  # reserved in the log for the message that a turn makes of it
    Column("kind", String(40), nullable=False),
    Column("body", Text),  # sealed; null when it is no longer needed
    # Chat and thread of a message whose room is not recorded yet; of a change that came before its
    # message, the hashes of the place, of the message and of the writer.
    Column("waits_for", String(410)),
    Column("accepted_at", DateTime(timezone=True), nullable=False),
    PrimaryKeyConstraint("account_id", "external_id"),
    Index("uq_inbox_seq", "conversation_id", "seq", unique=True),
    Index("ix_inbox_waits_for", "account_id", "waits_for", postgresql_where=text("waits_for is not null")),
    # For retention only: inputs without and with a body.
    Index("ix_inbox_served", "accepted_at", postgresql_where=text("body is null")),
    Index("ix_inbox_unserved", "accepted_at", postgresql_where=text("body is not null")),
)

timers = Table(
    "timers",
    metadata,
    Column("conversation_id", Uuid, ForeignKey("conversations.id"), primary_key=True),
    Column("kind", String(40), primary_key=True),
    Column("subject", String(100), primary_key=True),
    Column("due_at", DateTime(timezone=True), nullable=False),
)

escalations = Table(
    "escalations",
    metadata,
    Column("id", Uuid, primary_key=True),
    _organization(),
    Column("conversation_id", Uuid, ForeignKey("conversations.id"), nullable=False),
    Column("from_agent", String(255), nullable=False),
    Column("to_human", String(255)),  # the holder
    Column("closed_by", String(255)),
    Column("assignee", String(255)),  # the person for whom it waits
    Column("reason", Text, nullable=False),  # sealed: reason, how it was decided, what was tried
    _when("resolved_at"),
    Column("team", String(100), nullable=False),
    Column("state", String(20), nullable=False),
    Column("urgency", String(20), nullable=False),
    Column("trigger", String(100), nullable=False, server_default=""),
    Column("step", Integer, nullable=False, server_default="0"),
    _when("opened_at", nullable=False),
    _when("deadline"),
    _when("taken_at"),
    Column("notice_id", Uuid),  # the notice that lists it while it has no room of its own
    Index("ix_escalations_notice_id", "notice_id", postgresql_where=text("notice_id is not null")),
    Index(
        "uq_escalations_open",
        "conversation_id",
        unique=True,
        postgresql_where=text("state in ('waiting', 'held')"),
    ),
    Index("ix_escalations_organization_opened", "organization_id", text("opened_at desc")),
    Index("ix_escalations_conversation_id", "conversation_id"),
)

escalation_steps = Table(
    "escalation_steps",
    metadata,
    Column("id", Uuid, primary_key=True),
    _organization(),
    Column("escalation_id", Uuid, ForeignKey("escalations.id"), nullable=False),
    Column("from", String(255), nullable=False),
    Column("to", String(255), nullable=False),
    Column("reason", Text, nullable=False),  # sealed
    Column("context_snapshot", Text),  # sealed
    Column("timestamp", DateTime(timezone=True), nullable=False),
    Index("ix_escalation_steps_escalation_id", "escalation_id"),
)

rooms = Table(
    "rooms",
    metadata,
    Column("id", Uuid, primary_key=True),
    _organization(),
    Column("conversation_id", Uuid, ForeignKey("conversations.id"), nullable=False),
    Column("purpose", String(20), nullable=False, server_default="escalation"),
    Column("escalation_id", Uuid, ForeignKey("escalations.id")),  # null: the room has another purpose
    Column("account_id", Uuid, ForeignKey("accounts.id"), nullable=False),
    Column("lane_id", Uuid, ForeignKey("lanes.id"), nullable=False),
    Column("team", String(100), nullable=False),
    Column("chat", String(255), nullable=False),  # as the organization file names it
    Column("chat_id", String(255)),  # the platform's own id, once the card is posted
    Column("thread", String(255)),
    Column("card", String(255)),  # the platform's id of the card
    Column("open", Boolean, nullable=False, server_default=text("true")),
    _created(),
    Index("uq_rooms_thread", "account_id", "chat_id", "thread", unique=True),
    Index("ix_rooms_card", "account_id", "card"),
    Index("ix_rooms_escalation_id", "escalation_id"),
    Index("ix_rooms_conversation_id", "conversation_id"),
)

notices = Table(
    "notices",
    metadata,
    Column("id", Uuid, primary_key=True),
    _organization(),
    Column("team", String(100), nullable=False),
    Column("kind", String(20), nullable=False, server_default="in_doubt"),  # what it lists
    Column("lane_id", Uuid, ForeignKey("lanes.id"), nullable=False),
    Column("chat", String(255), nullable=False),  # as the organization file names it
    Column("chat_id", String(255)),  # the platform's own id, once it is posted
    Column("post", String(255)),  # the platform's id of the notice's message
    Column("pressed_by", String(255)),  # the name of the person who pressed its button first
    _created(),
    Index("ix_notices_team", "organization_id", "team", "created_at"),
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("organization_id", Uuid, nullable=False),
    Column("lane_id", Uuid, nullable=False),
    Column("position", BigInteger, Identity(), nullable=False),  # the order in which rows were added
    # Sorts before `position`: in a chat of the staff each customer gets their turn, however much another one
    # has to show there (start-time fair queueing). 0 in a customer's chat, where `position` alone decides.
    Column("turn", BigInteger, nullable=False, server_default="0"),
    Column("conversation_id", Uuid, nullable=False),
    Column("message_id", Uuid),
    Column("room_id", Uuid),  # null: it goes to the customer
    Column("place_id", Uuid),  # the customer's place that it goes to; null: it goes to staff
    Column("notice_id", Uuid),  # the notice that lists it as in doubt; for kind `notice`, the one it shows
    Column("grows", Uuid),  # name of a growing post in a room: kind `post` posts it, kind `grow` changes it
    Column("kind", String(20), nullable=False),
    Column("payload", Text, nullable=False),  # sealed
    # For a post to a customer that has begun to leave: "person" if a person wrote it, else by what
    # `storage.disclosure` knows the disclosure above it, if it has one.
    Column("disclosed", String(20)),
    _when("disclosed_at"),  # when the first part of it began to leave
    # waiting, sending, delivered, failed, unknown, withdrawn; parked: until the customer writes again
    Column("state", String(20), nullable=False),
    # If it is `sending`, its request may have been sent. Workers of an earlier version do not set this in
    # time, so that every row they claim counts as begun.
    Column("begun", Boolean, nullable=False, server_default=text("true")),
    # It was put back after a claim. A later card or notice does not merge into this row, but gets its own.
    Column("retried", Boolean, nullable=False, server_default=text("false")),
    _when("not_before"),  # of a retry: nothing after it in its conversation leaves before that
    Column("reports", Boolean, nullable=False, server_default=text("false")),  # its success is reported, too
    Column("part", Integer, nullable=False, server_default="0"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    # The platform's ids of the sent messages: in clear in chats of the staff, keyed hashes in a customer's
    # chat. There `sealed_ids` has them too, to change or delete the messages.
    Column("external_ids", ARRAY(Text), nullable=False, server_default="{}"),
    Column("sealed_ids", ARRAY(Text), nullable=False, server_default="{}"),
    # The platform's id of the chat that it went to outside of rooms: with one person, or where a command was
    # answered.
    Column("person_chat", String(255)),
    Column("error", Text),  # sealed
    _created(),
    _when("settled_at"),
    Index(
        "ix_outbox_open",
        "lane_id",
        "turn",
        "position",
        postgresql_where=text("state in ('waiting', 'sending')"),
    ),
    Index(
        "ix_outbox_turn",
        "lane_id",
        "conversation_id",
        "turn",
        postgresql_where=text("state in ('waiting', 'sending')"),
    ),
    Index(
        "ix_outbox_not_before",
        "lane_id",
        "not_before",
        postgresql_where=text("state in ('waiting', 'sending') and not_before is not null"),
    ),
    Index("ix_outbox_message_id", "message_id", postgresql_where=text("message_id is not null")),
    Index(
        "ix_outbox_dead",
        "organization_id",
        "position",
        postgresql_where=text("state in ('failed', 'unknown')"),
    ),
    Index("ix_outbox_conversation_id", "conversation_id"),
    Index(
        "ix_outbox_disclosed",
        "conversation_id",
        "disclosed_at",
        postgresql_where=text("disclosed is not null"),
    ),
    Index(
        "ix_outbox_shown",
        "external_ids",
        postgresql_using="gin",
        postgresql_where=text("room_id is not null and kind = 'post'"),
    ),
    Index(
        "ix_outbox_direct",
        "external_ids",
        postgresql_using="gin",
        postgresql_where=text("kind = 'direct'"),
    ),
    Index("ix_outbox_notice_id", "notice_id", postgresql_where=text("notice_id is not null")),
    Index(
        "uq_outbox_notice",
        "notice_id",
        unique=True,
        postgresql_where=text("kind = 'notice' and state = 'waiting' and not retried"),
    ),
    Index(
        "uq_outbox_grow",
        "room_id",
        "grows",
        unique=True,
        postgresql_where=text("kind = 'grow' and state = 'waiting' and not retried"),
    ),
    Index("ix_outbox_parked", "conversation_id", postgresql_where=text("state = 'parked'")),
    # Excludes posts to staff: these rows are kept as long as the customer, to delete the posts with them.
    Index(
        "ix_outbox_settled_at",
        "settled_at",
        postgresql_where=text(
            "state = 'delivered' and (place_id is not null"
            " or kind not in ('post', 'offer', 'whisper', 'direct'))"
        ),
    ),
    Index(
        "uq_outbox_card",
        "room_id",
        unique=True,
        postgresql_where=text("kind = 'card' and state = 'waiting' and not retried"),
    ),
    postgresql_with={"fillfactor": "80"},
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("organization_id", Uuid, nullable=False),
    Column("outbox_id", Uuid, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("outcome", String(40), nullable=False),  # the error's code
    Column("reason", Text, nullable=False),  # sealed; "" for none
    Index("ix_deliveries_outbox_id", "outbox_id"),
)

turns = Table(
    "turns",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("organization_id", Uuid, nullable=False),
    Column("conversation_id", Uuid, nullable=False),
    Column("fence", BigInteger, nullable=False),
    Column("started_at", DateTime(timezone=True), nullable=False),
    Column("inputs", Integer, nullable=False),
    Column("timers", Integer, nullable=False),
    Column("stages", JSONB, nullable=False),  # milliseconds by stage
    Column("outcome", String(40), nullable=False),
    Column("reasons", Text, nullable=False),  # sealed: who handled it, and why
    Index("ix_turns_conversation_id", "conversation_id", "id"),
)
