"""A mail as the other modules of the email connector see it."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

Fate = Literal["permanent", "delayed", "delivered"]
# A report by its form; a text that reads like one; what a server writes about a mail that it returns.
Evidence = Literal["report", "words", "sender"]
Proof = Literal["dmarc", "dkim", "spf", "none"]


@dataclass(frozen=True, slots=True)
class Mailbox:
    """An address and the name written beside it. The name proves nothing."""

    address: str  # domain in ASCII and lower case, local part as it was written; "" where there was none
    name: str = ""

    @property
    def domain(self) -> str:
        return self.address.rpartition("@")[2]

    @property
    def key(self) -> str:
        """Return the address in the form used to compare.

        Nobody treats local parts as case-sensitive (RFC 5321, 2.4).
        """
        return self.address.casefold()


@dataclass(frozen=True, slots=True, kw_only=True)
class MailFile:
    """A file in a mail. `files` returns its bytes at `index`, also after the mail was stored."""

    index: int
    name: str  # without folders and control characters, never empty
    mime: str  # as the sender claims
    size: int  # bytes, decoded
    content_id: str = ""  # without angle brackets
    inline: bool = False  # shown within the text
    data: bytes = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounce:
    """A delivery report (RFC 3464, or one in words) about one recipient."""

    original: str  # Message-ID of the bounced mail, with angle brackets; "" if the report does not say
    recipient: str  # address; "" if the report does not say
    status: str  # "5.1.1" (RFC 3463); "" if the report does not say
    diagnostic: str  # one short line, without addresses and links
    fate: Fate
    in_copy: bool | None = None  # whether the returned mail has the recipient in Cc; None: that is unknown
    evidence: Evidence = "report"


@dataclass(frozen=True, slots=True)
class Trust:
    """The judgement whether the domain in From authenticates the mail."""

    verified: bool
    how: Proof
    why: str  # for operators: methods and verdicts, never an address
    reply_to: bool = True  # False: a relay or forwarder may have added the Reply-To


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    message_id: str  # with angle brackets; "" where the mail has none
    digest: str  # SHA-256 of the bytes, in hex: names a mail that has no Message-ID
    in_reply_to: tuple[str, ...]
    references: tuple[str, ...]  # oldest first
    subject: str
    sender: Mailbox
    to: tuple[Mailbox, ...]
    cc: tuple[Mailbox, ...]
    reply_to: tuple[Mailbox, ...]
    lists: frozenset[str]  # keys of those mailboxes above that are lists or programs, not people
    recipients: tuple[
        str, ...
    ]  # To, Cc, and what the servers noted: Delivered-To, X-Original-To, Envelope-To
    date: datetime | None  # aware
    new: str  # Markdown: what its author newly wrote
    quoted: str  # what was cut: quotes, attributions, signatures
    full: str  # Markdown: everything
    attachments: tuple[MailFile, ...]
    unread_files: tuple[str, ...]  # names of files beyond the limit
    forwarded: str | None  # author of the forwarded mail, "" if unknown; None: nothing is forwarded
    old_pictures: frozenset[str]  # Content-IDs of pictures shown only in what was cut
    automatic: str  # "" for a person's mail, otherwise why not: see `robots`
    bounces: tuple[Bounce, ...]  # one for each recipient in the report
    returned: tuple[str, ...]  # Message-IDs of returned mails within a report
    reaction: str  # the emoji, if the mail is nothing else; otherwise ""
    trust: Trust
    results_above: str  # the trusted server that wrote its results above its own Received line, or ""
    silent_servers: tuple[str, ...]  # trusted servers that took the mail from outside and wrote no results

    @property
    def bounce(self) -> Bounce | None:
        """Return the most important of the bounces, or None."""
        order = {"permanent": 0, "delayed": 1, "delivered": 2}
        return min(self.bounces, key=lambda bounce: order[bounce.fate], default=None)
