"""Resources that the app lends a connector, kept in memory: for tests of connectors alone."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field

from bot.core.connector import Resources
from bot.core.errors import PlatformDown, Refused
from bot.core.events import Attachment, AttachmentKind
from bot.core.ids import Clock, utc_now

CHUNK = 64 * 1024


class MemoryFiles:
    """The file store. `away` makes it unreachable; `public` ("" for none) is where its links point."""

    def __init__(
        self, files: Mapping[str, bytes] | None = None, *, public: str = "https://files.test"
    ) -> None:
        self.kept: dict[str, bytes] = dict(files or {})
        self.public = public
        self.away = False

    def add(self, content: bytes, file: str = "") -> str:
        """Keep a file. Returns its id: `file`, or one made up."""
        name = file or f"file-{len(self.kept) + 1}"
        self.kept[name] = content
        return name

    def attach(
        self, kind: AttachmentKind, content: bytes, *, mime_type: str, name: str = "", file: str = ""
    ) -> Attachment:
        """Keep a file, and what a `Post` names it by."""
        return Attachment(
            kind=kind,
            ref="",
            mime_type=mime_type,
            name=name,
            size=len(content),
            file=self.add(content, file),
        )

    async def open(self, file: str) -> AsyncIterator[bytes]:
        if self.away:
            raise PlatformDown("files_away: the file store cannot be reached")
        if file not in self.kept:
            raise Refused("file_gone: the file is not kept any more")
        content = self.kept[file]
        for start in range(0, len(content), CHUNK):
            yield content[start : start + CHUNK]

    def link(self, file: str) -> str:
        return f"{self.public}/{file}" if self.public else ""


class MemoryVault:
    """The memory of an account: `kept` may be read and changed."""

    def __init__(self) -> None:
        self.kept: dict[str, str] = {}
        self._changed = asyncio.Condition()

    async def get(self, name: str) -> str | None:
        return self.kept.get(name)

    async def put(self, name: str, value: str) -> None:
        self.kept[name] = value
        async with self._changed:
            self._changed.notify_all()

    async def until_known(self, name: str, timeout: float = 120.0) -> str:
        """Wait for something to be put under that name. Raises TimeoutError."""
        async with asyncio.timeout(timeout), self._changed:
            await self._changed.wait_for(lambda: name in self.kept)
        return self.kept[name]

    async def swap(self, name: str, known: str | None, value: str) -> bool:
        if self.kept.get(name) != known:
            return False
        await self.put(name, value)
        return True

    async def delete(self, name: str) -> None:
        self.kept.pop(name, None)

    async def names(self, prefix: str) -> Sequence[str]:
        return sorted(name for name in self.kept if name.startswith(prefix))


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryMeans(Resources):
    """`Means` whose `files` can be added to, and whose `vault` can be looked into."""

    files: MemoryFiles = field(default_factory=MemoryFiles)
    vault: MemoryVault = field(default_factory=MemoryVault)


def memory_resources(
    files: Mapping[str, bytes] | None = None, *, clock: Clock = utc_now, public: str = "https://files.test"
) -> MemoryMeans:
    """Resources that remember nothing between tests. `resources.files.add(b"…")` returns the id of a file."""
    return MemoryMeans(files=MemoryFiles(files, public=public), vault=MemoryVault(), clock=clock)
