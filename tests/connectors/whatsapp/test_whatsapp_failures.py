"""Refusals of WhatsApp, and what is told to staff about them."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from bot.core.errors import (
    AccountSuspended,
    PlatformDown,
    RateLimited,
    Refused,
    SendError,
    SettingsError,
    Unreachable,
    WindowClosed,
)
from bot.core.outbound import Post, Typing
from connectors.whatsapp.failures import TABLE, meaning
from tests.connectors.meta.graph_server import refuses, sends
from tests.connectors.whatsapp.rig import NUMBER, Desk, connector, outbound

MESSAGES = f"POST /{NUMBER}/messages"


async def refused(desk: Desk) -> SendError:
    with pytest.raises(SendError) as raised:
        await desk.connector.send(outbound(Post("the words of a customer")))
    return raised.value


CODES = [
    (131047, WindowClosed),
    (131026, Unreachable),
    (131051, Refused),
    (131053, Refused),
    (132001, Refused),
    (100, Refused),
    (987654, Refused),
    (131056, RateLimited),
    (130429, RateLimited),
    (131048, AccountSuspended),
    (80007, RateLimited),
    (4, RateLimited),
    (368, AccountSuspended),
    (131031, AccountSuspended),
    (131042, AccountSuspended),
    (133010, AccountSuspended),
    (190, AccountSuspended),
    (10, AccountSuspended),
    (200, AccountSuspended),
    (294, AccountSuspended),
    (1, PlatformDown),
    (2, PlatformDown),
    (131000, PlatformDown),
    (131016, PlatformDown),
]


@pytest.mark.parametrize(("code", "expected"), CODES)
async def test_each_code_is_the_error_that_the_bus_acts_on(
    desk: Desk, code: int, expected: type[SendError]
) -> None:
    desk.graph.on(MESSAGES, refuses(code, error_data={"details": "about +16505551234"}))
    failure = await refused(desk)
    assert type(failure) is expected
    assert failure.reason.startswith(f"{code}: ")
    assert not any(secret in failure.reason for secret in ("words", "16505551234", "TOKEN"))


async def test_a_code_may_hide_behind_a_general_one(desk: Desk) -> None:
    desk.graph.on(MESSAGES, refuses(100, error_subcode=133010))
    assert isinstance(await refused(desk), AccountSuspended)


async def test_a_server_in_trouble_is_tried_again(desk: Desk) -> None:
    desk.graph.on(MESSAGES, sends(b"", 500), refuses(987654, 503), refuses(987654, is_transient=True))
    for _ in range(3):
        assert isinstance(await refused(desk), PlatformDown)


async def test_the_pair_limit_is_waited_for_longer_each_time(desk: Desk) -> None:
    desk.graph.on(MESSAGES, refuses(131056))
    failure = await refused(desk)
    assert isinstance(failure, RateLimited)
    assert (failure.retry_after, failure.growth) == (timedelta(seconds=4), 4.0)


@pytest.mark.parametrize("code", [130472, 131049, 131050, 131062, 130497, 131030])
async def test_a_customer_who_may_not_get_one_message_can_still_be_written_to(desk: Desk, code: int) -> None:
    """Meta holds back a template, or lets a number write to a few: the customer has not blocked us."""
    desk.graph.on(MESSAGES, refuses(code))
    assert type(await refused(desk)) is Refused


async def test_a_number_that_people_complained_of_is_a_matter_for_people(desk: Desk) -> None:
    desk.graph.on(MESSAGES, refuses(131048))
    failure = await refused(desk)
    assert (type(failure), failure.retry_after) == (AccountSuspended, timedelta(hours=1))


async def test_a_refused_typing_is_an_error_like_any_other(desk: Desk) -> None:
    desk.graph.on(MESSAGES, refuses(131009))
    with pytest.raises(Refused):
        await desk.connector.send(outbound(Typing(seen="wamid.A")))


def test_every_code_that_others_know_is_classified_on_purpose(shared_dir: Path) -> None:
    known = json.loads((shared_dir / "wire" / "whatsapp" / "error_codes.from-pywa.json").read_text())
    codes = {code for entry in known for code in entry["codes"]}
    assert len(codes) > 100
    assert {code for code in codes if code not in TABLE} == set()
    for entry in known:
        for code in entry["codes"]:
            failure = meaning(code)
            assert failure is not None
            if entry["base"] == ["ThrottlingError"] and code not in (131048, 131064):
                assert isinstance(failure, RateLimited), entry["name"]
            if entry["base"] == ["AuthorizationError"]:
                assert isinstance(failure, AccountSuspended), entry["name"]


def test_a_sentence_for_staff_is_one_sentence() -> None:
    for code, verdict in TABLE.items():
        assert 10 < len(verdict.words) < 110, code
        assert not verdict.words.endswith("."), code


@pytest.mark.parametrize("missing", ["access_token", "app_secret", "verify_token"])
def test_an_account_without_its_secrets_is_a_mistake_in_the_settings(missing: str) -> None:
    secrets = {"access_token": "a", "app_secret": "b", "verify_token": "c"}
    with pytest.raises(SettingsError, match=missing):
        connector(secrets=secrets | {missing: ""})
    with pytest.raises(SettingsError, match="phone_number_id"):
        connector(options={})
