"""Translate pydantic's errors into Problems: with the line, what was found, and the key that was
probably meant.
"""

import re
from collections.abc import Collection, Iterator, Sequence
from typing import Annotated, Final, get_args, get_origin
from zoneinfo import available_timezones

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from orgs.problems import Problem, close_match, discreet, problem_at, quote, unsaid
from orgs.tree import Path, Tree

_KINDS: Final = {
    "string_type": "text",
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "model_type": "a mapping of keys to values",
    "model_attributes_type": "a mapping of keys to values",
    "dict_type": "a mapping of keys to values",
}
_PATTERNS: Final = {
    "[a-z0-9_-]": "a name of lower-case letters, digits, - and _, at most 64 of them",
    "@": "an e-mail address",
    "A-Za-z0-9]{2,8}": "a language tag such as en or pt-BR",
    "._:/": "the name of a model, such as grounded",
    "\\r\\n": "text on one line",
}


def schema_problems(
    model: type[BaseModel], error: ValidationError, tree: Tree, file: str
) -> Iterator[Problem]:
    """Yield one Problem for each error that adds information, in the order of the file."""
    errors = error.errors(include_url=False, include_input=False)
    places: list[Path] = [details["loc"] for details in errors]
    found = [
        _problem(model, details, path, tree, file)
        for details, path in zip(errors, places, strict=True)
        if not (details["type"] == "too_short" and any(_inside(other, path) for other in places))
    ]
    yield from sorted(found, key=lambda problem: (problem.line, problem.column))


def _problem(model: type[BaseModel], details: ErrorDetails, path: Path, tree: Tree, file: str) -> Problem:
    kind = details["type"]
    if kind != "missing":  # a short form, such as a holiday's bare date, has fields that are not in the file
        while path and path not in tree.values:
            path = path[:-1]
    value = tree.at(path)
    if kind == "missing":
        name = str(path[-1])
        found, expected = "nothing", f"the key `{name}`"
        return problem_at(
            file, path, tree.mark(path[:-1]), code="key.missing", found=found, expected=expected
        )
    if kind == "extra_forbidden":
        return _unknown_key(model, path, tree, file)
    word = value if isinstance(value, str) else ""
    options = _known_words(details)
    return problem_at(
        file,
        path,
        tree.mark(path),
        code=_code(kind),
        found=_shown(kind, value),
        expected=_expected(details),
        suggestion=close_match(word, options) if word else "",
    )


def _unknown_key(model: type[BaseModel], path: Path, tree: Tree, file: str) -> Problem:
    known = fields_at(model, path[:-1])
    present = tree.at(path[:-1])
    free = [name for name in known if not (isinstance(present, dict) and name in present)]
    return problem_at(
        file,
        path,
        tree.key_mark(path),
        code="key.unknown",
        found=f"the key {quote(str(path[-1]))}",
        expected="one of " + ", ".join(known),
        suggestion=close_match(str(path[-1]), free),
    )


def fields_at(model: type[BaseModel], path: Path) -> list[str]:
    """Return the keys that are allowed in the mapping at `path`."""
    here: type[BaseModel] | None = model
    keyed = False
    for step in path:
        if isinstance(step, int) or here is None:
            continue
        if keyed:  # the step is a key of a mapping such as `dict[str, Texts]`, and `here` its values
            keyed = False
            continue
        fields = {(info.alias or name): info.annotation for name, info in here.model_fields.items()}
        keyed = get_origin(fields.get(step)) is dict
        here = _model_in(fields.get(step))
    return [info.alias or name for name, info in here.model_fields.items()] if here else []


def _model_in(annotation: object) -> type[BaseModel] | None:
    """Return the model within an annotation such as `tuple[Agent, ...]` or `Hours | None`, or None."""
    if isinstance(annotation, type) and get_origin(annotation) is None:
        return annotation if issubclass(annotation, BaseModel) else None
    arguments = get_args(annotation)
    inner: Sequence[object] = arguments[:1] if get_origin(annotation) is Annotated else arguments
    return next((model for argument in inner if (model := _model_in(argument))), None)


def _inside(path: Path, outer: Path) -> bool:
    return len(path) > len(outer) and path[: len(outer)] == outer


def _code(kind: str) -> str:
    if "." in kind or kind in {"duration", "fraction", "time_zone", "pattern", "channel", "date"}:
        return kind.replace("_", "-")
    return "value.kind" if kind.endswith("_type") else "value.range" if _is_range(kind) else "value.form"


def _is_range(kind: str) -> bool:
    return kind.startswith(("greater", "less", "too_", "string_too", "finite"))


def _shown(kind: str, value: object) -> str:
    """Return a value as found. Hide a secret that was written instead of its variable's name."""
    return unsaid(value) if kind == "secret.value" else discreet(value)


def _known_words(details: ErrorDetails) -> Collection[str]:
    match details["type"]:
        case "enum" | "literal_error":
            return _options(details)
        case "time_zone":
            return available_timezones()
        case _:
            return ()


def _options(details: ErrorDetails) -> list[str]:
    return re.findall(r"'([^']+)'", str(details.get("ctx", {}).get("expected", "")))


def _expected(details: ErrorDetails) -> str:
    kind, ctx = details["type"], details.get("ctx", {})
    if kind in _KINDS:
        return _KINDS[kind]
    match kind:
        case "enum" | "literal_error":
            return "one of " + ", ".join(_options(details))
        case "too_short":
            return f"at least {ctx['min_length']} in the list"
        case "too_long":
            return f"at most {ctx['max_length']} items"
        case "string_too_short":
            return "text that is not empty"
        case "string_too_long":
            return f"at most {ctx['max_length']} characters"
        case "greater_than" | "greater_than_equal" | "less_than" | "less_than_equal":
            return _bound(kind, next(iter(ctx.values())))
        case "string_pattern_mismatch":
            return next((text for part, text in _PATTERNS.items() if part in ctx["pattern"]), "another form")
        case _:
            return details["msg"]


def _bound(kind: str, limit: object) -> str:
    words = {
        "greater_than": "more than",
        "greater_than_equal": "at least",
        "less_than": "less than",
        "less_than_equal": "at most",
    }
    seconds = re.fullmatch(r"datetime\.timedelta\(seconds=(\d+)\)", str(limit))
    text = f"{seconds.group(1)}s (a number without a unit is seconds)" if seconds else str(limit)
    return f"{words[kind]} {text}"
