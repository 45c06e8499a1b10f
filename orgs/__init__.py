"""The organization: its file, its teams and people, and how its agents answer."""
