"""Say in words who outside a group can read it."""


def public_group(username: str) -> str:
    """Return half a sentence that warns about a group with a public name."""
    return f"it is public (@{username}), so that everybody can read it"
