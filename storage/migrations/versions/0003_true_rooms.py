"""Rooms that stay true: a staff message knows the room where it was written."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("messages", sa.Column("room_id", sa.Uuid(), nullable=True))
    op.execute("""
        update messages m set room_id = r.id from rooms r
        where r.conversation_id = m.conversation_id and r.open and m.role = 'staff' and m.external_id <> ''
    """)


def downgrade() -> None:
    op.drop_column("messages", "room_id")
