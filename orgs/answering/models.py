"""All models, one line each. A new model is a new file and a line here."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from bot.core.answering import Answerer, ArticleSearch


def _grounded(articles: ArticleSearch) -> Answerer:
    from orgs.answering.grounded import Grounded

    return Grounded(articles)


MODELS: Mapping[str, Callable[[ArticleSearch], Answerer]] = MappingProxyType({"grounded": _grounded})
"""Factories of answerers, by the `model` of an agent's specification."""
