"""The shared words as types. Knows the standard library and nothing else."""
