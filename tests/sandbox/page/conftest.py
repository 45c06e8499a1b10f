"""A sandbox behind a real server, an app that answers Slack, and a browser."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser, Page, async_playwright, expect

from connectors.sandbox.server import Sandbox

NO_TOUR = "try { localStorage.setItem('sandbox.tour', '\"seen\"') } catch {}"  # a frame may keep nothing


expect.set_options(timeout=120_000)  # milliseconds: a busy machine draws late


@dataclass
class Stage:
    """The sandbox, and what its Slack sent to the app."""

    sandbox: Sandbox
    server: TestServer
    client: aiohttp.ClientSession
    interactions: list[dict[str, object]] = field(default_factory=list)
    answer: dict[str, object] = field(default_factory=dict)  # to the next interaction
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        return str(self.server.make_url("/sandbox"))

    async def bot(self, method: str, **body: object) -> dict[str, object]:
        token = self.sandbox.credentials.telegram_token
        async with self.client.post(f"{self.url}/telegram/bot{token}/{method}", json=body) as response:
            made = await response.json()
            assert made["ok"], made
            return dict(made)

    async def app(self, method: str, **body: object) -> dict[str, object]:
        headers = {"Authorization": f"Bearer {self.sandbox.credentials.slack_bot_token}"}
        async with self.client.post(f"{self.url}/slack/api/{method}", json=body, headers=headers) as response:
            made = await response.json()
            assert made["ok"], made
            return dict(made)

    async def interaction(self) -> dict[str, object]:
        """The next thing a person did with what the app posted."""
        async with asyncio.timeout(120):
            while not self.interactions:
                self.arrived.clear()
                await self.arrived.wait()
        return self.interactions.pop(0)

    async def take_interaction(self, request: web.Request) -> web.Response:
        form = await request.post()
        self.interactions.append(json.loads(str(form["payload"])))
        self.arrived.set()
        return web.json_response(self.answer) if self.answer else web.Response()

    async def take_command(self, request: web.Request) -> web.Response:
        form = await request.post()
        words = f"You asked for *{form['text']}*"
        return web.json_response({"response_type": "ephemeral", "text": words})


async def _fine(request: web.Request) -> web.Response:
    await request.read()
    return web.Response()


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    sandbox = Sandbox()
    root = web.Application()
    root.add_subapp("/sandbox", sandbox.app())
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(aiohttp.ClientSession())
        server = TestServer(root)
        made = Stage(sandbox, server, client)
        root.router.add_post("/hooks/events", _fine)
        root.router.add_post("/hooks/interactions", made.take_interaction)
        root.router.add_post("/hooks/commands", made.take_command)
        await stack.enter_async_context(server)
        hooks = [str(server.make_url(f"/hooks/{name}")) for name in ("events", "interactions", "commands")]
        sandbox.configure_slack(*hooks)
        yield made


@pytest.fixture
async def browser(chromium: Path) -> AsyncIterator[Browser]:
    flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    async with async_playwright() as playwright:
        made = await playwright.chromium.launch(executable_path=os.fspath(chromium), args=flags)
        yield made
        await made.close()


@pytest.fixture
async def page(stage: Stage, browser: Browser) -> AsyncIterator[Page]:
    """The sandbox's page. A script error, or anything the content policy stops, fails the test."""
    complaints: list[str] = []
    made = await browser.new_page(viewport={"width": 1500, "height": 900})
    made.set_default_timeout(120_000)
    await made.add_init_script(NO_TOUR)
    made.on("pageerror", lambda error: complaints.append(str(error)))
    made.on("console", lambda line: complaints.append(line.text) if "Content Security" in line.text else None)
    await made.goto(stage.url)
    await made.locator('[data-testid="link-state"][data-state="live"]').wait_for()
    yield made
    assert complaints == []
    await made.close()
