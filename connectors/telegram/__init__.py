"""Telegram: the Bot API through python-telegram-bot, by webhook or polling; for customers and for staff."""

from bot.core.connector import ChannelKind, Way
from connectors.telegram.capabilities import CAPABILITIES
from connectors.telegram.connector import CHANNEL, TelegramConnector

__all__ = ["channel"]

channel = ChannelKind(
    name=CHANNEL,
    title="Telegram",
    ways=(
        Way(mode="polling", secrets=("bot_token",), optional=("groups",)),
        Way(
            mode="webhook",
            secrets=("bot_token",),
            optional_secrets=("webhook_secret",),
            optional=("groups",),
        ),
    ),
    serves=("customers", "staff"),
    capabilities=CAPABILITIES,
    open=TelegramConnector,
    registers=True,
    room_form=r"-100[0-9]{1,15}",
    room_example="the id of a group with topics, such as -1001234567890",
)
