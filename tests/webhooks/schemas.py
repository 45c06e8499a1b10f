"""Payloads as the platforms publish them, as hypothesis strategies, and payloads that went wrong."""

import copy
import json
import random
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path

from hypothesis import strategies as st

Json = object
_LEAVES: Mapping[str, st.SearchStrategy[Json]] = {
    "Integer": st.integers(-(2**63), 2**63),
    "String": st.text(max_size=12),
    "Boolean": st.booleans(),
    "Float": st.floats(),
    "True": st.just(True),
}
_DEPTH = 3  # of optional fields; what is required goes deeper
_JUNK: Sequence[Callable[[], Json]] = (
    lambda: None,
    lambda: True,
    lambda: -1,
    lambda: 0,
    lambda: 2**31,
    lambda: 2**63,
    lambda: 10**400,
    lambda: 1.5,
    lambda: float("nan"),
    lambda: float("inf"),
    lambda: "",
    lambda: "\0",
    lambda: "\ud800",
    lambda: "\u202e<@U0HUGO0008> \U0001f9ff" * 20,
    lambda: "x" * 5000,
    lambda: "1700000000.000100",
    lambda: "999999999999.999999",
    lambda: "²",
    list,
    dict,
    lambda: [[[[[[[[]]]]]]]],
    lambda: [None, {}, [], "", 1],
    lambda: {"": {"": {"": None}}},
)


class TelegramTypes:
    """The Bot API's published types."""

    def __init__(self, path: Path) -> None:
        self._types = json.loads(path.read_text(encoding="utf-8"))["types"]
        self.value = cache(self._value)

    def _value(self, kind: str, depth: int) -> st.SearchStrategy[Json]:
        if kind.startswith("Array of "):
            inner = self.value(kind.removeprefix("Array of "), depth)
            return st.lists(inner, max_size=2)
        if kind in _LEAVES:
            return _LEAVES[kind]
        described = self._types[kind]
        if subtypes := described.get("subtypes"):
            return st.sampled_from(subtypes).flatmap(lambda name: self.value(name, depth))
        return st.deferred(lambda: self._object(described.get("fields", []), depth))

    def _object(self, fields: Sequence[Mapping[str, object]], depth: int) -> st.SearchStrategy[Json]:
        required = [f for f in fields if f["required"]]
        optional = [f for f in fields if not f["required"]] if depth < _DEPTH else []

        @st.composite
        def drawn(draw: st.DrawFn) -> Json:
            some: list[Mapping[str, object]] = []
            if optional:
                places = st.integers(0, len(optional) - 1)
                some = [optional[n] for n in draw(st.lists(places, max_size=3 if depth else 1, unique=True))]
            made = {}
            for field in [*required, *some]:
                kinds = field["types"]
                kind = kinds[0] if len(kinds) == 1 else draw(st.sampled_from(kinds))  # type: ignore[index,arg-type]
                made[str(field["name"])] = draw(self.value(str(kind), depth + 1))
            return made

        return drawn()

    def updates(self, kinds: Sequence[str]) -> st.SearchStrategy[Json]:
        """Updates of these kinds, and now and then of any kind."""
        fields = self._types["Update"]["fields"]
        known = {str(f["name"]): str(f["types"][0]) for f in fields if f["name"] != "update_id"}
        chosen = st.sampled_from([*kinds, *kinds, *known])

        @st.composite
        def drawn(draw: st.DrawFn) -> Json:
            kind = draw(chosen)
            return {"update_id": 1, kind: draw(self.value(known[kind], 0))}

        return drawn()


def of_schema(schema: Mapping[str, object]) -> st.SearchStrategy[Json]:
    """Return values that a plain JSON schema allows: its required properties, and some of the others."""
    anything = st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
        max_leaves=6,
    )
    match schema.get("type"):
        case "string":
            return st.text(max_size=12)
        case "integer" | "number":
            return st.integers(-(2**63), 2**63)
        case "boolean":
            return st.booleans()
        case "array":
            items = schema.get("items")
            return st.lists(of_schema(items) if isinstance(items, dict) else anything, max_size=3)
        case "object":
            known = schema.get("properties")
            fields = (
                {name: of_schema(each) for name, each in known.items()} if isinstance(known, dict) else {}
            )
            if not fields:
                return st.dictionaries(st.text(max_size=8), anything, max_size=4)
            needed = schema.get("required")
            names = needed if isinstance(needed, list) else []
            required = {name: each for name, each in fields.items() if name in names}
            optional = {name: each for name, each in fields.items() if name not in names}
            return st.fixed_dictionaries(required, optional=optional)
    return anything


def believable(value: Json, rng: random.Random) -> Json:
    """Private chats, people and dates of today in most places, so that much of it is heard."""
    if isinstance(value, list):
        return [believable(each, rng) for each in value]
    if not isinstance(value, dict):
        return value
    made = {key: believable(each, rng) for key, each in value.items()}
    if rng.random() < 0.1:
        return made
    if isinstance(chat := made.get("chat"), dict):
        chat |= {"type": "private", "id": rng.randrange(1, 50)}
        if "message_id" in made:
            made.setdefault("from", {"first_name": "Kim"})
    for name in ("from", "user"):
        if isinstance(person := made.get(name), dict):
            person |= {"is_bot": False, "id": rng.randrange(1, 50)}
    for name in ("date", "edit_date"):
        if name in made:
            made[name] = int(time.time())
    return made


def broken(value: Json, rng: random.Random, times: int) -> Json:
    """A copy in which a few things, anywhere in it, are gone or of another kind."""
    made = copy.deepcopy(value)
    for _ in range(times):
        spots = list(_spots(made))
        if not spots:
            break
        box, key = rng.choice(spots)
        if isinstance(box, dict) and rng.random() < 0.3:
            del box[key]
        else:
            box[key] = rng.choice(_JUNK)()
    return made


def _spots(value: Json) -> "Sequence[tuple[dict | list, str | int]]":  # type: ignore[type-arg]
    found = []
    waiting = [value]
    while waiting:
        box = waiting.pop()
        keys = list(box) if isinstance(box, dict) else range(len(box)) if isinstance(box, list) else ()
        for key in keys:
            found.append((box, key))
            waiting.append(box[key])  # type: ignore[index]
    return found
