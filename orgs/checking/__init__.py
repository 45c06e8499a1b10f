"""Check what a schema cannot: that names exist, ladders end, and rooms are there."""

from collections.abc import Mapping, Sequence

from bot.core.connector import ChannelKind
from orgs.checking.accounts import check_accounts
from orgs.checking.agents import check_agents, check_rules
from orgs.checking.findings import Findings
from orgs.checking.ladders import check_ladders
from orgs.checking.names import check_names
from orgs.checking.roles import check_roles
from orgs.checking.teams import check_reach, check_teams
from orgs.checking.texts import check_texts
from orgs.checking.triggers import check_triggers
from orgs.problems import Problem, Severity
from orgs.specification.organization import Organization
from orgs.tree import Tree


def check(org: Organization, tree: Tree, file: str, channels: Mapping[str, ChannelKind]) -> Sequence[Problem]:
    """Return the problems of an organization as its file states it, by line.

    `channels` are those with a connector. Where there are none, their needs are not checked.
    """
    findings = Findings(org, tree, file, channels)
    check_names(findings)
    check_roles(findings)
    check_accounts(findings)
    check_teams(findings)
    check_agents(findings)
    check_rules(findings, ("escalation_rules",), org.escalation_rules, "")
    check_ladders(findings)
    check_triggers(findings)
    if not any(problem.severity is Severity.ERROR for problem in findings.problems):
        check_reach(findings)  # only if all names are valid, so that it is clear who is called
    check_texts(findings)
    return sorted(findings.problems, key=lambda problem: (problem.line, problem.column, problem.code))
