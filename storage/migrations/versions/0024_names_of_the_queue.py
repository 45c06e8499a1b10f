"""The columns of the queue are called by what they hold: numbers of inputs, and what an early event waits for."""

from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

_COLUMNS = (
    ("conversations", "accepted", "last_accepted"),
    ("conversations", "handled", "last_handled"),
    ("conversations", "said", "last_customer_input"),
    ("inbox", "stray", "waits_for"),
)


def upgrade() -> None:
    for table, old, new in _COLUMNS:
        op.alter_column(table, old, new_column_name=new)
    op.execute("alter index ix_inbox_stray rename to ix_inbox_waits_for")


def downgrade() -> None:
    op.execute("alter index ix_inbox_waits_for rename to ix_inbox_stray")
    for table, old, new in _COLUMNS:
        op.alter_column(table, new, new_column_name=old)
