"""Dispatch control calls by signature: the annotations of a method say which arguments its call takes."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from inspect import isawaitable
from typing import Any, TypeVar

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic_core import ArgsKwargs, ErrorDetails

from bot.core.errors import CommandError
from connectors.sandbox.snapshots import as_json

Method = TypeVar("Method", bound=Callable[..., object])
_STRICT = ConfigDict(strict=True, val_json_bytes="base64")
_MARK = "_http_method"


def view(method: Method) -> Method:
    """Mark a method that only shows something: `GET api/<part>/<method>?…`."""
    setattr(method, _MARK, "GET")
    return method


def action(method: Method) -> Method:
    """Mark a method that does something: `POST api/<part>/<method>` with a JSON object."""
    setattr(method, _MARK, "POST")
    return method


@dataclass(frozen=True, slots=True)
class SentFile:
    """A file in a call. Its content comes as base64."""

    name: str
    content: bytes
    mime_type: str = ""


class ControlCall:
    """One control call. Arguments that do not fit the method raise CommandError, and nothing is called."""

    def __init__(self, method: Callable[..., object]) -> None:
        self._method: Any = method  # pydantic's types know no functions

    @cached_property
    def _adapter(self) -> TypeAdapter[object]:
        return TypeAdapter(self._method, config=_STRICT)

    async def with_query(self, query: Mapping[str, str]) -> object:
        """Call the method with texts, which may stand for numbers."""
        lenient = partial(self._adapter.validate_python, strict=False)
        return await self._answered(lenient, ArgsKwargs((), dict(query)))

    async def with_json(self, body: bytes) -> object:
        """Call the method with the arguments in a JSON object."""
        if body.lstrip()[:1] != b"{":
            raise CommandError("The body is no JSON object.")
        return await self._answered(self._adapter.validate_json, body)

    async def _answered(self, call: Callable[..., object], given: object) -> object:
        """Return the result as JSON: an empty object for None."""
        try:
            result = call(given)
        except ValidationError as error:
            raise CommandError(_sentence(error.errors(include_url=False))) from None
        if isawaitable(result):
            result = await result
        return {} if result is None else as_json(result)


def calls_of(part: object) -> Iterator[tuple[str, str, ControlCall]]:
    """Yield the HTTP method, the name and the call of each marked method."""
    for name in dir(type(part)):
        if http_method := getattr(getattr(type(part), name), _MARK, None):
            yield http_method, name, ControlCall(getattr(part, name))


def _sentence(errors: Sequence[ErrorDetails]) -> str:
    """Return what is wrong with the first wrong argument."""
    first = errors[0]
    name = str(first["loc"][0])[:60] if first["loc"] else ""
    match first["type"]:
        case "missing_argument":
            return f"{name!r} is missing."
        case "unexpected_keyword_argument":
            return f"This call takes no {name!r}."
        case "json_invalid":
            return "The body is no JSON."
        case _:
            same = [each for each in errors if each["loc"][0] == name]
            told = (": ".join([*map(str, each["loc"][1:]), each["msg"]]) for each in same)
            return f"{name!r} is wrong: {'; '.join(told)}."
