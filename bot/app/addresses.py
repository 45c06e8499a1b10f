"""The addresses at which platforms call an account."""

from bot.app.settings import Settings
from storage.accounts import Account


def path_of(account: Account) -> str:
    """Return the path of an account's routes.

    It contains our id, because two organizations may use the same account name.
    """
    return f"/hooks/{account.channel}/{account.id}"


def address_of(settings: Settings, account: Account) -> str:
    """Return the public address of an account's routes, at which platforms call it."""
    return f"{settings.public_url}{path_of(account)}"
