"""The original of a mail is one click away for staff, unless it holds a payment card number."""

import pytest

from tests.story.rig import rig, until
from tests.story.sides import ByMail, OnWhatsApp

ROOM = "billing-escalations"


@pytest.mark.long
async def test_the_mail_as_it_came_is_linked_in_the_thread(database_url: str, redis_url: str) -> None:
    async with rig(database_url, redis_url, every_channel=True) as r:
        await ByMail(r).say("I was charged twice this month")
        await until(lambda: r.threads(ROOM), what="a card")
        ts = r.card(ROOM)
        await until(
            lambda: any("/files/" in text for text in r.in_thread(ROOM, ts)), what="the original's link"
        )


@pytest.mark.long
async def test_the_thread_says_that_a_quote_was_left_out(database_url: str, redis_url: str) -> None:
    async with rig(database_url, redis_url, every_channel=True) as r:
        ines = r.mail.customer("ines@harbor.example", "Ines Moreau")
        text = "I was charged twice this month\n\nOn Wed, 5 Apr 2023 at 10:02, Acme wrote:\n> Your invoice"
        await ines.write("Charged twice", text, to="support@brightdesk.example")
        await until(lambda: r.threads(ROOM), what="a card")
        ts = r.card(ROOM)
        await until(
            lambda: any("✂️ _quote or signature left out_" in text for text in r.in_thread(ROOM, ts)),
            what="that something was left out",
        )
        assert not any("Your invoice" in text for text in r.in_thread(ROOM, ts))
        await until(
            lambda: any("/files/" in text for text in r.in_thread(ROOM, ts)), what="the original's link"
        )


@pytest.mark.long
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


async def test_card_numbers_with_letters_and_signs_against_them_reach_no_staff(
    database_url: str, redis_url: str
) -> None:
    async with rig(database_url, redis_url, every_channel=True) as r:
        typed = (
            "I was charged twice: CC4111111111111111 MC5555555555554444 +4111=1111=1111=1111 378282246310005x"
        )
        await OnWhatsApp(r).say(typed)
        await until(lambda: r.threads(ROOM), what="a card")
        ts = r.card(ROOM)
        shown = "CC••••••••••••1111 MC••••••••••••4444 +••••=••••=••••=1111 •••••••••••0005x"
        await until(lambda: any(shown in text for text in r.in_thread(ROOM, ts)), what=shown)
        assert not any(card in str(r.slack.messages(ROOM)) for card in ("4111", "5555", "3782"))
