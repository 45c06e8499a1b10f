"""The view of operators: health, readiness, figures and logs, and what they must never see there."""

import asyncio
import io
import json
import logging
import re
from collections.abc import Iterator

import aiohttp
import pytest
import structlog

from bot.app.logs import configure
from bot.app.settings import LogLevel
from connectors.sandbox.faults import Mischief
from tests.story.rig import rig, until, webhooks
from tests.webhooks.conftest import Webhooks, dumped, update

CHANNEL = "billing-escalations"


async def test_healthz_says_that_the_process_lives(webhooks: Webhooks) -> None:
    async with webhooks.client.get(f"{webhooks.base}/healthz") as response:
        assert (response.status, await response.json()) == (200, {"status": "alive"})


async def test_readyz_tells_of_the_database_redis_and_every_account(webhooks: Webhooks) -> None:
    async with webhooks.client.get(f"{webhooks.base}/readyz") as response:
        assert response.status == 200
        told = await response.json()
    accounts = {(one["channel"], one["account"]): one["state"] for one in told.pop("accounts")}
    assert told == {"database": "up", "redis": "off", "problem": None}
    assert accounts == {("telegram", "telegram"): "open", ("slack", "slack"): "open"}


async def test_metrics_count_what_was_accepted_known_and_refused(webhooks: Webhooks) -> None:
    names = ('desk_accepted_total{channel="telegram"}', "desk_duplicates_total{}")
    before = await webhooks.metrics()
    body = dumped(update(1))
    assert [await webhooks.telegram(body) for _ in range(3)] == [200] * 3
    after = await webhooks.metrics()
    assert [after[name] - before.get(name, 0.0) for name in names] == [3.0, 2.0]
    async with webhooks.client.get(f"{webhooks.base}/metrics") as response:
        lines = (await response.text()).splitlines()
    named = {line.split()[2] for line in lines if line.startswith("# HELP desk_")}
    assert named >= {
        *("desk_accepted_total", "desk_duplicates_total", "desk_ignored_total", "desk_refused_total"),
        *("desk_turns_total", "desk_stage_seconds", "desk_deliveries_total", "desk_dead_letters"),
        *("desk_escalations_waiting", "desk_escalations_oldest_seconds"),
        *("desk_outbox_waiting", "desk_outbox_oldest_seconds", "desk_conversations_ready"),
    }


@pytest.mark.long
async def test_metrics_tell_of_escalations_that_nobody_has_taken(database_url: str, redis_url: str) -> None:
    async with rig(database_url, redis_url) as r, aiohttp.ClientSession() as session:

        async def until_they_say(waiting: str, age: str) -> None:
            async with asyncio.timeout(120):
                while True:
                    async with session.get(f"http://127.0.0.1:{r.settings.port}/metrics") as response:
                        lines = (await response.text()).splitlines()
                    told = dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
                    if told["desk_escalations_waiting"] == waiting and re.fullmatch(
                        age, told["desk_escalations_oldest_seconds"]
                    ):
                        return
                    await asyncio.sleep(0.1)

        r.phone.say(r.maya, "I was charged twice this month")
        await until(lambda: r.threads(CHANNEL), what="a card")
        await until_they_say("1.0", r"\d*[1-9]\d*\.\d+|0\.0*[1-9]\d*")
        await r.press("hugo", CHANNEL, r.card(CHANNEL), "take")
        await until_they_say("0.0", r"0\.0")


@pytest.mark.long
async def test_an_account_nobody_owns_is_refused_and_counted(webhooks: Webhooks) -> None:
    counted, before = await webhooks.refused("account.unknown"), await webhooks.rows()
    assert await webhooks.post("/hooks/telegram/another", dumped(update(1)), {}) == 404
    assert await webhooks.post("/hooks/slack/another/events", b"{}", {}) == 404
    assert await webhooks.refused("account.unknown") - counted == 2
    await webhooks.database.execute("update accounts set active = false where channel = 'telegram'")
    await webhooks.database.execute(
        "update organizations set changed_in = pg_current_xact_id()::text::bigint"
    )
    await webhooks.services.directory.refresh()
    assert await webhooks.telegram(dumped(update(1))) == 404
    assert await webhooks.refused("account.unknown") - counted == 3
    assert await webhooks.rows() == before


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """Everything that is logged, at the most talkative level there is."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    configure(LogLevel.DEBUG, stream=stream, pretty=False)
    yield stream
    structlog.reset_defaults()
    logging.captureWarnings(False)
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.mark.long
@pytest.mark.parametrize("changes", [(), (webhooks,)], ids=["polling and a socket", "webhooks"])
async def test_the_logs_of_a_whole_story_hold_no_words_names_addresses_or_tokens(
    database_url: str, redis_url: str, logged: io.StringIO, changes: tuple[object, ...]
) -> None:
    async with rig(database_url, redis_url, *changes) as r:  # type: ignore[arg-type]
        for kind in (Mischief.SERVER_ERROR, Mischief.RATE_LIMITED):
            r.sandbox.faults.add("telegram", kind, pattern="sendMessage", count=1)
            r.sandbox.faults.add("slack", kind, pattern="chat.postMessage", count=1)
        r.phone.say(r.maya, "I was charged twice, write to maya@fischer.example or +49 170 5550123")
        await until(lambda: r.threads(CHANNEL) and r.heard(), what="a card")
        ts = r.card(CHANNEL)
        await r.press("hugo", CHANNEL, ts, "take")
        await until(lambda: any("has taken this" in text for text in r.in_thread(CHANNEL, ts)))
        r.slack.post_as("hugo", CHANNEL, "Pineapple refunded", thread_ts=ts)
        await until(lambda: "Pineapple refunded" in r.heard(), what="the person's answer")
        r.sandbox.faults.add("telegram", Mischief.LOST_RESPONSE, pattern="sendMessage", count=1)
        r.slack.post_as("hugo", CHANNEL, "Mango refunded", thread_ts=ts)
        await until(lambda: any("not certain" in text for text in r.in_thread(CHANNEL, ts)))
        await r.slack.slash("hugo", CHANNEL, "/desk", "conversations Strawberry")
        await r.press("hugo", CHANNEL, ts, "return")
        await until(lambda: "anything else" in r.heard()[-1], what="the agent is back")
        people = [str(user.id) for user in r.phone.users()]
        known = r.sandbox.credentials
        secrets = (
            known.telegram_token,
            known.slack_bot_token,
            known.slack_app_token,
            known.slack_signing_secret,
            r.settings.environ["TELEGRAM_WEBHOOK_SECRET"],
            r.settings.environ["ENCRYPTION_KEY"],
        )
    lines = logged.getvalue()
    assert all(json.loads(line) for line in lines.splitlines())
    assert '"not delivered"' in lines  # what the faults did is told
    words = ("charged", "maya", "fischer", "5550123", "hugo", "martin", "pineapple", "mango", "strawberry")
    found = [word for word in (*words, *people, *secrets) if word.casefold() in lines.casefold()]
    assert found == [], [line for line in lines.splitlines() if any(w in line.casefold() for w in found)][:5]
