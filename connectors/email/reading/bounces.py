"""Delivery reports: RFC 3464, and those that Exim and qmail write in words."""

import re
from collections.abc import Sequence

from connectors.email.reading.addresses import mailboxes
from connectors.email.reading.decoding import decode
from connectors.email.reading.mail import Bounce, Fate
from connectors.email.reading.structure import Headers, Node, read_headers

MAX_RECIPIENTS = 50
_MAX_TEXT = 200_000
_MAX_DIAGNOSTIC = 200

_STATUS_TYPES = ("message/delivery-status", "message/global-delivery-status", "text/delivery-status")
_STATUS = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b")
_CODE = re.compile(r"(?:^|[\s#(:])([45])\d{2}[\s-]")
_ADDRESS = re.compile(r"<?[^\s<>@,;:()\"']{1,128}@[^\s<>@,;()\"']{1,255}>?")
_LINK = re.compile(r"\b(?:https?://|www\.)\S+", re.I)
_MESSAGE_ID = re.compile(r"^message-id:\s*(<[^\s<>]{1,900}>)", re.I | re.M)
_QUOTED_WORDS = re.compile(r"[\"'][^\"']{0,200}[\"']")

_QMAIL = re.compile(r"This is the qmail-send program|^Hi\. This is the", re.M)
_QMAIL_RECIPIENT = re.compile(r"^<([^\s<>@]{1,128}@[^\s<>]{1,255})>:\n((?:.+\n?){1,6})", re.M)
_EXIM = re.compile(
    r"could not be delivered to (?:one or more|all) of its recipients|has not yet been delivered", re.I
)
_COPY_BEGINS = re.compile(
    r"^-{2,}.*(?:copy of the|Below this line|original message|returned message)", re.I | re.M
)


def bounces(root: Node, text: str) -> tuple[Bounce, ...]:
    """What the mail reports, one for each recipient; nothing if it is no report. `text` is its readable
    part.
    """
    found = _structured(root)
    if not found:
        found = _worded(root, text[:_MAX_TEXT])
    return tuple(found[:MAX_RECIPIENTS])


def is_report(root: Node, *, by_server: bool) -> bool:
    """Also of a read receipt (RFC 8098), which is no bounce and no person's mail either.

    `by_server`: the mail is from a daemon. A person who passes a report on, part by part, reports nothing.
    """
    return root.mime == "multipart/report" or (
        by_server
        and any(
            child.mime in ("message/delivery-status", "message/disposition-notification")
            for child in root.children
        )
    )


def _structured(root: Node) -> list[Bounce]:
    status = next((node for node in root.walk() if node.mime in _STATUS_TYPES), None)
    if status is None:
        return []
    returned = _returned(root)
    original = returned.text("message-id")
    copied = {box.key for box in mailboxes(returned.all("cc"))}
    found: list[Bounce] = []
    groups = _groups(status.decoded()[:_MAX_TEXT])
    for group in groups:
        fate = _fate(group)
        if fate is None:
            continue
        diagnostic = group.text("diagnostic-code")
        code = _STATUS.search(group.text("status")) or _STATUS.search(diagnostic)
        recipient = _address(group.text("original-recipient") or group.text("final-recipient"))
        found.append(
            Bounce(
                original=original or groups[0].text("x-original-message-id"),
                recipient=recipient,
                status=code[1] if code else "",
                diagnostic=safe(diagnostic.partition(";")[2] or diagnostic),
                fate=fate,
                in_copy=recipient.casefold() in copied if returned.fields else None,
            )
        )
    return found


def _groups(data: bytes) -> list[Headers]:
    """Groups of fields with empty lines between them: one for the mail, then one for each recipient."""
    chunks = re.split(rb"(?:\r?\n[ \t]*){2,}", data.strip())
    return [read_headers(chunk)[0] for chunk in chunks[: MAX_RECIPIENTS + 1]]


def _fate(group: Headers) -> Fate | None:
    match group.text("action").lower().split(" ")[0]:
        case "failed":
            return "permanent"
        case "delayed":
            return "delayed"
        case "delivered" | "relayed" | "expanded":
            return "delivered"
        case _:
            return None


def _returned(root: Node) -> Headers:
    """The headers of the mail that comes back with the report, as far as they do."""
    for node in root.walk():
        if node is root:
            continue
        if node.mime in ("message/rfc822", "message/global") and node.children:
            return node.children[0].headers
        if node.mime in (
            "text/rfc822-headers",
            "message/rfc822",
            "message/global-headers",
            "message/rfc822-headers",
        ):
            return read_headers(node.decoded()[:_MAX_TEXT].lstrip(b"\r\n"))[0]
    return Headers()


def _worded(root: Node, text: str) -> list[Bounce]:
    headers = root.headers
    failed = [_address(part) for part in headers.text("x-failed-recipients").split(",") if part.strip()]
    copy = _COPY_BEGINS.search(text)
    said, returned = (text[: copy.start()], text[copy.start() :]) if copy else (text, "")
    message_id = _MESSAGE_ID.search(returned)
    original = message_id[1] if message_id else _returned(root).text("message-id")
    if failed or _EXIM.search(said):
        fate: Fate = "delayed" if "has not yet been delivered" in said.lower() else "permanent"
        recipients: Sequence[str] = failed or [
            _address(match[0]) for match in list(_ADDRESS.finditer(said))[-1:]
        ]
        reason = max(
            (line for line in said.splitlines() if _STATUS.search(line) or _CODE.search(line)),
            key=len,
            default="",
        )
        return [_plain(original, recipient, reason, fate) for recipient in recipients]
    if _QMAIL.search(said):
        return [
            _plain(original, match[1], match[2].replace("\n", " "), "permanent")
            for match in _QMAIL_RECIPIENT.finditer(said)
        ]
    return []


def _plain(original: str, recipient: str, reason: str, fate: Fate) -> Bounce:
    status = _STATUS.search(reason)
    return Bounce(
        original=original,
        recipient=recipient,
        status=status[1] if status else "",
        diagnostic=safe(reason),
        fate=fate,
    )


def _address(value: str) -> str:
    """`rfc822; someone@example.com`"""
    found = _ADDRESS.search(value.rpartition(";")[2])
    return found[0].strip("<>") if found else ""


def safe(diagnostic: str) -> str:
    """What may be shown and kept: no addresses, no links, nothing a server repeated in quotation marks."""
    text = " ".join(decode(diagnostic.encode("utf-8", "replace"), "utf-8").split())
    for pattern, instead in ((_LINK, "…"), (_ADDRESS, "…"), (_QUOTED_WORDS, "…")):
        text = pattern.sub(instead, text[:2_000])
    return text if len(text) <= _MAX_DIAGNOSTIC else text[: _MAX_DIAGNOSTIC - 1] + "…"
