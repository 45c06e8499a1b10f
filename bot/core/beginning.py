"""The moment at which the request of a delivery goes out.

The bus records that moment before anything may have arrived; only the connector knows when it has a
connection in hand. So the bus says what is to be done first (`told`), and whoever is about to write awaits
`begin`.
"""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_first: ContextVar[Callable[[], Awaitable[None]] | None] = ContextVar("first", default=None)


@contextmanager
def told(first: Callable[[], Awaitable[None]]) -> Iterator[None]:
    """Let whatever is sent within be begun by `first`, which may raise: then nothing is sent."""
    token = _first.set(first)
    try:
        yield
    finally:
        _first.reset(token)


async def begin() -> None:
    """Await what must be done before a request is written. Outside of a delivery that is nothing."""
    if (first := _first.get()) is not None:
        await first()
