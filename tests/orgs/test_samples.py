"""The organizations that come with the product, and the specification's own example."""

import json
import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.core.answering import AgentTrigger as Looked
from bot.core.permissions import Permission
from orgs.answering.triggers import fired
from orgs.loading import Loaded, lint, load
from orgs.opening import is_open
from orgs.roles import grants_of
from orgs.routing import (
    escalation_target,
    find_trigger,
    first_agent,
    ladder_for,
    person_on,
    room_for,
    rules_of,
)
from orgs.specification.organization import Trigger

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "orgs" / "samples"
EXAMPLE = {
    "organization": "SaaS-Support-Team",
    "agents": [
        {
            "id": "onboarding-specialist",
            "role": "primary",
            "specialization": "new_user_onboarding",
            "channels": ["#onboarding", "#general"],
            "escalation_rules": [
                {"trigger": "billing_inquiry", "target": "billing-specialist", "timeout": 300}
            ],
        },
        {
            "id": "technical-troubleshooter",
            "role": "specialist",
            "specialization": "technical_issues",
            "channels": ["#technical", "#escalation"],
            "escalation_rules": [
                {"trigger": "production_incident", "target": "human_supervisor", "immediate": True}
            ],
        },
    ],
}


@pytest.fixture(scope="module")
def sample() -> Loaded:
    return load(SAMPLES / "saas-support")


def _meets(trigger: Trigger, text: str) -> bool:
    known = Looked(trigger.id, trigger.description, trigger.phrases, trigger.patterns)
    return fired((known,), text) is not None


@pytest.mark.parametrize("name", ["saas-support", "minimal"])
def test_a_sample_has_nothing_to_complain_about(name: str) -> None:
    assert [str(problem) for problem in lint(SAMPLES / name)] == []


def test_the_sample_is_the_scenario_of_the_specification(sample: Loaded) -> None:
    names = {team.name for team in sample.organization.teams}
    assert {"Tier 1 Support", "Technical Specialists", "Customer Success", "Escalation Team"} <= names
    assert len(sample.organization.people) >= 6
    assert first_agent(sample.organization, "telegram") == "onboarding-specialist"


def test_the_sample_sends_money_to_billing_and_an_incident_to_the_supervisors(sample: Loaded) -> None:
    org = sample.organization
    money = escalation_target(org, "onboarding-specialist", "billing_inquiry")
    assert (money.team_id, money.timeout, money.immediate) == ("billing", timedelta(seconds=300), False)
    incident = escalation_target(org, "technical-troubleshooter", "production_incident")
    assert (incident.team_id, incident.immediate) == ("escalation-team", True)
    assert room_for(org, incident.team_id) == ("slack", "#escalation")
    assert escalation_target(org, "technical-troubleshooter", "security").team_id == "escalation-team"


def test_every_escalation_of_the_sample_has_a_room_and_ends_with_somebody_else(sample: Loaded) -> None:
    org = sample.organization
    for agent in org.agents:
        for rule in rules_of(org, agent.id):
            target = escalation_target(org, agent.id, rule.trigger)
            assert room_for(org, target.team_id).account_id in ("slack", "telegram-staff")
            assert len(ladder_for(org, target.team_id)) >= 2


@pytest.mark.parametrize(
    ("trigger", "text"),
    [
        ("billing_inquiry", "I was charged twice this month!"),
        ("billing_inquiry", "can I please get a refund"),
        ("billing_inquiry", "you billed us two times for October"),
        ("billing_inquiry", "There's a mistake in the invoice BD-1042"),
        ("security", "I think somebody logged into my account"),
        ("security", "our api token ended up on GitHub"),
        ("security", "we can see another company's boards"),
        ("production_incident", "Production is DOWN"),
        ("production_incident", "nobody in the office can log in"),
        ("production_incident", "all of our boards are gone"),
    ],
)
def test_a_customer_in_trouble_meets_the_trigger(sample: Loaded, trigger: str, text: str) -> None:
    found = find_trigger(sample.organization, trigger)
    assert found
    assert _meets(found, text)


@pytest.mark.parametrize(
    "text",
    [
        "How much is the Team plan?",
        "Where do I find my invoices?",
        "How do I invite people?",
        "How do I turn on two-factor authentication?",
        "My dashboard is slow",
        "How do I cancel my subscription?",
        "I forgot my password",
        "What are the API rate limits?",
        "How do I create an API key?",
        "I cannot log in, it says LOGIN-07",
    ],
)
def test_an_everyday_question_meets_no_trigger(sample: Loaded, text: str) -> None:
    assert [t.id for t in sample.organization.triggers if _meets(t, text)] == []


def test_the_articles_of_the_sample_are_worth_reading(sample: Loaded) -> None:
    assert len(sample.articles) >= 34
    for article in sample.articles:
        assert 150 <= len(article.body.split()) <= 400, article.slug
        assert article.tags, article.slug
        assert article.updated, article.slug
        assert len(article.sections) >= 3, article.slug


def test_staff_are_known_by_their_slack_id_and_by_email(sample: Loaded) -> None:
    org = sample.organization
    assert person_on(org, "slack", "U0ANNA0001") == "anna"
    assert person_on(org, "slack", "U9", "Ben@Brightdesk.example") == "ben"
    assert person_on(org, "slack", "", "") is None
    assert grants_of(org, "anna").may(Permission.ORGANIZATION_CHANGE)
    assert not grants_of(org, "carla").may(Permission.ORGANIZATION_CHANGE)
    assert grants_of(org, "carla").may(Permission.CONVERSATIONS_TAKE)
    assert not grants_of(org, None).scopes


def test_the_specifications_json_loads_as_it_stands(tmp_path: Path) -> None:
    path = tmp_path / "organization.json"
    path.write_text(json.dumps(EXAMPLE, indent=2))
    loaded = load(path)
    assert [problem.code for problem in loaded.warnings] == ["target.undefined", "target.undefined"]
    org = loaded.organization
    money = escalation_target(org, "onboarding-specialist", "billing_inquiry")
    assert money.team_id == "escalation-team"
    assert room_for(org, money.team_id) == ("slack", "#escalation")
    assert find_trigger(org, "production_incident")
    assert [account.id for account in org.accounts] == ["telegram", "slack"]


def test_the_specification_still_has_that_json(tmp_path: Path) -> None:
    shared = Path(os.environ.get("SHARED_DIR", ROOT.parent / "shared"))
    document = shared / "spec" / "agents-market.md"
    if not document.exists():
        pytest.skip("the specification is not at hand")
    found = re.search(r"Agent Configuration\n\n(\{.*?\n\})\n", document.read_text(), re.DOTALL)
    assert found
    path = tmp_path / "organization.json"
    path.write_text(found.group(1))
    assert json.loads(found.group(1)) == EXAMPLE
    assert load(path).organization.name == "SaaS-Support-Team"


def test_the_digest_changes_with_an_article_and_with_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "k").mkdir()
    article = tmp_path / "k" / "a.md"
    article.write_text("# A\n\nText.\n")
    text = (SAMPLES / "minimal" / "organization.yaml").read_text()
    (tmp_path / "organization.yaml").write_text(text + "knowledge: [{id: k, path: k}]\n")
    first = load(tmp_path).digest
    assert load(tmp_path).digest == first
    article.write_text("# A\n\nOther text.\n")
    assert load(tmp_path).digest != first


def test_the_sample_is_open_on_a_weekday_and_closed_at_christmas(sample: Loaded) -> None:
    assert is_open(sample.organization, "billing", datetime(2026, 11, 23, 10, tzinfo=UTC))
    assert not is_open(sample.organization, "billing", datetime(2026, 12, 25, 10, tzinfo=UTC))
    assert is_open(sample.organization, "escalation-team", datetime(2026, 12, 25, 3, tzinfo=UTC))
