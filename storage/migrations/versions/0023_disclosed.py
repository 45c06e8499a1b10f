"""The outbox notes above which messages it was said that an AI writes, and which a person wrote.

Of older rows it is not known: the next automatic message of each conversation says it once more.
"""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("outbox", sa.Column("disclosed", sa.String(20)))
    op.add_column("outbox", sa.Column("disclosed_at", sa.DateTime(timezone=True)))
    op.create_index(
        "ix_outbox_disclosed",
        "outbox",
        ["conversation_id", "disclosed_at"],
        postgresql_where=sa.text("disclosed is not null"),
    )


def downgrade() -> None:
    op.drop_index("ix_outbox_disclosed", table_name="outbox")
    op.drop_column("outbox", "disclosed_at")
    op.drop_column("outbox", "disclosed")
