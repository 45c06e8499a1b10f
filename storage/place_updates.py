"""Record when a customer wrote last in a place, and how to answer there."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import text

from bot.core.events import Called, Event, Said, SenderRole, Started, Submitted, Tapped
from storage.arrivals import Returns
from storage.database import Step
from storage.entries import Entry
from storage.locked_conversations import Head
from storage.sealed_fields import CONTEXT

_OPENS_WINDOW = (Said, Tapped, Started, Submitted, Called)


@dataclass(slots=True)
class PlaceUpdates:
    """Updates of the places of a batch: when the customer wrote last, and how to answer there."""

    at: dict[UUID, datetime] = field(default_factory=dict)
    opened: dict[UUID, tuple[datetime, timedelta]] = field(default_factory=dict)
    answers: dict[UUID, tuple[str, Returns | None]] = field(default_factory=dict)

    def answer(self, place: UUID, context: str, returns: Returns | None) -> None:
        """Remember the newest address for answers. An unverified sender does not replace a verified one."""
        if place not in self.answers or _verified(returns) or not _verified(self.answers[place][1]):
            self.answers[place] = context, returns

    def steps(self) -> Iterator[Step]:
        """Yield the statements that update the places. Each updates its places in order of their ids."""
        if self.at:
            places = sorted(self.at)
            yield _HEAR, {"ids": places, "heard": [self.at[place] for place in places]}
        if self.opened:
            places = sorted(self.opened)
            opened = [self.opened[place] for place in places]
            yield (
                _OPENED,
                {
                    "ids": places,
                    "at": [at for at, _ in opened],
                    "seconds": [lasts.total_seconds() for _, lasts in opened],
                },
            )
        if self.answers:
            places = sorted(self.answers)
            found = [self.answers[place] for place in places]
            yield (
                _ANSWER_TO,
                {
                    "ids": places,
                    "contexts": [context for context, _ in found],
                    "mailboxes": [returns.mailbox if returns else None for _, returns in found],
                    "domains": [returns.domain if returns else None for _, returns in found],
                    "verified": [_verified(returns) for _, returns in found],
                },
            )


def _verified(returns: Returns | None) -> bool:
    return returns is None or returns.verified


def hear(entry: Entry, head: Head, heard: PlaceUpdates) -> None:
    """Collect what an event changes at its place: when the customer wrote last, and how to answer there."""
    event, location = entry.body, entry.location
    assert isinstance(event, Event) and location is not None  # noqa: S101, PT018  only a customer's event has one
    if not head.placed:
        head.place, head.placed = location.place, True
    if event.sender_role is not SenderRole.CUSTOMER:
        return
    if isinstance(event.content, _OPENS_WINDOW) and not event.automatic:
        if not isinstance(event.content, Called):  # a call does not change where a customer writes
            head.place = location.place
        heard.at[location.place] = max(heard.at.get(location.place, event.occurred_at), event.occurred_at)
        if event.opens is not None:
            heard.opened[location.place] = event.occurred_at, event.opens
    if event.reply_context:
        heard.answer(location.place, location.owner.seal(event.reply_context, field=CONTEXT), entry.returns)


_HEAR = text("""
    update places p set heard_at = greatest(p.heard_at, least(t.heard, clock_timestamp()))
    from unnest(cast(:ids as uuid[]), cast(:heard as timestamptz[])) as t(id, heard)
    where p.id = t.id
""")

_OPENED = text("""
    update places p
    set open_until = greatest(p.open_until,
        least(t.at, clock_timestamp()) + make_interval(secs => t.seconds))
    from unnest(cast(:ids as uuid[]), cast(:at as timestamptz[]), cast(:seconds as float8[]))
        as t(id, at, seconds)
    where p.id = t.id
""")

# An unverified sender does not replace the address for answers of a verified one.
_ANSWER_TO = text("""
    update places p set context = t.context, mailbox_hash = t.mailbox, domain_hash = t.domain,
        return_verified = t.verified
    from unnest(cast(:ids as uuid[]), cast(:contexts as text[]), cast(:mailboxes as bytea[]),
        cast(:domains as bytea[]), cast(:verified as bool[])) as t(id, context, mailbox, domain, verified)
    where p.id = t.id and (t.verified or not p.return_verified or p.context is null)
""")
