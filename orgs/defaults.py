"""Supply what an organization file leaves out: accounts, a team for escalations, well-known triggers.

So even the shortest file, and the specification's own example, are organizations that work.
"""

from typing import Final

from bot.core.conversation import Urgency
from orgs.specification.organization import (
    Account,
    ChannelRef,
    Organization,
    Serves,
    Team,
    TeamChannels,
    Trigger,
)

ACCOUNTS: Final = (
    Account(
        id="telegram",
        channel="telegram",
        serves=Serves.CUSTOMERS,
        secrets={"bot_token": "TELEGRAM_BOT_TOKEN"},
    ),
    Account(
        id="slack",
        channel="slack",
        serves=Serves.STAFF,
        secrets={"bot_token": "SLACK_BOT_TOKEN", "app_token": "SLACK_APP_TOKEN"},
    ),
)

BUILT_IN_TRIGGERS: Final[dict[str, str]] = {
    "human_request": "The customer asks for a person.",
    "unanswered": "No answer was found, twice in a row.",
    "turn_failed": "Something kept failing on our side.",
}
"""Reasons that need no phrases, because the product itself detects them. Rules may name them."""

WELL_KNOWN_TRIGGERS: Final = (
    Trigger(
        id="billing_inquiry",
        description="Money: charges, refunds, invoices, cards.",
        urgency=Urgency.NORMAL,
        phrases=(
            *("refund", "money back", "charged twice", "double charge", "overcharged", "wrong amount"),
            *("wrong invoice", "invoice is wrong", "billing question", "billing issue", "payment failed"),
            *("payment declined", "card was declined"),
            *("doppelt abgebucht", "zweimal abgebucht", "Geld zurück", "Rückerstattung", "Rechnung falsch"),
            *("débité deux fois", "facturé deux fois", "remboursement", "rembourser", "facture incorrecte"),
            *("cobrado dos veces", "cobraron dos veces", "reembolso", "devuelvan el dinero"),
            *("cobrado duas vezes", "cobraram duas vezes", "dinheiro de volta", "estorno"),
        ),
    ),
    Trigger(
        id="security",
        description="An account may be in the wrong hands, or a weakness is reported.",
        urgency=Urgency.HIGH,
        phrases=(
            "hacked",
            "data breach",
            "security incident",
            "vulnerability",
            "unauthorized access",
            "suspicious login",
            "phishing",
            "leaked",
            "stolen password",
            "compromised",
            *("gehackt", "Sicherheitslücke", "Datenleck", "été piraté", "faille de sécurité"),
            *("hackeado", "hackeada", "acceso no autorizado", "acesso não autorizado"),
        ),
    ),
    Trigger(
        id="production_incident",
        description="The customer's work has stopped because of us.",
        urgency=Urgency.CRITICAL,
        phrases=(
            "production is down",
            "everything is down",
            "site is down",
            "outage",
            "nothing works",
            "all users affected",
            "data loss",
            "lost all our data",
            "error 500 for everyone",
            *("nichts funktioniert", "nichts geht mehr", "rien ne fonctionne", "rien ne marche"),
            *("nada funciona", "no funciona nada", "fora do ar"),
        ),
    ),
)


def complete(organization: Organization) -> Organization:
    """Return the organization with all that it needs to run. A complete one is returned unchanged."""
    accounts = organization.accounts or ACCOUNTS
    teams = organization.teams or (_escalation_team(organization, accounts),)
    used = {rule.trigger for agent in organization.agents for rule in agent.escalation_rules}
    used |= {rule.trigger for rule in organization.escalation_rules}
    named = {trigger.id for trigger in organization.triggers}
    added = tuple(t for t in WELL_KNOWN_TRIGGERS if t.id in used - named)
    return organization.model_copy(
        update={"accounts": accounts, "teams": teams, "triggers": organization.triggers + added}
    )


def _escalation_team(organization: Organization, accounts: tuple[Account, ...]) -> Team:
    staff = next((account.id for account in accounts if account.serves is Serves.STAFF), "")
    return Team(
        id="escalation-team",
        name="Escalation Team",
        purpose="Everything that needs a person.",
        people=tuple(person.id for person in organization.people),
        agents=tuple(agent.id for agent in organization.agents),
        channels=TeamChannels(escalation=(ChannelRef(staff, "#escalation"),)),
    )
