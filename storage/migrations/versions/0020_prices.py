"""Prices that platforms charge for our messages, and chats that take free text for longer than their window."""

import sqlalchemy as sa
from alembic import op

from storage.row_security import policy

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "prices",
        sa.Column("account_id", sa.Uuid(), sa.ForeignKey("accounts.id"), nullable=False),
        sa.Column("message_hash", sa.LargeBinary(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), sa.ForeignKey("organizations.id"), nullable=False),
        sa.Column("category", sa.String(length=40), nullable=False),
        sa.Column("rate", sa.String(length=40), nullable=False),
        sa.Column("billed", sa.Boolean(), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "message_hash"),
    )
    op.create_index("ix_prices_organization_id", "prices", ["organization_id", "told_at"])
    op.create_index("ix_prices_told_at", "prices", ["told_at"])
    for statement in policy("prices"):
        op.execute(statement)
    op.add_column("places", sa.Column("open_until", sa.DateTime(timezone=True)))


def downgrade() -> None:
    op.drop_column("places", "open_until")
    op.drop_table("prices")
