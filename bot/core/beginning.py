"""Mark the moment at which the request of a delivery goes out.

The bus records that moment before anything may have arrived, but only the connector knows when it has a
connection. So the bus sets what must be done first (`told`), and the connector awaits `begin` before it
writes.
"""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_first: ContextVar[Callable[[], Awaitable[None]] | None] = ContextVar("first", default=None)


@contextmanager
def told(first: Callable[[], Awaitable[None]]) -> Iterator[None]:
    """Set what must be done before anything is sent in this context. If `first` raises, nothing is sent."""
    token = _first.set(first)
    try:
        yield
    finally:
        _first.reset(token)


async def begin() -> None:
    """Do what must be done before a request is written. Outside of a delivery that is nothing."""
    if (first := _first.get()) is not None:
        await first()
