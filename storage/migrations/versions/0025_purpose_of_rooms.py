"""A room has a purpose, and belongs to its conversation: only that of an escalation names one."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("rooms", sa.Column("purpose", sa.String(20), nullable=False, server_default="escalation"))
    op.alter_column("rooms", "escalation_id", nullable=True)


def downgrade() -> None:
    op.execute("delete from outbox where room_id in (select id from rooms where escalation_id is null)")
    op.execute(
        "update messages set room_id = null where room_id in (select id from rooms where escalation_id is null)"
    )
    op.execute("delete from rooms where escalation_id is null")
    op.alter_column("rooms", "escalation_id", nullable=False)
    op.drop_column("rooms", "purpose")
