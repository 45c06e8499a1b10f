"""Every error has a code of its own, and the operators' page knows it."""

import inspect
import re
from pathlib import Path

from bot.core import errors
from bot.core.errors import DeskError

PAGE = Path(__file__).parents[2] / "docs" / "errors.md"


def _classes() -> list[type[DeskError]]:
    found = [c for c in vars(errors).values() if inspect.isclass(c) and issubclass(c, DeskError)]
    return [c for c in found if c is not DeskError]


def test_no_two_errors_share_a_code() -> None:
    codes = [c.code for c in _classes()]
    assert len(set(codes)) == len(codes)


def test_the_page_lists_exactly_the_codes_there_are() -> None:
    listed = re.findall(r"^\| `([a-z_.]+)` \|", PAGE.read_text(), flags=re.MULTILINE)
    assert sorted(listed) == sorted(c.code for c in _classes())


def test_the_tree_in_the_docstring_is_the_tree_of_classes() -> None:
    assert errors.__doc__ is not None
    for error in _classes():
        line = next(line for line in errors.__doc__.splitlines() if re.search(rf"\b{error.__name__}\b", line))
        depth = len(error.__mro__) - len(DeskError.__mro__)
        assert re.match(rf"^(?:│   |    ){{{depth - 1}}}[├└]── {error.__name__}\b", line), line
