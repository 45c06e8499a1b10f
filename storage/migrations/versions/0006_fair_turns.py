"""In a chat of the staff each conversation has its turn."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

OPEN = sa.text("state in ('waiting', 'sending')")


def upgrade() -> None:
    for table in ("lanes", "outbox"):
        op.add_column(table, sa.Column("turn", sa.BigInteger(), server_default="0", nullable=False))
    op.drop_index("ix_outbox_open", "outbox")
    op.create_index("ix_outbox_open", "outbox", ["lane_id", "turn", "position"], postgresql_where=OPEN)
    op.create_index("ix_outbox_turn", "outbox", ["lane_id", "conversation_id", "turn"], postgresql_where=OPEN)


def downgrade() -> None:
    op.drop_index("ix_outbox_turn", "outbox")
    op.drop_index("ix_outbox_open", "outbox")
    op.create_index("ix_outbox_open", "outbox", ["lane_id", "position"], postgresql_where=OPEN)
    for table in ("outbox", "lanes"):
        op.drop_column(table, "turn")
