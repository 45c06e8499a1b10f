"""A mail as the rest of the channel sees it."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

Fate = Literal["permanent", "delayed", "delivered"]
# A report by its form; something that reads like one; what a server writes about a mail that it brings back.
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
        """For comparing. Local parts are case-sensitive on paper only (RFC 5321, 2.4)."""
        return self.address.casefold()


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A file in a mail. `index` finds it again with `content(raw, index)` after the mail was put away."""

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

    original: str  # Message-ID of the mail it is about, with angle brackets; "" if it does not say
    recipient: str  # address; "" if it does not say
    status: str  # "5.1.1" (RFC 3463); "" if it does not say
    diagnostic: str  # one short line, addresses and links blotted out
    fate: Fate
    in_copy: bool | None = None  # whether the returned mail names the recipient in Cc; None: it is not there
    evidence: Evidence = "report"


@dataclass(frozen=True, slots=True)
class Trust:
    """Whether the domain in From vouches for the mail."""

    verified: bool
    how: Proof
    why: str  # for operators: methods and verdicts, never an address
    reply_to: bool = True  # False: whoever passed the mail on may have put its Reply-To there


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    message_id: str  # with angle brackets; "" where the mail has none
    digest: str  # SHA-256 of the bytes that were read, in hex: the mail's name where it has no other
    in_reply_to: tuple[str, ...]
    references: tuple[str, ...]  # oldest first
    subject: str
    sender: Mailbox
    to: tuple[Mailbox, ...]
    cc: tuple[Mailbox, ...]
    reply_to: tuple[Mailbox, ...]
    lists: frozenset[str]  # keys of those among all these who are lists and programs, and no people
    recipients: tuple[
        str, ...
    ]  # To, Cc, and what the servers noted: Delivered-To, X-Original-To, Envelope-To
    date: datetime | None  # aware
    new: str  # Markdown: what its author newly wrote
    quoted: str  # what was cut from it: quotes, attributions, signatures
    full: str  # Markdown: everything
    attachments: tuple[Part, ...]
    unread_files: tuple[str, ...]  # names of files that are more than are read
    forwarded: str | None  # who wrote the mail that it passes on, "" if unknown; None: it passes on none
    old_pictures: frozenset[str]  # Content-IDs of those which are shown only in what was cut: logos, quotes
    automatic: str  # "" for a person's mail, otherwise why not: see `robots`
    bounces: tuple[Bounce, ...]  # one for each recipient it reports
    returned: tuple[str, ...]  # Message-IDs within a report, of whatever comes back with it
    reaction: str  # the emoji that it is nothing but; "" for all others
    trust: Trust
    results_above: str  # the trusted server that wrote its results above its own Received line, or ""
    silent_servers: tuple[str, ...]  # trusted ones that took it from outside and wrote no results into it

    @property
    def bounce(self) -> Bounce | None:
        """The report that matters most."""
        order = {"permanent": 0, "delayed": 1, "delivered": 2}
        return min(self.bounces, key=lambda bounce: order[bounce.fate], default=None)
