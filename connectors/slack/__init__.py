"""Slack: the staff's rooms, and customers in workspaces of their own, on slack_sdk and Bolt."""

from bot.core.connector import AccountSettings, ChannelKind, ConnectionMode, Connector, Resources
from connectors.slack.capabilities import CHANNEL, PUBLISHED

_FOR_CUSTOMERS = ("team_id", "guests", "icon", "prompts", "workflows")


def open_account(settings: AccountSettings, resources: Resources) -> Connector:
    """Open an account. Its connector is loaded with the first: a declaration is needed far more often."""
    if settings.serves == "customers":
        from connectors.slack.customers.connector import SlackCustomers

        return SlackCustomers(settings, resources)
    from connectors.slack.connector import SlackConnector

    return SlackConnector(settings, resources)


channel = ChannelKind(
    name=CHANNEL,
    title="Slack",
    modes=(
        ConnectionMode(
            mode="socket",
            secrets=("bot_token", "app_token"),
            optional_secrets=("signing_secret",),
            optional=_FOR_CUSTOMERS,
        ),
        ConnectionMode(
            mode="webhook",
            secrets=("signing_secret",),
            # One of two: a token for one workspace, or what OAuth needs to be installed in any.
            optional_secrets=("bot_token", "client_id", "client_secret", "app_token"),
            optional=("client_id", *_FOR_CUSTOMERS),
        ),
    ),
    serves=("staff", "customers"),
    capabilities=PUBLISHED,
    open=open_account,
    room_form=r"#.+|[CGD][A-Z0-9]{5,}",
    room_example='a Slack channel: "#name" or its id',
    usual_room="#escalation",
)
