"""Messenger: customers write to a Facebook Page, by webhook and the Send API."""

from bot.core.connector import AccountSettings, ChannelKind, ConnectionMode, Connector, Resources
from connectors.messenger.capabilities import CAPABILITIES, CHANNEL

__all__ = ["channel"]


def open_account(settings: AccountSettings, resources: Resources) -> Connector:
    """Open an account. Import its connector only now: the declaration below is needed far more often."""
    from connectors.messenger.connector import MessengerConnector

    return MessengerConnector(settings, resources)


channel = ChannelKind(
    name=CHANNEL,
    title="Messenger",
    modes=(
        ConnectionMode(
            mode="webhook",
            secrets=("page_token", "app_secret", "verify_token"),
            options=("page_id",),
            optional=("app_id",),
        ),
    ),
    serves=("customers",),
    capabilities=CAPABILITIES,
    open=open_account,
    registers=True,
)
