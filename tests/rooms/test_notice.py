"""The notice to the person who takes a conversation: all that they need to know before they write."""

import re

import pytest

from tests.rooms.test_leak import in_telegram
from tests.rooms.test_room import Room, Start, start, undo  # noqa: F401 (a fixture)
from tests.rooms.test_topic import Topic
from tests.story.rig import ROOT, rig

RULE = (
    "a line that begins with //, also after a name, a label, a date or an address (Carla: // …), and what"
    " follows it up to the next blank line; a block of code that holds one, whole; the whole message, if its"
    " first line does or begins like a command (/word); whatever is forwarded, or composed by a bot."
)


def plain(text: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"[*_`]", "", text))


async def test_the_notice_in_slack_names_holder_undo_reactions_and_marks(
    start: Start,  # noqa: F811
) -> None:
    async with start(undo("5s")) as r:
        room = await (await Room(r).open()).taken()
        [notice] = [plain(line) for line in room.told() if "From now on" in line]
        sentences = (
            "what Hugo Martin writes in this thread goes to Maya Fischer after 5 s.",
            "Everyone else's words stay inside.",
            f"Stays inside: {RULE}",
            "Reactions: 👍 ❤️ 🙏 🎉 on a message of Maya Fischer go out like words. All others stay inside.",
            "Undo: delete or edit the message within 5 s.",
            "Marks: ⏳ waits, ✅ delivered, ❌ not delivered, 🔒 stays inside, ↩️ taken back",
        )
        for sentence in sentences:
            assert sentence in notice


@pytest.mark.long
async def test_the_notice_in_telegram_names_the_undo_and_marks_of_telegram(
    database_url: str, redis_url: str
) -> None:
    async with rig(database_url, redis_url, in_telegram, undo("5s"), every_channel=True) as r:
        topic = await (await Topic(r).opened()).taken()
        [notice] = [plain(text) for text in topic.told() if "From now on" in text]
        assert f"Stays inside: {RULE}" in notice
        assert "Undo: react with 👎, or edit the message within 5 s." in notice
        marks = "✍ waits, 👌 sent, 👍 delivered, 👀 read, 💔 not delivered, 🙈 stays inside, 🕊 taken back"
        assert f"Marks: {marks}" in notice, "the customer writes on WhatsApp, which tells all of it"


def test_the_readme_says_the_same() -> None:
    readme = plain((ROOT / "README.md").read_text())
    for sentence in (
        f"Stays inside: {RULE}",
        "Reactions: 👍 ❤️ 🙏 🎉 on a message of Maya go out like words. All others stay inside.",
        "Undo: delete or edit the message within 5 s",
        "Marks: ⏳ waits, ✅ delivered, ❌ not delivered, 🔒 stays inside, ↩️ taken back",
    ):
        assert sentence in readme
