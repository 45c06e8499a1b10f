"""A stand-in for WhatsApp that speaks the Cloud API."""

from connectors.sandbox.meta.trouble import Trouble
from connectors.sandbox.webhook_queue import RetryPauses
from connectors.sandbox.whatsapp.limits import Limits
from connectors.sandbox.whatsapp.model import ChatMessage, Choice, Tick
from connectors.sandbox.whatsapp.phone import Phone
from connectors.sandbox.whatsapp.stand_in import PLATFORM, WhatsAppStandIn
from connectors.sandbox.whatsapp.templates import SAMPLES, Template, text_template

__all__ = [
    "PLATFORM",
    "SAMPLES",
    "ChatMessage",
    "Choice",
    "Limits",
    "Phone",
    "RetryPauses",
    "Template",
    "Tick",
    "Trouble",
    "WhatsAppStandIn",
    "text_template",
]
