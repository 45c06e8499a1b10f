"""The stand-in, as the clients of the standard library see it."""

import asyncio
import imaplib
import smtplib
from collections.abc import AsyncIterator
from email.message import EmailMessage

import pytest

from connectors.sandbox.faults import FaultPlan, Mischief
from connectors.sandbox.mail import File, MailServer, programs

ADDRESS, PASSWORD = "support@brightdesk.example", "secret"


@pytest.fixture
def faults() -> FaultPlan:
    return FaultPlan()


@pytest.fixture
async def server(faults: FaultPlan) -> AsyncIterator[MailServer]:
    async with MailServer(faults=faults) as made:
        await made.add_account(ADDRESS, PASSWORD)
        yield made


def mail(to: str, subject: str = "Hello") -> EmailMessage:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = ADDRESS, to, subject
    made["Message-ID"] = "<1@brightdesk.example>"
    made.set_content("Good day.\n")
    return made


def send(server: MailServer, *mails: EmailMessage, password: str = PASSWORD) -> None:
    with smtplib.SMTP("127.0.0.1", server.smtp.port, timeout=120) as client:
        client.login(ADDRESS, password)
        for each in mails:
            client.send_message(each)


async def test_a_mail_of_the_product_lies_in_the_customers_inbox(server: MailServer) -> None:
    maya = server.customer("maya@fischer.example", "Maya")
    await asyncio.to_thread(send, server, mail("maya@fischer.example"))

    [letter] = await maya.received(1)

    assert (letter.subject, letter.text) == ("Hello", "Good day.\n")
    assert letter.sender == ("", ADDRESS)


async def test_a_mail_of_a_customer_lies_in_the_mailbox(server: MailServer) -> None:
    maya = server.customer("maya@fischer.example", "Maya")
    await maya.write(
        "Invoice", "Why?", to="support+token@brightdesk.example", attachments=[File("a", "a/b", b"x")]
    )

    def look() -> tuple[bytes, bytes]:
        with imaplib.IMAP4("127.0.0.1", server.imap.port, timeout=120) as client:
            client.login(ADDRESS, PASSWORD)
            client.select("INBOX", readonly=True)
            _, [found] = client.uid("SEARCH", "SUBJECT", "Invoice")
            _, data = client.uid("FETCH", found.decode(), "(RFC822.SIZE BODY.PEEK[])")
            assert isinstance(data[0], tuple)
            return data[0]

    summary, raw = await asyncio.to_thread(look)

    assert f"RFC822.SIZE {len(raw)}".encode() in summary
    assert b"Authentication-Results: mx.brightdesk.example; spf=pass" in raw
    assert b"Delivered-To: support+token@brightdesk.example" in raw


async def test_a_mail_program_can_put_a_large_mail_there(server: MailServer) -> None:
    raw = b"Subject: Large\r\n\r\n" + b"x" * 300_000 + b"\r\n"

    def put() -> str:
        with imaplib.IMAP4("127.0.0.1", server.imap.port, timeout=120) as client:
            client.login(ADDRESS, PASSWORD)
            return client.append("INBOX", "", "", raw)[0]

    assert await asyncio.to_thread(put) == "OK"
    assert [letter.raw for letter in await server.inbox(ADDRESS)] == [raw]


async def test_nobody_sends_without_the_password(server: MailServer) -> None:
    with pytest.raises(smtplib.SMTPAuthenticationError):
        await asyncio.to_thread(send, server, mail("maya@fischer.example"), password="wrong")


async def test_a_mail_to_nobody_comes_back(server: MailServer) -> None:
    await asyncio.to_thread(send, server, mail("nobody@elsewhere.example"))

    [report] = await server.inbox(ADDRESS)

    assert report.message.get_content_type() == "multipart/report"
    assert report.message.get_param("report-type") == "delivery-status"
    kinds = [part.get_content_type() for part in report.message.iter_parts()]
    assert kinds == ["text/plain", "message/delivery-status", "text/rfc822-headers"]
    assert b"<1@brightdesk.example>" in report.raw


async def test_a_greylisted_mail_is_taken_the_second_time(server: MailServer, faults: FaultPlan) -> None:
    maya = server.customer("maya@fischer.example")
    faults.add("*", Mischief.RATE_LIMITED, pattern="DATA", count=1)
    with pytest.raises(smtplib.SMTPDataError) as refused:
        await asyncio.to_thread(send, server, mail(maya.address))
    await asyncio.to_thread(send, server, mail(maya.address))

    assert refused.value.smtp_code == 451
    assert len(maya.inbox) == 1


async def test_a_lost_response_is_a_mail_that_arrived(server: MailServer, faults: FaultPlan) -> None:
    maya = server.customer("maya@fischer.example")
    faults.add("*", Mischief.LOST_RESPONSE, pattern="DATA", count=1)
    with pytest.raises(smtplib.SMTPServerDisconnected):
        await asyncio.to_thread(send, server, mail(maya.address))

    assert len(await maya.received(1)) == 1


@pytest.mark.long
@pytest.mark.parametrize("language", ["en", "de", "fr", "es", "it", "pt", "nl"])
@pytest.mark.parametrize("program", programs())
async def test_every_program_quotes_what_it_answers(server: MailServer, program: str, language: str) -> None:
    maya = server.customer("maya@fischer.example")
    await asyncio.to_thread(send, server, mail(maya.address))
    [letter] = await maya.received(1)

    reply = await maya.reply(letter, "Good day to you", program=program, language=language)

    assert reply.subject == "Re: Hello"
    assert reply.header("In-Reply-To") == letter.message_id
    assert reply.text.startswith("Good day to you")
    assert ("Good day." in reply.text) == (program != "bare")
