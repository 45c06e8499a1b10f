"""Advancing a conversation: load, decide, act, commit. Deciding is pure."""
