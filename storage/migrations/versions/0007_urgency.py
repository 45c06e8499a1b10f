"""Escalations by the urgency that the organization file gives their trigger."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.alter_column("escalations", "urgent", new_column_name="urgency")
    op.alter_column(
        "escalations",
        "urgency",
        type_=sa.String(length=20),
        existing_nullable=False,
        postgresql_using="case when urgency then 'high' else 'normal' end",
    )


def downgrade() -> None:
    op.alter_column(
        "escalations",
        "urgency",
        type_=sa.Boolean(),
        existing_nullable=False,
        postgresql_using="urgency <> 'normal'",
    )
    op.alter_column("escalations", "urgency", new_column_name="urgent")
