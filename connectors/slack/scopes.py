"""The scopes that the two apps request, as in manifest.yml and manifest.customers.yml, with the reasons."""

VIEW = "assistant:write"  # Slack adds it to an app with an `agent_view`; staff's older apps work without
STAFF = (
    "channels:history",
    "channels:read",
    "channels:write.invites",
    "chat:write",
    "commands",
    "dnd:read",
    "files:read",
    "files:write",
    "groups:history",
    "groups:read",
    "groups:write.invites",
    "im:history",
    "im:write",
    "reactions:read",
    "reactions:write",
    "users:read",
    "users:read.email",
)

CUSTOMERS = (
    "assistant:write",
    "channels:history",
    "channels:read",
    "chat:write",
    "chat:write.customize",
    "files:read",
    "files:write",
    "groups:history",
    "groups:read",
    "im:history",
    "im:read",
    "im:write",
    "mpim:history",
    "mpim:read",
    "reactions:read",
    "reactions:write",
    "team:read",
    "users:read",
    "users:read.email",
)
