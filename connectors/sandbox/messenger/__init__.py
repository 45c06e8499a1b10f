"""A stand-in for Messenger that speaks the Graph API."""

from connectors.sandbox.messenger.limits import Limits
from connectors.sandbox.messenger.model import Attachment, ChatMessage, Choice, Tick
from connectors.sandbox.messenger.phone import Phone
from connectors.sandbox.messenger.stand_in import PLATFORM, MessengerStandIn
from connectors.sandbox.meta.trouble import Trouble
from connectors.sandbox.webhook_queue import RetryPauses

__all__ = [
    "PLATFORM",
    "Attachment",
    "ChatMessage",
    "Choice",
    "Limits",
    "MessengerStandIn",
    "Phone",
    "RetryPauses",
    "Tick",
    "Trouble",
]
