"""How long tests run: short in `make test`, at full length in `make test-all`, which sets FULL=1."""

import os
from pathlib import Path
from typing import Final

FULL: Final = bool(os.environ.get("FULL"))
LAST_RUN: Final = Path(__file__).parent / "artifacts" / "last-run.json"  # seconds, by "short" and "full"


def times(full: int, quick: int = 0) -> int:
    """Return how many examples, rounds or messages a test takes.

    `quick` is what `make test` takes: by default an eighth, and at least 10.
    """
    return full if FULL else quick or min(full, max(10, full // 8))
