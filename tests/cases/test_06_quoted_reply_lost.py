"""The customer answers a certain earlier message: staff see which."""

import json
from pathlib import Path

from tests.disclosure import undisclosed
from tests.story.rig import Rig, rig, until

ROOM = "billing-escalations"


async def test_the_part_of_a_message_that_was_answered_on_telegram_is_shown(
    case: Path, database_url: str, redis_url: str
) -> None:
    told = json.loads((case / "telegram.json").read_text())
    async with rig(database_url, redis_url) as r:
        first = r.phone.say(r.maya, told["reply_to_message"]["text"])
        await until(lambda: r.threads(ROOM), what="a card")
        r.phone.say(r.maya, told["text"], reply_to=first.message_id, quote=told["quote"]["text"])
        await _shown(r, f"“{told['quote']['text']}”", told["text"])


async def test_the_message_of_ours_that_was_answered_on_whatsapp_is_shown(
    case: Path, database_url: str, redis_url: str
) -> None:
    told = json.loads((case / "whatsapp.json").read_text())
    async with rig(database_url, redis_url, every_channel=True) as r:
        phone = r.on_whatsapp()
        phone.say("I was charged twice this month")
        await until(lambda: r.threads(ROOM), what="a card")
        await until(lambda: any(m.from_business for m in phone.chat), what="our notice")
        ours = next(m for m in phone.chat if m.from_business)
        phone.say(told["text"]["body"], reply_to=ours.id)
        await _shown(r, f"“{undisclosed(ours.text)[:20]}", told["text"]["body"])


async def _shown(r: Rig, answered: str, said: str) -> None:
    ts = r.card(ROOM)
    await until(
        lambda: any(
            "↩️" in text and answered in text and text.index(answered) < text.index(said)
            for text in r.in_thread(ROOM, ts)
            if said in text
        ),
        what=f"what {said!r} answers",
    )
