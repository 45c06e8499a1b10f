"""The cost of a message and its speed: `make bench`."""
