"""The mail server as one of the sandbox's stand-ins: started and saved like the others."""

import logging
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass

from aiohttp import web

from bot.core.ids import Clock, utc_now
from connectors.sandbox.mail import Letter, MailServer
from connectors.sandbox.mail.imap import KeptFolder
from connectors.sandbox.snapshots import dump, load

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SavedCustomer:
    address: str
    name: str
    inbox: list[Letter]
    sent: list[Letter]


@dataclass(frozen=True, slots=True)
class SavedMail:
    mailbox: KeptFolder | None
    customers: list[SavedCustomer]


class Mailbox:
    """One mailbox of the product on a mail server, and the mail programs of its customers."""

    def __init__(self, mail: MailServer, address: str, password: str, clock: Clock = utc_now) -> None:
        self.mail = mail
        self.address = address
        self.on_change: Callable[[str], None] | None = None  # called with the address whose letters changed
        self._password = password
        self._clock = clock
        self._saved: KeptFolder | None = None  # the mailbox as an earlier process left it
        mail.on_change = self.changed

    async def running(self, _: web.Application) -> AsyncIterator[None]:
        """Run the mail server while the application runs, for `cleanup_ctx`.

        If its ports are taken, go on without mail.
        """
        try:
            await self.mail.__aenter__()
        except OSError as error:
            log.warning("the sandbox has no mail: %s", error.strerror)
            await self.mail.__aexit__(None, None, None)
            yield
            return
        try:
            await self.mail.add_account(self.address, self._password)
            if self._saved is not None:
                await self.mail.imap.restore(self.address, self._saved, self._clock())
            yield
        finally:
            await self.mail.__aexit__(None, None, None)

    def changed(self, address: str) -> None:
        if self.on_change is not None:
            self.on_change(address)

    def start_over(self) -> None:
        """Forget the customers' mails. Their mail programs and the product's mailbox stay."""
        self.mail.smtp.refused.clear()
        for client in self.mail.customers:
            client.inbox.clear()
            client.sent.clear()
            self.changed(client.address)

    def snapshot(self) -> dict[str, object]:
        """Return the customers' mails, and the newest ones in the product's mailbox."""
        customers = [
            SavedCustomer(client.address, client.name, client.inbox, client.sent)
            for client in self.mail.customers
        ]
        return dump(SavedMail(self.mail.imap.kept(self.address) or self._saved, customers))

    def restore(self, saved: Mapping[str, object]) -> None:
        """Load a snapshot. Raise ValueError if it is not one."""
        mail = load(SavedMail, saved)
        for each in mail.customers:
            client = self.mail.customer(each.address, each.name)
            client.inbox[:], client.sent[:] = each.inbox, each.sent
        self._saved = mail.mailbox
