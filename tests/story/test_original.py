"""What a mail's text leaves out is one click away for staff, unless it holds a payment card number."""

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


async def test_a_mail_with_a_card_number_is_not_linked_and_the_thread_says_why(
    database_url: str, redis_url: str
) -> None:
    async with rig(database_url, redis_url, every_channel=True) as r:
        await ByMail(r).say("I was charged twice this month. My card is 4111 1111 1111 1111")
        await until(lambda: r.threads(ROOM), what="a card")
        ts = r.card(ROOM)
        why = "*original.eml* could not be fetched: it holds a payment card number, which is not kept."
        await until(lambda: any(why in text for text in r.in_thread(ROOM, ts)), what=why)
        told = "\n".join(r.in_thread(ROOM, ts))
        assert "•••• •••• •••• 1111" in told
        assert "4111" not in told
        assert "/files/" not in told
