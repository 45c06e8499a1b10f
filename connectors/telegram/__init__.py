"""Telegram: the Bot API through python-telegram-bot, by webhook or polling."""

from bot.core.connector import ChannelKind
from connectors.telegram.connector import CHANNEL, TelegramConnector

__all__ = ["channel"]

channel = ChannelKind(
    name=CHANNEL, secrets=("bot_token",), optional_secrets=("webhook_secret",), open=TelegramConnector
)
