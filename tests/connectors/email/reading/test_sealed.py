# ruff: noqa: E501 - markup reads better whole
"""Mails that are signed or encrypted, and invitations without a word."""

import base64
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs7
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.email.reading import Mail, files, read
from connectors.email.reading.smime import is_encrypted, signed_content

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
NAME = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Maria")])
CERTIFICATE = (
    x509.CertificateBuilder()
    .subject_name(NAME)
    .issuer_name(NAME)
    .public_key(KEY.public_key())
    .serial_number(1)
    .not_valid_before(datetime.now(UTC) - timedelta(days=1))
    .not_valid_after(datetime.now(UTC) + timedelta(days=1))
    .sign(KEY, hashes.SHA256())
)
INNER = (
    b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nPlease cancel.\r\n"
    b"--b\r\nContent-Type: text/csv; name=rows.csv\r\n\r\na,b\r\n--b--\r\n"
)


def mail(headers: str, body: bytes) -> Mail:
    raw = b"From: Maria <maria@example.org>\r\nSubject: x\r\n" + headers.encode() + b"\r\n\r\n" + body
    read_mail = read(raw, trusted_servers=(), own_addresses=())
    assert [files(raw)[part.index][1] for part in read_mail.attachments] == [
        part.data for part in read_mail.attachments
    ]
    return read_mail


def smime(data: bytes) -> Mail:
    head = "Content-Type: application/pkcs7-mime; name=smime.p7m\r\nContent-Transfer-Encoding: base64"
    return mail(head, base64.encodebytes(data))


def signed() -> bytes:
    builder = pkcs7.PKCS7SignatureBuilder().set_data(INNER).add_signer(CERTIFICATE, KEY, hashes.SHA256())
    return builder.sign(serialization.Encoding.DER, [pkcs7.PKCS7Options.Binary])


def streamed(inner: bytes) -> bytes:
    """As OpenSSL writes it: lengths left open, the content in pieces."""
    pieces = b"".join(b"\x04" + bytes([len(cut)]) + cut for cut in (inner[:100], inner[100:]))
    data = b"\x06\x09" + bytes.fromhex("2a864886f70d010701") + b"\xa0\x80\x24\x80" + pieces + b"\0\0\0\0"
    signed_data = b"\x02\x01\x01\x31\x00\x30\x80" + data + b"\0\0" + b"\x31\x00"
    kind = b"\x06\x09" + bytes.fromhex("2a864886f70d010702")
    return b"\x30\x80" + kind + b"\xa0\x80\x30\x80" + signed_data + b"\0\0" * 3


def test_a_mail_within_its_own_signature_is_read() -> None:
    for data in (signed(), streamed(INNER)):
        read_mail = smime(data)
        assert read_mail.new == "Please cancel."
        assert [part.name for part in read_mail.attachments] == ["rows.csv"]


def test_a_signature_within_a_signature_is_a_file() -> None:
    nested = b"Content-Type: application/pkcs7-mime\r\n\r\n" + streamed(INNER)
    assert [part.mime for part in smime(streamed(nested)).attachments] == ["application/pkcs7-mime"]


def test_an_encrypted_mail_is_said_to_be_encrypted() -> None:
    builder = pkcs7.PKCS7EnvelopeBuilder().set_data(INNER).add_recipient(CERTIFICATE)
    read_mail = smime(builder.encrypt(serialization.Encoding.DER, []))
    assert read_mail.new == "[encrypted: only who has the key can read it]"
    assert [part.name for part in read_mail.attachments] == ["smime.p7m"]


def test_a_pgp_mail_is_said_to_be_encrypted() -> None:
    body = (
        b"--b\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n--b\r\n"
        b"Content-Type: application/octet-stream; name=encrypted.asc\r\n\r\n-----BEGIN PGP MESSAGE-----\r\n--b--\r\n"
    )
    read_mail = mail("Content-Type: multipart/encrypted; boundary=b", body)
    assert read_mail.new == "[encrypted: only who has the key can read it]"
    assert [part.name for part in read_mail.attachments] == ["encrypted.asc"]


ARMOR = (
    "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nPlease cancel.\n\n- - one\n- - two\n"
    "-----BEGIN PGP SIGNATURE-----\n\niQEzBAEBCAAdFiEE\n=abcd\n-----END PGP SIGNATURE-----\n"
)


def test_a_pgp_signature_in_the_text_is_no_text() -> None:
    assert mail("Content-Type: text/plain", ARMOR.encode()).new == "Please cancel.\n\n- one\n- two"


@pytest.mark.parametrize("text", [ARMOR.replace("END PGP", "END"), f"You sent this:\n{ARMOR}"])
def test_a_text_that_only_looks_signed_stays(text: str) -> None:
    assert "BEGIN PGP SIGNED" in mail("Content-Type: text/plain", text.encode()).new


def test_no_bytes_keep_the_reader_busy() -> None:
    for data in (b"\x30\x80" * 500_000, b"\x30\x80" + b"\x04\x00" * 5_000_000, b"\x30\x84\xff\xff\xff\xff"):
        assert signed_content(data) == b""
        assert not is_encrypted(data)


@settings(deadline=None)
@given(st.binary(max_size=200), st.integers(0, 200))
def test_any_bytes_are_sealed_or_not(data: bytes, at: int) -> None:
    for each in (data, signed()[:at] + data, streamed(INNER)[:at] + data):
        signed_content(each)
        is_encrypted(each)


def invitation(*lines: str, method: str = "REQUEST") -> str:
    calendar = ("BEGIN:VCALENDAR", f"METHOD:{method}", "BEGIN:VEVENT", *lines, "END:VEVENT", "END:VCALENDAR")
    return mail("Content-Type: text/calendar; charset=utf-8", "\r\n".join(calendar).encode()).new


def test_an_invitation_without_words_is_told_in_words() -> None:
    new = invitation(
        "SUMMARY:Call about the inv\r\n oice\\, please",
        'DTSTART;TZID="Europe/Berlin":20261201T100000',
        "DTEND;TZID=Europe/Berlin:20261201T103000",
        "LOCATION:Zoom",
        "DESCRIPTION:Is it right?\\nThanks",
        "BEGIN:VALARM",
        "DESCRIPTION:Reminder",
    )
    assert new == (
        "Invitation: Call about the invoice, please\nWhen: 2026-12-01 10:00 - 10:30 Europe/Berlin\nWhere: Zoom\n\n"
        "Is it right?\nThanks"
    )


@pytest.mark.parametrize(
    ("method", "attendee", "words"),
    [
        ("REPLY", "ATTENDEE;PARTSTAT=DECLINED:mailto:m@example.org", "Declined: Call\nWhen: 2026-12-01"),
        ("CANCEL", "ATTENDEE:mailto:m@example.org", "Cancelled: Call\nWhen: 2026-12-01"),
    ],
)
def test_an_invitation_is_told_with_its_outcome(method: str, attendee: str, words: str) -> None:
    assert invitation(attendee, "SUMMARY:Call", "DTSTART;VALUE=DATE:20261201", method=method) == words


@settings(deadline=None)
@given(st.text(max_size=300))
def test_any_calendar_is_read(text: str) -> None:
    invitation(text, "SUMMARY:Call")
