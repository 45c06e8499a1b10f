"""The organization's articles, searched with PostgreSQL's full-text search over `article_sections`.

How a query is built. The text goes through `to_tsvector`, so any text is safe and stop words are gone.
Each lexeme becomes one term; a lexeme that no section has is looked for by its first letters, which finds
most misspelled words. A section is a candidate if it has any term (OR: chatty questions contain words that
no article has). Its rank is the sum over its terms of the term's rarity times its weight there (title,
heading and tags, body), so that all the words together beat one word often. Coverage is the share of the
terms that occur.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.core.answering import Passage
from bot.core.ids import OrgId

MOST_LEXEMES = 48
LONGEST_QUERY = 2_000

# A lexeme is quoted for tsquery by hand: to_tsquery would parse it again, quote_literal may answer E'…'.
SEARCH = text(
    r"""
WITH mine AS NOT MATERIALIZED (
    SELECT article, position, title, heading, body, tsv
    FROM article_sections
    WHERE organization_id = :organization
      AND (cardinality(CAST(:collections AS text[])) = 0 OR collection = ANY (CAST(:collections AS text[])))
), asked AS (
    SELECT lexeme, '''' || replace(replace(lexeme, '\', '\\'), '''', '''''') || '''' AS quoted
    FROM unnest(to_tsvector('english', :query))
    ORDER BY positions[1]
    LIMIT :most_lexemes
), counted AS (
    SELECT lexeme, quoted,
           (SELECT count(*) FROM mine WHERE tsv @@ CAST(quoted AS tsquery)) AS sections
    FROM asked
), terms AS (
    SELECT CAST(quoted AS tsquery) AS term,
           ln(1 + (SELECT count(*) FROM mine) / CAST(sections AS float8)) AS rarity
    FROM counted WHERE sections > 0
    UNION ALL
    SELECT CAST('''' || replace(replace(left(lexeme, 3), '\', '\\'), '''', '''''') || ''':*' AS tsquery), 0.7
    FROM counted WHERE sections = 0 AND length(lexeme) >= 5
), wanted AS (
    SELECT CAST(string_agg(CAST(term AS text), ' | ') AS tsquery) AS any_term, count(*) AS terms FROM terms
)
SELECT article, title, heading, body, rank,
       matched / CAST(greatest((SELECT count(*) FROM asked), 1) AS float8) AS coverage
FROM mine
JOIN wanted ON mine.tsv @@ wanted.any_term
CROSS JOIN LATERAL (
    SELECT sum(rarity * ts_rank('{0.1, 0.35, 0.75, 1.0}', mine.tsv, term)) AS rank, count(*) AS matched
    FROM terms WHERE mine.tsv @@ term
) AS scored
ORDER BY rank DESC, article, position
LIMIT :limit
"""
)

SECTION = text(
    """
SELECT article, title, heading, body, 0.0 AS rank, 0.0 AS coverage
FROM article_sections
WHERE organization_id = :organization AND article = :article
ORDER BY position
"""
)


class ArticleSections:
    """`bot.core.answering.ArticleSearch` on PostgreSQL."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def search(
        self, organization: OrgId, query: str, *, collections: Sequence[str] = (), limit: int = 8
    ) -> Sequence[Passage]:
        given = {
            "organization": organization,
            "collections": list(collections),
            "query": query[:LONGEST_QUERY].replace("\0", " "),  # PostgreSQL's text has no NUL
            "most_lexemes": MOST_LEXEMES,
            "limit": limit,
        }
        async with self._engine.connect() as connection:
            return [_passage(row) for row in await connection.execute(SEARCH, given)]

    async def section(self, organization: OrgId, article: str) -> Sequence[Passage]:
        given = {"organization": organization, "article": article.replace("\0", "")}
        async with self._engine.connect() as connection:
            return [_passage(row) for row in await connection.execute(SECTION, given)]


def _passage(row: Sequence[Any]) -> Passage:
    article, title, heading, body, rank, coverage = row
    return Passage(article, title, heading, body, float(rank), float(coverage))
