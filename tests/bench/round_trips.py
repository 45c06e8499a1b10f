"""Round trips under load, and idle organizations, with tables; the figures go to `var/bench.json`."""

import json
import sys
import time

import uvloop
from rich.console import Console

from tests.bench.plan import Report, bench
from tests.bench.report import as_data, show
from tests.story.rig import ROOT

LIMIT = 250.0  # seconds: with the budgets five minutes
_FIGURES = ROOT / "var" / "bench.json"


async def measured(console: Console) -> Report:
    begun = time.monotonic()
    with console.status("") as status:

        def say(what: str) -> None:
            status.update(what)
            console.print(f"[dim]{time.monotonic() - begun:5.1f} s  {what}[/]")

        async with bench(say) as run:
            return await run.run()


def main() -> int:
    console = Console(stderr=True, width=None if sys.stderr.isatty() else 150)
    begun = time.monotonic()
    report = uvloop.run(measured(console))
    seconds = time.monotonic() - begun
    show(report, Console(width=None if sys.stdout.isatty() else 150))
    data = as_data(report, seconds)
    _FIGURES.parent.mkdir(parents=True, exist_ok=True)
    _FIGURES.write_text(json.dumps(data, indent=2) + "\n", "utf-8")
    console.print(f"[dim]{seconds:.0f} s; the figures are in {_FIGURES}[/]")
    return 1 if data["lost"] or data["unasked"] or seconds > LIMIT else 0
