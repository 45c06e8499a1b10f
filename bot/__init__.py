"""The bot: the bus, turns, rooms, commands, and the program that runs them."""
