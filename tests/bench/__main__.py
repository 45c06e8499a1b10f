"""`python -m tests.bench [PHASE]`: what it costs and how fast it is, with tables.

Without a phase: the budgets and the round trips, in less than five minutes.
"""

import argparse
import asyncio
import sys
from collections.abc import Callable, Mapping
from typing import Final

from tests.bench import floods, mailbox, mails, round_trips, start, texts

PHASES: Final[Mapping[str, tuple[Callable[[], int], str]]] = {
    "start": (start.main, "how fast it starts again, what it weighs, and the other budgets"),
    "load": (round_trips.main, "round trips, alone and beside 2,000 idle organizations"),
    "floods": (
        lambda: asyncio.run(floods.main()),
        "how long others wait while one customer writes without end",
    ),
    "mails": (mails.main, "CPU to read hostile mails"),
    "mailbox": (mailbox.main, "how long customers wait behind hostile mails"),
    "texts": (texts.main, "CPU to render hostile texts for each channel"),
}
_USUAL: Final = ("start", "load")


def main() -> int:
    arguments = argparse.ArgumentParser(
        prog="python -m tests.bench",
        description="What it costs and how fast it is. Without a phase: start and load.",
        epilog="; ".join(f"{name}: {what}" for name, (_, what) in PHASES.items()),
    )
    arguments.add_argument("phase", nargs="?", choices=PHASES, help="one phase alone, however long it takes")
    given = arguments.parse_args()
    chosen = (given.phase,) if given.phase else _USUAL
    return max(PHASES[name][0]() for name in chosen)


if __name__ == "__main__":
    sys.exit(main())
