"""A WhatsApp stand-in behind a real server, a client that calls it as the product does, and a webhook."""

import asyncio
import hashlib
import hmac
import io
import json
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from connectors.sandbox.faults import FaultPlan
from connectors.sandbox.whatsapp import Phone, RetryPauses, WhatsAppStandIn

SHARED = Path(os.environ.get("SHARED_DIR", Path(__file__).resolve().parents[4] / "shared"))
WIRE = SHARED / "wire" / "whatsapp"
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
PNG = b"\x89PNG\r\n\x1a\n" + b"\x00" * 40
QUICK = RetryPauses(first=0.005, longest=0.02, tries=5)


def shared_wire(name: str) -> Any:
    path = WIRE / name
    if not path.exists():
        pytest.skip(f"{name} is not at hand (SHARED_DIR names its folder)")
    return json.loads(path.read_text())


@dataclass
class Listener:
    """The product's end of the webhook. `answer` gives the status for the n-th post, from 0."""

    verify_token: str = "sandbox-verify-token"
    secret: bytes = b"sandbox-app-secret"
    answer: Callable[[int], int] = lambda _: 200
    bodies: list[dict[str, Any]] = field(default_factory=list)  # those answered with 200
    posts: int = 0

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        expected = "sha256=" + hmac.new(self.secret, body, hashlib.sha256).hexdigest()
        assert request.headers["X-Hub-Signature-256"] == expected
        number, self.posts = self.posts, self.posts + 1
        status = self.answer(number)
        if status == 200:
            self.bodies.append(json.loads(body))
        return web.Response(status=status)

    async def challenge(self, request: web.Request) -> web.Response:
        if request.query["hub.verify_token"] != self.verify_token:
            return web.Response(status=403)
        return web.Response(text=request.query["hub.challenge"])

    def values(self) -> list[dict[str, Any]]:
        return [
            change["value"] for body in self.bodies for entry in body["entry"] for change in entry["changes"]
        ]

    def messages(self) -> list[dict[str, Any]]:
        return [message for value in self.values() for message in value.get("messages", [])]

    def statuses(self) -> list[dict[str, Any]]:
        return [status for value in self.values() for status in value.get("statuses", [])]


@dataclass
class Rig:
    stand_in: WhatsAppStandIn
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

    async def send(self, to: str | Phone, kind: str = "text", **content: Any) -> tuple[int, dict[str, Any]]:
        """`content` is the body's object of that name, and what else the body holds."""
        number = to if isinstance(to, str) else to.wa_id
        body = {"messaging_product": "whatsapp", "to": number, "type": kind, **content}
        return await self.call("POST", "106540352242922/messages", body)

    async def text(self, to: str | Phone, text: str = "Hello") -> str:
        status, answer = await self.send(to, text={"body": text})
        assert status == 200, answer
        return str(answer["messages"][0]["id"])

    async def refused(self, to: str | Phone, kind: str = "text", **content: Any) -> tuple[int, str]:
        """The code, and what there is to read about it."""
        status, answer = await self.send(to, kind, **content)
        assert status >= 400, answer
        error = answer["error"]
        return error["code"], error.get("error_data", {}).get("details", error["message"])

    async def upload(self, content: bytes = PNG, mime: str = "image/png", **fields: str) -> tuple[int, Any]:
        form = aiohttp.FormData()
        for name, value in {"messaging_product": "whatsapp", "type": mime, **fields}.items():
            form.add_field(name, value)
        form.add_field("file", io.BytesIO(content), filename="picture.png", content_type=mime)
        headers = {"Authorization": f"Bearer {self.stand_in.token}"}
        url = self.url("106540352242922/media")
        async with self.session.post(url, data=form, headers=headers) as answer:
            return answer.status, await answer.json()

    async def told(self) -> Listener:
        async with asyncio.timeout(120):
            await self.stand_in.settled()
        return self.listener


@asynccontextmanager
async def running(stand_in: WhatsAppStandIn, faults: FaultPlan | None = None) -> AsyncIterator[Rig]:
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
        yield Rig(stand_in, listener, server, hook_url, session, faults or FaultPlan())


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    faults = FaultPlan()
    stand_in = WhatsAppStandIn(clock=lambda: NOON, faults=faults, pauses=QUICK)
    async with running(stand_in, faults) as made:
        yield made


@pytest.fixture
def maya(rig: Rig) -> Phone:
    """A customer who has just written."""
    phone = rig.stand_in.customer("Maya Fischer", "+49 151 1234567")
    phone.say("Hello?")
    return phone
