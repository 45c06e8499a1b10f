"""The part of the control API about customers on all channels."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from bot.core.errors import CommandError
from connectors.sandbox.body import Body, Deed
from connectors.sandbox.connecting import Connecting
from connectors.sandbox.people import SHARED_CHANNEL, TEAM, TEAM_NAME, People


@dataclass(frozen=True, slots=True)
class PeopleDeeds:
    people: People
    connecting: Connecting
    start_over: Callable[[], Awaitable[None]]

    def views(self) -> Mapping[str, Deed]:
        return {"customers": self._customers}

    def deeds(self) -> Mapping[str, Deed]:
        return {"customers/add": self._add, "connect": self._connect, "start-over": self._start_over}

    async def _customers(self, _: Body) -> object:
        return {
            "customers": [self.people.ids(name) for name in self.people.names()],
            "workspace": {
                "team": TEAM,
                "name": TEAM_NAME,
                "shared": SHARED_CHANNEL,
                "installed": self.people.slack.installs.installed(TEAM),
                "install": self.connecting.install_url,
            },
        }

    async def _add(self, body: Body) -> object:
        """Add a person of that name to every channel. A person who is there already is not changed."""
        name = body.text("name").strip()
        if not 0 < len(name) <= 60:
            raise CommandError("A name has 1 to 60 characters.")
        self.people.add([name])
        return self.people.ids(name)

    async def _start_over(self, _: Body) -> object:
        """Forget everything that was said on any platform."""
        await self.start_over()
        return {}

    async def _connect(self, body: Body) -> object:
        """Tell each platform the address of its account, as the owner does in the platforms' dashboards."""
        hooks = body.object("hooks")
        await self.connecting.connect({name: Body(hooks).text(name) for name in hooks})
        return {}
