"""A Slack workspace with one app in it: the app's side on the wire, the people's side as methods."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from datetime import timedelta

from aiohttp import web

from connectors.sandbox.fault import Faults, NoFaults
from connectors.sandbox.slack.delivery import ACK_TIMEOUT, RETRY_DELAYS, Delivery, Parcel, Route
from connectors.sandbox.slack.interactions import Interactions
from connectors.sandbox.slack.limits import Pace, PostLimiter
from connectors.sandbox.slack.peopleside import PeopleSide
from connectors.sandbox.slack.shapes import Installation
from connectors.sandbox.slack.sockets import Sockets
from connectors.sandbox.slack.state import Channel, User, dump, load
from connectors.sandbox.slack.web import SlackWeb
from connectors.sandbox.slack.wire import Clock, Ids, Wire, random_id, wall_clock
from connectors.sandbox.slack.workspace import Workspace

DEFAULT_ADDRESS = "http://127.0.0.1:8080/sandbox/slack"


class SlackStandIn(PeopleSide):
    """Speaks Slack's Web API, Events API, interactivity, slash commands and Socket Mode.

    The app reaches it at `<address>/api/`. Without a `public_url` the address is learnt from the app's own
    calls. `post_pace` turns Slack's posting limit on.
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
        post_pace: Pace | None = None,
        faults: Faults | None = None,
        clock: Clock = wall_clock,
        ids: Ids = random_id,
        ack_timeout: timedelta = ACK_TIMEOUT,
        retry_delays: Sequence[timedelta] = RETRY_DELAYS,
        on_change: Callable[[Wire], None] | None = None,
    ) -> None:
        faults = faults or NoFaults()
        self.on_change = on_change
        self._verification_token = "verification"  # noqa: S105 - deprecated by Slack, still sent
        self._listeners: set[asyncio.Queue[Wire]] = set()
        self.installation = Installation(
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
        workspace = Workspace(self.installation, clock=clock, ids=ids, emit=self._emit, changed=self._change)
        super().__init__(workspace, Interactions(workspace, self._delivery, self._verification_token))
        self._workspace.address = public_url.rstrip("/") or DEFAULT_ADDRESS
        self._limiter = PostLimiter(post_pace, clock)
        self._web = SlackWeb(
            self._workspace,
            self._sockets,
            self._limiter,
            faults,
            bot_token=bot_token,
            app_token=app_token,
            address_is_fixed=bool(public_url),
        )
        bot = User(id=bot_user, name=bot_name.lower(), real_name=bot_name, bot_id=bot_id)
        self._workspace.state.users[bot.id] = bot
        self._workspace.state.users |= {user.id: user for user in users}
        self._workspace.state.channels |= {channel.id: channel for channel in channels}

    # The server

    def app(self) -> web.Application:
        """An application to run alone or to mount; started and closed with the server it is in."""
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

    async def start(self) -> None:
        """Begin to deliver. Doing it twice is harmless."""
        await self._delivery.start()

    async def close(self) -> None:
        await self._sockets.close()
        await self._delivery.close()

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
            "token": self._verification_token,
            "challenge": challenge,
        }
        answer = await self._delivery.ask(Parcel(Route.EVENTS, "url_verification", payload))
        return answer.taken and challenge in (answer.body.get("challenge"), answer.body.get("text"))

    async def disconnect_sockets(self, reason: str = "refresh_requested") -> None:
        await self._sockets.disconnect(reason)

    async def socket_connected(self, count: int = 1) -> None:
        """Until the app holds that many Socket Mode connections."""
        await self._sockets.wait_for(count)

    async def settled(self) -> None:
        """Until every event on its way was taken or given up."""
        await self._delivery.settled()

    def _emit(self, event: Wire) -> None:
        home = self.installation
        authorization = {
            "enterprise_id": None,
            "team_id": home.team_id,
            "user_id": home.bot_user,
            "is_bot": True,
            "is_enterprise_install": False,
        }
        envelope: Wire = {
            "token": self._verification_token,
            "team_id": home.team_id,
            "context_team_id": home.team_id,
            "context_enterprise_id": None,
            "api_app_id": home.app_id,
            "event": event,
            "type": "event_callback",
            "event_id": self._workspace.ids("Ev"),
            "event_time": int(event["event_ts"].partition(".")[0]),
            "authed_users": [home.bot_user],
            "authorizations": [authorization],
            "is_ext_shared_channel": False,
            "event_context": f"4-{self._workspace.ids('')}",
        }
        self._delivery.send(Parcel(Route.EVENTS, event["type"], envelope))

    # The page's live feed

    def _change(self, change: Wire) -> None:
        if self.on_change is not None:
            self.on_change(change)
        for listener in self._listeners:
            listener.put_nowait(change)

    async def feed(self) -> AsyncGenerator[Wire, None]:
        """Every change from the first `anext` on, as JSON-able descriptions with a `type`."""
        queue: asyncio.Queue[Wire] = asyncio.Queue()
        self._listeners.add(queue)
        try:
            while True:
                yield await queue.get()
        finally:
            self._listeners.discard(queue)

    # What a test counts

    def double_posts(self) -> dict[str, list[str]]:
        """Deliveries the app posted more than once: the delivery's id and the ts of every post of it."""
        return {key: list(ts) for key, ts in self._workspace.state.deliveries.items() if len(ts) > 1}

    @property
    def pace_violations(self) -> int:
        """Posts refused because they came faster than `post_pace`."""
        return self._limiter.violations

    @property
    def undelivered(self) -> int:
        """Events the app took in no try."""
        return self._delivery.undelivered

    @property
    def socket_count(self) -> int:
        return self._sockets.count

    def snapshot(self) -> Wire:
        """The whole state as JSON-able data. Connections and events on their way are not part of it."""
        return dump(self._workspace.state)

    def restore(self, snapshot: Mapping[str, object]) -> None:
        self._workspace.state = load(snapshot)
        self._workspace.show("restored")
