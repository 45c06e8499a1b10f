"""The tables, queries and encryption: rows in, frozen domain values out. PostgreSQL is the only truth."""
