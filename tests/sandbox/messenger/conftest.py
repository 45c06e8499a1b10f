"""A Messenger stand-in behind a real server, a client that calls it as the product does, and a webhook."""

import asyncio
import io
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from connectors.sandbox.faults import FaultPlan
from connectors.sandbox.messenger import MessengerStandIn, Phone
from tests.sandbox.whatsapp.conftest import NOON, PNG, QUICK, SHARED, Listener

WIRE = SHARED / "wire" / "messenger"


def shared_wire(name: str) -> Any:
    path = WIRE / name
    if not path.exists():
        pytest.skip(f"{name} is not at hand (SHARED_DIR names its folder)")
    return json.loads(path.read_text())


@dataclass
class Rig:
    stand_in: MessengerStandIn
    listener: Listener
    server: TestServer
    hook_url: str
    session: aiohttp.ClientSession
    faults: FaultPlan

    def url(self, path: str) -> str:
        return str(self.server.make_url(f"/graph/v23.0/{path}"))

    async def call(
        self, method: str, path: str, body: Any = None, *, token: str | None = None, **query: str
    ) -> tuple[int, dict[str, Any]]:
        headers = {"Authorization": f"Bearer {self.stand_in.token if token is None else token}"}
        async with self.session.request(
            method, self.url(path), json=body, params=query, headers=headers
        ) as answer:
            return answer.status, await answer.json()

    async def send(
        self, to: str | Phone, message: dict[str, Any] | None = None, **more: Any
    ) -> tuple[int, dict[str, Any]]:
        psid = to if isinstance(to, str) else to.psid
        body = {"recipient": {"id": psid}, **({"message": message} if message is not None else {}), **more}
        return await self.call("POST", "me/messages", body)

    async def text(self, to: str | Phone, text: str = "Hello", **more: Any) -> str:
        status, answer = await self.send(to, {"text": text}, messaging_type="RESPONSE", **more)
        assert status == 200, answer
        return str(answer["message_id"])

    async def refused(
        self, to: str | Phone, message: dict[str, Any] | None = None, **more: Any
    ) -> tuple[int, int | None]:
        """The code and the subcode."""
        status, answer = await self.send(to, message, **more)
        assert status >= 400, answer
        return answer["error"]["code"], answer["error"].get("error_subcode")

    async def form(self, path: str, content: bytes = PNG, mime: str = "image/png", **fields: Any) -> Any:
        """The body of a call as a form with a file in it."""
        form = aiohttp.FormData()
        for name, value in fields.items():
            form.add_field(name, json.dumps(value))
        form.add_field("filedata", io.BytesIO(content), filename="picture.png", content_type=mime)
        headers = {"Authorization": f"Bearer {self.stand_in.token}"}
        async with self.session.post(self.url(path), data=form, headers=headers) as answer:
            return answer.status, await answer.json()

    async def told(self) -> list[dict[str, Any]]:
        """The events the product has got."""
        async with asyncio.timeout(120):
            await self.stand_in.settled()
        bodies = self.listener.bodies
        return [event for body in bodies for entry in body["entry"] for event in entry["messaging"]]

    async def told_of(self, kind: str) -> list[dict[str, Any]]:
        return [event[kind] for event in await self.told() if kind in event]


@asynccontextmanager
async def running(stand_in: MessengerStandIn, faults: FaultPlan | None = None) -> AsyncIterator[Rig]:
    listener = Listener()
    root, product = web.Application(), web.Application()
    root.add_subapp("/graph", stand_in.app())
    product.router.add_post("/hook", listener.take)
    product.router.add_get("/hook", listener.challenge)
    async with AsyncExitStack() as stack:
        hook = await stack.enter_async_context(TestServer(product))
        server = await stack.enter_async_context(TestServer(root))
        session = await stack.enter_async_context(aiohttp.ClientSession())
        hook_url = str(hook.make_url("/hook"))
        stand_in.point_at(hook_url)
        stand_in.url = str(server.make_url("/graph"))
        yield Rig(stand_in, listener, server, hook_url, session, faults or FaultPlan())


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    faults = FaultPlan()
    stand_in = MessengerStandIn(clock=lambda: NOON, faults=faults, pauses=QUICK)
    async with running(stand_in, faults) as made:
        yield made


@pytest.fixture
def maya(rig: Rig) -> Phone:
    """A customer who has just written."""
    phone = rig.stand_in.customer("Maya Fischer")
    phone.say("Hello?")
    return phone
