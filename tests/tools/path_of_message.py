"""`python -m tests.tools.path_of_message`: the modules, functions and transactions that one message passes.

A customer's greeting on Telegram, from the webhook to the recorded delivery of its answer, in one process.
Counted are functions of ours with different names; the stand-in of the platform is not ours.
"""

import asyncio
import sys
import tempfile
import threading
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path
from types import FrameType

from rich.console import Console
from rich.table import Table

from bot.app.embedded import EmbeddedPostgres, EmbeddedValkey, running
from storage.database import Database
from storage.migrate import upgrade
from tests.story.rig import ROOT, rig, until, webhooks

_OURS = tuple(f"{ROOT}/{name}/" for name in ("bot", "connectors", "orgs", "flows", "storage"))
_BEGIN = Database.begin.__wrapped__.__code__  # type: ignore[attr-defined]
_NOT_OURS = f"{ROOT}/connectors/sandbox/"


class Passed:
    """Collects which of our functions run, and who begins transactions."""

    def __init__(self) -> None:
        self.functions: set[tuple[str, str]] = set()
        self.transactions: Counter[str] = Counter()  # by who began them; some may have found nothing to do
        self._beginning: dict[int, FrameType] = {}  # kept, so that no two have the same id

    def __call__(self, frame: FrameType, event: str, _: object) -> None:
        name = frame.f_code.co_filename
        if event != "call" or not name.startswith(_OURS) or name.startswith(_NOT_OURS):
            return
        if "<" not in frame.f_code.co_name:  # no part of another function
            self.functions.add((_module(frame), frame.f_code.co_qualname))
        if frame.f_code is _BEGIN and id(frame) not in self._beginning:
            self._beginning[id(frame)] = frame
            self.transactions[_caller(frame)] += 1

    def clear(self) -> None:
        self.functions.clear()
        self.transactions.clear()
        self._beginning.clear()


def _module(frame: FrameType) -> str:
    return ".".join(Path(frame.f_code.co_filename).relative_to(ROOT).with_suffix("").parts)


def _caller(frame: FrameType) -> str:
    back = frame.f_back
    while back is not None and not back.f_code.co_filename.startswith(_OURS):
        back = back.f_back
    return "" if back is None else f"{_module(back)}.{back.f_code.co_qualname}"


async def measured(database_url: str, redis_url: str) -> Passed:
    passed = Passed()
    async with rig(database_url, redis_url, webhooks) as r:

        def heard() -> int:
            return sum(message.from_bot for message in r.phone.chat(r.maya))

        for count in (1, 2):  # the first time loads what is loaded once
            before = heard()
            passed.clear()
            threading.setprofile(passed)
            sys.setprofile(passed)
            try:
                r.phone.say(r.maya, "Hello" if count == 1 else "Good morning")
                await until(lambda before=before: heard() > before, what="an answer")  # type: ignore[misc]
                await until(lambda: ("storage.outbox", "Outbox.settle") in passed.functions)
                await asyncio.sleep(0.05)  # until it is committed
            finally:
                sys.setprofile(None)
                threading.setprofile(None)
    return passed


async def main() -> None:
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="desk-path-")))
        folder.chmod(0o711)  # for PostgreSQL's own account when we are root
        postgres = await stack.enter_async_context(running(EmbeddedPostgres(folder)))
        valkey = await stack.enter_async_context(running(EmbeddedValkey(folder)))
        await asyncio.to_thread(upgrade, postgres.url)
        passed = await measured(postgres.url, valkey.url)
    modules = Counter(module for module, _ in passed.functions)
    table = Table(title=f"{len(modules)} modules, {len(passed.functions)} functions")
    table.add_column("module")
    table.add_column("functions", justify="right")
    for module, count in sorted(modules.items()):
        table.add_row(module, str(count))
    console = Console()
    console.print(table)
    begun = Table(title=f"{sum(passed.transactions.values())} transactions")
    begun.add_column("begun by")
    begun.add_column("times", justify="right")
    for name, count in sorted(passed.transactions.items()):
        begun.add_row(name, str(count))
    console.print(begun)


if __name__ == "__main__":
    asyncio.run(main())
