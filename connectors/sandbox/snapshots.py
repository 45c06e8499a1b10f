"""Turn dataclasses into JSON and back, by their annotations. Times are seconds, bytes are base64."""

from base64 import urlsafe_b64decode
from typing import Annotated, Any, TypeVar

from pydantic import BeforeValidator, TypeAdapter, ValidationError
from pydantic_core import to_jsonable_python

Kind = TypeVar("Kind")


def _decoded(saved: object) -> object:
    return urlsafe_b64decode(saved) if isinstance(saved, str) else saved


Bytes = Annotated[bytes, BeforeValidator(_decoded)]  # in dataclasses that are saved


def as_json(value: object) -> Any:
    return to_jsonable_python(value, bytes_mode="base64", temporal_mode="seconds")


def dump(value: object) -> dict[str, Any]:
    """Return the fields of a dataclass."""
    fields: dict[str, Any] = as_json(value)
    return fields


def load(kind: type[Kind], saved: object) -> Kind:
    """Return the value that `dump` was given. Raise ValueError if it was of another kind."""
    try:
        return TypeAdapter(kind).validate_python(saved)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"][:3]))
        raise ValueError(f"{kind.__name__} {where}: {first['msg']}") from None
