"""All models: one line for each. A new model is a new file and a line here."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from bot.core.answering import Answerer, ArticleSearch
from orgs.answering.grounded import Grounded

MODELS: Mapping[str, Callable[[ArticleSearch], Answerer]] = MappingProxyType({"grounded": Grounded})
"""By the name that an agent's specification gives as its `model`."""
