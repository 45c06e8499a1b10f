"""Messenger: a Facebook Page, by webhook and the Send API."""

from bot.core.connector import ChannelKind, Way
from connectors.messenger.connector import MessengerConnector
from connectors.messenger.limits import CAPABILITIES, CHANNEL

__all__ = ["channel"]

channel = ChannelKind(
    name=CHANNEL,
    title="Messenger",
    ways=(Way(mode="webhook", secrets=("page_token", "app_secret", "verify_token"), options=("page_id",)),),
    serves=("customers",),
    capabilities=CAPABILITIES,
    open=MessengerConnector,
    registers=True,
)
