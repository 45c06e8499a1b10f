"""`python -m tests.bench.floods`: how long others wait while one escalated customer writes without end.

The customer is on Telegram, the room in Slack with its real limit of one message a second in a channel. Each
of the others asks for people, and waits for their card; all share the channel.
"""

import asyncio
import os
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path

from bot.app.embedded import EmbeddedPostgres, EmbeddedValkey, running
from storage.migrate import upgrade
from tests.rooms.test_room import CHANNEL
from tests.story.rig import Rig, rig, until

WRITTEN, WITHIN = 2000, 30.0  # messages, seconds
OTHERS = [f"Noor {n}" for n in range(10)]
_ASKS = "I was charged twice this month"


def unlimited(document: dict[str, object]) -> None:
    """No policy against floods."""
    document["policies"] |= {"customer_messages_per_minute": 100_000}  # type: ignore[operator]


def limits_of_slack(document: dict[str, object]) -> None:
    for account in document["accounts"]:  # type: ignore[attr-defined]
        if account["channel"] == "slack":
            account.pop("limits", None)


async def measured(database_url: str, redis_url: str, *, guarded: bool) -> None:
    changes = (limits_of_slack,) if guarded else (limits_of_slack, unlimited)
    async with rig(database_url, redis_url, *changes, customers=("Maya Fischer", *OTHERS)) as r:
        r.phone.say(r.maya, _ASKS)
        await until(lambda: r.threads(CHANNEL), what="the card")
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_flood(r))
            waits = [tasks.create_task(_other(r, n, name)) for n, name in enumerate(OTHERS)]
        took = sorted(wait.result() for wait in waits)
        print(
            f"{'with' if guarded else 'without'} the policy: others waited {took[len(took) // 2]:.1f} s for"
            f" their card (median), {took[-1]:.1f} s at most"
        )
        if guarded:
            ended = time.monotonic()
            await until(lambda: _last_line(r), seconds=120.0, what="the last line in the room")
            told = r.in_thread(CHANNEL, r.card(CHANNEL))
            print(
                f"{time.monotonic() - ended:.1f} s after the last of {WRITTEN} messages the room tells of"
                f" all: {sum('line ' in one for one in told)} posts"
            )


def _last_line(r: Rig) -> bool:
    return any(f"line {WRITTEN - 1:04}" in one for one in r.in_thread(CHANNEL, r.card(CHANNEL)))


async def _flood(r: Rig) -> None:
    begun = time.monotonic()
    for n in range(WRITTEN):
        await asyncio.sleep(max(0.0, begun + n * WITHIN / WRITTEN - time.monotonic()))
        r.phone.say(r.maya, f"line {n:04}")


async def _other(r: Rig, number: int, name: str) -> float:
    await asyncio.sleep((number + 0.5) * WITHIN / len(OTHERS))
    user = r.phone.user(name)
    begun = time.monotonic()
    r.phone.say(user, _ASKS)
    await until(
        lambda: any(name in str(card) for card in r.threads(CHANNEL)), seconds=600.0, what="their card"
    )
    return time.monotonic() - begun


async def main() -> int:
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="desk-floods-")))
        folder.chmod(0o711)  # for PostgreSQL's own account when we are root
        postgres = await stack.enter_async_context(running(EmbeddedPostgres(folder)))
        valkey = await stack.enter_async_context(running(EmbeddedValkey(folder)))
        await asyncio.to_thread(upgrade, postgres.url)
        await measured(postgres.url, valkey.url, guarded="--without" not in sys.argv)
    return os.EX_OK


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
