"""Ask a conversation for a room in which staff watch it."""

from typing import Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.core.conversation import Origin, WatchRequested
from bot.core.errors import KeyDestroyed
from bot.core.ids import ConversationId, OrgId, PersonId
from storage.entries import NOBODY, Entry
from storage.keys import Keys


async def watch_request(
    connection: AsyncConnection,
    keys: Keys,
    organization: OrgId,
    conversation: ConversationId,
    person: PersonId,
    *,
    request: UUID,
) -> Entry:
    """Return the input of the conversation for which its next turn opens the room. Raise KeyDestroyed.

    `request` is a new id, by which the input is stored once.
    """
    given = {"organization": organization, "conversation": conversation}
    row = (await connection.execute(_KEY, given)).one_or_none()
    if row is None or row.data_key is None:
        raise KeyDestroyed(f"of conversation {conversation}")
    return Entry(
        NOBODY,
        f"watch:{request}",
        organization,
        conversation,
        Origin.SELF,
        WatchRequested(person),
        keys.customer(row.id, row.data_key),
    )


_KEY: Final = text("""
    select c.id, c.data_key from conversations v join customers c on c.id = v.customer_id
    where v.organization_id = :organization and v.id = :conversation
""")
