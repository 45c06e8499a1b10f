"""A slack-bolt app with one listener of each kind, that notes what reached it."""

import asyncio
from typing import Any

from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.app.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from connectors.sandbox.slack import SlackStandIn

from .conftest import SECRET, Server

Json = dict[str, Any]

MODAL: Json = {
    "type": "modal",
    "callback_id": "assign",
    "title": {"type": "plain_text", "text": "Assign"},
    "submit": {"type": "plain_text", "text": "Go"},
    "notify_on_close": True,
    "blocks": [
        {
            "type": "input",
            "block_id": "why",
            "label": {"type": "plain_text", "text": "Why"},
            "element": {"type": "plain_text_input", "action_id": "reason"},
        },
        {
            "type": "input",
            "block_id": "who",
            "optional": True,
            "label": {"type": "plain_text", "text": "Who"},
            "element": {"type": "users_select", "action_id": "person"},
        },
    ],
}
CARD: list[Json] = [
    {"type": "section", "block_id": "s", "text": {"type": "mrkdwn", "text": "A matter"}},
    {
        "type": "actions",
        "block_id": "b",
        "elements": [
            {
                "type": "button",
                "action_id": "take",
                "value": "e-1",
                "text": {"type": "plain_text", "text": "Take"},
            },
            {"type": "users_select", "action_id": "assign"},
        ],
    },
]


class Noted:
    """Events that the app was sent, awaitable one by one."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[tuple[str, Json]] = asyncio.Queue()

    def add(self, kind: str, body: Json) -> None:
        self._queue.put_nowait((kind, body))

    async def next(self) -> tuple[str, Json]:
        async with asyncio.timeout(120):
            return await self._queue.get()

    def rest(self) -> list[tuple[str, Json]]:
        found = []
        while not self._queue.empty():
            found.append(self._queue.get_nowait())
        return found


def desk_app(client: AsyncWebClient, noted: Noted) -> AsyncApp:
    app = AsyncApp(client=client, signing_secret=SECRET, ignoring_self_events_enabled=False)

    @app.event({"type": "message"})
    @app.event({"type": "message", "subtype": "message_changed"})
    @app.event({"type": "message", "subtype": "message_deleted"})
    @app.event({"type": "message", "subtype": "file_share"})
    @app.event("app_mention")
    @app.event("reaction_added")
    @app.event("reaction_removed")
    @app.event("member_joined_channel")
    @app.event("app_home_opened")
    async def on_event(event: Json, body: Json) -> None:
        noted.add(event.get("subtype") or event["type"], body)

    @app.action("take")
    async def on_take(ack: Any, body: Json, respond: Any) -> None:
        await ack()
        await respond(text="Taken", replace_original=True)
        noted.add("take", body)

    @app.action("assign")
    async def on_assign(ack: Any, body: Json, client: AsyncWebClient) -> None:
        await ack()
        await client.views_open(trigger_id=body["trigger_id"], view=MODAL)
        noted.add("assign", body)

    @app.view("assign")
    async def on_submit(ack: Any, body: Json, view: Json) -> None:
        reason = view["state"]["values"]["why"]["reason"]["value"]
        match reason:
            case "wrong":
                await ack(response_action="errors", errors={"why": "Not that"})
            case "more":
                await ack(
                    response_action="push", view={**MODAL, "callback_id": "second", "notify_on_close": False}
                )
            case "clear":
                await ack(response_action="clear")
            case "update":
                changed = {**MODAL, "title": {"type": "plain_text", "text": "Changed"}}
                await ack(response_action="update", view=changed)
            case _:
                await ack()
        noted.add("submit", body)

    @app.view_closed("assign")
    async def on_close(ack: Any, body: Json) -> None:
        await ack()
        noted.add("close", body)

    @app.command("/desk")
    async def on_command(ack: Any, body: Json, respond: Any) -> None:
        if body["text"] == "loud":
            await ack(text="Hear!", response_type="in_channel")
        else:
            await ack("Only you")
        noted.add("command", body)

    return app


class HttpApp:
    """The app behind Request URLs. `answers` are statuses to give before the app is asked at all."""

    def __init__(self, bolt: AsyncApp) -> None:
        self._bolt = bolt
        self.answers: list[int] = []
        self.seen: list[web.Request] = []
        self.statuses: list[int] = []
        application = web.Application()
        application.router.add_post("/slack", self._handle)
        self.server = Server(application)

    async def _handle(self, request: web.Request) -> web.Response:
        self.seen.append(request)
        if self.answers:
            return web.Response(status=self.answers.pop(0))
        answer = await self._bolt.async_dispatch(await to_bolt_request(request))
        self.statuses.append(answer.status)
        return await to_aiohttp_response(answer)

    async def connect(self, slack: SlackStandIn) -> None:
        url = f"{await self.server.start()}/slack"
        slack.configure_http(events_url=url, interactions_url=url, commands_url=url)
