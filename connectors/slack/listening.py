"""Receive Slack's payloads over Socket Mode, with Bolt's AsyncApp.

Bolt's dispatch runs with `process_before_response`: an envelope is acknowledged only after our own work on it
has succeeded. One middleware takes every payload. Bolt's listeners would only repeat what the parser does,
and would log a warning with the payload for each kind that nobody listens to.
"""

import asyncio
import contextlib
import json
from collections.abc import Mapping

from slack_bolt.adapter.socket_mode.async_base_handler import AsyncBaseSocketModeHandler
from slack_bolt.adapter.socket_mode.async_internals import run_async_bolt_app, send_async_response
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.response import BoltResponse
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest

from bot.core.connector import Inbox
from bot.core.errors import DeskError
from connectors.payload import Node
from connectors.slack.api import Api, sdk_log
from connectors.slack.receiver import Receives

PING = 10.0  # seconds; four without an answer and the connection is made anew


class Socket(SocketModeClient):
    """slack_sdk's client, but one that keeps the tasks it starts for messages and would otherwise drop."""

    def __init__(self, app_token: str, api: Api) -> None:
        super().__init__(app_token=app_token, logger=sdk_log, web_client=api.web, ping_interval=PING)
        self.proxy = api.web.proxy
        self._running: set[asyncio.Task[None]] = set()

    async def process_message(self) -> None:
        raw = await self.message_queue.get()
        try:
            message = json.loads(raw)
        except ValueError:
            return  # Slack also sends words that are no JSON
        if isinstance(message, dict):
            task = asyncio.create_task(self.run_message_listeners(message, raw))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    async def close(self) -> None:
        """End the connection, and every task this client began."""
        try:
            await super().close()  # type: ignore[no-untyped-call]
        finally:
            helpers = (self.message_processor, self.current_session_monitor, self.message_receiver)
            tasks = [*self._running, *(task for task in helpers if task is not None)]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self.aiohttp_client_session.close()  # which the library leaves open where it fails before


class Handler(AsyncBaseSocketModeHandler):
    def __init__(self, app: AsyncApp, client: Socket) -> None:
        self.app = app
        self._bolt = app
        self.client = client
        client.socket_mode_request_listeners.append(self.handle)

    async def handle(self, client: AsyncBaseSocketModeClient, req: SocketModeRequest) -> None:
        response = await run_async_bolt_app(self._bolt, req)
        # Anything but 200 is no acknowledgement: Slack sends the envelope again.
        with contextlib.suppress(ConnectionError):
            await send_async_response(client, req, response, 0.0)


async def listen(api: Api, receiver: Receives, inbox: Inbox, app_token: str) -> None:
    """Hold a connection until cancelled; it is made anew whenever it ends. Raises SendError when the first
    one cannot be had.
    """
    await api.identity()
    await can_connect(api, app_token)
    socket = Socket(app_token, api)
    handler = Handler(bolt_app(api, receiver, inbox), socket)
    try:
        await handler.connect_async()  # type: ignore[no-untyped-call]
        await asyncio.Event().wait()
    finally:
        closing = asyncio.create_task(socket.close())
        try:
            await asyncio.shield(closing)
        except asyncio.CancelledError:
            await closing  # finish closing even if cancelled again
            raise


async def can_connect(api: Api, app_token: str) -> None:
    """Check that the app token opens a connection. Raises SendError.

    slack_sdk would retry a wrong token for ever and only log it, but an operator should hear of it.
    """
    await api.call(lambda web: web.apps_connections_open(app_token=app_token), repeatable=True)


def bolt_app(api: Api, receiver: Receives, inbox: Inbox) -> AsyncApp:
    async def authorize() -> AuthorizeResult:
        us = await api.identity()
        return AuthorizeResult(
            enterprise_id=None, team_id=us.team, bot_id=us.bot, bot_user_id=us.user, bot_token=api.web.token
        )

    app = AsyncApp(
        logger=sdk_log,
        name="desk",
        client=api.web,
        authorize=authorize,
        process_before_response=True,
        request_verification_enabled=False,  # the socket itself was opened with our token
        ignoring_self_events_enabled=False,  # the parser does
    )

    async def take(body: Mapping[str, object]) -> BoltResponse:
        try:
            answer = await receiver.receive(Node(dict(body)), inbox)
        except DeskError as error:
            sdk_log.error("an envelope was not accepted and will come again: %s", error.code)
            return BoltResponse(status=503)
        return BoltResponse(status=200, body=answer.body or "")

    app.middleware(take)
    return app
