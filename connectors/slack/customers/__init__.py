"""Slack for customers: direct messages, the assistant's pane and Slack Connect, in many workspaces."""
