"""The calls about customers on all channels, and about the sandbox as a whole."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from bot.core.errors import CommandError
from connectors.sandbox.connecting import Connecting
from connectors.sandbox.control.calls import action, view
from connectors.sandbox.people import SHARED_CHANNEL, TEAM, TEAM_NAME, People


@dataclass(frozen=True, slots=True)
class CustomersControl:
    people: People
    connecting: Connecting

    @view
    def all(self) -> object:
        """Return all customers with their ids, and their workspace in Slack."""
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

    @action
    def add(self, name: str) -> object:
        """Add a person of that name to every channel. A person who is there already is not changed."""
        name = name.strip()
        if not 0 < len(name) <= 60:
            raise CommandError("A name has 1 to 60 characters.")
        self.people.add([name])
        return self.people.ids(name)


@dataclass(frozen=True, slots=True)
class SandboxControl:
    connecting: Connecting
    forget_everything: Callable[[], Awaitable[None]]

    @action
    async def start_over(self) -> None:
        """Forget everything that was said on any platform."""
        await self.forget_everything()

    @action
    async def connect(self, hooks: Mapping[str, str]) -> None:
        """Tell each platform the address of its account, as the owner does in the platforms' dashboards."""
        await self.connecting.connect(hooks)
