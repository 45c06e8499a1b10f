"""The original of a mail in 8-bit letters that are no UTF-8 is a mail for whoever opens it."""

from pathlib import Path

from tests.story.rig import rig, until

ROOM = "billing-escalations"
SUPPORT = "support@brightdesk.example"


async def test_the_original_is_named_as_a_mail(case: Path, database_url: str, redis_url: str) -> None:
    async with rig(database_url, redis_url, every_channel=True) as r:
        ole = r.mail.customer("ole@harbor.example", "Ole Dahl")
        await ole.send_raw((case / "mail.eml").read_bytes(), to=SUPPORT)
        await until(lambda: r.threads(ROOM), what="a card")
        ts = r.card(ROOM)
        await until(
            lambda: any("|original.eml>" in text for text in r.in_thread(ROOM, ts)),
            what="the original's link",
        )
        assert any("på kortet" in text for text in r.in_thread(ROOM, ts))
