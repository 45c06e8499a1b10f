"""Compare two organizations: the changes as data, and as text."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from pydantic import JsonValue

from orgs.articles import Article
from orgs.documents import to_document
from orgs.problems import quote
from orgs.specification.organization import Organization

_KEYS: Final = ("id", "trigger", "date")  # keys that identify the items of a list
_SIGNS: Final = {"added": "+", "removed": "-", "changed": "~"}


class ChangeKind(StrEnum):
    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One difference. `path` names list items by their id: `teams[tier-1].people`.

    `before` is None for an addition, `after` for a removal. An item that is added or removed is one change.
    """

    kind: ChangeKind
    path: str
    before: JsonValue = None
    after: JsonValue = None


def diff(old: Organization | None, new: Organization) -> list[Change]:
    """Return what changes when `new` replaces `old`, in the order of the file. `old` is None at first."""
    before: JsonValue = to_document(old) if old else {}
    return list(_compare("", before, to_document(new)))


def diff_articles(old: Sequence[Article], new: Sequence[Article]) -> list[Change]:
    """Return the changes of articles, by slug, with their titles.

    If only an article's text or tags changed, both titles are the same.
    """
    before, after = ({article.slug: article for article in articles} for articles in (old, new))
    changes = []
    for slug in [*after, *(slug for slug in before if slug not in after)]:
        was, now = before.get(slug), after.get(slug)
        if was != now:
            kind = ChangeKind.CHANGED if was and now else ChangeKind.ADDED if now else ChangeKind.REMOVED
            titles = (was.title if was else None, now.title if now else None)
            changes.append(Change(kind=kind, path=f"articles[{slug}]", before=titles[0], after=titles[1]))
    return changes


def render_changes(changes: Sequence[Change]) -> str:
    """Return one line per change: `+ teams[tier-1] "Tier 1 Support"`. Return "" if nothing changes."""
    return "\n".join(map(_line, changes))


def _line(change: Change) -> str:
    sign = f"{_SIGNS[change.kind]} {change.path}"
    match change.kind:
        case ChangeKind.ADDED:
            return f"{sign} {_brief(change.after)}"
        case ChangeKind.REMOVED:
            return f"{sign} {_brief(change.before)}"
        case ChangeKind.CHANGED:
            return f"{sign} {_brief(change.before)} → {_brief(change.after)}"


def _brief(value: JsonValue) -> str:
    if isinstance(value, dict):
        return quote(value.get("name") or value.get("target") or value)
    if isinstance(value, list):
        return "[" + ", ".join(_brief(item) for item in value[:8]) + (", …]" if len(value) > 8 else "]")
    return quote(value)


def _compare(path: str, old: JsonValue, new: JsonValue) -> Iterator[Change]:
    if old == new:
        return
    if isinstance(old, dict) and isinstance(new, dict):
        yield from _compare_mappings(path, old, new)
    elif isinstance(old, list) and isinstance(new, list) and (key := _common_key(old, new)):
        yield from _compare_items(path, _by(key, old), _by(key, new))
    else:
        yield Change(kind=ChangeKind.CHANGED, path=path, before=old, after=new)


def _compare_mappings(
    path: str, old: Mapping[str, JsonValue], new: Mapping[str, JsonValue]
) -> Iterator[Change]:
    for name in [*new, *(name for name in old if name not in new)]:
        inner = f"{path}.{name}" if path else name
        was, now = old.get(name), new.get(name)
        if isinstance(now, list) and was is None and _common_key([], now):
            was = []  # so that each item of a new list is an addition of its own
        if was is None and now not in (None, "", [], {}):
            yield Change(kind=ChangeKind.ADDED, path=inner, after=now)
        elif now is None and was is not None:
            yield Change(kind=ChangeKind.REMOVED, path=inner, before=was)
        elif was is not None:
            yield from _compare(inner, was, now)


def _compare_items(path: str, old: Mapping[str, JsonValue], new: Mapping[str, JsonValue]) -> Iterator[Change]:
    for name in [*new, *(name for name in old if name not in new)]:
        inner = f"{path}[{name}]"
        if name not in old:
            yield Change(kind=ChangeKind.ADDED, path=inner, after=new[name])
        elif name not in new:
            yield Change(kind=ChangeKind.REMOVED, path=inner, before=old[name])
        else:
            yield from _compare(inner, old[name], new[name])
    kept = [name for name in old if name in new]
    if kept != (order := [name for name in new if name in old]):
        yield Change(kind=ChangeKind.CHANGED, path=f"{path} (order)", before=[*kept], after=[*order])


def _common_key(old: Sequence[JsonValue], new: Sequence[JsonValue]) -> str:
    """Return the key that identifies the items of both lists, or "" if two items of a list share its
    value.
    """
    key = _key_of([*old, *new])
    return key if key and len(_by(key, old)) == len(old) and len(_by(key, new)) == len(new) else ""


def _key_of(items: Sequence[JsonValue]) -> str:
    """Return the first key that every item has as text, or ""."""
    for key in _KEYS:
        if items and all(isinstance(item, dict) and isinstance(item.get(key), str) for item in items):
            return key
    return ""


def _by(key: str, items: Sequence[JsonValue]) -> dict[str, JsonValue]:
    return {str(item[key]): item for item in items if isinstance(item, dict)}
