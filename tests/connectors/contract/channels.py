"""Each channel's adapter: the line to add with a channel."""

from collections.abc import Mapping

from tests.connectors.contract.on_email import email
from tests.connectors.contract.on_messenger import messenger
from tests.connectors.contract.on_slack import slack_of_customers, slack_of_staff
from tests.connectors.contract.on_telegram import telegram, telegram_of_staff
from tests.connectors.contract.on_whatsapp import whatsapp
from tests.connectors.contract.platform import Opening

CHANNELS: Mapping[str, Opening] = {
    "email": email,
    "messenger": messenger,
    "slack": slack_of_staff,
    "slack-customers": slack_of_customers,
    "telegram": telegram,
    "telegram-staff": telegram_of_staff,
    "whatsapp": whatsapp,
}
