"""The budgets that hold after every change: how fast `make run` starts again and `make test` ends, and how
much memory `desk up` needs while nobody writes.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from bot.app.embedded.server_files import free_port
from tests.bench.measure import Watched
from tests.lengths import LAST_RUN
from tests.story.rig import ROOT

_DESK: Final = (sys.executable, "-c", "from bot.app.__main__ import main; main()")
_PATIENCE: Final = 60.0  # seconds that a start or an end may take
_QUIET: Final = 10.0  # seconds after which starting is over


@dataclass(frozen=True, slots=True)
class Budget:
    """A measured figure, its unit and its limit. `value` is None where it was not measured."""

    name: str
    unit: str
    most: float
    value: float | None

    @property
    def kept(self) -> bool:
        return self.value is None or self.value <= self.most


def measured(say: Callable[[str], None]) -> list[Budget]:
    """Start the product twice in an empty folder, weigh it, and read how long the last whole tests took."""
    with tempfile.TemporaryDirectory(prefix="desk-start-") as name:
        folder = Path(name)
        folder.chmod(0o711)  # for PostgreSQL's own account when we are root
        say("desk up --sandbox, in an empty folder")
        with _up(folder):
            pass
        say("desk up --sandbox, again")
        begun = time.monotonic()
        with _up(folder) as process:
            again = time.monotonic() - begun
            time.sleep(_QUIET)
            with_stand_ins = Watched("desk up --sandbox", process.pid).memory().pss
        say("desk up, with an organization and without the stand-ins")
        with _up(folder, sandbox=False) as process:
            time.sleep(_QUIET)
            alone = Watched("desk up", process.pid).memory().pss
    return [
        Budget("`make run` again, until the page answers", "s", 4.0, again),
        Budget("idle memory of `desk up` with its servers (PSS)", "MiB", 350.0, alone),
        Budget("idle memory of `desk up --sandbox` with its servers (PSS)", "MiB", 350.0, with_stand_ins),
        Budget("`desk --help`, CPU", "s", 0.5, _cpu_of_help()),
        Budget("the last whole run of `make test`, without linters", "s", 285.0, _last_run("short")),
        Budget("the last whole run of `make test-all`, without linters", "s", 1485.0, _last_run("full")),
    ]


def show(budgets: list[Budget], console: Console) -> None:
    table = Table(title="Budgets")
    table.add_column("what")
    table.add_column("measured", justify="right")
    table.add_column("at most", justify="right")
    for budget in budgets:
        value = "not on this machine" if budget.value is None else f"{budget.value:.1f} {budget.unit}"
        colour = "green" if budget.kept else "bold red"
        table.add_row(budget.name, f"[{colour}]{value}[/]", f"{budget.most:g} {budget.unit}")
    console.print(table)


@contextmanager
def _up(folder: Path, *, sandbox: bool = True) -> Iterator[subprocess.Popen[bytes]]:
    port = free_port()
    inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    environ = {**inherited, "PORT": str(port), "VAR_DIR": str(folder)}
    words = [*_DESK, "up", *(["--sandbox"] if sandbox else [])]
    with (folder / "desk.log").open("ab") as log:
        process = subprocess.Popen(words, cwd=ROOT, env=environ, stdout=log, stderr=log)
    try:
        end = time.monotonic() + _PATIENCE
        while not _answers(f"http://127.0.0.1:{port}/healthz"):
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(
                    f"`desk up` did not start: {(folder / 'desk.log').read_text('utf-8')[-600:]}"
                )
            time.sleep(0.02)
        yield process
    finally:
        process.terminate()
        process.wait(_PATIENCE)


def _answers(url: str) -> bool:
    with suppress(OSError), urllib.request.urlopen(url, timeout=1.0) as answer:  # noqa: S310
        return bool(answer.status == 200)
    return False


def _cpu_of_help() -> float:
    before = os.times()
    subprocess.run([*_DESK, "--help"], cwd=ROOT, stdout=subprocess.DEVNULL, check=True)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def _last_run(length: str) -> float | None:
    with suppress(OSError, ValueError, KeyError, TypeError):
        return float(json.loads(LAST_RUN.read_text("utf-8"))[length])
    return None


def main() -> int:
    console = Console(width=None if sys.stdout.isatty() else 150)
    budgets = measured(lambda what: console.print(f"[dim]{what}[/]"))
    show(budgets, console)
    return 0 if all(budget.kept for budget in budgets) else 1


if __name__ == "__main__":
    sys.exit(main())
