"""Provide what the stand-ins for WhatsApp and Messenger share: the Graph API and its webhooks."""

from connectors.sandbox.meta.calls import SentCall
from connectors.sandbox.meta.clock import MovableClock
from connectors.sandbox.meta.trouble import Trouble, Troubles
from connectors.sandbox.meta.webhook import RetryPauses

__all__ = ["MovableClock", "RetryPauses", "SentCall", "Trouble", "Troubles"]
