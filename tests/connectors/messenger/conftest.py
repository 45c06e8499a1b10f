"""A Page behind a server that speaks as the Graph API does."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from aiohttp.test_utils import TestServer

from connectors.messenger.connector import MessengerConnector
from tests.connectors.means import MemoryMeans, memory_means
from tests.connectors.messenger import rig


@dataclass(frozen=True)
class Line:
    graph: rig.Graph
    url: str
    page: MessengerConnector
    means: MemoryMeans


@pytest.fixture
async def line() -> AsyncIterator[Line]:
    graph, means = rig.Graph(), memory_means(clock=lambda: rig.NOW)
    async with TestServer(graph.app()) as server:
        url = str(server.make_url("")).rstrip("/")
        page = rig.connector(url, means)
        yield Line(graph, url, page, means)
        await page.close()
