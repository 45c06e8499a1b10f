"""Fixtures that tests of files share."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.files.rig import Desk, desk


@pytest.fixture
async def services(database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk(database_url, tmp_path / "files") as built:
        yield built
