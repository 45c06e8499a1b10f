"""Who can read a group beside those who are in it, in words."""


def public_group(username: str) -> str:
    """Half a sentence about a group that has a public name."""
    return f"it is public (@{username}), so that everybody can read it"
