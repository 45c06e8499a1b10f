"""All models: a function for each, which loads it by need. A new model is a new file and a function here."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from bot.core.answering import Answerer, ArticleSearch


def _grounded(articles: ArticleSearch) -> Answerer:
    from orgs.answering.grounded import Grounded

    return Grounded(articles)


MODELS: Mapping[str, Callable[[ArticleSearch], Answerer]] = MappingProxyType({"grounded": _grounded})
"""By the name that an agent's specification gives as its `model`."""
