"""Where platforms call an account."""

from bot.run.settings import Settings
from storage.accounts import Account


def path_of(account: Account) -> str:
    """Return where the routes of an account begin. By its own id: two organizations may call theirs alike."""
    return f"/hooks/{account.channel}/{account.id}"


def address_of(settings: Settings, account: Account) -> str:
    """Return where platforms call an account from outside."""
    return f"{settings.public_url}{path_of(account)}"
