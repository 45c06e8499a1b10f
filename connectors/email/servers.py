"""The mail servers whose authentication results are believed, and where in a mail.

What mails showed is kept.
"""

from datetime import datetime, timedelta

from bot.core.connector import Vault
from bot.core.ids import Clock

KEEP = timedelta(days=30)  # counted from the last mail that showed it
_REFRESH = timedelta(days=1)
_ABOVE = "above:"
_SILENT = "silent:"
_ENOUGH = 3  # mails without results; a single one may have come while a filter was down


class TrustedServers:
    """The option `trusted_servers` of one account, together with what mails have shown about these servers.

    A server that once wrote its results above its own Received line always does so. What came from outside
    stands below that line, so nobody else can make such a mail. For `KEEP` after the last such mail, its
    results are believed only there.

    The same holds for a server that wrote no results into several mails: there, a forged header would be the
    only one. A server for which the option gives a place keeps that place.
    """

    def __init__(self, given: tuple[str, ...], vault: Vault, clock: Clock) -> None:
        self._given = given
        self._vault = vault
        self._clock = clock
        self._shown: dict[str, list[datetime]] | None = None

    async def names(self) -> tuple[str, ...]:
        """Return the servers in the form that `reading` takes. Raise StorageUnavailable."""
        above = {*await self.writing_above(), *await self.silent()}
        return tuple(f"{name}/above" if name.lower() in above else name for name in self._given)

    async def writing_above(self) -> dict[str, datetime]:
        """Return when a mail last showed results above the server's own line, by server.

        Raise StorageUnavailable.
        """
        return {server: times[-1] for server, times in (await self._seen(_ABOVE)).items()}

    async def silent(self) -> dict[str, datetime]:
        """Return the last time a server wrote no results, by server. Raise StorageUnavailable.

        Omit servers with fewer such mails than `_ENOUGH`.
        """
        seen = await self._seen(_SILENT)
        return {server: times[-1] for server, times in seen.items() if len(times) >= _ENOUGH}

    async def shown_above(self, server: str) -> None:
        """Remember that a mail had the server's results above its own line. Raise StorageUnavailable."""
        await self._remember(_ABOVE, server, most=1)

    async def was_silent(self, server: str) -> None:
        """Remember that a mail had no results of that server. Raise StorageUnavailable."""
        await self._remember(_SILENT, server, most=_ENOUGH)

    async def _seen(self, prefix: str) -> dict[str, list[datetime]]:
        """Return the recent times under `prefix` by server, the newest last. Omit times older than `KEEP`."""
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
