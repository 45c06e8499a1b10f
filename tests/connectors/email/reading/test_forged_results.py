# ruff: noqa: E501 - headers are one line
"""Forged results: an outsider adds no pass that no server of ours wrote, and honest mails lose nothing.

A mail is a stack: the lines of our own servers, the line in which one of them took it from outside (the
border), and what the sender wrote. Of the border, the sender chooses the greeting, the reverse name and
perhaps what is folded onto its end. Of the headers below it, everything.
"""

import re

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.email.reading import Mail, read, traces

BARE = (
    b"From: Maria <maria@example.org>\r\nTo: s@acme.example\r\nMessage-ID: <1@example.org>\r\n\r\nhello\r\n"
)
HOST = "mx.acme.example"
SERVERS = st.sampled_from((HOST, "acme.example", "filter.example"))  # the last two are in no line of ours
PASSED = "Authentication-Results: {}; dmarc=pass header.from=example.org"
FAILED = "Authentication-Results: {}; spf=fail smtp.mailfrom=evil.example; dmarc=fail header.from=example.org"
DATE = "; Mon, 2 Mar 2026 10:00:00 +0000"

WITHIN = (
    f"Received: by {HOST} (Postfix, from userid 110) id 7",
    f"Received: from localhost (localhost [127.0.0.1]) by {HOST} (Postfix) with ESMTP id 6",
    f"Received: from {HOST} ([127.0.0.1])\r\n by localhost (mx [127.0.0.1]) (amavisd-new, port 10024) with ESMTP",
    f"Received: from [127.0.0.1] (helo=localhost)\r\n\tby {HOST} with esmtp (Exim 4.96)",
    f"Received: from mail by {HOST} with local (Exim 4.96)",
    f"Received: from {HOST}\r\n\tby imap.acme.example with LMTP\r\n\tid 5 (envelope-from <x@evil.example>)",
    f"Received: from {HOST} ([8.8.8.8]) by imap.acme.example (Cyrus 3.8) with LMTPA",
    f"Received: from {HOST} ({HOST} [10.0.0.2])\r\n\tby imap.acme.example (Postfix) with ESMTPS id 4",
    f"Received: from {HOST} (10.0.0.2) by ex.acme.example (10.0.0.5) with Microsoft SMTP Server id 15.1",
    "Received: (qmail 1234 invoked by uid 89)",
    "X-Spam: no",
)
STACK = st.lists(st.sampled_from(WITHIN), max_size=4)

BORDERS = (
    "from {helo} ({name} [{ip}])\r\n\tby mx.acme.example (Postfix) with ESMTPS id 4",
    "from {helo} ({name} [{ip}] (may be forged))\r\n\tby mx.acme.example (8.18.1/8.18.1) with ESMTP id 4",
    "from {helo} (helo=x@{name} [{ip}])\r\n\tby mx1.acme.example with ESMTP id 4",
    "from {name} ([{ip}] helo={helo})\r\n\tby mx.acme.example with esmtp (Exim 4.96)",
    "from [{ip}] (port=25 helo={helo})\r\n\tby mx.acme.example with esmtp (Exim 4.96)",
    "from {name} (HELO {helo}) ({ip}) by mx.acme.example with SMTP",
    "from {name} (HELO {helo}) (user@{ip}) by mx2.acme.example with SMTP",
    "from {ip} (EHLO {helo}) ([{ip}]) by mx.acme.example (JAMES SMTP Server) with SMTP id 4",
    "from {helo} ({ip}) by mx.acme.example (10.0.0.5) with Microsoft SMTP Server id 15.1",
    "from {helo} ([{ip}]) by mx.acme.example (envelope-from <{helo}@x>) with SMTP",
    "from {word} by mx.acme.example with SMTP",  # it tells nothing, and takes one word at least
    "by mx.acme.example (OpenSMTPD) with ESMTPS id 4",
)
PUBLIC = st.sampled_from(
    ("8.8.4.4", "IPv6:2001:4860::1", "2001:4860::1", "::ffff:8.8.4.4", "2001:0:808:404::1")
)

NASTY = (
    *(HOST, "by", f"by {HOST}", f"by {HOST} with LMTP", "with local", "from", "acme.example", "filter.example"),
    *("[127.0.0.1]", "([10.0.0.1])", "(10.0.0.1)", "127.0.0.1", "[8.8.8.8]", "8.8.8.8", "[::1]", "(helo=x)"),
    *("(", ")", "[", "]", '"', "\\", ";", "<", ">", "=", "\x1b$B", "\x81", "\xa0", "\x0b", "\t", "(HELO", "\u212a"),
)  # fmt: skip
WORDS = st.lists(
    st.one_of(st.sampled_from(NASTY), st.text(st.characters(exclude_characters="\r\n"), max_size=8)),
    max_size=6,
)
HELO = st.builds(str.join, st.sampled_from((" ", "", "\t")), WORDS)
REVERSE = st.sampled_from(("unknown", "evil.example", HOST, "localhost", "10-0-0-1.evil.example"))


def border(shape: str, helo: str, name: str, ip: str) -> str:
    word = re.sub("[ \t]", "", helo) or "x"
    return f"Received: {shape.format(helo=helo, word=word, name=name, ip=ip)}{DATE}"


TAKEN = st.builds(border, st.sampled_from(BORDERS), HELO, REVERSE, PUBLIC)
PROXIED = st.builds(
    lambda helo: f"Received: from x{helo} (unknown [10.0.0.1]) by {HOST} with ESMTP id 4{DATE}", HELO
)

# However busy the machine is.
SLOWLY = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


@st.composite
def brought(draw: st.DrawFn, server: str) -> list[str]:
    """Return headers of a sender who knows the names of all our servers."""
    ours = (
        PASSED.format(server),
        PASSED.format("mx.other.example"),
        *(f"Received: from x (x [8.8.8.8]) by {each} with ESMTP id 9{DATE}" for each in (HOST, server)),
        f"Received: from {server} ({server} [8.8.8.8]) by {server} with LMTP id 9{DATE}",
        *WITHIN,
    )
    folded = draw(
        st.sampled_from(("", "", " with LMTP", f" by {server} with LMTP", '\t"', " ([10.0.0.1])", " ("))
    )
    return [
        *([folded] if folded else []),
        *draw(st.lists(st.one_of(st.sampled_from(ours), TAKEN), max_size=6)),
    ]


def received(*headers: str, servers: tuple[str, ...]) -> Mail:
    raw = "".join(f"{header}\r\n" for header in headers).encode("utf-8", "surrogatepass") + BARE
    traces(raw, trusted_servers=servers)
    return read(raw, trusted_servers=servers, own_addresses=())


@SLOWLY
@given(st.data(), SERVERS, STACK, TAKEN)
def test_no_outsider_gets_a_pass_from_a_server_that_writes_above_the_border(
    data: st.DataObject, server: str, within: list[str], taken: str
) -> None:
    """The server left this mail without results, or judged it."""
    own = data.draw(st.sampled_from(((), (FAILED.format(server),))))
    mail = received(*within, *own, taken, *data.draw(brought(server)), servers=(f"{server}/above",))
    assert not mail.trust.verified


@SLOWLY
@given(st.data(), SERVERS, STACK, TAKEN)
def test_no_outsider_gets_a_pass_where_the_server_judged_the_mail(
    data: st.DataObject, server: str, within: list[str], taken: str
) -> None:
    own = [taken, FAILED.format(server)] if data.draw(st.booleans()) else [FAILED.format(server), taken]
    mail = received(*within, *own, *data.draw(brought(server)), servers=(server,))
    assert not mail.trust.verified


@SLOWLY
@given(st.data(), SERVERS, STACK, TAKEN, PROXIED)
def test_no_outsider_takes_the_results_of_other_mails_away_from_a_server_that_writes_below(
    data: st.DataObject, server: str, within: list[str], taken: str, proxied: str
) -> None:
    """The server wrote its results below its own line, as into all mails: this mail shows nothing else of it."""
    line = proxied if server == HOST and data.draw(st.booleans()) else taken
    mail = received(*within, line, FAILED.format(server), *data.draw(brought(server)), servers=(server,))
    assert (mail.results_above, mail.silent_servers) == ("", ())


@SLOWLY
@given(st.data(), SERVERS, STACK, TAKEN)
def test_no_outsider_takes_the_results_above_the_border_away(
    data: st.DataObject, server: str, within: list[str], taken: str
) -> None:
    rest = data.draw(brought(server))
    for servers in ((server,), (f"{server}/above",)):
        mail = received(*within, PASSED.format(server), taken, *rest, servers=servers)
        assert mail.trust.verified
        assert mail.silent_servers == ()
