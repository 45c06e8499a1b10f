"""Somebody in copy answers our mail with a file: the holder can open it from the thread."""

from email.utils import parseaddr
from pathlib import Path

from tests.story.rig import Rig, rig, until

ROOM = "billing-escalations"
SUPPORT = "support@brightdesk.example"


async def test_the_file_of_somebody_in_copy_can_be_opened(
    case: Path, database_url: str, redis_url: str
) -> None:
    async with rig(database_url, redis_url, every_channel=True) as r:
        ines = r.mail.customer("ines@harbor.example", "Ines Moreau")
        await ines.write("Charged twice", "I was charged twice this month", to=SUPPORT)
        await until(lambda: r.threads(ROOM), what="a card")
        [ours] = await ines.received(1)
        ts = r.card(ROOM)
        karl = r.mail.customer("karl@harbor.example", "Karl Moreau")
        thread = parseaddr(ours.header("Reply-To"))[1] or ours.sender[1]
        raw = (case / "reply.eml").read_text()
        raw = raw.replace("support+<token of Ines' thread>@brightdesk.example", thread)
        raw = raw.replace("<our mail>", ours.message_id)
        await karl.send_raw(raw.replace("\n", "\r\n").encode(), to=thread)
        await until(lambda: _shared(r, ts, "statement.pdf"), what="Karl's file in the thread")
        assert any("/files/" in text for text in r.in_thread(ROOM, ts)), "and the mail as it came"


def _shared(r: Rig, ts: str, name: str) -> bool:
    thread = r.slack.messages(ROOM, ts)
    return any(file["name"] == name for message in thread for file in message.get("files", ()))
