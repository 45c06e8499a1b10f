"""Every conversation has a short number, unique in its organization, which people can read out."""

from itertools import count

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

# Drawn at random, and again with a digit more where two drew the same or one is taken.
_DRAW = sa.text("""
    with drawn as (
        select id, organization_id, :least + floor(random() * 9 * :least)::bigint as number
        from conversations where number is null
    ), one as (
        select distinct on (organization_id, number) id, organization_id, number from drawn
    )
    update conversations v set number = one.number from one
    where v.id = one.id and not exists (
        select from conversations t
        where t.organization_id = one.organization_id and t.number = one.number
    )
""")
_LEFT = sa.text("select exists (select from conversations where number is null)")
# What a program of the version before begins during the upgrade.
_BY_ITSELF = "100000000000 + floor(random() * 900000000000)::bigint"


def upgrade() -> None:
    op.add_column("conversations", sa.Column("number", sa.BigInteger()))
    op.create_index("uq_conversations_number", "conversations", ["organization_id", "number"], unique=True)
    connection = op.get_bind()
    for digits in count(6):
        if not connection.scalar(_LEFT):
            break
        connection.execute(_DRAW, {"least": 10 ** (digits - 1)})
    op.alter_column("conversations", "number", nullable=False, server_default=sa.text(_BY_ITSELF))


def downgrade() -> None:
    op.drop_index("uq_conversations_number", table_name="conversations")
    op.drop_column("conversations", "number")
