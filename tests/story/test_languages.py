"""A customer writes in their language: people are called, and what we say by ourselves is in it."""

import pytest

from orgs.translations import shipped
from tests.story.rig import until
from tests.story.sides import ByMail, OnTelegram, OnWhatsApp, Side
from tests.story.test_channels import story


@pytest.mark.long
@pytest.mark.parametrize(
    ("kind", "language", "text", "room"),
    [
        (OnTelegram, "fr", "J'ai été débité deux fois", "billing-escalations"),
        (ByMail, "de", "Sie haben mir 240 EUR statt 24 berechnet", "billing-escalations"),
        (ByMail, "de", "240 EUR statt 24", "billing-escalations"),
        (OnWhatsApp, "es", "esto es una vergüenza, nadie contesta", "success-escalations"),
        (OnTelegram, "pt", "quero falar com uma pessoa", "tier-1-escalations"),
    ],
)
async def test_a_complaint_in_any_of_our_languages_reaches_people_and_is_answered_in_it(
    database_url: str, redis_url: str, kind: type[Side], language: str, text: str, room: str
) -> None:
    async with story(database_url, redis_url, kind) as (r, side):
        await side.say(text)
        await until(lambda: r.threads(room), what="a card in the staff's channel")
        await until(side.heard, what="the notice of the handoff")
        texts = shipped(language)
        notices = (texts.handoff, texts.out_of_hours)
        told = side.heard()[0]
        assert any(told.startswith(notice.partition("{")[0]) for notice in notices)
        assert "I am passing" not in told
