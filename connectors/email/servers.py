"""The mail servers whose results are believed, and where in a mail: what mails have shown is kept."""

from datetime import datetime, timedelta

from bot.core.connector import Vault
from bot.core.ids import Clock

KEEP = timedelta(days=30)  # after the last mail that showed it
_REFRESH = timedelta(days=1)
_PREFIX = "above:"


class TrustedServers:
    """The option `trusted_servers` of one account.

    A server that has written its results above its own Received line once does so always: what came from
    outside stands below that line, so nobody else can make a mail like that. For some weeks its results are
    believed nowhere else. One that is given with a place of its own keeps that one.
    """

    def __init__(self, given: tuple[str, ...], vault: Vault, clock: Clock) -> None:
        self._given = given
        self._vault = vault
        self._clock = clock
        self._shown: dict[str, datetime] | None = None

    async def names(self) -> tuple[str, ...]:
        """Return them as they are told to `reading`. Raises StorageUnavailable."""
        above = await self.writing_above()
        return tuple(f"{name}/above" if name.lower() in above else name for name in self._given)

    async def writing_above(self) -> dict[str, datetime]:
        """Return when each last showed that it writes above its own line. Raises StorageUnavailable."""
        if self._shown is None:
            names = await self._vault.names(_PREFIX) if self._given else ()
            kept = {name.removeprefix(_PREFIX): await self._vault.get(name) for name in names}
            self._shown = {server: datetime.fromisoformat(at) for server, at in kept.items() if at}
        oldest = self._clock() - KEEP
        return {server: at for server, at in self._shown.items() if at > oldest}

    async def shown_above(self, server: str) -> None:
        """Remember what a mail has shown. Raises StorageUnavailable."""
        now = self._clock()
        at = (await self.writing_above()).get(server)
        if self._shown is not None and (at is None or now - at >= _REFRESH):
            await self._vault.put(f"{_PREFIX}{server}", now.isoformat())
            self._shown[server] = now
