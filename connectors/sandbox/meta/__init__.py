"""Provide what the stand-ins for WhatsApp and Messenger share: the Graph API and its webhooks."""

from connectors.sandbox.meta.calls import SentCall
from connectors.sandbox.meta.clock import MovableClock
from connectors.sandbox.meta.trouble import Trouble, Troubles

__all__ = ["MovableClock", "SentCall", "Trouble", "Troubles"]
