"""The product's shared types. Imports nothing but the standard library."""
