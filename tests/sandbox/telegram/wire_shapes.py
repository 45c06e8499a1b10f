"""Holds JSON against the published description of the Bot API: types, required and unknown fields."""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from connectors.sandbox.telegram import SentCall

SHARED = Path(os.environ.get("SHARED_DIR", Path(__file__).resolve().parents[4] / "shared"))
DESCRIPTION = SHARED / "wire" / "telegram" / "bot_api_10.1.min.json"
_PLAIN: Mapping[str, tuple[type, ...]] = {
    "String": (str,),
    "Integer": (int,),
    "Float": (int, float),
    "Boolean": (bool,),
}


class WireShapes:
    def __init__(self, description: Mapping[str, object]) -> None:
        types, methods = description["types"], description["methods"]
        assert isinstance(types, dict)
        assert isinstance(methods, dict)
        self._types, self._methods = types, methods

    def result_problems(self, method: str, result: object) -> list[str]:
        """Why `result` is not what this method returns; empty if it is."""
        return self._any(result, self._methods[method]["returns"], method)

    def problems(self, value: object, type_name: str) -> list[str]:
        return self._of(value, type_name, type_name)

    def _any(self, value: object, type_names: Sequence[str], path: str) -> list[str]:
        tries = [self._of(value, name, path) for name in type_names]
        return min(tries, key=len)

    def _of(self, value: object, type_name: str, path: str) -> list[str]:
        if type_name.startswith("Array of "):
            if not isinstance(value, list):
                return [f"{path}: not a list"]
            inner = type_name.removeprefix("Array of ")
            return [each for at, item in enumerate(value) for each in self._of(item, inner, f"{path}[{at}]")]
        if type_name in _PLAIN:
            good = isinstance(value, _PLAIN[type_name]) and (
                type_name == "Boolean" or not isinstance(value, bool)
            )
            return [] if good else [f"{path}: {value!r} is no {type_name}"]
        described = self._types[type_name]
        if "subtypes" in described:
            return self._any(value, described["subtypes"], path)
        return self._object(value, described.get("fields", []), path)

    def _object(self, value: object, fields: Sequence[Mapping[str, object]], path: str) -> list[str]:
        if not isinstance(value, dict):
            return [f"{path}: not an object"]
        known = {str(field["name"]): field for field in fields}
        found = [f"{path}.{name}: not in the description" for name in value if name not in known]
        for name, field in known.items():
            types = field["types"]
            assert isinstance(types, list)
            if name in value:
                found += self._any(value[name], types, f"{path}.{name}")
            elif field["required"]:
                found.append(f"{path}.{name}: missing")
        return found


def load_shapes() -> WireShapes:
    if not DESCRIPTION.exists():
        pytest.skip(f"the published description of the Bot API is not at {DESCRIPTION}")
    return WireShapes(json.loads(DESCRIPTION.read_text()))


def parameter_problems(shapes: WireShapes, fields: list[dict[str, Any]], call: SentCall) -> list[str]:
    """Why a call of the bot is not as its method is published; empty if it is."""
    known = {field["name"]: field for field in fields}
    found = [f"{call.method}: no parameter {name}" for name in call.params if name not in known]
    for name, field in known.items():
        if name not in call.params:
            found += [f"{call.method}: {name} missing"] if field["required"] else []
            continue
        value: object = call.params[name]
        if isinstance(value, str) and "String" not in field["types"]:
            value = json.loads(value)
        found += min((shapes.problems(value, kind) for kind in field["types"]), key=len)
    return found
