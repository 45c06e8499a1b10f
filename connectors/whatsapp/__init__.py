"""WhatsApp: customers write to a business's number, through Meta's Cloud API."""

from bot.core.connector import AccountSettings, ChannelKind, ConnectionMode, Connector, Resources
from connectors.whatsapp.capabilities import CAPABILITIES, CHANNEL

__all__ = ["channel"]


def open_account(settings: AccountSettings, resources: Resources) -> Connector:
    """Open an account. Import its connector only now: the declaration below is needed far more often."""
    from connectors.whatsapp.connector import WhatsAppConnector

    return WhatsAppConnector(settings, resources)


channel = ChannelKind(
    name=CHANNEL,
    title="WhatsApp",
    modes=(
        ConnectionMode(
            mode="webhook",
            secrets=("access_token", "app_secret", "verify_token"),
            options=("phone_number_id",),
            optional=("business_account_id",),
        ),
    ),
    serves=("customers",),
    capabilities=CAPABILITIES,
    open=open_account,
)
