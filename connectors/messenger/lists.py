"""Lists of strings in Meta's JSON, which `connectors.meta.Node` has no word for."""

from connectors.meta import Node, clean


def texts(node: Node, key: str) -> tuple[str, ...]:
    """The strings of a list; what is no string is passed over."""
    value = node._get(key)
    return tuple(clean(item) for item in value if isinstance(item, str)) if isinstance(value, list) else ()
