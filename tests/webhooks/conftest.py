"""The webhooks alone: a process that serves, webhooks on, over real HTTP. Nobody works off what it stores, so
there is nobody to ring for and no Redis.
"""

import asyncio
import io
import json
import re
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from urllib.parse import urlencode

import aiohttp
import psycopg
import pytest
from aiohttp import web

from bot.app.embedded import Servers
from bot.app.embedded.server_files import free_port
from bot.app.health import listening
from bot.app.processes import running
from bot.app.settings import parse
from bot.app.web import web_app
from bot.app.wiring import Services, services
from connectors.sandbox.server import Sandbox
from connectors.slack.signature import sign
from tests.accounts import hooks
from tests.story import rig
from tests.story.rig import environment, install, organization, quick, serving

FORM = "application/x-www-form-urlencoded"
SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"
SECRET = "test-webhook-secret"
_SAMPLE = re.compile(r"^(\w+?)(?:\{(.*)\})? (\S+)$")


@dataclass
class Webhooks:
    """The requests that an outsider can make, and what they changed."""

    services: Services
    client: aiohttp.ClientSession
    base: str
    port: int
    database: psycopg.AsyncConnection
    signing_secret: str
    hooks: Mapping[str, str]  # the path of each account
    statuses: list[int] = field(default_factory=list)

    async def post(self, path: str, body: object, headers: Mapping[str, str]) -> int:
        """The status of one request."""
        data = io.BytesIO(body) if isinstance(body, bytes) else body
        async with self.client.post(self.base + path, data=data, headers=headers) as response:
            await response.read()
            self.statuses.append(response.status)
            return response.status

    async def telegram(self, body: bytes, *, secret: str | None = SECRET) -> int:
        headers = {"Content-Type": "application/json"}
        return await self.post(
            self.telegram_path, body, headers if secret is None else {**headers, SECRET_HEADER: secret}
        )

    def slack_headers(
        self, body: bytes, kind: str = "application/json", *, secret: str = "", late: int = 0
    ) -> dict[str, str]:
        """`late` seconds after the signature was made."""
        timestamp = str(int(time.time()) - late)
        return {
            "Content-Type": kind,
            "X-Slack-Request-Timestamp": timestamp,
            "X-Slack-Signature": sign(secret or self.signing_secret, timestamp, body),
        }

    async def slack(self, body: bytes, kind: str = "events", form: str = "application/json") -> int:
        return await self.post(self.slack_path(kind), body, self.slack_headers(body, form))

    @property
    def telegram_path(self) -> str:
        return self.hooks["telegram"]

    def slack_path(self, kind: str = "events") -> str:
        return f"{self.hooks['slack']}/{kind}"

    async def rows(self) -> tuple[int, ...]:
        """Return how much is stored: inputs, messages, conversations, customers, deliveries."""
        counts = []
        for table in ("inbox", "messages", "conversations", "customers", "outbox"):
            found = await (await self.database.execute(f"select count(*) from {table}")).fetchone()
            counts.append(int(found[0]))  # type: ignore[index]
        return tuple(counts)

    async def stored(self, channel: str) -> list[str]:
        """The keys of what is stored: see `key`."""
        found = await self.database.execute(
            "select i.external_id from inbox i join accounts a on a.id = i.account_id where a.channel = %s",
            (channel,),
        )
        return [str(row[0]) for row in await found.fetchall()]

    def key(self, channel: str, event: str) -> str:
        """Return the key under which an event of the platform is stored."""
        account = next(each for each in self.services.directory if each.account == channel)
        return account.keys.index.of("event", event).hex()

    async def metrics(self) -> dict[str, float]:
        """The samples of /metrics by name and labels."""
        async with self.client.get(f"{self.base}/metrics") as response:
            assert response.status == 200
            lines = (await response.text()).splitlines()
        found = (_SAMPLE.match(line) for line in lines if not line.startswith("#"))
        return {f"{m[1]}{{{m[2] or ''}}}": float(m[3]) for m in found if m}

    async def refused(self, code: str) -> float:
        return (await self.metrics()).get(f'desk_refused_total{{code="{code}"}}', 0.0)

    async def raw(self, request: bytes, *, then_close: bool = False) -> int:
        """The status of bytes as they stand; 0 when the connection ended without one."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(request)
            if then_close:
                writer.write_eof()
            async with asyncio.timeout(120):
                line = await reader.readline()
            return int(line.split()[1]) if line else 0
        except ConnectionError:
            return 0
        finally:
            writer.close()


def update(number: int, text: str = "hello", **more: object) -> dict[str, object]:
    person = {"id": 4_000_000 + number, "is_bot": False, "first_name": "Kim"}
    chat = {"id": 4_000_000 + number, "type": "private", "first_name": "Kim"}
    message = {"message_id": number, "date": int(time.time()), "chat": chat, "from": person, "text": text}
    return {"update_id": number, "message": {**message, **more}}


def envelope(number: int, text: str = "hello", **more: object) -> dict[str, object]:
    """A message in a thread which our bot began."""
    stamp = f"{int(time.time())}.{number:06}"
    event = {
        "type": "message",
        "user": "U0HUGO0008",
        "text": text,
        "ts": stamp,
        "event_ts": stamp,
        "channel": "C0SANDBOX11",
        "channel_type": "group",
        "thread_ts": "1700000000.000100",
        "parent_user_id": "U0SANDBOX",
        **more,
    }
    return {
        "token": "verification",
        "team_id": "T0SANDBOX",
        "api_app_id": "A0SANDBOX",
        "event": event,
        "type": "event_callback",
        "event_id": f"Ev{number}",
        "event_time": int(time.time()),
        "authed_users": ["U0SANDBOX"],
        "authorizations": [{"team_id": "T0SANDBOX", "user_id": "U0SANDBOX", "is_bot": True}],
    }


def tap(number: int) -> dict[str, object]:
    channel = {"id": "C0SANDBOX11", "name": "billing-escalations"}
    message = {"type": "message", "ts": "1700000000.000100", "user": "U0SANDBOX", "text": "card"}
    action = {
        "action_id": "take:0",
        "block_id": "b",
        "type": "button",
        "value": f"{number}",
        "action_ts": f"{int(time.time())}.{number:06}",
    }
    return {
        "type": "block_actions",
        "user": {"id": "U0HUGO0008", "username": "hugo"},
        "api_app_id": "A0SANDBOX",
        "container": {"type": "message", "message_ts": message["ts"], "channel_id": channel["id"]},
        "trigger_id": f"{number}.1.x",
        "channel": channel,
        "message": message,
        "actions": [action],
    }


def dumped(value: object) -> bytes:
    return json.dumps(value).encode()


def as_form(payload: object) -> bytes:
    return urlencode({"payload": json.dumps(payload)}).encode()


@pytest.fixture
async def webhooks(database_url: str) -> AsyncIterator[Webhooks]:
    await install(database_url, organization(quick, rig.webhooks))
    sandbox = Sandbox(customers=())
    ports = free_port(), free_port()
    settings = parse(environment(database_url, "", ports[0], ports[1], sandbox))
    around = web.Application()
    around.add_subapp("/sandbox", sandbox.app())
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(serving(around, ports[1]))
        known = Servers(database_url=database_url, redis_url="")
        h = await stack.enter_async_context(services(settings, known))
        await stack.enter_async_context(running(h, serves=True, works=False, stop=asyncio.Event()))
        await stack.enter_async_context(listening(settings.host, settings.port, web_app(h)))
        client = await stack.enter_async_context(aiohttp.ClientSession())
        database = await psycopg.AsyncConnection.connect(database_url, autocommit=True)
        await stack.enter_async_context(database)
        yield Webhooks(
            h,
            client,
            f"http://127.0.0.1:{ports[0]}",
            ports[0],
            database,
            sandbox.credentials.slack_signing_secret,
            hooks(database_url, ""),
        )
