"""The parameters of one call, sent as a query, form, multipart or JSON."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from aiohttp import web

from connectors.sandbox.params import Upload, read_values
from connectors.sandbox.telegram.model import JsonObject, bad_request


@dataclass(frozen=True, slots=True)
class Params:
    """Reads one parameter at a time. Raises the platform's own 400 for one that cannot be read."""

    values: Mapping[str, object]
    files: Mapping[str, Upload] = field(default_factory=dict)

    def text(self, name: str, default: str = "") -> str:
        value = self.values.get(name)
        if value is None:
            return default
        return value if isinstance(value, str) else json.dumps(value)

    def integer(self, name: str, default: int = 0) -> int:
        value = self.values.get(name)
        if value is None or value == "":
            return default
        try:
            return int(value) if isinstance(value, (str, int, float)) else default
        except ValueError:
            raise bad_request(f"invalid {name} specified") from None

    def number(self, name: str) -> float:
        value = self.values.get(name)
        try:
            return float(value) if isinstance(value, (str, int, float)) else 0.0
        except ValueError:
            raise bad_request(f"invalid {name} specified") from None

    def boolean(self, name: str) -> bool:
        return str(self.values.get(name, "")).lower() in {"true", "1", "yes"}

    def loaded(self, name: str) -> object:
        """Return a JSON-serialized parameter as a value; None if it is missing."""
        value = self.values.get(name)
        if not isinstance(value, str):
            return value
        if not value:
            return None
        try:
            return json.loads(value)
        except ValueError:
            raise bad_request(f"can't parse {name.replace('_', ' ')} JSON object") from None

    def objects(self, name: str) -> list[JsonObject]:
        value = self.loaded(name)
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise bad_request(f"can't parse {name}: expected an Array of objects")
        return value

    def object(self, name: str) -> JsonObject | None:
        value = self.loaded(name)
        if value is not None and not isinstance(value, dict):
            raise bad_request(f"object expected as {name.replace('_', ' ')}")
        return value

    def strings(self, name: str) -> list[str] | None:
        value = self.loaded(name)
        if value is None:
            return None
        if not isinstance(value, list):
            raise bad_request(f"can't parse {name}: expected an Array of String")
        return [str(item) for item in value]


async def read_params(request: web.BaseRequest) -> Params:
    values, files = await read_values(request, _json_body)
    return Params(values, files)


def _json_body(body: bytes) -> JsonObject:
    if not body:
        return {}
    try:
        loaded = json.loads(body)
    except ValueError:
        raise bad_request("can't parse the request body as JSON") from None
    if not isinstance(loaded, dict):
        raise bad_request("object expected as the request body")
    return loaded
