"""A delivery that is retried waits by itself: the pause is kept with the row, and not in its lane alone."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("outbox", sa.Column("not_before", sa.DateTime(timezone=True)))
    op.create_index(
        "ix_outbox_not_before",
        "outbox",
        ["lane_id", "not_before"],
        postgresql_where=sa.text("state in ('waiting', 'sending') and not_before is not null"),
    )


def downgrade() -> None:
    op.drop_index("ix_outbox_not_before", table_name="outbox")
    op.drop_column("outbox", "not_before")
