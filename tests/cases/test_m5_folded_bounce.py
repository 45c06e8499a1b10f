"""A report whose sentence is folded marks the very message, and opens no conversation."""

from pathlib import Path

from tests.story.rig import rig, until

SUPPORT = "support@brightdesk.example"
REPORT = """From: Mail Delivery System <Mailer-Daemon@mx.harbor.example>
To: support@brightdesk.example
Subject: Mail delivery failed: returning message to sender
Message-ID: <e1@mx.harbor.example>

A message that you sent could not be delivered to one or more of
its recipients. The following address(es) failed:

  ines@harbor.example
    unrouteable address

------ This is a copy of the message, including all the headers. ------

From: Brightdesk <support@brightdesk.example>
To: ines@harbor.example
Message-ID: {ours}
"""


async def test_the_holder_is_told_and_no_conversation_opens(
    case: Path, database_url: str, redis_url: str
) -> None:
    assert (case / "README").is_file()
    async with rig(database_url, redis_url, every_channel=True) as r:
        ines = r.mail.customer("ines@harbor.example", "Ines Moreau")
        await ines.write("Charged twice", "I was charged twice this month", to=SUPPORT)
        await until(lambda: r.threads("billing-escalations"), what="a card")
        [ours] = await ines.received(1)
        report = REPORT.format(ours=ours.message_id).replace("\n", "\r\n").encode()
        await r.mail.receive(report, sender="", recipient=SUPPORT)
        ts = r.card("billing-escalations")
        await until(
            lambda: any("❌" in text for text in r.in_thread("billing-escalations", ts)),
            what="that it could not be delivered",
        )
