"""The `/desk` verbs: declared once, reachable from chat and from the shell."""
