"""The sample organization's articles in a real PostgreSQL, and questions put to them."""

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any, Protocol
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import create_engine, insert, text

from bot.core.answering import AgentTrigger, Answer, Question, StoryLine
from bot.core.ids import AgentId, OrgId
from orgs.answering.grounded import Grounded
from orgs.articles import read_article
from storage.articles import Articles
from storage.database import Database, engine_url
from storage.tables import article_sections
from tests.tools.shared_servers import Addresses, clone, drop, on_database

SAMPLE = Path(__file__).resolve().parents[3] / "orgs" / "samples" / "saas-support"
BRIGHTDESK = OrgId(UUID("01900000-0000-7000-8000-000000000001"))
NEIGHBOUR = OrgId(UUID("01900000-0000-7000-8000-000000000002"))


class Asks(Protocol):
    async def __call__(self, *messages: str, **about: Any) -> Answer: ...


def story(*lines: tuple[str, str]) -> tuple[StoryLine, ...]:
    return tuple(StoryLine(speaker, said) for speaker, said in lines)


@pytest.fixture(scope="session")
def articles_url(servers: Addresses, worker_id: str) -> Iterator[str]:
    """A database with the sample's articles, and one article of another organization. Nobody changes it."""
    name = f"articles_{worker_id}"
    with psycopg.connect(servers.admin_url, autocommit=True) as admin:
        clone(admin, name)
        try:
            url = on_database(servers.admin_url, name)
            engine = create_engine(engine_url(url))
            with engine.begin() as connection:
                # The sections are what is under test; the organizations they belong to are not.
                connection.execute(text("set local session_replication_role = replica"))
                connection.execute(insert(article_sections), [*_sample(), _secret()])
                connection.execute(text("analyze article_sections"))
            engine.dispose()
            yield url
        finally:
            drop(admin, name)


def _sample() -> list[dict[str, object]]:
    return [
        {
            "organization_id": BRIGHTDESK,
            "collection": "help-center",
            "article": article.slug,
            "position": position,
            "title": article.title,
            "tags": " ".join(article.tags),
            "heading": section.heading,
            "body": section.body,
        }
        for file in sorted((SAMPLE / "knowledge").glob("*.md"))
        for article in (read_article(file.read_bytes(), name=file.stem, folder="help-center"),)
        for position, section in enumerate(article.sections)
    ]


def _secret() -> dict[str, object]:
    return {
        "organization_id": NEIGHBOUR,
        "collection": "help-center",
        "article": "zeppelin-hangar",
        "position": 0,
        "title": "Zeppelin hangar door",
        "tags": "zeppelin",
        "heading": "Zeppelin hangar door",
        "body": "The zeppelin hangar door opens with the brass lever.",
    }


@pytest.fixture
async def search(articles_url: str) -> AsyncIterator[Articles]:
    database = Database(articles_url, pool=2)
    yield Articles(database)
    await database.close()


@pytest.fixture
def a_question() -> Callable[..., Question]:
    def make(*messages: str, **about: Any) -> Question:
        given: dict[str, Any] = {
            "organization": BRIGHTDESK,
            "organization_name": "Brightdesk",
            "agent": AgentId("onboarding-specialist"),
            "agent_name": "Robin",
            "voice": "Warm and encouraging, one step at a time.",
            "scope": "",
            "knowledge": (),
            "triggers": TRIGGERS,
            "story": (),
            "messages": messages,
        }
        return Question(**{**given, **about})

    return make


@pytest.fixture
def ask(search: Articles, a_question: Callable[..., Question]) -> Asks:
    """Put a customer's messages to the answerer."""
    answerer = Grounded(search)

    async def put(*messages: str, **about: Any) -> Answer:
        return await answerer.answer(a_question(*messages, **about))

    return put


TRIGGERS = (
    AgentTrigger(
        "billing_inquiry",
        "Money that moved or should move.",
        (
            "refund",
            "money back",
            "charged twice",
            "double charge",
            "wrongly charged",
            "overcharged",
            "wrong amount",
            "invoice is wrong",
            "mistake on my invoice",
            "payment failed",
            "card was declined",
            "billing issue",
            "question about my bill",
            "chargeback",
            "dispute a charge",
        ),
    ),
    AgentTrigger(
        "security",
        "An account may be in the wrong hands.",
        (
            "hacked",
            "account was compromised",
            "someone logged into my account",
            "someone else is using my account",
            "unauthorized access",
            "suspicious login",
            "suspicious activity",
            "stolen password",
            "leaked",
            "data breach",
            "security vulnerability",
            "phishing",
        ),
    ),
    AgentTrigger(
        "production_incident",
        "The product does not work for a whole team, or data is gone.",
        (
            "production is down",
            "production is broken",
            "system is down",
            "site is down",
            "api is down",
            "outage",
            "nothing works",
            "nobody can log in",
            "all our users",
            "all boards are gone",
            "data loss",
        ),
    ),
)
