"""Forged mails to us: they fill neither a stranger's mailbox through us nor the channel of our staff."""

from email.utils import formataddr

import pytest

from tests.story.rig import Rig, rig, until

SUPPORT = "support@brightdesk.example"
FORGED = 40


def rooms(r: Rig) -> list[tuple[str, str]]:
    """The channel and thread of every card."""
    channels = [channel["name"] for channel in r.slack.channels()]
    return [(name, str(card["ts"])) for name in channels for card in r.threads(name)]


def told(r: Rig) -> str:
    return "\n".join(text for channel, ts in rooms(r) for text in r.in_thread(channel, ts))


@pytest.mark.long
async def test_forty_forged_mails_make_one_mail_to_the_named_sender_and_one_room(
    database_url: str, redis_url: str
) -> None:
    async with rig(database_url, redis_url, every_channel=True) as r:
        vera = r.mail.customer("vera@harbor.example", "Vera")
        r.mail.customer("eve@harbor.example")
        for n in range(FORGED):
            spelled = ("vera@harbor.example", "VERA@harbor.example", "vera+x@harbor.example")[n % 3]
            headers = {
                "From": formataddr((f"Lottery {n}", spelled)),
                "Reply-To": "eve@harbor.example",
                "Message-ID": f"<lottery{n}@prizes.example>",
            }
            await vera.write(
                f"You won {n}", "Claim at prizes.example", to=SUPPORT, headers=headers, verdict="fail"
            )
        await until(
            lambda: all(f"You won {n}" in told(r) for n in range(FORGED)), what="all of them in a room"
        )
        assert len(rooms(r)) == 1, "and one only"
        [(channel, _)] = rooms(r)
        assert "Nobody vouches that this mail comes from" in str(r.threads(channel))

        [mail] = await vera.received(1)
        raw = mail.raw.decode()
        assert mail.subject == "Your message to Brightdesk"
        assert "please answer this mail" in mail.text
        assert mail.header("To").lower() in ("vera@harbor.example", "vera+x@harbor.example")
        assert "auto-replied" in raw
        for theirs in ("Lottery", "You won", "prizes.example", "Re:", "Cc:"):
            assert theirs not in raw, "our own words alone"
        assert not r.mail.customer("eve@harbor.example").inbox


@pytest.mark.long
async def test_a_reply_to_the_acknowledgement_is_answered_as_any_mail_is(
    database_url: str, redis_url: str
) -> None:
    async with rig(database_url, redis_url, every_channel=True) as r:
        maya = r.by_mail()
        await maya.write("A question", "Where is my parcel?", to=SUPPORT, verdict="none")
        [acknowledged] = await maya.received(1)
        await until(lambda: rooms(r), what="a room")
        [(channel, ts)] = rooms(r)
        await maya.reply(acknowledged, "That was me", verdict="none")
        await until(lambda: "That was me" in told(r), what="her answer in the room")
        await r.press("carla", channel, ts, "take")
        await r.press("carla", channel, ts, "return")
        [_, returned] = await maya.received(2)
        await maya.reply(returned, "Hello", verdict="none")
        [*_, answer] = await maya.received(3)
        assert "Where is my parcel?" not in answer.subject
        assert len(rooms(r)) == 1
