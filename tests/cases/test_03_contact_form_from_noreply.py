"""A form that writes as noreply@ is shown to people as its visitor's."""

from pathlib import Path

from tests.story.rig import rig, until

SUPPORT = "support@brightdesk.example"


async def test_the_visitors_words_are_in_a_room(case: Path, database_url: str, redis_url: str) -> None:
    async with rig(database_url, redis_url, every_channel=True) as r:
        raw = (case / "form.eml").read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        await r.mail.receive(raw, sender="noreply@shop.example", recipient=SUPPORT)
        channels = [channel["name"] for channel in r.slack.channels()]
        cards = await until(
            lambda: [(name, card) for name in channels for card in r.threads(name)], what="a card"
        )
        [(channel, card)] = cards  # type: ignore[misc]
        assert "Cleo Brandt" in str(card)
        ts = str(card["ts"])
        words = "I was charged twice this month. Please call me."
        await until(lambda: words in "\n".join(r.in_thread(channel, ts)), what="their words")
