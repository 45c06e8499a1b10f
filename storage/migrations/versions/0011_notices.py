"""One notice for a team of many messages whose fate nobody knows."""

import sqlalchemy as sa
from alembic import op

from storage.row_security import policy

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "notices",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), sa.ForeignKey("organizations.id"), nullable=False),
        sa.Column("team", sa.String(length=100), nullable=False),
        sa.Column("lane_id", sa.Uuid(), sa.ForeignKey("lanes.id"), nullable=False),
        sa.Column("chat", sa.String(length=255), nullable=False),
        sa.Column("chat_id", sa.String(length=255)),
        sa.Column("post", sa.String(length=255)),
        sa.Column("pressed_by", sa.String(length=255)),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.func.clock_timestamp(), nullable=False
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_notices_team", "notices", ["organization_id", "team", "created_at"])
    for statement in policy("notices"):
        op.execute(statement)
    op.add_column("outbox", sa.Column("notice_id", sa.Uuid()))
    op.create_index(
        "ix_outbox_notice_id", "outbox", ["notice_id"], postgresql_where=sa.text("notice_id is not null")
    )
    op.create_index(
        "uq_outbox_notice",
        "outbox",
        ["notice_id"],
        unique=True,
        postgresql_where=sa.text("kind = 'notice' and state = 'waiting'"),
    )


def downgrade() -> None:
    op.execute("delete from outbox where kind = 'notice'")
    op.drop_index("uq_outbox_notice", table_name="outbox")
    op.drop_index("ix_outbox_notice_id", table_name="outbox")
    op.drop_column("outbox", "notice_id")
    op.drop_table("notices")
