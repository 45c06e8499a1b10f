"""What the DNS lacks of our own domain is said by the check of the account."""

from collections.abc import Mapping

import dns.exception
import pytest

from bot.core.errors import Refused
from connectors.email.domain import TxtRecords, what_is_missing
from connectors.sandbox.mail import Customer, MailServer
from tests.connectors.email import rig
from tests.connectors.email.rig import ADDRESS, Line

SPF = "v=spf1 include:_spf.google.com ~all"
KEY = "v=DKIM1; k=rsa; p=MIIBIjANBg"
DMARC = "v=DMARC1; p=reject; rua=mailto:dmarc@acme.com"
ALL = {"acme.com": [SPF], "google._domainkey.acme.com": [KEY], "_dmarc.acme.com": [DMARC]}


def dns_of(zone: Mapping[str, list[str]]) -> TxtRecords:
    async def look_up(name: str) -> tuple[bytes, ...]:
        return tuple(record.encode() for record in zone.get(name, ()))

    return look_up


async def missing(
    zone: Mapping[str, list[str]],
    *,
    domain: str = "acme.com",
    smtp: str = "smtp.gmail.com",
    selectors: str = "",
) -> list[str]:
    return await what_is_missing(domain, smtp, selectors.split(), dns_of(zone))


async def test_a_domain_that_vouches_for_its_mail_needs_no_word() -> None:
    assert await missing(ALL) == []


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"acme.com": []}, "acme.com has no SPF record"),
        ({"acme.com": ["google-site-verification=x"]}, "acme.com has no SPF record"),
        ({"acme.com": ["v=spf10 ~all"]}, "acme.com has no SPF record"),
        ({"acme.com": [SPF, "v=spf1 mx -all"]}, "acme.com has 2 SPF records, which counts as none"),
        ({"acme.com": ["v=spf1 mx -all"]}, "leaves out the provider of smtp.gmail.com: add include:"),
        ({"acme.com": ["v=spf1 -include:_spf.google.com -all"]}, "leaves out the provider of smtp.gmail.com"),
        ({"acme.com": ["v=spf1 include:_spf.google.com +all"]}, "lets everybody send in its name"),
        ({"acme.com": ["v=spf1 include:_spf.google.com all"]}, "lets everybody send in its name"),
        ({"acme.com": [SPF.replace("~", " a:b.acme.com" * 10 + " ~")]}, "needs more than 10 lookups"),
        ({"google._domainkey.acme.com": []}, "No DKIM key of acme.com was found at google._domainkey."),
        ({"google._domainkey.acme.com": ["v=DKIM1; p="]}, "No DKIM key of acme.com was found"),  # withdrawn
        ({"_dmarc.acme.com": []}, "publish a TXT record `v=DMARC1; p=none` at _dmarc.acme.com"),
        ({"_dmarc.acme.com": [DMARC, DMARC]}, "_dmarc.acme.com has 2 DMARC records"),
    ],
)  # fmt: skip
async def test_what_is_missing_is_said_in_a_sentence(changes: Mapping[str, list[str]], told: str) -> None:
    [sentence] = await missing(ALL | changes)
    assert told in sentence


async def test_a_provider_is_found_behind_records_that_others_include() -> None:
    own = {"acme.com": ["v=spf1 redirect=spf.acme.com"], "spf.acme.com": [SPF]}
    assert await missing(ALL | own) == []
    round_and_round = {"acme.com": ["v=spf1 include:a.com ~all"], "a.com": ["v=spf1 include:acme.com ~all"]}
    [sentence] = await missing(ALL | round_and_round)
    assert "leaves out the provider" in sentence


async def test_what_holds_above_a_domain_holds_for_it() -> None:
    zone = {"help.acme.com": [SPF], "google._domainkey.help.acme.com": [KEY], "_dmarc.acme.com": [DMARC]}
    assert await missing(zone, domain="help.acme.com") == []
    below = {"_dmarc.com": [DMARC], "_dmarc.acme.com": []}
    assert await missing(ALL | below, domain="acme.com") != [], "the end of a name is nobody's domain"


async def test_a_provider_that_is_not_known_may_have_any_record_and_a_selector_that_is_given() -> None:
    zone = {"acme.com": ["v=spf1 mx -all"], "abc._domainkey.acme.com": [KEY], "_dmarc.acme.com": [DMARC]}
    [sentence] = await missing(zone, smtp="mail.acme.com")
    assert "give that as `dkim_selectors`" in sentence
    assert await missing(zone, smtp="mail.acme.com", selectors="abc") == []


async def test_a_name_that_the_internet_does_not_know_is_not_looked_up() -> None:
    for domain in ("brightdesk.example", "desk.test", "localhost", "mail.local"):
        assert await missing({}, domain=domain) == []


@pytest.mark.parametrize("error", [dns.exception.Timeout, OSError])
async def test_a_dns_that_does_not_answer_is_said(error: type[Exception]) -> None:
    async def look_up(name: str) -> tuple[bytes, ...]:
        raise error(name)

    [sentence] = await what_is_missing("acme.com", "smtp.gmail.com", (), look_up)
    assert sentence == "SPF, DKIM and DMARC of acme.com were not checked: the DNS does not answer now"


async def test_the_check_of_an_account_says_it(server: MailServer) -> None:
    address = "support@acme.com"
    await server.add_account(address, rig.PASSWORD)
    options = rig.options(server, address=address, dkim_selectors="google")
    zone = ALL | {"acme.com": [], "_dmarc.acme.com": []}
    async with rig.line(server, rig.settings(options), look_up=dns_of(zone)) as line:
        told = await line.connector.check()
    assert told.startswith("support@acme.com. The domain acme.com has no SPF record")
    assert "The domain acme.com has no DMARC record" in told


@pytest.mark.parametrize(
    "answer",
    [
        "550 5.7.26 This mail has been blocked because the sender is unauthenticated.",
        "550 5.7.27 SPF did not pass",
        "550 5.7.30 DKIM did not pass",
        "550 5.7.515 Access denied, sending domain does not meet the required authentication level.",
    ],
)
async def test_who_takes_no_mail_without_them_is_named_as_that(
    line: Line, maya: Customer, answer: str
) -> None:
    await maya.write("Invoice", "Why twice?", to=ADDRESS)
    [question] = await line.inbox.has(1)
    line.server.smtp.refused[maya.address] = answer
    with pytest.raises(Refused) as refused:
        await line.connector.send(line.answer(question, "One was returned."))
    assert (
        "the receiver takes no mail of a domain without SPF, DKIM and DMARC that pass" in refused.value.reason
    )
