"""Escalations without a room of their own, which a notice lists."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "notices", sa.Column("kind", sa.String(length=20), server_default="in_doubt", nullable=False)
    )
    op.add_column("escalations", sa.Column("notice_id", sa.Uuid()))
    op.create_index(
        "ix_escalations_notice_id",
        "escalations",
        ["notice_id"],
        postgresql_where=sa.text("notice_id is not null"),
    )


def downgrade() -> None:
    op.drop_index("ix_escalations_notice_id", table_name="escalations")
    op.drop_column("escalations", "notice_id")
    op.drop_column("notices", "kind")
