"""Write the outcomes of attempts to send: the row, the attempt, and where a card or notice was posted."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import text

from bot.core.ids import NewId
from storage.database import Step
from storage.delivery_outcomes import Dead, Delivered, Later, Result
from storage.hashes import reference_hash
from storage.sealed_fields import ERROR, SENT_ID, TRY_REASON


def settling(results: Sequence[Result], new_id: NewId) -> list[Step]:
    """Return the statements that record the outcomes of deliveries."""
    steps: list[Step] = [(_SETTLE, [_row(result) for result in results])]
    if tries := [_try(result, new_id()) for result in results if not isinstance(result, Delivered)]:
        steps.append((_TRY, tries))
    steps += [
        (_PLACE_NOTICE, {"id": r.item.notice.id, "chat": r.sent.chat or None, "post": r.sent.message})
        for r in results
        if isinstance(r, Delivered) and r.item.notice is not None and r.sent.message
    ]
    steps += [
        (_PLACE_ROOM, _room(result))
        for result in results
        if isinstance(result, Delivered)
        and result.item.kind == "card"
        and (result.sent.message or result.sent.thread)
    ]
    return steps


def arrived_late(results: Sequence[Delivered]) -> Step:
    """Return the statement for deliveries that succeeded after another worker recorded `unknown`."""
    return _LATE, [{"id": r.item.id} | _named(r) for r in results]


def _row(result: Result) -> dict[str, object]:
    item = result.item
    match result:
        case Delivered(sent=sent):
            state, part, error = ("waiting" if sent.more else "delivered"), item.part + 1, None
            attempts = 0 if sent.more else item.attempts
        case Later():
            state = "sending" if result.uncertain else "waiting"
            part, error = item.part, result.reason
            attempts = item.attempts if result.counts else item.attempts - 1
        case Dead():
            state, part, error, attempts = result.outcome, item.part, result.reason, item.attempts
    return {
        "id": item.id,
        "state": state,
        "part": part,
        "attempts": attempts,
        "wait": result.after.total_seconds() if isinstance(result, Later) else 0.0,
        "error": item.sealer.seal(error[:500], field=ERROR) if error else None,
        "chat": _person_chat(result),
    } | _named(result)


def _named(result: Result) -> dict[str, object]:
    """Return the platform's id of a sent message: hashed to find it, and sealed to change it later.

    It is neither hashed nor sealed in a chat of the staff.
    """
    ref, item = (result.sent.message if isinstance(result, Delivered) else ""), result.item
    if item.kind == "grow" and isinstance(result, Delivered):
        return {"ref": item.refs[0], "sealed": None}  # the post that has grown now shows a newer message
    if item.index is None or not ref:
        return {"ref": ref, "sealed": None}
    return {"ref": reference_hash(item.index, ref), "sealed": item.sealer.seal(ref, field=SENT_ID)}


def _person_chat(result: Result) -> str:
    """Return the platform's id of the chat with one person of the staff, or "" if it went elsewhere."""
    if not isinstance(result, Delivered) or not result.sent.message:
        return ""
    if result.item.direct is not None:
        return result.sent.chat or result.item.place.chat
    return result.sent.chat if result.item.kind == "whisper" else ""


def _room(card: Delivered) -> dict[str, object]:
    item, sent = card.item, card.sent
    thread = sent.thread or item.place.thread or sent.message
    return {"id": item.room, "chat": sent.chat or item.place.chat, "thread": thread, "card": sent.message}


def _try(result: Later | Dead | Delivered, id_: UUID) -> dict[str, object]:
    item = result.item
    code, reason = ("delivered", "") if isinstance(result, Delivered) else (result.code, result.reason)
    return {
        "id": id_,
        "organization": item.organization,
        "outbox": item.id,
        "attempt": item.attempts,
        "outcome": code[:40],
        "reason": item.sealer.seal(reason[:500], field=TRY_REASON) if reason else "",
    }


# A row that waits again counts as begun, for workers of an earlier version: see outbox.begun.
_SETTLE = text("""
    update outbox set state = cast(:state as text), begun = true,
        retried = cast(:state as text) = 'waiting', part = :part, attempts = :attempts,
        error = :error, not_before = case when cast(:wait as float8) > 0
            then clock_timestamp() + make_interval(secs => cast(:wait as float8)) end,
        external_ids = case when cast(:ref as text) <> '' then external_ids || cast(:ref as text) else
        external_ids end,
        person_chat = coalesce(person_chat, nullif(cast(:chat as text), '')),
        sealed_ids = case when cast(:sealed as text) is null then sealed_ids
            else sealed_ids || cast(:sealed as text) end,
        settled_at = case when cast(:state as text) not in ('waiting', 'sending') then clock_timestamp() end
    where id = :id
""")

_LATE = text("""
    update outbox set state = 'delivered', error = null, external_ids = external_ids || cast(:ref as text),
        sealed_ids = case when cast(:sealed as text) is null then sealed_ids
            else sealed_ids || cast(:sealed as text) end
    where id = :id and state = 'unknown'
""")

_TRY = text("""
    insert into deliveries (id, organization_id, outbox_id, attempt, at, outcome, reason)
    values (:id, :organization, :outbox, :attempt, clock_timestamp(), :outcome, :reason)
""")

_PLACE_NOTICE = text("""
    update notices set chat_id = coalesce(chat_id, :chat), post = coalesce(post, :post) where id = :id
""")

_PLACE_ROOM = text("""
    update rooms set chat_id = coalesce(chat_id, :chat), thread = coalesce(thread, :thread),
        card = coalesce(card, nullif(:card, ''))
    where id = :id and (thread is null or card is null)
""")
