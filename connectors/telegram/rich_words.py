"""The words of a rich message that somebody forwards or answers.

https://core.telegram.org/bots/api#richmessage
"""

from collections.abc import Iterator, Mapping

_INLINE = ("text", "label", "summary", "caption", "credit", "expression")
_BLOCKS = ("blocks", "items")
_DEEPEST = 32  # Telegram nests 16 levels


def rich_words(message: object) -> str:
    """Return the words in the order in which an app shows them, one block a line; "" for what has none."""
    if not isinstance(message, Mapping):
        return ""
    return "\n".join(filter(None, _lines(message, 0)))


def _lines(block: Mapping[str, object], depth: int) -> Iterator[str]:
    if depth > _DEEPEST:
        return
    yield " ".join(filter(None, (_text(block.get(name), depth) for name in _INLINE)))
    for row in _list(block.get("cells")):
        yield ": ".join(filter(None, (_text(cell, depth) for cell in _list(row))))
    for name in _BLOCKS:
        for inner in _list(block.get(name)):
            if isinstance(inner, Mapping):
                yield from _lines(inner, depth + 1)


def _text(value: object, depth: int) -> str:
    """Return the words of a RichText: a string, a list of RichTexts, or a RichText with a mark."""
    if depth > _DEEPEST:
        return ""
    match value:
        case str():
            return value
        case list():
            return "".join(_text(each, depth + 1) for each in value)
        case Mapping():
            return _text(value.get("text", value.get("alternative_text")), depth + 1)
        case _:
            return ""


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []
