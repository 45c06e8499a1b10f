"""Decide whether a person wrote a mail: RFC 3834, and what programs really send.

The first reason that fits counts: "report", "daemon", "auto-replied", "list", "newsletter", "bulk",
"auto-generated", "suppressed", "own", "no-reply", "no-sender". A reason does not judge the mail: it says that
nobody there reads an answer.
"""

import re
from collections.abc import Collection, Iterable

from connectors.email.reading.addresses import mailboxes
from connectors.email.reading.mail import Mailbox
from connectors.email.reading.structure import Headers

_DAEMONS = re.compile(
    r"^(?:mailer-?daemon|postmaster|mail-?daemon|mdaemon|bounces?|double-bounce|listserv|majordomo)(?:[+=-]|$)",
    re.I,
)
_NO_REPLY = re.compile(
    r"^(?:do[-_.]?not[-_.]?reply|no[-_.]?reply|noreply\d*|nao[-_.]?responda|nicht[-_.]?antworten"
    r"|ne[-_.]?pas[-_.]?repondre|no[-_.]?responder)\b|[-_.+](?:no[-_.]?reply|noreply)$",
    re.I,
)
# Names under which the programs of websites send what visitors fill in.
_WEBSITE = re.compile(
    r"^(?:wordpress|joomla|drupal|typo3|www-?data|apache\d?|httpd|nginx|web-?(?:site|server|forms?)"
    r"|forms?|form-?mail(?:er)?|contact-?forms?|kontakt-?formular)(?:\+|$)",
    re.I,
)
_REPLIED = ("x-autoreply", "x-autorespond", "x-autoresponder", "x-mail-autoreply", "x-auto-reply-from")
# Headers that list servers write, with or without List-Id (RFC 2919).
_LISTED = (
    "list-id", "list-post", "list-help", "list-subscribe", "list-owner", "list-archive", "mailing-list",
    "x-mailing-list", "x-mailinglist", "x-list", "x-listname", "x-list-name", "x-list-id", "x-ml-name",
    "x-beenthere", "x-mailman-version", "x-listserver", "x-listprocessor-version", "x-listmember",
    "x-sympa-to", "x-mlserver", "x-google-group-id", "x-yahoo-newman-property", "x-egroups-return",
    "x-campaign", "x-campaign-id", "x-campaignid", "x-phplist-version",
    "x-list-unsubscribe", "x-newsletter",
)  # fmt: skip
_LIST_OWNER = re.compile(r"^owner-|-owner(?:[+@]|$)|-(?:bounces|request|digest)(?:[+@]|$)|^listserv", re.I)
_DIGEST = re.compile(
    r"\bdigest,? vol(?:ume)?\.? ?\d+|^(?:reaction )?(?:daily|weekly|monthly) digest\b|^reaction daily digest",
    re.I,
)
_SUPPRESSED = re.compile(r"\b(?:all|autoreply|oof)\b", re.I)
# Subjects of absence notes from programs that set no header.
_ABSENT = re.compile(
    r"^\s*(?:automatic reply|auto(?:matic)?[- ]?(?:reply|response)|out of (?:the )?office"
    r"|automatische antwort|abwesenheits(?:notiz|nachricht)"
    r"|réponse automatique|respuesta automática|risposta automatica"
    r"|resposta automática|automatisch antwoord|autosvar|automatiskt svar|automatisk svar"
    r"|automaattinen vastaus|automatická odpověď|odpowiedź automatyczna|otomatik yanıt|автоответ"
    r"|автоматический ответ|автоматична відповідь|自動応答|自动答复|自動回覆|자동 회신)"
    r"(?:\s*[:：-]|\s*$|\s+(?:re|aw)\b)",
    re.I,
)


def automatic(headers: Headers, sender: Mailbox, *, own_addresses: Collection[str], is_report: bool) -> str:
    """Return why a mail was not written by a person, or "" if it was."""
    own = {address.casefold() for address in own_addresses}
    replied = replies_by_itself(headers)
    if is_report:
        return "report"
    return_path = headers.first("return-path")
    if return_path is not None and return_path.strip() == b"<>" and not replied:
        return "daemon"
    if is_daemon(sender):
        return "daemon"
    if replied == "auto-replied":
        return replied
    if many := _to_many(headers, own):
        return many
    if replied:
        return replied
    if any(
        _SUPPRESSED.search(value.decode("ascii", "replace"))
        for value in headers.all("x-auto-response-suppress")
    ):
        return "suppressed"
    if sender.address and _without_tag(sender.key) in own:
        return "own"
    if is_no_reply(sender):
        return "no-reply"
    return "" if sender.address else "no-sender"


def _to_many(headers: Headers, own: Collection[str]) -> str:
    """Return why a mail went to many people at once, or "" if it may have gone to us alone."""
    precedence, ours = headers.text("precedence").lower(), _own_list(headers, own)
    if (
        is_list(headers, own)
        or _DIGEST.search(headers.text("subject"))
        or (precedence == "list" and not ours)
    ):
        return "list"
    if "list-unsubscribe" in headers and not ours:
        return "newsletter"
    return "bulk" if precedence in ("bulk", "junk") and not ours else ""


def is_daemon(sender: Mailbox) -> bool:
    return _DAEMONS.match(sender.address.partition("@")[0]) is not None


def replies_by_itself(headers: Headers) -> str:
    """Return "auto-replied" for an answer of a program, "auto-generated" for another mail of one, else ""."""
    if _ABSENT.match(headers.text("subject")):
        return "auto-replied"
    for value in headers.all("auto-submitted"):
        keyword = re.split(rb"[\s;(]", value.strip(), maxsplit=1)[0].lower()
        if keyword == b"auto-replied":
            return "auto-replied"
        if keyword not in (b"no", b""):
            return "auto-generated"
    if any(name in headers for name in _REPLIED):
        return "auto-replied"
    if headers.text("precedence").lower() in ("auto_reply", "auto-reply"):
        return "auto-replied"
    vacation = "vacation" in headers.text("x-mailer").lower()
    if vacation or headers.text("x-autogenerated").lower() in ("reply", "forward"):
        return "auto-replied"
    return ""


def is_list(headers: Headers, own: Collection[str]) -> bool:
    listed = any(name in headers for name in _LISTED) or any(
        _LIST_OWNER.search(box.address.partition("@")[0])
        for box in mailboxes([*headers.all("sender"), *headers.all("errors-to")])
    )
    return listed and not _own_list(headers, own)


def lists(headers: Headers, boxes: Iterable[Mailbox]) -> frozenset[str]:
    """Return the keys of the mailboxes that are lists or programs, by what the headers name as a list."""
    named = _named_lists(headers)
    return frozenset(
        box.key
        for box in boxes
        if _is_within(box.key, named)
        or is_no_reply(box)
        or is_daemon(box)
        or _LIST_OWNER.search(box.address.partition("@")[0])
    )


def is_no_reply(mailbox: Mailbox) -> bool:
    return _NO_REPLY.search(mailbox.address.partition("@")[0]) is not None


def is_website(mailbox: Mailbox) -> bool:
    """Return whether a mailbox has a name under which websites send what visitors fill in."""
    return _WEBSITE.search(mailbox.address.partition("@")[0]) is not None


def _own_list(headers: Headers, own: Collection[str]) -> bool:
    """Return True if the list that a mail names is a group address of our own, such as support@.

    Customers who write to it see no list.
    """
    named = _named_lists(headers)
    return any(_is_within(address, named) for address in own)


def _named_lists(headers: Headers) -> str:
    return " ".join(headers.text(name)[:1_000] for name in _LISTED).casefold()


def _is_within(address: str, named: str) -> bool:
    """Return True if `named` contains the address. A List-Id has a dot in place of the @."""
    return address in named or address.replace("@", ".", 1) in named


def _without_tag(address: str) -> str:
    local, at, domain = address.rpartition("@")
    return local.partition("+")[0] + at + domain
