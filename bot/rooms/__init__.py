"""Staff threads: the card at their head, and the notices for many conversations."""
