"""Check accounts: their channels, modes, secrets, options, addresses and templates."""

from collections.abc import Mapping, Sequence

from bot.core.connector import ChannelKind
from orgs.checking.findings import Findings
from orgs.problems import close_match, discreet, quote
from orgs.routing import without_tag
from orgs.specification.organization import (
    Account,
    Serves,
)
from orgs.tree import Path


def check_accounts(findings: Findings) -> None:
    """Check each account, and that there is one for staff and one for customers."""
    accounts = findings.org.accounts
    for i, account in enumerate(accounts):
        _account(findings, ("accounts", i), account)
    if not accounts:
        return
    serves = {account.serves for account in accounts}
    if Serves.STAFF not in serves:
        findings.add(("accounts",), "accounts.no-staff", "no account for staff", "one with serves: staff")
    elif not findings.org.teams and not _has_usual_room(findings):
        expected = "teams with escalation channels, which this channel has no usual name for"
        findings.add(("accounts",), "teams.needed", "no teams", expected)
    if Serves.CUSTOMERS not in serves:
        expected = "one with serves: customers"
        findings.warn(("accounts",), "accounts.no-customers", "no account for customers", expected)


def _has_usual_room(findings: Findings) -> bool:
    """Return whether a channel called #escalation can be assumed on the staff's account."""
    staff = next((account for account in findings.org.accounts if account.serves is Serves.STAFF), None)
    kind = findings.channels.get(staff.channel) if staff is not None else None
    return kind is None or bool(kind.usual_room)


def _account(findings: Findings, path: Path, account: Account) -> None:
    if not findings.channels:
        return
    kind = findings.channels.get(account.channel)
    if kind is None:
        suggestion = close_match(account.channel, findings.channels)
        expected = f"one of {', '.join(sorted(findings.channels))}"
        findings.add(
            (*path, "channel"),
            "account.channel",
            discreet(account.channel),
            expected,
            suggestion=suggestion,
        )
        return
    if account.serves.value not in kind.serves:
        expected = f"{' or '.join(kind.serves)}: {kind.title} serves nobody else"
        findings.add((*path, "serves"), "account.serves", quote(account.serves.value), expected)
    connection = kind.connection_mode(account.mode or kind.modes[0].mode)
    if connection is None:
        expected = f"{' or '.join(each.mode for each in kind.modes)} for {account.channel}"
        findings.add((*path, "mode"), "account.mode", discreet(account.mode), expected)
        return
    _given(findings, path, "secrets", account.secrets, connection.secrets, connection.optional_secrets)
    _given(findings, path, "options", account.options, connection.options, connection.optional)
    _addresses(findings, path, account, kind)
    if account.templates and not kind.capabilities.templates:
        expected = "none: this channel has no approved templates"
        findings.add((*path, "templates"), "account.templates", "templates", expected)
    for n, template in enumerate(account.templates):
        blanks = template.blanks
        numbers = tuple(str(place) for place in range(1, len(blanks) + 1))
        if len(blanks) != len(template.parameters):
            expected = f"{len(blanks)}: one for each blank of its text"
            here = (*path, "templates", n, "parameters" if template.parameters else "text")
            findings.add(here, "template.parameters", str(len(template.parameters)), expected)
        elif blanks != numbers and any(blank.isdecimal() for blank in blanks):
            expected = "{{1}}, {{2}}, … without a gap, or names alone"
            found = ", ".join(f"{{{{{blank}}}}}" for blank in blanks)
            findings.add((*path, "templates", n, "text"), "template.blanks", found, expected)


def _addresses(findings: Findings, path: Path, account: Account, kind: ChannelKind) -> None:
    """Check that each address is one of the account's, with or without a tag, and leads to a team or an
    agent.
    """
    if account.addresses and not kind.capabilities.addresses:
        expected = "none: this channel has one address for each account"
        findings.add((*path, "addresses"), "account.addresses", "addresses", expected)
        return
    own = [account.options.get("address", ""), *account.options.get("aliases", "").split(",")]
    known = [each.strip() for each in own if each.strip()]
    for address, target in account.addresses.items():
        here = (*path, "addresses", address)
        if without_tag(address) not in [without_tag(each) for each in known]:
            expected = f"one of {', '.join(known)}, with a tag or without"
            suggestion = close_match(address, known)
            findings.add(here, "account.addresses", discreet(address), expected, suggestion=suggestion)
        findings.known(here, target, {*findings.teams, *findings.agents}, "a team or an agent")
        if target in findings.teams:
            findings.has_room(here, findings.teams[target])


def _given(
    findings: Findings,
    path: Path,
    part: str,
    given: Mapping[str, str],
    needed: Sequence[str],
    possible: Sequence[str],
) -> None:
    meaning = "the environment variable that holds it" if part == "secrets" else "its value"
    for name in needed:
        if name not in given:
            findings.add((*path, part), f"account.{part}", f"no {name}", f"`{name}`: {meaning}")
    for name in given:
        if name not in needed and name not in possible:
            known = (*needed, *possible)
            expected = f"one of {', '.join(known)}" if known else "none"
            suggestion = close_match(name, known)
            findings.add((*path, part, name), f"account.{part}", quote(name), expected, suggestion=suggestion)
