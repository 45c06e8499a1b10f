"""A reaction of the holder, from a room on each of the staff's platforms to the customer's phone."""

from connectors.slack.emoji import code_for
from tests.rooms.test_leak import in_telegram
from tests.rooms.test_room import CHANNEL, Room, Start, start, undo  # noqa: F401 (a fixture)
from tests.rooms.test_topic import Topic
from tests.story.rig import rig, until


async def test_from_slack_a_listed_emoji_leaves_after_the_undo_and_its_line_is_marked(
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


async def test_from_telegram_it_reaches_a_customer_on_another_channel(
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
