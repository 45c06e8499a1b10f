"""Accepting, claiming, delivering: the only way in and the only way out of a conversation."""
