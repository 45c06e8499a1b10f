"""Updates reach the bot: by webhook or by getUpdates, in order, until they are confirmed."""

import asyncio
import json
from itertools import pairwise

import aiohttp
import pytest
from telegram import InlineKeyboardButton, InlineKeyboardMarkup, Update
from telegram.error import Conflict

from bot.core.errors import CommandError
from connectors.sandbox.telegram import RetryPauses, TelegramStandIn
from tests.sandbox.telegram.conftest import Listener, Rig, running

Hook = tuple[Listener, str]


async def test_a_message_waits_for_get_updates_until_it_is_confirmed(rig: Rig) -> None:
    maya = rig.stand_in.user("Maya")
    rig.stand_in.say(maya, "/start ref42")
    first = await rig.bot.get_updates()
    again = await rig.bot.get_updates()
    assert [each.update_id for each in first] == [each.update_id for each in again]
    assert first[0].message is not None
    assert first[0].message.text == "/start ref42"
    assert first[0].message.entities[0].type == "bot_command"
    assert await rig.bot.get_updates(offset=first[-1].update_id + 1) == ()


async def test_a_long_poll_is_answered_when_something_happens(rig: Rig) -> None:
    maya = rig.stand_in.user("Maya")
    poll = asyncio.create_task(rig.bot.get_updates(timeout=20))
    while not rig.stand_in.polled():  # noqa: ASYNC110
        await asyncio.sleep(0)
    rig.stand_in.say(maya, "hi")
    updates = await poll
    assert [each.message and each.message.text for each in updates] == ["hi"]


async def test_a_second_poll_ends_the_first_and_a_webhook_forbids_both(rig: Rig, listener: Hook) -> None:
    poll = asyncio.create_task(rig.bot.get_updates(timeout=20))
    while not rig.stand_in.polled():  # noqa: ASYNC110
        await asyncio.sleep(0)
    async with aiohttp.ClientSession() as other:  # the library holds one connection for polling
        await other.get(f"{rig.api}/getUpdates")
    with pytest.raises(Conflict, match="other getUpdates"):
        await poll
    await rig.bot.set_webhook(listener[1])
    with pytest.raises(Conflict, match="webhook is active"):
        await rig.bot.get_updates()
    await rig.bot.delete_webhook()
    assert await rig.bot.get_updates() == ()


async def test_the_webhook_gets_the_secret_and_each_chat_in_order(rig: Rig, listener: Hook) -> None:
    heard, url = listener
    await rig.bot.set_webhook(url, secret_token="s3cret", max_connections=8)
    people = [rig.stand_in.user(f"Person {n}") for n in range(5)]
    for n in range(20):
        for person in people:
            rig.stand_in.say(person, str(n))
    await heard.until(100)
    assert set(heard.secrets) == {"s3cret"}
    for person in people:
        mine = [update["message"] for update in heard.updates if update["message"]["chat"]["id"] == person.id]  # type: ignore[index]
        assert [message["text"] for message in mine] == [str(n) for n in range(20)]
    await rig.stand_in.settled()
    assert rig.stand_in.pending() == 0


async def test_an_update_is_posted_again_until_it_is_taken_and_holds_up_only_its_chat(
    rig: Rig, listener: Hook
) -> None:
    heard, url = listener
    maya, kim = rig.stand_in.user("Maya"), rig.stand_in.user("Kim")
    heard.answer = lambda number, update: (
        503 if update["message"]["chat"]["id"] == maya.id and number < 6 else 200  # type: ignore[index]
    )
    await rig.bot.set_webhook(url, max_connections=1)
    rig.stand_in.say(maya, "a1")
    rig.stand_in.say(maya, "a2")
    rig.stand_in.say(kim, "b1")
    await heard.until(3)
    order = [update["message"]["text"] for update in heard.updates]  # type: ignore[index]
    assert order.index("b1") < order.index("a1") < order.index("a2")
    info = await rig.bot.get_webhook_info()
    assert info.last_error_message is not None
    assert "503" in info.last_error_message


async def test_updates_wait_while_nobody_listens(rig: Rig, listener: Hook, unused_tcp_port: int) -> None:
    heard, url = listener
    maya = rig.stand_in.user("Maya")
    await rig.bot.set_webhook(f"http://127.0.0.1:{unused_tcp_port}/hook")
    rig.stand_in.say(maya, "are you there?")
    await rig.bot.set_webhook(url)
    await heard.until(1)
    assert heard.updates[0]["update_id"] == 100_000_001


async def test_duplicates_and_late_copies_come_as_the_fault_plan_says(listener: Hook) -> None:
    class Twice:
        async def before(self, platform: str, call: str) -> None:  # noqa: ARG002
            return None

        def deliveries(self, platform: str, kind: str) -> tuple[float, ...]:  # noqa: ARG002
            return (0.0, 0.01)

    heard, url = listener
    async with running(TelegramStandIn(faults=Twice())) as rig:
        maya = rig.stand_in.user("Maya")
        await rig.bot.set_webhook(url)
        rig.stand_in.say(maya, "hi")
        await heard.until(2)
        assert len({update["update_id"] for update in heard.updates}) == 1  # type: ignore[arg-type]
        await rig.bot.delete_webhook()
        rig.stand_in.say(maya, "again")
        assert [each.update_id for each in await rig.bot.get_updates()] == [100_000_002] * 2


async def test_edits_taps_reactions_and_blocks_are_updates_and_deletions_are_not(rig: Rig) -> None:
    maya = rig.stand_in.user("Maya")
    await rig.bot.get_updates(allowed_updates=Update.ALL_TYPES)
    said = rig.stand_in.say(maya, "helo")
    rig.stand_in.edit(maya, said.message_id, "hello")
    markup = InlineKeyboardMarkup([[InlineKeyboardButton("Yes", callback_data="y")]])
    sent = await rig.bot.send_message(maya.id, "?", reply_markup=markup)
    query = rig.stand_in.tap(maya, sent.message_id, "Yes")
    rig.stand_in.react(maya, sent.message_id, "🔥")
    rig.stand_in.delete(maya, said.message_id)
    rig.stand_in.block(maya)
    with pytest.raises(CommandError, match="blocked the bot"):
        rig.stand_in.say(maya, "x")
    updates = await rig.bot.get_updates(allowed_updates=Update.ALL_TYPES)
    kinds = [next(kind for kind in Update.ALL_TYPES if getattr(each, kind)) for each in updates]
    assert kinds == ["message", "edited_message", "callback_query", "message_reaction", "my_chat_member"]
    assert updates[2].callback_query is not None
    assert updates[2].callback_query.data == "y"
    assert all(one.update_id < two.update_id for one, two in pairwise(updates))
    assert rig.stand_in.tap_answer(query) is None
    await rig.bot.answer_callback_query(query, "Noted")
    answer = rig.stand_in.tap_answer(query)
    assert answer is not None
    assert answer.text == "Noted"


async def test_reactions_are_sent_only_to_bots_that_ask_for_them(rig: Rig) -> None:
    maya = rig.stand_in.user("Maya")
    said = rig.stand_in.say(maya, "hi")
    rig.stand_in.react(maya, said.message_id, "👍")
    assert len(await rig.bot.get_updates()) == 1


async def test_a_stand_in_restored_from_a_snapshot_goes_on_where_it_was(listener: Hook) -> None:
    heard, url = listener
    async with running(TelegramStandIn(pauses=RetryPauses(first=0.01))) as rig:
        maya = rig.stand_in.user("Maya Fischer")
        heard.answer = lambda _, __: 500
        await rig.bot.set_webhook(url, secret_token="s")
        rig.stand_in.send_media(maya, "photo", b"\xff\xd8", name="a.jpg", caption="look")
        rig.stand_in.say(maya, "hi")
        saved = json.loads(json.dumps(rig.stand_in.snapshot()))
    heard.answer = lambda _, __: 200
    after = TelegramStandIn()
    after.restore(saved)
    async with running(after) as rig:
        await heard.until(2)
        assert [each.kind for each in after.chat(after.user("Maya Fischer"))] == ["photo", "text"]
        assert after.file(after.chat(after.user("Maya Fischer"))[0].file_id) == b"\xff\xd8"
        assert (await rig.bot.get_webhook_info()).url == url
        assert after.say(after.user("Kim"), "new").message_id == 3
        await heard.until(3)
        assert heard.updates[-1]["update_id"] == 100_000_003


async def test_every_change_of_a_chat_is_announced(rig: Rig) -> None:
    changed: list[int] = []
    maya = rig.stand_in.user("Maya")
    rig.stand_in.on_change = changed.append
    rig.stand_in.say(maya, "hi")
    await rig.bot.send_message(maya.id, "hello")
    await rig.bot.send_chat_action(maya.id, "typing")
    assert changed == [maya.id] * 3
