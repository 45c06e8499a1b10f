"""`Start over` on the sandbox's page, and what the desk knows afterwards."""

import json

import pytest

from bot.app.sandbox import forget_customers
from bot.commands.registry import registry
from bot.core.commands import Call, shell_of
from connectors.sandbox.server import Sandbox
from storage.organizations import current
from tests.story.rig import Rig, rig, until
from tests.story.sides import ByMail, InSlack, OnMessenger, OnTelegram, OnWhatsApp, Side

CHARGED = "I was charged twice this month"
ROOM = "billing-escalations"


async def listed(r: Rig) -> list[str]:
    """The names that `desk customers` shows, newest first; "(erased)" for who was."""
    desk = r.desks[0].desk
    async with desk.database.begin() as connection:
        (known,) = await current(connection)
    command, _ = registry(desk).find(["customers", "list"])
    arguments = {parameter.name: parameter.default or "" for parameter in command.parameters}
    output = await command.handler(Call(shell_of(known.organization), arguments))
    return [each["name"] for each in json.loads(json.dumps(output.data))]


@pytest.mark.long
async def test_everybody_on_the_page_is_new_to_the_desk(database_url: str, redis_url: str) -> None:
    rigs: list[Rig] = []
    around = Sandbox(forget=lambda addresses: forget_customers(rigs[0].desks[0].desk, addresses))
    async with rig(database_url, redis_url, sandbox=around, every_channel=True) as r:
        rigs.append(r)
        sides: list[Side] = [OnTelegram(r), OnWhatsApp(r), OnMessenger(r), ByMail(r), InSlack(r)]
        for side in sides:
            await side.say(CHARGED)
        await until(lambda: len(r.threads(ROOM)) == 5 and all(side.heard() for side in sides), what="cards")
        for card in r.threads(ROOM):
            await r.press("hugo", ROOM, str(card["ts"]), "take")

        await around.start_over()
        assert set(await listed(r)) == {"(erased)"}
        assert r.slack.messages(ROOM) == []
        again: list[Side] = [OnTelegram(r), OnWhatsApp(r), OnMessenger(r), ByMail(r), InSlack(r)]
        for side in again:
            await side.say("How do I invite my team?")
            await until(side.heard, what=f"an answer of the agent on {side.title}")
        assert [name == "(erased)" for name in await listed(r)] == [False] * 5 + [True] * 5
        assert r.slack.messages(ROOM) == []


async def test_a_customer_who_is_on_no_stand_in_stays(database_url: str, redis_url: str) -> None:
    async with rig(database_url, redis_url, customers=("Maya Fischer", "Kim Lee")) as r:
        for user in r.telegram.users():
            r.telegram.say(user, "How do I invite my team?")
        await until(lambda: all(r.heard(user) for user in r.telegram.users()), what="answers")
        maya = r.sandbox.customer("Maya Fischer")["telegram"]
        await forget_customers(r.desks[0].desk, {maya})
        assert sorted(await listed(r)) == ["(erased)", "Kim Lee"]
