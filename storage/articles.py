"""Search the organization's articles: `bot.core.answering.ArticleSearch` on PostgreSQL's full-text search.

How a query is built: the text goes through `to_tsvector`, so that any text is safe and stop words are gone.
Each lexeme becomes one term. A lexeme that no section has is searched by its first letters, which finds most
misspelled words. A section is a candidate if it has any term (OR: chatty questions contain words that no
article has). Its rank is the sum, over its terms, of the term's rarity times its weight there (title, heading
and tags, body), so that all the words together rank above one word that is repeated. Coverage is the share of
the query's lexemes that occur.
"""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Row, text

from bot.core.answering import Passage
from bot.core.ids import OrgId
from storage.database import Database

_MOST_LEXEMES: Final = 48
_LONGEST_QUERY: Final = 2_000  # characters; the rest is ignored
_MOST_PASSAGES: Final = 100


class Articles:
    """Searches and reads articles. One per process."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def search(
        self, organization: OrgId, query: str, *, collections: Sequence[str] = (), limit: int = 8
    ) -> Sequence[Passage]:
        """Return the best passages of the version in force, best first. Any text is a safe query.

        `collections` are ids of knowledge folders; () searches all of the organization's.
        """
        given = {
            "organization": organization,
            "collections": [_storable(name) for name in collections],
            "query": _storable(query[:_LONGEST_QUERY]),
            "most_lexemes": _MOST_LEXEMES,
            "limit": max(0, min(limit, _MOST_PASSAGES)),
        }
        async with self._database.begin() as connection:
            return [_passage(row) for row in await connection.execute(_SEARCH, given)]

    async def section(self, organization: OrgId, article: str) -> Sequence[Passage]:
        """Return all sections of one article in reading order, or none if there is no such article."""
        given = {"organization": organization, "article": _storable(article)}
        async with self._database.begin() as connection:
            return [_passage(row) for row in await connection.execute(_SECTION, given)]


def _storable(text: str) -> str:
    """Replace NUL and lone surrogates, which PostgreSQL's text cannot store and no article has."""
    return text.replace("\0", " ").encode("utf-8", "replace").decode()


def _passage(row: Row[Any]) -> Passage:
    return Passage(row.article, row.title, row.heading, row.body, float(row.rank), float(row.coverage))


# Quotes each lexeme for tsquery by hand: to_tsquery would parse it again, and quote_literal may return E'…'.
_SEARCH: Final = text(
    r"""
    with mine as not materialized (
        select article, position, title, heading, body, tsv
        from article_sections
        where organization_id = :organization
            and (cardinality(cast(:collections as text[])) = 0
                or collection = any(cast(:collections as text[])))
    ), asked as (
        select lexeme, '''' || replace(replace(lexeme, '\', '\\'), '''', '''''') || '''' as quoted
        from unnest(to_tsvector('english', :query))
        order by positions[1]
        limit :most_lexemes
    ), counted as (
        select lexeme, quoted,
            (select count(*) from mine where tsv @@ cast(quoted as tsquery)) as sections
        from asked
    ), terms as (
        select cast(quoted as tsquery) as term,
            ln(1 + (select count(*) from mine) / cast(sections as float8)) as rarity
        from counted where sections > 0
        union all
        select
            cast('''' || replace(replace(left(lexeme, 3), '\', '\\'), '''', '''''') || ''':*' as tsquery),
            0.7
        from counted where sections = 0 and length(lexeme) >= 5
    ), wanted as (
        select cast(string_agg(cast(term as text), ' | ') as tsquery) as any_term from terms
    )
    select article, title, heading, body, rank,
        matched / cast(greatest((select count(*) from asked), 1) as float8) as coverage
    from mine
    join wanted on mine.tsv @@ wanted.any_term
    cross join lateral (
        select sum(rarity * ts_rank('{0.1, 0.35, 0.75, 1.0}', mine.tsv, term)) as rank, count(*) as matched
        from terms where mine.tsv @@ term
    ) as scored
    order by rank desc, article, position
    limit :limit
    """
)

_SECTION: Final = text(
    """
    select article, title, heading, body, 0.0 as rank, 0.0 as coverage
    from article_sections
    where organization_id = :organization and article = :article
    order by position
    """
)
