"""A whole desk among all the stand-ins: a customer is answered on every channel, staff on both of theirs."""

import time

import pytest

from connectors.sandbox.people import TEAM
from tests.accounts import hooks
from tests.story.rig import Rig, rig, until

QUESTION = "How do I invite my team?"


def _whatsapp(r: Rig) -> list[str]:
    return [each.text for each in r.on_whatsapp().chat if each.from_business]


def _messenger(r: Rig) -> list[str]:
    return [each.text for each in r.on_messenger().chat if each.from_page]


def _mail(r: Rig) -> list[str]:
    return [letter.text for letter in r.by_mail().inbox]


@pytest.mark.long
async def test_an_agent_answers_on_every_channel(database_url: str, redis_url: str) -> None:
    async with rig(database_url, redis_url, every_channel=True) as r:
        assert not r.desks[0].connections.problems
        r.phone.say(r.maya, QUESTION)
        r.on_whatsapp().say(QUESTION)
        r.on_messenger().say(QUESTION)
        await r.by_mail().write("Invitations", QUESTION, to=r.sandbox.credentials.email_address)
        theirs, maya = r.in_slack()
        direct = theirs.open_direct(maya).id
        asked = theirs.say(maya, direct, QUESTION)
        ours = r.slack_customers
        root = ours.say(maya, r.shared_channel, QUESTION)

        def in_slack(side: object, where: str, thread: str | None = None) -> list[str]:
            found = side.messages(where, thread)  # type: ignore[attr-defined]
            return [str(each["text"]) for each in found if each.get("bot_id")]

        for name, heard in {
            "telegram": r.heard,
            "whatsapp": lambda: _whatsapp(r),
            "messenger": lambda: _messenger(r),
            "mail": lambda: _mail(r),
            "direct message": lambda: in_slack(theirs, direct, asked),
            "shared channel": lambda: in_slack(ours, r.shared_channel, root),
        }.items():
            await until(heard, what=name)
            assert "invite" in " ".join(heard()).casefold(), name


def all_to_the_night_watch(document: dict[str, object]) -> None:
    for rule in document["escalation_rules"]:  # type: ignore[attr-defined]
        rule["target"] = "night-watch"


@pytest.mark.long
async def test_the_night_watch_works_in_a_topic_on_telegram(database_url: str, redis_url: str) -> None:
    async with rig(database_url, redis_url, all_to_the_night_watch, every_channel=True) as r:
        r.on_whatsapp().say("I would like to talk to a human")
        await until(r.night_watch.topics, what="a topic")
        (topic,) = r.night_watch.topics()
        assert "Maya Fischer" in topic.name
        grace = r.telegram_staff.user("Grace Kim")
        card = await until(lambda: [m for m in r.night_watch.messages(topic.id) if m.buttons], what="a card")
        r.night_watch.tap(grace, card[0].message_id, "Take")  # type: ignore[index]
        taken = "Grace Kim is talking to Maya Fischer"
        await until(lambda: any(taken in m.text for m in r.night_watch.messages(topic.id)), what="taken")
        begun = int(time.time())
        await until(lambda: int(time.time()) > begun, what="Telegram dates messages by the second")
        r.night_watch.say(grace, "Good evening, this is Grace.", topic=topic.id)
        await until(lambda: "Good evening, this is Grace." in " ".join(_whatsapp(r)), what="Grace's words")


@pytest.mark.long
@pytest.mark.parametrize("times", [1, 2])
async def test_the_app_is_added_to_the_customers_workspace_by_oauth(
    database_url: str, redis_url: str, times: int
) -> None:
    async with rig(database_url, redis_url, every_channel=True) as r:
        for _ in range(times - 1):
            await r.sandbox.connect(hooks(database_url, r.settings.public_url))
        assert r.slack_customers.installs.installed(TEAM)
        h = r.desks[0]
        account = next(each for each in h.directory if each.account == "slack-customers")
        connector = await h.connections.get(account.id)
        assert connector is not None
        assert await connector.check() == "2 workspaces"
