"""An organization file that takes people or teams away while they have conversations."""

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.rooms.sides import OnTelegram, SlackThread, Topic
from tests.rooms.test_leak import in_telegram
from tests.rooms.test_lost_rooms import pass_time
from tests.rooms.test_room import ladder
from tests.story.rig import Rig, rig, until
from tests.story.shell import desk, without_member, without_person, written

BILLING = "billing-escalations"


async def _taken(r: Rig, customer: OnTelegram, room: SlackThread) -> None:
    await customer.say("I was charged twice this month")
    await until(lambda: room.find("charged twice"), what="a room with the story")
    await room.press("hugo", "take")
    await until(lambda: any("has taken this" in line for line in room.lines()), what="who speaks")


async def _pressed(room: SlackThread, who: str, action: str) -> None:
    """Press it as soon as the account is connected again: another channel is another connection."""
    async with asyncio.timeout(120):
        while True:
            try:
                return await room.press(who, action)
            except AssertionError:
                await asyncio.sleep(0.05)


def _card(r: Rig, channel: str = BILLING) -> str:
    return str(r.threads(channel)[-1])


@pytest.mark.long
async def test_conversations_of_a_removed_person_go_back_to_the_queue(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    async with rig(database_url, redis_url) as r:
        customer, room = OnTelegram(r, "Maya Fischer"), SlackThread(r)
        await _taken(r, customer, room)
        heard = len(customer.heard())
        file = written(r, tmp_path / "mine", without_person("hugo"))
        shown = await desk(r, "org", "apply", str(file))
        assert shown.code == 1
        assert (
            "! Hugo Martin was removed from the organization: 1 conversation goes on in the queue of Billing"
            " Specialists (" in shown.out
        )
        assert "Hugo Martin is talking" in _card(r), "nothing has happened yet"

        applied = await desk(r, "org", "apply", str(file), "--yes")
        assert applied.code == 0
        assert "1 conversation goes on in the queue of Billing Specialists" in applied.out
        await until(
            lambda: any("Hugo Martin was removed from the organization" in line for line in room.lines()),
            what="the room is told",
        )
        await until(lambda: "Nobody is talking to Maya Fischer yet" in _card(r), what="the card is true")
        room.post("hugo", "I am still here")
        await room.press("carla", "take")
        await until(lambda: any("Carla Mendes* has taken" in line for line in room.lines()), what="taken")
        room.post("carla", "Carla here, I look into it.")
        await until(lambda: "Carla here, I look into it." in customer.heard(), what="the next one speaks")
        assert len(customer.heard()) == heard + 1, "the customer heard of nothing else"


@pytest.mark.long
async def test_a_conversation_assigned_to_a_removed_person_waits_for_anybody(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    async with rig(database_url, redis_url) as r:
        customer, room = OnTelegram(r, "Maya Fischer"), SlackThread(r)
        await customer.say("I was charged twice this month")
        await until(lambda: room.find("charged twice"), what="a room with the story")
        await r.press("carla", BILLING, room.ts, "take")
        await until(lambda: "Take over" in room.card(), what="a card that shows who holds it")
        await assigned(r, room, "carla", "hugo")
        await until(lambda: "Assigned to Hugo Martin" in _card(r), what="the card shows the assignee")
        heard = len(customer.heard())
        file = written(r, tmp_path / "mine", without_person("hugo"))
        applied = await desk(r, "org", "apply", str(file), "--yes")
        assert applied.code == 0
        assert (
            "! Hugo Martin was removed from the organization: 1 conversation goes on in the queue of Billing"
            " Specialists (" in applied.out
        )
        await until(
            lambda: any("so this is assigned to nobody now" in line for line in room.lines()),
            what="the room is told",
        )
        await until(lambda: "Nobody is talking to Maya Fischer yet" in _card(r), what="the card is true")
        async with r.desks[0].database.begin() as connection:
            left = text("select state, assignee from escalations")
            assert [tuple(row) for row in await connection.execute(left)] == [("waiting", None)]
        await room.press("carla", "take")
        await until(lambda: any("Carla Mendes* has taken" in line for line in room.lines()), what="taken")
        room.post("carla", "Carla again.")
        await until(lambda: "Carla again." in customer.heard(), what="the next one speaks")
        assert len(customer.heard()) == heard + 1, "the customer heard of nothing else"


async def assigned(r: Rig, room: SlackThread, by: str, to: str) -> None:
    """Choose somebody in the form that Assign… opens."""
    await r.press(by, BILLING, room.ts, "assign")
    await until(lambda: r.slack.views(by), what="the form")
    ids = {str(user["name"]): str(user["id"]) for user in r.slack.users()}
    view = str(r.slack.views(by)[-1]["id"])
    assert (await r.slack.submit_view(by, view, {"person": {"answer": ids[to]}})).taken


@pytest.mark.long
async def test_the_next_step_is_called_when_the_asked_person_is_removed(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    asks_carla = ladder("1h", ("carla", "1h"), ("escalation-team", "1h"))
    asks_ben = ladder("1h", ("ben", "1h"))
    async with rig(database_url, redis_url, asks_carla) as r:
        customer, room = OnTelegram(r, "Maya Fischer"), SlackThread(r)
        await customer.say("I was charged twice this month")
        await until(lambda: room.find("charged twice"), what="a room with the story")
        await pass_time(r, "ladder")
        room.channel = "tier-1-escalations"  # her team's
        await until(lambda: room.find("charged twice"), what="a room of Carla's team")
        await until(
            lambda: any("is asked to take this" in line for line in room.lines()), what="Carla is asked"
        )
        file = written(r, tmp_path / "mine", asks_ben, without_person("carla"))
        applied = await desk(r, "org", "apply", str(file), "--yes")
        assert "! Carla Mendes was removed from the organization: 1 conversation goes on" in applied.out
        await until(
            lambda: any(
                "Carla Mendes was removed from the organization, and was" in told for told in room.lines()
            ),
            what="the room is told",
        )
        await until(lambda: r.threads("escalation"), what="a card for Ben's team")
        await until(lambda: "in another thread" in room.card(), what="the card is true")
        room.channel = "escalation"
        await until(lambda: room.find("is asked to take this"), what="Ben is asked")


@pytest.mark.long
async def test_a_person_who_left_the_team_holds_none_of_its_conversations_any_more(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    async with rig(database_url, redis_url) as r:
        customer, room = OnTelegram(r, "Maya Fischer"), SlackThread(r)
        await _taken(r, customer, room)
        file = written(r, tmp_path / "mine", without_member("billing", "hugo"))
        applied = await desk(r, "org", "apply", str(file), "--yes")
        assert "! Hugo Martin is no longer in Billing Specialists: 1 conversation goes on" in applied.out
        await until(lambda: "Nobody is talking to Maya Fischer yet" in _card(r), what="the card is true")


@pytest.mark.long
async def test_conversations_of_a_removed_team_go_to_the_escalation_team(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    def without_billing(document: dict[str, object]) -> None:
        document["teams"] = [t for t in document["teams"] if t["id"] != "billing"]  # type: ignore[attr-defined]
        for agent in document["agents"]:  # type: ignore[attr-defined]
            for rule in agent["escalation_rules"]:
                if rule["target"] == "billing-specialist":
                    rule["target"] = "customer-success"

    async with rig(database_url, redis_url) as r:
        customer, room = OnTelegram(r, "Maya Fischer"), SlackThread(r)
        await customer.say("I was charged twice this month")
        await until(lambda: room.find("charged twice"), what="a room with the story")
        file = written(r, tmp_path / "mine", without_billing)
        applied = await desk(r, "org", "apply", str(file), "--yes")
        assert "! Billing Specialists is no longer a team: 1 conversation goes on with Escalation Team" in (
            applied.out
        )
        await until(lambda: r.threads("escalation"), what="a card in the escalation team's channel")
        await until(
            lambda: any("Handed over to" in line for line in room.lines()), what="the old room is told"
        )
        await until(lambda: "in another thread" in _card(r), what="the old card is true")
        room.channel = "escalation"
        await until(lambda: room.find("charged twice"), what="the story in the new room")
        await _pressed(room, "anna", "take")
        await until(lambda: any("has taken this" in line for line in room.lines()), what="taken there")


@pytest.mark.long
async def test_a_team_with_another_channel_goes_on_there(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    def elsewhere(document: dict[str, object]) -> None:
        for team in document["teams"]:  # type: ignore[attr-defined]
            if team["id"] == "billing":
                team["channels"]["escalation"] = [{"slack": "#success-escalations"}]

    async with rig(database_url, redis_url) as r:
        customer, room = OnTelegram(r, "Maya Fischer"), SlackThread(r)
        await _taken(r, customer, room)
        file = written(r, tmp_path / "mine", elsewhere)
        applied = await desk(r, "org", "apply", str(file), "--yes")
        assert (
            "! Billing Specialists works in another channel: 1 conversation goes on in a new thread there"
            in (applied.out)
        )
        await until(lambda: any("in a new thread" in line for line in room.lines()), what="they are told")
        room.channel = "success-escalations"
        await until(lambda: room.find("charged twice"), what="the story in the new room")
        room.post("hugo", "Here I am.")
        await until(lambda: "Here I am." in customer.heard(), what="the holder still speaks")


@pytest.mark.long
async def test_a_removed_person_holds_no_topic_of_telegram_either(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    async with rig(database_url, redis_url, in_telegram, every_channel=True) as r:
        customer, room = OnTelegram(r, "Maya Fischer"), Topic(r)
        await customer.say("I was charged twice this month")
        await until(lambda: room.find("charged twice"), what="a topic with the story")
        await room.press("farid", "take")
        await until(lambda: any("has taken this" in line for line in room.lines()), what="who speaks")
        file = written(r, tmp_path / "mine", in_telegram, without_person("farid"), every_channel=True)
        assert (await desk(r, "org", "apply", str(file), "--yes")).code == 0
        await until(
            lambda: any("Farid Haddad was removed from the organization" in line for line in room.lines()),
            what="the topic is told",
        )
        room.post("farid", "I am still here")
        await until(lambda: "Take" in room.labels(), what="the card offers to take it")
        await room.press("grace", "take")
        room.post("grace", "Grace here.")
        await until(lambda: "Grace here." in customer.heard(), what="the next one speaks")
        assert "I am still here" not in customer.heard()
