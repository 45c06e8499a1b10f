"""Mails as they came, for staff: none that holds a payment card number is handed out (docs/decisions/011)."""

from bot.core.errors import Refused
from bot.core.payment_cards import masked
from connectors.email.reading import texts


def original(mail: bytes) -> bytes:
    """Return the mail. Raises Refused if it holds a payment card number."""
    if any(masked(text) != text for text in texts(mail)):
        raise Refused("card_number: it holds a payment card number, which is not kept")
    return mail
