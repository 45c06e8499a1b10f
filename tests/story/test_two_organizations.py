"""Two organizations that call everything alike work side by side in one installation: nothing crosses.

Their accounts, agents, teams, people, channels and the platforms' own ids of chats and people are the same.
What differs are the tokens: those of the first lie in its vault, those of the second in the environment.
"""

import asyncio
import json
from base64 import b64decode
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass, fields
from urllib.parse import unquote

import aiohttp
import psycopg
from aiohttp import hdrs, web

from bot.app.embedded import Servers
from bot.app.health import listening
from bot.app.processes import running
from bot.app.settings import parse
from bot.app.web import web_app
from bot.app.wiring import services
from bot.core.ids import new_id
from connectors.sandbox.credentials import Credentials
from connectors.sandbox.credentials import environment as accounts
from connectors.sandbox.server import Sandbox
from connectors.sandbox.slack import Client
from orgs.documents import from_document, to_document
from orgs.loading import Loaded
from storage.database import Database
from storage.keys import Keys
from storage.organizations import apply, keys_of
from storage.sealing import Keyring
from storage.secrets import set_secret
from tests.rooms.sides import EVERYWHERE, Customer
from tests.story.rig import (
    Rig,
    environment,
    first_look,
    mail_at,
    organization,
    quick,
    reserved_port,
    serving,
    until,
    webhooks,
)

CHANNEL = "billing-escalations"
RIVAL = Credentials(
    **{
        field.name: f"{getattr(Credentials(), field.name)}-rival"
        for field in fields(Credentials)
        if "address" not in field.name and "username" not in field.name
    }
    | {"telegram_token": "700000001:rival-token", "telegram_staff_token": "700000002:rival-staff-token"}
)
_OF_THE_RIVAL = (
    *(value for value in asdict(RIVAL).values() if "rival" in value),
    Client(RIVAL.slack_client_id, RIVAL.slack_client_secret).mark,
)


@dataclass
class Crossroads:
    """The platforms' one address for everybody: whose token a call shows decides whose stand-in answers."""

    ours: str
    rival: str
    client: aiohttp.ClientSession

    async def answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        shown = unquote(f"{request.path_qs} {_authorization(request)} {body.decode('latin-1')}")
        meant = self.rival if any(token in shown for token in _OF_THE_RIVAL) else self.ours
        headers = {
            name: value
            for name, value in request.headers.items()
            if name not in (hdrs.HOST, hdrs.CONTENT_LENGTH, hdrs.TRANSFER_ENCODING)
        }
        url = f"{meant}{request.path_qs}"
        try:
            told = await self.client.request(
                request.method, url, data=body, headers=headers, allow_redirects=False
            )
        except aiohttp.ClientError:  # at the end of the test
            return web.Response(status=502)
        async with told:
            kept = {
                name: value.replace(meant, f"{request.url.origin()}")
                for name, value in told.headers.items()
                if name in (hdrs.CONTENT_TYPE, hdrs.LOCATION, hdrs.SET_COOKIE)
            }
            return web.Response(status=told.status, body=await told.read(), headers=kept)


def _authorization(request: web.Request) -> str:
    kind, _, given = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
    return b64decode(given).decode() if kind.lower() == "basic" else given


@asynccontextmanager
async def side_by_side(database_url: str, redis_url: str) -> AsyncIterator[tuple[Rig, Rig]]:
    sandboxes = Sandbox(customers=("Maya Fischer",)), Sandbox(customers=("Maya Fischer",), credentials=RIVAL)
    async with AsyncExitStack() as stack:
        ports = [stack.enter_context(reserved_port()) for _ in range(4)]
        for sandbox, port in zip(sandboxes, ports, strict=False):
            root = web.Application()
            root.add_subapp("/sandbox", sandbox.app())
            await stack.enter_async_context(serving(root, port))
        client = await stack.enter_async_context(aiohttp.ClientSession(auto_decompress=False))
        between = Crossroads(f"http://127.0.0.1:{ports[0]}", f"http://127.0.0.1:{ports[1]}", client)
        crossing = web.Application()
        crossing.router.add_route("*", "/{path:.*}", between.answer)
        await stack.enter_async_context(serving(crossing, ports[2]))
        settings = parse(environment(database_url, redis_url, ports[3], ports[2], sandboxes[1]))
        database = Database(database_url, pool=1)
        stack.push_async_callback(database.close)
        for sandbox, name in zip(sandboxes, ("Brightdesk Support", "Rival Support"), strict=True):
            await _install(database, sandbox, name)
        known = Servers(database_url=database_url, redis_url=redis_url)
        h = await stack.enter_async_context(services(settings, known))
        hooks = _hooks(database_url, settings.public_url)
        for sandbox, theirs in zip(sandboxes, hooks, strict=True):
            base = theirs["slack"]
            sandbox.configure_slack(f"{base}/events", f"{base}/interactions", f"{base}/commands")
        await stack.enter_async_context(listening(settings.host, settings.port, web_app(h)))
        await stack.enter_async_context(running(h, serves=True, works=True, stop=asyncio.Event()))
        for sandbox, theirs in zip(sandboxes, hooks, strict=True):
            await sandbox.connect(theirs)
        await first_look(h)
        ours, rival = (Rig(sandbox, settings, desks=[h]) for sandbox in sandboxes)
        yield ours, rival


async def _install(database: Database, sandbox: Sandbox, name: str) -> None:
    """Apply the sample under that name. The first one's secrets lie in its vault, by the sample's names."""
    mail = mail_at(sandbox.mail.smtp.port, sandbox.mail.imap.port)
    loaded = organization(quick, webhooks, mail, every_channel=True)
    document = dict(to_document(loaded.organization)) | {"organization": name}
    named = Loaded(
        organization=from_document(document),  # type: ignore[arg-type]
        articles=loaded.articles,
        warnings=(),
        digest=name,
    )
    keys = Keys(Keyring((b"k" * 32,)))
    async with database.begin() as connection:
        applied = await apply(connection, keys, new_id, named, by="test")
        if sandbox.credentials is not RIVAL:
            own = await keys_of(connection, keys, applied.organization)
            for variable, value in accounts(sandbox.credentials, "").items():
                if not variable.endswith(("_URL", "_SERVER")):
                    await set_secret(connection, applied.organization, own, variable, value, by="test")
            await set_secret(
                connection,
                applied.organization,
                own,
                "TELEGRAM_WEBHOOK_SECRET",
                "test-webhook-secret",
                by="test",
            )


def _hooks(database_url: str, base: str) -> list[dict[str, str]]:
    """Return where the accounts of each organization are called, in the order in which they were made."""
    with psycopg.connect(database_url) as connection:
        rows = connection.execute(
            "select organization_id, account, channel, id from accounts where active order by organization_id"
        ).fetchall()
    found: dict[object, dict[str, str]] = {}
    for organization_id, account, channel, id_ in rows:
        found.setdefault(organization_id, {})[account] = f"{base}/hooks/{channel}/{id_}"
    return list(found.values())


def _everything(rig: Rig) -> str:
    """All that any platform of an organization ever held, and all that our mail brought there."""
    letters = [letter for client in rig.mail.customers for letter in client.inbox]
    calls = [*rig.telegram.sent(), *rig.telegram_staff.sent(), *rig.whatsapp.sent(), *rig.messenger.sent()]
    return "\n".join(
        [
            json.dumps(rig.sandbox.snapshot(), default=str),
            *(f"{letter.subject}\n{letter.text}\n{letter.html}" for letter in letters),
            *(str(dict(call.params)) for call in calls),
        ]
    )


async def _play(rig: Rig, kind: type[Customer], word: str) -> None:
    """A customer's matter from the first word to the last, each text of it with the organization's word."""
    maya = kind(rig, "Maya Fischer")
    before = {str(card["ts"]) for card in rig.threads(CHANNEL)}
    await maya.say(f"I was charged twice this month, {word} says {kind.__name__}")

    def opened() -> list[str]:
        return [str(card["ts"]) for card in rig.threads(CHANNEL) if str(card["ts"]) not in before]

    await until(opened, what=f"a card for {kind.__name__} at {word}")
    (ts,) = opened()
    await until(lambda: any(word in text for text in rig.in_thread(CHANNEL, ts)), what="the story")
    await rig.press("hugo", CHANNEL, ts, "take")
    await until(lambda: any("has taken this" in text for text in rig.in_thread(CHANNEL, ts)), what="Hugo")
    rig.slack.post_as("hugo", CHANNEL, f"// {word} keeps this inside", thread_ts=ts)
    rig.slack.post_as("hugo", CHANNEL, f"You get it back, {word} answers", thread_ts=ts)
    await until(lambda: any(f"{word} answers" in text for text in maya.heard()), what="Hugo's words")
    await rig.press("hugo", CHANNEL, ts, "resolve")
    await until(lambda: "reopen" in str(rig.threads(CHANNEL)), what="the end")
    assert not any("inside" in text for text in maya.heard())


async def test_nothing_crosses_between_two_organizations_that_call_everything_alike(
    database_url: str, redis_url: str
) -> None:
    async with side_by_side(database_url, redis_url) as (ours, rival):
        for kind in EVERYWHERE:
            async with asyncio.TaskGroup() as both:
                both.create_task(_play(ours, kind, "Oursword"))
                both.create_task(_play(rival, kind, "Rivalword"))
        assert "Rivalword" not in _everything(ours)
        assert "Oursword" not in _everything(rival)
        assert "Oursword" in _everything(ours)
        with psycopg.connect(database_url) as connection:
            (mixed,) = connection.execute(
                "select count(*) from outbox o join lanes l on l.id = o.lane_id"
                " join accounts a on a.id = l.account_id join conversations v on v.id = o.conversation_id"
                " where o.organization_id <> a.organization_id or o.organization_id <> v.organization_id"
            ).fetchone()  # type: ignore[misc]
        assert mixed == 0
