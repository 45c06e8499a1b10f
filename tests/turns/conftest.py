"""What tests of turns share."""

from collections.abc import AsyncIterator

import pytest

from tests.turns.bench import Bench, bench_of


@pytest.fixture
async def desk(database_url: str) -> AsyncIterator[Bench]:
    async with bench_of(database_url) as bench:
        yield bench
