"""Stand-ins for the platforms, and one page on which a person plays both the customer and the staff."""
