# ruff: noqa: E501 - mails read better whole
"""Reports on mails of ours that come back. `pytest -s` on this file prints how many are understood."""

from collections import Counter
from datetime import UTC, datetime
from uuid import UUID

import pytest

from bot.core.events import Event, Receipt, ReceiptStatus
from connectors.email.incoming import MailLocation, MailReader
from connectors.email.reading import digests, read
from connectors.email.threads import Threads
from connectors.sandbox.mail import Customer
from tests.connectors.email.reports import COLLEAGUE, CUSTOMER, US, Report, reports
from tests.connectors.email.rig import ADDRESS, Line, said

_THREADS = Threads(b"a key of ours", "support")
_THREAD = _THREADS.fresh(b"x")
_OURS = _THREADS.message_id(UUID(int=7), 0, _THREAD, CUSTOMER, "brightdesk.example", vouched=True)


def heard(report: Report) -> tuple[Event, ...]:
    mail = read(report.raw, trusted_servers=(), own_addresses=(US,))
    reader = MailReader("support", (US,), _THREADS)
    return reader.events(mail, MailLocation("imap;1;1"), datetime.now(UTC), digests=digests(report.raw))


def is_understood(report: Report) -> bool:
    events = heard(report)
    if report.fate == "delayed":
        return not events
    receipts = [event.content for event in events if isinstance(event.content, Receipt)]
    return (
        len(receipts) == len(events) == 1
        and receipts[0].messages == (_OURS,)
        and receipts[0].status is ReceiptStatus.FAILED
        and receipts[0].copied == (COLLEAGUE if report.fate == "copy" else "")
        and receipts[0].reason.startswith(report.status)
    )


def test_reports_are_understood_whoever_writes_them() -> None:
    seen: Counter[str] = Counter()
    missed: dict[str, list[str]] = {}
    for report in reports(_OURS, _THREADS.return_path(US, _OURS)):
        seen[report.kind] += 1
        if not is_understood(report):
            missed.setdefault(report.kind, []).append(report.name)
    for kind, count in seen.items():
        print(f"{kind:28} {count - len(missed.get(kind, ())):3} of {count:3} understood")
    assert not missed


async def answered(line: Line, maya: Customer) -> tuple[Event, str]:
    """Our answer to a customer, and the address that it would be returned to."""
    await maya.write("Invoice", "Why twice?", to=ADDRESS)
    [question] = await line.inbox.has(1)
    await line.connector.send(line.answer(question, "One was returned."))
    [answer] = await maya.received(1)
    return question, answer.header("Return-Path").strip("<>")


def bare(to: str, domain: str = "fischer.example") -> bytes:
    """A report in which nothing of the mail comes back, as Exchange Online sends them."""
    return (
        f"From: postmaster@{domain}\r\nTo: {to}\r\nSubject: Undeliverable: Invoice\r\nMessage-ID: <r@{domain}>\r\n"
        "Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n"
        "--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx\r\n\r\n"
        f"Final-Recipient: rfc822; {CUSTOMER}\r\nAction: failed\r\nStatus: 5.1.10\r\n\r\n--b--\r\n"
    ).encode()


async def test_a_report_that_repeats_nothing_is_known_by_where_it_comes_to(
    line: Line, maya: Customer
) -> None:
    question, return_path = await answered(line, maya)
    assert return_path != ADDRESS
    await line.server.receive(bare(return_path), sender="", recipient=return_path)

    _, event = await line.inbox.has(2)

    assert event.place == question.place
    assert isinstance(event.content, Receipt)
    assert event.content.messages == (maya.inbox[0].message_id,)
    assert (event.content.code, event.content.copied) == ("send.unreachable", "")


async def test_nobody_can_make_an_address_that_reports_come_to(line: Line, maya: Customer) -> None:
    _, return_path = await answered(line, maya)
    local, _, domain = return_path.partition("@")
    for forged in (
        f"{local[:-1]}{'a' if local[-1] != 'a' else 'b'}@{domain}",
        f"support+{'a' * 48}@{domain}",
    ):
        await line.server.receive(bare(forged), sender="", recipient=forged)
    await maya.write("Later", "…", to=ADDRESS)

    _, event = await line.inbox.has(2)

    assert said(event).text.startswith("**Later**")


async def test_every_mail_has_an_address_of_its_own_that_fits_into_one(line: Line, maya: Customer) -> None:
    question, first = await answered(line, maya)
    await line.connector.send(line.answer(question, "It was.", delivery=8))
    _, answer = await maya.received(2)
    second = answer.header("Return-Path").strip("<>")
    assert first != second
    assert all(len(each.partition("@")[0]) <= 64 for each in (first, second))
    long = f"{'customer-service'}@brightdesk.example"
    assert _THREADS.return_path(long, _OURS) == long


async def test_a_server_that_lets_nobody_send_with_a_tag_is_given_the_plain_address(
    line: Line, maya: Customer
) -> None:
    line.server.smtp.tagged_senders = False
    _, return_path = await answered(line, maya)
    assert return_path == ADDRESS


async def test_an_absence_note_to_that_address_is_one_in_its_conversation(line: Line, maya: Customer) -> None:
    question, return_path = await answered(line, maya)
    note = (
        f"From: {maya.address}\r\nTo: {return_path}\r\nSubject: Away\r\nMessage-ID: <away@fischer.example>\r\n"
        "Auto-Submitted: auto-replied\r\n\r\nYour message could not be delivered to me before Monday.\r\n"
    )
    await line.server.receive(note.encode(), sender=maya.address, recipient=return_path)

    _, event = await line.inbox.has(2)

    assert said(event).text.startswith("Your message")
    assert (event.automatic, event.place) == (True, question.place)


async def test_a_read_receipt_is_no_failure(line: Line, maya: Customer) -> None:
    _, return_path = await answered(line, maya)
    ours = maya.inbox[0].message_id
    receipt = (
        f"From: {maya.address}\r\nTo: {return_path}\r\nSubject: Not read: Invoice\r\nMessage-ID: <m@fischer.example>\r\n"
        "Content-Type: multipart/report; report-type=disposition-notification; boundary=b\r\n\r\n"
        "--b\r\n\r\nYour message was deleted without being read; nothing was delivered to me.\r\n"
        "--b\r\nContent-Type: message/disposition-notification\r\n\r\n"
        f"Final-Recipient: rfc822; {maya.address}\r\nOriginal-Message-ID: {ours}\r\n"
        "Disposition: automatic-action/MDN-sent-automatically; deleted\r\n\r\n--b--\r\n"
    )
    await line.server.receive(receipt.encode(), sender="", recipient=return_path)

    _, event = await line.inbox.has(2)

    assert not isinstance(event.content, Receipt)
    assert event.automatic


@pytest.mark.long
@pytest.mark.parametrize("subject", ["Delivery failed for my order", "Undeliverable", "Mail delivery failed"])
async def test_a_customer_whose_words_read_like_a_report_is_heard(
    line: Line, maya: Customer, subject: str
) -> None:
    """The customer also passes on our mail as a file."""
    await answered(line, maya)
    mail = maya.inbox[0].raw.decode()
    passed_on = (
        f"From: {maya.address}\r\nTo: {ADDRESS}\r\nSubject: {subject}\r\nMessage-ID: <2@x.example>\r\n"
        "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nThis could not be delivered.\r\n"
        f"--b\r\nContent-Type: message/rfc822\r\n\r\n{mail}\r\n--b--\r\n"
    )
    await maya.send_raw(passed_on.encode(), to=ADDRESS)
    await maya.write(subject, "Where is it?", to=ADDRESS)

    _, first, second = await line.inbox.has(3)

    assert "This could not be delivered." in said(first).text
    assert "Where is it?" in said(second).text
    assert not any(event.automatic for event in (first, second))
