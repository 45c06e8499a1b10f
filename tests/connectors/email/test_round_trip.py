"""Mails out and in again, through a real SMTP and a real IMAP server."""

import base64
from datetime import timedelta
from uuid import UUID

import pytest

from bot.core.errors import Refused
from bot.core.events import Attachment, AttachmentKind, SenderRole
from bot.core.ids import DeliveryId, new_id
from bot.core.outbound import Button, Outbound, Post
from connectors.sandbox.mail import Customer, File
from tests.connectors.email.rig import ADDRESS, HUGO, Line, said


@pytest.fixture
def program() -> str:
    """Name the program that most people write with."""
    return "gmail"


async def test_a_mail_becomes_what_its_author_said(line: Line, maya: Customer) -> None:
    sent = await maya.write("An invoice", "I was charged *twice*.\n\nPlease help.", to=ADDRESS)

    [event] = await line.inbox.has(1)

    assert said(event).text.startswith("**An invoice**\n\nI was charged")
    assert event.message == sent.message_id
    assert event.sender.external_id == "maya@fischer.example"
    assert event.sender.display_name == "Maya Fischer"
    assert event.sender.verified
    assert event.shared
    assert not event.automatic


@pytest.mark.long
@pytest.mark.parametrize("program", ["gmail", "outlook", "apple", "thunderbird", "yahoo", "plain", "bare"])
async def test_question_answer_and_reply_are_one_thread(line: Line, maya: Customer, program: str) -> None:
    await maya.write("Invoice", "Why twice?", to=ADDRESS)
    [question] = await line.inbox.has(1)
    await line.connector.send(line.answer(question, "One of them was **returned**."))
    [answer] = await maya.received(1)
    await maya.reply(answer, "Thank you!", program=program)

    _, reply = await line.inbox.has(2)

    assert reply.place == question.place
    assert reply.sender_role is SenderRole.CUSTOMER
    assert said(reply).text == "Thank you!"
    assert reply.reply_to == answer.message_id


async def test_an_answer_is_text_and_html_with_the_question_quoted(line: Line, maya: Customer) -> None:
    asked = await maya.write("Über die Rechnung", "Warum zweimal?", to=ADDRESS)
    [question] = await line.inbox.has(1)

    sent = await line.connector.send(line.answer(question, "Eine wurde **erstattet**."))

    [answer] = await maya.received(1)
    assert answer.message_id == sent.message
    assert answer.subject == "Re: Über die Rechnung"
    assert answer.header("In-Reply-To") == asked.message_id
    assert asked.message_id in answer.header("References")
    assert "Eine wurde erstattet." in answer.text
    assert "> Warum zweimal?" in answer.text
    assert "<strong>erstattet</strong>" in answer.html
    assert "<blockquote" in answer.html
    assert "always there" in answer.text
    assert "<em>always there</em>" in answer.html
    assert answer.sender == ("Ava (Bright Desk)", ADDRESS)
    assert answer.header("Reply-To").startswith("Bright Desk <support+")


async def test_only_answers_of_a_program_say_that_they_are_automatic(line: Line, maya: Customer) -> None:
    await maya.write("Hello", "Is anybody there?", to=ADDRESS)
    [question] = await line.inbox.has(1)
    await line.connector.send(line.answer(question, "I am a program.", delivery=1))
    await line.connector.send(line.answer(question, "I am Hugo.", delivery=2, speaker=HUGO))

    by_program, by_person = await maya.received(2)

    assert by_program.header("Auto-Submitted") == "auto-replied"
    assert by_program.header("X-Auto-Response-Suppress") == "All"
    assert not by_person.header("Auto-Submitted")
    assert by_person.sender[0] == "Hugo (Bright Desk)"


async def test_a_retry_is_the_same_mail(line: Line, maya: Customer) -> None:
    await maya.write("Hello", "Is anybody there?", to=ADDRESS)
    [question] = await line.inbox.has(1)
    delivery = new_id().int
    first = await line.connector.send(line.answer(question, "Yes.", delivery=delivery))
    line.ahead = timedelta(hours=1)
    second = await line.connector.send(line.answer(question, "Yes.", delivery=delivery))
    other = await line.connector.send(line.answer(question, "Yes.", delivery=8))

    one, two, _ = await maya.received(3)

    assert first.message == second.message == one.message_id == two.message_id
    assert other.message != first.message
    assert one.header("Date") == two.header("Date")
    assert [part.as_bytes() for part in one.message.iter_parts()] == [
        part.as_bytes() for part in two.message.iter_parts()
    ]
    assert one.message.get_boundary() == two.message.get_boundary()


async def test_files_go_both_ways(line: Line, maya: Customer) -> None:
    picture, report = b"\x89PNG\r\n\x1a\n" + bytes(3000), b"%PDF-1.7 " + bytes(5000)
    await maya.write("Files", "See below", to=ADDRESS, attachments=[File("shot.png", "image/png", picture)])
    [event] = await line.inbox.has(1)
    shot, original = said(event).attachments
    assert (shot.kind, shot.name, shot.mime_type) == (AttachmentKind.PHOTO, "shot.png", "image/png")
    assert original.kind is AttachmentKind.ORIGINAL

    assert await line.fetched(shot.ref) == picture
    assert b"Subject: Files" in await line.fetched(original.ref)

    line.files.kept["f1"] = report
    document = Attachment(
        kind=AttachmentKind.DOCUMENT,
        ref="",
        name="Übersicht.pdf",
        mime_type="application/pdf",
        size=5009,
        file="f1",
    )
    sent = await line.connector.send(line.answer(event, Post("Here it is.", attachments=(document,))))
    [answer] = await maya.received(1)

    assert not sent.more
    assert [(file.name, file.content) for file in answer.files] == [("Übersicht.pdf", report)]


CARD = "4111 1111 1111 1111"


async def test_a_card_number_is_masked_in_the_quote_of_our_answer(line: Line, maya: Customer) -> None:
    await maya.write(f"Card {CARD}", f"My card is {CARD}.", to=ADDRESS)
    [question] = await line.inbox.has(1)
    await line.connector.send(line.answer(question, "Please never send us that."))

    [answer] = await maya.received(1)

    assert answer.subject == "Re: Card •••• •••• •••• 1111"
    assert "> My card is •••• •••• •••• 1111." in answer.text
    assert "4111" not in answer.text + answer.html


HEAD = f"From: maya@fischer.example\r\nTo: {ADDRESS}\r\n"
WITH_A_CARD = {
    "in base64": "Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    + base64.b64encode(f"My card: {CARD}".encode()).decode(),
    "in HTML": "Content-Type: text/html\r\n\r\n<p>My card: 4111<b>1111</b>1111&nbsp;1111</p>",
    "in a quote": f"In-Reply-To: <a@b.example>\r\n\r\nYes.\r\n\r\nOn Monday, Ava wrote:\r\n> {CARD}\r\n",
    "in the subject": f"Subject: {CARD}\r\n\r\nSee above.\r\n",
    "in an invitation": "Content-Type: text/calendar\r\n\r\nBEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n"
    f"SUMMARY:{CARD}\r\nDTSTART:20260302T100000Z\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
    "in the name of a file": "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nSee it.\r\n--b\r\n"
    f'Content-Type: image/png; name="{CARD}.png"\r\n\r\nx\r\n--b--\r\n',
}


@pytest.mark.long
@pytest.mark.parametrize("mail", WITH_A_CARD.values(), ids=WITH_A_CARD)
async def test_a_mail_that_holds_a_card_number_is_not_handed_out_as_it_came(
    line: Line, maya: Customer, mail: str
) -> None:
    await maya.send_raw((HEAD + mail).encode(), to=ADDRESS)
    [event] = await line.inbox.has(1)
    original = said(event).attachments[-1]
    assert original.kind is AttachmentKind.ORIGINAL

    with pytest.raises(Refused, match="it holds a payment card number"):
        await line.fetched(original.ref)


async def test_a_mail_is_handed_out_whatever_numbers_its_links_hold(line: Line, maya: Customer) -> None:
    raw = f'{HEAD}Content-Type: text/html\r\n\r\n<a href="https://b.example/?id=4111111111111111">News</a>'
    await maya.send_raw(raw.encode(), to=ADDRESS)
    [event] = await line.inbox.has(1)
    assert b"News" in await line.fetched(said(event).attachments[-1].ref)


@pytest.mark.long
async def test_a_passed_on_mail_with_a_card_number_is_not_handed_out(line: Line, maya: Customer) -> None:
    inner = f"From: bo@b.example\r\nSubject: Card\r\n\r\n{CARD}\r\n"
    raw = (
        f"{HEAD}Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nSee his mail.\r\n--b\r\n"
        f"Content-Type: message/rfc822\r\n\r\n{inner}\r\n--b--\r\n"
    )
    await maya.send_raw(raw.encode(), to=ADDRESS)
    [event] = await line.inbox.has(1)
    passed_on, _ = said(event).attachments
    assert passed_on.mime_type == "message/rfc822"

    with pytest.raises(Refused, match="it holds a payment card number"):
        await line.fetched(passed_on.ref)


async def test_pictures_of_the_quoted_mail_are_no_files(line: Line, maya: Customer) -> None:
    markup = '<p>See <img src="cid:new@x"></p><blockquote type="cite"><img src="cid:old@x"></blockquote>'
    parts = "".join(
        f"--b\r\nContent-Type: image/png\r\nContent-ID: <{name}@x>\r\n\r\n{name}\r\n"
        for name in ("new", "old")
    )
    raw = (
        f"From: {maya.address}\r\nTo: {ADDRESS}\r\nContent-Type: multipart/related; boundary=b\r\n\r\n--b\r\n"
        f"Content-Type: text/html\r\n\r\n{markup}\r\n{parts}--b--\r\n"
    )
    await maya.send_raw(raw.encode(), to=ADDRESS)

    [event] = await line.inbox.has(1)

    picture, original = said(event).attachments
    assert await line.fetched(picture.ref) == b"new"
    assert original.kind is AttachmentKind.ORIGINAL


async def test_files_too_large_for_one_mail_take_another(line: Line, maya: Customer) -> None:
    await maya.write("Files", "All of them, please", to=ADDRESS)
    [event] = await line.inbox.has(1)
    line.files.kept |= {"a": b"a" * 10, "b": b"b" * 10}
    files = tuple(
        Attachment(kind=AttachmentKind.DOCUMENT, ref="", name=f"{name}.bin", size=12 * 1024 * 1024, file=name)
        for name in "ab"
    )
    post = Post("Here they are.", attachments=files)
    first = await line.connector.send(line.answer(event, post))
    second = await line.connector.send(line.answer(event, post, part=1))

    one, two = await maya.received(2)

    assert first.more
    assert not second.more
    assert [[file.name for file in mail.files] for mail in (one, two)] == [["a.bin"], ["b.bin"]]
    assert one.message_id != two.message_id


async def test_choices_are_numbered_lines(line: Line, maya: Customer) -> None:
    await maya.write("Hello", "Which plans are there?", to=ADDRESS)
    [event] = await line.inbox.has(1)
    choices = (Button("plan", "s", "Small"), Button("plan", "l", "Large"))

    await line.connector.send(line.answer(event, Post("Two:", buttons=choices)))

    [answer] = await maya.received(1)
    assert "1. Small" in answer.text
    assert "2. Large" in answer.text


async def test_people_in_copy_are_kept_and_answered(line: Line, maya: Customer) -> None:
    boss = line.server.customer("boss@fischer.example")
    await maya.write("Invoice", "Why twice?", to=ADDRESS, cc=[boss.address, ADDRESS, maya.address])
    [event] = await line.inbox.has(1)
    await line.connector.send(line.answer(event, "One was returned."))

    _, to_maya = await maya.received(2)  # each had a copy of the question
    _, to_boss = await boss.received(2)

    assert to_maya.message_id == to_boss.message_id
    assert to_maya.header("Cc") == "boss@fischer.example"
    assert to_maya.header("To") == "Maya Fischer <maya@fischer.example>"


async def test_a_program_writes_to_few_of_those_in_copy_and_a_person_to_all(
    line: Line, maya: Customer
) -> None:
    others = [line.server.customer(f"mia{number}@fischer.example") for number in range(12)]
    await maya.write("Invoice", "Why twice?", to=ADDRESS, cc=[each.address for each in others])
    [event] = await line.inbox.has(1)

    await line.connector.send(line.answer(event, "One was returned."))
    [answer] = await maya.received(1)
    assert answer.header("Cc").count("@") == 5
    assert [len(each.inbox) for each in others] == [2] * 5 + [1] * 7

    await line.connector.send(line.answer(event, "Yes.", delivery=8, speaker=HUGO))
    _, answer = await maya.received(2)
    assert answer.header("Cc").count("@") == 12


async def test_we_can_write_first(line: Line, maya: Customer) -> None:
    place, context = line.connector.begin(maya.address, "Your order")

    await line.connector.send(Outbound(DeliveryId(UUID(int=1)), place, Post("It is ready."), context=context))
    [mail] = await maya.received(1)
    await maya.reply(mail, "I am coming.")

    [event] = await line.inbox.has(1)

    assert mail.subject == "Your order"
    assert mail.header("Auto-Submitted") == "auto-generated"
    assert event.place == place
    assert said(event).text == "I am coming."


async def test_a_mail_tells_whether_its_author_alone_reads_the_answer(line: Line, maya: Customer) -> None:
    boss = line.server.customer("boss@fischer.example")
    elsewhere = {"Reply-To": boss.address}
    await maya.write("Alone", "Hello", to=ADDRESS)
    await maya.write("With the boss", "Hello", to=ADDRESS, cc=[boss.address])
    await maya.write("To the boss", "Hello", to=ADDRESS, headers=elsewhere)
    events = await line.inbox.has(3)
    assert [event.sole_reader for event in events] == [True, False, False]
