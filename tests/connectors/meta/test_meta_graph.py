"""The Graph API: what is asked, what an answer means, and what silence means."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from bot.app.embedded.server_files import free_port
from bot.core.errors import (
    AccountSuspended,
    OutcomeUnknown,
    PlatformDown,
    RateLimited,
    Refused,
    SendError,
)
from connectors.meta import Graph, GraphError, Meaning, Upload, as_send_error
from tests.connectors.meta.graph_server import (
    GraphServer,
    graph_server,
    hangs_up,
    refuses,
    says,
    sends,
)


@pytest.fixture
async def server() -> AsyncIterator[GraphServer]:
    async with graph_server() as running:
        yield running


@pytest.fixture
async def graph(server: GraphServer) -> AsyncIterator[Graph]:
    made = Graph("TOKEN", server.url, app_secret="secret")
    yield made
    await made.close()


async def pieces(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


async def test_the_token_travels_in_a_header_and_the_proof_beside_it(
    server: GraphServer, graph: Graph
) -> None:
    server.on("GET /123", says({"id": "123"}))
    answer = await graph.get("123", fields="id")
    assert answer.text("id") == "123"
    asked = server.last()
    assert asked.headers["authorization"] == "Bearer TOKEN"
    assert asked.query["fields"] == "id"
    assert len(asked.query["appsecret_proof"]) == 64
    assert "TOKEN" not in str(asked.query)


async def test_a_refusal_keeps_what_meta_said(server: GraphServer, graph: Graph) -> None:
    server.on("POST /1/messages", refuses(131047, error_subcode=7, error_data={"details": "too late"}))
    with pytest.raises(GraphError) as raised:
        await graph.post("1/messages", {})
    error = raised.value
    assert (error.status, error.code, error.subcode, error.fbtrace) == (400, 131047, 7, "A1")
    assert error.details == "too late"
    assert "said by Meta" not in str(error)  # it may quote what we sent


async def test_a_post_without_an_answer_may_have_been_done(server: GraphServer, graph: Graph) -> None:
    server.on("POST /1/messages", hangs_up)
    with pytest.raises(OutcomeUnknown):
        await graph.post("1/messages", {})
    with pytest.raises(PlatformDown):
        await graph.post("1/messages", {}, repeatable=True)


@pytest.mark.parametrize("answer", [sends(b"<html>"), sends(b"[1]"), sends(b'{"a":' + b"[" * 3_000_000)])
async def test_an_answer_that_cannot_be_read_leaves_the_outcome_open(
    server: GraphServer, graph: Graph, answer: object
) -> None:
    server.on("*", answer)  # type: ignore[arg-type]
    with pytest.raises(OutcomeUnknown):
        await graph.post("1/messages", {})
    with pytest.raises(PlatformDown):
        await graph.get("1")


async def test_a_server_in_trouble_did_nothing_but_a_gateway_may_have(
    server: GraphServer, graph: Graph
) -> None:
    server.on("*", sends(b"", 503), sends(b"", 504))
    with pytest.raises(PlatformDown):
        await graph.post("1/messages", {})
    with pytest.raises(OutcomeUnknown):
        await graph.post("1/messages", {})


async def test_nobody_there_is_a_platform_that_is_down() -> None:
    graph = Graph("TOKEN", f"http://127.0.0.1:{free_port()}")
    with pytest.raises(PlatformDown, match="not_connected"):
        await graph.post("1/messages", {})
    await graph.close()


async def test_a_200_with_an_error_in_it_is_an_error(server: GraphServer, graph: Graph) -> None:
    server.on("*", refuses(100, 200))
    with pytest.raises(GraphError):
        await graph.post("1/messages", {})


async def test_a_file_is_sent_with_its_length(server: GraphServer, graph: Graph) -> None:
    server.on("POST /1/media", says({"id": "77"}))
    file = Upload(pieces(b"ab", b"cd"), "image/png", 'a "b".png', max_bytes=10)
    answer = await graph.upload("1/media", {"type": "image/png"}, file)
    assert answer.id("id") == "77"
    asked = server.last()
    assert asked.body == {"type": "image/png", "file": ("a _b_.png", "image/png", b"abcd")}
    assert asked.length is not None


async def test_a_file_too_large_or_empty_is_not_sent(server: GraphServer, graph: Graph) -> None:
    for chunks in ((b"123456", b"789012"), (b"",)):
        with pytest.raises(Refused):
            await graph.upload("1/media", {}, Upload(pieces(*chunks), "image/png", "a", max_bytes=10))
    assert server.asked == []


async def test_a_file_that_breaks_off_is_not_sent(server: GraphServer, graph: Graph) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"abc"
        raise PlatformDown("files_away")

    with pytest.raises(PlatformDown, match="files_away"):
        await graph.upload("1/media", {}, Upload(broken(), "image/png", "a", max_bytes=10))
    assert server.asked == []


async def test_a_file_is_streamed_up_to_its_limit(server: GraphServer, graph: Graph) -> None:
    server.on("GET /a", sends(b"x" * 1000))
    url = f"{server.url}/files/a"
    assert b"".join([piece async for piece in graph.stream(url, max_bytes=1000)]) == b"x" * 1000
    assert server.last().headers["authorization"] == "Bearer TOKEN"
    assert b"".join([piece async for piece in graph.stream(url, max_bytes=1000, with_token=False)])
    assert "authorization" not in server.last().headers
    with pytest.raises(Refused, match="too_large"):
        assert [piece async for piece in graph.stream(url, max_bytes=999)]


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/a",
        "http://lookaside.fbsbx.com/a",
        "https://fbsbx.com.evil.example/a",
        "https://notfbsbx.com/a",
        "file:///etc/passwd",
        "http://[::1",
        "http://127.0.0.1:1/a",
        "",
    ],
)
async def test_the_token_goes_nowhere_but_to_meta(graph: Graph, url: str) -> None:
    assert not graph.is_meta(url)
    with pytest.raises(Refused, match="elsewhere"):
        assert [piece async for piece in graph.stream(url, max_bytes=10)]


def test_meta_keeps_files_on_hosts_of_its_own() -> None:
    graph = Graph("TOKEN")
    assert graph.is_meta("https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid=1")
    assert graph.is_meta("https://scontent.xx.fbcdn.net/v/t45")


async def test_how_long_to_wait_is_read_from_the_headers(server: GraphServer, graph: Graph) -> None:
    usage = json.dumps({"1": [{"type": "whatsapp", "estimated_time_to_regain_access": 3}]})
    server.on(
        "*",
        says({"error": {"code": 80007}}, 429, Retry_After="17"),
        says({"error": {"code": 80007}}, 400, X_Business_Use_Case_Usage=usage),
        says({"error": {"code": 80007}}, 400, X_Business_Use_Case_Usage="{"),
    )
    waits = []
    for _ in range(3):
        with pytest.raises(GraphError) as raised:
            await graph.post("1/messages", {})
        waits.append(raised.value.retry_after)
    assert waits == [timedelta(seconds=17), timedelta(minutes=3), None]


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (GraphError(400, 190), AccountSuspended),
        (GraphError(401, 0), AccountSuspended),
        (GraphError(403, 294), AccountSuspended),
        (GraphError(400, 0), Refused),
        (GraphError(400, 4), RateLimited),
        (GraphError(429, 0), RateLimited),
        (GraphError(400, 2), PlatformDown),
        (GraphError(500, 987654), PlatformDown),
        (GraphError(400, 987654, transient=True), PlatformDown),
        (GraphError(400, 987654), Refused),
    ],
)
def test_codes_that_all_of_meta_shares(error: GraphError, expected: type[SendError]) -> None:
    failure = as_send_error(error, {})
    assert type(failure) is expected
    assert failure.reason.startswith(("http_", str(error.code)))


def test_a_channel_knows_better_than_all_of_meta() -> None:
    table = {4: Meaning(Refused, "never")}
    assert type(as_send_error(GraphError(400, 4), table)) is Refused
