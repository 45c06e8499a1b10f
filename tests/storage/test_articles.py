"""Searching an organization's articles in a real PostgreSQL."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from bot.core.answering import ArticleSearch
from bot.core.ids import OrgId, new_id
from orgs.loading import load
from storage import organizations
from storage.articles import Articles
from storage.database import Database
from storage.keys import Keys
from storage.sealing import Keyring
from tests.lengths import times

SAMPLE = Path(__file__).resolve().parents[2] / "orgs" / "samples" / "saas-support"


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    made = Database(database_url)
    yield made
    await made.close()


@pytest.fixture
async def organization(database: Database) -> OrgId:
    """The sample, applied."""
    keys = Keys(Keyring([bytes(32)]))
    async with database.begin() as connection:
        applied = await organizations.apply(connection, keys, new_id, load(SAMPLE), by="shell", digest="")
    return applied.organization


@pytest.fixture
def articles(database: Database) -> ArticleSearch:
    return Articles(database)


async def test_the_best_passage_comes_first(articles: ArticleSearch, organization: OrgId) -> None:
    found = await articles.search(organization, "how many API requests may I make? rate limits")
    assert found[0].article == "api-rate-limits"
    assert [one.rank for one in found] == sorted((one.rank for one in found), reverse=True)


async def test_coverage_is_the_share_of_the_words_that_occur(
    articles: ArticleSearch, organization: OrgId
) -> None:
    whole = await articles.search(organization, "API rate limits", limit=1)
    assert whole[0].coverage == 1.0
    half = await articles.search(organization, "limits qqqwwwxyz", limit=1)
    assert half[0].coverage == 0.5


async def test_a_misspelled_word_is_found_by_its_beginning(
    articles: ArticleSearch, organization: OrgId
) -> None:
    found = await articles.search(organization, "attachemnts")
    assert any(one.article == "attachments" for one in found)


async def test_only_the_collections_asked_for_are_searched(
    articles: ArticleSearch, organization: OrgId
) -> None:
    everything = await articles.search(organization, "API rate limits")
    assert everything
    assert await articles.search(organization, "API rate limits", collections=["no such folder"]) == []


async def test_another_organization_finds_no_article(articles: ArticleSearch, organization: OrgId) -> None:
    stranger = OrgId(new_id())
    assert await articles.search(stranger, "API rate limits") == []
    assert await articles.section(stranger, "api-rate-limits") == []


async def test_an_article_is_read_in_order(
    articles: ArticleSearch, organization: OrgId, database: Database
) -> None:
    read = await articles.section(organization, "api-rate-limits")
    async with database.begin() as connection:
        rows = await connection.scalars(
            text("select heading from article_sections where article = 'api-rate-limits' order by position")
        )
        assert [one.heading for one in read] == list(rows)
    assert await articles.section(organization, "no-such\0-article") == []


@pytest.mark.parametrize(
    "query",
    ["", "   ", "the of and", "' & | ! ( ) : * <->", "\0", "\ud800", "a" * 100_000, "\\' \\\\", "':*'"],
)
async def test_any_text_is_a_safe_query(articles: ArticleSearch, organization: OrgId, query: str) -> None:
    found = await articles.search(organization, query)
    assert len(found) <= 8


@given(query=st.text(st.characters(codec=None), max_size=200))
@settings(max_examples=times(150), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_no_text_breaks_the_search(articles: ArticleSearch, organization: OrgId, query: str) -> None:
    for passage in await articles.search(organization, query, limit=3):
        assert 0 < passage.coverage <= 1
        assert passage.rank > 0


@pytest.mark.long
async def test_the_index_is_used_when_there_are_many_articles(
    organization: OrgId, database: Database
) -> None:
    async with database.begin() as connection:
        await connection.execute(
            text(
                "insert into article_sections (organization_id, collection, article, position, title, tags,"
                " heading, body)"
                " select :organization, 'big', 'article-' || n, 0, 'Title ' || md5(n::text), '', 'Heading',"
                " 'Body ' || md5((n * 7)::text) from generate_series(1, 20000) n"
            ),
            {"organization": organization},
        )
        await connection.execute(text("analyze article_sections"))
        plan = await connection.scalars(
            text(
                "explain select article from article_sections where organization_id = :organization"
                " and tsv @@ cast('''limit'' | ''rate''' as tsquery)"
            ),
            {"organization": organization},
        )
        assert "ix_article_sections_tsv" in "\n".join(plan)
