"""Telegram: the Bot API through python-telegram-bot, by webhook or polling; for customers and for staff."""

from bot.core.connector import AccountSettings, ChannelKind, ConnectionMode, Connector, Resources
from connectors.telegram.capabilities import CAPABILITIES, CHANNEL

__all__ = ["channel"]


def open_account(settings: AccountSettings, resources: Resources) -> Connector:
    """Open an account. Load the connector's code only now: the declaration alone is needed far more often."""
    from connectors.telegram.connector import TelegramConnector

    return TelegramConnector(settings, resources)


channel = ChannelKind(
    name=CHANNEL,
    title="Telegram",
    modes=(
        ConnectionMode(mode="polling", secrets=("bot_token",), optional=("groups", "cards")),
        ConnectionMode(
            mode="webhook",
            secrets=("bot_token",),
            optional_secrets=("webhook_secret",),
            optional=("groups", "cards"),
        ),
    ),
    serves=("customers", "staff"),
    capabilities=CAPABILITIES,
    open=open_account,
    registers=True,
    room_form=r"-100[0-9]{1,15}",
    room_example="the id of a group with topics, such as -1001234567890",
)
