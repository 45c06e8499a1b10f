"""A mail as a mail client shows it."""

from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import getaddresses, parseaddr

from connectors.sandbox.snapshots import Bytes


@dataclass(frozen=True, slots=True)
class File:
    name: str
    mime_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Letter:
    raw: Bytes

    @property
    def message(self) -> EmailMessage:
        parsed = message_from_bytes(self.raw, policy=policy.default)
        if not isinstance(parsed, EmailMessage):
            raise TypeError("the default policy makes EmailMessages")
        return parsed

    def header(self, name: str) -> str:
        return str(self.message.get(name, ""))

    @property
    def message_id(self) -> str:
        return self.header("Message-ID").strip()

    @property
    def subject(self) -> str:
        return self.header("Subject")

    @property
    def sender(self) -> tuple[str, str]:
        """Return the name and the address in From."""
        return parseaddr(self.header("From"))

    @property
    def recipients(self) -> list[str]:
        """Return the addresses of To and Cc."""
        return [address for _, address in getaddresses([self.header("To"), self.header("Cc")]) if address]

    @property
    def text(self) -> str:
        return self._body("plain")

    @property
    def html(self) -> str:
        return self._body("html")

    @property
    def files(self) -> list[File]:
        found = []
        for part in self.message.iter_attachments():
            content = part.get_payload(decode=True)
            if isinstance(content, bytes):
                found.append(File(part.get_filename() or "", part.get_content_type(), content))
        return found

    def _body(self, kind: str) -> str:
        part = self.message.get_body((kind,))
        return "" if part is None else str(part.get_content()).replace("\r\n", "\n")
