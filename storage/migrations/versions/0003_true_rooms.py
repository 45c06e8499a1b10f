"""Rooms that stay true: a staff message knows the room where it was written."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("messages", sa.Column("room_id", sa.Uuid(), nullable=True))
    op.add_column("escalations", sa.Column("closed_by", sa.String(length=255), nullable=True))
    op.add_column("escalations", sa.Column("assignee", sa.String(length=255), nullable=True))
    op.execute("update escalations set closed_by = to_human where state in ('resolved', 'returned')")
    op.add_column("inbox", sa.Column("position", sa.Integer(), nullable=True))
    op.add_column("messages", sa.Column("reply_to", sa.Uuid(), nullable=True))
    op.add_column("messages", sa.Column("reference", sa.Text(), nullable=True))
    op.execute("""
        update messages m set room_id = r.id from rooms r
        where r.conversation_id = m.conversation_id and r.open and m.role = 'staff' and m.external_id <> ''
    """)
    op.create_index(
        "ix_outbox_direct",
        "outbox",
        ["external_ids"],
        unique=False,
        postgresql_using="gin",
        postgresql_where=sa.text("kind = 'direct'"),
    )
    op.add_column("organizations", sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True))
    op.drop_constraint("uq_accounts_channel_account", "accounts", type_="unique")
    op.create_unique_constraint(
        "uq_accounts_organization_id_channel_account", "accounts", ["organization_id", "channel", "account"]
    )
    op.create_index(
        "uq_accounts_active",
        "accounts",
        ["channel", "account"],
        unique=True,
        postgresql_where=sa.text("active"),
    )
    # Texts to customers stand under their language, the greeting among them.
    op.execute("""
        update organization_versions set document = jsonb_set(
            document #- '{organization,identity,greeting}',
            '{organization,policies,texts}',
            jsonb_build_object(
                document #>> '{organization,policies,languages,0}',
                (document #> '{organization,policies,texts}')
                || jsonb_build_object('greeting', document #> '{organization,identity,greeting}')
            )
        )
        where document #> '{organization,identity}' ? 'greeting'
    """)


def downgrade() -> None:
    op.execute("""
        update organization_versions set document = jsonb_set(
            document,
            '{organization,policies,texts}',
            coalesce(
                (document #> '{organization,policies,texts}')
                -> (document #>> '{organization,policies,languages,0}'),
                '{}'
            ) - 'greeting'
        )
        where not document #> '{organization,identity}' ? 'greeting'
    """)
    op.drop_index("ix_outbox_direct", table_name="outbox")
    op.drop_column("escalations", "assignee")
    op.drop_column("escalations", "closed_by")
    op.drop_column("messages", "reference")
    op.drop_column("messages", "reply_to")
    op.drop_column("inbox", "position")
    op.drop_column("messages", "room_id")
