# ruff: noqa: E501 - headers are one line
"""Trust in a mail: the configured server vouches for it, or a signature that is checked here. Signed with real
keys.
"""

import base64
import re
from collections.abc import Mapping

import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from connectors.email.reading import Mail, Traces, key_names, read, traces

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PRIVATE = KEY.private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
)
PUBLIC = KEY.public_key().public_bytes(
    serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
)
RECORD = b"v=DKIM1; k=rsa; p=" + base64.b64encode(PUBLIC)
BARE = b"From: Maria <maria@example.org>\r\nTo: s@acme.example\r\nSubject: hi\r\nMessage-ID: <1@example.org>\r\n\r\nhello\r\n"
SERVERS = ("mx.acme.example",)


def judged(
    raw: bytes, records: Mapping[str, bytes] | None = None, servers: tuple[str, ...] = SERVERS
) -> Mail:
    return read(raw, trusted_servers=servers, own_addresses=(), dkim=(records or {}).get)


def with_results(*results: str, raw: bytes = BARE) -> bytes:
    return b"".join(f"Authentication-Results: {result}\r\n".encode() for result in results) + raw


def signed(
    raw: bytes = BARE, domain: bytes = b"example.org", key: bytes = PRIVATE, **options: object
) -> bytes:
    return bytes(dkim.DKIM(raw).sign(b"s1", domain, key, **options)) + raw


@pytest.mark.parametrize(
    ("result", "verified", "how"),
    [
        ("mx.acme.example; dmarc=pass (p=none) header.from=example.org", True, "dmarc"),
        ("mx.acme.example; dmarc=pass header.from=evil.example", False, "none"),
        ("mx.acme.example; dmarc=pass", False, "none"),
        ("mx.acme.example; dmarc=fail header.from=example.org; spf=pass smtp.mailfrom=a@example.org", False, "none"),
        ("mx.acme.example; dkim=pass header.d=example.org header.s=x", True, "dkim"),
        ("mx.acme.example; dkim=pass header.i=@example.org", True, "dkim"),
        ("mx.acme.example; dkim=pass header.d=evil.example", False, "none"),
        ("mx.acme.example; dkim=pass header.d=org", False, "none"),
        ("mx.acme.example; dkim=fail header.d=example.org", False, "none"),
        ("mx.acme.example; spf=pass smtp.mailfrom=maria@example.org", True, "spf"),
        ("mx.acme.example; spf=pass smtp.mailfrom=bounce@mailer.example", False, "none"),
        ("mx.acme.example; spf=softfail smtp.mailfrom=maria@example.org", False, "none"),
        ("MX.Acme.Example 1; dmarc=pass header.from=Example.ORG", True, "dmarc"),
        ("mx.evil.example; dmarc=pass header.from=example.org", False, "none"),
        ("mx.acme.example.evil.example; dmarc=pass header.from=example.org", False, "none"),
        ("mx.acme.example; none", False, "none"),
        ('mx.acme.example; spf=pass smtp.mailfrom="a;dmarc=pass header.from=example.org"@evil.example', False, "none"),
        ("mx.acme.example; spf=none (dmarc=pass header.from=example.org) smtp.mailfrom=x@evil.example", False, "none"),
    ],
)  # fmt: skip
def test_the_servers_results(result: str, verified: bool, how: str) -> None:
    trust = judged(with_results(result)).trust
    assert (trust.verified, trust.how) == (verified, how)


PASS = "mx.acme.example; dmarc=pass header.from=example.org"


def test_a_result_below_another_servers_is_not_our_servers() -> None:
    assert not judged(with_results("mx.other.example; spf=none", PASS)).trust.verified


def test_a_result_that_was_in_the_mail_when_it_arrived_is_nothing() -> None:
    raw = b"Received: from evil by mx.acme.example\r\n" + with_results(PASS)
    raw = with_results("mx.acme.example; spf=none smtp.mailfrom=x@evil.example", raw=raw)
    assert not judged(raw).trust.verified


@pytest.mark.parametrize(
    "ours",
    [
        "mx.acme.example; spf=none smtp.mailfrom=x@evil.example; dkim=none; dmarc=none header.from=example.org",
        "mx.acme.example; spf=pass smtp.mailfrom=x@evil.example; dkim=none",
        "mx.acme.example; dmarc=none header.from=example.org",
    ],
)
def test_a_result_forged_right_below_our_servers_is_nothing(ours: str) -> None:
    """Gmail and Exchange write theirs below their own Received: what the mail brought follows at once."""
    assert not judged(with_results(ours, PASS)).trust.verified
    assert not judged(with_results(ours, "mx.acme.example; dkim=none", PASS)).trust.verified


def test_a_server_of_several_filters_writes_a_result_for_each() -> None:
    raw = with_results(
        "mx.acme.example; bimi=skipped",
        "mx.acme.example; dmarc=none header.from=example.org",
        "mx.acme.example; spf=none smtp.mailfrom=x@other.example",
        "mx.acme.example; dkim=pass header.d=example.org",
    )
    assert judged(raw).trust.how == "dkim"


def test_results_of_exchange_online_are_read_without_a_name() -> None:
    raw = with_results(
        "spf=pass (sender IP is 192.0.2.1) smtp.mailfrom=example.org; dkim=pass (signature was verified)"
        " header.d=example.org;dmarc=pass action=none header.from=example.org;compauth=pass reason=100"
    )
    assert judged(raw, servers=("protection.outlook.com",)).trust.how == "dmarc"
    assert not judged(raw).trust.verified


def test_nobody_is_trusted_where_no_server_is_named() -> None:
    assert not judged(with_results(PASS), servers=()).trust.verified


@pytest.mark.parametrize("second", [b"From: evil@evil.example\r\n", b"from: Maria <maria@example.org>\r\n"])
def test_a_mail_with_two_authors_is_nobodys(second: bytes) -> None:
    assert not judged(with_results(PASS, raw=second + BARE)).trust.verified


def test_a_mail_with_two_addresses_in_from_is_nobodys() -> None:
    raw = BARE.replace(b"<maria@example.org>", b"<maria@example.org>, evil@evil.example")
    assert not judged(with_results(PASS, raw=raw)).trust.verified


@pytest.mark.parametrize(
    "author",
    [
        "boss@acme.example <maria@example.org>",
        "boss@acme.example via Gardening <maria@example.org>",
        "Maria [boss@acme.example] <maria@example.org>",
        '"boss@acme.example" <maria@example.org>',
    ],
)
def test_an_address_in_place_of_a_name_is_a_name(author: str) -> None:
    """The sender is whom the brackets name, as the servers judge it and the programs show it."""
    raw = BARE.replace(b"Maria <maria@example.org>", author.encode())
    honest = judged(with_results("mx.acme.example; dmarc=pass header.from=example.org", raw=raw))
    assert (honest.sender.address, honest.trust.verified) == ("maria@example.org", True)
    assert "boss@acme.example" in honest.sender.name
    for result in ("dmarc=pass header.from=acme.example", "dkim=pass header.d=acme.example",
                   "spf=pass smtp.mailfrom=x@acme.example"):  # fmt: skip
        assert not judged(with_results(f"mx.acme.example; {result}", raw=raw)).trust.verified, result


def test_an_author_hidden_behind_too_many_headers_is_not_believed() -> None:
    raw = with_results(PASS).replace(
        b"\r\n\r\n", b"\r\n" + b"X: y\r\n" * 2_000 + b"From: evil@evil.example\r\n\r\n", 1
    )
    assert not judged(raw).trust.verified


def test_headers_put_above_a_genuine_mail_take_the_trust_from_it() -> None:
    assert not judged(with_results(PASS, raw=b"Subject: pay eve\r\n" + BARE)).trust.verified


def test_a_signed_reply_to_is_no_harm() -> None:
    raw = signed(BARE.replace(b"\r\nSubject", b"\r\nReply-To: m@example.net\r\nSubject"))
    assert judged(raw, RECORDS).trust.verified


@pytest.mark.parametrize(
    ("spf", "raw", "believed"),
    [
        ("spf=pass smtp.mailfrom=example.org", BARE, True),
        ("spf=fail smtp.mailfrom=evil.example", BARE, False),
        ("spf=pass smtp.mailfrom=evil.example", signed(), False),
        ("spf=fail smtp.mailfrom=relay.example", signed(BARE.replace(b"\r\nTo", b"\r\nReply-To: m@example.net\r\nTo")), True),
    ],
)  # fmt: skip
def test_a_reply_to_that_nobody_signed_is_believed_of_the_sender_alone(
    spf: str, raw: bytes, believed: bool
) -> None:
    """Exchange Online signs none: whoever has one mail of a customer could put it above."""
    added = raw if b"Reply-To" in raw else b"Reply-To: eve@evil.example\r\n" + raw
    for proof in ("dmarc=pass header.from=example.org", "dkim=pass header.d=example.org"):
        trust = judged(with_results(f"mx.acme.example; {spf}; {proof}", raw=added)).trust
        assert (trust.verified, trust.reply_to) == (True, believed)


def test_an_expired_signature_proves_nothing() -> None:
    raw = resigned(expires=1)
    assert not judged(raw, RECORDS).trust.verified
    assert judged(resigned(expires=4_000_000_000), RECORDS).trust.verified


def resigned(expires: int) -> bytes:
    """Signed with the tag x=, which the library reads and cannot write."""

    class Signer(dkim.DKIM):  # type: ignore[misc]
        def gen_header(self, fields: list[tuple[bytes, bytes]], *more: object, **options: object) -> bytes:
            at = [name for name, _ in fields].index(b"bh")
            fields = [*fields[:at], (b"x", b"%d" % expires), *fields[at:]]
            return bytes(super().gen_header(fields, *more, **options))

    return bytes(Signer(BARE).sign(b"s1", b"example.org", PRIVATE)) + BARE


RECORDS = {"s1._domainkey.example.org": RECORD}


def test_a_valid_signature_is_trusted_by_checking_it_here() -> None:
    trust = judged(signed(), RECORDS).trust
    assert (trust.verified, trust.how) == (True, "dkim")
    assert key_names(signed(), trusted_servers=SERVERS) == ("s1._domainkey.example.org",)


@pytest.mark.parametrize(
    "raw",
    [
        signed().replace(b"hello", b"hallo"),
        signed().replace(b"Subject: hi", b"Subject: ho"),
        signed(domain=b"evil.example"),
        signed(length=True),
        b"Subject: pay eve\r\n" + signed(),
        b"Content-Type: text/html\r\n" + signed(BARE.replace(b"\r\n\r\n", b"\r\nContent-Type: text/plain\r\n\r\n", 1)),
        b"Reply-To: eve@evil.example\r\n" + signed(),
        signed() .replace(b"rsa-sha256", b"rsa-sha1"),
        b"From: evil@example.org\r\n" + signed(),
    ],
)  # fmt: skip
def test_a_signature_that_proves_nothing(raw: bytes) -> None:
    records = {**RECORDS, "s1._domainkey.evil.example": RECORD}
    assert not judged(raw, records).trust.verified


def test_the_domain_above_vouches_for_the_one_below_and_not_the_other_way() -> None:
    below = BARE.replace(b"maria@example.org", b"maria@mail.example.org")
    assert judged(signed(below), RECORDS).trust.verified
    records = {"s1._domainkey.mail.example.org": RECORD}
    assert not judged(signed(BARE, b"mail.example.org"), records).trust.verified


def test_a_mail_our_server_judged_is_not_judged_again() -> None:
    raw = with_results("mx.acme.example; dmarc=fail header.from=example.org", raw=signed())
    assert not judged(raw, RECORDS).trust.verified
    assert key_names(raw, trusted_servers=SERVERS) == ()


def test_a_key_that_is_missing_or_nonsense_proves_nothing() -> None:
    assert not judged(signed()).trust.verified
    assert not judged(signed(), {"s1._domainkey.example.org": b"v=DKIM1; p=\xff"}).trust.verified


def test_the_keys_that_a_mail_needs_are_known_before_it_is_read() -> None:
    [name] = key_names(signed(), trusted_servers=SERVERS)
    assert judged(signed(), {name: RECORD}).trust.verified


def test_a_resolver_that_fails_costs_the_trust_and_not_the_mail() -> None:
    def key_for(_: str) -> bytes | None:
        raise TimeoutError

    mail = read(signed(), trusted_servers=SERVERS, own_addresses=(), dkim=key_for)
    assert mail.new == "hello"
    assert mail.trust.why == "the key of its signature could not be looked up"


@pytest.mark.long
@pytest.mark.parametrize("bits", [1_024, 4_096])
def test_keys_of_usual_size_are_taken(bits: int) -> None:
    private = rsa.generate_private_key(public_exponent=65537, key_size=bits)
    mail = signed(key=pem(private))
    assert judged(mail, {"s1._domainkey.example.org": record(private.public_key())}).trust.verified


@pytest.mark.long
def test_a_key_larger_than_anybody_needs_proves_nothing() -> None:
    """The signer chooses the key, and with it how long it takes to check the signature."""
    private = rsa.generate_private_key(public_exponent=65537, key_size=4_104)
    mail = signed(key=pem(private))
    assert not judged(mail, {"s1._domainkey.example.org": record(private.public_key())}).trust.verified


def test_an_exponent_larger_than_anybody_needs_proves_nothing() -> None:
    """65537 plus a multiple of what the private key knows gives the same signatures, after a longer time."""
    primes = KEY.private_numbers()
    large = 65_537 + (primes.p - 1) * (primes.q - 1)
    modulus = KEY.public_key().public_numbers().n
    assert pow(2, large, modulus) == pow(2, 65_537, modulus)
    key = b"v=DKIM1; k=rsa; p=" + base64.b64encode(der(modulus, large))
    same = b"v=DKIM1; k=rsa; p=" + base64.b64encode(der(modulus, 65_537))

    assert not judged(signed(), {"s1._domainkey.example.org": key}).trust.verified
    assert judged(signed(), {"s1._domainkey.example.org": same}).trust.verified


def test_a_record_longer_than_any_key_proves_nothing() -> None:
    noted = RECORD + b"; n=" + b"a" * 4_096
    assert not judged(signed(), {"s1._domainkey.example.org": noted}).trust.verified


def pem(key: rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )


def record(key: rsa.RSAPublicKey) -> bytes:
    kind = serialization.PublicFormat.SubjectPublicKeyInfo
    return b"v=DKIM1; k=rsa; p=" + base64.b64encode(key.public_bytes(serialization.Encoding.DER, kind))


def der(*numbers: int) -> bytes:
    """Return a sequence of numbers: a key of RSA, without what says that it is one."""
    return asn1(0x30, b"".join(asn1(0x02, each.to_bytes(each.bit_length() // 8 + 1)) for each in numbers))


def asn1(tag: int, content: bytes) -> bytes:
    return bytes((tag, 0x82)) + len(content).to_bytes(2) + content


def received(raw: bytes, *by: str) -> bytes:
    return (
        b"".join(f"Received: from x by {host}; Mon, 2 Mar 2026 10:00:00 +0000\r\n".encode() for host in by)
        + raw
    )


@pytest.mark.parametrize(
    ("above", "within", "servers", "verified"),
    [
        # As Gmail writes it below its own line, and as milters write it above theirs, with hops within behind.
        (["mx.acme.example"], [], "mx.acme.example/1", True),
        (["lmtp.acme.example", "amavis.acme.example"], ["mx.acme.example"], "mx.acme.example/2", True),
        (["lmtp.acme.example", "amavis.acme.example", "mx.acme.example"], [], "mx.acme.example/2", False),
        (["mx.acme.example", "evil.example"], [], "mx.acme.example/1", False),
        (["mx.acme.example"], [], "mx.acme.example/0", False),
        (["mx.acme.example", "evil.example"], [], "mx.acme.example", True),
    ],
)
def test_results_are_believed_below_so_many_received_lines(
    above: list[str], within: list[str], servers: str, verified: bool
) -> None:
    raw = received(with_results(PASS, raw=received(BARE, *within)), *above)
    assert judged(raw, servers=(servers,)).trust.verified is verified
    assert (key_names(raw, trusted_servers=(servers,)) == ()) or not verified


def test_a_pass_that_a_sender_brought_along_is_found() -> None:
    ours = "mx.acme.example; spf=none smtp.mailfrom=x@evil.example; dmarc=none header.from=example.org"
    honest = received(with_results(ours, raw=received(BARE, "sender.example")), "mx.acme.example")
    assert traces(honest, trusted_servers=SERVERS) == Traces("mx.acme.example", 1)
    at_once = received(with_results(ours, PASS), "mx.acme.example")
    assert traces(at_once, trusted_servers=SERVERS).brought
    below = received(with_results(ours, raw=received(with_results(PASS), "relay.example")), "mx.acme.example")
    assert traces(below, trusted_servers=SERVERS).brought
    assert not traces(below, trusted_servers=("mx.acme.example/1",)).brought, "nor is it believed"
    filters = with_results(
        "mx.acme.example; spf=pass smtp.mailfrom=a@example.org", "mx.acme.example; dkim=none"
    )
    assert not traces(received(filters, "mx.acme.example"), trusted_servers=SERVERS).brought
    assert traces(received(BARE, "mx.acme.example"), trusted_servers=SERVERS) == Traces()


TAKEN = "from [127.0.0.1] (sender.example [8.8.4.4]) by mx.acme.example (Postfix) with ESMTPS id 4; Mon, 2 Mar 2026 10:00:00 +0000"
HANDED_ON = (
    "from mx.acme.example ([10.0.0.2]) by mx.acme.example with LMTP id 5; Mon, 2 Mar 2026 10:00:01 +0000"
)
TO_A_FILTER = "from localhost (localhost [127.0.0.1]) by mx.acme.example (Postfix) with ESMTP id 6; Mon, 2 Mar 2026 10:00:01 +0000"
PIPED = "by mx.acme.example (Postfix, from userid 110) id 7; Mon, 2 Mar 2026 10:00:01 +0000"
INSIDE = [HANDED_ON, TO_A_FILTER, PIPED]
OURS = "mx.acme.example; spf=none smtp.mailfrom=x@evil.example; dkim=none; dmarc=fail header.from=example.org"


def mail(*lines: str) -> bytes:
    """A mail below these headers: results of a server, or a Received line."""
    names = (
        "Received" if re.match(r"from\b|by\b|\(qmail", line) else "Authentication-Results" for line in lines
    )
    return "".join(f"{name}: {line}\r\n" for name, line in zip(names, lines, strict=True)).encode() + BARE


@pytest.mark.parametrize(
    ("lines", "believed", "shown"),
    [
        ([PASS, TAKEN], True, True),
        ([*INSIDE, PASS, TAKEN], True, True),
        ([TAKEN, PASS], False, False),  # it wrote none: this one came from outside
        ([*INSIDE, TAKEN, PASS], False, False),
        ([TAKEN, PASS, TAKEN], False, False),
        ([OURS, TAKEN, PASS], False, True),
        ([OURS, PASS, TAKEN], False, True),
        ([*INSIDE, PASS], True, False),  # from within the house
    ],
)  # fmt: skip
def test_a_server_that_writes_above_its_own_line_is_believed_nowhere_else(
    lines: list[str], believed: bool, shown: bool
) -> None:
    assert judged(mail(*lines), servers=("MX.acme.example/above",)).trust.verified is believed
    assert judged(mail(*lines)).results_above == ("mx.acme.example" if shown else "")


WEB_FORM = (
    "from laptop ([9.9.9.9]) by mx.acme.example (Postfix) with ESMTPSA id 8; Mon, 2 Mar 2026 10:00:00 +0000"
)


@pytest.mark.parametrize(
    ("lines", "servers", "silent"),
    [
        ([TAKEN], SERVERS, ("mx.acme.example",)),
        ([*INSIDE, TAKEN], SERVERS, ("mx.acme.example",)),
        ([TAKEN, "mx.other.example; dkim=pass header.d=example.org"], SERVERS, ("mx.acme.example",)),
        ([TAKEN, PASS], SERVERS, ()),  # of theirs or not: this mail shows nothing
        ([PASS, TAKEN], SERVERS, ()),
        (INSIDE, SERVERS, ()),
        ([WEB_FORM], SERVERS, ()),  # of somebody who has a password there
        ([TAKEN], ("mx.acme.example/1",), ()),
        ([TAKEN], ("mx.acme.example/above",), ()),
        ([TAKEN], ("mx.acme.example", "mx2.acme.example"), ("mx.acme.example",)),
        ([TAKEN], ("acme.example", "filter.example"), ("acme.example", "filter.example")),
        ([TAKEN.replace("mx.acme.example", "mx.google.com")], ("mx.google.com",), ()),
    ],
)  # fmt: skip
def test_a_server_that_took_a_mail_and_wrote_nothing_is_silent(
    lines: list[str], servers: tuple[str, ...], silent: tuple[str, ...]
) -> None:
    assert judged(mail(*lines), servers=servers).silent_servers == silent


WITH = "mx.acme.example; spf={} ; dkim=pass header.d=evil.example; dmarc=pass header.from=evil.example"


@pytest.mark.parametrize(
    "results",
    [
        WITH.format("none smtp.mailfrom=<>"),
        WITH.format("none (no policy) smtp.mailfrom=<>"),
        WITH.format("none smtp.helo=[203.0.114.5]"),
        WITH.format("none smtp.mailfrom=a(b@evil.example"),
        WITH.format("none smtp.mailfrom=a)b@evil.example"),
        WITH.format('none smtp.mailfrom=a"b@evil.example'),
        WITH.format("none smtp.mailfrom=a\x01b@evil.example"),
        WITH.format("none smtp.mailfrom=jos\u00e9@evil.example"),
        WITH.format("none smtp.mailfrom=\u674e@evil.example"),
        "mx.acme.example",
        "mx.acme.example 1; none",
        "mx.acme.example. ; none",
        "MX.ACME.Example; x",
        "(of ours (and only ours)) mx.acme.example (hi); x",
        '"mx.acme.example"; x',
        "\r\n mx.acme.example;\r\n x",
    ],
)
def test_a_server_that_wrote_anything_is_not_silent(results: str) -> None:
    """Three mails of a stranger, to whom it may answer as it likes, must not take its verdicts away."""
    taken = f"Received: {TAKEN}\r\n".encode()
    raw = f"Authentication-Results: {results}\r\n".encode()
    for mail_ in (taken + raw + BARE, raw + taken + BARE):
        assert judged(mail_).silent_servers == ()


@pytest.mark.parametrize(
    "results", ["mx.acme.example.evil.example; x", "mx.other.example (mx.acme.example); x"]
)
def test_results_of_another_server_do_not_speak_for_ours(results: str) -> None:
    assert judged(mail(TAKEN, results)).silent_servers == ("mx.acme.example",)


@pytest.mark.parametrize(
    "spf",
    [
        "spf=none smtp.mailfrom=<>",
        "spf=none (no policy found) smtp.mailfrom=<>",
        "spf=pass smtp.helo=[203.0.114.5]",
        "spf=none smtp.mailfrom=jos\u00e9@evil.example",
        "spf=none smtp.mailfrom=\u674e@evil.example",
    ],
)
def test_a_result_that_no_program_understands_loses_no_other(spf: str) -> None:
    proof = "dmarc=pass header.from=example.org"
    for result in (f"{spf}; {proof}", f"{proof}; {spf}"):
        assert judged(with_results(f"mx.acme.example; {result}")).trust.how == "dmarc"
    assert judged(with_results(f"mx.acme.example; {spf}", f"mx.acme.example; {proof}")).trust.how == "dmarc"


@pytest.mark.parametrize(
    "results",
    [
        'spf=none smtp.mailfrom=a"b@evil.example; dkim=none; x="; dmarc=pass header.from=example.org; y"',
        "spf=none smtp.mailfrom=a(b@evil.example; dmarc=pass header.from=example.org; spf=none x)",
        "spf=none smtp.mailfrom=a)b@evil.example; dmarc=pass header.from=example.org",
        "spf=none smtp.mailfrom=a\\; dmarc=pass header.from=example.org",
        "spf=none smtp.mailfrom=a;dmarc=pass header.from=example.org;x@evil.example",
        'spf=none smtp.mailfrom=<"a;dmarc=pass header.from=example.org;b"@evil.example>',
        "spf=none smtp.mailfrom=<>; dmarc=fail header.from=example.org; dmarc=pass header.from=example.org",
    ],
)
def test_text_that_a_sender_puts_into_a_result_is_never_another_result(results: str) -> None:
    assert not judged(with_results(f"mx.acme.example; {results}")).trust.verified


def test_a_result_that_no_program_understands_counts_as_the_first_of_its_method() -> None:
    ours = "mx.acme.example; dmarc=fail header.from=<>"
    assert not judged(with_results(ours, PASS)).trust.verified


def test_signatures_are_checked_here_where_a_result_was_not_understood() -> None:
    raw = with_results("mx.acme.example; spf=none smtp.mailfrom=<>", raw=signed())
    assert judged(raw, RECORDS).trust.how == "dkim"
    assert key_names(raw, trusted_servers=SERVERS) == ("s1._domainkey.example.org",)
    raw = with_results(
        "mx.acme.example; spf=none smtp.mailfrom=<>; dmarc=fail header.from=example.org", raw=signed()
    )
    assert not judged(raw, RECORDS).trust.verified
    assert key_names(raw, trusted_servers=SERVERS) == ()


def test_results_are_read_one_by_one_where_they_are_few() -> None:
    """A sender must not keep the program busy by what no server writes."""
    for some, verified in ((3, True), (300, False)):
        results = f"{'x=y; ' * some}spf=none smtp.mailfrom=<>; dmarc=pass header.from=example.org"
        assert judged(with_results(f"mx.acme.example; {results}")).trust.verified is verified


@pytest.mark.parametrize(
    "line",
    [
        "from evil.example by mx.acme.example with SMTP id 4",
        "from [127.0.0.1] by mx.acme.example with SMTP id 4",
        "from evil.example (8.8.4.4) by mx.acme.example with SMTP id 4",
        "from evil.example (unknown [2001:0:808:404::1]) by mx.acme.example with ESMTP id 4",
        "from evil.example (unknown [999.1.1.1]) by mx.acme.example with ESMTP id 4",
        "from evil.example (unknown [8.8.4.4]) by mx.acme.example. with ESMTP id 4",
        "from evil.example (unknown [8.8.4.4]) by mx.acme.example:25 with ESMTP id 4",
        f"from {'a' * 8_000} (unknown [8.8.4.4]) by mx.acme.example with ESMTP id 4",
        "from a by mx.acme.example with lmtp (unknown [8.8.4.4]) by mx.acme.example with ESMTP id 4",
        "from localhost ([127.0.0.1]) by mx.acme.example with lmtp (unknown [8.8.4.4]) by mx.acme.example with SMTP id 4",
        "from localhost ([127.0.0.1]) by y \x1b$B (unknown [8.8.4.4]) by mx.acme.example with SMTP id 4",
        "from x by mx.acme.example (unknown [8.8.4.4])\r\n by mx.acme.example (Postfix) with ESMTP id 4",
        "from unknown (HELO [127.0.0.1]) (8.8.4.4) by mx.acme.example with SMTP",
        "from unknown (HELO [127.0.0.1]) (user@8.8.4.4) by mx.acme.example with SMTP",
        "from x (10.0.0.1) ([2001:0:808:404::1]) by mx.acme.example with SMTP",
        "from mail.evil.example (8.8.4.4) by mx.acme.example (10.0.0.5) with Microsoft SMTP Server",
        "from [127.0.0.1] (evil.example [::ffff:8.8.4.4]) by mx.acme.example with ESMTP",
        "by mx.acme.example (OpenSMTPD) with ESMTPS id 4",
        "(qmail 1234 invoked from network)",
        "from evil.example (unknown [8.8.4.4]) by mx1.acme.example with ESMTP id 4",
        "from evil.example (unknown [8.8.4.4]) by mx.acme.example.evil.example with ESMTP id 4",
        "from mx.acme.example (mx.acme.example [8.8.8.8]) by imap.acme.example with ESMTP id 5",
        'from x ([8.8.4.4]) by mx.acme.example (<"a) with lmtp "@evil.example>) with SMTP',
    ],
)
def test_a_line_that_does_not_tell_from_whom_a_server_took_a_mail_counts_as_from_outside(line: str) -> None:
    """The server is said to write above it: what stands below came with the mail."""
    servers = ("mx.acme.example/above",)
    assert not judged(mail(line, PASS), servers=servers).trust.verified
    assert judged(mail(PASS, line), servers=servers).trust.verified


@pytest.mark.parametrize(
    "line",
    [
        *INSIDE,
        "from mx.acme.example (mx.acme.example [8.8.8.8]) by mx.acme.example with LMTP id 5",
        "from filter.acme.example (filter [192.168.1.2]) by mx.acme.example with ESMTP id 5",
        "from [127.0.0.1] (helo=localhost) by mx.acme.example with esmtp (Exim 4.96) id 5",
        "from localhost ([::1]) by mx.acme.example with esmtp (Exim 4.96) id 5",
        "from mail by mx.acme.example with local (Exim 4.96) id 5",
        "from mx.acme.example (mx.acme.example [8.8.8.8]) by imap.acme.example with LMTP id 5",
        "from mx.acme.example\r\n\tby imap.acme.example (Cyrus 3.8) with LMTPA",
        "from mx.acme.example ([127.0.0.1])\r\n by localhost (mx [127.0.0.1]) (amavisd-new, port 10024) with ESMTP",
        "from ex1.acme.example (10.0.0.4) by ex2.acme.example (10.0.0.5) with Microsoft SMTP Server id 15.1",
        "from ex1.acme.example (fe80::1%12) by ex2.acme.example (10.0.0.5) with Microsoft SMTP Server id 15.1",
        "from localhost (localhost [::ffff:127.0.0.1]) by mx.acme.example with ESMTP",
        "from unknown (HELO filter) (10.0.0.4) by mx.acme.example with SMTP",
        "(qmail 1234 invoked by uid 89)",
        "from pop.acme.example [8.8.8.8] by localhost with POP3 (fetchmail-6.4.16)",
    ],
)
def test_received_lines_of_our_own_servers_hide_no_results(line: str) -> None:
    assert judged(mail(line, PASS, TAKEN), servers=("mx.acme.example/above",)).trust.verified


def test_text_that_a_sender_puts_into_the_received_line_hides_it_from_nobody() -> None:
    for name in ("[127.0.0.1]", "(by", "by", "mx.acme.example", "with lmtp", "[10.0.0.1])"):
        taken = (
            f"from {name} (unknown [IPv6:2001:4860::1]) by mx.acme.example with esmtp (Exim 4.96)"
            ' (envelope-from <"a with lmtp b"@evil.example>) id 4'
        )
        assert not judged(mail(taken, PASS), servers=("mx.acme.example/above",)).trust.verified, name


def test_gmail_writes_below_its_own_line_whatever_a_mail_looks_like() -> None:
    taken = "from mail-x.example ([8.8.4.4]) by mx.google.com with ESMTPS id 4"
    ours = "mx.google.com; dmarc=pass header.from=example.org"
    inside = "by 2002:a05:6520:4010:b0:2a1 with SMTP id 5"
    genuine = judged(mail(inside, taken, ours), servers=("mx.google.com",))
    assert (genuine.trust.verified, genuine.results_above) == (True, "")
    assert judged(mail(ours, taken), servers=("mx.google.com",)).results_above == ""


def test_results_below_the_line_of_a_server_that_writes_above_it_are_not_counted() -> None:
    raw = mail(OURS, TAKEN, PASS)
    assert traces(raw, trusted_servers=SERVERS).brought
    assert not traces(raw, trusted_servers=("mx.acme.example/above",)).brought


@pytest.mark.parametrize(
    "header",
    [
        "Authentication-Results : mx.acme.example; PASS",
        "Authentication-Results\t: mx.acme.example; PASS",
        "Authentication-Results:\r\n mx.acme.example; PASS",
        "Authentication-Results: (hi) mx.acme.example; PASS",
        "Authentication-Results: mx.acme.example (hi); PASS",
        'Authentication-Results: "mx.acme.example"; PASS',
        "Authentication-Results: mx.ac\x01me.example; PASS",
        "Authentication-Results: mx.ac\x00me.example; PASS",
        "Authentication-Results: mx.acme.example; PASS\x0b",
        "Authentication-Results: mx.acm\u212a.example; PASS",
        "X-A: a\r\nX-B: b\nAuthentication-Results: mx.acme.example; PASS",
    ],
)
def test_a_header_that_no_server_writes_so_is_not_believed(header: str) -> None:
    """It may have got past whoever strips what comes from outside in the name of our server."""
    servers = (*SERVERS, "mx.acmk.example")
    raw = header.replace("PASS", "dmarc=pass header.from=example.org").encode() + b"\r\n" + BARE
    assert not judged(raw, servers=servers).trust.verified


@pytest.mark.parametrize(
    "header",
    [
        f"Authentication-Results:{PASS}",
        f"Authentication-Results:  {PASS}",
        f"Authentication-Results:\t{PASS}",
        f"AUTHENTICATION-RESULTS: {PASS}",
    ],
)
def test_a_header_that_servers_write_so_is_believed(header: str) -> None:
    assert judged(f"{header}\r\n".encode() + BARE).trust.verified
    assert judged(f"{header}\n".encode() + BARE.replace(b"\r\n", b"\n")).trust.verified


def test_results_below_a_header_of_somebody_else_are_not_our_servers() -> None:
    ours = "mx.acme.example; spf=fail smtp.mailfrom=evil.example"
    apart = received(with_results(ours, raw=b"X-A: b\r\n" + with_results(PASS)), "mx.acme.example")
    assert not judged(apart).trust.verified


def test_a_pass_that_nothing_in_the_topmost_results_tells_of_was_brought_along() -> None:
    forged = received(
        with_results("mx.acme.example; spf=fail smtp.mailfrom=evil.example", PASS), "mx.acme.example"
    )
    assert traces(forged, trusted_servers=SERVERS).brought
    told = received(with_results("mx.acme.example; dkim=pass header.d=example.org", PASS), "mx.acme.example")
    assert not traces(told, trusted_servers=SERVERS).brought
