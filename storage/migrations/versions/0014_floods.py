"""Customers and accounts that write faster than allowed, and posts of a room that grow."""

import sqlalchemy as sa
from alembic import op

from storage.row_security import policy

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "floods",
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), sa.ForeignKey("organizations.id"), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("subject_id"),
    )
    op.create_index("ix_floods_until", "floods", ["until"])
    for statement in policy("floods"):
        op.execute(statement)
    op.add_column("outbox", sa.Column("grows", sa.Uuid()))
    op.create_index(
        "uq_outbox_grow",
        "outbox",
        ["room_id", "grows"],
        unique=True,
        postgresql_where=sa.text("kind = 'grow' and state = 'waiting'"),
    )


def downgrade() -> None:
    op.execute("delete from outbox where kind = 'grow'")
    op.drop_index("uq_outbox_grow", table_name="outbox")
    op.drop_column("outbox", "grows")
    op.drop_table("floods")
