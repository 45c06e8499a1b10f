"""Open the reasons of failed deliveries. They are sealed, because platforms name the recipient in them."""

from typing import Any

from sqlalchemy import Row

from bot.core.errors import CannotDecrypt
from bot.core.ids import CustomerId, OrgId
from storage.keys import Keys


def reason_of(keys: Keys, row: Row[Any], sealed: str | None, field: str) -> str:
    """Return why a delivery failed, or "" if the text can no longer be read.

    Failures after a customer's erasure are sealed with the organization's key, for they are about staff's
    chats. Earlier ones were sealed with the destroyed key.
    """
    if not sealed:
        return ""
    if row.data_key is not None:
        return keys.customer(CustomerId(row.customer_id), row.data_key).open(sealed, field=field)
    try:
        ours = keys.organization(OrgId(row.organization_id), row.org_key, row.index_key)
        return ours.sealer.open(sealed, field=field)
    except CannotDecrypt:
        return ""
