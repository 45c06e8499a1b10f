"""Create invitations to continue on another channel as the same customer. `storage.places` accepts them."""

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
from storage.arrivals import token_hash
from storage.sealing import KeyedHash

LIVES: Final = timedelta(hours=24)
_BYTES = 16


def new_token(randomness: Callable[[int], bytes] = secrets.token_bytes) -> str:
    """Return the token of a new invitation. The invited person sees it once; only its hash is stored."""
    return "go-" + base64.urlsafe_b64encode(randomness(_BYTES)).decode().rstrip("=")


async def may_invite(connection: AsyncConnection, organization: OrgId, conversation: ConversationId) -> None:
    """Check that a conversation's customer can be invited to another channel.

    Raise NotFound, and CommandError if the customer was erased, or if nobody vouches for their address.
    """
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
    """Create an invitation: whoever brings `token` within LIVES, first and in private, becomes this customer.

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
