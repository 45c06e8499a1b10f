"""The newest conversations of a customer are found without reading all of them."""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("ix_conversations_customer_id", table_name="conversations")
    op.create_index("ix_conversations_customer_id", "conversations", ["customer_id", "id"])


def downgrade() -> None:
    op.drop_index("ix_conversations_customer_id", table_name="conversations")
    op.create_index("ix_conversations_customer_id", "conversations", ["customer_id"])
