"""A browser for what people see."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Page, async_playwright

PATIENCE = 40_000  # milliseconds, for what passes through the whole house


@pytest.fixture
async def page(chromium: Path) -> AsyncIterator[Page]:
    """An empty page. A script error, or anything the content policy stops, fails the test."""
    complaints: list[str] = []
    flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=os.fspath(chromium), args=flags)
        made = await browser.new_page(viewport={"width": 1440, "height": 900})
        made.set_default_timeout(PATIENCE)
        made.on("pageerror", lambda error: complaints.append(str(error)))
        made.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        yield made
        await browser.close()
    assert complaints == []
