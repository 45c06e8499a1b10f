"""Slack with one app: the app's side is the wire, the people's side are methods."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from aiohttp import web

from connectors.sandbox.fault import Faults, NoFaults
from connectors.sandbox.rate_limit import Rate, RateLimiter
from connectors.sandbox.slack.delivery import ACK_TIMEOUT, RETRY_DELAYS, Delivery, Parcel, Route
from connectors.sandbox.slack.oauth import Client, Installs
from connectors.sandbox.slack.shapes import Installation
from connectors.sandbox.slack.sockets import Sockets
from connectors.sandbox.slack.state import Channel, State, User, emptied
from connectors.sandbox.slack.tenants import VERIFICATION_TOKEN, Tenant
from connectors.sandbox.slack.web import SlackWeb
from connectors.sandbox.slack.wire import Clock, Ids, Wire, random_id, wall_clock
from connectors.sandbox.slack.workspace import Workspace
from connectors.sandbox.snapshots import dump, load

DEFAULT_ADDRESS = "http://127.0.0.1:8080/sandbox/slack"


@dataclass(frozen=True, slots=True)
class SavedWorkspace:
    name: str
    state: State


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedSlack:
    """The saved state of the stand-in: of its own workspace, and of all others by team."""

    state: State
    pending: list[Parcel]
    workspaces: dict[str, SavedWorkspace]
    tokens: dict[str, str]


class SlackStandIn(Tenant):
    """Speaks Slack's Web API, Events API, interactivity, slash commands, OAuth and Socket Mode.

    It is itself the first workspace, in which the app is installed with `bot_token`. `workspace` adds others.

    The app reaches it at `<address>/api/`. Without a `public_url` the address is learned from the app's own
    calls. `post_rate` turns on Slack's posting limit.
    """

    def __init__(
        self,
        *,
        bot_token: str,
        app_token: str,
        signing_secret: str,
        team_id: str = "T0SANDBOX",
        team_name: str = "Sandbox",
        app_id: str = "A0SANDBOX",
        bot_id: str = "B0SANDBOX",
        bot_user: str = "U0SANDBOX",
        bot_name: str = "desk",
        users: Iterable[User] = (),
        channels: Iterable[Channel] = (),
        public_url: str = "",
        post_rate: Rate | None = None,
        faults: Faults | None = None,
        clock: Clock = wall_clock,
        ids: Ids = random_id,
        ack_timeout: timedelta = ACK_TIMEOUT,
        retry_delays: Sequence[timedelta] = RETRY_DELAYS,
        on_change: Callable[[Wire], None] | None = None,
        client: Client | None = None,
    ) -> None:
        faults = faults or NoFaults()
        self.on_change = on_change
        self._listeners: set[asyncio.Queue[Wire]] = set()
        self._clock, self._ids = clock, ids
        home = Installation(
            team_id=team_id,
            team_name=team_name,
            app_id=app_id,
            bot_user=bot_user,
            bot_id=bot_id,
            bot_name=bot_name,
            installed=int(clock().timestamp()),
        )
        self._sockets = Sockets(app_id=app_id, ids=ids)
        self._delivery = Delivery(
            self._sockets,
            signing_secret=signing_secret,
            clock=clock,
            faults=faults,
            ack_timeout=ack_timeout,
            retry_delays=retry_delays,
        )
        self._workspaces: dict[str, Workspace] = {}
        self.installs = Installs(self._workspaces, client or Client("1.2", "client-secret"))
        self.installs.grant(bot_token, team_id)
        super().__init__(
            home,
            clock=clock,
            ids=ids,
            delivery=self._delivery,
            changed=self._change,
            installed=self.installs.installed,
        )
        self._workspaces[team_id] = self._workspace
        self._tenants: dict[str, Tenant] = {}
        self._workspace.address = public_url.rstrip("/") or DEFAULT_ADDRESS
        self._posts = RateLimiter()
        self._web = SlackWeb(
            self._workspaces,
            self.installs,
            self._sockets,
            self._posts,
            post_rate,
            faults,
            app_token=app_token,
            address_is_fixed=bool(public_url),
        )
        self._workspace.state.users |= {user.id: user for user in users}
        self._workspace.state.channels |= {channel.id: channel for channel in channels}

    # The server

    def app(self) -> web.Application:
        """Return an application to run alone or to mount. It starts and closes with its server."""
        app = web.Application()
        self._web.add_routes(app)

        async def begin(app: web.Application) -> None:  # noqa: ARG001
            await self.start()

        async def leave(app: web.Application) -> None:  # noqa: ARG001
            await self._sockets.close()

        async def end(app: web.Application) -> None:  # noqa: ARG001
            await self.close()

        app.on_startup.append(begin)
        app.on_shutdown.append(leave)
        app.on_cleanup.append(end)
        return app

    def is_meant(self, token: str, client_id: str) -> bool:
        """Return whether a call with this token, or of this OAuth client, is meant for this app."""
        return self._web.opens(token) or client_id == self.installs.client.id

    async def call(self, request: web.Request) -> web.StreamResponse:
        """Answer a call of the Web API that came in elsewhere. The route's parameter is `method`."""
        return await self._web.api(request)

    def reached_at(self, address: str) -> None:
        """Set the address with which all URLs begin that are handed out from now on."""
        for workspace in self._workspaces.values():
            workspace.address = address

    async def start(self) -> None:
        """Begin to deliver. Calling it twice is harmless."""
        self._delivery.queue.start()

    async def close(self) -> None:
        await self._sockets.close()
        await self._delivery.queue.stop()

    def configure_http(self, *, events_url: str, interactions_url: str, commands_url: str) -> None:
        """Set the Request URLs, used while no Socket Mode connection is open."""
        self._delivery.urls = {
            Route.EVENTS: events_url,
            Route.INTERACTIONS: interactions_url,
            Route.COMMANDS: commands_url,
        }

    async def verify_events_url(self) -> bool:
        """Send the url_verification challenge, as Slack does when an events URL is entered."""
        challenge = self._workspace.ids("")
        payload: Wire = {
            "type": "url_verification",
            "token": VERIFICATION_TOKEN,
            "challenge": challenge,
        }
        answer = await self._delivery.ask(Parcel(Route.EVENTS, "url_verification", payload))
        return answer.taken and challenge in (answer.body.get("challenge"), answer.body.get("text"))

    async def disconnect_sockets(self, reason: str = "refresh_requested") -> None:
        await self._sockets.disconnect(reason)

    async def socket_connected(self, count: int = 1) -> None:
        """Wait until the app holds that many Socket Mode connections."""
        await self._sockets.wait_for(count)

    async def settled(self) -> None:
        """Wait until every event was taken or given up."""
        await self._delivery.queue.settled()

    # Further workspaces

    def workspace(self, team: str, name: str = "") -> Tenant:
        """Return a workspace. Create it if it is new, without the app installed there."""
        if team == self.installation.team_id:
            return self
        if team not in self._tenants:
            home = Installation(
                team_id=team,
                team_name=name or team,
                app_id=self.installation.app_id,
                bot_user=f"U0BOT{team[1:]}",
                bot_id=f"B0BOT{team[1:]}",
                bot_name=self.installation.bot_name,
                installed=int(self._clock().timestamp()),
            )
            made = Tenant(
                home,
                clock=self._clock,
                ids=self._ids,
                delivery=self._delivery,
                changed=self._change,
                installed=self.installs.installed,
            )
            self._tenants[team] = made
            self._workspaces[team] = made.shared_state(self._workspace.address)
        return self._tenants[team]

    def teams(self) -> list[str]:
        """Return the ids of all workspaces, the first workspace's first."""
        return list(self._workspaces)

    def uninstall(self, team: str) -> None:
        """Remove the app as an administrator: its tokens end, and it is told so."""
        self.installs.revoke(team)
        self.workspace(team).tell_of_end()
        self._change({"type": "uninstalled", "team": team})

    # The page's live feed

    def _change(self, change: Wire) -> None:
        if self.on_change is not None:
            self.on_change(change)
        for listener in self._listeners:
            listener.put_nowait(change)

    async def feed(self) -> AsyncGenerator[Wire, None]:
        """Yield every change from the first `anext` on, as JSON with a `type`."""
        queue: asyncio.Queue[Wire] = asyncio.Queue()
        self._listeners.add(queue)
        try:
            while True:
                yield await queue.get()
        finally:
            self._listeners.discard(queue)

    # What a test counts

    def double_posts(self) -> dict[str, list[str]]:
        """Return the deliveries that the app posted more than once: the delivery's id with the ts of every
        post.
        """
        return {key: list(ts) for key, ts in self._workspace.state.deliveries.items() if len(ts) > 1}

    @property
    def posts_refused(self) -> int:
        """Return the number of posts that were refused because they came faster than `post_rate`."""
        return self._posts.refused

    @property
    def undelivered(self) -> int:
        """Return the number of events that the app took in no attempt."""
        return self._delivery.queue.given_up

    def snapshot(self) -> Wire:
        """Return the whole state as JSON, with the events that the app has not taken, and no connections."""
        saved = SavedSlack(
            state=self._workspace.state,
            pending=self._delivery.queue.pending(),
            workspaces={
                team: SavedWorkspace(tenant.installation.team_name, self._workspaces[team].state)
                for team, tenant in self._tenants.items()
            },
            tokens=self.installs.lasting_tokens(),
        )
        return dump(saved)

    def restore(self, snapshot: Mapping[str, object]) -> None:
        """Load a snapshot. Raise ValueError if it is not one."""
        saved = load(SavedSlack, snapshot)
        self._workspace.state = saved.state
        for team, other in saved.workspaces.items():
            self.workspace(team, other.name)
            self._workspaces[team].state = other.state
        for token, team in saved.tokens.items():
            if team in self._workspaces:
                self.installs.grant(token, team)
        self._delivery.queue.drop()
        for parcel in saved.pending:
            self._delivery.queue.add(object(), parcel)
        self._workspace.show("restored")

    def start_over(self) -> None:
        """Forget all messages in every workspace. People, channels and installations stay."""
        for workspace in self._workspaces.values():
            workspace.state = emptied(workspace.state)
        self._workspace.show("restored")
