"""WhatsApp: customers on a business's number, through Meta's Cloud API."""

from bot.core.connector import ChannelKind, Way
from connectors.whatsapp.capabilities import CAPABILITIES, CHANNEL
from connectors.whatsapp.connector import WhatsAppConnector

__all__ = ["channel"]

channel = ChannelKind(
    name=CHANNEL,
    title="WhatsApp",
    ways=(
        Way(
            mode="webhook",
            secrets=("access_token", "app_secret", "verify_token"),
            options=("phone_number_id",),
            optional=("business_account_id",),
        ),
    ),
    serves=("customers",),
    capabilities=CAPABILITIES,
    open=WhatsAppConnector,
)
