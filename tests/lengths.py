"""Lengths of test runs: short in `make test`, full in `make test-all` and `make chaos` (FULL=1).

Of the rounds of kills `make test-all` runs a third, and `make chaos` all (CHAOS=1).
"""

import os
from pathlib import Path
from typing import Final

FULL: Final = bool(os.environ.get("FULL"))
CHAOS: Final = bool(os.environ.get("CHAOS"))
LAST_RUN: Final = Path(__file__).parent / "artifacts" / "last-run.json"  # seconds, by "short" and "full"


def times(full: int, quick: int = 0) -> int:
    """Return how many examples, rounds or messages a test takes.

    `quick` is what `make test` takes: by default an eighth, and at least 10.
    """
    return full if FULL else quick or min(full, max(10, full // 8))


def rounds(chaos: int) -> int:
    """Return how many rounds of kills a test takes: one in `make test`, and `chaos` in `make chaos`."""
    return chaos if CHAOS else max(1, chaos // 3) if FULL else 1
