"""Going on elsewhere takes along what the customer knows, and nothing else."""

import re

import pytest

from tests.rooms.sides import ByMail, OnWhatsApp, SlackThread, reached_customers
from tests.story.rig import rig, until

NAME = "Maya Fischer"
INSIDE = ("insideone", "insidetwo", "insidethree", "insidefour")


@pytest.mark.long
async def test_code_and_story_go_to_the_named_address_and_hold_no_private_word(
    database_url: str, redis_url: str
) -> None:
    async with rig(database_url, redis_url, every_channel=True) as r:
        whatsapp, room = OnWhatsApp(r, NAME), SlackThread(r)
        mail, other = ByMail(r, NAME), ByMail(r, "Somebody Else")
        await other.say("How do I invite my team?")
        await whatsapp.say("I was charged twice this month")
        await until(lambda: room.find("charged twice"), what="a room with the story")
        room.post("carla", "she is insideone")
        await room.press("hugo", "take")
        await until(lambda: any("has taken this" in text for text in room.lines()), what="who speaks")
        room.post("hugo", "I am looking into it.")
        room.post("hugo", "// insidetwo of course")
        room.post("anna", "insidethree, Hugo")
        await until(lambda: any("looking into it" in text for text in whatsapp.heard()), what="his words")

        address = r.by_mail(NAME).address
        await whatsapp.say(f"Please send this to my email {address}")
        await until(mail.heard, what="a mail with the code")
        code = re.search(r"(\d{3}) (\d{3})", mail.heard()[0])
        assert code is not None
        told = [*whatsapp.heard(), *other.heard(), *room.lines()]
        assert not any(code[0] in text or code[1] + code[2] in text for text in told), "the code is no secret"
        await whatsapp.say(code[1] + code[2])
        await until(lambda: len(mail.heard()) == 2, what="the story so far")
        assert "> I am looking into it." in r.by_mail(NAME).inbox[1].text
        room.post("carla", "insidefour")
        await mail.say("And now by mail")
        await until(lambda: any("And now by mail" in text for text in room.lines()), what="her mail")
        room.post("hugo", "Refunded.")
        await until(lambda: any("Refunded." in text for text in mail.heard()), what="his answer")
        everything = reached_customers(r)
        assert not any(word in everything for word in INSIDE)
        assert not any("looking into it" in text or "Refunded" in text for text in other.heard())
