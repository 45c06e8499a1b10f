"""A mailbox at a real SMTP and IMAP server, and the mail program of one customer."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass

from bot.core.connector import AccountSettings, RawRequest
from bot.core.errors import PlatformDown
from bot.core.events import AttachmentKind
from connectors.email import channel
from connectors.email.connector import EmailConnector
from connectors.sandbox.mail import Customer, File, Letter, MailServer
from tests.connectors.contract.platform import Bubble, NotingInbox, Platform, Script
from tests.connectors.resources import memory_resources

ADDRESS, PASSWORD = "support@brightdesk.example", "a-password"
SUBJECT = "A question"


@dataclass
class Email(Platform):
    server: MailServer = None  # type: ignore[assignment]
    maya: Customer = None  # type: ignore[assignment]
    _gone: bool = False

    def forged(self) -> Sequence[RawRequest]:
        return ()  # nobody knocks: mails are fetched

    async def forge(self) -> str:
        return (await self.maya.write(SUBJECT, "Let me in", to=ADDRESS, verdict="fail")).message_id

    def empty(self) -> Sequence[RawRequest]:
        return ()

    async def tell_unknown(self) -> None:
        await self.maya.send_raw(b"\xff\xfe\x00 this is no mail\r\n", to=ADDRESS)

    async def say(self, text: str) -> str:
        return (await self.maya.write(SUBJECT, text, to=ADDRESS)).message_id

    async def attach(self, kind: AttachmentKind, content: bytes, mime_type: str) -> tuple[str, bytes]:  # noqa: ARG002
        file = File("a file", mime_type, content)
        letter = await self.maya.write(SUBJECT, "See the file", to=ADDRESS, attachments=[file])
        return letter.message_id, content

    async def leave(self) -> None:
        self._gone = True

    async def robot(self) -> None:
        await self.maya.write(
            SUBJECT, "I am on holiday", to=ADDRESS, headers={"Auto-Submitted": "auto-replied"}
        )

    def shown(self) -> list[Bubble]:
        return [_bubble(letter) for letter in self.maya.inbox]

    def is_post(self, call: str) -> bool:
        return call == "DATA"

    def is_download(self, call: str) -> bool:  # noqa: ARG002
        return False  # IMAP does not ask for faults: `no_downloads` has its own

    @contextmanager
    def no_downloads(self) -> Iterator[None]:
        self.server.change_password(ADDRESS, "another-password")
        yield
        self.server.change_password(ADDRESS, PASSWORD)

    async def settled(self) -> None:
        if self._gone and self.maya.inbox:
            await self.maya.bounce(self.maya.inbox.pop())

    @property
    def rate_limit(self) -> type[PlatformDown]:
        # SMTP has one word for all that passes: 4xx, "try again" (RFC 5321 section 4.2.1).
        return PlatformDown

    def told_to_wait(self, seconds: float) -> float:  # noqa: ARG002
        return 1.0


def _bubble(letter: Letter) -> Bubble:
    """Return the new part of a mail: the quotation of what the customer wrote is left out."""
    new = letter.text.partition(" wrote:\n")[0]
    attribution = new.rfind("\nOn ")
    files = letter.files
    return Bubble(
        id=letter.message_id,
        text=(new[:attribution] if attribution >= 0 else new).strip(),
        file=files[0].content if files else None,
        links=letter.html,
    )


async def _no_dns(name: str) -> tuple[bytes, ...]:
    return ()


async def _short(seconds: float) -> None:
    await asyncio.sleep(0.01)


@asynccontextmanager
async def email() -> AsyncIterator[Platform]:
    script, inbox, resources = Script(), NotingInbox(), memory_resources()
    async with MailServer(faults=script, files_sent=True) as server:
        server.program = "plain"  # a mail with HTML starts a process that reads it
        await server.add_account(ADDRESS, PASSWORD)
        settings = AccountSettings(
            account="support",
            serves="customers",
            mode="polling",
            secrets={"password": PASSWORD},
            options={
                "address": ADDRESS,
                "imap": f"127.0.0.1:{server.imap.port}",
                "smtp": f"127.0.0.1:{server.smtp.port}",
                "security": "none",
                "trusted_servers": server.authserv,
                "sent": "Sent",
            },
        )
        connector = EmailConnector(settings, resources, look_up=_no_dns, pause=_short)
        listening = asyncio.create_task(connector.listen(inbox))
        maya = server.customer("maya@customer.example", "Maya Fischer")
        try:
            await resources.vault.until_known("uid:INBOX")  # from then on mails are new
            yield Email(channel, connector, inbox, resources, script, server=server, maya=maya)
        finally:
            listening.cancel()
            with suppress(asyncio.CancelledError):
                await listening
            await connector.close()
