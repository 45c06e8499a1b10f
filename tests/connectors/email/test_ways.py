# ruff: noqa: E501 - headers are one line
"""Ways to connect a mailbox: passwords, XOAUTH2, TLS, a listener; and `check`, `find` and the options."""

import asyncio
import hashlib
import smtplib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp.test_utils import TestServer
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from bot.core.connector import AccountSettings, Resources
from bot.core.errors import (
    AccountSuspended,
    OutcomeUnknown,
    PlatformDown,
    Refused,
    SettingsError,
    StorageUnavailable,
)
from connectors.email import channel
from connectors.email.intake import ReadingBudget
from connectors.email.servers import KEEP
from connectors.email.spool import Spool
from connectors.sandbox.faults import FaultPlan, Mischief
from connectors.sandbox.mail import Customer, MailServer, TokenServer
from tests.connectors.email import rig
from tests.connectors.email.rig import ADDRESS, Line, said

# check


async def test_check_says_the_address_of_the_account(line: Line) -> None:
    assert await line.connector.check() == ADDRESS


@pytest.mark.parametrize(
    ("changes", "password", "words"),
    [
        ({}, "wrong", "does not accept the user name and password"),
        ({"smtp": "127.0.0.1:1"}, rig.PASSWORD, "no connection to 127.0.0.1:1"),
        ({"imap": "127.0.0.1:1"}, rig.PASSWORD, "no connection to 127.0.0.1:1"),
        ({"folders": "INBOX, Missing"}, rig.PASSWORD, "no folder 'Missing'"),
        ({"security": "starttls"}, rig.PASSWORD, "cannot do what `security` asks"),
    ],
)
async def test_check_says_why_an_account_does_not_work(
    server: MailServer, changes: dict[str, str], password: str, words: str
) -> None:
    given = rig.settings(rig.options(server, **changes), password=password)
    async with rig.line(server, given) as line:
        with pytest.raises((AccountSuspended, PlatformDown, Refused), match=words):
            await line.connector.check()


@pytest.mark.long
@pytest.mark.parametrize(
    "words",
    [
        "[UNAVAILABLE] Temporary authentication failure.",
        "[ALERT] Too many simultaneous connections. (Failure)",
        "[LIMIT] Too many logins",
    ],
)
async def test_a_server_that_lets_nobody_in_just_now_is_no_wrong_password(
    server: MailServer, maya: Customer, words: str
) -> None:
    async with rig.line(server, rig.settings(rig.options(server))) as line:
        await line.listen()
        server.imap.answers["LOGIN"] = f"TAG NO {words}"
        await server.imap.drop()
        await line.paused(3)
        server.imap.answers.clear()
        await maya.write("Hello", "…", to=ADDRESS)
        await line.inbox.has(1)

    assert max(line.pauses) < 60  # and not the five minutes of a locked mailbox


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"address": ""}, "no option address"),
        ({"address": "nobody"}, "is not an address"),
        ({"imap": ""}, "no option imap"),
        ({"smtp": "mail.example.com:smtp"}, "is not a host"),
        ({"security": "some"}, "one of tls, starttls, none"),
        ({"plus": "maybe"}, "one of yes, no"),
        ({"ca_file": "missing.pem"}, "cannot be read"),
    ],
)
def test_wrong_options_are_said(changes: dict[str, str], words: str) -> None:
    options = {"address": ADDRESS, "imap": "localhost", "smtp": "localhost"} | changes

    with pytest.raises(SettingsError, match=words):
        channel.open(rig.settings(options), Resources(files=rig.Files(), vault=rig.Vault()))


def test_every_way_names_what_it_needs() -> None:
    values = {
        "address": ADDRESS,
        "imap": "localhost",
        "smtp": "localhost",
        "listen": "127.0.0.1:0",
        "spool": "spool",
        "oauth_token_url": "http://localhost/token",
    }
    for way in channel.modes:
        given = replace(
            rig.settings({name: values[name] for name in way.options}, mode=way.mode),
            secrets=dict.fromkeys(way.secrets, "x"),
        )
        assert channel.open(given, Resources(files=rig.Files(), vault=rig.Vault())).account == "support"
        for missing in way.secrets:
            few = {name: "x" for name in way.secrets if name != missing}
            with pytest.raises(SettingsError):
                channel.open(replace(given, secrets=few), Resources(files=rig.Files(), vault=rig.Vault()))


# XOAUTH2


@pytest.fixture
async def tokens(server: MailServer) -> AsyncIterator[tuple[TokenServer, str]]:
    made = TokenServer(server)
    async with TestServer(made.app()) as serving:
        yield made, str(serving.make_url("/token"))


def oauth(
    server: MailServer,
    url: str,
    refresh_token: str = "sandbox-refresh-token",  # noqa: S107
) -> AccountSettings:
    return rig.settings(
        rig.options(server, oauth_token_url=url),
        mode="oauth",
        oauth_client_id="sandbox-client",
        oauth_client_secret="sandbox-client-secret",
        oauth_refresh_token=refresh_token,
    )


async def test_access_tokens_open_both_servers(
    server: MailServer, maya: Customer, tokens: tuple[TokenServer, str]
) -> None:
    token_server, url = tokens
    async with rig.line(server, oauth(server, url)) as line:
        await line.listen()
        await maya.write("Hello", "Is anybody there?", to=ADDRESS)
        [event] = await line.inbox.has(1)
        await line.connector.send(line.answer(event, "Yes."))

    assert len(await maya.received(1)) == 1
    assert token_server.exchanged == 1


@pytest.mark.long
async def test_a_token_that_was_revoked_is_replaced(
    server: MailServer, maya: Customer, tokens: tuple[TokenServer, str]
) -> None:
    """Nobody need hear of it, and no mail waits."""
    token_server, url = tokens
    async with rig.line(server, oauth(server, url)) as line:
        await line.listen()
        await maya.write("Hello", "Is anybody there?", to=ADDRESS)
        [event] = await line.inbox.has(1)
        server.tokens.clear()
        await line.connector.send(line.answer(event, "Yes."))
        server.tokens.clear()
        assert await line.fetched(said(event).attachments[-1].ref)

    assert token_server.exchanged == 3


async def test_a_mailbox_that_takes_no_token_is_suspended(
    server: MailServer, tokens: tuple[TokenServer, str]
) -> None:
    token_server, url = tokens
    given = oauth(server, url)
    given = replace(given, options={**given.options, "username": "nobody@brightdesk.example"})
    async with rig.line(server, given) as line:
        with pytest.raises(AccountSuspended):
            await line.connector.check()

    assert token_server.exchanged == 2


async def test_a_refresh_token_that_ended_asks_for_a_new_connection(
    server: MailServer, tokens: tuple[TokenServer, str]
) -> None:
    token_server, url = tokens
    async with rig.line(server, oauth(server, url, "another")) as line:
        with pytest.raises(AccountSuspended, match="invalid_grant"):
            await line.connector.check()
        token_server.failing = 1
        with pytest.raises(PlatformDown, match="503"):
            await line.connector.check()


# STARTTLS


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    today = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(today - timedelta(days=1))
        .not_valid_after(today + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "server.pem"
    path.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return path


async def test_starttls_is_asked_for_and_certificates_are_checked(certificate: Path) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    async with MailServer(tls=tls) as server:
        await server.add_account(ADDRESS, rig.PASSWORD)
        maya = server.customer("maya@fischer.example")
        given = rig.options(
            server,
            security="starttls",
            imap=f"localhost:{server.imap.port}",
            smtp=f"localhost:{server.smtp.port}",
        )
        async with rig.line(server, rig.settings(given | {"ca_file": str(certificate)})) as line:
            await line.listen()
            await maya.write("Hello", "Is anybody there?", to=ADDRESS)
            [event] = await line.inbox.has(1)
            await line.connector.send(line.answer(event, "Yes."))
            assert len(await maya.received(1)) == 1
        async with rig.line(server, rig.settings(given)) as line:
            with pytest.raises(PlatformDown):  # nobody vouches for that certificate
                await line.connector.check()


async def test_a_server_on_this_machine_needs_no_certificate(server: MailServer) -> None:
    given = rig.options(server)
    del given["security"]
    async with rig.line(server, rig.settings(given)) as line:
        assert await line.connector.check() == ADDRESS


# Looking up what a crash hid


async def filing(faults: FaultPlan, play: Callable[[Line, Customer], Awaitable[None]]) -> None:
    async with MailServer(faults=faults, files_sent=True) as server:
        await server.add_account(ADDRESS, rig.PASSWORD)
        async with rig.line(server, rig.settings(rig.options(server, sent="Sent"))) as line:
            await line.listen()
            await play(line, server.customer("maya@fischer.example"))


async def test_a_delivery_that_arrived_is_found_among_the_sent(faults: FaultPlan) -> None:
    async def play(line: Line, maya: Customer) -> None:
        assert line.connector.capabilities.reconciles
        await maya.write("Hello", "Is anybody there?", to=ADDRESS)
        [event] = await line.inbox.has(1)
        outbound = line.answer(event, "Yes.")
        assert await line.connector.find(outbound) is None

        faults.add("*", Mischief.LOST_RESPONSE, pattern="DATA", count=1)
        with pytest.raises(OutcomeUnknown):
            await line.connector.send(outbound)

        [mail] = await maya.received(1)
        found = await line.connector.find(outbound)
        assert found is not None
        assert found.message == mail.message_id
        assert not found.more
        assert not [name for name in line.vault.kept if name.startswith("attempt:")]

    await filing(faults, play)


async def test_a_delivery_that_may_still_be_filed_is_asked_for_later(faults: FaultPlan) -> None:
    async def play(line: Line, maya: Customer) -> None:
        await maya.write("Hello", "Is anybody there?", to=ADDRESS)
        [event] = await line.inbox.has(1)
        outbound = line.answer(event, "Yes.")
        faults.add("*", Mischief.RESET, pattern="DATA", count=1)
        with pytest.raises(OutcomeUnknown):
            await line.connector.send(outbound)

        with pytest.raises(PlatformDown):
            await line.connector.find(outbound)
        [mark] = [name for name in line.vault.kept if name.startswith("attempt:")]
        line.vault.kept[mark] = (line.now - timedelta(minutes=10)).isoformat()
        assert await line.connector.find(outbound) is None

    await filing(faults, play)


async def test_without_a_sent_folder_nothing_can_be_looked_up(line: Line) -> None:
    assert not line.connector.capabilities.reconciles


# The listener


@pytest.fixture(params=["lmtp", "smtp"])
async def routed(
    request: pytest.FixtureRequest, server: MailServer, tmp_path: Path
) -> AsyncIterator[tuple[Line, type[smtplib.SMTP]]]:
    given = rig.settings(
        rig.options(
            server,
            listen="127.0.0.1:0",
            spool=str(tmp_path / "spool"),
            protocol=request.param,
            aliases="help@brightdesk.example",
        ),
        mode="listener",
        thread_key="sign with this",
        password=rig.PASSWORD,
    )
    async with rig.line(server, given) as line:
        line.begin_listening()
        async with asyncio.timeout(120):
            await asyncio.shield(line.port)
        yield line, smtplib.LMTP if request.param == "lmtp" else smtplib.SMTP


MAIL = (
    b"From: Maya <maya@fischer.example>\r\nTo: support@brightdesk.example\r\nSubject: Hello\r\n"
    b"Message-ID: <1@fischer.example>\r\nAuthentication-Results: mx.brightdesk.example; dmarc=pass"
    b" header.from=fischer.example\r\n\r\nIs anybody there?\r\n"
)


async def handed_over(
    line: Line, kind: type[smtplib.SMTP], *recipients: str, raw: bytes = MAIL
) -> dict[str, tuple[int, bytes]]:
    def talk() -> dict[str, tuple[int, bytes]]:
        with kind("127.0.0.1", line.port.result()) as client:
            return client.sendmail("maya@fischer.example", recipients, raw)

    return await asyncio.to_thread(talk)


async def test_mail_routed_to_us_is_taken(routed: tuple[Line, type[smtplib.SMTP]]) -> None:
    line, kind = routed
    await handed_over(line, kind, ADDRESS)

    [event] = line.inbox.events  # it was accepted before it was taken

    assert said(event).text == "**Hello**\n\nIs anybody there?"
    assert event.sender.verified
    assert (await line.fetched(said(event).attachments[-1].ref)).endswith(MAIL)


@pytest.mark.long
async def test_a_mail_in_one_line_of_two_megabytes_is_taken(
    routed: tuple[Line, type[smtplib.SMTP]],
) -> None:
    line, kind = routed
    await handed_over(line, kind, ADDRESS, raw=MAIL.replace(b"Is anybody there?", b"lamp " * 400_000))

    [event] = line.inbox.events

    assert said(event).text.startswith("**Hello**\n\nlamp lamp lamp")


async def test_a_mail_in_the_spool_cannot_be_read_there(
    routed: tuple[Line, type[smtplib.SMTP]], tmp_path: Path
) -> None:
    line, kind = routed
    await handed_over(line, kind, ADDRESS)

    [kept] = (tmp_path / "spool").iterdir()
    [event] = line.inbox.events
    original = said(event).attachments[-1].ref

    assert b"anybody" not in kept.read_bytes()
    assert b"anybody" in await line.fetched(original), "whoever has the reference of a file reads it"
    with pytest.raises(Refused):  # its name and the keys of the account do not suffice
        await line.fetched(original.replace(original.partition(".")[2][:64], "0" * 64))


async def test_the_name_of_a_mail_in_the_spool_does_not_tell_that_it_came(
    routed: tuple[Line, type[smtplib.SMTP]], tmp_path: Path
) -> None:
    line, kind = routed
    for _ in range(2):
        await handed_over(line, kind, ADDRESS)

    assert len(list((tmp_path / "spool").iterdir())) == 2, "the same mail has two names"


async def test_files_that_an_earlier_version_left_in_the_spool_are_deleted(tmp_path: Path) -> None:
    former, other = tmp_path / hashlib.sha256(b"a mail").hexdigest(), tmp_path / "0123"
    for each in (former, other):
        each.write_bytes(b"sealed with a key of the account")

    await Spool(tmp_path).prune()

    assert list(tmp_path.iterdir()) == [other]


async def test_the_answer_to_a_thread_is_taken_at_its_own_address(
    routed: tuple[Line, type[smtplib.SMTP]], maya: Customer
) -> None:
    line, kind = routed
    await handed_over(line, kind, ADDRESS)
    [event] = line.inbox.events
    await line.connector.send(line.answer(event, "Yes."))
    [answer] = await maya.received(1)
    token_address = answer.header("Reply-To").partition("<")[2].rstrip(">")
    reply = MAIL.replace(b"<1@", b"<2@").replace(b"Subject: Hello", b"Subject: Re: Hello")
    await handed_over(line, kind, token_address, raw=reply)

    assert [event.place for event in line.inbox.events] == [event.place] * 2


async def test_mail_for_others_is_refused(routed: tuple[Line, type[smtplib.SMTP]]) -> None:
    line, kind = routed
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        await handed_over(line, kind, "eve@elsewhere.example")

    assert refused.value.recipients["eve@elsewhere.example"][0] == 550
    assert not line.inbox.events


async def test_one_recipient_is_taken_at_a_time(routed: tuple[Line, type[smtplib.SMTP]]) -> None:
    line, kind = routed
    refused = await handed_over(line, kind, "help@brightdesk.example", ADDRESS)

    assert refused[ADDRESS][0] == 452
    assert len(line.inbox.events) == 1


async def test_mail_is_not_taken_while_it_cannot_be_kept(routed: tuple[Line, type[smtplib.SMTP]]) -> None:
    line, kind = routed
    line.inbox.raises = [StorageUnavailable("away")]
    with pytest.raises(smtplib.SMTPDataError) as refused:
        await handed_over(line, kind, ADDRESS)
    await handed_over(line, kind, ADDRESS)

    assert refused.value.smtp_code == 451
    assert len(line.inbox.events) == 1


@pytest.mark.long
async def test_a_server_that_lets_results_in_its_name_through_is_found(line: Line, maya: Customer) -> None:
    authserv = line.server.authserv
    for n in range(60):  # more than are looked at
        await maya.write(f"Hi {n}", "Hello", to=ADDRESS)
    assert await line.connector.check() == ADDRESS
    forged = {"Authentication-Results": f"{authserv}; dmarc=pass header.from=bank.example"}
    await maya.write("Hi", "Hello", to=ADDRESS, headers=forged, verdict="fail")
    with pytest.raises(Refused, match="1 of the last 50 mails") as told:
        await line.connector.check()
    assert f"{authserv}/1" in told.value.reason
    again = rig.settings(rig.options(line.server, trusted_servers=""))
    async with rig.line(line.server, again) as other:
        assert await other.connector.check() == ADDRESS, "nobody is believed there"


async def test_a_server_that_wrote_nothing_into_some_mails_is_told_of(line: Line, maya: Customer) -> None:
    """A header that came from outside would be taken for its own."""
    await maya.write("Hi", "Hello", to=ADDRESS)
    await stored(line, 1, TAKEN)
    told = await line.connector.check()
    assert told.startswith(
        f"{ADDRESS}. But {line.server.authserv} wrote no Authentication-Results into 1 of the last 2"
    )

    await stored(line, 2, RESULTS.format("fischer.example"), TAKEN)
    assert await line.connector.check() == ADDRESS, "it writes above its own line"


TAKEN = "Received: from a (a.example [8.8.4.4]) by mx.brightdesk.example with ESMTP id 4; Mon, 2 Mar 2026 10:00:00 +0000"
RESULTS = "Authentication-Results: mx.brightdesk.example; dmarc=pass header.from={}"


async def stored(line: Line, number: int, *headers: str) -> None:
    """A mail as a server of the customer's house leaves it in the mailbox."""
    head = "\r\n".join((*headers, f"From: maya@fischer.example\r\nTo: {ADDRESS}\r\nMessage-ID: <{number}@x>"))
    await line.server.imap.store(ADDRESS, f"{head}\r\n\r\nHello\r\n".encode(), line.now)


async def test_results_that_came_from_outside_are_not_believed_where_the_server_writes_none(
    line: Line,
) -> None:
    results = RESULTS.format("fischer.example")
    await stored(line, 1, results, TAKEN)
    await stored(line, 2, TAKEN, results)
    await stored(line, 3, results, TAKEN)
    genuine, forged, again = await line.inbox.has(3)

    assert [each.sender.verified for each in (genuine, forged, again)] == [True, False, True]

    line.ahead = KEEP + timedelta(minutes=1)  # and no mail has shown where it writes since
    await stored(line, 4, TAKEN, results)
    *_, later = await line.inbox.has(4)
    assert later.sender.verified


async def test_observed_habits_of_a_server_are_known_to_the_next_process(
    server: MailServer, line: Line
) -> None:
    results = RESULTS.format("fischer.example")
    await stored(line, 1, results, TAKEN)
    await line.inbox.has(1)
    await line.stop()
    async with rig.line(server, rig.settings(rig.options(server)), line.vault) as again:
        await again.listen()
        await stored(again, 2, TAKEN, results)
        [forged] = await again.inbox.has(1)

    assert not forged.sender.verified


async def test_a_server_that_leaves_mails_without_results_is_not_believed_below_its_own_line(
    line: Line, server: MailServer
) -> None:
    results = RESULTS.format("fischer.example")
    for number in (1, 2, 3):
        await stored(line, number, TAKEN)
    await line.inbox.has(3)
    await line.stop()
    async with rig.line(server, rig.settings(rig.options(server)), line.vault) as again:
        await again.listen()
        await stored(again, 4, TAKEN, results)
        await again.inbox.has(1)
        told = await again.connector.check()
        await stored(again, 5, results, TAKEN)
        forged, honest = await again.inbox.has(2)

    assert not forged.sender.verified
    assert honest.sender.verified, "nobody outside can write there"
    assert "so it is believed above its own Received line alone" in told


async def test_one_mail_without_results_proves_nothing_about_a_server(line: Line) -> None:
    results = RESULTS.format("fischer.example")
    await stored(line, 1, TAKEN)
    await stored(line, 2, TAKEN, results)
    _, event = await line.inbox.has(2)
    assert event.sender.verified


async def test_a_place_that_is_given_needs_nothing_to_be_seen(server: MailServer) -> None:
    given = rig.settings(rig.options(server, trusted_servers=f"{server.authserv}/1"))
    async with rig.line(server, given) as line:
        await line.listen()
        results = RESULTS.format("fischer.example")
        await stored(line, 1, results, TAKEN)
        await stored(line, 2, TAKEN, results)
        events = await line.inbox.has(2)

    assert all(event.sender.verified for event in events)


async def test_a_server_that_began_to_write_elsewhere_is_found(line: Line) -> None:
    results = RESULTS.format("fischer.example")
    await stored(line, 1, results, TAKEN)
    assert await line.connector.check() == ADDRESS, "what stands in the mailbox shows where it writes"
    await line.server.imap.renumber(ADDRESS)
    for number in range(2, 60):
        await stored(line, number, TAKEN, results)

    with pytest.raises(Refused, match="above its own Received line until") as told:
        await line.connector.check()
    assert "mx.brightdesk.example/1" in told.value.reason


@pytest.mark.parametrize(
    "taken",
    [
        "from x by mx.brightdesk.example (unknown [8.8.4.4])\r\n\tby mx.brightdesk.example (Postfix) with ESMTP id 4",
        "from unknown (HELO [127.0.0.1]) (8.8.4.4) by mx.brightdesk.example with SMTP",
        "from mail.evil.example (8.8.4.4) by mx.brightdesk.example (10.0.0.5) with Microsoft SMTP Server",
        "from evil.example (evil.example [::ffff:8.8.4.4])\r\n  by mx.brightdesk.example with ESMTP",
        "from evil.example (unknown [10.0.0.1]) by mx.brightdesk.example with ESMTP id 4",  # behind a proxy
    ],
)
async def test_no_mail_of_an_outsider_takes_the_results_of_honest_mails_away(line: Line, taken: str) -> None:
    """Below what the server wrote about it stands a forged line, as if its results were above its own."""
    honest, failed = (
        RESULTS.format("fischer.example"),
        RESULTS.format("fischer.example").replace("pass", "fail"),
    )
    taken = f"Received: {taken}; Mon, 2 Mar 2026 10:00:00 +0000"
    await stored(line, 1, taken, honest)
    for number in range(2, 6):
        await stored(line, number, taken, failed, TAKEN)
    await stored(line, 6, taken, honest)
    events = await line.inbox.has(6)

    assert [each.sender.verified for each in events] == [True, *[False] * 4, True]


@pytest.mark.parametrize("place", ["", "/above"])
async def test_no_outsider_gets_a_pass_of_a_silent_server_whatever_its_host_is_called(
    server: MailServer, place: str
) -> None:
    """Its name is that of the domain, and the line in which it took the mail says another."""
    given = rig.settings(rig.options(server, trusted_servers=f"brightdesk.example{place}"))
    taken, results = TAKEN.replace("mx.", "mx1."), RESULTS.format("fischer.example").replace("mx.", "")
    async with rig.line(server, given) as line:
        await line.listen()
        for number in range(1, 4):
            await stored(line, number, taken)
        await line.inbox.has(3)
        await stored(line, 4, taken, results)
        await stored(line, 5, results, taken)
        *_, forged, honest = await line.inbox.has(5)

    assert not forged.sender.verified
    assert honest.sender.verified, "nobody outside can write there"


async def eventually(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(120):
        while not true():  # noqa: ASYNC110 - nobody tells of a file
            await asyncio.sleep(0.01)


async def test_others_are_taken_while_a_mail_takes_long(server: MailServer, tmp_path: Path) -> None:
    given = rig.settings(
        rig.options(server, listen="127.0.0.1:0", spool=str(tmp_path / "spool")),
        mode="listener",
        thread_key="sign with this",
        password=rig.PASSWORD,
    )
    part = b"--b\r\nContent-Type: text/html\r\n\r\n" + (b"&a;" * 1_000 + b"\r\n") * 330
    headers = (
        b"From: m@x.example\r\nMessage-ID: <1@x.example>\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    )
    limits = ReadingBudget(first=0.2, whole=100_000.0)  # it is read until the test ends
    async with rig.line(server, given, limits=limits) as line:
        line.begin_listening()
        async with asyncio.timeout(120):
            await asyncio.shield(line.port)
        hostile = asyncio.create_task(handed_over(line, smtplib.LMTP, ADDRESS, raw=headers + part * 10))
        await eventually(lambda: any(tmp_path.glob("spool/*")))  # it has been given to us
        await handed_over(line, smtplib.LMTP, ADDRESS)
        [event] = line.inbox.events
        assert not hostile.done()
        await line.stop()

        with pytest.raises(smtplib.SMTPException):
            await hostile  # nobody has said 250: it is given to us again

    assert event.sender.handle == "maya@fischer.example"
