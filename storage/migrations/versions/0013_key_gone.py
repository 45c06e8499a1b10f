"""The time at which a destroyed key had left the pages of the table of customers, too."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("customers", sa.Column("key_gone_at", sa.DateTime(timezone=True)))
    op.create_index(
        "ix_customers_key_in_pages",
        "customers",
        ["erased_at"],
        postgresql_where=sa.text("erased_at is not null and key_gone_at is null"),
    )


def downgrade() -> None:
    op.drop_index("ix_customers_key_in_pages", table_name="customers")
    op.drop_column("customers", "key_gone_at")
