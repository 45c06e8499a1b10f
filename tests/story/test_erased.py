"""A customer is erased while staff have a room about them."""

import json
from datetime import timedelta

import pytest

from bot.core.errors import CommandError
from connectors.sandbox.faults import Mischief
from tests.rooms.sides import OnTelegram, Room, SlackThread, Topic
from tests.rooms.test_leak import in_telegram
from tests.rooms.test_room import undo
from tests.story.rig import Rig, rig, until
from tests.story.shell import desk
from tests.story.test_moving import command

ERASED = "This customer was erased"
ANNA = "Anna Lindqvist"


async def _held(customer: OnTelegram, room: Room, holder: str) -> None:
    await customer.say("I was charged twice this month")
    await until(lambda: room.find("charged twice"), what="a room with the story")
    await room.press(holder, "take")
    await until(lambda: any("has taken this" in line for line in room.lines()), what="who speaks")


async def _erase(r: Rig) -> str:
    [customer] = json.loads((await desk(r, "customers", "--json")).out)
    ran = await desk(r, "customers", "erase", customer["id"], "--yes")
    assert ran.code == 0, ran.out
    return ran.out


async def _remains(r: Rig) -> list[dict[str, object]]:
    """Return what the desk says that it has not deleted."""
    [customer] = json.loads((await desk(r, "customers", "--json")).out)
    shown = json.loads((await desk(r, "customers", "show", customer["id"], "--json")).out)
    found: list[dict[str, object]] = shown["remains"]
    return found


@pytest.mark.long
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


@pytest.mark.long
async def test_a_topic_of_telegram_says_so_and_is_closed(database_url: str, redis_url: str) -> None:
    async with rig(database_url, redis_url, in_telegram, every_channel=True) as r:
        customer, room = OnTelegram(r, "Maya Fischer"), Topic(r)
        await _held(customer, room, "farid")
        heard = list(customer.heard())
        await _erase(r)
        await until(lambda: any(ERASED in line for line in room.lines()), what="the topic is told why")
        await until(lambda: "charged twice" not in room.lines()[0], what="the card shows nothing of theirs")
        await until(lambda: _is_closed(room), what="nobody can write there any more")
        assert customer.heard() == heard


def _is_closed(room: Room) -> bool:
    try:
        room.post("farid", "are you there?")
    except CommandError as refused:
        return "closed" in str(refused)
    return False


@pytest.mark.long
async def test_all_that_the_desk_posted_in_slack_is_deleted(database_url: str, redis_url: str) -> None:
    async with rig(database_url, redis_url) as r:
        customer, room = OnTelegram(r, "Maya Fischer"), SlackThread(r)
        await _held(customer, room, "hugo")
        r.phone.send_media(
            r.phone.user("Maya Fischer"), "document", b"%PDF bill", name="maya.pdf", caption="Maya's bill"
        )
        files = lambda: [m for m in r.slack.messages(room.channel, room.ts) if m.get("files")]  # noqa: E731
        await until(files, what="her file in the thread")
        note = room.post("hugo", "// she sounds upset")
        await until(lambda: _reactions(r, room, note), what="the mark of a note")
        ours = lambda: [m for m in r.slack.messages(room.channel, room.ts) if m.get("bot_id")]  # noqa: E731
        shown = len(ours())
        # What was done, and whose answer was lost, is done again.
        r.sandbox.faults.add("slack", Mischief.LOST_RESPONSE, pattern="chat.delete", count=1)
        r.sandbox.faults.add("slack", Mischief.RATE_LIMITED, pattern="files.delete", count=1)
        told = await _erase(r)
        assert f"{shown - 1} messages of the desk" in told, "all but the card"
        assert "your staff wrote there" in told
        assert "customer's own chats" in told

        await until(lambda: len(ours()) == 2, what="the card and a line are all that is left of ours")
        await until(lambda: ERASED in str(ours()[0]), what="the card says so")
        thread = str(r.slack.messages(room.channel, room.ts))
        for theirs in ("Maya", "maya", "charged twice", "bill"):
            assert theirs not in thread
        assert "she sounds upset" in thread, "what people wrote is theirs"
        assert f"{ERASED} on 20" in str(ours()[0])
        assert " by an operator" in str(ours()[0])
        await until(lambda: not r.slack.files(), what="the file is deleted, too")
        assert await _remains(r) == []


@pytest.mark.long
async def test_every_thread_of_everybody_they_were_found_to_be_is_emptied(
    database_url: str, redis_url: str
) -> None:
    people = ("Maya Fischer", "Tom Berger")
    async with rig(database_url, redis_url, customers=people) as r:
        rooms = []
        for name in people:
            customer, room = OnTelegram(r, name), SlackThread(r)
            await customer.say(f"I was charged twice, says {name}")
            await until(lambda room=room, name=name: room.find(f"says {name}"), what="a room")  # type: ignore[misc]
            rooms.append(room)
        maya, tom = (one["id"] for one in json.loads((await desk(r, "customers", "--json")).out))
        assert (await desk(r, "customers", "merge", maya, tom)).code == 0
        told = await command(r, f"customers erase {tom} --yes")
        assert "2 threads" in told
        for room in rooms:
            await until(
                lambda room=room: f"by {ANNA}" in str(r.slack.messages(room.channel, room.ts)[0]),  # type: ignore[misc]
                what="the card says who did it",
            )
        everything = lambda: "".join(str(r.slack.messages(one.channel, one.ts)) for one in rooms)  # noqa: E731
        theirs = ("charged twice", "Maya", "Tom")
        await until(lambda: not any(word in everything() for word in theirs), what="all is deleted")


@pytest.mark.long
async def test_remaining_posts_are_named_where_telegram_lets_nothing_be_deleted(
    database_url: str, redis_url: str
) -> None:
    async with rig(database_url, redis_url, in_telegram, every_channel=True) as r:
        customer, room = OnTelegram(r, "Maya Fischer"), Topic(r)
        await _held(customer, room, "farid")
        r.phone.send_media(r.phone.user("Maya Fischer"), "document", b"%PDF bill", name="bill.pdf")
        media = lambda: [m for m in r.night_watch.messages(room.topic) if m.kind == "document"]  # noqa: E731
        await until(media, what="her file in the topic")
        r.night_watch.group.deletes_messages = False
        r.night_watch.grow_older(timedelta(hours=49))
        await _erase(r)
        card = lambda: "".join(room.lines()[:1])  # noqa: E731
        await until(lambda: "One message of the desk here could not be deleted" in card(), what="the count")
        told = "\n".join(room.lines())
        assert "charged twice" not in told
        assert "Maya" not in told
        assert "This message was removed." in told
        [topic] = r.night_watch.topics()
        assert ERASED in topic.name
        assert len(media()) == 1
        [left] = await _remains(r)
        assert (left["messages"], left["state"], left["channel"]) == (1, "failed", "telegram")
        assert "48 hours" in str(left["reason"])

        # With the right to, the same delivery is sent again and does its work.
        r.night_watch.group.deletes_messages = True
        [dead] = json.loads((await desk(r, "deliveries", "--dead", "--json")).out)
        assert (await desk(r, "deliveries", "retry", dead["id"])).code == 0
        await until(lambda: not media(), what="the file is gone")
        assert await _remains(r) == []


@pytest.mark.long
async def test_a_topic_of_telegram_is_emptied(database_url: str, redis_url: str) -> None:
    async with rig(database_url, redis_url, in_telegram, every_channel=True) as r:
        customer, room = OnTelegram(r, "Maya Fischer"), Topic(r)
        await _held(customer, room, "farid")
        await _erase(r)
        await until(lambda: len(room.lines()) == 2, what="the card and a line are all that is left")
        await until(lambda: ERASED in room.lines()[0], what="the card says so")
        assert "Maya" not in "\n".join(room.lines())
        assert not any(m.buttons for m in r.night_watch.messages(room.topic))


@pytest.mark.long
async def test_a_message_shown_to_one_person_alone_in_a_topic_is_deleted_too(
    database_url: str, redis_url: str
) -> None:
    async with rig(database_url, redis_url, in_telegram, every_channel=True) as r:
        customer, room = OnTelegram(r, "Maya Fischer"), Topic(r)
        await _held(customer, room, "farid")
        grace = next(user for user in r.night_watch.members() if user.name == room.people["grace"])
        shown = lambda: [m for m in r.night_watch.seen_alone(grace) if "Only Farid Haddad" in m.text]  # noqa: E731
        room.post("grace", "she again")
        await until(shown, what="a word to Grace alone")
        await _erase(r)
        await until(lambda: not shown(), what="it is gone")


@pytest.mark.long
async def test_words_that_wait_for_the_platform_are_stopped_and_marked(
    database_url: str, redis_url: str
) -> None:
    async with rig(database_url, redis_url, undo("1ms")) as r:
        customer, room = OnTelegram(r, "Maya Fischer"), SlackThread(r)
        await _held(customer, room, "hugo")
        heard, asked = list(customer.heard()), ("telegram", Mischief.RATE_LIMITED)
        r.sandbox.faults.add("telegram", Mischief.RATE_LIMITED, pattern="sendmessage", seconds=600.0)
        r.sandbox.faults.add("telegram", Mischief.RATE_LIMITED, pattern="sendMessage", seconds=600.0)
        line = room.post("hugo", "The refund is on its way.")
        await until(lambda: r.sandbox.faults.injected[asked], what="the platform asks to wait")
        await until(lambda: _reactions(r, room, line), what="a mark")
        before = _reactions(r, room, line)
        await _erase(r)
        await until(lambda: r.slack.ephemerals("hugo"), what="a word that it went nowhere")
        assert "they were not sent" in r.slack.ephemerals("hugo")[-1].text
        await until(lambda: _reactions(r, room, line) not in ([], before), what="another mark")
        assert customer.heard() == heard


@pytest.mark.long
async def test_a_reaction_is_answered_by_the_line(database_url: str, redis_url: str) -> None:
    async with rig(database_url, redis_url) as r:
        customer, room = OnTelegram(r, "Maya Fischer"), SlackThread(r)
        await _held(customer, room, "hugo")
        await _erase(r)
        await until(lambda: ERASED in str(r.threads(room.channel)[0]), what="the card says so")
        r.slack.react_as("carla", room.channel, room.ts, "thumbsup")
        await until(lambda: r.slack.ephemerals("carla"), what="the line")
        assert f"{ERASED} on 20" in r.slack.ephemerals("carla")[-1].text


@pytest.mark.long
async def test_an_erased_customer_who_writes_again_is_new(database_url: str, redis_url: str) -> None:
    async with rig(database_url, redis_url) as r:
        customer, room = OnTelegram(r, "Maya Fischer"), SlackThread(r)
        await _held(customer, room, "hugo")
        await _erase(r)
        await until(lambda: ERASED in str(r.threads(room.channel)[0]), what="the card says so")
        await customer.say("My card was declined")
        await until(lambda: room.find("declined"), what="a room of their own")
        assert len(r.threads(room.channel)) == 2


@pytest.mark.long
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


@pytest.mark.long
async def test_the_answer_to_a_command_in_the_staffs_group_is_deleted(
    database_url: str, redis_url: str
) -> None:
    async with rig(database_url, redis_url, in_telegram, every_channel=True) as r:
        customer, room = OnTelegram(r, "Maya Fischer"), Topic(r)
        await _held(customer, room, "farid")
        [one] = json.loads((await desk(r, "conversations", "--json")).out)
        answers = lambda: [  # noqa: E731
            m.text for m in r.night_watch.messages() if m.from_bot and m.text.startswith(one["id"])
        ]
        room.post("farid", f"/desk conversations show {one['id']}")
        await until(answers, what="the answer")
        assert "charged twice" in answers()[-1]
        await _erase(r)
        await until(lambda: not answers(), what="the answer is deleted")
