"""The organization file as frozen values. `organization.py` is the place to begin."""
