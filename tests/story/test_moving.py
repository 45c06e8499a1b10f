"""One matter across channels, and from the staff's Slack to their Telegram."""

import re

import pytest
from sqlalchemy import text

from bot.commands.chat import run_in_chat
from bot.commands.registry import registry
from bot.core.commands import Caller
from bot.core.ids import OrgId
from tests.story.rig import Rig, rig, until
from tests.story.sides import ByMail, OnMessenger, OnTelegram, OnWhatsApp, Side

ROOM = "billing-escalations"
CHARGED = "I was charged twice this month"


async def conversations(r: Rig) -> list[str]:
    """The ids of all, newest first."""
    desk = r.desks[0].desk
    async with desk.database.begin() as connection:
        found = await connection.execute(
            text("select id from conversations where status <> 'resolved' order by id desc")
        )
        return [str(row.id) for row in found]


async def command(r: Rig, words: str) -> str:
    desk = r.desks[0].desk
    async with desk.database.begin() as connection:
        organization = OrgId(await connection.scalar(text("select id from organizations")))
    return (await run_in_chat(desk, registry(desk), Caller(organization, "anna", "Anna"), words)).markdown


@pytest.mark.long
async def test_a_customer_goes_from_whatsapp_to_mail_to_telegram_in_one_conversation(
    database_url: str, redis_url: str
) -> None:
    async with rig(database_url, redis_url, every_channel=True) as r:
        whatsapp, mail, telegram = OnWhatsApp(r), ByMail(r), OnTelegram(r)
        await whatsapp.say(CHARGED)
        await until(lambda: r.threads(ROOM) and whatsapp.heard(), what="a card")
        ts = r.card(ROOM)
        await r.press("hugo", ROOM, ts, "take")
        await until(lambda: any("has taken this" in t for t in r.in_thread(ROOM, ts)), what="who speaks")

        address = r.by_mail().address
        await whatsapp.say(f"Please send this to my email {address}")
        await until(mail.letters, what="a mail with the code")
        code = re.search(r"(\d{3}) (\d{3})", mail.letters()[0].text)
        assert code is not None
        await whatsapp.say(code[1] + code[2])
        await until(lambda: len(mail.letters()) == 2, what="the story so far by mail")
        assert CHARGED in mail.letters()[1].text
        subjects = [letter.subject for letter in mail.letters()]
        assert subjects == ["Your code for Brightdesk", "Your conversation with Brightdesk"]
        r.slack.post_as("hugo", ROOM, "Refunded, you will see it on Friday.", thread_ts=ts)
        await until(lambda: any("Friday" in t for t in mail.heard()), what="the answer by mail")
        await mail.say("Thank you by mail!")
        await until(lambda: any("Thank you by mail!" in t for t in r.in_thread(ROOM, ts)), what="her mail")

        [conversation] = await conversations(r)
        invitation = await command(r, f"customers invite {conversation} telegram")
        token = re.search(r"go-[A-Za-z0-9_-]{22}", invitation.replace("\\", ""))
        assert token is not None, invitation
        r.phone.say(r.maya, f"/start {token[0]}")
        await telegram.say("And now from Telegram")
        await until(lambda: any("And now from Telegram" in t for t in r.in_thread(ROOM, ts)), what="her chat")
        r.slack.post_as("hugo", ROOM, "I read you here, too.", thread_ts=ts)
        await until(lambda: any("I read you here" in t for t in telegram.heard()), what="the answer there")
        assert len(r.threads(ROOM)) == 1
        assert await conversations(r) == [conversation]
        assert not any("I read you here" in t for t in (*whatsapp.heard(), *mail.heard()))


@pytest.mark.long
@pytest.mark.parametrize("kind", [OnWhatsApp, OnMessenger], ids=lambda kind: kind.title)
async def test_an_invitation_leads_to_another_channel_once(
    database_url: str, redis_url: str, kind: type[Side]
) -> None:
    async with rig(database_url, redis_url, every_channel=True) as r:
        mail, there = ByMail(r), kind(r)
        await mail.say(CHARGED)
        await until(lambda: r.threads(ROOM) and mail.heard(), what="a card")
        ts = r.card(ROOM)
        [conversation] = await conversations(r)
        link = (await command(r, f"customers invite {conversation} {kind.title.lower()}")).replace("\\", "")
        token = re.search(r"go-[A-Za-z0-9_-]{22}", link)
        assert token is not None, link
        if kind is OnMessenger:
            assert "m.me/" in link
            r.on_messenger().follow(token[0])
        else:
            assert "wa.me/" in link
            await there.say(f"Hello! ({token[0]})")
        await there.say("It is me, from my phone")
        await until(lambda: any("from my phone" in t for t in r.in_thread(ROOM, ts)), what="her words")
        assert await conversations(r) == [conversation]
        other = r.on_whatsapp("Ines Duarte")
        other.say(f"Hello! ({token[0]})")
        await until(lambda: [m for m in other.chat if m.from_business], what="an answer to a stranger")
        assert len(await conversations(r)) == 2
        assert not any("Ines" in t for t in r.in_thread(ROOM, ts))


@pytest.mark.long
async def test_a_customer_who_hides_their_number_goes_on_in_the_same_thread(
    database_url: str, redis_url: str
) -> None:
    """From one message to the next WhatsApp tells who writes by another id, and takes answers there alone."""
    async with rig(database_url, redis_url, every_channel=True) as r:
        maya, phone = OnWhatsApp(r), r.on_whatsapp()
        await maya.say(CHARGED)
        await until(lambda: r.threads(ROOM) and maya.heard(), what="a card")
        ts = r.card(ROOM)
        await r.press("hugo", ROOM, ts, "take")
        phone.take_username("maya.f")
        await maya.say("Nobody sees my number now")
        await until(lambda: any("Nobody sees" in t for t in r.in_thread(ROOM, ts)), what="her words")
        r.slack.post_as("hugo", ROOM, "I still read you.", thread_ts=ts)
        await until(lambda: "I still read you." in maya.heard(), what="the answer")
        assert r.whatsapp.sent("messages")[-1].params["recipient"].startswith("DE.")
        phone.change_number("+49 151 7654321")
        await r.whatsapp.settled()
        phone.say("And now I have another")
        await until(lambda: any("now I have another" in t for t in r.in_thread(ROOM, ts)), what="her words")
        r.slack.post_as("hugo", ROOM, "That makes no difference.", thread_ts=ts)
        await until(lambda: any(m.text == "That makes no difference." for m in phone.chat), what="the answer")
        assert len(await conversations(r)) == 1


def nobody_comes(document: dict[str, object]) -> None:
    """Give whoever is called one second."""
    document["ladders"] = [
        {"id": "default", "steps": [{"target": "night-watch", "after": "1s"}]},
        {"id": "urgent", "steps": [{"target": "escalation-team", "after": "10m"}]},
    ]
    for team in document["teams"]:  # type: ignore[attr-defined]
        team["ladder"] = "urgent" if team["id"] == "night-watch" else "default"
    for agent in document["agents"]:  # type: ignore[attr-defined]
        for rule in agent["escalation_rules"]:
            rule["timeout"] = "1s"


@pytest.mark.long
async def test_hands_change_from_slack_to_telegram(database_url: str, redis_url: str) -> None:
    async with rig(database_url, redis_url, nobody_comes, every_channel=True) as r:
        maya = OnWhatsApp(r)
        await maya.say(CHARGED)
        await until(lambda: r.threads(ROOM), what="a card in Slack")
        group = r.night_watch
        await until(lambda: [t for t in group.topics() if "Maya" in t.name], what="a topic in Telegram")
        topic = next(t for t in group.topics() if "Maya" in t.name)
        await until(lambda: [m for m in group.messages(topic.id) if m.buttons], what="the card in it")
        card = next(m for m in group.messages(topic.id) if m.buttons)
        farid = next(u for u in group.members() if "Farid" in u.name)
        await until(lambda: len(group.messages(topic.id)) > 1, what="the story")
        assert any(CHARGED in m.text for m in group.messages(topic.id))
        group.tap(farid, card.message_id, "Take")
        await until(lambda: any("has taken this" in m.text for m in group.messages(topic.id)), what="taken")
        heard = len(maya.heard())
        group.say(farid, "// she is right", topic=topic.id)
        group.say(farid, "I take care of your refund.", topic=topic.id)
        await until(lambda: len(maya.heard()) > heard, what="Farid's answer")
        assert maya.heard()[-1] == "I take care of your refund."
        await maya.say("Thank you, Farid")
        await until(
            lambda: any("Thank you, Farid" in m.text for m in group.messages(topic.id)), what="her words"
        )
        r.slack.post_as("hugo", ROOM, "nobody reads this", thread_ts=r.card(ROOM))
        group.tap(farid, card.message_id, "Resolve")
        await until(lambda: "solved" in maya.heard()[-1], what="the closing word")
        assert not any("nobody reads" in t or "she is right" in t for t in maya.heard())
