"""A stand-in for Telegram that speaks the Bot API."""

from connectors.sandbox.telegram.group_chat import GroupChat
from connectors.sandbox.telegram.groups import Topic
from connectors.sandbox.telegram.limits import Limits
from connectors.sandbox.telegram.model import ChatMessage, SentCall, TelegramUser
from connectors.sandbox.telegram.stand_in import TelegramStandIn
from connectors.sandbox.telegram.together import together
from connectors.sandbox.webhook_queue import RetryPauses

__all__ = [
    "ChatMessage",
    "GroupChat",
    "Limits",
    "RetryPauses",
    "SentCall",
    "TelegramStandIn",
    "TelegramUser",
    "Topic",
    "together",
]
