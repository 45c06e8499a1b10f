"""The mail server as one of the sandbox's stand-ins: started and saved like the others."""

import logging
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator, Callable, Mapping

from aiohttp import web

from bot.core.ids import Clock, utc_now
from connectors.sandbox.mail import Letter, MailServer

log = logging.getLogger(__name__)


class Mailbox:
    """One mailbox of the product on a mail server, and the mail programs of its customers."""

    def __init__(self, mail: MailServer, address: str, password: str, clock: Clock = utc_now) -> None:
        self.mail = mail
        self.address = address
        self.on_change: Callable[[str], None] | None = None  # called with the address whose letters changed
        self._password = password
        self._clock = clock
        self._saved: Mapping[str, object] | None = None  # the mailbox as an earlier process left it
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
        return {
            "mailbox": self.mail.imap.kept(self.address) or self._saved,
            "customers": [
                {
                    "address": client.address,
                    "name": client.name,
                    "inbox": [_kept(letter) for letter in client.inbox],
                    "sent": [_kept(letter) for letter in client.sent],
                }
                for client in self.mail.customers
            ],
        }

    def restore(self, saved: Mapping[str, object]) -> None:
        """Load a snapshot. Raise KeyError, TypeError or ValueError if it is not one."""
        customers = saved["customers"]
        if not isinstance(customers, list):
            raise TypeError("a snapshot of the mail has a list of customers")
        for each in customers:
            client = self.mail.customer(str(each["address"]), str(each["name"]))
            client.inbox[:] = [_letter(text) for text in each["inbox"]]
            client.sent[:] = [_letter(text) for text in each["sent"]]
        mailbox = saved.get("mailbox")
        self._saved = mailbox if isinstance(mailbox, dict) else None


def _kept(letter: Letter) -> str:
    return b64encode(letter.raw).decode()


def _letter(text: object) -> Letter:
    return Letter(b64decode(str(text)))
