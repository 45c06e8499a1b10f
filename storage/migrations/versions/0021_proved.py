"""An address that a code was sent to is erased with the customer who proved it: earlier ones are wiped.

Receipts that came too soon wait for a minute at most, and masked addresses for a code: they are sealed from now
on, and what stands in clear is dropped.
"""

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        update customers c set data_key = null, erased_at = clock_timestamp(), erased_by = ''
        from conversations v
        where v.customer_id = c.id and v.owner_name = '' and v.place_id is null and c.data_key is not null
            and not exists (
                select from identities i join places p on p.identity_id = i.id where i.customer_id = c.id
            )
    """)
    op.execute("""
        delete from identities i using customers c, conversations v
        where c.id = i.customer_id and v.customer_id = c.id and v.owner_name = '' and c.data_key is null
            and not exists (select from places p where p.identity_id = i.id)
    """)
    op.execute(
        "update conversations set memory = memory - 'early' - 'proof' where memory ?| array['early', 'proof']"
    )


def downgrade() -> None:
    """Do nothing: erased values stay erased."""
