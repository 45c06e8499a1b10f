"""The customer pins a message in the chat with the bot: nobody's words."""

import json
from pathlib import Path

from tests.story.rig import rig, until

ROOM = "billing-escalations"


async def test_a_pinned_message_is_never_answered_and_shown_to_nobody(
    case: Path, database_url: str, redis_url: str
) -> None:
    told = json.loads((case / "telegram.json").read_text())
    async with rig(database_url, redis_url) as r:
        theirs = {"chat": {**told["chat"], "id": r.maya.id}, "from": {**told["from"], "id": r.maya.id}}
        r.phone.inject("message", {**told, **theirs}, r.maya.id)
        r.phone.say(r.maya, "I was charged twice this month")
        await until(lambda: r.threads(ROOM), what="a card")
        assert "pinned" not in "\n".join(r.in_thread(ROOM, r.card(ROOM)))
        assert not any("cannot read" in message.text for message in r.phone.chat(r.maya))
