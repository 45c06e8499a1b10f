"""Check triggers: their patterns are safe, and some rule names each."""

from typing import Final

from orgs.checking.findings import Findings
from orgs.defaults import BUILT_IN_TRIGGERS
from orgs.problems import quote
from orgs.specification.repeats import expected_instead
from orgs.tree import Path

MOST_PATTERNS: Final = 500  # of all triggers together: each is searched for in each message


def check_triggers(findings: Findings) -> None:
    """Check each trigger, and how many patterns there are in all."""
    rules = [rule for agent in findings.org.agents for rule in agent.escalation_rules]
    used = {rule.trigger for rule in (*rules, *findings.org.escalation_rules)}
    patterns = sum(len(trigger.patterns) for trigger in findings.org.triggers)
    if patterns > MOST_PATTERNS:
        found = f"{patterns} patterns"
        findings.add(("triggers",), "pattern.count", found, f"at most {MOST_PATTERNS}, and phrases otherwise")
    for i, trigger in enumerate(findings.org.triggers):
        path: Path = ("triggers", i)
        if not trigger.phrases and not trigger.patterns and trigger.id not in BUILT_IN_TRIGGERS:
            found = f"{quote(trigger.id)} without phrases or patterns"
            findings.warn(path, "trigger.empty", found, "some, or only a model can notice it")
        for j, pattern in enumerate(trigger.patterns):
            if expected := expected_instead(pattern):
                findings.add((*path, "patterns", j), "pattern", quote(pattern), expected)
        if trigger.id not in used:
            found = f"{quote(trigger.id)}, which no rule names"
            findings.warn((*path, "id"), "trigger.unused", found, "a rule with this trigger")
