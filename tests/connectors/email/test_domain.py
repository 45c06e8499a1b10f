"""The DNS of our own domain: the check of the account says what is missing."""

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
ALL = {
    "acme.com": [SPF],
    "_spf.google.com": ["v=spf1 ip4:35.190.247.0/24 ~all"],
    "google._domainkey.acme.com": [KEY],
    "_dmarc.acme.com": [DMARC],
    "open.com": ["v=spf1 +all"],
}


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


async def test_nothing_is_missing_for_a_domain_with_all_records() -> None:
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
        ({"acme.com": ["v=spf1 include:_spf.google.com +ALL"]}, "lets everybody send in its name"),
        ({"acme.com": ["v=spf1 include:open.com include:_spf.google.com ~all"]}, "lets everybody send"),
        ({"acme.com": ["v=spf1 include:_spf.google.com ip4:0.0.0.0/0 -all"]}, "lets everybody send"),
        ({"acme.com": ["v=spf1 -all include:_spf.google.com"]}, "leaves out the provider"),
        ({"acme.com": ["v=spf1 ?include:_spf.google.com -all"]}, "leaves out the provider"),
        ({"acme.com": ["v=spf1 include:acme.com include:_spf.google.com ~all"]}, "acme.com includes itself"),
        ({"acme.com": ["v=spf1 include:gone.com include:_spf.google.com ~all"]}, "take out `include:gone"),
        ({"acme.com": ["v=spf1 include:a..b.com include:_spf.google.com ~all"]}, "take out `include:a..b"),
        ({"acme.com": ["v=spf1 include:_spf.google.com ipv4:1.2.3.4 -all"]}, "correct `ipv4:1.2.3.4`"),
        ({"acme.com": ["v=spf1 include:_spf.google.com ip4:1.2.3 -all"]}, "correct `ip4:1.2.3`"),
        ({"google._domainkey.acme.com": []}, "No DKIM key of acme.com was found at google._domainkey."),
        ({"google._domainkey.acme.com": ["v=DKIM1; p="]}, "No DKIM key of acme.com was found"),  # withdrawn
        ({"google._domainkey.acme.com": ["v=DKIM2; p=AAA"]}, "No DKIM key of acme.com was found"),
        ({"google._domainkey.acme.com": ["v=DKIM1; n=we set p =later; p="]}, "No DKIM key"),
        ({"_dmarc.acme.com": ["v=DMARC1"]}, "says no policy, which counts as none"),
        ({"_dmarc.acme.com": ["v=DMARC1; p=yes"]}, "says no policy, which counts as none"),
        ({"_dmarc.acme.com": ["V=dmarc1; p=none"]}, "acme.com has no DMARC record"),
        ({"_dmarc.acme.com": []}, "publish a TXT record `v=DMARC1; p=none` at _dmarc.acme.com"),
        ({"_dmarc.acme.com": [DMARC, DMARC]}, "_dmarc.acme.com has 2 DMARC records"),
    ],
)  # fmt: skip
async def test_a_missing_record_is_said_in_a_sentence(changes: Mapping[str, list[str]], told: str) -> None:
    [sentence] = await missing(ALL | changes)
    assert told in sentence


async def test_a_provider_is_found_behind_records_that_others_include() -> None:
    own = {"acme.com": ["v=spf1 redirect=spf.acme.com"], "spf.acme.com": [SPF]}
    assert await missing(ALL | own) == []
    round_and_round = {"acme.com": ["v=spf1 include:a.com ~all"], "a.com": ["v=spf1 include:acme.com ~all"]}
    [sentence] = await missing(ALL | round_and_round)
    assert "acme.com includes itself" in sentence


async def test_records_of_a_parent_domain_hold_for_a_subdomain() -> None:
    zone = ALL | {"help.acme.com": [SPF], "google._domainkey.help.acme.com": [KEY]}
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

    told = await what_is_missing("acme.com", "smtp.gmail.com", (), look_up)
    assert told == [
        f"{what} of acme.com was not checked: the DNS does not answer now"
        for what in ("SPF", "DKIM", "DMARC")
    ]


async def test_one_answer_that_does_not_come_hides_nothing_else() -> None:
    async def look_up(name: str) -> tuple[bytes, ...]:
        if "_domainkey" in name:
            raise dns.exception.Timeout(name)
        return await dns_of(ALL | {"acme.com": []})(name)

    spf, dkim = await what_is_missing("acme.com", "smtp.gmail.com", (), look_up)
    assert "has no SPF record" in spf
    assert dkim.startswith("DKIM of acme.com was not checked")


async def test_a_record_that_includes_thousands_is_not_followed() -> None:
    asked: list[str] = []
    many = " ".join(f"include:h{n}.example.org" for n in range(3_000))
    zone = ALL | {"acme.com": ["v=spf1 include:many.org ~all"], "many.org": [f"v=spf1 {many} ~all"]}
    zone |= {f"h{n}.example.org": ["v=spf1 -all"] for n in range(3_000)}

    async def look_up(name: str) -> tuple[bytes, ...]:
        asked.append(name)
        return await dns_of(zone)(name)

    [told] = await what_is_missing("acme.com", "smtp.gmail.com", (), look_up)
    assert "needs more than 10 lookups" in told
    assert len(asked) < 20


async def test_an_address_at_no_domain_is_said_to_be_that() -> None:
    [told] = await missing(ALL, domain="müller..de")
    assert told == "müller..de is no name of a domain: correct the address of this account"


async def test_the_check_of_an_account_names_the_missing_records(server: MailServer) -> None:
    address = "support@acme.com"
    await server.add_account(address, rig.PASSWORD)
    options = rig.options(server, address=address, dkim_selectors="google")
    zone = ALL | {"acme.com": [], "_dmarc.acme.com": []}
    async with rig.line(server, rig.settings(options), look_up=dns_of(zone)) as line:
        told = await line.connector.check()
    assert told.startswith("support@acme.com. The domain acme.com has no SPF record")
    assert "The domain acme.com has no DMARC record" in told


@pytest.mark.long
@pytest.mark.parametrize(
    "answer",
    [
        "550 5.7.26 This mail has been blocked because the sender is unauthenticated.",
        "550 5.7.27 SPF did not pass",
        "550 5.7.30 DKIM did not pass",
        "550 5.7.515 Access denied, sending domain does not meet the required authentication level.",
    ],
)
async def test_a_receiver_that_demands_the_records_is_named_as_the_reason(
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
