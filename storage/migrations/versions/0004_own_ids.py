"""Accounts by their own ids: two organizations may call theirs the same."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "organizations", sa.Column("changed_in", sa.BigInteger(), server_default="0", nullable=False)
    )
    op.create_index("ix_organizations_changed_in", "organizations", ["changed_in"])
    op.drop_index("uq_accounts_active", "accounts")
    op.add_column("accounts", sa.Column("mode", sa.String(length=20), server_default="", nullable=False))
    for name in ("secrets", "options"):
        op.add_column("accounts", sa.Column(name, JSONB(), server_default="{}", nullable=False))
    op.add_column("accounts", sa.Column("webhook", sa.String(length=64), nullable=True))
    op.execute("""
        update accounts a set mode = coalesce(named.value ->> 'mode', ''),
            secrets = coalesce(named.value -> 'secrets', '{}'),
            options = coalesce(named.value -> 'options', '{}')
        from organizations o
        join organization_versions v on v.organization_id = o.id and v.version = o.version
        cross join lateral jsonb_array_elements(v.document #> '{organization,accounts}') as named
        where a.organization_id = o.id and named.value ->> 'id' = a.account
    """)
    op.create_table(
        "secrets",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("changed_by", sa.String(length=255), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], name="fk_secrets_organization_id"),
        sa.PrimaryKeyConstraint("organization_id", "name", name="pk_secrets"),
    )
    op.drop_index("ix_lanes_ready_at", "lanes")
    op.create_index(
        "ix_lanes_ready",
        "lanes",
        ["account_id", "ready_at"],
        postgresql_where=sa.text("ready_at is not null"),
    )


def downgrade() -> None:
    op.drop_index("ix_lanes_ready", "lanes")
    op.create_index(
        "ix_lanes_ready_at", "lanes", ["ready_at"], postgresql_where=sa.text("ready_at is not null")
    )
    op.drop_table("secrets")
    for name in ("webhook", "options", "secrets", "mode"):
        op.drop_column("accounts", name)
    op.create_index(
        "uq_accounts_active",
        "accounts",
        ["channel", "account"],
        unique=True,
        postgresql_where=sa.text("active"),
    )
    op.drop_index("ix_organizations_changed_in", "organizations")
    op.drop_column("organizations", "changed_in")
