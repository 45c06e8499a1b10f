"""Signatures of Meta's webhooks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.connector import RawRequest
from bot.core.errors import ForgedRequest, MalformedPayload
from connectors.meta import challenge, decode, sign, verify

SECRET = "an-app-secret"


def test_a_request_that_meta_signed_is_let_in() -> None:
    body = '{"a": "é"}'.encode()
    verify(RawRequest({"x-hub-signature-256": sign(SECRET, body)}, body), SECRET)


def test_the_signature_is_what_openssl_makes_of_it() -> None:
    # printf '{}' | openssl dgst -sha256 -hmac an-app-secret
    expected = "e986e3ab012daacff0db6cf319106804d2a920ab9e484334bd7312dca27d7a5a"
    assert sign(SECRET, b"{}") == f"sha256={expected}"


@pytest.mark.parametrize("secret", ["", "another", SECRET])
@given(signature=st.text(max_size=80), body=st.binary(max_size=80))
def test_anything_else_is_forged(secret: str, signature: str, body: bytes) -> None:
    with pytest.raises(ForgedRequest):
        verify(RawRequest({"x-hub-signature-256": signature}, body), secret)


def test_without_a_secret_nobody_is_let_in() -> None:
    with pytest.raises(ForgedRequest):
        verify(RawRequest({"x-hub-signature-256": sign("", b"{}")}, b"{}"), "")


def asked(**query: str) -> RawRequest:
    return RawRequest({}, b"", "GET", {name.replace("_", ".", 1): value for name, value in query.items()})


def test_the_challenge_is_echoed_as_plain_text() -> None:
    answer = challenge(
        asked(hub_mode="subscribe", hub_verify_token="v", hub_challenge="<script>1158201444"), "v"
    )
    assert (answer.status, answer.body, answer.content_type) == (200, b"<script>1158201444", "text/plain")


@pytest.mark.parametrize(
    ("query", "token"),
    [
        ({"hub_mode": "subscribe", "hub_verify_token": "w", "hub_challenge": "1"}, "v"),
        ({"hub_mode": "unsubscribe", "hub_verify_token": "v", "hub_challenge": "1"}, "v"),
        ({"hub_mode": "subscribe", "hub_challenge": "1"}, "v"),
        ({"hub_mode": "subscribe", "hub_verify_token": "", "hub_challenge": "1"}, ""),
        ({"hub_mode": "subscribe", "hub_verify_token": "é", "hub_challenge": "1"}, "v"),
        ({}, "v"),
    ],
)
def test_a_wrong_question_is_forged(query: dict[str, str], token: str) -> None:
    with pytest.raises(ForgedRequest):
        challenge(asked(**query), token)


@pytest.mark.parametrize(
    "body", [b"", b"null", b"[]", b"\xff", b'{"a":', b"[" * 100_000, '{"a":1}'.encode("utf-16")]
)
def test_nonsense_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedPayload):
        decode(body)
