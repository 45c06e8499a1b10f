"""A reaction of the holder, from a room on each of the staff's platforms to the customer's phone."""

import pytest

from connectors.slack.emoji import code_for
from tests.rooms.test_leak import in_telegram
from tests.rooms.test_room import CHANNEL, Room, Start, start, undo  # noqa: F401 (a fixture)
from tests.rooms.test_topic import Topic
from tests.story.rig import rig, until


@pytest.mark.long
async def test_a_listed_emoji_from_slack_leaves_after_the_undo_and_its_line_is_marked(
    start: Start,  # noqa: F811
) -> None:
    async with start(undo("1s")) as r:
        room = await (await Room(r).open()).taken()
        said = [r.phone.say(r.maya, text) for text in ("Thank you so much", "And goodbye", "Really")]
        await room.says("Really")  # then the two before are recorded
        first, second = (
            next(str(m["ts"]) for m in r.slack.messages(CHANNEL, room.ts) if words in str(m.get("text", "")))
            for words in ("Thank you so much", "And goodbye")
        )
        r.slack.react_as("hugo", CHANNEL, first, code_for("👀"))
        r.slack.react_as("carla", CHANNEL, first, code_for("❤️"))
        r.slack.react_as("hugo", CHANNEL, first, "+1::skin-tone-4")
        r.slack.react_as("hugo", CHANNEL, second, "tada")
        r.slack.unreact_as("hugo", CHANNEL, second, "tada")

        def shown() -> list[list[tuple[str, str]]]:
            return [
                [*message.reactions]
                for message in r.phone.chat(r.maya)
                if message.message_id in {each.message_id for each in said}
            ]

        await until(lambda: "white_check_mark" in room.marks(first), what="that it was delivered")
        assert shown() == [[("bot", "👍")], [], []]
        assert "leftwards_arrow_with_hook" in room.marks(second)


@pytest.mark.long
async def test_a_reaction_on_the_story_in_slack_says_where_to_react(start: Start) -> None:  # noqa: F811
    async with start(undo("1s")) as r:
        room = await (await Room(r).open()).taken()
        story = next(m for m in r.slack.messages(CHANNEL, room.ts) if "The story so far" in str(m["text"]))
        for line in (str(story["ts"]), room.ts):
            r.slack.react_as("carla", CHANNEL, line, "+1")
            r.slack.react_as("hugo", CHANNEL, line, "eyes")
            r.slack.react_as("hugo", CHANNEL, line, "+1")
        await room.whispered("hugo", "👍 stays inside: this line is no single message of Maya Fischer.")
        room.write("hugo", "You get 20 €.")
        await room.hears("You get 20 €.")
        assert sum("stays inside" in told for told in room.whispers("hugo")) == 1
        assert not room.whispers("carla")
        assert not r.phone.sent("setMessageReaction")


@pytest.mark.long
async def test_a_reaction_in_slack_can_be_taken_back_after_somebody_else_took_over(
    start: Start,  # noqa: F811
) -> None:
    async with start(undo("60s")) as r:
        room = await (await Room(r).open()).taken()
        for text in ("Thank you so much", "And goodbye"):  # with the second the first one is recorded
            r.phone.say(r.maya, text)
            await room.says(text)
        line = next(
            str(m["ts"])
            for m in r.slack.messages(CHANNEL, room.ts)
            if "Thank you so much" in str(m.get("text", ""))
        )
        await room.card_says("Hugo Martin is talking to")
        r.slack.react_as("hugo", CHANNEL, line, "tada")
        await until(lambda: "hourglass_flowing_sand" in room.marks(line), what="that it waits")
        await r.press("carla", CHANNEL, room.ts, "take")
        await room.says("took over from")
        r.slack.unreact_as("hugo", CHANNEL, line, "tada")
        await until(lambda: "leftwards_arrow_with_hook" in room.marks(line), what="that it was taken back")
        assert not r.phone.sent("setMessageReaction")


@pytest.mark.long
async def test_a_reaction_from_telegram_reaches_a_customer_on_another_channel(
    database_url: str, redis_url: str
) -> None:
    async with rig(database_url, redis_url, in_telegram, every_channel=True) as r:
        topic = await (await Topic(r).opened()).taken()
        for text in ("Thank you so much", "And goodbye"):  # with the second the first one is recorded
            await topic.maya.say(text)
            await topic.shows(text)
        line = [m.message_id for m in topic.group.messages(topic.id) if "Thank you so much" in m.text][-1]
        topic.group.react(topic.person("Farid"), line, "🤬")
        topic.group.react(topic.person("Farid"), line, "❤")
        await topic.marked(line, "👍")
        emoji = [
            call.params["reaction"]["emoji"]
            for call in r.whatsapp.sent("messages")
            if "reaction" in call.params
        ]
        assert emoji == ["❤️"]
