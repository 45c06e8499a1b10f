"""Webhooks refuse what is not genuine, without an accident and without a trace in the database."""

import gzip
from collections.abc import AsyncIterator, Callable

import pytest

from tests.webhooks.conftest import (
    FORM,
    SECRET_HEADER,
    Webhooks,
    as_form,
    dumped,
    envelope,
    tap,
    update,
)

LIMIT = 4 * 1024 * 1024  # what is read, in bytes


async def test_a_webhook_with_the_right_secret_is_stored_once(webhooks: Webhooks) -> None:
    for _ in range(3):
        assert await webhooks.telegram(dumped(update(1))) == 200
        assert await webhooks.slack(dumped(envelope(1))) == 200
    assert await webhooks.stored("telegram") == [webhooks.key("telegram", "1")]
    assert await webhooks.stored("slack") == [webhooks.key("slack", "Ev1")]


async def test_a_wrong_secret_of_telegram_is_refused_and_leaves_no_trace(webhooks: Webhooks) -> None:
    before, counted = await webhooks.rows(), await webhooks.refused("request.forged")
    secrets = [None, "", "x", "test-webhook-secre", "TEST-WEBHOOK-SECRET", "é", "x" * 4000]
    body = dumped(update(1))
    assert [await webhooks.telegram(body, secret=secret) for secret in secrets] == [401] * len(secrets)
    nonsense = [b"", b"{", b"\xff" * 100, b"[" * 50_000]
    assert [await webhooks.telegram(body, secret="wrong") for body in nonsense] == [401] * len(nonsense)
    assert await webhooks.rows() == before
    assert await webhooks.refused("request.forged") - counted == len(secrets) + len(nonsense)


@pytest.mark.long
@pytest.mark.parametrize("path", ["events", "interactions", "commands"])
async def test_a_forged_signature_of_slack_is_refused_and_leaves_no_trace(
    webhooks: Webhooks, path: str
) -> None:
    before, counted = await webhooks.rows(), await webhooks.refused("request.forged")
    body = dumped(envelope(1)) if path == "events" else as_form(tap(1))
    kind = "application/json" if path == "events" else FORM
    good = webhooks.slack_headers(body, kind)
    signature, timestamp = good["X-Slack-Signature"], good["X-Slack-Request-Timestamp"]
    forged = [
        {"Content-Type": kind},
        {**good, "X-Slack-Signature": ""},
        {**good, "X-Slack-Signature": signature[:-1]},
        {**good, "X-Slack-Signature": signature.upper()},
        {**good, "X-Slack-Signature": signature.replace("v0=", "v1=")},
        {**good, "X-Slack-Signature": "é" * 70},
        {**good, "X-Slack-Request-Timestamp": ""},
        {**good, "X-Slack-Request-Timestamp": "now"},
        {**good, "X-Slack-Request-Timestamp": "²" * 10},
        {**good, "X-Slack-Request-Timestamp": "9" * 400},
        {**good, "X-Slack-Request-Timestamp": f"-{timestamp}"},
        {**good, "X-Slack-Request-Timestamp": str(int(timestamp) + 1)},
        webhooks.slack_headers(body, kind, secret="another"),
        webhooks.slack_headers(body, kind, late=301),
        webhooks.slack_headers(body, kind, late=-400),
        webhooks.slack_headers(body + b" ", kind),
    ]
    statuses = [await webhooks.post(webhooks.slack_path(path), body, headers) for headers in forged]
    assert statuses == [401] * len(forged)
    assert await webhooks.rows() == before
    assert await webhooks.refused("request.forged") - counted == len(forged)


BODIES: dict[str, bytes] = {
    "empty": b"",
    "truncated": dumped(update(1))[:-20],
    "not UTF-8": b'{"update_id": 1, "message": "\xff\xfe"}',
    "UTF-16": '{"update_id": 1}'.encode("utf-16"),
    "a list": b"[]",
    "a number": b"1",
    "null": b"null",
    "deeply nested": b'{"update_id": 1, "message": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "deeply nested objects": b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
    "a huge number": b'{"update_id": ' + b"9" * 10_000 + b"}",
    "two values": b"{}{}",
}


@pytest.mark.long
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
async def test_nonsense_with_a_right_secret_is_a_bad_request(webhooks: Webhooks, body: bytes) -> None:
    before, counted = await webhooks.rows(), await webhooks.refused("request.malformed")
    assert await webhooks.telegram(body) == 400
    assert await webhooks.slack(body) == 400
    assert await webhooks.slack(b"payload=" + body.replace(b"&", b"%26"), "interactions", FORM) == 400
    assert await webhooks.refused("request.malformed") - counted == 3
    assert await webhooks.rows() == before


async def test_the_last_of_two_equal_keys_in_a_body_counts(webhooks: Webhooks) -> None:
    body = dumped(update(7)).replace(b'{"update_id": 7', b'{"update_id": 6, "update_id": 7', 1)
    assert await webhooks.telegram(body) == 200
    assert await webhooks.stored("telegram") == [webhooks.key("telegram", "7")]


async def test_numbers_beyond_what_a_database_keeps_are_no_accident(webhooks: Webhooks) -> None:
    for number in (2**63, 2**64, 10**30, -(2**63) - 1):
        assert await webhooks.telegram(dumped({**update(1), "update_id": number})) in (200, 400)
        assert await webhooks.telegram(dumped(update(2, date=number))) == 400
        assert await webhooks.slack(dumped({**envelope(3), "event_time": number})) == 200
    for literal in (b"1e400", b"NaN", b"-Infinity", b"1.5"):
        assert await webhooks.telegram(dumped(update(8)).replace(b": 8", b": " + literal)) in (200, 400)


@pytest.mark.long
@pytest.mark.parametrize("chunked", [False, True], ids=["with its length", "in chunks"])
async def test_a_body_over_four_mebibytes_is_refused(webhooks: Webhooks, chunked: bool) -> None:
    before, counted = await webhooks.rows(), await webhooks.refused("request.too_large")
    body = dumped(update(1, text="x" * (LIMIT + 1)))

    async def pieces() -> AsyncIterator[bytes]:
        for at in range(0, len(body), 64 * 1024):
            yield body[at : at + 64 * 1024]

    made: Callable[[], object] = pieces if chunked else lambda: body
    headers = {SECRET_HEADER: "test-webhook-secret", "Content-Type": "application/json"}
    assert await webhooks.post(webhooks.telegram_path, made(), headers) == 413
    assert await webhooks.post(webhooks.slack_path(), made(), webhooks.slack_headers(body)) == 413
    assert await webhooks.rows() == before
    assert await webhooks.refused("request.too_large") - counted == 2


@pytest.mark.long
async def test_a_body_of_just_four_mebibytes_is_read(webhooks: Webhooks) -> None:
    frame = dumped(envelope(1, text=""))
    body = dumped(envelope(1, text="x" * (LIMIT - len(frame))))
    assert len(body) == LIMIT
    assert await webhooks.slack(body) == 200
    assert await webhooks.slack(body + b" ") == 413


async def test_a_request_that_breaks_off_leaves_no_trace(webhooks: Webhooks) -> None:
    before = await webhooks.rows()
    body = dumped(update(1))
    secret = f"{SECRET_HEADER}: test-webhook-secret"
    head = f"POST {webhooks.telegram_path} HTTP/1.1\r\nHost: desk\r\n{secret}\r\n".encode()
    half = head + f"Content-Length: {len(body)}\r\n\r\n".encode() + body[:-5]
    chunk = head + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % len(body) + body[:-5]
    bad_chunk = head + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n" + body
    packed = head + b"Content-Encoding: gzip\r\n" + f"Content-Length: {len(body)}\r\n\r\n".encode() + body
    statuses = [
        await webhooks.raw(half, then_close=True),
        await webhooks.raw(chunk, then_close=True),
        await webhooks.raw(bad_chunk, then_close=True),
        await webhooks.raw(packed),
        await webhooks.raw(b"\x16\x03\x01\x02\x00\x01\x00" + b"\x00" * 200, then_close=True),
    ]
    assert all(status < 500 for status in statuses), statuses
    assert await webhooks.rows() == before
    assert await webhooks.telegram(body) == 200  # and the webhooks still stands


@pytest.mark.long
async def test_a_small_body_that_unpacks_to_a_large_one_is_refused(webhooks: Webhooks) -> None:
    before = await webhooks.rows()
    body = gzip.compress(dumped(update(1, text="x" * 20 * LIMIT)))
    headers = {SECRET_HEADER: "test-webhook-secret", "Content-Encoding": "gzip"}
    assert await webhooks.post(webhooks.telegram_path, body, headers) == 413
    assert await webhooks.rows() == before


async def test_other_methods_and_paths_are_refused(webhooks: Webhooks) -> None:
    before = await webhooks.rows()
    counted = await webhooks.refused("request.method"), await webhooks.refused("account.unknown")
    body = dumped(update(1))
    for method in ("GET", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"):
        for path in (webhooks.telegram_path, webhooks.slack_path()):
            async with webhooks.client.request(method, webhooks.base + path, data=body) as response:
                assert response.status == 405
    paths = (
        "x",
        "telegram",
        "telegram/nobody",
        "telegram/telegram/",
        "slack",
        "slack/x",
        "slack/slack/events",
    )
    odd = ("telegram/..%2Ftelegram", "%00", "x" * 3000, "telegram/%ff", "telegram/é")
    headers = {SECRET_HEADER: "test-webhook-secret", "Content-Type": "application/json"}
    for path in (*paths, *odd):
        assert await webhooks.post(f"/hooks/{path}", body, headers) == 404, path
    assert await webhooks.post("/", body, headers) in (404, 405)
    assert await webhooks.rows() == before
    assert await webhooks.refused("request.method") - counted[0] == 12
    assert await webhooks.refused("account.unknown") - counted[1] == len(paths) + len(odd)
