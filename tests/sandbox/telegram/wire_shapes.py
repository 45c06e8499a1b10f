"""Holds JSON against the published description of the Bot API: types, required and unknown fields."""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from connectors.sandbox.telegram import SentCall
from tests.sandbox.telegram import newer_shapes

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
        self._types, self._methods = dict(types), dict(methods)
        self._add_newer()

    def _add_newer(self) -> None:
        for name, fields in newer_shapes.METHODS.items():
            self._methods[name] = {"fields": _described(fields), "returns": ["Boolean"]}
        for name, fields in newer_shapes.TYPES.items():
            self._types[name] = {"fields": _described(fields)}
        for name, subtypes in newer_shapes.UNIONS.items():
            self._types[name] = {"subtypes": list(subtypes)}
        for known, more in (
            (self._methods, newer_shapes.PARAMETERS),
            (self._types, newer_shapes.FIELDS),
        ):
            for name, fields in more.items():
                known[name] = {**known[name], "fields": [*known[name]["fields"], *_described(fields)]}

    def parameters(self, method: str) -> list[dict[str, Any]]:
        """The fields of a method's parameters."""
        return list(self._methods[method].get("fields", []))

    def result_problems(self, method: str, result: object) -> list[str]:
        """Return why `result` is not what this method returns; empty if it is."""
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
            kind = value.get("type") if isinstance(value, dict) else None
            chosen = [
                each
                for each in described["subtypes"]
                if newer_shapes.KINDS.get(each, kind) == kind or kind is None
            ]
            return self._any(value, chosen, path) if chosen else [f"{path}: no {type_name} is a {kind}"]
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


def _described(fields: newer_shapes.Fields) -> list[dict[str, object]]:
    return [{"name": name, "types": [kind], "required": required} for name, kind, required in fields]


def load_shapes() -> WireShapes:
    if not DESCRIPTION.exists():
        pytest.skip(f"the published description of the Bot API is not at {DESCRIPTION}")
    return WireShapes(json.loads(DESCRIPTION.read_text()))


def parameter_problems(shapes: WireShapes, call: SentCall) -> list[str]:
    """Return why a call of the bot is not as its method is published; empty if it is."""
    known = {field["name"]: field for field in shapes.parameters(call.method)}
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
