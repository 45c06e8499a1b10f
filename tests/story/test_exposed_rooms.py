"""Channels of the staff that others read: refused before they are used, and told when they become so."""

from pathlib import Path

import pytest

from tests.rooms.sides import OnTelegram, SlackThread, Topic
from tests.rooms.test_leak import in_telegram
from tests.rooms.test_lost_rooms import directly, told_directly
from tests.story.rig import Change, rig, until
from tests.story.shell import desk, written

SHARED = "shared with another company by Slack Connect"


def billing_in(channel: str, *, public: bool = False) -> Change:
    def change(document: dict[str, object]) -> None:
        for team in document["teams"]:  # type: ignore[attr-defined]
            if team["id"] == "billing":
                team["channels"]["escalation"] = [{"slack": channel}]
                team["channels"]["public"] = [{"slack": channel}] if public else []

    return change


@pytest.mark.long
async def test_a_channel_shared_with_another_company_is_refused_and_found_by_the_check(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    async with rig(database_url, redis_url) as r:
        assert (await desk(r, "accounts", "check", "slack")).code == 0
        r.slack.share("success-escalations", "T0OTHERCO1")
        refused = await desk(
            r, "org", "apply", str(written(r, tmp_path / "mine", billing_in("#lobby"))), "--yes"
        )
        assert refused.code == 1
        assert f"#success-escalations is to be private, but it is {SHARED}" in " ".join(refused.out.split())
        assert "Nothing was applied." in refused.out
        checked = await desk(r, "accounts", "check", "slack")
        assert checked.code == 1
        assert SHARED in checked.out


@pytest.mark.long
async def test_a_public_channel_is_refused_unless_the_file_says_that_it_is(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    async with rig(database_url, redis_url) as r:
        r.slack.add_channel("lobby", private=False, members=("hugo", "carla"))
        path = written(r, tmp_path / "mine", billing_in("#lobby"))
        refused = await desk(r, "org", "apply", str(path), "--yes")
        assert refused.code == 1
        assert "#lobby is to be private, but it is public" in " ".join(refused.out.split())
        said = written(r, tmp_path / "mine", billing_in("#lobby", public=True))
        assert (await desk(r, "org", "apply", str(said), "--yes")).code == 0


@pytest.mark.long
async def test_a_version_whose_channel_others_read_by_now_does_not_come_back(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    async with rig(database_url, redis_url) as r:
        path = written(r, tmp_path / "mine", billing_in("#success-escalations"))
        assert (await desk(r, "org", "apply", str(path), "--yes")).code == 0
        r.slack.share("billing-escalations", "T0OTHERCO1")
        refused = await desk(r, "org", "apply", "--version", "1", "--yes")
        assert refused.code == 1
        assert SHARED in " ".join(refused.out.split())
        assert "version 2" in (await desk(r, "org", "show")).out.lower()


@pytest.mark.long
async def test_a_channel_that_cannot_be_asked_is_a_warning(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    async with rig(database_url, redis_url) as r:
        path = written(r, tmp_path / "mine", billing_in("#not-there"))
        applied = await desk(r, "org", "apply", str(path), "--yes")
        assert applied.code == 0
        assert "#not-there: nobody could ask who reads it" in applied.out


async def test_a_room_is_told_when_others_begin_to_read_it(database_url: str, redis_url: str) -> None:
    async with rig(database_url, redis_url) as r:
        customer, room = OnTelegram(r, "Maya Fischer"), SlackThread(r)
        await customer.say("I was charged twice this month")
        await until(lambda: room.find("charged twice"), what="a room with the story")
        await room.press("carla", "take")
        await until(lambda: any("has taken this" in line for line in room.lines()), what="who speaks")
        r.slack.make_public(room.channel, "anna")
        await until(
            lambda: any("everybody in the workspace can read it" in line for line in room.lines()),
            what="the room is told that it is public",
        )
        r.slack.share(room.channel, "T0OTHERCO1")
        await until(
            lambda: any("is not private any more" in line and SHARED in line for line in room.lines()),
            what="the room is told",
        )
        await told_directly(r, "anna", "#billing-escalations is not private any more")


def described_anew(document: dict[str, object]) -> None:
    document["description"] = "The same organization."


def public_in_the_file(document: dict[str, object]) -> None:
    for team in document["teams"]:  # type: ignore[attr-defined]
        team["channels"]["public"] = team["channels"]["escalation"]


@pytest.mark.long
async def test_a_public_group_on_telegram_is_found_by_the_check_and_refused(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    async with rig(database_url, redis_url, in_telegram, every_channel=True) as r:
        assert (await desk(r, "accounts", "check", "telegram-staff")).code == 0
        r.night_watch.settings(username="brightdesk_night")
        checked = await desk(r, "accounts", "check", "telegram-staff")
        assert checked.code == 1
        assert "it is public (@brightdesk_night), so that everybody can read it" in " ".join(
            checked.out.split()
        )
        path = written(r, tmp_path / "mine", in_telegram, described_anew, every_channel=True)
        refused = await desk(r, "org", "apply", str(path), "--yes")
        assert refused.code == 1
        assert "is to be private, but it is public (@brightdesk_night)" in " ".join(refused.out.split())


@pytest.mark.long
async def test_a_topic_and_the_admins_are_told_once_when_their_group_has_become_public(
    database_url: str, redis_url: str
) -> None:
    async with rig(database_url, redis_url, in_telegram, every_channel=True) as r:
        customer, room = OnTelegram(r, "Maya Fischer"), Topic(r)
        await customer.say("I was charged twice this month")
        await until(lambda: room.find("charged twice"), what="a topic with the story")
        await room.press("farid", "take")
        await until(lambda: any("has taken this" in line for line in room.lines()), what="who speaks")
        r.night_watch.settings(username="brightdesk_night")
        for words in ("I look into it.", "One moment."):
            room.post("farid", words)
            await until(lambda words=words: words in customer.heard(), what="the holder still speaks")  # type: ignore[misc]
        told = [line for line in room.lines() if "is not private any more" in line]
        assert len(told) == 1
        assert "it is public (@brightdesk_night)" in told[0]
        await until(
            lambda: any("@brightdesk_night" in text for text in directly(r, "anna")),
            what="a word to an admin",
        )


@pytest.mark.long
async def test_a_group_that_the_file_says_is_public_warns_nobody(database_url: str, redis_url: str) -> None:
    async with rig(database_url, redis_url, in_telegram, public_in_the_file, every_channel=True) as r:
        customer, room = OnTelegram(r, "Maya Fischer"), Topic(r)
        r.night_watch.settings(username="brightdesk_night")
        await customer.say("I was charged twice this month")
        await until(lambda: room.find("charged twice"), what="a topic with the story")
        await room.press("farid", "take")
        room.post("farid", "I look into it.")
        await until(lambda: "I look into it." in customer.heard(), what="the holder speaks")
        assert not [line for line in room.lines() if "is not private any more" in line]
