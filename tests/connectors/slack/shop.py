"""Slack for customers between the stand-in and a bus that takes notes."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from html import unescape
from urllib.parse import parse_qsl, urlsplit

from aiohttp import ClientSession, CookieJar, web

from bot.core.connector import AccountSettings, RawRequest, Resources
from bot.core.events import Channel, Place
from bot.core.ids import DeliveryId, Uuid7
from bot.core.outbound import Operation, Outbound
from connectors.sandbox.slack import Client, SlackStandIn, User
from connectors.slack.customers.connector import SlackCustomers

from .conftest import APP_TOKEN, BOT_TOKEN, SECRET, Hook, Kept, NotedInbox, Safe, Script, started, web_handler

HOME, ACME = "T0SANDBOX", "T0ACME"


class HandClock:
    """The hour, moved by hand; milliseconds pass by themselves so that ids and timestamps stay in order."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def __call__(self) -> datetime:
        self.now += timedelta(milliseconds=1)
        return self.now


@dataclass
class Shop:
    slack: SlackStandIn
    connector: SlackCustomers
    inbox: NotedInbox
    script: Script
    settings: AccountSettings
    vault: Safe
    clock: HandClock
    url: str
    resources: Resources
    kept: Kept
    files: dict[str, bytes] = field(default_factory=dict)
    jar: CookieJar = field(default_factory=lambda: CookieJar(unsafe=True))

    def browser(self) -> ClientSession:
        """Return the browser of the person who installs: it keeps the cookies of our pages."""
        return ClientSession(cookie_jar=self.jar)

    def place(self, chat: str, thread: str = "") -> Place:
        return Place(Channel("slack"), self.settings.account, chat, thread)

    def outbound(self, operation: Operation, chat: str, thread: str = "", part: int = 0) -> Outbound:
        ids = Uuid7(lambda: int(self.clock().timestamp() * 1000))
        return Outbound(DeliveryId(ids()), self.place(chat, thread), operation, part)

    def other(self) -> SlackCustomers:
        """The same account in another process."""
        return SlackCustomers(self.settings, self.resources)

    @asynccontextmanager
    async def listening(self, connector: SlackCustomers) -> AsyncIterator[None]:
        """A connector that hears over a socket, for as long as the block."""
        task = asyncio.create_task(connector.listen(self.inbox))
        async with asyncio.timeout(120):
            await self.slack.socket_connected()
        try:
            yield
            await self.slack.settled()
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await connector.close()

    async def get(self, path: str, query: Mapping[str, str] | None = None) -> tuple[int, str]:
        async with self.browser() as session, session.get(f"{self.url}{path}", params=query) as answer:
            return answer.status, await answer.text()

    async def authorize_url(self) -> str:
        """Return where a browser goes that opens our page for installing."""
        url = f"{self.url}/hooks/slack/install"
        async with self.browser() as session, session.get(url, allow_redirects=False) as answer:
            assert answer.status == 302
            return answer.headers["Location"]

    async def callback(self, team: str) -> dict[str, str]:
        """Allow the app for a workspace. Return the query with which Slack sends the browser back."""
        async with self.browser() as session:
            async with session.get(await self.authorize_url()) as answer:
                page = await answer.text()
            links = [unescape(link) for link in page.split('href="')[1:]]
            (allow,) = [link.partition('"')[0] for link in links if f"team={team}" in link]
            async with session.get(allow, allow_redirects=False) as answer:
                assert answer.status == 302
                return dict(parse_qsl(urlsplit(answer.headers["Location"]).query))

    async def other_installs(self, team: str) -> None:
        """The app is allowed once more, and another process serves our page."""
        query, other = await self.callback(team), self.other()
        (page,) = [route for route in other.routes(self.inbox) if route.path == "/hooks/slack/oauth"]
        cookies = 'odd={"a": 1}; ' + "; ".join(f"{cookie.key}={cookie.value}" for cookie in self.jar)
        answer = await page.handle(RawRequest({"cookie": cookies}, b"", "GET", query))
        assert answer.status == 200, answer.body
        await other.close()

    async def install(self, team: str) -> str:
        status, page = await self.get("/hooks/slack/oauth", await self.callback(team))
        assert status == 200, page
        return page


@asynccontextmanager
async def a_shop(
    *, token: str = "", rotates: bool = False, listed: bool = True, options: Mapping[str, str] | None = None
) -> AsyncIterator[Shop]:
    """With `token` the app lives in one workspace, without it is installed by OAuth."""
    script, clock = Script(), HandClock()
    slack = SlackStandIn(
        bot_token=BOT_TOKEN,
        app_token=APP_TOKEN,
        signing_secret=SECRET,
        faults=script,
        clock=clock,
        ack_timeout=timedelta(seconds=5),
        retry_delays=(timedelta(0),) * 3,
        client=Client("1.2", "client-secret", rotates, listed),
    )
    slack.add_user("ana", real_name="Ana Duarte", user_id="U0ANA")
    acme = slack.workspace(ACME, "Acme")
    acme.add_user("zoe", real_name="Zoe Rossi", email="zoe@acme.example", user_id="U0ZOE")
    sandbox = web.Application()
    sandbox.add_subapp("/sandbox/slack", slack.app())
    slack_runner, slack_url = await started(sandbox)
    given = {"signing_secret": SECRET, "client_id": "1.2", "client_secret": "client-secret"}
    ours = web.Application()
    runner_settings = AccountSettings(
        account="slack",
        serves="customers",
        mode="webhook",
        api_url=f"{slack_url}/sandbox/slack/api/",
        public_url="http://placeholder",
        path="/hooks/slack",
        secrets={**given, **({"bot_token": token} if token else {})},
        options=options or {},
    )
    files: dict[str, bytes] = {}
    vault, inbox = Safe(), NotedInbox()
    kept = Kept(files)
    resources = Resources(files=kept, vault=vault, clock=clock)
    handlers: dict[str, SlackCustomers] = {}

    async def route(request: web.Request) -> web.Response:
        for each in handlers["connector"].routes(inbox):
            if each.path == request.path and request.method in each.methods:
                return await web_handler(each)(request)
        return web.Response(status=404)

    ours.router.add_route("*", "/{path:.*}", route)
    runner, url = await started(ours)
    settings = replace(runner_settings, public_url=url)
    connector = handlers["connector"] = SlackCustomers(settings, resources)
    slack.configure_http(
        events_url=f"{url}/hooks/slack/events",
        interactions_url=f"{url}/hooks/slack/interactions",
        commands_url=f"{url}/hooks/slack/commands",
    )
    yield Shop(slack, connector, inbox, script, settings, vault, clock, url, resources, kept, files)
    await slack.settled()
    await runner.cleanup()
    await connector.close()
    await slack_runner.cleanup()


def name_of(team: str) -> str:
    return team.removeprefix("T0").title()


def outsider(user_id: str, name: str, team: str = ACME) -> User:
    return User(id=user_id, name=name, real_name=name.title(), team_id=team, team_name=name_of(team))


async def signed(shop: Shop, payload: object, *, by: SlackCustomers | None = None) -> int:
    events = Hook((by or shop.connector).routes(shop.inbox)[0].handle)
    age = datetime.now(UTC) - shop.clock.now
    return (await events.post(json.dumps(payload).encode(), age=age)).status
