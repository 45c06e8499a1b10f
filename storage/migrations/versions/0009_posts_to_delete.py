"""Posts to staff about a customer can be deleted with the customer, and who erased the customer is known."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_SERVED = "state = 'delivered'"
_NOT_SHOWN_TO_STAFF = " and (place_id is not null or kind not in ('post', 'offer', 'whisper', 'direct'))"


def upgrade() -> None:
    op.add_column(
        "customers", sa.Column("erased_by", sa.String(length=255), nullable=False, server_default="")
    )
    op.add_column("outbox", sa.Column("person_chat", sa.String(length=255)))
    _index(_SERVED + _NOT_SHOWN_TO_STAFF)


def downgrade() -> None:
    _index(_SERVED)
    op.drop_column("outbox", "person_chat")
    op.drop_column("customers", "erased_by")


def _index(where: str) -> None:
    op.drop_index("ix_outbox_settled_at", table_name="outbox")
    op.create_index("ix_outbox_settled_at", "outbox", ["settled_at"], postgresql_where=sa.text(where))
