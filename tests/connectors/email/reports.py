# ruff: noqa: E501 - mails read better whole
"""Delivery reports by the servers that write them, each about one mail of ours.

pytest tests/connectors/email/test_reports.py -s      # how many are understood, kind by kind
"""

import base64
from collections.abc import Iterator
from dataclasses import dataclass

US = "support@brightdesk.example"
CUSTOMER = "maya@fischer.example"
COLLEAGUE = "karl@fischer.example"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    kind: str
    name: str
    raw: bytes
    fate: str = "failed"  # delayed, copy
    status: str = ""


# Who writes, the subject, and what they say above the mail that comes back.
WORDS = (
    ("Exim", "Mail Delivery System <Mailer-Daemon@mx.fischer.example>", "Mail delivery failed: returning message to sender",
     "This message was created automatically by mail delivery software.\n\nA message that you sent could not be delivered to one or more of its\nrecipients. This is a permanent error. The following address(es) failed:\n\n  {to}\n    host mx.fischer.example [192.0.2.1]\n    SMTP error from remote mail server after RCPT TO:<{to}>:\n    550 5.1.1 no such user"),
    ("Exim, folded elsewhere", "Mail Delivery System <Mailer-Daemon@mx.fischer.example>", "Mail delivery failed: returning message to sender",
     "A message that you sent could not be delivered to one or more of\nits recipients. The following address(es) failed:\n\n  {to}\n    unrouteable address"),
    ("qmail", "MAILER-DAEMON@mx.fischer.example", "failure notice",
     "Hi. This is the qmail-send program at mx.fischer.example.\nI'm afraid I wasn't able to deliver your message to the following addresses.\nThis is a permanent error; I've given up. Sorry it didn't work out.\n\n<{to}>:\nSorry, no mailbox here by that name. (#5.1.1)"),
    ("qmail, other greeting", "MAILER-DAEMON@mx.fischer.example", "failure notice",
     "This is the mail delivery agent at messagelabs.example.\nI was not able to deliver your message to the following addresses.\n\n<{to}>:\n192.0.2.9 does not like recipient.\nRemote host said: 550 5.1.1 unknown"),
    ("Sendmail 8, text", "Mail Delivery Subsystem <MAILER-DAEMON@mx.fischer.example>", "Returned mail: see transcript for details",
     "The original message was received at Mon, 30 Nov 2026 10:00:00 GMT\n\n   ----- The following addresses had permanent fatal errors -----\n<{to}>\n    (reason: 550 5.1.1 User unknown)\n\n   ----- Transcript of session follows -----\n550 5.1.1 {to}... User unknown"),
    ("Sendmail 5", "MAILER-DAEMON@mx.fischer.example", "Returned mail: Host unknown",
     "   ----- Transcript of session follows -----\n550 Host unknown\n554 {to}... 550 Host unknown"),
    ("Postfix before DSNs", "MAILER-DAEMON@mx.fischer.example (Mail Delivery System)", "Undelivered Mail Returned to Sender",
     "This is the Postfix program at host mx.fischer.example.\n\nI'm sorry to have to inform you that the message returned\nbelow could not be delivered to one or more destinations.\n\n<{to}>: host mx[192.0.2.1] said: 550 5.1.1 User unknown"),
    ("Yahoo", "MAILER-DAEMON@yahoo.example", "Failure Notice",
     "Sorry, we were unable to deliver your message to the following address.\n\n<{to}>:\n554: delivery error: dd This user doesn't have a yahoo account"),
    ("AOL", "Mail Delivery Subsystem <MAILER-DAEMON@aol.example>", "Mail Delivery Problem",
     "Your mail to the following recipients could not be delivered because they are not accepting mail from you:\n      maya"),
    ("Outlook.com", "postmaster@hotmail.example", "Delivery Status Notification (Failure)",
     "This is an automatically generated Delivery Status Notification.\n\nDelivery to the following recipients failed.\n\n       {to}"),
    ("Exchange 5.5", "System Administrator <postmaster@fischer.example>", "Undeliverable: Invoice",
     "Your message\n\n  To:      {to}\n  Subject: Invoice\n  Sent:    Mon, 30 Nov 2026 10:00:00 +0000\n\ndid not reach the following recipient(s):\n\n{to} on Mon, 30 Nov 2026 10:00:01 +0000\n    The recipient name is not recognized"),
    ("Exchange, an address of a person", "Systemadministrator <admin@fischer.example>", "Unzustellbar: Rechnung",
     "Ihre Nachricht hat einige oder alle Empfänger nicht erreicht.\n\nFolgende Empfänger konnten nicht erreicht werden:\n    {to} am 30.11.2026 10:00\n    Der E-Mail-Account ist in der Organisation nicht vorhanden."),
    ("Lotus Notes", "Postmaster@fischer.example", "DELIVERY FAILURE: User maya (maya@fischer.example) not listed in public Name & Address Book",
     "Your document:   Invoice\nwas not delivered to:   {to}\nbecause:   User maya not listed in public Name & Address Book"),
    ("GroupWise", "Mailer-Daemon@fischer.example", "Message status - undeliverable",
     "The message that you sent was undeliverable to the following:\n\tmaya (user not found)"),
    ("MDaemon", "MDaemon@mail.fischer.example", "Permanent Delivery Failure",
     "The following data may contain sections which represent BASE64 encoded\nfile attachments.\n\nThe attached message had PERMANENT fatal delivery errors!\n\nFailed address: {to}\n\n--- Session Transcript ---\n 550 No such recipient"),
    ("IMail", "Postmaster <postmaster@mail.fischer.example>", "Undeliverable Mail", "User mailbox exceeds allowed size: {to}"),
    ("hMailServer", "mailer-daemon@mail.fischer.example", "Message undeliverable: Invoice",
     "Your message did not reach some or all of the intended recipients.\n\n   Sent: Mon, 30 Nov 2026 10:00:00 +0000\n   Subject: Invoice\n\nThe following recipient(s) could not be reached:\n\n{to}\n   Error Type: SMTP\n   Remote server replied: 550 5.1.1 Unknown user"),
    ("MailEnable", "POSTMASTER@mail.fischer.example", "Message Delivery Failure",
     "MailEnable: Message could not be delivered to some recipients.\nThe following recipient(s) could not be reached:\n\n\tRecipient: [SMTP:{to}]\n\tReason: Remote SMTP Server Returned: 550 Requested action not taken"),
    ("Apache James", "postmaster@mail.fischer.example", "Returned mail", "Hi. This is the James mail server at mail.fischer.example.\nI'm afraid I wasn't able to deliver your message to the following addresses.\n\n{to}\n550 mailbox not found"),
    ("OpenSMTPD", "Mailer Daemon <MAILER-DAEMON@mx.fischer.example>", "Delivery status notification: error",
     "    Hi!\n\n    This is the MAILER-DAEMON, please DO NOT REPLY to this email.\n\n    An error has occurred while attempting to deliver a message for\n    the following list of recipients:\n\n{to}: 550 5.1.1 RecipientDoesNotExist"),
    ("InterScan", "inetgw1@fischer.example", "Mail could not be delivered",
     "****** Message from InterScan E-Mail VirusWall NT ******\n\nThe following mail could not be delivered.\nReason:  Exceeded Maximum Delivery Attempts."),
    ("E500", "E500_SMTP_Mail_Service@fischer.example", "Returned Mail - Error During Delivery",
     "------ Failed Recipients ------\n<{to}>: Requested action not taken: mailbox unavailable. [SMTP Error Code 550]"),
    ("Barracuda", "MAILER-DAEMON@barracuda.fischer.example", "**Message you sent blocked by our bulk email filter**",
     "Your message to: {to}\nwas blocked by our Spam Firewall. The email you sent with the following subject has NOT BEEN DELIVERED:\n\nSubject: Invoice"),
    ("Mimecast", "Postmaster <Postmaster@fischer.example>", "[Postmaster] Messages on hold for maya",
     "The message you sent has been rejected by the recipient's administrator: 550 Rejected by header based policy"),
    ("a filter that names no server", "Symantec_Gateway@fischer.example", "Delivery failure notification",
     "Your message with Subject: Invoice\ncould not be delivered to the following recipients:\n\n{to}\n\nThe mail server does not know this recipient."),
    ("Google Groups", "Mail Delivery Subsystem <mailer-daemon@googlegroups.example>", "Delivery Status Notification (Failure)",
     "Hello support@brightdesk.example,\n\nWe're writing to let you know that the group you tried to contact (maya) may not exist."),
    ("GMX", "GMX Mailer Daemon <mailer-daemon@gmx.example>", "Mail delivery failed: returning message to sender",
     "This message was created automatically by mail delivery software.\n\nA message that you sent could not be delivered to\none or more of its recipients. This is a permanent error.\n\nThe following address failed:\n\n{to}:\nSMTP error from remote server for RCPT TO command, reply: 550 Requested action not taken: mailbox unavailable"),
    ("T-Online", "Mail Delivery System <mailer-daemon@t-online.example>", "Nachricht nicht zustellbar",
     "|------------------------- Message log follows: -------------------------|\nDer Empfänger {to} ist unbekannt."),
    ("1&1, German", "Mailer-Daemon@kundenserver.example", "Zustellung fehlgeschlagen", "Die Nachricht konnte nicht zugestellt werden.\n\n{to}: Postfach voll"),
    ("Orange", "MAILER-DAEMON@orange.example", "Échec de remise du message", "Votre message n'a pas pu être remis à :\n\n{to}\n\nAdresse d'au moins un destinataire invalide."),
    ("free.fr", "postmaster@free.example", "Message non remis", "Impossible de remettre votre message.\n{to}"),
    ("Terra", "MAILER-DAEMON@terra.example", "Mensaje no entregado", "No se ha podido entregar su mensaje al siguiente destinatario:\n\n{to}"),
    ("Libero", "MAILER-DAEMON@libero.example", "Mancata consegna", "Non è stato possibile consegnare il messaggio a {to}"),
    ("UOL", "MAILER-DAEMON@uol.example", "Falha na entrega da mensagem", "Não foi possível entregar sua mensagem para {to}."),
    ("KPN", "MAILER-DAEMON@kpn.example", "Onbestelbaar: Invoice", "Uw bericht kon niet worden bezorgd bij {to}."),
    ("Telia", "MAILER-DAEMON@telia.example", "Olevererbart meddelande", "Meddelandet kunde inte levereras till {to}."),
    ("WP", "MAILER-DAEMON@wp.example", "Niedostarczona wiadomość", "Wiadomość do {to} nie została dostarczona."),
    ("Seznam", "MAILER-DAEMON@seznam.example", "Nedoručitelná zpráva", "Zprávu nelze doručit na adresu {to}."),
    ("mail.ru", "Mail Delivery System <mailer-daemon@corp.mail.ru.example>", "Ваше сообщение не доставлено. Mail failure.",
     "Это письмо создано автоматически сервером Mail.Ru, отвечать на него не нужно.\n\nК сожалению, Ваше письмо не может быть доставлено одному или нескольким получателям:\n\n**********************\n\n{to}: user not found"),
    ("Yandex", "mailer-daemon@yandex.example", "Недоставленное сообщение", "Нам не удалось доставить письмо адресату {to}."),
    ("docomo", "mail-daemon@docomo.example", "送信できませんでした", "次のあて先へのメールは送信できませんでした。\n{to}"),
    ("BIGLOBE", "postmaster@biglobe.example", "Returned mail: User unknown", "   ----- The following addresses had delivery problems -----\n{to}"),
    ("QQ", "PostMaster@qq.example", "系统退信/Returned mail", "您的邮件无法投递。\n收件人邮件地址（{to}）不存在，邮件无法送达。"),
    ("Sina", "MAILER-DAEMON@sina.example", "邮件传输失败！", "您发送给{to}的邮件传输失败，用户不存在。550"),
    ("Naver", "mailer-daemon@naver.example", "메일 전송 실패 안내", "{to} 에게 메일이 배달되지 못했습니다."),
    ("Turkcell", "MAILER-DAEMON@turkcell.example", "Teslim edilemedi", "İletiniz {to} adresine teslim edilemedi."),
    ("no words at all", "MAILER-DAEMON@fischer.example", "Processing Error", "Intended recipient: maya\n\nThe following mail has been returned."),
)  # fmt: skip
WAITING = (
    ("Exim", "Mail Delivery System <Mailer-Daemon@mx.fischer.example>", "Warning: message 1abc delayed 24 hours",
     "A message that you sent has not yet been delivered to one or more of its\nrecipients after more than 24 hours on the queue.\n\nNo action is required on your part. Delivery attempts will continue for\nsome time.\n\n  {to}\n    Delay reason: connection refused"),
    ("Sendmail", "MAILER-DAEMON@mx.fischer.example", "Warning: could not send message for past 4 hours",
     "    **********************************************\n    **      THIS IS A WARNING MESSAGE ONLY      **\n    **  YOU DO NOT NEED TO RESEND YOUR MESSAGE  **\n    **********************************************\n\n{to}... Deferred: Connection refused\nWarning: message still undelivered after 4 hours\nWill keep trying until message is 5 days old"),
    ("Gmail", "Mail Delivery Subsystem <mailer-daemon@googlemail.example>", "Delivery Status Notification (Delay)",
     "This is an automatically generated Delivery Status Notification\n\nTHIS IS A WARNING MESSAGE ONLY.\n\nDelivery to the following recipient has been delayed:\n\n     {to}\n\nMessage will be retried for 2 more day(s)"),
    ("GMX, German", "mailer-daemon@gmx.example", "Verzögerte Zustellung", "Die Zustellung Ihrer Nachricht an {to} verzögert sich."),
)  # fmt: skip


def reports(message_id: str, return_path: str) -> Iterator[Report]:
    """Return reports about a mail that was sent from `return_path`."""
    copy = (
        f"Received: from mail.brightdesk.example by mx.fischer.example; Mon, 30 Nov 2026 10:00:00 +0000\nFrom: Bright Desk <{US}>\n"
        f"To: Maya Fischer <{CUSTOMER}>\nCc: {COLLEAGUE}\nMessage-ID: {message_id}\nSubject: Re: Invoice\nMIME-Version: 1.0\n"
    )
    for name, who, subject, said in WORDS:
        yield from _worded("in words", name, who, subject, said, copy, return_path, "failed")
    for name, who, subject, said in WAITING:
        yield from _worded("delayed", name, who, subject, said, copy, return_path, "delayed")
    yield from _structured(copy, return_path)
    yield from _odd(copy, message_id, return_path)


def _worded(
    kind: str, name: str, who: str, subject: str, said: str, copy: str, to: str, fate: str
) -> Iterator[Report]:
    said = said.format(to=CUSTOMER)
    head = _head(who, subject, to)
    below = (
        f"{said}\n\n----- This is a copy of the message, including all the headers. ------\n\n{copy}\nHello\n"
    )
    yield Report(
        kind=f"{kind}, the mail below",
        name=name,
        raw=_mail(head, "text/plain; charset=utf-8", below),
        fate=fate,
    )
    parts = [("text/plain; charset=utf-8", said), ("message/rfc822", f"{copy}\nHello\n")]
    yield Report(
        kind=f"{kind}, the mail beside", name=name, raw=_multipart(head, "multipart/mixed", parts), fate=fate
    )
    if fate == "failed" and name in (
        "Yahoo",
        "OpenSMTPD",
        "mail.ru",
        "GMX",
        "docomo",
        "Exim, folded elsewhere",
    ):
        parts[1] = ("text/rfc822-headers", copy)
        raw = _multipart(head, "multipart/report; report-type=delivery-status", parts)
        yield Report(kind="words in a report", name=name, raw=raw, fate=fate)


def _structured(copy: str, to: str) -> Iterator[Report]:
    head = _head(
        "Mail Delivery System <MAILER-DAEMON@mx.fischer.example>", "Undelivered Mail Returned to Sender", to
    )
    first, words = "Reporting-MTA: dns; mx.fischer.example\n", ("text/plain", "It did not work out.")
    mine = f"Final-Recipient: rfc822; {CUSTOMER}\n"
    fields = {
        "Postfix": (mine + "Action: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 5.1.1 User unknown\n", "failed", "5.1.1"),
        "expired": (mine + "Action: expired\nStatus: 4.4.7\n", "failed", "4.4.7"),
        "failure": (mine + "Action: failure\nStatus: 553 Exceeded maximum inbound message size\n", "failed", ""),
        "with a comment": (mine + "Action: failed (no such user)\nStatus: 5.1.1 (bad mailbox)\n", "failed", "5.1.1"),
        "no action": (mine + "Status: 5.2.2\n", "failed", "5.2.2"),
        "delayed": (mine + "Action: delayed\nStatus: 4.4.1\n", "delayed", ""),
        "no action, waits": (mine + "Status: 4.4.1\n", "delayed", ""),
        "who is in copy": (f"Final-Recipient: rfc822; {COLLEAGUE}\nAction: failed\nStatus: 5.1.1\n", "copy", "5.1.1"),
        "where it is passed on to": ("Final-Recipient: rfc822; maya.f@elsewhere.example\nAction: failed\nStatus: 5.1.1\n", "failed", "5.1.1"),
    }  # fmt: skip
    for name, (recipient, fate, status) in fields.items():
        for form, last in (
            ("headers", ("text/rfc822-headers", copy)),
            ("the mail", ("message/rfc822", f"{copy}\nHello\n")),
        ):
            parts = [words, ("message/delivery-status", f"{first}\n{recipient}"), last]
            raw = _multipart(head, "multipart/report; report-type=delivery-status", parts)
            yield Report(kind="RFC 3464", name=f"{name}, {form}", raw=raw, fate=fate, status=status)
        if fate != "copy" and "passed on" not in name:
            parts = [words, ("message/delivery-status", f"{first}\n{recipient}")]
            raw = _multipart(head, "multipart/report; report-type=delivery-status", parts)
            yield Report(kind="nothing comes back", name=name, raw=raw, fate=fate, status=status)
    twice = [
        words,
        ("message/delivery-status", f"{first}\n{mine}Action: relayed\nStatus: 2.1.9\n"),
        ("message/delivery-status", f"{first}\n{mine}Action: failed\nStatus: 5.1.1\n"),
        ("text/rfc822-headers", copy),
    ]
    yield Report(
        kind="odd",
        name="a second list",
        raw=_multipart(head, "multipart/report; report-type=delivery-status", twice),
        status="5.1.1",
    )
    inner = _multipart(
        _head("MAILER-DAEMON@relay.example", "Undelivered", "relay@elsewhere.example"),
        "multipart/report; report-type=delivery-status",
        [
            words,
            ("message/delivery-status", f"{first}\n{mine}Action: failed\nStatus: 5.1.1\n"),
            ("message/rfc822", f"{copy}\nHello\n"),
        ],
        boundary="inner",
    )
    outer = [("text/plain", "The report of a server behind us:"), ("message/rfc822", inner.decode())]
    yield Report(kind="odd", name="a report within a report", raw=_multipart(head, "multipart/mixed", outer))


def _odd(copy: str, message_id: str, to: str) -> Iterator[Report]:
    head = _head("MAILER-DAEMON@mx.fischer.example", "Undelivered Mail Returned to Sender", to)
    status = f"Reporting-MTA: dns; mx\n\nFinal-Recipient: rfc822; {CUSTOMER}\nAction: failed\nStatus: 5.1.1\n"
    report = "multipart/report; report-type=delivery-status"
    words = ("text/plain", "It did not work out.")
    coded = [
        words,
        ("message/delivery-status", status),
        (
            "text/rfc822-headers\nContent-Transfer-Encoding: base64",
            base64.encodebytes(copy.encode()).decode(),
        ),
    ]
    yield Report(kind="odd", name="headers in base64", raw=_multipart(head, report, coded), status="5.1.1")
    whole = _multipart(
        "Subject: Undelivered Mail Returned to Sender\nMessage-ID: <inner@mx.example>\n",
        report,
        [words, ("message/delivery-status", status), ("text/rfc822-headers", copy)],
    )
    yield Report(
        kind="odd",
        name="message/partial",
        raw=_mail(head, 'message/partial; id="1@mx.example"; number=1; total=2', whole.decode()),
        status="5.1.1",
    )
    cut = [
        words,
        ("message/delivery-status", status),
        ('message/partial; id="2@mx.example"; number=1; total=2', f"{copy}\nHello\n"),
    ]
    yield Report(
        kind="odd", name="comes back as message/partial", raw=_multipart(head, report, cut), status="5.1.1"
    )
    shown = message_id.replace("<", "&lt;").replace(">", "&gt;")
    markup = f"<p>Your message to <b>{CUSTOMER}</b> couldn't be delivered.</p><h3>Original Message Headers</h3><p>From: {US}<br>Message-ID: {shown}<br>Subject: Re: Invoice</p>"
    yield Report(
        kind="odd",
        name="Office 365, headers in HTML",
        raw=_multipart(
            _head("postmaster@fischer.onmicrosoft.example", "Undeliverable: Invoice", to),
            report,
            [("text/html; charset=utf-8", markup), ("message/delivery-status", status)],
        ),
        status="5.1.1",
    )
    table = f"<table><tr><td>Message-ID:</td><td>{shown}</td></tr></table>"
    yield Report(
        kind="odd",
        name="headers in a table",
        raw=_mail(
            _head("postmaster@fischer.example", "Undeliverable: Invoice", to),
            "text/html",
            f"<p>Delivery has failed to these recipients: {CUSTOMER}</p>{table}",
        ),
    )
    quoted = "\n".join(f"> {line}" for line in copy.splitlines())
    yield Report(
        kind="odd",
        name="headers in a quote",
        raw=_mail(head, "text/plain", f"We could not deliver your mail to {CUSTOMER}:\n\n{quoted}\n"),
    )
    yield Report(
        kind="odd",
        name="X-Failed-Recipients",
        raw=_mail(
            f"X-Failed-Recipients: {CUSTOMER}\n{head}",
            "text/plain",
            f"It did not work out.\n\n{copy}\nHello\n",
        ),
    )
    yield Report(
        kind="odd",
        name="X-Failed-Recipients, in copy",
        raw=_mail(
            f"X-Failed-Recipients: {COLLEAGUE}\n{head}",
            "text/plain",
            f"It did not work out.\n\n{copy}\nHello\n",
        ),
        fate="copy",
    )
    answer = (
        _head("MAILER-DAEMON@mx.fischer.example", "Undelivered", to)
        + f"In-Reply-To: {message_id}\nReferences: {message_id}\n"
    )
    yield Report(
        kind="odd",
        name="by In-Reply-To alone",
        raw=_multipart(answer, report, [words, ("message/delivery-status", status)]),
        status="5.1.1",
    )
    yield Report(
        kind="odd",
        name="X-Original-Message-ID",
        raw=_multipart(
            head,
            report,
            [words, ("message/delivery-status", f"X-Original-Message-ID: {message_id}\n{status}")],
        ),
        status="5.1.1",
    )
    yield Report(
        kind="nothing comes back",
        name="in words",
        raw=_mail(
            head,
            "text/plain",
            f"Delivery to the following recipients failed permanently:\n\n     {CUSTOMER}\n",
        ),
    )


def _head(who: str, subject: str, to: str) -> str:
    return f"From: {who}\nTo: {to}\nSubject: {subject}\nMessage-ID: <report@mx.fischer.example>\nDate: Mon, 30 Nov 2026 10:01:00 +0000\nMIME-Version: 1.0\n"


def _mail(head: str, kind: str, body: str) -> bytes:
    text = f"{head}Content-Type: {kind}\nContent-Transfer-Encoding: 8bit\n\n{body}"
    return text.replace("\r\n", "\n").replace("\n", "\r\n").encode()


def _multipart(head: str, kind: str, parts: list[tuple[str, str]], *, boundary: str = "=_1") -> bytes:
    body = "".join(f"--{boundary}\nContent-Type: {kind}\n\n{text}\n" for kind, text in parts).replace(
        "\r\n", "\n"
    )
    return _mail(head, f'{kind}; boundary="{boundary}"', f"{body}--{boundary}--\n")
