"""Arbitrary mails: the event made of each can be stored."""

import re
from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import default

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.core.errors import Refused
from bot.core.events import Said
from bot.core.outbound import Speaker
from connectors.email.composing import Envelope, File, Letterhead, compose
from connectors.email.context import MAX_BYTES, ReplyContext, read_context
from connectors.email.imap import packed, quoted
from connectors.email.incoming import MailLocation
from connectors.email.intake import Intake, ReadingBudget
from connectors.email.reading import read
from connectors.email.servers import TrustedServers
from connectors.email.settings import read_settings
from connectors.email.submission import Stage, as_send_error
from connectors.email.threads import Threads
from storage.platform_ids import check_ids
from tests.connectors.email import rig
from tests.lengths import times

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
SETTINGS = read_settings(rig.settings({"address": rig.ADDRESS, "imap": "localhost", "smtp": "localhost"}))
SERVERS = TrustedServers((), rig.Vault(), lambda: NOW)
INTAKE = Intake(SETTINGS, Threads(b"key", "support"), rig.no_dns, SERVERS, ReadingBudget())
_BUSY = [HealthCheck.too_slow]  # others use the machine as well
_LINES = st.sampled_from(
    [
        "From: Maya <maya@fischer.example>",
        'From: "a, b" <@>, <x@y>, ',
        "From: =?utf-8?q?=00=ff?= <maya@fischer.example>",
        "To: support@brightdesk.example",
        "To: support+abc@brightdesk.example",
        "Subject: Hello",
        "Subject: =?iso-2022-jp?b?AAAA?=",
        "Message-ID: <1@x.example>",
        "Message-ID: <\0@x.example>",
        f"From: {'m' * 64}@{'fischer.' * 24}example",
        "In-Reply-To: <\0@x.example>",
        "Message-ID: <" + "m" * 900 + "@x>",
        "In-Reply-To: <00000000000000000000000000000007.0.aaaaaaaaaaaaaaaabbbbbbbb.cccccccccccccccc@x>",
        "References: " + " ".join(f"<{number}{'r' * 300}@x>" for number in range(99)),
        "Date: Sun, 99 Nov 2026 99:99:99 +9999",
        "Content-Type: multipart/report; report-type=delivery-status; boundary=b",
        "Content-Type: text/html; charset=klingon",
        "Auto-Submitted: auto-replied",
        "Reply-To: " + ", ".join(f"r{number}@x.example" for number in range(50)),
        "Cc: " + ", ".join(f"{'c' * 60}{number}@x.example" for number in range(500)),
    ]
)


@settings(max_examples=times(150), deadline=None, suppress_health_check=_BUSY)
@given(st.lists(_LINES, max_size=8), st.binary(max_size=300) | st.text(max_size=5000).map(str.encode))
async def test_every_mail_makes_events_that_can_be_kept(head: list[str], body: bytes) -> None:
    raw = "\r\n".join(head).encode() + b"\r\n\r\n" + body

    for event in await INTAKE.events(raw, MailLocation("imap;1;2", "INBOX", len(raw)), NOW):
        check_ids(event)
        assert event.external_id
        assert "\0" not in event.reply_to
        assert len(event.reply_context.encode()) <= MAX_BYTES
        assert event.occurred_at <= NOW
        again = await INTAKE.events(raw, MailLocation("imap;3;4", "INBOX"), NOW)
        assert event.external_id in [each.external_id for each in again]
        if event.reply_context:
            assert read_context(event.reply_context) is not None
        if isinstance(event.content, Said):
            assert "\0" not in event.content.text
            event.content.text.encode()


_CONTEXTS = st.builds(
    ReplyContext,
    thread=st.text(max_size=20),
    address=st.emails(),
    to=st.emails(),
    vouched=st.booleans(),
    name=st.text(max_size=300),
    subject=st.text(max_size=500),
    in_reply_to=st.text(max_size=300),
    references=st.lists(st.text(max_size=300), max_size=40).map(tuple),
    cc=st.lists(st.emails(), max_size=30).map(tuple),
    quoted=st.text(max_size=6000),
    at=st.text(max_size=30),
)


@pytest.mark.long
@settings(deadline=None, suppress_health_check=_BUSY)
@given(_CONTEXTS)
def test_a_context_keeps_who_is_answered_within_its_bounds(context: ReplyContext) -> None:
    text = context.text()
    read = read_context(text)

    assert len(text.encode()) <= MAX_BYTES
    assert read is not None
    assert (read.address, read.to, read.vouched) == (context.address, context.to, context.vouched)


@given(st.text(max_size=200))
def test_no_text_is_read_as_a_context_by_chance(text: str) -> None:
    assert read_context(text) is None


_TYPES = ["", "text/plain", "message/rfc822", "multipart/mixed", "a/b", "\r\n/x", "image/png; x=y"]


@settings(max_examples=times(60), deadline=None, suppress_health_check=_BUSY)
@given(
    _CONTEXTS,
    st.text(max_size=2000),
    st.text(max_size=80),
    st.lists(
        st.tuples(
            st.text(max_size=80), st.sampled_from(["", "text/plain", "message/rfc822", "a/b", "\r\n/x"])
        )
    ),
)
def test_every_answer_is_a_mail_that_programs_can_read(
    context: ReplyContext, markdown: str, name: str, files: list[tuple[str, str]]
) -> None:
    envelope = Envelope(
        message_id="<7.0@brightdesk.example>",
        reply_to="support+token@brightdesk.example",
        at=NOW,
        speaker=Speaker(name, human=False),
    )
    given_files = [File(file, mime, b"content") for file, mime in files]
    letterhead = Letterhead(address=rig.ADDRESS, name=name, signature=markdown[:50])
    try:
        raw = compose(markdown, given_files, context, envelope, letterhead)
    except Refused:
        return  # an address that no mail server takes
    mail = message_from_bytes(raw, policy=default)

    assert raw.isascii()
    assert raw.replace(b"\r\n", b"").count(b"\n") == 0
    assert max(len(line) for line in raw.split(b"\r\n")) <= 998
    assert mail["Message-ID"] == "<7.0@brightdesk.example>"
    assert set(mail.keys()) <= {
        "From", "To", "Cc", "Message-ID", "Reply-To", "In-Reply-To", "References", "Auto-Submitted",
        "X-Auto-Response-Suppress", "Subject", "Date", "MIME-Version", "Content-Type",
        "x-ms-reactions",
    }  # fmt: skip
    assert raw == compose(markdown, given_files, context, envelope, letterhead)


@pytest.mark.long
@settings(deadline=None)
@given(st.text(st.characters(categories=["L"]), min_size=1, max_size=80))
def test_no_encoded_word_is_longer_than_programs_read(name: str) -> None:
    """RFC 2047 section 2: 75 characters; a name in Cyrillic is soon longer."""
    context = ReplyContext(thread="t", address="maya@fischer.example", to="maya@fischer.example", name=name)
    envelope = Envelope(message_id="<7.0@x.example>", reply_to=rig.ADDRESS, at=NOW, speaker=None)
    raw = compose("Hello", (), context, envelope, Letterhead(address=rig.ADDRESS, name=name))
    mail = read(raw, trusted_servers=(), own_addresses=())

    assert all(len(word) <= 75 for word in re.findall(rb"=\?utf-8\?\S+", raw))
    assert mail.sender.name == mail.to[0].name == name[:60]


@given(st.integers(200, 599), st.text(max_size=100), st.sampled_from(Stage))
def test_no_answer_of_a_server_is_repeated_in_an_error(code: int, words: str, stage: Stage) -> None:
    error = as_send_error(code, f"{words} maya@fischer.example", stage)

    assert "maya" not in error.reason


def test_folders_are_named_as_servers_name_them() -> None:
    assert packed("Kunden & Müller/日本") == "Kunden &- M&APw-ller/&ZeVnLA-"
    assert quoted('a"b\\c') == '"a\\"b\\\\c"'
