"""The organization: its file, its teams and people, its agents and how they answer."""
