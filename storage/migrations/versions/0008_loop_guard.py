"""Automatic replies are counted by the address they go to, for all processes."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from storage.row_security import policy

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("places", sa.Column("mailbox_hash", sa.LargeBinary(), nullable=True))
    op.add_column("places", sa.Column("domain_hash", sa.LargeBinary(), nullable=True))
    op.add_column(
        "places", sa.Column("return_verified", sa.Boolean(), server_default=sa.text("true"), nullable=False)
    )
    op.create_table(
        "loop_guard",
        sa.Column("organization_id", sa.Uuid(), sa.ForeignKey("organizations.id"), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("replied", postgresql.ARRAY(sa.DateTime(timezone=True)), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "hash", "kind"),
    )
    op.create_index("ix_loop_guard_last_at", "loop_guard", ["last_at"])
    for statement in policy("loop_guard"):
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("loop_guard")
    for column in ("return_verified", "domain_hash", "mailbox_hash"):
        op.drop_column("places", column)
