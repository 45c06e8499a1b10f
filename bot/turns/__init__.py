"""Advance a conversation by one turn: load, decide, ask an agent, commit. Deciding is pure."""
