"""A customer is erased while staff have a room about them."""

import json

import pytest

from bot.core.errors import CommandError
from tests.rooms.sides import OnTelegram, Room, SlackThread, Topic
from tests.rooms.test_leak import in_telegram
from tests.rooms.test_room import undo
from tests.story.rig import Rig, rig, until
from tests.story.shell import desk

ERASED = "This customer was erased"


async def _held(customer: OnTelegram, room: Room, holder: str) -> None:
    await customer.say("I was charged twice this month")
    await until(lambda: room.find("charged twice"), what="a room with the story")
    await room.press(holder, "take")
    await until(lambda: any("has taken this" in line for line in room.lines()), what="who speaks")


async def _erase(r: Rig) -> None:
    [customer] = json.loads((await desk(r, "customers", "--json")).out)
    assert (await desk(r, "customers", "erase", customer["id"], "--yes")).code == 0


async def test_a_thread_in_slack_says_so_is_closed_and_answers(database_url: str, redis_url: str) -> None:
    async with rig(database_url, redis_url) as r:
        customer, room = OnTelegram(r, "Maya Fischer"), SlackThread(r)
        await _held(customer, room, "hugo")
        heard = list(customer.heard())
        await r.press("anna", room.channel, room.ts, "assign")
        await until(lambda: r.slack.views("anna"), what="the form")
        form = r.slack.views("anna")[-1]
        await _erase(r)
        await until(lambda: any(ERASED in line for line in room.lines()), what="the room is told why")
        card = lambda: str(r.threads(room.channel)[0])  # noqa: E731
        await until(lambda: ERASED in card(), what="the card says so")
        assert "charged twice" not in card()
        assert "Maya" not in card()
        with pytest.raises(AssertionError, match="no button"):
            await room.press("hugo", "resolve")

        line = room.post("hugo", "are you there?")
        await until(lambda: r.slack.ephemerals("hugo"), what="a word that it went nowhere")
        assert ERASED in r.slack.ephemerals("hugo")[-1].text
        await until(lambda: _reactions(r, room, line), what="a mark on the line")

        ids = {str(user["name"]): str(user["id"]) for user in r.slack.users()}
        await r.slack.submit_view("anna", str(form["id"]), {"person": {"answer": ids["carla"]}})
        await until(lambda: r.slack.ephemerals("anna"), what="whoever had a form open is answered")
        assert ERASED in r.slack.ephemerals("anna")[-1].text
        [conversation] = json.loads((await desk(r, "conversations", "--json")).out)
        assert (conversation["status"], conversation["owner"]["kind"]) == ("resolved", "agent")
        assert customer.heard() == heard


def _reactions(r: Rig, room: SlackThread, ref: str) -> list[object]:
    line = next(m for m in r.slack.messages(room.channel, room.ts) if m["ts"] == ref)
    return list(line.get("reactions", []))  # type: ignore[call-overload]


async def test_a_topic_of_telegram_says_so_and_is_closed(database_url: str, redis_url: str) -> None:
    async with rig(database_url, redis_url, in_telegram, every_channel=True) as r:
        customer, room = OnTelegram(r, "Maya Fischer"), Topic(r)
        await _held(customer, room, "farid")
        heard = list(customer.heard())
        await _erase(r)
        await until(lambda: any(ERASED in line for line in room.lines()), what="the topic is told why")
        await until(lambda: "charged twice" not in room.lines()[0], what="the card shows nothing of theirs")
        with pytest.raises(CommandError, match="closed"):
            room.post("farid", "are you there?")
        assert customer.heard() == heard


async def test_who_was_erased_and_writes_again_is_new(database_url: str, redis_url: str) -> None:
    async with rig(database_url, redis_url) as r:
        customer, room = OnTelegram(r, "Maya Fischer"), SlackThread(r)
        await _held(customer, room, "hugo")
        await _erase(r)
        await until(lambda: ERASED in str(r.threads(room.channel)[0]), what="the card says so")
        await customer.say("My card was declined")
        await until(lambda: room.find("declined"), what="a room of their own")
        assert len(r.threads(room.channel)) == 2


async def test_words_within_their_undo_are_shown_as_not_sent(database_url: str, redis_url: str) -> None:
    async with rig(database_url, redis_url, undo("5m")) as r:
        customer, room = OnTelegram(r, "Maya Fischer"), SlackThread(r)
        await _held(customer, room, "hugo")
        heard = list(customer.heard())
        line = room.post("hugo", "The refund is on its way.")
        await until(lambda: _reactions(r, room, line), what="the mark of the undo")
        before = _reactions(r, room, line)
        await _erase(r)
        await until(lambda: r.slack.ephemerals("hugo"), what="a word that it went nowhere")
        assert "they were not sent" in r.slack.ephemerals("hugo")[-1].text
        await until(lambda: _reactions(r, room, line) != before, what="another mark")
        await until(lambda: any(ERASED in told for told in room.lines()), what="the room is told")
        assert customer.heard() == heard
