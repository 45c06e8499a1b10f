"""Platforms' ids in customers' chats as keyed hashes and sealed; the platforms' errors sealed.

The keys are not at hand here. Keys of events get a hash without one, by which redeliveries are known until
those rows are deleted. Of messages and deliveries the ids are dropped, and so are past errors: messages from
before the upgrade can no longer be edited, deleted or quoted by their id, and their receipts are passed over.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("messages", sa.Column("source", sa.Text()))
    op.add_column(
        "outbox",
        sa.Column("sealed_ids", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
    )
    op.alter_column("outbox", "error", type_=sa.Text())
    op.alter_column("files", "error", type_=sa.Text())
    op.alter_column("deliveries", "reason", type_=sa.Text())
    # Ids of our own stand as they are: what we tell ourselves has no account.
    op.execute("""
        update inbox set external_id = encode(sha256(convert_to(external_id, 'UTF8')), 'hex')
        where account_id <> '00000000-0000-0000-0000-000000000000'
    """)
    op.execute("""
        update messages set external_id = '',
            sender_id = case when role = 'customer' then sender_id else '' end
        where room_id is null and (role = 'customer' or external_id <> '')
    """)
    op.execute("update outbox set external_ids = '{}' where place_id is not null and external_ids <> '{}'")
    op.execute("update outbox set error = null where error is not null")
    op.execute("update files set error = null where error is not null")
    op.execute("update deliveries set reason = '' where reason <> ''")


def downgrade() -> None:
    op.execute("update outbox set error = null where error is not null")
    op.execute("update files set error = null where error is not null")
    op.execute("update deliveries set reason = '' where reason <> ''")
    op.alter_column("deliveries", "reason", type_=sa.String(500))
    op.alter_column("files", "error", type_=sa.String(500))
    op.alter_column("outbox", "error", type_=sa.String(500))
    op.drop_column("outbox", "sealed_ids")
    op.drop_column("messages", "source")
