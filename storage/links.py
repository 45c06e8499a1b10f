"""Invitations to go on elsewhere, as the same customer. `storage.places` honours them."""

import base64
import secrets
from collections.abc import Callable
from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.core.errors import CommandError, NotFound
from bot.core.ids import ConversationId, OrgId
from storage.places import token_hash
from storage.sealing import KeyedHash

LIVES: Final = timedelta(hours=24)
_BYTES = 16


def new_token(randomness: Callable[[int], bytes] = secrets.token_bytes) -> str:
    """What an invitation carries: it is seen once, by whoever is invited. Only its hash is kept."""
    return "go-" + base64.urlsafe_b64encode(randomness(_BYTES)).decode().rstrip("=")


async def may_invite(connection: AsyncConnection, organization: OrgId, conversation: ConversationId) -> None:
    """Raises NotFound, and CommandError where a link would lead to somebody nobody vouches for, or nobody."""
    row = (
        await connection.execute(_INVITED, {"organization": organization, "conversation": conversation})
    ).one_or_none()
    if row is None:
        raise NotFound("conversation", str(conversation))
    if row.erased:
        raise CommandError(f"The customer of {conversation} was erased: nobody can go on there.")
    if not row.verified:
        raise CommandError(
            f"Nobody vouches for the address from which the customer of {conversation} writes: a link would"
            " take them for whoever follows it. Who knows that they are one, says `customers merge`."
        )


async def invite(
    connection: AsyncConnection,
    id_: UUID,
    organization: OrgId,
    conversation: ConversationId,
    *,
    index: KeyedHash,
    token: str,
) -> None:
    """Whoever brings `token` within LIVES, first and in private, is the customer of that conversation.

    `index` is the organization's.
    """
    given = {
        "id": id_,
        "organization": organization,
        "conversation": conversation,
        "hash": token_hash(index, token),
        "seconds": LIVES.total_seconds(),
    }
    await connection.execute(_INVITE, given)


_INVITED = text("""
    select c.data_key is null as erased, coalesce(i.verified, true) as verified
    from conversations v join customers c on c.id = v.customer_id
    left join places p on p.id = v.place_id left join identities i on i.id = p.identity_id
    where v.organization_id = :organization and v.id = :conversation
""")

_INVITE = text("""
    insert into links (id, organization_id, token_hash, customer_id, conversation_id, expires_at)
    select :id, :organization, :hash, v.customer_id, v.id, clock_timestamp() + make_interval(secs => :seconds)
    from conversations v where v.organization_id = :organization and v.id = :conversation
""")
