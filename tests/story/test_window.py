"""The closed window of WhatsApp: no free text is sent, nothing is lost, and waiting words go out once."""

from datetime import timedelta

import pytest

from tests.story.rig import Rig, rig, until
from tests.story.sides import OnWhatsApp

ROOM = "billing-escalations"
CHARGED = "I was charged twice this month"


def said_freely(r: Rig) -> list[str]:
    """Texts that the platform took which are no templates."""
    return [m.text for m in r.on_whatsapp().chat if m.from_business and m.kind != "template"]


def button_of(r: Rig, ts: str, action: str) -> str:
    """The message in the thread which carries that button."""
    for message in r.slack.messages(ROOM, ts):
        for block in message.get("blocks", []):
            for element in block.get("elements", []):
                if str(element.get("action_id", "")).startswith(action):
                    return str(message["ts"])
    return ""


async def taken(r: Rig) -> tuple[OnWhatsApp, str]:
    """Maya wrote, Hugo has taken it, and 25 hours go by."""
    side = OnWhatsApp(r)
    await side.say(CHARGED)
    await until(lambda: r.threads(ROOM), what="a card")
    await until(side.heard, what="the notice, while the window is open")
    ts = r.card(ROOM)
    await r.press("hugo", ROOM, ts, "take")
    await until(lambda: any("has taken this" in t for t in r.in_thread(ROOM, ts)), what="who speaks")
    r.ahead = timedelta(hours=25)
    return side, ts


@pytest.mark.long
async def test_words_outside_the_window_wait_and_leave_once_when_the_customer_writes(
    database_url: str, redis_url: str
) -> None:
    async with rig(database_url, redis_url, every_channel=True) as r:
        side, ts = await taken(r)
        before = said_freely(r)
        r.slack.post_as("hugo", ROOM, "I refunded it.", thread_ts=ts)
        await until(lambda: button_of(r, ts, "template"), what="the choice in the thread")
        r.slack.post_as("hugo", ROOM, "Sorry for that!", thread_ts=ts)
        await until(
            lambda: sum("takes no free text" in t for t in r.in_thread(ROOM, ts)) == 2, what="both wait"
        )
        assert said_freely(r) == before
        assert not [c for c in r.whatsapp.sent("messages") if "I refunded it." in str(c)]
        r.ahead = timedelta()
        await side.say("Hello? Anybody?")
        await until(lambda: "Sorry for that!" in said_freely(r), what="what waited")
        assert said_freely(r) == [*before, "I refunded it.", "Sorry for that!"]
        left = "has written again: what waited leaves now."
        await until(lambda: sum(left in t for t in r.in_thread(ROOM, ts)) == 2, what="what became of them")
        assert not button_of(r, ts, "template")
        assert not button_of(r, ts, "discard")


@pytest.mark.long
async def test_the_holder_sends_an_approved_template_instead(database_url: str, redis_url: str) -> None:
    async with rig(database_url, redis_url, every_channel=True) as r:
        side, ts = await taken(r)
        before = said_freely(r)
        r.slack.post_as("hugo", ROOM, "I refunded it.", thread_ts=ts)
        await until(lambda: button_of(r, ts, "template"), what="the choice in the thread")
        await r.press("hugo", ROOM, ts, "template", message=button_of(r, ts, "template"))
        templates = lambda: [m for m in r.on_whatsapp().chat if m.kind == "template"]  # noqa: E731
        await until(templates, what="the template on the phone")
        assert "Maya" in templates()[0].text
        assert said_freely(r) == before
        await until(lambda: not button_of(r, ts, "template"), what="nothing more to be sent instead")
        await r.press("hugo", ROOM, ts, "discard", message=button_of(r, ts, "discard"))
        await until(lambda: not button_of(r, ts, "discard"), what="nothing left to decide")
        r.ahead = timedelta()
        await side.say("Yes, I am here")
        r.slack.post_as("hugo", ROOM, "Good to hear.", thread_ts=ts)
        await until(lambda: "Good to hear." in said_freely(r), what="free words again")
        assert "I refunded it." not in said_freely(r)


@pytest.mark.long
async def test_a_message_that_the_platform_refuses_afterwards_waits_too(
    database_url: str, redis_url: str
) -> None:
    """The platform's clock runs ahead of ours: it takes the message, and then says that it was too late."""
    async with rig(database_url, redis_url, every_channel=True) as r:
        side = OnWhatsApp(r)
        await side.say(CHARGED)
        await until(lambda: r.threads(ROOM) and side.heard(), what="a card and the notice")
        ts = r.card(ROOM)
        await r.press("hugo", ROOM, ts, "take")
        await until(lambda: any("has taken this" in t for t in r.in_thread(ROOM, ts)), what="who speaks")
        before = said_freely(r)
        r.sandbox.clock.move(timedelta(hours=25))
        r.slack.post_as("hugo", ROOM, "I refunded it.", thread_ts=ts)
        await until(lambda: any("takes no free text" in t for t in r.in_thread(ROOM, ts)), what="it waits")
        assert said_freely(r) == before
        await side.say("Hello?")
        await until(lambda: "I refunded it." in said_freely(r), what="what waited")
        assert said_freely(r).count("I refunded it.") == 1
