"""Check what the DNS says about our own domain. Large providers refuse our mail without it.

Gmail requires SPF or DKIM of everybody, and answers 550 5.7.26 otherwise. Gmail and Outlook.com require both,
and DMARC, of those who send 5,000 mails a day (550 5.7.515): https://support.google.com/a/answer/81126,
https://learn.microsoft.com/exchange/troubleshoot/email-delivery/ndr/fix-ndr-550-5-7-515

SPF and DKIM count only where they are aligned with From (RFC 7489, 3.1). The return path of our mail is at
the domain of our address, so SPF is aligned. DKIM is aligned where the key is found below that very domain.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

import dns.asyncresolver
import dns.exception
import dns.resolver

TxtRecords = Callable[[str], Awaitable[tuple[bytes, ...]]]
"""The TXT records of a name, none where there is no such name. Raises DNSException if the DNS is too slow."""

_DNS_SECONDS = 5.0
_ALL_SECONDS = 20.0
_MOST_LOOKUPS = 10  # RFC 7208, 4.6.4; receivers ignore a record that needs more
_COSTS_A_LOOKUP = re.compile(r"^[+?~-]?(?:a|mx|ptr|exists|include)(?=[:/]|$)|^redirect=")
_OTHERS = re.compile(r"^(?:[+?]?include:|redirect=)([^\s%]+)$")
# Names that the public DNS does not have (RFC 2606 and 6762).
_WITHOUT_DNS = ("example", "test", "invalid", "localhost", "local", "internal")


@dataclass(frozen=True, slots=True)
class _Provider:
    """Where a provider of mail publishes its own servers for SPF, and under which names its DKIM keys."""

    spf: str
    selectors: tuple[str, ...]


# Providers by the end of the name of their server for outgoing mail, as each documents it.
_PROVIDERS: Final = {
    "gmail.com": _Provider("_spf.google.com", ("google",)),
    "office365.com": _Provider("spf.protection.outlook.com", ("selector1", "selector2")),
    "outlook.com": _Provider("spf.protection.outlook.com", ("selector1", "selector2")),
    "fastmail.com": _Provider("spf.messagingengine.com", ("fm1", "fm2", "fm3")),
    "protonmail.ch": _Provider("_spf.protonmail.ch", ("protonmail", "protonmail2", "protonmail3")),
    "mail.me.com": _Provider("icloud.com", ("sig1",)),
    "sendgrid.net": _Provider("sendgrid.net", ("s1", "s2")),
}
# Codes of failed authentication: Gmail's .26, .27 (SPF), .30 (DKIM), RFC 7372's .20 on, Outlook.com's .515.
_UNAUTHENTICATED = re.compile(r"\b[45]\.7\.(?:2[0-467]|30|515)\b")
_USUAL_SELECTORS = ("default", "mail", "dkim", "s1", "s2", "k1", "google", "selector1", "selector2")


async def txt_records(name: str) -> tuple[bytes, ...]:
    try:
        answer = await dns.asyncresolver.resolve(name, "TXT", lifetime=_DNS_SECONDS)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return ()
    return tuple(b"".join(record.strings) for record in answer)


async def what_is_missing(
    domain: str, smtp_host: str, selectors: Sequence[str], look_up: TxtRecords
) -> list[str]:
    """Return one sentence for each of SPF, DKIM and DMARC that does not authenticate our mail."""
    domain = domain.encode("idna").decode() if not domain.isascii() else domain
    if domain.rpartition(".")[2] in _WITHOUT_DNS or "." not in domain:
        return []
    provider = next((each for end, each in _PROVIDERS.items() if f".{smtp_host}".endswith(f".{end}")), None)
    selectors = selectors or (provider.selectors if provider else _USUAL_SELECTORS)
    try:
        async with asyncio.timeout(_ALL_SECONDS):
            found = await asyncio.gather(
                _spf(domain, smtp_host, provider, look_up),
                _dkim(domain, selectors, look_up),
                _dmarc(domain, look_up),
            )
    except (dns.exception.DNSException, OSError):  # among them TimeoutError
        return [f"SPF, DKIM and DMARC of {domain} were not checked: the DNS does not answer now"]
    return [each for each in found if each]


def missing_authentication(status: str) -> str:
    """Return the authentication whose lack made a server refuse our mail, or "" for another reason."""
    if _UNAUTHENTICATED.search(status) is None:
        return ""
    return (
        "the receiver takes no mail of a domain without SPF, DKIM and DMARC that pass:"
        " `desk accounts check` says what ours lacks"
    )


async def _spf(domain: str, smtp_host: str, provider: _Provider | None, look_up: TxtRecords) -> str:
    records = await _records(domain, "v=spf1", look_up)
    wanted = f"include:{provider.spf}" if provider else f"the one that the provider of {smtp_host} names"
    if not records:
        return f"The domain {domain} has no SPF record: publish a TXT record `v=spf1 … ~all` with {wanted}"
    if len(records) > 1:
        return f"The domain {domain} has {len(records)} SPF records, which counts as none: make one of them"
    included: set[str] = set()
    lookups = await _walk(records[0], included, look_up)
    if lookups > _MOST_LOOKUPS:
        return (
            f"The SPF record of {domain} needs more than {_MOST_LOOKUPS} lookups, which counts as none:"
            " take out what no longer sends for it"
        )
    if re.search(r"(?:^|\s)\+?all(?:\s|$)", records[0]):
        return f"The SPF record of {domain} lets everybody send in its name: end it with `~all`"
    if provider and provider.spf not in included:
        return f"The SPF record of {domain} leaves out the provider of {smtp_host}: add {wanted}"
    return ""


async def _walk(record: str, included: set[str], look_up: TxtRecords) -> int:
    """Follow the includes of an SPF record. Return how many DNS lookups they need in all."""
    lookups, waiting = 0, [record]
    while waiting and lookups <= _MOST_LOOKUPS:
        terms = waiting.pop().lower().split()[1:]
        lookups += sum(_COSTS_A_LOOKUP.search(term) is not None for term in terms)
        for other in [found[1] for term in terms if (found := _OTHERS.match(term))]:
            if other not in included:
                included.add(other)
                waiting += (await _records(other, "v=spf1", look_up))[:1]
    return lookups


async def _dkim(domain: str, selectors: Sequence[str], look_up: TxtRecords) -> str:
    names = [f"{selector}._domainkey.{domain}" for selector in selectors]
    for records in await asyncio.gather(*map(look_up, names)):
        if any(re.search(rb"(?:^|;)\s*p\s*=\s*[A-Za-z0-9+/]", record) for record in records):
            return ""
    return (
        f"No DKIM key of {domain} was found at {', '.join(names)}: let the provider sign for this domain;"
        " if it does under another name, give that as `dkim_selectors`"
    )


async def _dmarc(domain: str, look_up: TxtRecords) -> str:
    """Look for a DMARC record at the domain and above it (RFC 7489, 6.6.3; RFC 9989, 4.10)."""
    labels = domain.split(".")
    for start in range(len(labels) - 1):
        above = ".".join(labels[start:])
        records = await _records(f"_dmarc.{above}", "v=dmarc1", look_up)
        if len(records) > 1:
            return f"The name _dmarc.{above} has {len(records)} DMARC records, which counts as none: keep one"
        if records:
            return ""
    return (
        f"The domain {domain} has no DMARC record: publish a TXT record `v=DMARC1; p=none` at _dmarc.{domain}"
    )


async def _records(name: str, version: str, look_up: TxtRecords) -> list[str]:
    """Return the TXT records of a name that begin with the given version."""
    texts = [record.decode("ascii", "replace") for record in await look_up(name)]
    return [text for text in texts if re.match(rf"{version}(?:[\s;]|$)", text, re.IGNORECASE)]
