"""Serve several bots at one address, as the Bot API does: each call names its bot by the token."""

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from aiohttp import web


class OneBot(Protocol):
    """A stand-in, as the common server uses it."""

    @property
    def token(self) -> str: ...

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer one call of the Bot API. The route's parameters are `token` and `method`."""

    async def download(self, request: web.Request) -> web.StreamResponse:
        """Answer a file download. The route's parameters are `token` and `path`."""


def together(stand_ins: Sequence[OneBot]) -> web.Application:
    """Return an application like `TelegramStandIn.app` that starts and closes all stand-ins.

    Each bot has people and groups of its own: give them `ids` that do not overlap.
    """
    app = web.Application()
    by_token = {stand_in.token: stand_in for stand_in in stand_ins}

    def chosen(request: web.Request) -> OneBot:
        return by_token.get(request.match_info["token"], stand_ins[0])  # refuses unknown tokens

    async def call(request: web.Request) -> web.StreamResponse:
        return await chosen(request).answer(request)

    async def download(request: web.Request) -> web.StreamResponse:
        return await chosen(request).download(request)

    async def running(_: web.Application) -> AsyncIterator[None]:
        for stand_in in stand_ins:
            await stand_in.start()
        yield
        await close(app)

    async def close(_: web.Application) -> None:
        for stand_in in stand_ins:
            await stand_in.close()

    app.router.add_route("*", "/bot{token}/{method}", call)
    app.router.add_get("/file/bot{token}/{path:.+}", download)
    app.cleanup_ctx.append(running)
    app.on_shutdown.append(close)  # before the server waits for its handlers, which a long poll would delay
    return app
