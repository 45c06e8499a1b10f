"""Check what a schema cannot: that names exist, ladders end, and rooms are there."""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

from bot.core.connector import ChannelKind
from orgs.answering.models import MODELS
from orgs.defaults import BUILT_IN_TRIGGERS, WELL_KNOWN_TRIGGERS, complete
from orgs.problems import Problem, Severity, close_match, discreet, problem_at, quote
from orgs.reach import unreached
from orgs.routing import without_tag
from orgs.specification.organization import (
    Account,
    AgentRole,
    ChannelRef,
    EscalationRule,
    Ladder,
    Organization,
    Person,
    Serves,
    Team,
)
from orgs.specification.repeats import expected_instead
from orgs.specification.texts import Texts
from orgs.translations import SHIPPED, base
from orgs.tree import Path, Tree

_KNOWN_WITHOUT_DEFINITION: Final = {*BUILT_IN_TRIGGERS, *(trigger.id for trigger in WELL_KNOWN_TRIGGERS)}
MOST_PATTERNS: Final = 500  # of all triggers together: each is searched for in each message
_ROOMS: Final = ("public", "private", "escalation", "training")


class Checker:
    """Collects the problems of one organization as its file states it, before defaults are added."""

    def __init__(self, org: Organization, tree: Tree, file: str, channels: Mapping[str, ChannelKind]) -> None:
        self._org, self._tree, self._file = org, tree, file
        self._channels = channels  # those with a connector; if empty, their needs are not checked
        self.problems: list[Problem] = []
        self._teams = {name: team for team in org.teams for name in (team.id, *team.aliases)}
        self._people = {person.id for person in org.people}
        self._agents = {agent.id for agent in org.agents}
        self._accounts = {account.id: account for account in org.accounts}

    def check(self) -> Sequence[Problem]:
        self._identifiers()
        self._check_accounts()
        self._check_teams()
        self._check_agents()
        self._rules(("escalation_rules",), self._org.escalation_rules, "")
        self._check_ladders()
        self._check_triggers()
        if not any(problem.severity is Severity.ERROR for problem in self.problems):
            self._check_reach()  # only if all names are valid, so that it is clear who is called
        self._check_texts()
        return sorted(self.problems, key=lambda problem: (problem.line, problem.column, problem.code))

    def _add(
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
        mark = self._tree.key_mark(path) if of_key else self._tree.mark(path)
        self.problems.append(
            problem_at(
                self._file,
                path,
                mark,
                code=code,
                found=found,
                expected=expected,
                severity=severity,
                suggestion=suggestion,
            )
        )

    def _warn(
        self,
        path: Path,
        code: str,
        found: str,
        expected: str,
        suggestion: str = "",
        *,
        of_key: bool = False,
    ) -> None:
        self._add(
            path, code, found, expected, severity=Severity.WARNING, suggestion=suggestion, of_key=of_key
        )

    def _known(self, path: Path, name: str, known: Collection[str], kind: str) -> bool:
        if name in known:
            return True
        words = kind.split(" or ")  # "a team, a person or an agent" is a target
        code = "reference." + ("target" if len(words) > 1 else words[0].split(" ", 1)[1].replace(" ", "-"))
        self._add(path, code, quote(name), f"the id of {kind}", suggestion=close_match(name, known))
        return False

    # Names

    def _identifiers(self) -> None:
        org = self._org
        lists: Iterable[tuple[str, Iterable[str]]] = (
            ("accounts", (account.id for account in org.accounts)),
            ("triggers", (trigger.id for trigger in org.triggers)),
            ("ladders", (ladder.id for ladder in org.ladders)),
            ("knowledge", (folder.id for folder in org.knowledge)),
        )
        for name, ids in lists:
            self._once([((name, i, "id"), value) for i, value in enumerate(ids)])
        targets: list[tuple[Path, str]] = []  # no two share a name, because a rule may name any of them
        for t, team in enumerate(org.teams):
            targets.append((("teams", t, "id"), team.id))
            targets += [(("teams", t, "aliases", a), alias) for a, alias in enumerate(team.aliases)]
        targets += [(("people", i, "id"), person.id) for i, person in enumerate(org.people)]
        targets += [(("agents", i, "id"), agent.id) for i, agent in enumerate(org.agents)]
        self._once(targets)
        self._known_to_channels()

    def _known_to_channels(self) -> None:
        """Check the people's ids on the staff's channels: each channel exists, and no id is used
        twice on one.
        """
        people = self._org.people
        for channel in sorted({channel for person in people for channel in person.known_on}):
            known = [(i, person.on(channel)) for i, person in enumerate(people)]
            self._once([(("people", i, channel), name) for i, name in known if name])
        staff = [name for name, kind in self._channels.items() if Serves.STAFF.value in kind.serves]
        if not self._channels:
            return
        keys = [*Person.model_fields, *sorted(staff)]
        for i, person in enumerate(people):
            for key in sorted(set(person.__pydantic_extra__) - set(staff)):
                free = [name for name in keys if name not in person.model_fields_set]
                expected, hint = "one of " + ", ".join(keys), close_match(key, free)
                found = f"the key {quote(key)}"
                self._add(("people", i, key), "key.unknown", found, expected, suggestion=hint, of_key=True)

    def _once(self, named: Sequence[tuple[Path, str]]) -> None:
        first: dict[str, Path] = {}
        for path, name in sorted(named, key=lambda item: self._tree.mark(item[0])):
            if name in first:
                line = self._tree.mark(first[name])[0]
                self._add(path, "id.duplicate", quote(name), f"a name not taken on line {line}")
            first.setdefault(name, path)

    # Accounts

    def _check_accounts(self) -> None:
        accounts = self._org.accounts
        for i, account in enumerate(accounts):
            self._account(("accounts", i), account)
        if not accounts:
            return
        serves = {account.serves for account in accounts}
        if Serves.STAFF not in serves:
            self._add(("accounts",), "accounts.no-staff", "no account for staff", "one with serves: staff")
        elif not self._org.teams and not self._has_usual_room():
            expected = "teams with escalation channels, which this channel has no usual name for"
            self._add(("accounts",), "teams.needed", "no teams", expected)
        if Serves.CUSTOMERS not in serves:
            expected = "one with serves: customers"
            self._warn(("accounts",), "accounts.no-customers", "no account for customers", expected)

    def _has_usual_room(self) -> bool:
        """Return whether a channel called #escalation can be assumed on the staff's account."""
        staff = next((account for account in self._org.accounts if account.serves is Serves.STAFF), None)
        kind = self._channels.get(staff.channel) if staff is not None else None
        return kind is None or bool(kind.usual_room)

    def _account(self, path: Path, account: Account) -> None:
        if not self._channels:
            return
        kind = self._channels.get(account.channel)
        if kind is None:
            suggestion = close_match(account.channel, self._channels)
            expected = f"one of {', '.join(sorted(self._channels))}"
            self._add(
                (*path, "channel"),
                "account.channel",
                discreet(account.channel),
                expected,
                suggestion=suggestion,
            )
            return
        if account.serves.value not in kind.serves:
            expected = f"{' or '.join(kind.serves)}: {kind.title} serves nobody else"
            self._add((*path, "serves"), "account.serves", quote(account.serves.value), expected)
        way = kind.connection_mode(account.mode or kind.modes[0].mode)
        if way is None:
            expected = f"{' or '.join(way.mode for way in kind.modes)} for {account.channel}"
            self._add((*path, "mode"), "account.mode", discreet(account.mode), expected)
            return
        self._given(path, "secrets", account.secrets, way.secrets, way.optional_secrets)
        self._given(path, "options", account.options, way.options, way.optional)
        self._addresses(path, account, kind)
        if account.templates and not kind.capabilities.templates:
            expected = "none: this channel has no approved templates"
            self._add((*path, "templates"), "account.templates", "templates", expected)
        for n, template in enumerate(account.templates):
            blanks = template.blanks
            numbers = tuple(str(place) for place in range(1, len(blanks) + 1))
            if len(blanks) != len(template.parameters):
                expected = f"{len(blanks)}: one for each blank of its text"
                here = (*path, "templates", n, "parameters" if template.parameters else "text")
                self._add(here, "template.parameters", str(len(template.parameters)), expected)
            elif blanks != numbers and any(blank.isdecimal() for blank in blanks):
                expected = "{{1}}, {{2}}, … without a gap, or names alone"
                found = ", ".join(f"{{{{{blank}}}}}" for blank in blanks)
                self._add((*path, "templates", n, "text"), "template.blanks", found, expected)

    def _addresses(self, path: Path, account: Account, kind: ChannelKind) -> None:
        """Check that each address is one of the account's, with or without a tag, and leads to a team or an
        agent.
        """
        if account.addresses and not kind.capabilities.addresses:
            expected = "none: this channel has one address for each account"
            self._add((*path, "addresses"), "account.addresses", "addresses", expected)
            return
        own = [account.options.get("address", ""), *account.options.get("aliases", "").split(",")]
        known = [each.strip() for each in own if each.strip()]
        for address, target in account.addresses.items():
            here = (*path, "addresses", address)
            if without_tag(address) not in [without_tag(each) for each in known]:
                expected = f"one of {', '.join(known)}, with a tag or without"
                suggestion = close_match(address, known)
                self._add(here, "account.addresses", discreet(address), expected, suggestion=suggestion)
            self._known(here, target, {*self._teams, *self._agents}, "a team or an agent")
            if target in self._teams:
                self._has_room(here, self._teams[target])

    def _given(
        self,
        path: Path,
        part: str,
        given: Mapping[str, str],
        needed: Sequence[str],
        possible: Sequence[str],
    ) -> None:
        what = "the environment variable that holds it" if part == "secrets" else "its value"
        for name in needed:
            if name not in given:
                self._add((*path, part), f"account.{part}", f"no {name}", f"`{name}`: {what}")
        for name in given:
            if name not in needed and name not in possible:
                known = (*needed, *possible)
                expected = f"one of {', '.join(known)}" if known else "none"
                suggestion = close_match(name, known)
                self._add(
                    (*path, part, name), f"account.{part}", quote(name), expected, suggestion=suggestion
                )

    # Teams

    def _check_teams(self) -> None:
        org = self._org
        for i, team in enumerate(org.teams):
            self._team(("teams", i), team)
        if org.teams and not any(team.channels.escalation for team in org.teams):
            found = "no team with an escalation channel"
            self._add(("teams",), "teams.no-escalation-channel", found, "at least one")
        if org.escalation_team and self._known(
            ("escalation_team",), org.escalation_team, self._teams, "a team"
        ):
            self._has_room(("escalation_team",), self._teams[org.escalation_team])

    def _team(self, path: Path, team: Team) -> None:
        for i, name in enumerate(team.people):
            self._known((*path, "people", i), name, self._people, "a person")
        for i, name in enumerate(team.agents):
            self._known((*path, "agents", i), name, self._agents, "an agent")
        if team.ladder:
            ladders = {ladder.id for ladder in self._org.ladders}
            self._known((*path, "ladder"), team.ladder, ladders, "a ladder")
        for room in _ROOMS:
            refs: tuple[ChannelRef, ...] = getattr(team.channels, room)
            for i, ref in enumerate(refs):
                self._channel((*path, "channels", room, i), ref, staff=room != "public", whole=False)

    def _channel(self, path: Path, ref: ChannelRef, *, staff: bool, whole: bool) -> None:
        """Check a channel. `staff`: customers must not be in it. `whole`: the account alone is enough."""
        account = self._account_of(path, ref)
        if account is None:
            return
        if staff and account.serves is not Serves.STAFF:
            self._add(path, "channel.serves", quote(str(ref)), "a channel of an account with serves: staff")
        elif not ref.channel:
            if not whole:
                expected = f'a channel of it, as in {ref.account}: "#name"'
                self._add(path, "channel.missing", quote(str(ref)), expected)
        elif expected := _wrong_form(self._channels.get(account.channel), ref.channel):
            self._add(path, "channel.form", quote(ref.channel), expected)

    def _account_of(self, path: Path, ref: ChannelRef) -> Account | None:
        accounts = self._accounts
        if not accounts:  # the default ones will be supplied
            return None
        if not ref.account:
            return next((a for a in accounts.values() if a.serves is Serves.STAFF), None)
        if self._known(path, ref.account, accounts, "an account"):
            return accounts[ref.account]
        return None

    def _has_room(self, path: Path, team: Team) -> None:
        if not team.channels.escalation:
            found = f"the team {quote(team.id)}, which has no escalation channel"
            self._add(path, "team.no-escalation-channel", found, "a team that has one")

    def _check_reach(self) -> None:
        """Check that somebody can take each escalation: otherwise its customer would wait for ever."""
        org = complete(self._org)
        sketch = not (self._org.teams or self._org.people or self._org.accounts)
        severity = Severity.WARNING if sketch else Severity.ERROR
        places = {team.id: place for place, team in enumerate(self._org.teams)}
        for one in unreached(org, self._channels):
            path: Path = ("teams", places[one.team], "people") if one.team in places else ("people",)
            if one.person:
                path = ("people", [person.id for person in org.people].index(one.person))
                found = (
                    f"{quote(one.person)}, who is called in {one.room} and is not known on {one.kind.title}"
                )
            else:
                found = f"nobody in the team {quote(one.team)} who is known on {one.kind.title}"
            by = f"`{one.kind.name}:`" + (" or `email:`" if one.kind.capabilities.emails else "")
            expected = f"a person with {by}: without one nobody can take what is escalated to {one.room}"
            self._add(path, "reach.nobody", found, expected, severity=severity)

    # Agents and rules

    def _check_agents(self) -> None:
        folders = {folder.id for folder in self._org.knowledge}
        for i, agent in enumerate(self._org.agents):
            path: Path = ("agents", i)
            for k, name in enumerate(agent.knowledge):
                self._known((*path, "knowledge", k), name, folders, "a knowledge folder")
            for c, ref in enumerate(agent.channels):
                self._channel((*path, "channels", c), ref, staff=False, whole=True)
            if agent.model not in MODELS:
                expected = f"one of {', '.join(MODELS)}"
                suggestion = close_match(agent.model, MODELS)
                self._add(
                    (*path, "model"), "model.unknown", quote(agent.model), expected, suggestion=suggestion
                )
            self._rules((*path, "escalation_rules"), agent.escalation_rules, agent.id)
        if not any(agent.role is AgentRole.PRIMARY for agent in self._org.agents):
            self._warn(("agents",), "agents.no-primary", "no primary agent", "one to meet customers first")

    def _rules(self, path: Path, rules: Sequence[EscalationRule], agent_id: str) -> None:
        counts: Counter[str] = Counter()
        for i, rule in enumerate(rules):
            counts[rule.trigger] += 1
            if counts[rule.trigger] == 2:
                found = f"a second rule for {quote(rule.trigger)}"
                self._add((*path, i, "trigger"), "rule.duplicate", found, "one rule for a trigger")
            self._trigger((*path, i, "trigger"), rule.trigger)
            self._target((*path, i, "target"), rule.target)
            if agent_id and self._comes_back(agent_id, rule):
                expected = "a way that ends with people"
                self._add((*path, i, "target"), "rule.loop", f"a way back to {quote(agent_id)}", expected)

    def _trigger(self, path: Path, name: str) -> None:
        known = {trigger.id for trigger in self._org.triggers} | _KNOWN_WITHOUT_DEFINITION
        if name in known:
            return
        if self._org.triggers:
            self._known(path, name, known, "a trigger")
            return
        expected = "a trigger that the file defines; without phrases only a model can notice it"
        self._warn(path, "trigger.undefined", quote(name), expected, close_match(name, known))

    def _target(self, path: Path, name: str) -> None:
        targets = {*self._teams, *self._people, *self._agents}
        if name in self._teams:
            self._has_room(path, self._teams[name])
        elif name in targets:
            return
        elif self._org.teams:
            self._known(path, name, targets, "a team, a person or an agent")
        else:
            expected = "a target that the file defines; the escalation team takes its place"
            self._warn(path, "target.undefined", quote(name), expected, close_match(name, targets))

    def _comes_back(self, agent_id: str, rule: EscalationRule) -> bool:
        """Return whether the rules for this trigger lead from agent to agent back to the first one."""
        agents = {agent.id: agent for agent in self._org.agents}
        seen: set[str] = set()
        target = rule.target
        while target in agents and target not in self._teams and target not in seen:
            if target == agent_id:
                return True
            seen.add(target)
            rules = (*agents[target].escalation_rules, *self._org.escalation_rules)
            target = next((known.target for known in rules if known.trigger == rule.trigger), "")
        return False

    # Ladders and triggers

    def _check_ladders(self) -> None:
        teams = self._org.teams
        used = {team.ladder or "default" for team in teams} or {"default"}
        for i, ladder in enumerate(self._org.ladders):
            path: Path = ("ladders", i)
            self._ladder(path, ladder)
            if ladder.id not in used:
                found = f"the ladder {quote(ladder.id)}, which no team uses"
                self._warn((*path, "id"), "ladder.unused", found, "a team with this ladder")

    def _ladder(self, path: Path, ladder: Ladder) -> None:
        users = {team.id for team in self._org.teams if team.ladder == ladder.id}
        called: set[str] = set()
        reminder = ladder.reminder
        for i, step in enumerate(ladder.steps):
            here: Path = (*path, "steps", i, "target")
            if reminder and reminder >= step.after:
                at: Path = (*path, "steps", i, "after")
                expected = "more than the reminder before it, which otherwise never comes"
                self._warn(at, "ladder.reminder", quote(self._tree.at(at)), expected)
            reminder = step.reminder
            team = self._teams.get(step.target)
            name = team.id if team else step.target
            if name in called or name in users:
                found = f"{quote(step.target)}, who has been called before"
                self._add(here, "ladder.loop", found, "somebody who was not called yet")
            called.add(name)
            if team:
                self._has_room(here, team)
            else:
                self._known(here, name, {*self._teams, *self._people}, "a team or a person")

    def _check_triggers(self) -> None:
        rules = [rule for agent in self._org.agents for rule in agent.escalation_rules]
        used = {rule.trigger for rule in (*rules, *self._org.escalation_rules)}
        patterns = sum(len(trigger.patterns) for trigger in self._org.triggers)
        if patterns > MOST_PATTERNS:
            found = f"{patterns} patterns"
            self._add(
                ("triggers",), "pattern.count", found, f"at most {MOST_PATTERNS}, and phrases otherwise"
            )
        for i, trigger in enumerate(self._org.triggers):
            path: Path = ("triggers", i)
            if not trigger.phrases and not trigger.patterns and trigger.id not in BUILT_IN_TRIGGERS:
                found = f"{quote(trigger.id)} without phrases or patterns"
                self._warn(path, "trigger.empty", found, "some, or only a model can notice it")
            for j, pattern in enumerate(trigger.patterns):
                if expected := expected_instead(pattern):
                    self._add((*path, "patterns", j), "pattern", quote(pattern), expected)
            if trigger.id not in used:
                found = f"{quote(trigger.id)}, which no rule names"
                self._warn((*path, "id"), "trigger.unused", found, "a rule with this trigger")

    # Texts to customers

    def _check_texts(self) -> None:
        policies = self._org.policies
        for language in policies.texts:
            if language not in policies.languages:
                path: Path = ("policies", "texts", language)
                expected = f"one of the organization's languages ({', '.join(policies.languages)})"
                self._warn(path, "texts.unused", f"texts in {quote(language)}", expected, of_key=True)
            said, name = policies.texts[language], "disclosure"
            if said.disclosure and "{organization}" not in said.disclosure:
                expected = (
                    "a text that says that an AI writes for {organization}, and how to reach a person"
                    " (without this line it is said as shipped)"
                )
                self._add(
                    ("policies", "texts", language, name), "text.disclosure", quote(said.disclosure), expected
                )
        for i, language in enumerate(policies.languages):
            if base(language) in SHIPPED:
                continue
            worded = policies.texts.get(language, Texts()).model_dump(exclude_defaults=True)
            if missing := [name for name in Texts.model_fields if name not in worded]:
                expected = (
                    f"policies.texts.{language} to have them; until then {policies.languages[0]} is said"
                )
                found = f"{quote(language)} without {len(missing)} texts ({', '.join(missing[:3])}, …)"
                self._warn(("policies", "languages", i), "texts.missing", found, expected)


def _wrong_form(kind: ChannelKind | None, channel: str) -> str:
    """Return what a channel of this kind looks like if `channel` does not, else ""."""
    if kind is None:
        return ""
    if not kind.room_form:
        return f"no channel: {kind.title} has none"
    return "" if re.fullmatch(kind.room_form, channel) else kind.room_example
