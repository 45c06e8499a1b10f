"""Build an answer as the bytes of a mail.

The same delivery gives the same bytes, whichever replica sends it.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.header import Header
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, formataddr
from html import escape
from re import compile as pattern

from bot.core.errors import Refused
from bot.core.events import Attachment
from bot.core.outbound import Speaker
from connectors.email.capabilities import MAX_FILES
from connectors.email.context import ReplyContext
from connectors.rendering import FilePart, Part, TextPart, to_html, to_plain

_MAX_NAME = 60  # the longest name in a header, in characters
_MESSAGE_ID = pattern(r"<[!-;=?-~]{1,248}>")  # printable ASCII without angle brackets and blanks
_MIME_TYPE = pattern(r"(?!message/|multipart/)([A-Za-z0-9!#$&^_.+-]{1,80})/([A-Za-z0-9!#$&^_.+-]{1,80})")
_CONTROL = pattern(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_REPLY = pattern(r"(?i)(re|aw|sv|antw|r[ée]f?|rv|odp)\s*(\[\d+\])?\s*:")
_FONT = "font-family:-apple-system,'Segoe UI',Helvetica,Arial,sans-serif;font-size:15px;line-height:1.5"
_POLICY = SMTP.clone(cte_type="7bit")


@dataclass(frozen=True, slots=True)
class Sheet:
    """The text and the files of one mail."""

    markdown: str
    files: tuple[Attachment, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Letterhead:
    """The name and signature on mails of the organization."""

    address: str
    name: str = ""
    signature: str = ""


@dataclass(frozen=True, slots=True)
class File:
    name: str
    mime_type: str
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    message_id: str
    reply_to: str
    at: datetime
    speaker: Speaker | None
    subject: str = ""  # replaces the answered mail's subject; then nothing of that mail is repeated


def sheets(parts: Sequence[Part]) -> tuple[Sheet, ...]:
    """Divide the parts of an answer into mails.

    Files travel with the text before them, up to the size limit of a mail.
    """
    made: list[Sheet] = []
    room = 0
    for part in parts:
        if isinstance(part, TextPart):
            made.append(Sheet(part.markdown))
            room = MAX_FILES
        elif isinstance(part, FilePart):
            size = MAX_FILES if part.attachment.size is None else part.attachment.size
            if not made or size > room:
                made.append(Sheet(""))
                room = MAX_FILES
            made[-1] = Sheet(made[-1].markdown, (*made[-1].files, part.attachment))
            room -= size
    return tuple(made)


def compose(
    markdown: str, files: Sequence[File], context: ReplyContext, envelope: Envelope, letterhead: Letterhead
) -> bytes:
    """Build a mail from an answer. Return its bytes.

    Raise Refused if a mail address is not valid in a mail.
    """
    if envelope.subject:
        # A forger chose everything in the mail that we answer, also its Message-ID. With the Message-ID of a
        # mail that our reader has, our answer would appear in that mail's thread.
        context = ReplyContext(thread=context.thread, address=context.address, to=context.to)
    message = EmailMessage(policy=_POLICY)
    message["Subject"] = _clean(envelope.subject, 400) or _subject(context)
    message["Date"] = format_datetime(envelope.at)
    markdown = markdown or "\n".join(f"- {file.name}" for file in files)
    message.set_content(_plain(markdown, context, letterhead), cte="quoted-printable")
    message.add_alternative(_rich(markdown, context, letterhead), subtype="html", cte="quoted-printable")
    for file in files:
        # A file of the type message/rfc822 may not be encoded, so it is sent as an unspecific type.
        carried = _MIME_TYPE.fullmatch(file.mime_type)
        kind, subtype = carried.groups() if carried else ("application", "octet-stream")
        message.add_attachment(
            file.content,
            maintype=kind,
            subtype=subtype,
            filename=_clean(file.name, 120) or "file",
        )
    seed = hashlib.sha256(envelope.message_id.encode()).hexdigest()[:24]
    for number, part in enumerate(each for each in message.walk() if each.is_multipart()):
        part.set_boundary(f"={seed}={number}")
    return _head(context, envelope, letterhead) + message.as_bytes()


def _head(context: ReplyContext, envelope: Envelope, letterhead: Letterhead) -> bytes:
    """Build the headers with addresses and Message-IDs.

    The library would fold or encode them, which is not allowed.
    """
    name = _signed_name(envelope.speaker, letterhead.name)
    lines = [
        f"From: {_address(name, letterhead.address)}",
        f"To: {_address(context.name, context.to)}",
        f"Message-ID: {envelope.message_id}",
        f"Reply-To: {_address(letterhead.name, envelope.reply_to)}",
        "x-ms-reactions: disallow",  # otherwise Outlook sends a mail for each reaction
    ]
    if context.cc:
        lines.append("Cc: " + ",\r\n ".join(_address("", each) for each in context.cc))
    answered = context.in_reply_to if _MESSAGE_ID.fullmatch(context.in_reply_to) else ""
    if answered:
        lines.append(f"In-Reply-To: {answered}")
    if known := [each for each in context.references if _MESSAGE_ID.fullmatch(each)]:
        lines.append("References: " + "\r\n ".join(known))
    if not by_person(envelope.speaker):
        # RFC 3834 section 3.1.7, and the header that Exchange obeys.
        replied = answered or envelope.subject
        lines.append(f"Auto-Submitted: {'auto-replied' if replied else 'auto-generated'}")
        lines.append("X-Auto-Response-Suppress: All")
    return ("\r\n".join(lines) + "\r\n").encode("ascii")


def by_person(speaker: Speaker | None) -> bool:
    return speaker is not None and speaker.human


def in_ascii(address: str) -> str:
    """Return a mail address in the form that SMTP without SMTPUTF8 accepts. Raise Refused if it has none."""
    local, _, domain = address.rpartition("@")
    try:
        plain = f"{local}@{domain.encode('idna').decode()}"
        plain.encode("ascii")
    except UnicodeError:
        raise Refused("smtputf8: the address has letters that mail servers do not take") from None
    if not local or _CONTROL.search(plain) or any(each in plain for each in ' <>,;"'):
        raise Refused("bad_address: that is not an address")
    return plain


def _address(name: str, address: str) -> str:
    clean = _clean(name, _MAX_NAME)
    if not clean or clean.isascii():
        return formataddr((clean, in_ascii(address)))
    # Encoded words have at most 75 characters (RFC 2047 section 2). `formataddr` makes longer ones.
    words = Header(clean, "utf-8", maxlinelen=75, header_name="Reply-To").encode(linesep="\r\n")
    return f"{words} <{in_ascii(address)}>"


def _signed_name(speaker: Speaker | None, organization: str) -> str:
    if speaker is None or not speaker.name or speaker.name == organization:
        return organization
    return f"{speaker.name} ({organization})" if organization else speaker.name


def _subject(context: ReplyContext) -> str:
    subject = _clean(context.subject, 400)
    if not context.in_reply_to or _REPLY.match(subject):
        return subject
    return f"Re: {subject}".strip()


def _plain(markdown: str, context: ReplyContext, letterhead: Letterhead) -> str:
    pieces = [to_plain(markdown)]
    if letterhead.signature:
        pieces.append(f"-- \n{to_plain(letterhead.signature)}")
    if context.quoted:
        cited = "\n".join(f"> {line}".rstrip() for line in to_plain(context.quoted).splitlines())
        pieces.append(f"{_attribution(context)}\n{cited}")
    return "\n\n".join(pieces) + "\n"


def _rich(markdown: str, context: ReplyContext, letterhead: Letterhead) -> str:
    signature = quoted = ""
    if letterhead.signature:
        signature = f'<div style="margin-top:24px;color:#667085">{to_html(letterhead.signature)}</div>'
    if context.quoted:
        quoted = (
            f'<div class="gmail_quote" style="margin-top:24px"><div class="gmail_attr">'
            f'{escape(_attribution(context))}</div><blockquote type="cite" class="gmail_quote" '
            'style="margin:0 0 0 8px;border-left:2px solid #d0d5dd;padding-left:12px;color:#667085">'
            f"{to_html(context.quoted)}</blockquote></div>"
        )
    return (
        '<!doctype html><html><head><meta charset="utf-8"></head>'
        f'<body style="margin:0;padding:16px;color:#101828;{_FONT}">'
        f'<div style="max-width:640px">{to_html(markdown)}{signature}{quoted}</div></body></html>\n'
    )


def _attribution(context: ReplyContext) -> str:
    """Return the line above a quoted mail, in the form that mail programs and parsing libraries recognize."""
    who = f"{context.name} <{context.address}>" if context.name else context.address
    try:
        at = datetime.fromisoformat(context.at).strftime("%a, %d %b %Y at %H:%M")
    except ValueError:
        return f"{who} wrote:"
    return f"On {at}, {who} wrote:"


def _clean(text: str, limit: int) -> str:
    return _CONTROL.sub(" ", text.encode("utf-8", "replace").decode()).strip()[:limit]
