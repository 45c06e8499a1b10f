"""Somebody in copy of a customer's first mail answers it: they are heard in that customer's conversation."""

from pathlib import Path

from tests.story.rig import rig, until

SUPPORT = "support@brightdesk.example"


async def test_the_approval_is_in_the_room_and_answered_by_nobody(
    case: Path, database_url: str, redis_url: str
) -> None:
    async with rig(database_url, redis_url, every_channel=True) as r:
        ines = r.mail.customer("ines@harbor.example", "Ines Moreau")
        karl = r.mail.customer("karl@harbor.example", "Karl Moreau")
        for who, name in ((ines, "1-ines.eml"), (karl, "2-karl.eml")):
            raw = (case / name).read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
            await who.send_raw(raw, to=SUPPORT)
            await ines.received(1)  # our answer to the first, before the second is written
        channels = [channel["name"] for channel in r.slack.channels()]

        def told() -> str:
            cards = [(name, str(card["ts"])) for name in channels for card in r.threads(name)]
            return "\n".join(text for name, ts in cards for text in r.in_thread(name, ts))

        await until(lambda: "Approved from my side." in told(), what="the approval in a room")
        assert sum(len(r.threads(name)) for name in channels) == 1, "one matter"
        assert not [mail for mail in karl.inbox if karl.address in mail.header("To")], "nobody answers him"
