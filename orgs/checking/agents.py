"""Check agents and escalation rules: what they name exists, and no rules lead round in a circle."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from orgs.answering.models import MODELS
from orgs.checking.findings import Findings
from orgs.defaults import BUILT_IN_TRIGGERS, WELL_KNOWN_TRIGGERS
from orgs.problems import close_match, quote
from orgs.specification.organization import (
    AgentRole,
    EscalationRule,
)
from orgs.tree import Path

_KNOWN_WITHOUT_DEFINITION: Final = {*BUILT_IN_TRIGGERS, *(trigger.id for trigger in WELL_KNOWN_TRIGGERS)}


def check_agents(findings: Findings) -> None:
    """Check each agent, and that one is to meet customers first."""
    folders = {folder.id for folder in findings.org.knowledge}
    for i, agent in enumerate(findings.org.agents):
        path: Path = ("agents", i)
        for k, name in enumerate(agent.knowledge):
            findings.known((*path, "knowledge", k), name, folders, "a knowledge folder")
        for c, ref in enumerate(agent.channels):
            findings.channel((*path, "channels", c), ref, staff=False, whole=True)
        if agent.model not in MODELS:
            expected = f"one of {', '.join(MODELS)}"
            suggestion = close_match(agent.model, MODELS)
            findings.add(
                (*path, "model"), "model.unknown", quote(agent.model), expected, suggestion=suggestion
            )
        check_rules(findings, (*path, "escalation_rules"), agent.escalation_rules, agent.id)
    if not any(agent.role is AgentRole.PRIMARY for agent in findings.org.agents):
        findings.warn(("agents",), "agents.no-primary", "no primary agent", "one to meet customers first")


def check_rules(findings: Findings, path: Path, rules: Sequence[EscalationRule], agent_id: str) -> None:
    """Check the escalation rules at a path: of an agent, or of the organization if `agent_id` is empty."""
    counts: Counter[str] = Counter()
    for i, rule in enumerate(rules):
        counts[rule.trigger] += 1
        if counts[rule.trigger] == 2:
            found = f"a second rule for {quote(rule.trigger)}"
            findings.add((*path, i, "trigger"), "rule.duplicate", found, "one rule for a trigger")
        _trigger(findings, (*path, i, "trigger"), rule.trigger)
        _target(findings, (*path, i, "target"), rule.target)
        if agent_id and _comes_back(findings, agent_id, rule):
            expected = "a way that ends with people"
            findings.add((*path, i, "target"), "rule.loop", f"a way back to {quote(agent_id)}", expected)


def _trigger(findings: Findings, path: Path, name: str) -> None:
    known = {trigger.id for trigger in findings.org.triggers} | _KNOWN_WITHOUT_DEFINITION
    if name in known:
        return
    if findings.org.triggers:
        findings.known(path, name, known, "a trigger")
        return
    expected = "a trigger that the file defines; without phrases only a model can notice it"
    findings.warn(path, "trigger.undefined", quote(name), expected, close_match(name, known))


def _target(findings: Findings, path: Path, name: str) -> None:
    targets = {*findings.teams, *findings.people, *findings.agents}
    if name in findings.teams:
        findings.has_room(path, findings.teams[name])
    elif name in targets:
        return
    elif findings.org.teams:
        findings.known(path, name, targets, "a team, a person or an agent")
    else:
        expected = "a target that the file defines; the escalation team takes its place"
        findings.warn(path, "target.undefined", quote(name), expected, close_match(name, targets))


def _comes_back(findings: Findings, agent_id: str, rule: EscalationRule) -> bool:
    """Return whether the rules for this trigger lead from agent to agent back to the first one."""
    agents = {agent.id: agent for agent in findings.org.agents}
    seen: set[str] = set()
    target = rule.target
    while target in agents and target not in findings.teams and target not in seen:
        if target == agent_id:
            return True
        seen.add(target)
        rules = (*agents[target].escalation_rules, *findings.org.escalation_rules)
        target = next((known.target for known in rules if known.trigger == rule.trigger), "")
    return False
