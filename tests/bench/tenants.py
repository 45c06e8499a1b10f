"""Many organizations that have nothing to do: what they cost while they are idle."""

from typing import Final
from uuid import UUID

import psycopg
from psycopg.types.json import Jsonb

from bot.app.settings import parse
from bot.core.ids import new_id
from storage.keys import Keys
from storage.sealing import Keyring

ORGANIZATIONS: Final = 2000
CHANNELS: Final = ("telegram", "whatsapp", "messenger", "slack", "slack")  # five webhook accounts of each


def settle(environ: dict[str, str], count: int = ORGANIZATIONS) -> None:
    """Put so many organizations beside the one that is there: copies of it with keys and accounts of theirs.

    Written to the tables at once: applying 2,000 files would take longer than the bench may.
    """
    keys = Keys(Keyring(parse(environ).encryption_keys))
    with psycopg.connect(environ["DATABASE_URL"]) as connection:
        found = connection.execute(
            "select v.document from organizations o join organization_versions v"
            " on v.organization_id = o.id and v.version = o.version limit 1"
        ).fetchone()
        assert found is not None
        made = [new_id() for _ in range(count)]
        with connection.cursor() as cursor:
            with cursor.copy(
                "copy organizations (id, name, version, data_key, index_key, changed_in) from stdin"
            ) as rows:
                for number, id_ in enumerate(made):
                    data_key, index_key = keys.new_organization(id_)  # type: ignore[arg-type]
                    rows.write_row((id_, f"Tenant {number}", 1, data_key, index_key, 1))
            with cursor.copy(
                "copy organization_versions (organization_id, version, document, digest, applied_by)"
                " from stdin"
            ) as rows:
                document = _with_five_accounts(found[0])
                for id_ in made:
                    rows.write_row((id_, 1, Jsonb(document), "0" * 64, "bench"))
            with cursor.copy(
                "copy accounts (id, organization_id, channel, account, serves, mode, secrets) from stdin"
            ) as rows:
                for id_ in made:
                    for account in document["organization"]["accounts"]:  # type: ignore[index,call-overload]
                        rows.write_row(_account(id_, account))
        connection.execute(
            "update organizations set changed_in = pg_current_xact_id()::text::bigint where changed_in = 1"
        )
        connection.execute("analyze organizations, organization_versions, accounts")


def _with_five_accounts(document: dict[str, object]) -> dict[str, object]:
    """Let the copied file declare the accounts, all with secrets that the environment of the bench has."""
    organization = dict(document["organization"])  # type: ignore[call-overload]
    (slack,) = [one for one in organization["accounts"] if one["channel"] == "slack"]
    (telegram,) = [one for one in organization["accounts"] if one["channel"] == "telegram"]
    meta = {"app_secret": "WHATSAPP_APP_SECRET", "verify_token": "WHATSAPP_VERIFY_TOKEN"}
    organization["accounts"] = [
        telegram,
        slack,
        slack | {"id": "slack-2"},
        telegram
        | {
            "id": "whatsapp",
            "channel": "whatsapp",
            "secrets": {"access_token": "WHATSAPP_ACCESS_TOKEN", **meta},
            "options": {"phone_number_id": "106540352242922"},
        },
        telegram
        | {
            "id": "messenger",
            "channel": "messenger",
            "secrets": {"page_token": "MESSENGER_PAGE_TOKEN", **meta},
            "options": {"page_id": "404217156637689"},
        },
    ]
    return document | {"organization": organization}


def _account(organization: UUID, account: dict[str, object]) -> tuple[object, ...]:
    return (
        new_id(),
        organization,
        account["channel"],
        account["id"],
        account["serves"],
        account["mode"],
        Jsonb(account["secrets"]),
    )
