"""What a message costs and how fast it is: `make bench`."""
