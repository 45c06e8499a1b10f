"""The second wall between organizations: row-level security."""

from alembic import op
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from bot.core.errors import SettingsError
from storage.row_security import NOT_ALLOWED, TENANT, policy

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TABLES = (
    "accounts",
    "agents",
    "article_sections",
    "audit_chain",
    "audit_log",
    "audit_unsealed",
    "conversations",
    "customers",
    "deliveries",
    "escalation_steps",
    "escalations",
    "files",
    "identities",
    "inbox",
    "lanes",
    "links",
    "memberships",
    "merges",
    "messages",
    "organization_versions",
    "organizations",
    "outbox",
    "places",
    "rooms",
    "secrets",
    "teams",
    "timers",
    "turns",
    "users",
    "vault",
    "workflows",
)


# Since PostgreSQL 16 who makes a role is a member of it, and may still not become it.
_MAY_BECOME = "case when current_setting('server_version_num')::int >= 160000 then 'set' else 'member' end"


def upgrade() -> None:
    _make_role()
    for table in TABLES:
        for statement in policy(table):
            op.execute(statement)
    op.execute(f"grant usage on all sequences in schema public to {TENANT}")


def downgrade() -> None:
    for table in TABLES:
        op.execute(f"drop policy one_organization on {table}")
        op.execute(f"alter table {table} disable row level security")
        op.execute(f"revoke all on {table} from {TENANT}")
    op.execute(f"revoke all on all sequences in schema public from {TENANT}")


def _make_role() -> None:
    """Make the role, unless another database of this server has it. Raises SettingsError if we may not."""
    connection = op.get_bind()
    try:
        with connection.begin_nested():
            connection.execute(
                text(f"""
                    do $$ begin
                        if not exists (select from pg_roles where rolname = '{TENANT}') then
                            begin
                                create role {TENANT} nologin;
                            exception when duplicate_object or unique_violation then
                                null;  -- another database of this server has it: roles belong to all of them
                            end;
                        end if;
                        if not pg_has_role(current_user, '{TENANT}', {_MAY_BECOME}) then
                            execute format('grant {TENANT} to %I', current_user);
                        end if;
                    end $$
                """)
            )
    except ProgrammingError as error:
        login = connection.execute(text("select current_user")).scalar_one()
        raise SettingsError(NOT_ALLOWED.replace("current_login", f'"{login}"')) from error
