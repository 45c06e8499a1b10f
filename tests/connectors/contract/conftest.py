"""One customer on each channel in turn, who has just said hello."""

from collections.abc import AsyncIterator

import pytest

from bot.core.events import Event
from tests.connectors.contract.channels import CHANNELS
from tests.connectors.contract.platform import Platform


@pytest.fixture(params=sorted(CHANNELS))
async def platform(request: pytest.FixtureRequest) -> AsyncIterator[Platform]:
    async with CHANNELS[request.param]() as opened:
        yield opened


@pytest.fixture
async def hello(platform: Platform) -> Event:
    return await platform.greeted()
