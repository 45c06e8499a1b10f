"""Meta's own examples, as other projects keep them; they are not ours to carry along."""

import json
import os
import re
from pathlib import Path

import pytest

from tests.conftest import ROOT

WIRE = Path(os.environ.get("SHARED_DIR", ROOT.parent / "shared")) / "wire" / "messenger"


def shared_json(name: str) -> object:
    """A file of examples; the test is skipped where it is not at hand."""
    path = WIRE / name
    if not path.is_file():
        pytest.skip(f"{name} is not at hand (SHARED_DIR names its folder)")
    return json.loads(path.read_text(encoding="utf-8"))


def as_on_the_wire(value: object) -> object:
    """Bottender shows its users camelCase; what Meta sends is written with underscores."""
    if isinstance(value, dict):
        return {re.sub("[A-Z]", lambda m: "_" + m[0].lower(), k): as_on_the_wire(v) for k, v in value.items()}
    return [as_on_the_wire(item) for item in value] if isinstance(value, list) else value
