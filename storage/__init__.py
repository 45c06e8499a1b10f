"""Rows in, frozen domain values out. PostgreSQL is the only truth."""
