"""Define the outcomes of an attempt to send, and what the conversation must know of them."""

from dataclasses import dataclass
from datetime import timedelta

from bot.core.conversation import DeliveryReport
from bot.core.errors import AccountSuspended, PersonAway
from bot.core.outbound import Invite, Post, Sent
from storage.outbox_items import Item
from storage.posted import ERASE


@dataclass(frozen=True, slots=True)
class Delivered:
    item: Item
    sent: Sent
    rest: timedelta  # how long the chat must rest now
    slack: timedelta = timedelta()  # how much unused rest the chat may save up for a burst


@dataclass(frozen=True, slots=True)
class Later:
    """An attempt to repeat after `after`. `counts`: it counts as an attempt, not only as a request to
    wait.
    """

    item: Item
    after: timedelta
    code: str
    reason: str
    counts: bool = True
    uncertain: bool = False  # it may have arrived: ask the platform before sending again
    rest: timedelta = timedelta()  # how long the chat must rest now


@dataclass(frozen=True, slots=True)
class Dead:
    """An attempt that is not repeated automatically.

    `outcome` is failed, unknown, withdrawn, or parked (until the customer writes).
    """

    item: Item
    outcome: str
    code: str
    reason: str
    unreachable: bool = False


Result = Delivered | Later | Dead


def report_of(result: Result) -> DeliveryReport | None:
    """Return what the conversation must know of a result, or None.

    It learns of failures of messages, cards and invitations, and of deliveries whose success it asked for.
    """
    item = result.item
    if (
        item.kind in ("amend", "retract", "grow", ERASE)
        and isinstance(result, Dead)
        and (result.outcome != "withdrawn" or item.kind == "grow")
    ):
        return DeliveryReport(
            item.message,
            item.id,
            "unchanged",
            result.reason,
            room=item.room,
            code=result.code,
            grows=item.grows,
        )
    if item.lost:
        return None
    if item.direct is not None and isinstance(result, Dead):
        return DeliveryReport(
            None, item.id, result.outcome, result.reason, code=result.code, direct=item.direct
        )
    if isinstance(item.operation, Invite):
        return _not_invited(item, item.operation, result)
    if item.kind not in ("post", "offer", "card") and not (item.kind == "emote" and item.reports):
        return None
    if isinstance(result, Later):
        return _delayed(result)
    if isinstance(result, Dead):
        if result.outcome == "withdrawn":
            return None
        return DeliveryReport(
            item.message,
            item.id,
            result.outcome,
            result.reason,
            result.unreachable and item.room is None,
            item.room,
            result.code,
            item.kind == "card",
            absent=_called(item) if result.code == PersonAway.code else "",
            grows=item.grows,
            notice=item.listed_in,
        )
    if item.room is not None and result.sent.absent and isinstance(item.operation, Post):
        calls = item.operation.calls
        return DeliveryReport(item.message, item.id, "delivered", room=item.room, card=False, absent=calls)
    if result.sent.shown is not None and item.message is not None and item.room is None:
        return DeliveryReport(item.message, item.id, "stopped", shown=result.sent.shown)
    if item.reports and not result.sent.more:
        return DeliveryReport(item.message, item.id, "delivered", room=item.room, notice=item.listed_in)
    return None


def _called(item: Item) -> str:
    return item.operation.calls if isinstance(item.operation, Post) else ""


def _not_invited(item: Item, invite: Invite, result: Result) -> DeliveryReport | None:
    if not isinstance(result, Dead):
        return None
    return DeliveryReport(
        None,
        item.id,
        result.outcome,
        result.reason,
        room=item.room,
        code=result.code,
        card=False,
        absent=invite.person,
    )


def _delayed(result: Later) -> DeliveryReport | None:
    """Report a suspended account to its conversation once, on the first attempt."""
    item = result.item
    if result.code != AccountSuspended.code or item.attempts > 1 or item.room is not None:
        return None
    return DeliveryReport(item.message, item.id, "delayed", result.reason, code=result.code)
