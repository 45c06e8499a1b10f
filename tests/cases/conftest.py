"""Inputs that failed once, kept outside of the project: a test per case, named after the case's folder."""

import re
from pathlib import Path

import pytest


@pytest.fixture
def case(request: pytest.FixtureRequest, shared_dir: Path) -> Path:
    """Return the folder of the case that the asking test file is named after; skip where it is absent.

    `test_01_private_line_leaks.py` plays `cases/01-private-line-leaks`.
    """
    name = re.sub(r"^test_", "", request.path.stem).replace("_", "-")
    folder = shared_dir / "cases" / name
    if not folder.is_dir():
        pytest.skip(f"no case {name!r} in the shared folder's cases")
    return folder
