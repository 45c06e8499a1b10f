"""A delivery that is retried waits beside its newer one: others join only a delivery that was never tried."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_JOINED = {
    "uq_outbox_card": (["room_id"], "card"),
    "uq_outbox_grow": (["room_id", "grows"], "grow"),
    "uq_outbox_notice": (["notice_id"], "notice"),
}


def upgrade() -> None:
    op.add_column(
        "outbox", sa.Column("retried", sa.Boolean(), server_default=sa.text("false"), nullable=False)
    )
    for name, (columns, kind) in _JOINED.items():
        _again(name, columns, f"kind = '{kind}' and state = 'waiting' and not retried")


def downgrade() -> None:
    # Of several the newest says it all.
    op.execute(
        "update outbox set state = 'withdrawn' where state = 'waiting' and retried and kind in"
        " ('card', 'grow', 'notice')"
    )
    for name, (columns, kind) in _JOINED.items():
        _again(name, columns, f"kind = '{kind}' and state = 'waiting'")
    op.drop_column("outbox", "retried")


def _again(name: str, columns: list[str], where: str) -> None:
    op.drop_index(name, table_name="outbox")
    op.create_index(name, "outbox", columns, unique=True, postgresql_where=sa.text(where))
