"""`desk accounts`: what there is, and what the platforms say to it."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import text

from bot.app.embedded.server_files import Lock
from bot.app.instance import Instance, InstanceFile
from bot.commands import accounts
from bot.commands.arguments import bind
from bot.commands.desk import Desk
from bot.core.commands import Call, shell_of
from connectors.sandbox.telegram import TelegramStandIn
from tests.commands.conftest import Chats, Desks
from tests.commands.telling import Told
from tests.connectors.telegram.rig import TOKEN, served


@pytest.fixture
async def telegram() -> AsyncIterator[str]:
    """The address of a platform on which the bot is known by TOKEN."""
    async with served(TelegramStandIn(TOKEN, "brightdesk_bot")) as url:
        yield url


def test_the_accounts_are_listed_with_the_process_that_listens(desk: Desks, story: Told) -> None:
    told = {one["account"]: one for one in desk("accounts", "--json").data}
    telegram, slack = told["telegram"], told["slack"]
    assert (telegram["serves"], telegram["mode"], telegram["state"]) == (
        "customers",
        "polling",
        "nobody listens",
    )
    assert (slack["serves"], slack["mode"], slack["state"]) == ("staff", "socket", "nobody listens")
    assert desk("accounts").out == desk("accounts", "list").out


async def test_the_process_that_fetches_is_named_while_it_does(
    say: Chats, chat_desk: Desk, told: Told
) -> None:
    async with chat_desk.database.begin() as connection:
        await connection.execute(
            text(
                "update accounts set leader = 'host:7', leader_until = now() + make_interval(secs =>"
                " case account when 'telegram' then 60 else -60 end)"
            )
        )
    answer = await say("accounts")
    assert "mode polling · state heard by host:7" in answer
    assert "mode socket · state nobody listens" in answer


async def test_the_platform_says_as_whom_an_account_works(
    desk: Desks, told: Told, telegram: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TELEGRAM_API_URL", telegram)
    monkeypatch.setenv("TELEGRAM_BOT_TOKEN", TOKEN)
    monkeypatch.delenv("SLACK_BOT_TOKEN", raising=False)
    good = await asyncio.to_thread(desk, "accounts", "check", "telegram")
    assert (good.code, "Works as @brightdesk_bot." in good.out) == (0, True)
    every = await asyncio.to_thread(desk, "accounts", "check")
    assert every.code == 1
    assert "The environment variable SLACK_BOT_TOKEN is not set" in every.out
    assert every.out.count("Works as @brightdesk_bot.") == 1


async def test_the_groups_of_the_teams_are_checked_too(
    say: Chats, surroundings: dict[str, str], told: Told
) -> None:
    stand_in = TelegramStandIn(TOKEN, "staff_bot")
    group = stand_in.group("Night Watch")
    async with served(stand_in) as url:
        surroundings |= {"TELEGRAM_API_URL": url, "TELEGRAM_STAFF_BOT_TOKEN": TOKEN}
        assert "Works as @staff_bot" in (await say("accounts check telegram-staff")).replace("\\", "")
        group.settings(manages_topics=False)
        assert "manage topics" in await say("accounts check telegram-staff")


@pytest.mark.long
async def test_a_token_that_the_platform_refuses_is_told_in_one_sentence(
    say: Chats, surroundings: dict[str, str], telegram: str, told: Told
) -> None:
    surroundings |= {"TELEGRAM_API_URL": telegram, "TELEGRAM_BOT_TOKEN": "700000002:another"}
    answer = await say("accounts check telegram", "ben")
    assert "WRONG · what the platform says" in answer
    assert "Works as" not in answer
    assert "700000002" not in answer


async def test_a_platform_that_is_silent_is_not_waited_for(
    chat_desk: Desk, surroundings: dict[str, str], told: Told
) -> None:
    async def silent(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    surroundings |= {"TELEGRAM_API_URL": f"http://127.0.0.1:{port}", "TELEGRAM_BOT_TOKEN": TOKEN}
    check = next(c for c in accounts.commands(chat_desk, patience=0.2) if c.name == "accounts check")
    output = await check.handler(Call(shell_of(told.organization), bind(check, ["telegram"])))
    server.close()
    assert not output.ok
    assert "has not answered within 0.2 s" in output.tables[0].rows[0][-1]


def test_the_addresses_shown_lead_to_the_program_that_runs(
    desk: Desks, story: Told, free_port: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("VAR_DIR", str(tmp_path))
    lock = Lock(tmp_path / "instance.lock")
    lock.take()
    InstanceFile(tmp_path).write(Instance(port=free_port))
    told = {one["account"]: one for one in desk("accounts", "--json").data}
    lock.release()
    assert told["whatsapp"]["address"].startswith(f"http://127.0.0.1:{free_port}/hooks/whatsapp/")
    assert told["whatsapp"]["address"] in told["whatsapp"]["state"]


def test_a_check_of_an_unknown_account_says_so(desk: Desks, story: Told) -> None:
    went = desk("accounts", "check", "icq")
    assert (went.code, went.err) == (1, "desk: There is no account 'icq' in this organization.\n")


def test_accounts_check_asks_the_stand_ins_with_the_option_sandbox(
    desk: Desks, story: Told, free_port: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("VAR_DIR", str(tmp_path))
    alone = desk("accounts", "check", "telegram")
    assert "TELEGRAM_BOT_TOKEN is not set" in alone.out
    nobody = desk("accounts", "check", "telegram", "--sandbox")
    assert nobody.err.startswith(f"desk: no sandbox runs on the data in {tmp_path}: start one")
    lock = Lock(tmp_path / "instance.lock")
    lock.take()
    InstanceFile(tmp_path).write(Instance(port=free_port, mail=(free_port, free_port)))
    sandbox = desk("accounts", "check", "telegram", "--sandbox")
    lock.release()
    assert "is not set" not in sandbox.out
    assert "cannot be reached now" in sandbox.out  # nobody listens on that port
