"""Put the disclosure that an AI writes above what leaves, where it is due by what has left before.

A turn says with each automatic post what the disclosure is (`Post.discloses`). Whether it is due is decided
when the post leaves, because only then it is known what the customer has got: an earlier message may have
been taken back, have failed, or have waited for days. One message leaves at a time in a chat, so that no two
both say it, and none leaves without it because another one was only meant to.
"""

from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from typing import Any, Final

from sqlalchemy import Row

from bot.core.outbound import Operation, Post

HOLDS_FOR: Final = timedelta(hours=24)  # WhatsApp and Messenger count messages within it as one conversation
PERSON: Final = "person"  # in outbox.disclosed: a person wrote it
BETWEEN: Final = "\n\n"

# The disclosures that stand in this conversation, in this place, by `mark`: those above messages that have
# arrived, at least in part, within `HOLDS_FOR`, and after the last words of a person that may have arrived.
# What a colleague wrote beside the desk, as in the inbox of a page, is in the log alone.
STANDING: Final = f"""
    case when o.kind = 'post' and o.place_id is not null then array(
        select p.disclosed from outbox p
        where p.conversation_id = o.conversation_id and p.place_id = o.place_id and p.disclosed <> '{PERSON}'
            and (p.state = 'delivered' or p.part > 0) and p.disclosed_at > greatest(
                clock_timestamp() - interval '{HOLDS_FOR.total_seconds():.0f} seconds',
                (select max(coalesce(q.settled_at, q.disclosed_at)) from outbox q
                    where q.conversation_id = o.conversation_id and q.place_id = o.place_id
                        and q.disclosed = '{PERSON}' and (q.state in ('delivered', 'unknown') or q.part > 0))
            ) and not exists (
                select from messages m
                where m.conversation_id = p.conversation_id and m.role = 'staff' and m.room_id is null
                    and m.position > (select position from messages where id = p.message_id)
            )
    ) end
"""


def mark(words: str) -> str:
    """Return by what the column `outbox.disclosed` knows a disclosure in one language and wording."""
    return sha256(words.encode()).hexdigest()[:20]


def disclose(operation: Operation, row: Row[Any], *, begun: bool) -> tuple[Operation, str, str]:
    """Return the operation as it leaves, what to note in `outbox.disclosed`, and the words put above it.

    `row` has the columns of `outbox`, and `STANDING` as `standing`. If a part of the message has left, or may
    have (`begun`), what was decided then holds: a text must not change between its parts.
    """
    if row.kind != "post" or row.place_id is None or not isinstance(operation, Post):
        return operation, "", ""
    if operation.speaker is not None and operation.speaker.human:
        return operation, PERSON, ""
    words = operation.discloses
    if not words:
        return operation, "", ""
    due = row.disclosed == mark(words) if begun or row.part else mark(words) not in row.standing
    text = BETWEEN.join(filter(None, (words, operation.text))) if due else operation.text
    return replace(operation, text=text, discloses=""), mark(words) if due else "", words if due else ""
