"""Collect the problems of an organization file, with the names that it defines and the line of each."""

import re
from collections.abc import Collection, Mapping, Sequence

from bot.core.connector import ChannelKind
from orgs.problems import Problem, Severity, close_match, problem_at, quote
from orgs.specification.organization import (
    Account,
    ChannelRef,
    Organization,
    Serves,
    Team,
)
from orgs.tree import Path, Tree


class Findings:
    """The problems found so far in one organization as its file states it, before defaults are added."""

    def __init__(self, org: Organization, tree: Tree, file: str, channels: Mapping[str, ChannelKind]) -> None:
        self.org, self.tree, self.file = org, tree, file
        self.channels = channels  # those with a connector; if empty, their needs are not checked
        self.problems: list[Problem] = []
        self.teams = {name: team for team in org.teams for name in (team.id, *team.aliases)}
        self.people = {person.id for person in org.people}
        self.agents = {agent.id for agent in org.agents}
        self.accounts = {account.id: account for account in org.accounts}

    def add(
        self,
        path: Path,
        code: str,
        found: str,
        expected: str,
        *,
        severity: Severity = Severity.ERROR,
        suggestion: str = "",
        of_key: bool = False,  # the key is wrong, not its value
    ) -> None:
        mark = self.tree.key_mark(path) if of_key else self.tree.mark(path)
        self.problems.append(
            problem_at(
                self.file,
                path,
                mark,
                code=code,
                found=found,
                expected=expected,
                severity=severity,
                suggestion=suggestion,
            )
        )

    def warn(
        self,
        path: Path,
        code: str,
        found: str,
        expected: str,
        suggestion: str = "",
        *,
        of_key: bool = False,
    ) -> None:
        self.add(path, code, found, expected, severity=Severity.WARNING, suggestion=suggestion, of_key=of_key)

    def known(self, path: Path, name: str, known: Collection[str], kind: str) -> bool:
        if name in known:
            return True
        words = kind.split(" or ")  # "a team, a person or an agent" is a target
        code = "reference." + ("target" if len(words) > 1 else words[0].split(" ", 1)[1].replace(" ", "-"))
        self.add(path, code, quote(name), f"the id of {kind}", suggestion=close_match(name, known))
        return False

    def once(self, named: Sequence[tuple[Path, str]]) -> None:
        first: dict[str, Path] = {}
        for path, name in sorted(named, key=lambda item: self.tree.mark(item[0])):
            if name in first:
                line = self.tree.mark(first[name])[0]
                self.add(path, "id.duplicate", quote(name), f"a name not taken on line {line}")
            first.setdefault(name, path)

    def channel(self, path: Path, ref: ChannelRef, *, staff: bool, whole: bool) -> None:
        """Check a channel. `staff`: customers must not be in it. `whole`: the account alone is enough."""
        account = self.account_of(path, ref)
        if account is None:
            return
        if staff and account.serves is not Serves.STAFF:
            self.add(path, "channel.serves", quote(str(ref)), "a channel of an account with serves: staff")
        elif not ref.channel:
            if not whole:
                expected = f'a channel of it, as in {ref.account}: "#name"'
                self.add(path, "channel.missing", quote(str(ref)), expected)
        elif expected := _wrong_form(self.channels.get(account.channel), ref.channel):
            self.add(path, "channel.form", quote(ref.channel), expected)

    def account_of(self, path: Path, ref: ChannelRef) -> Account | None:
        accounts = self.accounts
        if not accounts:  # the default ones will be supplied
            return None
        if not ref.account:
            return next((a for a in accounts.values() if a.serves is Serves.STAFF), None)
        if self.known(path, ref.account, accounts, "an account"):
            return accounts[ref.account]
        return None

    def has_room(self, path: Path, team: Team) -> None:
        if not team.channels.escalation:
            found = f"the team {quote(team.id)}, which has no escalation channel"
            self.add(path, "team.no-escalation-channel", found, "a team that has one")


def _wrong_form(kind: ChannelKind | None, channel: str) -> str:
    """Return what a channel of this kind looks like if `channel` does not, else ""."""
    if kind is None:
        return ""
    if not kind.room_form:
        return f"no channel: {kind.title} has none"
    return "" if re.fullmatch(kind.room_form, channel) else kind.room_example
