"""Slack's published descriptions, used when they are at hand."""

import json
import os
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

_REPOSITORY = Path(__file__).resolve().parents[3]
WIRE = Path(os.environ.get("SHARED_DIR", _REPOSITORY.parent / "shared")) / "wire" / "slack"


def read(name: str) -> Any:
    path = WIRE / name
    if not path.exists():
        pytest.skip(f"{name} is not at hand (SHARED_DIR names its folder)")
    return json.loads(path.read_text())


def response_schema(openapi: dict[str, Any], method: str) -> dict[str, Any]:
    """The schema of a method's good answer.

    The description is of 2021: fields Slack added since are let through, its list-of-schemas `items` (its
    way to say "one of") too, and a `pattern` or `format` holds.
    """
    (operation,) = openapi["paths"][f"/{method}"].values()
    schema = deepcopy(operation["responses"]["200"]["schema"])
    schema["definitions"] = deepcopy(openapi["definitions"])
    _loosen(schema)
    return schema


def _loosen(node: Any) -> None:
    if isinstance(node, dict):
        if node.get("additionalProperties") is False:
            del node["additionalProperties"]
        items = node.get("items")
        if isinstance(items, list):
            del node["items"]
            if "type" not in node and "$ref" not in node:
                node["anyOf"] = items
            elif node.get("type") == "array":
                node["items"] = {"anyOf": items}
        for value in list(node.values()):
            _loosen(value)
    elif isinstance(node, list):
        for value in node:
            _loosen(value)


def unknown_keys(answer: Any, sample: Any, path: str = "") -> set[str]:
    """Keys of our answer that Slack's own sample does not have, by path.

    Blocks are left out: they are the app's, and the samples show each block type once, in no order.
    """
    if isinstance(answer, dict) and isinstance(sample, dict) and sample:
        found = {f"{path}.{key}" for key in answer.keys() - sample.keys()}
        for key in (answer.keys() & sample.keys()) - {"blocks"}:
            found |= unknown_keys(answer[key], sample[key], f"{path}.{key}")
        return found
    if isinstance(answer, list) and isinstance(sample, list) and sample:
        return {key for item in answer for key in unknown_keys(item, sample[0], f"{path}[]")}
    return set()
