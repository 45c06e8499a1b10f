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
from ipaddress import ip_network
from typing import Final

import dns.asyncresolver
import dns.exception
import dns.resolver

TxtRecords = Callable[[str], Awaitable[tuple[bytes, ...]]]
"""The TXT records of a name, none where there is no such name. Raises DNSException if the DNS is too slow."""

_DNS_SECONDS = 5.0
_ALL_SECONDS = 20.0
_MOST_LOOKUPS = 10  # RFC 7208, 4.6.4; receivers ignore a record that needs more
_FEWEST_BITS = 4  # a network of fewer is everybody
_MECHANISM = re.compile(r"([+?~-]?)(all|include|a|mx|ptr|ip4|ip6|exists)(?::([^\s]+)|/[0-9/]+)?")
_MODIFIER = re.compile(r"[a-z][a-z0-9_.-]*=\S*")
_NAME = re.compile(r"(?=.{1,253}$)(?:[a-z0-9_-]{1,63}\.)+[a-z0-9-]{2,63}\.?")
# Names that the public DNS does not have (RFC 2606 and 6762).
_WITHOUT_DNS = ("example", "test", "invalid", "localhost", "local", "internal")


@dataclass(frozen=True, slots=True)
class _Provider:
    """A provider of mail: where it publishes its own servers for SPF, and under which names its DKIM keys."""

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
    try:
        domain = domain.encode("idna").decode() if not domain.isascii() else domain
    except UnicodeError:
        return [f"{domain[:80]} is no name of a domain: correct the address of this account"]
    if domain.rpartition(".")[2] in _WITHOUT_DNS or "." not in domain:
        return []
    provider = next((each for end, each in _PROVIDERS.items() if f".{smtp_host}".endswith(f".{end}")), None)
    selectors = selectors or (provider.selectors if provider else _USUAL_SELECTORS)
    told = await asyncio.gather(
        _asked("SPF", domain, _spf(domain, smtp_host, provider, look_up)),
        _asked("DKIM", domain, _dkim(domain, selectors, look_up)),
        _asked("DMARC", domain, _dmarc(domain, look_up)),
    )
    return [each for each in told if each]


async def _asked(what: str, domain: str, finding: Awaitable[str]) -> str:
    """Return what is found, or that the DNS does not answer: each of the three is told for itself."""
    try:
        async with asyncio.timeout(_ALL_SECONDS):
            return await finding
    except (dns.exception.DNSException, OSError):  # among them TimeoutError
        return f"{what} of {domain} was not checked: the DNS does not answer now"


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
    walk = _SpfWalk(look_up)
    await walk.follow(records[0], (domain,))
    if walk.lookups > _MOST_LOOKUPS:
        return (
            f"The SPF record of {domain} needs more than {_MOST_LOOKUPS} lookups, which counts as none:"
            " take out what no longer sends for it"
        )
    if walk.wrong:
        return f"The SPF record of {domain} counts as none: {walk.wrong}"
    if walk.is_open:
        return (
            f"The SPF record of {domain} lets everybody send in its name: end it with `~all`, and take out"
            " what stands for all addresses"
        )
    if provider and provider.spf not in walk.passing:
        return f"The SPF record of {domain} leaves out the provider of {smtp_host}: add {wanted} before `all`"
    return ""


class _SpfWalk:
    """The evaluation of an SPF record with all that it includes (RFC 7208)."""

    def __init__(self, look_up: TxtRecords) -> None:
        self._look_up = look_up
        self.lookups = 0
        self.wrong = ""  # why receivers give up ("permerror"); "" if they do not
        self.is_open = False
        self.passing: set[str] = set()  # the names whose servers pass

    async def follow(self, record: str, path: tuple[str, ...]) -> None:
        """Read a record and what it includes in order, until something is wrong. `path` names those above."""
        redirect = ""
        for term in record.lower().split()[1:]:
            if self.wrong or self.lookups > _MOST_LOOKUPS:
                return
            if term.startswith("redirect="):
                redirect = term.removeprefix("redirect=")
                continue
            if _MODIFIER.fullmatch(term):
                continue
            found = _MECHANISM.fullmatch(term)
            if found is None:
                self.wrong = f"correct `{term[:60]}`"
                return
            passes, kind, value = found[1] in ("", "+"), found[2], found[3] or ""
            if kind == "all":
                self.is_open = self.is_open or passes
                return
            if kind in ("ip4", "ip6"):
                self._address(term, value, passes=passes)
            else:
                self.lookups += 1
            if kind == "include":
                await self._include(value, path, passes=passes)
        if redirect and not self.wrong:
            self.lookups += 1
            await self._include(redirect, path, passes=True)

    def _address(self, term: str, value: str, *, passes: bool) -> None:
        try:
            network = ip_network(value, strict=False)
        except ValueError:
            self.wrong = f"correct `{term[:60]}`"
        else:
            self.is_open = self.is_open or (passes and network.prefixlen < _FEWEST_BITS)

    async def _include(self, name: str, path: tuple[str, ...], *, passes: bool) -> None:
        if "%" in name or self.lookups > _MOST_LOOKUPS:  # made from each mail's sender
            return
        if name in path:
            self.wrong = f"{name} includes itself"
            return
        records = await _records(name, "v=spf1", self._look_up) if _NAME.fullmatch(name) else []
        if len(records) != 1:
            self.wrong = f"take out `include:{name[:80]}`, which has no SPF record, or add one there"
            return
        if passes:
            self.passing.add(name)
        within = _SpfWalk(self._look_up)
        within.lookups = self.lookups
        await within.follow(records[0], (*path, name))
        self.lookups, self.wrong = within.lookups, within.wrong
        if passes:
            self.is_open = self.is_open or within.is_open
            self.passing |= within.passing


async def _dkim(domain: str, selectors: Sequence[str], look_up: TxtRecords) -> str:
    names = [f"{selector}._domainkey.{domain}" for selector in selectors]
    for records in await asyncio.gather(*map(look_up, names)):
        for tags in filter(None, map(_tags, records)):
            if tags.get("v", "DKIM1") == "DKIM1" and re.match(r"[A-Za-z0-9+/]", tags.get("p", "")):
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
        records = await _records(f"_dmarc.{above}", "v=DMARC1", look_up)
        if len(records) > 1:
            return f"The name _dmarc.{above} has {len(records)} DMARC records, which counts as none: keep one"
        if records:
            tags = _tags(records[0].encode()) or {}
            if tags.get("p", "").lower() in ("none", "quarantine", "reject") or tags.get("rua"):
                return ""
            return f"The DMARC record at _dmarc.{above} says no policy, which counts as none: add `p=none`"
    return (
        f"The domain {domain} has no DMARC record: publish a TXT record `v=DMARC1; p=none` at _dmarc.{domain}"
    )


def _tags(record: bytes) -> dict[str, str] | None:
    """Return the tags of a DKIM or DMARC record, or None where it is no list of tags (RFC 6376, 3.2)."""
    pieces = [piece.partition("=") for piece in record.decode("ascii", "replace").split(";") if piece.strip()]
    if not all(equals and name.strip() for name, equals, _ in pieces):
        return None
    return {name.strip(): value.strip() for name, _, value in pieces}


async def _records(name: str, version: str, look_up: TxtRecords) -> list[str]:
    """Return the TXT records of a name that begin with the given version."""
    texts = [record.decode("ascii", "replace") for record in await look_up(name)]
    alike = re.compile(rf"{version}(?:[\s;]|$)", re.IGNORECASE if version == "v=spf1" else 0)
    return [text for text in texts if alike.match(text)]
