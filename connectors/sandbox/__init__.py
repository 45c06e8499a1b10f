"""Stand-ins for the platforms, and one page to play both the customer and the staff."""
