"""Every field of the organization file is obeyed: changing it changes what somebody sees.

ROWS has a line for each field of each model: a change to an organization that works, and where the difference
shows. What the agents are measured by (`success_metrics`) is the one exception: nothing measures it yet.
"""

import copy
import inspect
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.core.events import Reacted, Started
from connectors.email.settings import read_settings
from orgs.loading import Loaded, lint, load
from orgs.specification import fields, hours, organization, texts
from orgs.specification.fields import Fields
from tests.orgs.playing import MINUTE, MONDAY, Play, World, settings_of, world_of
from tests.turns.bench import to_customers

DAY = timedelta(days=1)
NOT_MEASURED_YET = ("Agent.success_metrics", "SuccessMetrics.")
ELSEWHERE = ("Texts.",)  # tests/orgs/test_every_text.py

BASE = """
organization: Acme
description: Tools for gardens.
identity: {display_name: Acme Garden, voice: Plain., signature: "— Acme", speaks_as: organization}
time_zone: Europe/Berlin
accounts:
  - id: telegram
    channel: telegram
    serves: customers
    mode: webhook
    secrets: {bot_token: ACME_TELEGRAM}
    options: {}
    limits: {per_second: 10, per_chat_per_second: 1}
    groups: ["-1001"]
  - id: whatsapp
    channel: whatsapp
    serves: customers
    templates:
      - {id: write_us, language: en, text: "Hello {{1}}, please write to {{2}}.",
         parameters: ["{customer}", "{organization}"]}
      - {id: write_us_please, language: en, text: "Hello, please write."}
  - id: email
    channel: email
    serves: customers
    mode: polling
    options: {address: help@acme.example, imap: imap.acme.example, smtp: smtp.acme.example}
    secrets: {password: ACME_MAIL}
  - {id: slack, channel: slack, serves: staff, secrets: {bot_token: ACME_SLACK, app_token: ACME_APP}}
roles:
  - {id: cashier, name: Cashier, includes: [staff], may: [customers.merge], scope: {team: money}}
people:
  - {id: ana, name: Ana Ruiz, email: ana@acme.example, roles: [admin], slack: U0ANA}
  - {id: ben, name: Ben Cole, email: ben@acme.example, slack: U0BEN, roles: [cashier]}
teams:
  - id: money
    name: Money Team
    aliases: [cashiers]
    purpose: Refunds and nothing else.
    people: [ben]
    agents: []
    channels:
      public: "#money"
      private: "#money-private"
      escalation: "#money-escalations"
      training: "#money-training"
    ladder: quick
    hours:
      time_zone: Europe/London
      monday: 09:00-17:00
      tuesday: 09:00-17:00
      wednesday: 09:00-17:00
      thursday: 09:00-17:00
      friday: 09:00-17:00
      holidays: [{date: "2026-03-09", name: Founders' day}]
  - {id: front, name: Front Team, people: [ana], channels: {escalation: "#front"}}
escalation_team: front
agents:
  - id: robin
    name: Robin
    role: primary
    specialization: Gardens.
    description: Knows every spade.
    scope: Tools, no plants.
    channels: [telegram, whatsapp]
    model: grounded
    knowledge: [help]
    voice: ""
    escalation_rules: [{trigger: refund_wanted, target: cashiers, timeout: 5m},
      {trigger: tool_broken, target: money}]
    success_metrics: {response_time: 2m, first_contact_resolution: 75%, satisfaction: 4.5}
  - {id: sasha, role: primary, channels: [email]}
escalation_rules: [{trigger: human_request, target: ana, timeout: 10m}]
triggers:
  - {id: refund_wanted, description: Money back., urgency: normal, phrases: [refund],
     patterns: ['order #\\d+']}
  - {id: tool_broken, phrases: [my spade broke]}
hours: {monday: 08:00-18:00}
ladders:
  - {id: quick, reminder: 2m, steps: [{target: front, after: 10m, reminder: 3m}]}
knowledge:
  - {id: help, path: help, description: How to use our tools.}
  - {id: faq, path: faq, description: What everybody asks.}
quiet_window: 800ms
burst_cap: 8
reopen_window: 24h
policies:
  undo: 5s
  reactions: ["👍"]
  automatic_replies_per_hour: 2
  outside_window: hold
  reopened: team
  max_turn_attempts: 1
  languages: [en, de]
  texts: {en: {greeting: "Welcome to {organization}."}}
"""
ARTICLES = {
    "help/rake.md": "# Oil a rake\n\n1. Clean it.\n2. Oil it.\n",
    "help/hoe.md": "# Sharpen a hoe\n\nUse a stone on the hoe.\n",
    "help/spade.md": "# Sharpen a spade\n\nUse a file on the front edge of the spade.\n",
    "manual/grind.md": "# Sharpen a spade\n\nGrind both edges of the spade.\n",
    "faq/sharpen.md": "# Sharpen a spade\n\nBring the spade to our shop.\n",
}

Document = dict[str, Any]
Change = Callable[[Document], None]
Sees = Callable[[World, Path], Awaitable[object]]


# --- changes


def put(path: str, value: object) -> Change:
    """Write a value: `teams.0.name`."""

    def change(document: Document) -> None:
        *way, last = path.split(".")
        at: Any = document
        for step in way:
            at = at[int(step)] if isinstance(at, list) else at.setdefault(step, {})
        at[int(last) if isinstance(at, list) else last] = value

    return change


def rename(old: str, new: str) -> Change:
    """Give something another id, wherever it is named."""

    def change(document: Document) -> None:
        renamed = json.loads(json.dumps(document).replace(f'"{old}"', f'"{new}"'))
        document.clear()
        document.update(renamed)

    return change


def both(*changes: Change) -> Change:
    def change(document: Document) -> None:
        for one in changes:
            one(document)

    return change


# --- where the difference shows


def loaded(see: Callable[[World, Loaded], Awaitable[object]]) -> Sees:
    async def seen(world: World, path: Path) -> object:
        return await see(world, load(path))

    return seen


def command(text: str, who: str = "ana") -> Sees:
    """Return what `/desk …` answers."""
    return loaded(lambda world, file: world.typed(file, text, who))


async def linted(_: World, path: Path) -> object:
    """Return what `desk org lint` says."""
    return [f"{problem.code} {problem.found}" for problem in lint(path)]


def connector(account: str) -> Sees:
    """Return what the account's connector is told."""

    async def seen(_: World, file: Loaded) -> object:
        return settings_of(file, account)

    return loaded(seen)


@loaded
async def mail(_: World, file: Loaded) -> object:
    """Return how our mails are signed."""
    settings = read_settings(settings_of(file, "email"))
    return settings.name, settings.signature


def talk(*said: str, days: int = 0, on: str = "telegram", then: timedelta = timedelta()) -> Sees:
    """A customer writes to us, some days after a Monday morning, and the clock goes on."""

    async def seen(_: World, file: Loaded) -> object:
        play = Play(file, on=on, at=MONDAY + days * DAY)
        for text in said:
            await play.says(text)
        await play.wait(MINUTE, then // MINUTE)
        return play.seen()

    return loaded(seen)


@loaded
async def mailed(_: World, file: Loaded) -> object:
    """Return what becomes of a mail to the address of our mailbox."""
    play = Play(file, on="email")
    await play.says("Hello", addressed="help@acme.example")
    return play.seen()


def refund(days: int = 0, then: timedelta = timedelta()) -> Sees:
    return talk("I want a refund", days=days, then=then)


@loaded
async def opened(_: World, file: Loaded) -> object:
    """Return how a chat begins."""
    play = Play(file)
    await play.says(Started())
    return [message.text for message in play.ours]


async def taken(
    file: Loaded, on: str = "telegram", handle: str = "", who: str = "U0BEN", **can: object
) -> Play:
    play = Play(file, on=on, **can)  # type: ignore[arg-type]
    await play.says("I want a refund")
    await play.press("take", who, handle)
    await play.staff("It is on its way", who)
    return play


@loaded
async def held(_: World, file: Loaded) -> object:
    """Return what a colleague's words become."""
    play = await taken(file)
    await play.wait(timedelta(seconds=6))
    return play.seen()


@loaded
async def newcomer(_: World, file: Loaded) -> object:
    """Return what becomes of words of a newcomer whose verified address the workplace knows."""
    return (await taken(file, handle="ben@acme.example", who="U0NEW")).seen()


@loaded
async def reacted(_: World, file: Loaded) -> object:
    play = await taken(file)
    await play.says("Thank you, and a rake?")
    await play.staff(Reacted("m4", "👍", added=True))
    await play.wait(timedelta(seconds=6))
    return play.seen()


@loaded
async def resolved(_: World, file: Loaded) -> object:
    """Return what becomes of a customer who writes again."""
    play = await taken(file)
    await play.wait(timedelta(seconds=6))
    await play.press("resolve")
    await play.wait(timedelta(seconds=6))
    await play.says("Where do I find a second spade?")
    return play.seen()


@loaded
async def outside_window(_: World, file: Loaded) -> object:
    """Return what is offered for words that come too late for the channel."""
    play = await taken(file, "whatsapp")
    await play.wait(timedelta(seconds=6))
    await play.parked()
    return play.seen()


@loaded
async def agent_outside_window(_: World, file: Loaded) -> object:
    play = Play(file, on="whatsapp")
    await play.says("Hello")
    await play.parked()
    return play.seen()


@loaded
async def programs(world: World, file: Loaded) -> object:
    """Return what is answered to four mails in a row, as programs may write them."""
    desk, customer = await world.desk(file)
    said = []
    for n in range(4):
        await desk.say(f"Question {n}", customer, on="email", chat=customer)
        said.append(to_customers(await desk.deliver()))
    return said


@loaded
async def accepted(world: World, file: Loaded) -> object:
    """Return how long we wait for further messages, and how many of them are too many."""
    account = (await world.accounts(await world.install(file)))["telegram"]
    rules = await (await world.directory()).rules(account)
    return rules.quiet, rules.burst_cap, rules.customer_per_minute, rules.account_per_minute


@loaded
async def tries(world: World, file: Loaded) -> object:
    return await world.tries(file)


@loaded
async def answer(world: World, file: Loaded) -> object:
    return (await world.read(file, "How do I sharpen a spade?")).ours[-1].text


SHOWN = command("org show")
ROLES = command("roles")
LOST = talk("Where is the frobnicator?", "I mean the frobnication of spades")
PERSON = talk("I want to talk to a person", then=timedelta(minutes=30))
HOUR = timedelta(hours=1)
ALWAYS = {"always": True}


@dataclass(frozen=True, slots=True)
class Row:
    change: Change
    sees: Sees


ROWS = {
    "Holiday.date": Row(put("teams.0.hours.holidays.0.date", "2026-03-02"), refund()),
    "Holiday.name": Row(put("teams.0.hours.holidays.0.name", "Inventory"), SHOWN),
    "Hours.always": Row(put("teams.0.hours", ALWAYS), refund(days=5)),
    "Hours.time_zone": Row(put("teams.0.hours.time_zone", "Asia/Tokyo"), refund()),
    "Hours.monday": Row(put("teams.0.hours.monday", "14:00-17:00"), refund(days=0)),
    "Hours.tuesday": Row(put("teams.0.hours.tuesday", "14:00-17:00"), refund(days=1)),
    "Hours.wednesday": Row(put("teams.0.hours.wednesday", "14:00-17:00"), refund(days=2)),
    "Hours.thursday": Row(put("teams.0.hours.thursday", "14:00-17:00"), refund(days=3)),
    "Hours.friday": Row(put("teams.0.hours.friday", "14:00-17:00"), refund(days=4)),
    "Hours.saturday": Row(put("teams.0.hours.saturday", "09:00-17:00"), refund(days=5)),
    "Hours.sunday": Row(put("teams.0.hours.sunday", "09:00-17:00"), refund(days=6)),
    "Hours.holidays": Row(put("teams.0.hours.holidays", []), refund(days=7)),
    "Identity.display_name": Row(put("identity.display_name", "The Spade"), opened),
    "Identity.voice": Row(put("identity.voice", "Formal and reserved."), talk("Hello")),
    "Identity.signature": Row(put("identity.signature", "Yours, Acme"), mail),
    "Identity.speaks_as": Row(put("identity.speaks_as", "person"), held),
    "Limits.per_second": Row(put("accounts.0.limits.per_second", 5), connector("telegram")),
    "Limits.per_chat_per_second": Row(
        put("accounts.0.limits.per_chat_per_second", 0.5), connector("telegram")
    ),
    "MessageTemplate.id": Row(put("accounts.1.templates.0.id", "please_write"), outside_window),
    "MessageTemplate.language": Row(put("accounts.1.templates.0.language", "de"), outside_window),
    "MessageTemplate.text": Row(
        put("accounts.1.templates.0.text", "Dear {{1}}, please write to {{2}}."), outside_window
    ),
    "MessageTemplate.parameters": Row(
        put("accounts.1.templates.0.parameters", ["{customer}", "{team}"]), outside_window
    ),
    "Account.id": Row(rename("slack", "office"), refund()),
    "Account.channel": Row(
        both(put("accounts.3.channel", "telegram"), put("accounts.3.secrets", {})), refund()
    ),
    "Account.serves": Row(put("accounts.2.serves", "staff"), connector("email")),
    "Account.mode": Row(put("accounts.0.mode", "polling"), connector("telegram")),
    "Account.secrets": Row(put("accounts.0.secrets.bot_token", "ACME_OTHER"), connector("telegram")),
    "Account.options": Row(put("accounts.2.options.sent", "Sent"), connector("email")),
    "Account.templates": Row(put("accounts.1.templates", []), outside_window),
    "Account.limits": Row(put("accounts.0.limits", {}), connector("telegram")),
    "Account.groups": Row(put("accounts.0.groups", []), connector("telegram")),
    "Account.addresses": Row(put("accounts.2.addresses", {"help@acme.example": "money"}), mailed),
    "Person.id": Row(rename("ben", "benjamin"), held),
    "Person.name": Row(put("people.1.name", "Benjamin Cole"), held),
    "Person.email": Row(put("people.1.email", "cole@acme.example"), newcomer),
    "Person.roles": Row(put("people.1.roles", ["admin"]), command("org apply --version 9", "ben")),
    "PersonRole.id": Row(rename("cashier", "teller"), ROLES),
    "PersonRole.name": Row(put("roles.0.name", "Teller"), ROLES),
    "PersonRole.includes": Row(put("roles.0.includes", ["viewer"]), ROLES),
    "PersonRole.may": Row(put("roles.0.may", ["customers.*"]), ROLES),
    "PersonRole.scope": Row(put("roles.0.scope", {}), ROLES),
    "RoleScope.team": Row(put("roles.0.scope.team", "front"), ROLES),
    "RoleScope.channel": Row(put("roles.0.scope.channel", "telegram"), ROLES),
    "RoleScope.conversation": Row(put("roles.0.scope.conversation", "own"), ROLES),
    "Person.*": Row(put("people.1.slack", "U0OTHER"), held),
    "TeamChannels.public": Row(put("teams.0.channels.public", "#cash"), connector("slack")),
    "TeamChannels.private": Row(put("teams.0.channels.private", "#cash"), connector("slack")),
    "TeamChannels.escalation": Row(put("teams.0.channels.escalation", "#cash"), refund()),
    "TeamChannels.training": Row(put("teams.0.channels.training", "#cash"), connector("slack")),
    "Team.id": Row(rename("money", "cash"), refund()),
    "Team.name": Row(put("teams.0.name", "Cash Team"), refund()),
    "Team.aliases": Row(put("teams.0.aliases", ["bank"]), linted),
    "Team.purpose": Row(put("teams.0.purpose", "Money of all kinds."), SHOWN),
    "Team.people": Row(put("teams.0.people", ["ben", "ana"]), SHOWN),
    "Team.agents": Row(put("teams.0.agents", ["robin"]), LOST),
    "Team.channels": Row(put("teams.0.channels", {"escalation": "#cash"}), refund()),
    "Team.ladder": Row(put("teams.0.ladder", None), refund(then=HOUR)),
    "Team.hours": Row(put("teams.0.hours", None), refund(days=1)),
    "EscalationRule.trigger": Row(put("agents.0.escalation_rules.0.trigger", "unanswered"), refund()),
    "EscalationRule.target": Row(put("agents.0.escalation_rules.0.target", "front"), refund()),
    "EscalationRule.timeout": Row(put("agents.0.escalation_rules.0.timeout", "9m"), refund()),
    "EscalationRule.immediate": Row(put("agents.0.escalation_rules.0.immediate", True), refund(days=5)),
    "Agent.id": Row(rename("robin", "rob"), refund()),
    "Agent.name": Row(put("agents.0.name", "Rob"), talk("Hello")),
    "Agent.role": Row(put("agents.0.role", "specialist"), talk("Hello")),
    "Agent.specialization": Row(put("agents.0.specialization", "Parks."), SHOWN),
    "Agent.description": Row(put("agents.0.description", "Knows every rake."), SHOWN),
    "Agent.scope": Row(put("agents.0.scope", "Plants, too."), SHOWN),
    "Agent.channels": Row(
        both(put("agents.0.channels", ["email"]), put("agents.1.channels", ["telegram"])), talk("Hello")
    ),
    "Agent.model": Row(put("agents.0.model", "unknown-model"), linted),
    "Agent.knowledge": Row(put("agents.0.knowledge", ["faq"]), answer),
    "Agent.voice": Row(put("agents.0.voice", "Formal and reserved."), talk("Hello")),
    "Agent.escalation_rules": Row(put("agents.0.escalation_rules", []), refund()),
    "LadderStep.target": Row(put("ladders.0.steps.0.target", "ana"), refund(then=HOUR)),
    "LadderStep.after": Row(put("ladders.0.steps.0.after", "20m"), talk("My spade broke!", then=HOUR)),
    "LadderStep.reminder": Row(put("ladders.0.steps.0.reminder", "5m"), refund(then=HOUR)),
    "Ladder.id": Row(rename("quick", "default"), PERSON),
    "Ladder.reminder": Row(put("ladders.0.reminder", "3m"), refund(then=HOUR)),
    "Ladder.steps": Row(put("ladders.0.steps", [{"target": "ana", "after": "10m"}]), refund(then=HOUR)),
    "Trigger.id": Row(rename("refund_wanted", "money_back"), refund()),
    "Trigger.description": Row(put("triggers.0.description", "They want a refund."), refund()),
    "Trigger.urgency": Row(put("triggers.0.urgency", "high"), refund()),
    "Trigger.phrases": Row(put("triggers.0.phrases", ["money back"]), refund()),
    "Trigger.patterns": Row(put("triggers.0.patterns", []), talk("It is about order #12")),
    "KnowledgeFolder.id": Row(put("knowledge.0.id", "handbook"), linted),
    "KnowledgeFolder.path": Row(put("knowledge.0.path", "manual"), answer),
    "KnowledgeFolder.description": Row(put("knowledge.0.description", "For gardeners."), SHOWN),
    "Policies.undo": Row(put("policies.undo", "30s"), held),
    "Policies.reactions": Row(put("policies.reactions", ["🎉"]), reacted),
    "Policies.automatic_replies_per_hour": Row(put("policies.automatic_replies_per_hour", 9), programs),
    "Policies.customer_messages_per_minute": Row(put("policies.customer_messages_per_minute", 3), accepted),
    "Policies.account_messages_per_minute": Row(put("policies.account_messages_per_minute", 3), accepted),
    "Policies.outside_window": Row(put("policies.outside_window", "write_us"), agent_outside_window),
    "Policies.reopened": Row(put("policies.reopened", "agent"), resolved),
    "Policies.max_turn_attempts": Row(put("policies.max_turn_attempts", 2), tries),
    "Policies.languages": Row(
        put("policies.languages", ["en"]), talk("Ich möchte bitte mein Geld zurück und ein refund")
    ),
    "Policies.texts": Row(put("policies.texts.en.greeting", "Hello."), opened),
    "Organization.name": Row(put("organization", "Acme Tools"), SHOWN),
    "Organization.description": Row(put("description", "Tools for parks."), SHOWN),
    "Organization.identity": Row(put("identity", {}), opened),
    "Organization.time_zone": Row(put("time_zone", "Asia/Tokyo"), PERSON),
    "Organization.accounts": Row(put("accounts.0.mode", "polling"), connector("telegram")),
    "Organization.roles": Row(both(put("roles", []), put("people.1.roles", ["staff"])), ROLES),
    "Organization.people": Row(put("people.1.slack", "U0OTHER"), held),
    "Organization.teams": Row(put("teams.0.name", "Cash Team"), refund()),
    "Organization.agents": Row(put("agents.0.name", "Rob"), talk("Hello")),
    "Organization.triggers": Row(put("triggers.0.phrases", ["money back"]), refund()),
    "Organization.escalation_rules": Row(put("escalation_rules", []), PERSON),
    "Organization.escalation_team": Row(put("escalation_team", "money"), LOST),
    "Organization.hours": Row(put("hours", None), talk("I want to talk to a person", days=1)),
    "Organization.ladders": Row(put("ladders.0.reminder", "3m"), refund(then=HOUR)),
    "Organization.knowledge": Row(put("knowledge.0.path", "manual"), answer),
    "Organization.quiet_window": Row(put("quiet_window", "2s"), accepted),
    "Organization.burst_cap": Row(put("burst_cap", 3), accepted),
    "Organization.reopen_window": Row(put("reopen_window", "1h"), resolved),
    "Organization.policies": Row(put("policies.undo", "30s"), held),
}


def fields_of_the_specification() -> Iterator[str]:
    for module in (fields, hours, organization, texts):
        for name, model in inspect.getmembers(module, inspect.isclass):
            if issubclass(model, Fields) and model.__module__ == module.__name__:
                yield from (f"{name}.{field}" for field in model.model_fields)
                if model.model_config.get("extra") == "allow":
                    yield f"{name}.*"


def test_every_field_of_the_specification_has_its_line() -> None:
    known = {one for one in fields_of_the_specification() if not one.startswith(NOT_MEASURED_YET + ELSEWHERE)}
    assert known == set(ROWS)


@pytest.fixture
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    async with world_of(lambda: request.getfixturevalue("database_url")) as made:
        yield made


def written(folder: Path, document: Document) -> Path:
    folder.mkdir()
    for name, text in ARTICLES.items():
        article = folder / name
        article.parent.mkdir(exist_ok=True)
        article.write_text(text, "utf-8")
    file = folder / "organization.yaml"
    file.write_text(yaml.safe_dump(document, allow_unicode=True, sort_keys=False), "utf-8")
    return file


@pytest.mark.parametrize("field", ROWS)
async def test_changing_a_field_changes_what_somebody_sees(field: str, world: World, tmp_path: Path) -> None:
    row, document = ROWS[field], yaml.safe_load(BASE)
    changed = copy.deepcopy(document)
    row.change(changed)
    before = written(tmp_path / "before", document)
    seen = await row.sees(world, before)
    assert await row.sees(world, before) == seen, "nothing but the file makes a difference"
    assert await row.sees(world, written(tmp_path / "after", changed)) != seen
