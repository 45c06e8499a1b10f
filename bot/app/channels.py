"""All channels: one line for each. A new channel is a folder in `connectors` and a line here."""

from collections.abc import Mapping

from bot.core.connector import ChannelKind
from connectors import email, messenger, slack, telegram, whatsapp

CHANNELS: Mapping[str, ChannelKind] = {
    kind.name: kind
    for kind in (telegram.channel, slack.channel, whatsapp.channel, messenger.channel, email.channel)
}
