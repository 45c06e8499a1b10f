"""Every channel.

Where conversations go on moves into `places`. The hashes by which an address is found are made anew (an identity
no longer depends on the chat), and cannot be made here: whoever wrote before this is a new customer when they
write again. What waits to be sent to them, and what staff are handling, goes on.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


MOVE = (
    """
    insert into places (id, organization_id, account_id, place_hash, shared, private, identity_id,
        conversation_id, lane_id, place)
    select gen_random_uuid(), organization_id, account_id, uuid_send(id), false, true, identity_id, id, lane_id,
        place
    from conversations
    """,
    "update conversations v set place_id = p.id from places p where p.conversation_id = v.id",
    """
    update outbox o set place_id = p.id from places p
    where p.conversation_id = o.conversation_id and o.room_id is null
    """,
)


def upgrade() -> None:
    op.create_table(
        "merges",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("kept_id", sa.Uuid(), nullable=False),
        sa.Column("merged_id", sa.Uuid(), nullable=False),
        sa.Column("followers", sa.ARRAY(sa.Uuid()), server_default="{}", nullable=False),
        sa.Column("by", sa.String(length=255), nullable=False),
        sa.Column("how", sa.String(length=40), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["kept_id"], ["customers.id"], name=op.f("fk_merges_kept_id")),
        sa.ForeignKeyConstraint(["merged_id"], ["customers.id"], name=op.f("fk_merges_merged_id")),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_merges_organization_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_merges")),
    )
    op.create_index("ix_merges_kept_id", "merges", ["kept_id"], unique=False)
    op.create_index("ix_merges_merged_id", "merges", ["merged_id"], unique=False)
    op.create_table(
        "vault",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_vault_account_id")),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_vault_organization_id")
        ),
        sa.PrimaryKeyConstraint("account_id", "name", name=op.f("pk_vault")),
    )
    op.create_table(
        "files",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("conversation_id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("ref", sa.Text(), nullable=True),
        sa.Column("state", sa.String(length=20), server_default="waiting", nullable=False),
        sa.Column("name", sa.Text(), server_default="", nullable=False),
        sa.Column("mime_type", sa.String(length=255), server_default="", nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.String(length=500), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_files_account_id")),
        sa.ForeignKeyConstraint(
            ["conversation_id"], ["conversations.id"], name=op.f("fk_files_conversation_id")
        ),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_files_customer_id")),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_files_organization_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_files")),
        sa.UniqueConstraint("message_id", "position", name=op.f("uq_files_message_id_position")),
    )
    op.create_index("ix_files_conversation_id", "files", ["conversation_id"], unique=False)
    op.create_index("ix_files_customer_id", "files", ["customer_id"], unique=False)
    op.create_index(
        "ix_files_due_at", "files", ["due_at"], unique=False, postgresql_where=sa.text("due_at is not null")
    )
    op.create_table(
        "places",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("place_hash", sa.LargeBinary(), nullable=False),
        sa.Column("shared", sa.Boolean(), nullable=False),
        sa.Column("private", sa.Boolean(), nullable=False),
        sa.Column("identity_id", sa.Uuid(), nullable=False),
        sa.Column("conversation_id", sa.Uuid(), nullable=False),
        sa.Column("lane_id", sa.Uuid(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("context", sa.Text(), nullable=True),
        sa.Column("heard_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_places_account_id")),
        sa.ForeignKeyConstraint(
            ["conversation_id"], ["conversations.id"], name=op.f("fk_places_conversation_id")
        ),
        sa.ForeignKeyConstraint(["identity_id"], ["identities.id"], name=op.f("fk_places_identity_id")),
        sa.ForeignKeyConstraint(["lane_id"], ["lanes.id"], name=op.f("fk_places_lane_id")),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_places_organization_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_places")),
        sa.UniqueConstraint("account_id", "place_hash", name=op.f("uq_places_account_id_place_hash")),
        postgresql_with={"fillfactor": "80"},
    )
    op.create_index("ix_places_conversation_id", "places", ["conversation_id"], unique=False)
    op.create_index("ix_places_identity_id", "places", ["identity_id"], unique=False)
    op.create_table(
        "links",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("conversation_id", sa.Uuid(), nullable=False),
        sa.Column("place_id", sa.Uuid(), nullable=True),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["conversation_id"], ["conversations.id"], name=op.f("fk_links_conversation_id")
        ),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_links_customer_id")),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_links_organization_id")
        ),
        sa.ForeignKeyConstraint(["place_id"], ["places.id"], name=op.f("fk_links_place_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_links")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_links_token_hash")),
    )
    op.create_index("ix_links_conversation_id", "links", ["conversation_id"], unique=False)
    op.create_index("ix_links_expires_at", "links", ["expires_at"], unique=False)
    op.add_column("conversations", sa.Column("place_id", sa.Uuid(), nullable=True))
    op.add_column("outbox", sa.Column("place_id", sa.Uuid(), nullable=True))
    for statement in MOVE:
        op.execute(statement)
    op.drop_index(op.f("uq_conversations_current"), table_name="conversations", postgresql_where="current")
    op.drop_constraint(op.f("fk_conversations_identity_id"), "conversations", type_="foreignkey")
    op.drop_constraint(op.f("fk_conversations_lane_id"), "conversations", type_="foreignkey")
    op.drop_constraint(op.f("fk_conversations_account_id"), "conversations", type_="foreignkey")
    op.create_foreign_key(
        op.f("fk_conversations_place_id"), "conversations", "places", ["place_id"], ["id"], use_alter=True
    )
    op.drop_column("conversations", "current")
    op.drop_column("conversations", "identity_id")
    op.drop_column("conversations", "account_id")
    op.drop_column("conversations", "lane_id")
    op.drop_column("conversations", "place")
    op.add_column("customers", sa.Column("merged_into", sa.Uuid(), nullable=True))
    op.add_column("customers", sa.Column("crm_hash", sa.LargeBinary(), nullable=True))
    op.create_index(
        "ix_customers_merged_into",
        "customers",
        ["merged_into"],
        unique=False,
        postgresql_where=sa.text("merged_into is not null"),
    )
    op.create_index(
        "ix_customers_organization_created",
        "customers",
        ["organization_id", sa.literal_column("created_at desc")],
        unique=False,
    )
    op.create_index(
        "uq_customers_crm_hash",
        "customers",
        ["organization_id", "crm_hash"],
        unique=True,
        postgresql_where=sa.text("crm_hash is not null"),
    )
    op.create_index(
        "ix_conversations_proving",
        "conversations",
        ["created_at"],
        unique=False,
        postgresql_where=sa.text("owner_name = '' and place_id is not null"),
    )
    op.create_foreign_key(op.f("fk_customers_merged_into"), "customers", "customers", ["merged_into"], ["id"])
    op.add_column("identities", sa.Column("address", sa.Text(), server_default="", nullable=False))
    op.add_column(
        "identities", sa.Column("verified", sa.Boolean(), server_default=sa.text("true"), nullable=False)
    )
    op.create_index(
        "ix_messages_staff",
        "messages",
        ["organization_id", "external_id"],
        unique=False,
        postgresql_where=sa.text("role = 'staff' and external_id <> ''"),
    )
    op.create_index(
        "ix_outbox_parked",
        "outbox",
        ["conversation_id"],
        unique=False,
        postgresql_where=sa.text("state = 'parked'"),
    )
    op.create_index(
        "ix_outbox_settled_at",
        "outbox",
        ["settled_at"],
        unique=False,
        postgresql_where=sa.text("state = 'delivered'"),
    )
    op.create_index(
        "ix_outbox_shown",
        "outbox",
        ["external_ids"],
        unique=False,
        postgresql_using="gin",
        postgresql_where=sa.text("room_id is not null and kind = 'post'"),
    )
    op.add_column("rooms", sa.Column("card", sa.String(length=255), nullable=True))
    op.create_index("ix_rooms_card", "rooms", ["account_id", "card"], unique=False)
    op.execute("update rooms set card = thread")  # until now, a thread was named after its card


def downgrade() -> None:
    raise RuntimeError("there is no way back from 0002: a place may hold what 0001 has no column for")
