"""Keep the sandbox's state in a file. It is written shortly after a change, and read at the start."""

import asyncio
import json
import logging
import os
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path

log = logging.getLogger(__name__)

Snapshot = dict[str, object]


class StateFile:
    """The file with the state that `take` returns.

    Writes are atomic: a reader sees the old file or the new one.
    """

    def __init__(self, path: Path, take: Callable[[], Mapping[str, object]], calm: timedelta) -> None:
        self._path = path
        self._take = take
        self._calm = calm.total_seconds()
        self._changed = asyncio.Event()
        self._failing = False

    def read(self) -> Snapshot | None:
        """Return the state, or None if there is no file or it cannot be read. Set a broken file aside."""
        try:
            loaded = json.loads(self._path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            self.set_aside(error)
            return None
        if isinstance(loaded, dict):
            return loaded
        self.set_aside(TypeError("it holds no JSON object"))
        return None

    def set_aside(self, reason: Exception) -> None:
        broken = self._path.with_name(f"{self._path.name}.broken")
        os.replace(self._path, broken)
        log.warning(
            "the sandbox's state in %s cannot be used (%s): it is now %s, and the sandbox starts empty",
            self._path,
            reason,
            broken.name,
        )

    def mark(self) -> None:
        self._changed.set()

    async def keep(self) -> None:
        """Write the file after changes, until cancelled. Try again while it cannot be written."""
        while True:
            await self._changed.wait()
            await asyncio.sleep(self._calm)
            self._changed.clear()
            text = json.dumps(self._take())
            if not await asyncio.to_thread(self._write, text):
                self._changed.set()

    def write_now(self) -> None:
        self._write(json.dumps(self._take()))

    def _write(self, text: str) -> bool:
        """Return whether the file was written. Warn once for each time that it cannot be."""
        fresh = self._path.with_name(f"{self._path.name}.new")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            fresh.write_text(text, encoding="utf-8")
            os.replace(fresh, self._path)
        except OSError as error:
            if not self._failing:
                log.warning(
                    "the sandbox's state cannot be written to %s (%s): if the sandbox ends before it can be,"
                    " what was said since is forgotten",
                    self._path,
                    error.strerror,
                )
            self._failing = True
            return False
        self._failing = False
        return True
