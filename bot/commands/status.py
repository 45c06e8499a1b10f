"""`desk status`: how the organization is doing now."""

from dataclasses import replace
from datetime import datetime

from bot.commands.desk import Desk, whose
from bot.commands.formatting import since
from bot.core.commands import Call, Command, Output, Table
from bot.core.conversation import Status
from bot.core.permissions import Permission
from storage import prices, queries
from storage.keys import why_unreadable
from storage.prices import Charged
from storage.queries import Counts


def commands(desk: Desk) -> tuple[Command, ...]:
    async def status(call: Call) -> Output:
        known = await whose(desk, call)
        async with desk.database.begin(known.organization) as connection:
            counts = await queries.counts(connection, known.organization)
            charged = await prices.charged(connection, known.organization)
            problem = await why_unreadable(connection, desk.keys, known.organization)
        return replace(_told(desk, known.name, known.version, counts, charged), problem=problem)

    return (
        Command(
            name="status",
            summary="What waits, what failed, what began in the last 24 hours.",
            permission=Permission.STATUS_READ,
            handler=status,
        ),
    )


def _told(desk: Desk, name: str, version: int, counts: Counts, charged: tuple[Charged, ...]) -> Output:
    now = desk.clock()
    rows = (
        ("customers who wait for an answer", str(counts.unanswered), since(now, counts.unanswered_since)),
        ("conversations nobody answers, as a program wrote", str(counts.automatic), "-"),
        (
            "escalations nobody has taken",
            str(counts.escalations_waiting),
            since(now, counts.escalation_waiting_since),
        ),
        ("escalations held by somebody", str(counts.escalations_held), "-"),
        ("escalations that no channel can show", str(counts.escalations_unseen), "-"),
        ("deliveries that wait", str(counts.deliveries_waiting), since(now, counts.delivery_waiting_since)),
        ("deliveries that failed", str(counts.deliveries_failed), "-"),
        ("deliveries nobody knows the outcome of", str(counts.deliveries_unknown), "-"),
    )
    begun = tuple((status.value, str(counts.begun.get(status, 0))) for status in Status)
    return Output(
        text=f"{name}, version {version} of its file.",
        tables=(
            Table(("now", "count", "longest"), rows),
            Table(("conversations begun in the last 24 h", "count"), begun),
            *_bill(charged),
        ),
        data={
            "organization": name,
            "version": version,
            "unanswered": counts.unanswered,
            "unanswered_since": _iso(counts.unanswered_since),
            "automatic": counts.automatic,
            "escalations": {
                "waiting": counts.escalations_waiting,
                "waiting_since": _iso(counts.escalation_waiting_since),
                "held": counts.escalations_held,
                "unseen": counts.escalations_unseen,
            },
            "deliveries": {
                "waiting": counts.deliveries_waiting,
                "failed": counts.deliveries_failed,
                "unknown": counts.deliveries_unknown,
            },
            "messages_in_30_days": [
                {
                    "account": one.account,
                    "category": one.category,
                    "rate": one.rate,
                    "billed": one.billed,
                    "count": one.number,
                }
                for one in charged
            ],
            "begun_in_24_hours": {status.value: counts.begun.get(status, 0) for status in Status},
        },
    )


def _bill(charged: tuple[Charged, ...]) -> tuple[Table, ...]:
    """Return a table of what a platform reported as its charges, or nothing if none charges anything."""
    rows = tuple(
        (one.account, one.category, "yes" if one.billed else f"no ({one.rate})", str(one.number))
        for one in charged
    )
    head = ("account", "messages of the last 30 days", "billed", "count")
    return (Table(head, rows),) if rows else ()


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
