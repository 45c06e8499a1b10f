"""What a mail's text leaves out is one click away for staff."""

from tests.story.rig import rig, until
from tests.story.sides import ByMail

ROOM = "billing-escalations"


async def test_the_mail_as_it_came_is_linked_in_the_thread(database_url: str, redis_url: str) -> None:
    async with rig(database_url, redis_url, every_channel=True) as r:
        await ByMail(r).say("I was charged twice this month")
        await until(lambda: r.threads(ROOM), what="a card")
        ts = r.card(ROOM)
        await until(
            lambda: any("/files/" in text for text in r.in_thread(ROOM, ts)), what="the original's link"
        )
