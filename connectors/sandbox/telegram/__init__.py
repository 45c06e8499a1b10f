"""A stand-in for Telegram that speaks the Bot API."""

from connectors.sandbox.telegram.limits import Limits
from connectors.sandbox.telegram.model import ChatMessage, SentCall, TelegramUser
from connectors.sandbox.telegram.stand_in import TelegramStandIn
from connectors.sandbox.telegram.webhook import RetryPauses

__all__ = ["ChatMessage", "Limits", "RetryPauses", "SentCall", "TelegramStandIn", "TelegramUser"]
