# ruff: noqa: E501 - headers are one line
"""Mails that are not as they should be, one file each."""

from pathlib import Path

import pytest

from connectors.email.reading import Mail, read
from connectors.email.reading import files as files_of

MAILS = Path(__file__).parent / "mails"
OWN = ("support@acme.example",)


def reading(name: str) -> Mail:
    return read((MAILS / f"{name}.eml").read_bytes(), trusted_servers=(), own_addresses=OWN)


RUSSIAN = "Здравствуйте, мой заказ до сих пор не пришёл. Проверьте, пожалуйста, что случилось."


@pytest.mark.parametrize(
    ("name", "new"),
    [
        ("utf8_called_latin1", "Schöne Grüße aus Köln – 25 €"),
        ("windows1251_called_latin1", RUSSIAN),
        ("koi8_called_utf8", RUSSIAN),
        ("windows1251_raw_headers", "Где мой заказ?"),
        ("iso2022jp", "荷物が届きません。"),
        ("unknown_charset", "Grüße aus München"),
        ("gbk_called_gb2312", "請問訂單在哪裡？謝謝。"),
        ("no_last_boundary", "Cut off in the mid"),
        ("multipart_without_parts", "Just text."),
        ("two_texts", "Look at this:\n\nAnd tell me."),
        ("calendar", "Please join us."),
        ("smime_signed", "This is signed."),
        ("only_image", ""),
        ("uuencoded", "Here it is.\n\nBye"),
        ("pasted_quote", "Your program says:\n\n> Error 17\n> Disk full\n\nWhat shall I do?"),
        ("postscript", "It works.\n\nBest regards\nMaria\n\nPS: Please send the invoice again."),
        ("contact_form", "From: Peter\nSubject: Question\nDate: 2023-04-05\n\nHow much is it?"),
        ("under_signature", "Please call me."),
        ("all_quoted", ""),
        ("disclaimer", "Please cancel."),
        ("mailing_list", "News."),
        (
            "thanks",
            "It works.\n\nThanks, I would like to know the price too.\nBest regards are not everything.",
        ),
    ],
)
def test_the_new_part_of_an_odd_mail_is_found(name: str, new: str) -> None:
    assert reading(name).new == new


@pytest.mark.parametrize(
    ("kind", "body", "new"),
    [
        ('text/plain; charset=utf-8; name="body.txt"', "Hello thöre", "Hello thöre"),
        (
            'text/html; charset=utf-8; name="body.html"\r\nContent-Disposition: inline',
            "<p>Hello thöre</p>",
            "Hello thöre",
        ),
        (
            "multipart/mixed; boundary=b",
            '--b\r\nContent-Type: text/html; name="m.html"\r\n\r\n<p>Hello</p>\r\n--b--',
            "Hello",
        ),
        (
            "multipart/mixed; boundary=b",
            '--b\r\n\r\nHello\r\n--b\r\nContent-Type: text/plain; name="log.txt"\r\n\r\nlog\r\n--b--',
            "Hello",
        ),
        ('text/plain\r\nContent-Disposition: attachment; filename="log.txt"', "log", ""),
        ("text/plain charset=utf-8", "Hello thöre", "Hello thöre"),
        ("plain; charset=utf-8", "Hello thöre", "Hello thöre"),
        ("html; charset=utf-8", "<p>Hello thöre</p>", "Hello thöre"),
        ("text/html; charset=utf-16", "<p>Hello there</p>", "Hello there"),
    ],
)
def test_text_is_read_however_it_is_labelled(kind: str, body: str, new: str) -> None:
    raw = f"From: a@example.org\r\nContent-Type: {kind}\r\n\r\n{body}".encode()
    assert read(raw, trusted_servers=(), own_addresses=()).new == new


@pytest.mark.parametrize(
    ("header", "sender"),
    [
        ("Maria maria@example.org", ("maria@example.org", "Maria")),
        ("Maria de la Cruz maria@example.org", ("maria@example.org", "Maria de la Cruz")),
        ("maria@example.org", ("maria@example.org", "")),
        ("a@example.org b@example.org", ("", "")),
    ],
)
def test_a_sender_without_brackets_is_known(header: str, sender: tuple[str, str]) -> None:
    mail = read(f"From: {header}\r\n\r\nHello".encode(), trusted_servers=(), own_addresses=())
    assert (mail.sender.address, mail.sender.name) == sender


def test_two_dashes_in_a_text_are_no_signature_but_the_last() -> None:
    raw = b"From: a@example.org\r\n\r\nMy list:\n--\napples\npears\n--\nMaria"
    assert read(raw, trusted_servers=(), own_addresses=()).new == "My list:\n--\napples\npears"
    listed = raw + b"\n--\nYou received this message because you are subscribed to the group"
    assert read(listed, trusted_servers=(), own_addresses=()).new == "My list:\n--\napples\npears"


def test_html_becomes_markdown_and_nothing_of_it_is_fetched_or_run() -> None:
    mail = reading("html_only")
    assert mail.new == (
        "My order is **late**, see [the order](https://example.org/o/1).\n\n- shoes\n- socks € 5\n\n"
        "| Item | Price |\n| --- | --- |\n| Shoes | 50 |\n\nbad"
    )


def test_headers_in_raw_8_bit_letters_are_read() -> None:
    mail = reading("windows1251_raw_headers")
    assert mail.subject == "Вопрос о заказе и доставке товара"
    assert (mail.sender.name, mail.sender.address) == ("Мария Иванова", "maria@example.org")


def test_japanese_headers_are_read() -> None:
    mail = reading("iso2022jp")
    assert (mail.sender.name, mail.subject) == ("田中", "注文の件")


def test_an_encoded_word_that_ends_within_a_letter_is_read() -> None:
    assert reading("words_cut").subject == "Größenänderung"


@pytest.mark.parametrize(
    ("name", "files"),
    [
        ("name_in_three_pieces", [("Größen und Preise.pdf", "application/pdf", False)]),
        ("evil_name", [("x.exe", "application/octet-stream", False), ("passwd.txt", "text/plain", False)]),
        ("only_image", [("IMG_0001.jpg", "image/jpeg", True)]),
        ("calendar", [("invite.ics", "text/calendar", False)]),
        ("smime_signed", [("rows.csv", "text/csv", False)]),
        ("uuencoded", [("note.txt", "application/octet-stream", False)]),
        ("two_texts", [("a.png", "image/png", True)]),
        ("forwarded_as_file", [("Ihre Bestellung ü.eml", "message/rfc822", False), ("bill.pdf", "application/pdf", False)]),
    ],
)  # fmt: skip
def test_the_files_of_an_odd_mail_are_found(name: str, files: list[tuple[str, str, bool]]) -> None:
    mail = reading(name)
    assert [(part.name, part.mime, part.inline) for part in mail.attachments] == files
    raw = (MAILS / f"{name}.eml").read_bytes()
    assert [files_of(raw)[part.index][1] for part in mail.attachments] == [
        part.data for part in mail.attachments
    ]


def test_pictures_that_are_only_in_the_cut_part_are_known() -> None:
    """Outlook sends the logo of the signature, and all pictures of the mail answered, with every mail."""
    markup = (
        '<p>See this:</p><p><img src="cid:screen@x" alt=""></p><p><img src="CID:both%40x"></p><p>Kind regards</p><p>Maria</p>'
        '<p><img src="cid:logo@x" width="200"></p><div id="divRplyFwdMsg">From: Acme</div><p><img src="cid:theirs@x"><img src="cid:both@x"></p>'
    )
    pictures = "".join(
        f"--b\r\nContent-Type: image/png\r\nContent-ID: <{name}@x>\r\nContent-Disposition: inline\r\n\r\n{name}\r\n"
        for name in ("screen", "both", "logo", "theirs", "nowhere")
    )
    raw = (
        "From: a@example.org\r\nIn-Reply-To: <o@acme.example>\r\nContent-Type: multipart/related; boundary=b\r\n\r\n"
        f"--b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n{markup}\r\n{pictures}--b--\r\n"
    )
    mail = read(raw.encode(), trusted_servers=(), own_addresses=())

    assert mail.new == "See this:\n\n[image]\n\n[image]"
    assert mail.old_pictures == {"logo@x", "theirs@x"}
    assert len(mail.attachments) == 5


def test_the_bytes_of_a_uuencoded_file() -> None:
    assert reading("uuencoded").attachments[0].data == b"hello world\n"


def test_a_forwarded_mail_is_content() -> None:
    mail = reading("forwarded_apple")
    assert mail.new.startswith("Bitte ansehen.\n\nAnfang der weitergeleiteten Nachricht:")
    assert "> Ihre Bestellung wurde storniert." in mail.new
    assert mail.forwarded == "Shop <shop@example.net>"


def test_a_mail_within_the_mail_is_read_too() -> None:
    mail = reading("forwarded_as_file")
    new = mail.new
    assert mail.forwarded == "Shop <shop@example.net>"
    assert new.startswith(
        "What does this mean?\n\n---------- Forwarded message ----------\nFrom: Shop <shop@example.net>\n"
    )
    assert "Subject: Ihre Bestellung ü" in new
    assert new.endswith("Your order was cancelled.\n> kept")


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("absence_exchange", "auto-replied"),
        ("absence_gmail", "auto-replied"),
        ("absence_bare", "auto-replied"),
        ("mailing_list", "list"),
        ("newsletter", "newsletter"),
        ("own_group", ""),
        ("read_receipt", "report"),
        ("dsn_postfix", "report"),
        ("bounce_qmail", "report"),
        ("html_only", ""),
    ],
)
def test_a_mail_of_a_robot_is_known_with_its_reason(name: str, why: str) -> None:
    assert reading(name).automatic == why


@pytest.mark.parametrize(
    ("headers", "why"),
    [
        (b"From: Support <support+x@acme.example>", "own"),
        (b"From: noreply@example.org", "no-reply"),
        (b"From: do-not-reply@example.org", "no-reply"),
        (b"From: orders-noreply@example.org", "no-reply"),
        (b"From: MAILER-DAEMON@example.org", "daemon"),
        (b"From: a@example.org\r\nReturn-Path: <>", "daemon"),
        (b"From: a@example.org\r\nReturn-Path: <a@example.org>", ""),
        (b"From: a@example.org\r\nAuto-Submitted: no", ""),
        (b"From: a@example.org\r\nAuto-Submitted: auto-replied (vacation)", "auto-replied"),
        (b"From: a@example.org\r\nAuto-Submitted: auto-notified; owner-email=x", "auto-generated"),
        (b"From: a@example.org\r\nX-Auto-Response-Suppress: DR, RN, NRN, OOF, AutoReply", "suppressed"),
        (b"From: a@example.org\r\nPrecedence: bulk", "bulk"),
        (b"From: a@example.org\r\nX-Autorespond: x", "auto-replied"),
        (b"From: <>", "no-sender"),
        (b"From: norbert.replyman@example.org", ""),
    ],
)
def test_robots_are_known_by_their_headers(headers: bytes, why: str) -> None:
    assert read(headers + b"\r\n\r\nhello", trusted_servers=(), own_addresses=OWN).automatic == why


@pytest.mark.parametrize(
    ("name", "original", "recipient", "status", "fate"),
    [
        ("dsn_postfix", "<out-1@acme.example>", "maria@example.org", "5.1.1", "permanent"),
        ("dsn_exchange", "<out-2@acme.example>", "Maria@Example.org", "5.2.2", "permanent"),
        ("dsn_gmail_delayed", "<out-3@acme.example>", "maria@example.org", "4.4.1", "delayed"),
        ("dsn_two", "<out-4@acme.example>", "two@example.org", "5.7.1", "permanent"),
        ("bounce_exim", "<out-5@acme.example>", "maria@example.org", "5.1.1", "permanent"),
        ("bounce_qmail", "<out-6@acme.example>", "maria@example.org", "5.1.1", "permanent"),
    ],
)
def test_a_delivery_report_is_read(name: str, original: str, recipient: str, status: str, fate: str) -> None:
    bounce = reading(name).bounce
    assert bounce is not None
    assert (bounce.original, bounce.recipient, bounce.status, bounce.fate) == (
        original,
        recipient,
        status,
        fate,
    )
    assert "@" not in bounce.diagnostic
    assert "http" not in bounce.diagnostic


def test_a_report_on_two_recipients_is_two_reports() -> None:
    assert [bounce.fate for bounce in reading("dsn_two").bounces] == ["delivered", "permanent"]


def test_the_words_of_the_mail_that_came_back_are_no_content() -> None:
    assert "secret" not in reading("dsn_postfix").full
    assert reading("dsn_postfix").attachments == ()


def test_a_person_who_quotes_a_report_reports_nothing() -> None:
    raw = b"From: a@example.org\r\n\r\nI got: could not be delivered to one or more of its recipients: b@example.org 550 5.1.1 x"
    assert read(raw, trusted_servers=(), own_addresses=()).bounces == ()


HEAD = '<a href="mailto:support@acme.example">Acme</a>'


@pytest.mark.parametrize(
    "markup",
    [
        # Mail.ru and Yandex name no kind of quote, Hotmail and Windows Mail only show a header block.
        'Call me.<br><br>Wed, 5 Apr 2023 10:02:51 +0400 от Acme &lt;support@acme.example&gt;:<br>\n<blockquote style="margin:10px"><div>Hello<br>you</div></blockquote><br>',
        "<p>Call me.<br /><br />05.04.2023, 10:02, &quot;Acme&quot; &lt;support@acme.example&gt;:</p><blockquote> Hello<br /><br /> you</blockquote>",
        "<div>Call me.<br><br><div><hr id='stopSpelling'>Date: Wed, 5 Apr 2023 10:02:45 +0400<br>Subject: x<br>From: support@acme.example<br>To: a@example.org<br><br><div>Hello</div></div></div>",
        # The new Outlook for Mac names the head alone, Front its signature.
        '<div>Call me.</div><div id="mail-editor-reference-message-container" class="ms-outlook-mobile-reference-message skipProofing"><b>From: </b>Acme<br><b>Date: </b>Wednesday, 5 April 2023<br></div><div class="ms-outlook-mobile-reference-message skipProofing"><div>Hello</div></div>',
        '<div>Call me.</div><div class="front-signature">Maria</div><br><blockquote type="cite" class="front-blockquote"><div>On April 5, 2023 at 10:02 AM, support@acme.example wrote:</div><div>Hello</div></blockquote>',
        f"<div>Call me.</div><div style='border-top-width:1px'><div><b>От:</b>&nbsp;{HEAD}<br><b>Отправлено:</b>&nbsp;среда, 5 апреля 2023 г. 10:02<br><b>Кому:</b>&nbsp;{HEAD}</div></div><div>Hello</div>",
    ],
)
def test_a_quotation_is_found_though_its_program_marks_nothing(markup: str) -> None:
    head = b"From: a@example.org\r\nIn-Reply-To: <o@acme.example>\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"
    mail = read(head + markup.encode(), trusted_servers=(), own_addresses=())
    assert mail.new == "Call me."
    assert "Hello" in mail.quoted
