"""`desk channels` and the page that is made of it."""

from pathlib import Path

import pytest

from bot.app.channels import CHANNELS
from bot.commands.channels import PAGE, RENDER, length, size
from tests.commands.conftest import Chats, Desks
from tests.commands.telling import Told

ROOT = Path(__file__).resolve().parents[2]


def test_the_page_is_what_the_command_prints(desk: Desks) -> None:
    printed = desk("channels", "--markdown")
    assert printed.code == 0
    assert (ROOT / PAGE).read_text("utf-8") == printed.out, f"a channel has changed: run `{RENDER}`"


def test_every_channel_is_listed_with_its_limits_and_secrets(desk: Desks) -> None:
    told = {one["channel"]: one for one in desk("channels", "--json").data}
    assert set(told) == set(CHANNELS)
    whatsapp = told["whatsapp"]
    assert (whatsapp["buttons"], whatsapp["button_label"], whatsapp["list_rows"]) == (3, 20, 10)
    assert whatsapp["window_seconds"] == 24 * 3600
    assert whatsapp["modes"][0]["secrets"] == ["access_token", "app_secret", "verify_token"]


def test_one_channel_is_told_alone(desk: Desks) -> None:
    out = desk("channels", "WhatsApp").out
    assert "3, of 20 characters" in out
    assert "24 h" in out
    assert "Telegram" not in out
    went = desk("channels", "icq")
    assert went.code == 2
    assert "There is no channel `icq`. There is `telegram`" in went.err


async def test_staff_can_ask_in_chat(say: Chats, told: Told) -> None:
    answer = await say("channels messenger", "carla")
    assert "free text after their last word 24 h, people 7 days" in answer


@pytest.mark.parametrize(
    ("count", "told"),
    [
        (500 * 1024, "500 KB"),
        (5 * 1024**2, "5 MB"),
        (18_000_000, "18 MB"),
        (10**9, "1 GB"),
        (100, "100 bytes"),
    ],
)
def test_sizes_are_told_as_the_platforms_round_them(count: int, told: str) -> None:
    assert size(count) == told


def test_spans_are_told_in_hours_or_days() -> None:
    windows = {kind.capabilities.window and length(kind.capabilities.window) for kind in CHANNELS.values()}
    assert windows == {None, "24 h"}
    people = CHANNELS["messenger"].capabilities.human_window
    assert people is not None
    assert length(people) == "7 days"
