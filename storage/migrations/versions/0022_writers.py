"""A message in a place that several people share names who wrote it, by the keyed hash of their identity.

Of older messages nobody can find out without their keys: they are marked, so that whoever is erased is told.
"""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("messages", sa.Column("writer", sa.LargeBinary()))
    op.execute("""
        update messages m set writer = ''
        from conversations v join customers c on c.id = v.customer_id and c.data_key is not null
        where v.id = m.conversation_id and m.room_id is null
            and (m.role = 'customer' or m.role = 'system' and m.state = 'note')
            and exists (select from places p where p.conversation_id = v.id and p.shared)
    """)
    op.create_index(
        "ix_messages_writer",
        "messages",
        ["organization_id", "writer"],
        postgresql_where=sa.text("writer is not null"),
    )


def downgrade() -> None:
    op.drop_index("ix_messages_writer", table_name="messages")
    op.drop_column("messages", "writer")
