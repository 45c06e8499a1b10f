"""Programs that write to us, and what becomes of mails that come back."""

from uuid import UUID

import pytest

from bot.core.events import Reacted, Receipt, ReceiptStatus, Said, SenderRole
from bot.core.ids import DeliveryId
from bot.core.outbound import Outbound, Post
from connectors.sandbox.mail import Customer
from tests.connectors.email import rig
from tests.connectors.email.rig import ADDRESS, Line, said


async def test_two_bots_that_write_to_each_other_stop(line: Line, maya: Customer) -> None:
    """Each answers whatever is not automatic, as the house does."""
    sales = "sales@brightdesk.example"
    await line.server.add_account(sales, rig.PASSWORD)
    given = rig.settings(rig.options(line.server, address=sales), account="sales")
    async with rig.line(line.server, given) as other:
        await other.listen()
        place, context = other.connector.begin(ADDRESS, "Hello")
        by_person = Post("Is anybody there?", speaker=rig.HUGO)
        await other.connector.send(Outbound(DeliveryId(UUID(int=5)), place, by_person, context=context))
        [hello] = await line.inbox.has(1)
        await line.connector.send(line.answer(hello, "Good day, I am a program as well."))
        [answer] = await other.inbox.has(1)

    assert not hello.automatic
    assert answer.automatic
    assert answer.place == place


async def test_a_bot_that_writes_first_is_not_answered(line: Line, maya: Customer) -> None:
    place, context = line.connector.begin(maya.address, "Hello")
    await line.connector.send(Outbound(DeliveryId(UUID(int=5)), place, Post("Hello"), context=context))
    [mail] = await maya.received(1)
    await line.server.add_account("sales@brightdesk.example", rig.PASSWORD)
    given = rig.settings(rig.options(line.server, address="sales@brightdesk.example"), account="sales")
    async with rig.line(line.server, given) as other:
        await other.listen()
        await line.server.receive(mail.raw, sender=ADDRESS, recipient="sales@brightdesk.example")

        [event] = await other.inbox.has(1)

    assert event.automatic


async def test_an_out_of_office_reply_is_kept_and_marked(line: Line, maya: Customer) -> None:
    await maya.write("Invoice", "Why twice?", to=ADDRESS)
    [question] = await line.inbox.has(1)
    await line.connector.send(line.answer(question, "One was returned."))
    [answer] = await maya.received(1)
    await maya.reply(answer, "I am on holiday.", headers={"Auto-Submitted": "auto-replied"})

    _, away = await line.inbox.has(2)

    assert away.automatic
    assert away.place == question.place
    assert away.reply_context == ""


async def test_a_bounce_is_a_failed_receipt_of_the_very_message(line: Line, maya: Customer) -> None:
    await maya.write("Invoice", "Why twice?", to=ADDRESS)
    [question] = await line.inbox.has(1)
    await line.connector.send(line.answer(question, "One.", delivery=1))
    second = await line.connector.send(line.answer(question, "Two.", delivery=2))
    _, returned = await maya.received(2)
    await maya.bounce(returned)

    _, event = await line.inbox.has(2)

    assert isinstance(event.content, Receipt)
    assert event.content.status is ReceiptStatus.FAILED
    assert event.content.messages == (second.message,)
    assert event.content.code == "send.unreachable"
    assert event.content.reason.startswith("5.1.1")
    assert maya.address not in event.content.reason
    assert event.place == question.place


@pytest.mark.long
@pytest.mark.parametrize(
    ("status", "code"), [("5.7.1", "send.refused"), ("5.2.2", "send.refused"), ("5.1.10", "send.unreachable")]
)
async def test_the_status_of_a_bounce_decides_its_code(
    line: Line, maya: Customer, status: str, code: str
) -> None:
    await maya.write("Invoice", "Why twice?", to=ADDRESS)
    [question] = await line.inbox.has(1)
    await line.connector.send(line.answer(question, "One."))
    [returned] = await maya.received(1)
    await maya.bounce(returned, status=status, words=f"550 {status} no")

    _, event = await line.inbox.has(2)

    assert isinstance(event.content, Receipt)
    assert event.content.code == code


@pytest.mark.long
async def test_a_delayed_mail_is_no_news(line: Line, maya: Customer) -> None:
    await maya.write("Invoice", "Why twice?", to=ADDRESS)
    [question] = await line.inbox.has(1)
    await line.connector.send(line.answer(question, "One."))
    [answer] = await maya.received(1)
    await line.server.bounce(answer, maya.address, status="4.4.1", words="451 4.4.1 later", action="delayed")
    await maya.write("Later", "…", to=ADDRESS)

    _, event = await line.inbox.has(2)

    assert isinstance(event.content, Said)


async def test_a_bounce_of_a_mail_that_is_not_ours_tells_nothing(line: Line, maya: Customer) -> None:
    forged = await maya.write("Invoice", "Why twice?", to="nobody@elsewhere.example")
    await line.server.bounce(
        type(forged)(b"Return-Path: <" + ADDRESS.encode() + b">\r\n" + forged.raw), "x@elsewhere.example"
    )
    await maya.write("Later", "…", to=ADDRESS)

    [event] = await line.inbox.has(1)

    assert said(event).text.startswith("**Later**")


async def test_a_report_that_returns_nothing_of_the_mail_is_understood_by_its_thread(
    line: Line, maya: Customer
) -> None:
    await maya.write("Invoice", "Why twice?", to=ADDRESS)
    [question] = await line.inbox.has(1)
    sent = await line.connector.send(line.answer(question, "One."))
    report = (
        f"From: MAILER-DAEMON@fischer.example\r\nTo: {ADDRESS}\r\nIn-Reply-To: {sent.message}\r\n"
        "Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n"
        "--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx\r\n\r\n"
        f"Final-Recipient: rfc822; {maya.address}\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n--b--\r\n"
    )
    await line.server.receive(report.encode(), sender="", recipient=ADDRESS)

    _, event = await line.inbox.has(2)

    assert isinstance(event.content, Receipt)
    assert event.content.messages == (sent.message,)


async def test_an_answer_that_came_back_from_elsewhere_did_not_reach_the_customer(
    line: Line, maya: Customer
) -> None:
    """From their Reply-To, or from where their mail is passed on to."""
    await maya.write("Invoice", "Why twice?", to=ADDRESS, headers={"Reply-To": "gone@elsewhere.example"})
    [question] = await line.inbox.has(1)
    await line.connector.send(line.answer(question, "One."))  # the provider bounces it by itself

    _, event = await line.inbox.has(2)

    assert isinstance(event.content, Receipt)
    assert event.content.status is ReceiptStatus.FAILED


async def test_a_customer_who_passes_a_report_on_is_heard(line: Line, maya: Customer) -> None:
    """Mail programs pass a bounce on part by part: theirs is no report of a server's."""
    forwarded = (
        f"From: {maya.address}\r\nTo: {ADDRESS}\r\nSubject: Fwd: Undelivered\r\nMessage-ID: <1@x.example>\r\n"
        "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nThis came when I wrote to you.\r\n"
        "--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx\r\n\r\n"
        f"Final-Recipient: rfc822; {ADDRESS}\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n"
        "--b\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: <0@x.example>\r\n--b--\r\n"
    )
    await maya.send_raw(forwarded.encode(), to=ADDRESS)

    [event] = await line.inbox.has(1)

    assert "This came when I wrote to you." in said(event).text
    assert not event.automatic


@pytest.mark.long
async def test_a_bounce_of_somebody_in_copy_is_reported_for_that_mail(line: Line, maya: Customer) -> None:
    await maya.write("Invoice", "Why twice?", to=ADDRESS, cc=["gone@fischer.example"])
    [question] = await line.inbox.has(1)
    sent = await line.connector.send(line.answer(question, "One."))  # the provider bounces the copy by itself

    _, event = await line.inbox.has(2)

    assert event.sender_role is SenderRole.CUSTOMER, "nobody wrote anything"
    assert isinstance(event.content, Receipt)
    assert (event.content.messages, event.content.copied) == ((sent.message,), "gone@fischer.example")
    assert event.content.reason.startswith("5.1.1")
    assert event.place == question.place


def form(reply_to: str, sender: str = "Harbour Bakery website <noreply@shop.example>", **more: str) -> bytes:
    extra = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in more.items())
    return (
        f"From: {sender}\r\nReply-To: {reply_to}\r\nTo: {ADDRESS}\r\nSubject: Contact form\r\n"
        f"Message-ID: <form@shop.example>\r\n{extra}\r\nI was charged twice.\r\n"
    ).encode()


async def test_a_form_that_writes_as_noreply_speaks_for_the_visitor(line: Line) -> None:
    await line.server.receive(
        form("Cleo Brandt <cleo@harbor.example>"), sender="noreply@shop.example", recipient=ADDRESS
    )

    [event] = await line.inbox.has(1)

    assert (event.sender.external_id, event.sender.display_name) == ("cleo@harbor.example", "Cleo Brandt")
    assert not event.automatic
    assert not event.sender.verified, "anybody can type any address into a form"
    assert event.returns is not None
    assert (event.returns.mailbox, event.returns.verified) == ("cleo@harbor.example", False)


@pytest.mark.parametrize(
    "more",
    [
        {"Auto_Submitted": "auto-generated"},
        {"X-Auto-Response-Suppress": "All"},
        {"Precedence": "bulk"},
    ],
)
@pytest.mark.parametrize("sender", ["noreply@shop.example", "wordpress@shop.example"])
async def test_a_form_that_says_it_is_a_program_speaks_for_the_visitor(
    line: Line, sender: str, more: dict[str, str]
) -> None:
    await line.server.receive(form("cleo@harbor.example", sender, **more), sender=sender, recipient=ADDRESS)

    [event] = await line.inbox.has(1)

    assert (event.sender.external_id, event.automatic) == ("cleo@harbor.example", False)


async def test_each_visitor_of_a_form_is_a_customer_of_their_own(line: Line) -> None:
    for who in ("cleo@harbor.example", "ines@garden.example"):
        await line.server.receive(
            form(who, "Shop <wordpress@shop.example>"), sender="wordpress@shop.example", recipient=ADDRESS
        )

    one, other = await line.inbox.has(2)

    assert one.sender.external_id != other.sender.external_id
    assert one.place != other.place


@pytest.mark.parametrize(
    ("reply_to", "more"),
    [
        ("help@shop.example", {}),  # what the shop tells its customers itself
        ("help@mail.shop.example", {}),
        ("no-reply@elsewhere.example", {}),
        ("cleo@harbor.example", {"List-Unsubscribe": "<mailto:stop@shop.example>"}),
        ("cleo@harbor.example", {"Auto_Submitted": "auto-replied"}),
        ("cleo@harbor.example", {"X-Autoreply": "yes"}),
        (
            "cleo@harbor.example",
            {"Auto_Submitted": "auto-generated", "In-Reply-To": "<1@our.example>"},
        ),
        ("cleo@harbor.example", {"Auto_Submitted": "auto-generated", "List-Id": "<news.shop.example>"}),
        ("cleo@harbor.example", {"Precedence": "list"}),
        ("cleo@harbor.example, ines@harbor.example", {}),
    ],
)
async def test_other_mails_of_noreply_are_no_persons(line: Line, reply_to: str, more: dict[str, str]) -> None:
    await line.server.receive(form(reply_to, **more), sender="noreply@shop.example", recipient=ADDRESS)

    [event] = await line.inbox.has(1)

    assert event.automatic


@pytest.mark.long
@pytest.mark.parametrize(
    "headers",
    [
        {"X-BeenThere": "gardening@lists.example"},
        {"X-Mailman-Version": "2.1.15"},
        {"Sender": "owner-gardening@lists.example"},
        {"Sender": "gardening-bounces@lists.example"},
        {"Errors-To": "gardening-owner@lists.example"},
        {"X-Google-Group-Id": "1234567890"},
        {"List-Help": "<mailto:gardening-help@lists.example>"},
        {"X-ML-Name": "gardening"},
        {"X-Sympa-To": "gardening@lists.example"},
        {"X-Campaign": "november"},
        {"Subject": "Gardening Digest, Vol 12, Issue 3"},
        {"Subject": "Reaction Daily Digest - Monday, November 30, 2026"},
    ],
)
async def test_lists_and_digests_without_a_list_id_are_no_persons(
    line: Line, maya: Customer, headers: dict[str, str]
) -> None:
    await maya.write("Roses", "What do you do about lice?", to=ADDRESS, headers=headers)

    [event] = await line.inbox.has(1)

    assert event.automatic


async def test_a_group_of_ours_is_no_list_whatever_its_headers(line: Line, maya: Customer) -> None:
    headers = {
        "X-BeenThere": ADDRESS,
        "X-Google-Group-Id": "1234567890",
        "Sender": "support+owners@x.example",
    }
    await maya.write("Invoice", "Why twice?", to=ADDRESS, headers=headers)

    [event] = await line.inbox.has(1)

    assert not event.automatic


OUTLOOK = (
    "________________________________\nFrom: Bright Desk\nSent: Monday, 30 November 2026 10:00\n"
    "Subject: Re: Invoice\n\nOne."
)


@pytest.mark.long
@pytest.mark.parametrize(
    ("text", "emoji"),
    [
        (f"👍 Maya Fischer reacted to your message:\n{OUTLOOK}", "👍"),
        (f"[❤️] Maya Fischer reacted to your message:\n{OUTLOOK}", "👍"),
        (f"🎉\xa0Maya Fischer hat auf Ihre Nachricht reagiert:\n{OUTLOOK}", "🎉"),
        (f"😆 Maya Fischer a réagi à votre message\xa0:\n{OUTLOOK}", "😆"),
    ],
)
async def test_an_emoji_that_outlook_sends_as_a_mail_is_a_reaction(
    line: Line, maya: Customer, text: str, emoji: str
) -> None:
    await maya.write("Invoice", "Why twice?", to=ADDRESS)
    [question] = await line.inbox.has(1)
    await line.connector.send(line.answer(question, "One was returned."))
    [answer] = await maya.received(1)
    thread = {"In-Reply-To": answer.message_id}
    await maya.write("Reaction to: Invoice", text, to=ADDRESS, headers=thread)

    _, event = await line.inbox.has(2)

    assert event.content == Reacted(answer.message_id, emoji, added=True)
    assert event.place == question.place


async def test_an_emoji_that_gmail_sends_as_a_mail_is_a_reaction(line: Line, maya: Customer) -> None:
    await maya.write("Invoice", "Why twice?", to=ADDRESS)
    [question] = await line.inbox.has(1)
    await line.connector.send(line.answer(question, "One was returned."))
    [answer] = await maya.received(1)
    reaction = (
        f"From: {maya.address}\r\nTo: {ADDRESS}\r\nSubject: Re: Invoice\r\nMessage-ID: <r@x.example>\r\n"
        f"In-Reply-To: {answer.message_id}\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n"
        "--b\r\n\r\nMaya reacted via Gmail\r\n--b\r\nContent-Type: text/vnd.google.email-reaction+json\r\n"
        "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
        '{"emoji":"=F0=9F=99=83","version":1}\r\n--b\r\nContent-Type: text/html\r\n\r\n'
        "<p>Maya reacted</p>\r\n--b--\r\n"
    )
    await maya.send_raw(reaction.encode(), to=ADDRESS)

    _, event = await line.inbox.has(2)

    assert event.content == Reacted(answer.message_id, "🙃", added=True)


@pytest.mark.parametrize(
    "text", ["My boss reacted to your message: she is angry.", "She reacted to your message. Please call."]
)
async def test_words_about_a_reaction_are_words(line: Line, maya: Customer, text: str) -> None:
    await maya.write("Invoice", "Why twice?", to=ADDRESS)
    [question] = await line.inbox.has(1)
    await line.connector.send(line.answer(question, "One was returned."))
    [answer] = await maya.received(1)
    await maya.reply(answer, text)

    _, event = await line.inbox.has(2)

    assert said(event).text == text


async def test_our_mails_ask_outlook_for_no_reactions(line: Line, maya: Customer) -> None:
    await maya.write("Invoice", "Why twice?", to=ADDRESS)
    [question] = await line.inbox.has(1)
    await line.connector.send(line.answer(question, "One was returned."))
    [answer] = await maya.received(1)
    assert answer.header("x-ms-reactions") == "disallow"
