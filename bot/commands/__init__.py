"""The `/desk` commands: declared once, available in chat and on the shell."""
