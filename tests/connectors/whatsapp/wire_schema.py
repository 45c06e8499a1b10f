"""Meta's own description of what may be sent, where it is at hand."""

import json
from pathlib import Path
from typing import Any

import jsonschema


def _usable(value: Any) -> Any:
    """The description as it must be meant: each half of an `allOf` forbids what the other requires,
    so that nothing at all would be valid, and `index` has a pattern that no index fulfils.
    """
    if isinstance(value, dict):
        kept = {key: _usable(part) for key, part in value.items() if part != "^[2-6, 11-14]$"}
        for half in kept.get("allOf", ()):
            half.pop("additionalProperties", None)
        return kept
    return [_usable(part) for part in value] if isinstance(value, list) else value


class WireSchema:
    def __init__(self, shared: Path) -> None:
        path = shared / "wire" / "whatsapp" / "business-messaging-api_v23.0.excerpt.json"
        self._components = _usable(json.loads(path.read_text())["components"])
        self._kinds = self._components["schemas"]["Message"]["discriminator"]["mapping"]

    def check(self, body: dict[str, Any]) -> None:
        """Raises ValidationError unless this is a message of the kind that it says it is."""
        schema = {"$ref": self._kinds[body["type"]], "components": self._components}
        jsonschema.Draft7Validator(schema).validate(body)
