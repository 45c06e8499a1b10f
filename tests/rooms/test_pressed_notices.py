"""The notice of what has no room yet, as people press its button late, twice, or without being asked to."""

import pytest

from connectors.sandbox.faults import Mischief
from connectors.sandbox.telegram.model import ChatMessage
from tests.rooms.test_room import Start, start  # noqa: F401 (a fixture)
from tests.story.rig import Rig, rig, until

SUPPORT = "support@brightdesk.example"
MAILS, AT_ONCE = 7, 5  # and so many of them get a room
NEXT = "Open the next 5"
ALL_HAVE_ROOMS = "All of these conversations have their own thread now, or are closed."
CHANGED = "This changed while you pressed. The notice says how it stands."


async def mails_that_nobody_vouches_for(r: Rig) -> None:
    for n in range(MAILS):
        sender = r.mail.customer(f"writer{n}@harbor{n}.example", f"Writer {n}")
        await sender.write(f"Question {n}", "Where is my parcel?", to=SUPPORT, verdict="none")


class InSlack:
    """The channel of the notice."""

    def __init__(self, r: Rig) -> None:
        self.r, self.channel, self.ts = r, "", ""

    async def shown(self) -> "InSlack":
        await mails_that_nobody_vouches_for(self.r)
        await until(self._find, what="the notice of all that have no room")
        return self

    def _find(self) -> bool:
        for channel in (str(each["name"]) for each in self.r.slack.channels()):
            for message in self.r.threads(channel):
                if f"{MAILS - AT_ONCE} conversations wait" in str(message):
                    self.channel, self.ts = channel, str(message["ts"])
        return bool(self.ts) and self.rooms() == AT_ONCE

    def rooms(self) -> int:
        return sum("Take" in str(card["blocks"]) for card in self.r.threads(self.channel))

    def told(self, who: str) -> list[str]:
        return [one.text for one in self.r.slack.ephemerals(who)]


@pytest.mark.long
async def test_a_person_who_presses_in_slack_when_all_have_rooms_is_told_so_once(start: Start) -> None:  # noqa: F811
    async with start(every_channel=True) as r:
        notice = await InSlack(r).shown()
        r.sandbox.faults.add("slack", Mischief.RATE_LIMITED, pattern="chat.update", seconds=600)
        await r.press("anna", notice.channel, notice.ts, "open_next")
        await until(lambda: notice.rooms() == MAILS, what="a room for each")
        assert notice.told("anna") == []
        await r.press("anna", notice.channel, notice.ts, "open_next")
        await until(lambda: notice.told("anna"), what="an answer")
        await r.press("carla", notice.channel, notice.ts, "open_next")
        await until(lambda: notice.told("carla"), what="an answer")
        assert notice.told("anna") == notice.told("carla") == [ALL_HAVE_ROOMS]
        assert notice.rooms() == MAILS


@pytest.mark.long
async def test_a_stranger_who_presses_in_slack_is_told_why_nothing_happens(start: Start) -> None:  # noqa: F811
    async with start(every_channel=True) as r:
        notice = await InSlack(r).shown()
        r.slack.add_user("zoe", real_name="Zoe")
        r.slack.join("zoe", notice.channel)
        await r.press("zoe", notice.channel, notice.ts, "open_next")
        await until(lambda: notice.told("zoe"), what="an answer")
        assert notice.told("zoe") == ["You are not named in the organization file, so you cannot act here."]
        assert notice.rooms() == AT_ONCE


def all_in_telegram(document: dict[str, object]) -> None:
    """Every team works in the night watch's group."""
    teams: list[dict[str, object]] = document["teams"]  # type: ignore[assignment]
    night_watch = next(team for team in teams if team["id"] == "night-watch")
    for team in teams:
        team["people"], team["channels"] = night_watch["people"], night_watch["channels"]


@pytest.mark.long
async def test_the_second_of_two_who_press_at_once_in_telegram_is_told_so_once(
    database_url: str, redis_url: str
) -> None:
    async with rig(database_url, redis_url, all_in_telegram, every_channel=True) as r:
        group = r.night_watch
        await mails_that_nobody_vouches_for(r)

        def cards() -> list[ChatMessage]:
            return [m for m in group.messages() if any(b["text"] == "Take" for row in m.buttons for b in row)]

        def notice() -> ChatMessage | None:
            waiting = f"{MAILS - AT_ONCE} conversations wait"
            return next((m for m in group.messages() if waiting in m.text and m.buttons), None)

        await until(lambda: notice() and len(cards()) == AT_ONCE, what="the notice of all that have no room")
        shown = notice()
        assert shown is not None
        farid, grace = (next(m for m in group.members() if m.name.startswith(n)) for n in ("Farid", "Grace"))
        for person in (farid, grace):
            group.tap(person, shown.message_id, NEXT)
        await until(lambda: len(cards()) == MAILS, what="a room for each")
        await until(lambda: group.seen_alone(grace) or group.seen_alone(farid), what="an answer")
        await r.telegram_staff.settled()
        [answer] = [*group.seen_alone(farid), *group.seen_alone(grace)]
        assert answer.text in (ALL_HAVE_ROOMS, CHANGED)
        await until(lambda: notice() is None, what="that the notice asks nobody any more")
