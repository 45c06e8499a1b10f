"""A Page behind a server that speaks as the Graph API does."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from aiohttp.test_utils import TestServer

from connectors.messenger.connector import MessengerConnector
from tests.connectors.messenger import rig
from tests.connectors.resources import MemoryMeans, memory_resources


@dataclass(frozen=True)
class Line:
    graph: rig.Graph
    url: str
    page: MessengerConnector
    resources: MemoryMeans


@pytest.fixture
async def line() -> AsyncIterator[Line]:
    graph, resources = rig.Graph(), memory_resources(clock=lambda: rig.NOW)
    async with TestServer(graph.app()) as server:
        url = str(server.make_url("")).rstrip("/")
        page = rig.connector(url, resources)
        yield Line(graph, url, page, resources)
        await page.close()
