"""Write delivery status notifications as a relay does. https://www.rfc-editor.org/rfc/rfc3464"""

from email.message import EmailMessage, Message
from email.mime.base import MIMEBase
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.utils import formatdate, make_msgid

from connectors.sandbox.mail.letters import Letter


def delivery_status(
    letter: Letter, *, recipient: str, to: str, domain: str, status: str, words: str, action: str, now: float
) -> bytes:
    """Return a delivery status notification.

    `status` is an enhanced code ("5.1.1"), `words` the text of the remote server, `action` "failed" or
    "delayed".
    """
    report = MIMEMultipart("report")
    report.set_param("report-type", "delivery-status")
    report["From"] = f"Mail Delivery System <MAILER-DAEMON@{domain}>"
    report["To"] = to
    report["Subject"] = (
        "Undelivered Mail Returned to Sender" if action == "failed" else "Delayed Mail (still being retried)"
    )
    report["Date"] = formatdate(now)
    report["Message-ID"] = make_msgid(domain=f"mx.{domain}")
    report["Auto-Submitted"] = "auto-replied"
    report.attach(MIMEText(f"This is the mail system at host mx.{domain}.\n\n<{recipient}>: {words}\n"))
    facts = EmailMessage()
    del facts["MIME-Version"]
    facts.set_payload("")
    per_recipient = Message()
    per_recipient["Final-Recipient"] = f"rfc822; {recipient}"
    per_recipient["Action"] = action
    per_recipient["Status"] = status
    per_recipient["Diagnostic-Code"] = f"smtp; {words}"
    per_message = Message()
    per_message["Reporting-MTA"] = f"dns; mx.{domain}"
    notification = MIMEBase("message", "delivery-status")
    notification.set_payload([per_message, per_recipient])
    report.attach(notification)
    original = MIMEBase("text", "rfc822-headers")
    headers = letter.raw.replace(b"\r\n", b"\n").partition(b"\n\n")[0]
    original.set_payload(headers.decode("ascii", "replace") + "\n")
    report.attach(original)
    return report.as_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
