"""The capabilities that the contract's tests are about: a new one that no test is about fails them."""

from collections.abc import Callable
from typing import TypeVar

from bot.core.outbound import Button

Test = TypeVar("Test", bound=Callable[..., object])
CLAIMS: set[str] = set()


def claims(*names: str) -> Callable[[Test], Test]:
    """The fields of Capabilities that the test is about."""
    CLAIMS.update(names)
    return lambda test: test


def choices(count: int) -> tuple[Button, ...]:
    return tuple(Button("choose", f"v{number}", f"Choice {number}") for number in range(1, count + 1))
