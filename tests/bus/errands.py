"""A table of errands, and a process that claims some and never finishes: `python -m tests.bus.errands`."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import text

from bot.bus.lease_loop import LeaseLoop, LeasePace
from storage.database import Database


@dataclass(frozen=True, slots=True)
class Errand:
    """An errand that this process has leased."""

    id: int
    attempt: int


async def _nothing(_: Errand) -> None:
    return None


@dataclass
class Errands:
    """Leases the errands of a table. `task` is what is done about each, before it is marked as done."""

    database: Database
    pace: LeasePace
    task: Callable[[Errand], Awaitable[None]] = _nothing
    lost: list[int] = field(default_factory=list)
    released: list[int] = field(default_factory=list)
    begun: list[int] = field(default_factory=list)
    renewed: int = 0

    def loop(self) -> LeaseLoop[Errand]:
        return LeaseLoop(
            "errands",
            self.pace,
            claim=self.claim,
            process=self._process,
            renew=self._renew,
            release=self._release,
        )

    async def create(self, *ids: int) -> None:
        async with self.database.begin() as connection:
            await connection.execute(
                text(
                    "create table if not exists errands (id integer primary key, due_at timestamptz not null"
                    " default now(), lease_until timestamptz, attempts integer not null default 0,"
                    " done integer not null default 0)"
                )
            )
            for id_ in ids:
                await connection.execute(text("insert into errands (id) values (:id)"), {"id": id_})

    async def rows(self) -> dict[int, tuple[int, int, bool]]:
        """Return the attempts, how often it was done, and whether it is leased, by errand."""
        async with self.database.begin() as connection:
            rows = await connection.execute(
                text("select id, attempts, done, lease_until > clock_timestamp() as leased from errands")
            )
            return {row.id: (row.attempts, row.done, bool(row.leased)) for row in rows}

    async def claim(self, limit: int) -> Sequence[Errand]:
        async with self.database.begin() as connection:
            rows = await connection.execute(
                text(
                    "update errands set lease_until = clock_timestamp() + make_interval(secs => :seconds),"
                    " attempts = attempts + 1 where id = any(array(select id from errands where done = 0"
                    " and due_at <= clock_timestamp() and (lease_until is null or lease_until <"
                    " clock_timestamp()) order by id limit :limit for update skip locked))"
                    " returning id, attempts"
                ),
                {"limit": limit, "seconds": self.pace.lease.total_seconds()},
            )
            return [Errand(row.id, row.attempts) for row in rows]

    async def _process(self, errand: Errand) -> None:
        self.begun.append(errand.id)
        await self.task(errand)
        async with self.database.begin() as connection:
            await connection.execute(
                text(
                    "update errands set done = done + 1, lease_until = null"
                    " where id = :id and attempts = :attempt"
                ),
                {"id": errand.id, "attempt": errand.attempt},
            )

    async def _renew(self, held: Sequence[Errand]) -> None:
        async with self.database.begin() as connection:
            ours = [
                await connection.scalar(
                    text(
                        "update errands set lease_until = case when done = 0"  # else it was done meanwhile
                        " then clock_timestamp() + make_interval(secs => :seconds) end"
                        " where id = :id and attempts = :attempt returning id"
                    ),
                    {"id": errand.id, "attempt": errand.attempt, "seconds": self.pace.lease.total_seconds()},
                )
                for errand in held
            ]
        self.lost += [errand.id for errand in held if errand.id not in ours]
        self.renewed += 1

    async def _release(self, left: Sequence[Errand]) -> None:
        self.released += [errand.id for errand in left]
        async with self.database.begin() as connection:
            for errand in left:
                await connection.execute(
                    text("update errands set lease_until = null where id = :id and attempts = :attempt"),
                    {"id": errand.id, "attempt": errand.attempt},
                )


async def _hang(errand: Errand) -> None:
    print(errand.id, flush=True)  # for the test that kills this process
    await asyncio.Event().wait()


async def main(database_url: str) -> None:
    """Claim errands and never finish one."""
    pace = LeasePace(slots=4, batch=4, lease=timedelta(seconds=1))
    await Errands(Database(database_url, pool=2), pace, _hang).loop().run(asyncio.Event())


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
