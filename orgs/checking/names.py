"""Check that names are unique, and that people are named on channels that exist."""

from collections.abc import Iterable

from orgs.checking.findings import Findings
from orgs.problems import close_match, quote
from orgs.specification.organization import (
    Person,
    Serves,
)
from orgs.tree import Path


def check_names(findings: Findings) -> None:
    """Check that no id is given twice, and that people are named on channels that exist."""
    org = findings.org
    lists: Iterable[tuple[str, Iterable[str]]] = (
        ("accounts", (account.id for account in org.accounts)),
        ("triggers", (trigger.id for trigger in org.triggers)),
        ("ladders", (ladder.id for ladder in org.ladders)),
        ("knowledge", (folder.id for folder in org.knowledge)),
    )
    for name, ids in lists:
        findings.once([((name, i, "id"), value) for i, value in enumerate(ids)])
    targets: list[tuple[Path, str]] = []  # no two share a name, because a rule may name any of them
    for t, team in enumerate(org.teams):
        targets.append((("teams", t, "id"), team.id))
        targets += [(("teams", t, "aliases", a), alias) for a, alias in enumerate(team.aliases)]
    targets += [(("people", i, "id"), person.id) for i, person in enumerate(org.people)]
    targets += [(("agents", i, "id"), agent.id) for i, agent in enumerate(org.agents)]
    findings.once(targets)
    _known_to_channels(findings)


def _known_to_channels(findings: Findings) -> None:
    """Check the people's ids on the staff's channels: each channel exists, and no id is used
    twice on one.
    """
    people = findings.org.people
    for channel in sorted({channel for person in people for channel in person.known_on}):
        known = [(i, person.on(channel)) for i, person in enumerate(people)]
        findings.once([(("people", i, channel), name) for i, name in known if name])
    staff = [name for name, kind in findings.channels.items() if Serves.STAFF.value in kind.serves]
    if not findings.channels:
        return
    keys = [*Person.model_fields, *sorted(staff)]
    for i, person in enumerate(people):
        for key in sorted(set(person.__pydantic_extra__) - set(staff)):
            free = [name for name in keys if name not in person.model_fields_set]
            expected, hint = "one of " + ", ".join(keys), close_match(key, free)
            found = f"the key {quote(key)}"
            findings.add(("people", i, key), "key.unknown", found, expected, suggestion=hint, of_key=True)
