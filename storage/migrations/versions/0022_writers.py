"""A message names who wrote it, by the keyed hash of their identity, where that need not be the customer whose
conversation it is: in a place that several people share, or while two customers were one.

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
            and (exists (
                select from places p where (p.conversation_id = v.id or p.id = v.place_id) and p.shared
            ) or exists (
                select from merges g
                where (v.customer_id in (g.kept_id, g.merged_id) or v.customer_id = any(g.followers))
                    and m.created_at between g.created_at and coalesce(g.undone_at, m.created_at)
            ))
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
