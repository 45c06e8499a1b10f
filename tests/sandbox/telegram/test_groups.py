"""Groups with topics: what the bot may do there, what it hears of them, and on which shapes."""

import json
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from telegram import Bot
from telegram.error import BadRequest, Forbidden, RetryAfter

from bot.core.errors import CommandError
from connectors.sandbox.rate_limit import Rate
from connectors.sandbox.server import Sandbox
from connectors.sandbox.telegram import GroupChat, Limits, TelegramStandIn, together
from connectors.sandbox.telegram.model import TelegramUser
from tests.sandbox.telegram.conftest import Rig, running
from tests.sandbox.telegram.wire_shapes import load_shapes

ALL = ["message", "edited_message", "callback_query", "message_reaction"]
KEYBOARD = {"inline_keyboard": [[{"text": "Take", "callback_data": "take:1"}]]}


def office(stand_in: TelegramStandIn) -> tuple[GroupChat, TelegramUser]:
    hugo = stand_in.user("Hugo Brandt")
    return stand_in.group("Billing", [hugo]), hugo


async def _call(rig: Rig, method: str, **body: object) -> Any:
    async with aiohttp.ClientSession() as session, session.post(f"{rig.api}/{method}", json=body) as response:
        answer = await response.json()
        assert answer["ok"], answer
        return answer["result"]


async def test_results_and_updates_of_a_forum_have_the_published_shape(rig: Rig) -> None:
    shapes = load_shapes()
    group, hugo = office(rig.stand_in)
    chat = {"chat_id": group.id}
    await _call(rig, "getUpdates", allowed_updates=ALL)
    topic = await _call(rig, "createForumTopic", **chat, name="Maya", icon_color=16766590)
    there = {**chat, "message_thread_id": topic["message_thread_id"]}
    made = await _call(rig, "sendMessage", **there, text="card", reply_markup=KEYBOARD)
    assert made["reply_to_message"]["forum_topic_created"]["name"] == "Maya"
    calls = [
        ("sendDocument", {**there, "document": rig.stand_in.send_media(hugo, "document", b"x").file_id}),
        ("editForumTopic", {**there, "name": "Maya again"}),
        ("closeForumTopic", there),
        ("reopenForumTopic", there),
        ("getChat", chat),
        ("getChatMember", {**chat, "user_id": 700000001}),
        ("getChatMember", {**chat, "user_id": hugo.id}),
    ]
    assert shapes.result_problems("createForumTopic", topic) == []
    assert shapes.result_problems("sendMessage", made) == []
    for method, body in calls:
        assert shapes.result_problems(method, await _call(rig, method, **body)) == [], method
    thread = int(topic["message_thread_id"])
    said = group.say(hugo, "/desk help", topic=thread)
    group.edit(hugo, said.message_id, "better")
    group.react(hugo, made["message_id"], "👍")
    group.react(hugo, made["message_id"], "")
    group.tap(hugo, made["message_id"], "Take")
    group.send_media(hugo, "photo", b"x", topic=thread, caption="look")
    group.begin_topic(hugo, "Lunch")
    group.close_topic(hugo, thread)
    updates = await _call(rig, "getUpdates")
    assert shapes.problems(updates, "Array of Update") == []
    assert len(updates) == 13  # the file in private is one, and what the bot did to the topic four
    (typed,) = (each["message"] for each in updates if each.get("message", {}).get("text") == "/desk help")
    assert typed["message_thread_id"] == thread


async def test_the_stand_in_refuses_in_a_forum_in_the_words_of_telegram(rig: Rig) -> None:
    group, _ = office(rig.stand_in)
    topic = await rig.bot.create_forum_topic(group.id, "Maya")
    for call, problem in (
        (lambda: rig.bot.create_forum_topic(group.id, " "), "TOPIC_NAME_EMPTY"),
        (lambda: rig.bot.create_forum_topic(group.id, "x" * 129), "TOPIC_NAME_TOO_LONG"),
        (lambda: rig.bot.create_forum_topic(group.id, "x", icon_color=1), "icon color"),
        (lambda: rig.bot.edit_forum_topic(group.id, topic.message_thread_id, "Maya"), "TOPIC_NOT_MODIFIED"),
        (lambda: rig.bot.reopen_forum_topic(group.id, topic.message_thread_id), "TOPIC_NOT_MODIFIED"),
        (lambda: rig.bot.close_forum_topic(group.id, 4711), "TOPIC_ID_INVALID"),
        (lambda: rig.bot.send_message(group.id, "x", message_thread_id=4711), "thread not found"),
    ):
        with pytest.raises(BadRequest, match=f"(?i){problem}"):
            await call()
    group.settings(administrator=False)
    with pytest.raises(BadRequest, match=r"(?i)not enough rights"):
        await rig.bot.create_forum_topic(group.id, "x")
    await rig.bot.close_forum_topic(group.id, topic.message_thread_id)  # its own, which needs no right
    with pytest.raises(BadRequest, match=r"(?i)topic_closed"):
        await rig.bot.send_message(group.id, "x", message_thread_id=topic.message_thread_id)
    group.settings(forum=False)
    with pytest.raises(BadRequest, match="not a forum"):
        await rig.bot.create_forum_topic(group.id, "x")
    group.settings(bot_inside=False)
    with pytest.raises(Forbidden, match="kicked"):
        await rig.bot.send_message(group.id, "x")


async def test_a_bot_that_is_no_administrator_hears_commands_and_answers_alone(rig: Rig) -> None:
    group, hugo = office(rig.stand_in)
    ours = await rig.bot.send_message(group.id, "hello")
    group.settings(administrator=False)
    group.say(hugo, "among us")
    group.say(hugo, "/desk help")
    group.say(hugo, "to you", reply_to=ours.message_id)
    group.react(hugo, ours.message_id, "👍")
    updates = await rig.bot.get_updates(allowed_updates=ALL)
    assert [each.message and each.message.text for each in updates] == ["/desk help", "to you"]


async def test_only_members_do_anything_in_a_group(rig: Rig) -> None:
    group, hugo = office(rig.stand_in)
    eve = rig.stand_in.user("Eve")
    said = group.say(hugo, "hi")
    for deed in (
        lambda: group.say(eve, "x"),
        lambda: group.react(eve, said.message_id, "👍"),
        lambda: group.edit(eve, said.message_id, "x"),
        lambda: group.say(hugo, "x", topic=99),
        lambda: group.tap(hugo, 4711, 0),
    ):
        with pytest.raises(CommandError):
            deed()
    group.join(eve)
    group.say(eve, "now")
    group.leave(eve)
    assert group.members() == [hugo]
    group.delete(said.message_id)
    assert [message.text for message in group.messages()] == ["now"]


async def test_a_group_is_written_to_at_most_twenty_times_a_minute() -> None:
    async with running(TelegramStandIn(limits=Limits(bot=Rate(30.0, 100)))) as rig:
        group, _ = office(rig.stand_in)
        for _ in range(20):
            await rig.bot.send_message(group.id, "x")
        with pytest.raises(RetryAfter):
            await rig.bot.send_message(group.id, "x")


async def test_groups_are_kept_with_their_topics(rig: Rig) -> None:
    group, hugo = office(rig.stand_in)
    topic = await rig.bot.create_forum_topic(group.id, "Maya")
    group.say(hugo, "hi", topic=topic.message_thread_id)
    await rig.bot.close_forum_topic(group.id, topic.message_thread_id)
    again = TelegramStandIn()
    again.restore(json.loads(json.dumps(rig.stand_in.snapshot())))
    (kept,) = again.groups()
    assert [(each.name, each.closed) for each in kept.topics()] == [("Maya", True)]
    assert [message.text for message in kept.messages(topic.message_thread_id)] == ["hi"]
    assert again.group("Billing").id == group.id
    assert again.group("Sales").id != group.id


async def test_several_bots_share_an_address_and_nothing_else() -> None:
    customers = TelegramStandIn("700000001:one", "desk_bot")
    staff = TelegramStandIn("700000002:two", "rooms_bot")
    root = web.Application()
    root.add_subapp("/telegram", together((customers, staff)))
    async with TestServer(root) as server:
        base = str(server.make_url("/telegram/bot"))
        for stand_in, username in ((customers, "desk_bot"), (staff, "rooms_bot")):
            async with Bot(stand_in.token, base_url=base) as bot:
                assert (await bot.get_me()).username == username
        async with aiohttp.ClientSession() as client, client.get(f"{base}700000003:three/getMe") as stranger:
            assert stranger.status == 401


async def test_a_group_can_be_played_over_http() -> None:
    sandbox = Sandbox()
    root = web.Application()
    root.add_subapp("/sandbox", sandbox.app())
    async with TestServer(root) as server, aiohttp.ClientSession() as client:
        base = str(server.make_url("/sandbox/api/telegram"))

        async def do(name: str, /, **body: object) -> Any:
            async with client.post(f"{base}/{name}", json=body) as response:
                assert response.status == 200, await response.text()
                return await response.json()

        async def show(name: str, /, **query: str) -> Any:
            async with client.get(f"{base}/{name}", params=query) as response:
                assert response.status == 200, await response.text()
                return await response.json()

        made = await do("group", title="Billing", members=["Hugo Brandt"])
        group = sandbox.telegram.group("Billing")
        topic = group.begin_topic(sandbox.telegram.user("Hugo Brandt"), "Maya").id
        where = {"user": "Hugo Brandt", "group": "Billing"}
        said = await do("say", **where, topic=topic, text="hi")
        await do("edit", **where, message_id=said["message_id"], text="hello")
        await do("react", **where, message_id=said["message_id"], emoji="👍")
        await do("send_media", **where, topic=topic, kind="document", content="eA==", name="a.txt")
        gone = await do("say", **where, topic=topic, text="oops")
        await do("delete", **where, message_id=gone["message_id"])
        (shown,) = await show("groups")
        assert (shown["id"], shown["members"][0]["name"]) == (made["id"], "Hugo Brandt")
        assert [each["name"] for each in shown["topics"]] == ["Maya"]
        messages = (await show("topic", group=str(made["id"]), topic=str(topic)))["messages"]
        assert [(each["kind"], each["text"], each["sender"]) for each in messages] == [
            ("text", "hello", "Hugo Brandt"),
            ("document", "", "Hugo Brandt"),
        ]
        await do("group_settings", group="Billing", manages_topics=False)
        assert not group.group.manages_topics
