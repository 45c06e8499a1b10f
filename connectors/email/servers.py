"""The mail servers whose results are believed, and where in a mail: what mails have shown is kept."""

from datetime import datetime, timedelta

from bot.core.connector import Vault
from bot.core.ids import Clock

KEEP = timedelta(days=30)  # after the last mail that showed it
_REFRESH = timedelta(days=1)
_ABOVE = "above:"
_SILENT = "silent:"
_ENOUGH = 3  # mails without results: one alone may have come while a filter was away


class TrustedServers:
    """The option `trusted_servers` of one account.

    A server that has written its results above its own Received line once does so always: what came from
    outside stands below that line, so nobody else can make a mail like that. For some weeks its results are
    believed nowhere else. The same holds for one that wrote none into several mails: where it writes nothing,
    a forged header would be the only one. One that is given with a place of its own keeps that one.
    """

    def __init__(self, given: tuple[str, ...], vault: Vault, clock: Clock) -> None:
        self._given = given
        self._vault = vault
        self._clock = clock
        self._shown: dict[str, list[datetime]] | None = None

    async def names(self) -> tuple[str, ...]:
        """Return them as they are told to `reading`. Raises StorageUnavailable."""
        above = {*await self.writing_above(), *await self.silent()}
        return tuple(f"{name}/above" if name.lower() in above else name for name in self._given)

    async def writing_above(self) -> dict[str, datetime]:
        """Return when each last showed that it writes above its own line. Raises StorageUnavailable."""
        return {server: times[-1] for server, times in (await self._seen(_ABOVE)).items()}

    async def silent(self) -> dict[str, datetime]:
        """Return when each of those last wrote nothing that did so often. Raises StorageUnavailable."""
        seen = await self._seen(_SILENT)
        return {server: times[-1] for server, times in seen.items() if len(times) >= _ENOUGH}

    async def shown_above(self, server: str) -> None:
        """Remember what a mail has shown. Raises StorageUnavailable."""
        await self._remember(_ABOVE, server, most=1)

    async def was_silent(self, server: str) -> None:
        """Remember that a mail had no results of that server. Raises StorageUnavailable."""
        await self._remember(_SILENT, server, most=_ENOUGH)

    async def _seen(self, prefix: str) -> dict[str, list[datetime]]:
        """Return when each server did so, the newest last, without what is too old to count."""
        if self._shown is None:
            names = (
                [*await self._vault.names(_ABOVE), *await self._vault.names(_SILENT)] if self._given else ()
            )
            kept = {name: await self._vault.get(name) for name in names}
            self._shown = {
                name: [datetime.fromisoformat(at) for at in times.split()]
                for name, times in kept.items()
                if times
            }
        oldest = self._clock() - KEEP
        recent = {name: [at for at in times if at > oldest] for name, times in self._shown.items()}
        return {name.removeprefix(prefix): t for name, t in recent.items() if t and name.startswith(prefix)}

    async def _remember(self, prefix: str, server: str, *, most: int) -> None:
        now = self._clock()
        times = (await self._seen(prefix)).get(server, [])
        if self._shown is not None and (len(times) < most or now - times[-1] >= _REFRESH):
            times = [*times, now][-most:]
            await self._vault.put(f"{prefix}{server}", " ".join(at.isoformat() for at in times))
            self._shown[f"{prefix}{server}"] = times
