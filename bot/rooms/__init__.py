"""Staff threads: what the card at their head shows."""
