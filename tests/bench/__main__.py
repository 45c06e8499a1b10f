"""`python -m tests.bench [--json PATH] [--scale N]`: below five minutes, with a table and JSON."""

import argparse
import json
import sys
import time
from pathlib import Path

import uvloop
from rich.console import Console

from tests.bench.plan import Report, bench
from tests.bench.report import as_data, show
from tests.story.rig import ROOT

LIMIT = 300.0  # seconds


async def measured(console: Console, scale: float) -> Report:
    begun = time.monotonic()
    with console.status("") as status:

        def say(what: str) -> None:
            status.update(what)
            console.print(f"[dim]{time.monotonic() - begun:5.1f} s  {what}[/]")

        async with bench(say, scale) as run:
            return await run.run()


def main() -> int:
    arguments = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    arguments.add_argument(
        "--json", type=Path, default=ROOT / "var" / "bench.json", help="where the figures go"
    )
    arguments.add_argument("--scale", type=float, default=1.0, help="stretches the phases; 1 stays in bounds")
    given = arguments.parse_args()
    console = Console(stderr=True, width=None if sys.stderr.isatty() else 150)
    begun = time.monotonic()
    report = uvloop.run(measured(console, given.scale))
    seconds = time.monotonic() - begun
    show(report, Console(width=None if sys.stdout.isatty() else 150))
    data = as_data(report, seconds)
    given.json.parent.mkdir(parents=True, exist_ok=True)
    given.json.write_text(json.dumps(data, indent=2) + "\n", "utf-8")
    console.print(f"[dim]{seconds:.0f} s; the figures are in {given.json}[/]")
    broken = data["lost"] or data["unasked"] or (given.scale <= 1 and seconds > LIMIT)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
