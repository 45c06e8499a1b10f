"""Read lists of strings in Meta's JSON, for which `connectors.meta.Node` has no method."""

from connectors.meta import Node, clean


def texts(node: Node, key: str) -> tuple[str, ...]:
    """Return the strings of a list. Skip items that are no strings."""
    value = node._get(key)
    return tuple(clean(item) for item in value if isinstance(item, str)) if isinstance(value, list) else ()
