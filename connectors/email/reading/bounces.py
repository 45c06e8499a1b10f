"""Read delivery reports: those of RFC 3464, and those that servers write in free text.

A Message-ID within a report says which mail it is about. Only the owner of that Message-ID can tell whether
it is ours, so `returned_ids` returns all of them. A mail that only reads like a report is one if it returns a
mail of ours.
"""

import re
from collections.abc import Iterator, Sequence

from connectors.email.reading.addresses import mailboxes
from connectors.email.reading.decoding import decode
from connectors.email.reading.mail import Bounce, Evidence, Fate
from connectors.email.reading.structure import Headers, MimePart, read_headers

MAX_RECIPIENTS = 50
_MAX_TEXT = 200_000
_MAX_SAID = 20_000  # characters of the report's own text
_MAX_LINE = 1_000
_MAX_DIAGNOSTIC = 200

_STATUS_TYPES = ("message/delivery-status", "message/global-delivery-status", "text/delivery-status")
_OTHER_REPORTS = ("message/disposition-notification", "message/feedback-report")
_STATUS = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b")
_CODE = re.compile(r"(?:^|[\s#(:])([45])\d{2}[\s-]")
_ADDRESS = re.compile(r"<?[^\s<>@,;:()\"']{1,128}@[^\s<>@,;()\"']{1,255}>?")
_LINK = re.compile(r"\b(?:https?://|www\.)\S+", re.I)
# A Message-ID as a header, in a quoted line, shown in HTML, or folded behind the name.
_MESSAGE_ID = re.compile(
    rb"(?:message|nachrichten|bericht)[ -]?id\b[^<&\w]{0,40}(?:<[^<>]{1,40}>[^<&\w]{0,20}){0,3}"
    rb"(?:<|&lt;)([^\s<>&\"]{1,900}?)(?:>|&gt;)",
    re.I,
)
_MAX_IDS = 50
_QUOTED_WORDS = re.compile(r"[\"'][^\"']{0,200}[\"']")

_QMAIL = re.compile(r"This is the qmail-send program|^Hi\. This is the", re.M)
_QMAIL_RECIPIENT = re.compile(r"^<([^\s<>@]{1,128}@[^\s<>]{1,255})>:\n((?:.+\n?){1,6})", re.M)
_EXIM = re.compile(
    r"could not be delivered to (?:one or more|all) of its recipients|has not yet been delivered", re.I
)
_COPY_BEGINS = re.compile(
    r"^[-*_=]{2}[^\n]{0,200}?(?:copy of the|Below this line|original (?:message|mail)"
    r"|returned (?:message|mail)|source mail|unsent message|forwarded message|message header)"
    r"|^(?:return-path|received): ",
    re.I | re.M,
)
# Wordings in the subject, or above the returned mail.
_FAILED = re.compile(
    r"undeliver|non-?delivery|(?:could|can|was|were|been) ?(?:not|n['’]t) (?:be )?(?:delivered|sent|accepted)"
    r"|cannot be (?:delivered|sent)|not (?:be |been )?delivered|(?:unable|failed) to (?:deliver|send)"
    r"|deliver(?:y|ing)[^.\n]{0,40}(?:fail|error|problem)|(?:fail|error)[^.\n]{0,40}(?:delivery|mail|notice)"
    r"|returned mail|return(?:ed|ing) (?:message )?to sender|mail(?:ing)? error|user unknown|unknown user"
    r"|no such (?:user|mailbox|address)|invalid (?:recipient|address)|rejected|bounced"
    r"|mailbox (?:is )?(?:full|unavailable|disabled|not found)"
    r"|address(?:es)? had|not listed in"
    r"|unzustellbar|nicht (?:\w{1,30} ){0,3}(?:zugestellt|zustellbar)|zustellung[^.\n]{0,40}(?:fehl|nicht)"
    r"|zustellfehler|unbekannter empfänger|empfänger unbekannt|existiert nicht"
    r"|non (?:remis|distribu|délivr)|n['’]a pas pu être|échec (?:de|d['’])|non[- ]remise|impossible d"
    r"|no se (?:ha )?(?:pud|pued|entreg)|no entregad|error (?:de|en la) entrega|devuelto"
    r"|mancata consegna|non (?:è stato possibile|recapit|consegnat|può essere)|impossibile recapitare"
    r"|não (?:foi possível|pôde|pode|foi) |falha na entrega|não entregue"
    r"|onbestelbaar|niet (?:\w{1,30} )?(?:bezorgd|afgeleverd|bezorgen)"
    r"|kunde inte levereras|kunne ikke leveres|ikke (?:blev )?leveret|oleverer|uleverbar"
    r"|ei voitu toimittaa|toimitus"
    r"|niedostarcz|nie (?:\w{1,30} ){0,3}dostarcz|nedoručit|nelze doručit|kézbesít|nu a putut fi livrat"
    r"|teslim edileme|iletileme|не (?:\w{1,30} ){0,3}доставл|недостав|не удалось|невозможно доставить"
    r"|配信(?:でき|不能|エラー|失敗)|送信でき|送信されません|届けられ|届きません|宛先不明|不達|あて先|エラーメール"
    r"|无法(?:投递|送达|发送)|投递失败|退信|未(?:能)?送达|無法(?:傳遞|投遞|送達|寄送)|退件"
    r"|배달되지|전송(?:하지|되지| 실패)|반송",
    re.I,
)
_DELIVERED = re.compile(
    r"success(?:ful(?:ly)?)?[^.\n]{0,40}(?:deliver|relay)|(?:deliver|relay)\w{0,5}[^.\n]{0,60}success"
    r"|has been delivered|was delivered|wurde zugestellt|a été remis",
    re.I,
)
# The mail may still arrive.
_DELAYED = re.compile(
    r"not yet been delivered|will (?:keep|continue)|(?:still|being) (?:be(?:ing)? )?(?:re)?tr(?:ied|ying)"
    r"|(?:delivery|message|mail) (?:is |has been |was )?(?:temporarily )?delay|\(delay\)|delayed mail"
    r"|delivery warning|postponed|deferred|warning: (?:could|message)|warning message only"
    r"|(?:do not|don['’]t) need to (?:re-?send|do anything)|no action is required"
    r"|verzöger|noch nicht zugestellt|retardé|retard de|retras|demor|ritard|atras|vertraagd"
    r"|fördröj|forsink|задерж|opóźni|遅延|遅れ|延迟|延遲|지연",
    re.I,
)
_GIVEN_UP = re.compile(
    r"giv(?:e|en|ing) up|will not be retried|no (?:further|more) (?:attempts|tries)|expired|too long", re.I
)


def bounces(root: MimePart, text: str, *, by_server: bool, by_daemon: bool) -> tuple[Bounce, ...]:
    """Return what a mail reports, one `Bounce` for each recipient. Return nothing if the mail is no report.

    `text` is the readable part of the mail. `by_server` says that no person sent it. `by_daemon` says that
    the author is a mail daemon, not only that the envelope says so.
    """
    text = text[:_MAX_TEXT]
    found = _structured(root) if by_server else []
    if not found and by_server:
        found = _worded(root, text)
    if not found:
        found = _reading_like_one(root, text, by_server=by_server, by_daemon=by_daemon)
    return tuple(found[:MAX_RECIPIENTS])


def returned_ids(root: MimePart) -> tuple[str, ...]:
    """Return all Message-IDs within a mail, the innermost first."""
    found: dict[str, None] = {}
    for node in reversed([node for node in root.walk() if node is not root]):
        for value in node.headers.all("message-id"):
            found.update(dict.fromkeys(_named(b"message-id: " + value)))
    for node in root.walk():
        if not node.children:
            found.update(dict.fromkeys(_named(node.decoded()[:_MAX_TEXT])))
    return tuple(found)[:_MAX_IDS]


def _named(data: bytes) -> Iterator[str]:
    for match in _MESSAGE_ID.finditer(data):
        yield f"<{match[1].decode('utf-8', 'replace')}>"


def is_report(root: MimePart, *, by_server: bool) -> bool:
    """Return True for a report.

    A read receipt (RFC 8098) also counts: it is no bounce, but no person wrote it.

    `by_server` says that a daemon sent the mail. A person who forwards the parts of a report reports nothing.
    """
    return root.mime == "multipart/report" or (
        by_server
        and any(
            child.mime in ("message/delivery-status", "message/disposition-notification")
            for child in root.children
        )
    )


def _structured(root: MimePart) -> list[Bounce]:
    """Return the bounces of all lists of recipients.

    Each server may add its own list to that of the next one.
    """
    found: dict[str, Bounce] = {}
    returned = _returned(root)
    for node in root.walk():
        if node.mime in _STATUS_TYPES:
            for bounce in _listed(node, returned):
                known = found.get(bounce.recipient)
                if known is None or known.fate != "permanent":
                    found[bounce.recipient] = bounce
    return list(found.values())


def _listed(status: MimePart, returned: Headers) -> Iterator[Bounce]:
    original = returned.text("message-id")
    copied = {box.key for box in mailboxes(returned.all("cc"))}
    groups = _groups(status.decoded()[:_MAX_TEXT])
    for group in groups:
        fate = _fate(group)
        if fate is None:
            continue
        diagnostic = group.text("diagnostic-code")
        code = _STATUS.search(group.text("status")) or _STATUS.search(diagnostic)
        recipient = _address(group.text("original-recipient") or group.text("final-recipient"))
        yield Bounce(
            original=original or groups[0].text("x-original-message-id"),
            recipient=recipient,
            status=code[1] if code else "",
            diagnostic=safe(diagnostic.partition(";")[2] or diagnostic),
            fate=fate,
            in_copy=recipient.casefold() in copied if returned.fields else None,
        )


def _groups(data: bytes) -> list[Headers]:
    """Return the groups of fields between empty lines: one for the mail, then one for each recipient."""
    chunks = re.split(rb"(?:\r?\n[ \t]*){2,}", data.strip())
    return [read_headers(chunk)[0] for chunk in chunks[: MAX_RECIPIENTS + 1]]


def _fate(group: Headers) -> Fate | None:
    """Return what happened to the mail for one recipient: by the action, or by the status if RFC 3464 has no
    such action.

    Return None if neither says it.
    """
    said = re.match(r"\w*", group.text("action").lower().strip(" \"'"))
    match said[0] if said else "":
        case "failed" | "failure" | "fail" | "expired" | "undeliverable" | "error":
            return "permanent"
        case "delayed":
            return "delayed"
        case "delivered" | "relayed" | "expanded":
            return "delivered"
        case _:
            if "final-recipient" not in group and "original-recipient" not in group:
                return None
            fates: dict[str, Fate] = {"2": "delivered", "4": "delayed", "5": "permanent"}
            return fates.get(group.text("status")[:1])


def _returned(root: MimePart) -> Headers:
    """Return the headers of the mail that the report returns, as far as it contains them."""
    for node in reversed([node for node in root.walk() if node is not root]):
        if node.mime.startswith("message/") and node.children:
            return node.children[0].headers
        if node.mime in (
            "text/rfc822-headers",
            "message/rfc822",
            "message/global-headers",
            "message/rfc822-headers",
        ):
            return read_headers(node.decoded()[:_MAX_TEXT].lstrip(b"\r\n"))[0]
    return Headers()


def _worded(root: MimePart, text: str) -> list[Bounce]:
    headers = root.headers
    failed = [_address(part) for part in headers.text("x-failed-recipients").split(",") if part.strip()]
    said, returned = _divided(root, text)
    original = returned.text("message-id")
    plain = " ".join(said.split())
    if failed or _EXIM.search(plain):
        fate: Fate = "delayed" if "has not yet been delivered" in plain.lower() else "permanent"
        recipients: Sequence[str] = failed or [
            _address(match[0]) for match in list(_ADDRESS.finditer(said))[-1:]
        ]
        reason = _reason(said)
        return [_plain(original, recipient, reason, fate, returned) for recipient in recipients]
    if _QMAIL.search(said):
        return [
            _plain(original, match[1], match[2].replace("\n", " "), "permanent", returned)
            for match in _QMAIL_RECIPIENT.finditer(said)
        ]
    return []


def _reading_like_one(root: MimePart, text: str, *, by_server: bool, by_daemon: bool) -> list[Bounce]:
    """Return the bounces of a report in free text. The subject must say so, unless a server sent the mail."""
    subject = root.headers.text("subject")[:_MAX_LINE]
    if not by_server and not _FAILED.search(subject):
        return []
    if any(node.mime in _OTHER_REPORTS for node in root.walk()):
        return []
    said, returned = _divided(root, text)
    said = said[:_MAX_SAID]
    plain = f"{subject} {' '.join(said.split())}"
    told = plain if by_server else subject
    failed = _FAILED.search(told) or (by_server and (_STATUS.search(plain) or _CODE.search(plain)))
    fate: Fate = "permanent"
    if _DELAYED.search(plain) and not _GIVEN_UP.search(plain):
        fate = "delayed"
    elif not failed and _DELIVERED.search(plain):
        fate = "delivered"
    evidence: Evidence = "words" if failed or fate != "permanent" else "sender"
    if evidence == "sender" and not by_daemon:
        return []
    concerned = {box.key for box in mailboxes([*returned.all("to"), *returned.all("cc")])}
    named = {_address(match[0]): None for match in _ADDRESS.finditer(said)}
    recipients = [each for each in named if each.casefold() in concerned] or [""]
    original, reason = returned.text("message-id"), _reason(said)
    return [
        _plain(original, recipient, reason, fate, returned, evidence=evidence) for recipient in recipients
    ]


def _divided(root: MimePart, text: str) -> tuple[str, Headers]:
    """Return the text of the report, and the headers of the mail that it repeats below or beside it."""
    copy = _COPY_BEGINS.search(text)
    returned = _returned(root)
    if copy is None:
        return text, returned
    if not returned.fields:
        below = text[copy.start() :].partition("\n")[2] if copy[0][:1] in "-*_= \n" else text[copy.start() :]
        header = re.search(r"^[A-Za-z][\w-]{1,60}:[ \t]", below, re.M)
        if header is not None:
            returned = read_headers(below[header.start() :].encode("utf-8", "replace"))[0]
    return text[: copy.start()], returned


def _reason(said: str) -> str:
    lines = (line for line in said.splitlines() if _STATUS.search(line) or _CODE.search(line))
    return max(lines, key=len, default="")


def _plain(
    original: str,
    recipient: str,
    reason: str,
    fate: Fate,
    returned: Headers,
    *,
    evidence: Evidence = "report",
) -> Bounce:
    status = _STATUS.search(reason)
    copied = {box.key for box in mailboxes(returned.all("cc"))}
    return Bounce(
        original=original,
        recipient=recipient,
        status=status[1] if status else "",
        diagnostic=safe(reason),
        fate=fate,
        in_copy=recipient.casefold() in copied if returned.fields else None,
        evidence=evidence,
    )


def _address(value: str) -> str:
    """Return the mail address in a value like `rfc822; someone@example.com`, or ""."""
    found = _ADDRESS.search(value.rpartition(";")[2])
    return found[0].strip("<>") if found else ""


def safe(diagnostic: str) -> str:
    """Return a diagnostic that may be shown and stored: without addresses, links and quoted words."""
    text = " ".join(decode(diagnostic.encode("utf-8", "replace"), "utf-8").split())
    for pattern, instead in ((_LINK, "…"), (_ADDRESS, "…"), (_QUOTED_WORDS, "…")):
        text = pattern.sub(instead, text[:2_000])
    return text if len(text) <= _MAX_DIAGNOSTIC else text[: _MAX_DIAGNOSTIC - 1] + "…"
