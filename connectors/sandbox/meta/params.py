"""Read the parameters of one call from its query, form, multipart or JSON."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from aiohttp import web

from connectors.sandbox.meta.errors import GraphError, JsonObject, invalid
from connectors.sandbox.params import Upload, read_values

MAX_BODY = 101 * 1024 * 1024  # a document of 100 MB and the form around it


@dataclass(frozen=True, slots=True)
class Params:
    """The parameters of one call. A value that is JSON may come as text, as the Graph API allows."""

    values: Mapping[str, object]
    files: Mapping[str, Upload] = field(default_factory=dict)

    def text(self, name: str, default: str = "") -> str:
        value = self.values.get(name)
        return default if value is None else value if isinstance(value, str) else json.dumps(value)

    def object(self, name: str) -> JsonObject | None:
        """Return an object, or None if it was not given.

        Raise GraphError 100 if the value is not an object.
        """
        value = self.values.get(name)
        if isinstance(value, str) and value:
            try:
                value = json.loads(value)
            except ValueError:
                value = ""
        if value is None:
            return None
        if not isinstance(value, dict):
            raise invalid(f"Param {name} must be a JSON object.")
        return value


async def read_params(request: web.Request) -> Params:
    """Return the parameters of a request. Raise GraphError 100 if the body cannot be read."""
    values, files = await read_values(request.clone(client_max_size=MAX_BODY), _json)
    return Params(values, files)


def _json(body: bytes) -> JsonObject:
    if not body:
        return {}
    try:
        loaded = json.loads(body)
    except (ValueError, RecursionError):
        # The body then counts as a form without our parameters.
        raise GraphError(100, "(#100) The parameter messaging_product is required.") from None
    return loaded if isinstance(loaded, dict) else {}
