"""Each way in which a call can fail, over a real connection."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.core.errors import (
    AccountSuspended,
    OutcomeUnknown,
    PlaceGone,
    PlatformDown,
    RateLimited,
    Refused,
    SendError,
    Unreachable,
)
from bot.core.outbound import Emote, Erase, Operation, Post, React, Revise, Sent, Typing
from connectors.telegram.failures import REVOKED, TOPIC_CLOSED, TOPIC_GONE, WRITE_FORBIDDEN
from tests.connectors.telegram.rig import connector, outbound

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


def says(status: int, description: str = "", **parameters: object) -> Answer:
    async def answer(request: web.Request) -> web.StreamResponse:
        body = {"ok": False, "error_code": status, "description": description}
        return web.json_response(body | ({"parameters": parameters} if parameters else {}), status=status)

    return answer


def raw(status: int, body: str) -> Answer:
    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(status=status, text=body, content_type="text/html")

    return answer


async def hangs_up(request: web.Request) -> web.StreamResponse:
    await request.read()
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def breaks_off(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": "500"})
    await response.prepare(request)
    await response.write(b'{"ok":true')
    assert request.transport is not None
    request.transport.abort()
    return response


@asynccontextmanager
async def platform(answer: Answer) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    async with TestServer(app) as server:
        yield str(server.make_url("")).rstrip("/")


async def failure(url: str, operation: Operation) -> SendError:
    account = connector(url)
    try:
        with pytest.raises(SendError) as caught:
            await account.send(outbound(11, operation))
    finally:
        await account.close()
    assert (
        "sandbox-telegram-token"
        not in f"{caught.value} {caught.value.__cause__!r} {caught.value.__context__!r}"
    )
    return caught.value


ANSWERS: list[tuple[Answer, type[SendError], str]] = [
    (says(403, "Forbidden: bot was blocked by the user"), Unreachable, "blocked"),
    (says(403, "Forbidden: user is deactivated"), Unreachable, "user_deactivated"),
    (says(400, "Bad Request: chat not found"), Unreachable, "chat_not_found"),
    (says(403, "Forbidden: bot was kicked from the supergroup chat"), Unreachable, "kicked"),
    (says(400, "Bad Request: CHAT_WRITE_FORBIDDEN"), Unreachable, WRITE_FORBIDDEN),
    (
        says(400, "Bad Request: not enough rights to send text messages to the chat"),
        Unreachable,
        WRITE_FORBIDDEN,
    ),
    (says(400, "Bad Request: message thread not found"), PlaceGone, TOPIC_GONE),
    (says(400, "Bad Request: TOPIC_DELETED"), PlaceGone, TOPIC_GONE),
    (says(400, "Bad Request: TOPIC_CLOSED"), PlaceGone, TOPIC_CLOSED),
    (says(400, "Bad Request: BUTTON_DATA_INVALID"), Refused, "Button_data_invalid"),
    (says(401, "Unauthorized"), AccountSuspended, REVOKED),
    (says(404, "Not Found"), AccountSuspended, REVOKED),
    (says(409, "Conflict: two of you"), PlatformDown, "Conflict: two of you"),
    (says(413, "Request Entity Too Large"), Refused, "request entity too large"),
    (says(500, "Internal Server Error"), PlatformDown, "HTTP 500"),
    (raw(502, "<html>Bad Gateway</html>"), PlatformDown, "HTTP 502"),
    (raw(504, "<html>Gateway Timeout</html>"), OutcomeUnknown, "HTTP 504"),
    (raw(200, "<html>what</html>"), OutcomeUnknown, "unreadable answer"),
    (raw(200, "[]"), OutcomeUnknown, "unreadable answer"),
    (raw(200, "{}"), OutcomeUnknown, "unreadable answer"),
    (raw(200, '{"ok":true,"result":{"text":"no id"}}'), OutcomeUnknown, "unreadable answer"),
    (hangs_up, OutcomeUnknown, "ServerDisconnectedError"),
    (breaks_off, OutcomeUnknown, "ClientPayloadError"),
]


@pytest.mark.parametrize(("answer", "error", "reason"), ANSWERS, ids=[reason for _, _, reason in ANSWERS])
async def test_a_failed_post_says_what_became_of_it(
    answer: Answer, error: type[SendError], reason: str
) -> None:
    async with platform(answer) as url:
        found = await failure(url, Post("hello"))
    assert type(found) is error
    assert found.reason == reason


@pytest.mark.parametrize(
    ("answer", "wait"),
    [
        (says(429, "Too Many Requests: retry after 7", retry_after=7), timedelta(seconds=7)),
        (raw(429, "<html>slow down</html>"), timedelta(seconds=1)),
        (says(429, "Too Many Requests", retry_after="soon"), timedelta(seconds=1)),
    ],
)
async def test_a_rate_limit_is_obeyed_as_it_is_told(answer: Answer, wait: timedelta) -> None:
    async with platform(answer) as url:
        found = await failure(url, Post("hello"))
    assert isinstance(found, RateLimited)
    assert found.retry_after == wait


@pytest.mark.parametrize(
    "operation", [Revise("5", Post("x")), Erase("5"), React("5", None), Emote("5", ""), Typing()]
)
async def test_a_lost_response_to_a_repeatable_call_is_platform_down(
    operation: Operation,
) -> None:
    async with platform(hangs_up) as url:
        assert isinstance(await failure(url, operation), PlatformDown)


async def test_nobody_listening_is_a_platform_that_is_down(free_port: int) -> None:
    assert isinstance(await failure(f"http://127.0.0.1:{free_port}", Post("hello")), PlatformDown)


async def test_a_group_that_moved_is_followed_and_its_new_id_told() -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        if (await request.post())["chat_id"] == "11":
            return await says(400, "Bad Request: group chat was upgraded", migrate_to_chat_id=-1005)(request)
        chat = {"id": -1005, "type": "supergroup", "title": "Desk"}
        message = {"message_id": 8, "date": 1, "chat": chat, "text": "hello"}
        return web.Response(body=json.dumps({"ok": True, "result": message}).encode())

    async with platform(answer) as url:
        account = connector(url)
        assert await account.send(outbound(11, Post("hello"))) == Sent(message="8", chat="-1005")
        await account.close()


@pytest.mark.parametrize(
    ("answer", "error", "sentence"),
    [
        (says(401, "Unauthorized"), AccountSuspended, "make a new one with @BotFather"),
        (says(429, "Too Many Requests", retry_after=7), RateLimited, "try again later"),
        (raw(502, "<html>Bad Gateway</html>"), PlatformDown, "cannot be reached now"),
        (hangs_up, PlatformDown, "cannot be reached now"),
    ],
)
async def test_a_check_that_fails_says_so_in_a_sentence(
    answer: Answer, error: type[SendError], sentence: str
) -> None:
    async with platform(answer) as url:
        account = connector(url)
        with pytest.raises(error, match=sentence) as caught:
            await account.check()
        await account.close()
    assert sentence in caught.value.reason
