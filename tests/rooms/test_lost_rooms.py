"""Rooms that staff can use no more: nothing stays with somebody who cannot answer, and the card is true."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import text

from tests.rooms.test_room import CHANNEL, Room, ladder
from tests.story.rig import Rig, rig, until

Start = Callable[..., AbstractAsyncContextManager[Rig]]
PRIVATE = "billing-team"  # the team's other channel
LAST = "escalation"  # of the escalation team
ALL = (LAST, "supervisors", PRIVATE, CHANNEL)  # the team's own one is lost last


@pytest.fixture
def start(database_url: str, redis_url: str) -> Start:
    return partial(rig, database_url, redis_url)


def directly(r: Rig, who: str) -> list[str]:
    """Return what somebody was told in their direct messages with the app."""
    return [str(m.get("text", "")) for m in r.slack.messages(r.slack.open_direct(who).id)]


async def told_directly(r: Rig, who: str, words: str) -> None:
    await until(lambda: any(words in text for text in directly(r, who)), what=f"{words!r} to {who}")


async def moved(room: Room, channel: str) -> Room:
    """The room in which the conversation goes on."""
    await until(lambda: room.r.threads(channel), what=f"a card in {channel}")
    found = Room(room.r, channel)
    found.ts = room.r.card(channel)
    return found


async def pass_time(r: Rig, kind: str) -> None:
    """A clock of the conversation rings now."""
    async with r.desks[0].database.begin() as connection:
        due = text("update timers set due_at = now() - interval '1 second' where kind = :kind returning 1")
        assert (await connection.execute(due, {"kind": kind})).all(), f"no clock {kind} is set"
        await connection.execute(text("update conversations set wake_at = now() where wake_at is not null"))


async def stays_silent(r: Rig, room: Room, before: list[str]) -> None:
    """Nothing more was said in a room that is lost."""
    await r.slack.settled()
    assert room.told() == before


@pytest.mark.long
async def test_an_archived_channel_moves_the_conversation_and_its_holder_to_the_teams_other_channel(
    start: Start,
) -> None:
    async with start() as r:
        room = await (await Room(r).open()).taken()
        heard = len(r.heard())
        r.slack.archive(CHANNEL)
        there = await moved(room, PRIVATE)
        await there.says("#billing-escalations cannot be used any more: the channel was archived")
        await told_directly(r, "hugo", "goes on in #billing-team")
        await there.card_says("Hugo Martin")
        there.write("hugo", "I have refunded one of them.")
        await there.hears("I have refunded one of them.")
        assert len(r.heard()) == heard + 1, "the customer is not told of channels"


@pytest.mark.long
async def test_the_first_post_that_fails_moves_the_room_though_no_event_told_of_the_loss(
    start: Start,
) -> None:
    """The input that failed: it was archived while somebody held it, and the customer wrote on."""
    async with start() as r:
        room = await (await Room(r).open()).taken()
        await room.card_says("Hugo Martin is talking to")
        r.slack.archive_unheard(CHANNEL)
        before = room.told()
        for n in range(5):
            r.phone.say(r.maya, f"hello? {n}")
        there = await moved(room, PRIVATE)
        await there.says("cannot be used any more: the channel is archived; unarchive it")
        await there.says("hello? 4")
        assert len(r.threads(PRIVATE)) == 1, "many failures at once are one loss"
        await stays_silent(r, room, before)


@pytest.mark.long
async def test_removed_from_its_channel_the_app_goes_on_in_the_other_one(start: Start) -> None:
    async with start() as r:
        room = await Room(r).open()
        await room.says("The story so far")
        r.slack.remove_app(CHANNEL, "anna")
        there = await moved(room, PRIVATE)
        await there.says("the app was removed from the channel. This continues here: press")
        await there.taken("carla")
        there.write("carla", "Let me look.")
        await there.hears("Let me look.")


@pytest.mark.long
async def test_without_a_channel_of_the_team_the_escalation_team_goes_on(start: Start) -> None:
    async with start() as r:
        room = await (await Room(r).open()).taken()
        heard = r.heard()
        r.slack.archive(PRIVATE)
        r.slack.archive(CHANNEL)
        there = await moved(room, LAST)
        await there.says("Hugo Martin was handling this and cannot be reached here: press *Take*")
        await there.card_says("needs a person")
        await told_directly(r, "hugo", "was given to *Escalation Team*")
        assert r.heard() == heard, "nothing is late yet"
        await there.taken("ben")
        there.write("ben", "I am Ben, and I have it now.")
        await there.hears("I am Ben, and I have it now.")


@pytest.mark.long
async def test_without_any_channel_the_admins_are_told_and_a_clock_tries_again(start: Start) -> None:
    async with start() as r:
        room = await (await Room(r).open()).taken()
        for channel in ALL:
            r.slack.archive(channel)
        await told_directly(r, "anna", "no channel is left to show it in")
        assert len(directly(r, "anna")) == 1
        assert not directly(r, "ben"), "who is no admin cannot mend it"
        r.phone.say(r.maya, "hello?")
        r.slack.unarchive(PRIVATE)
        r.ahead += timedelta(minutes=15)
        await pass_time(r, "open_room")
        there = await moved(room, PRIVATE)
        await there.says("hello?")
        await there.taken("hugo")


@pytest.mark.long
async def test_the_customer_of_a_lost_room_is_told_of_the_delay_when_their_time_is_over(start: Start) -> None:
    async with start(ladder("1h", ("escalation-team", "1h"))) as r:
        await Room(r).open()
        heard = len(r.heard())
        for channel in ALL:
            r.slack.archive(channel)
        await told_directly(r, "anna", "no channel is left")
        assert len(r.heard()) == heard
        await pass_time(r, "promised")
        await until(lambda: len(r.heard()) == heard + 1, what="a word to the customer")


async def test_a_renamed_channel_is_written_to_and_the_admins_learn_its_new_name(start: Start) -> None:
    async with start() as r:
        room = await (await Room(r).open()).taken()
        r.slack.rename(CHANNEL, "billing-help")
        await told_directly(r, "anna", "#billing-escalations is called #billing-help now")
        renamed = Room(r, "billing-help")
        renamed.ts = room.ts
        await renamed.says("#billing-escalations is called #billing-help now")
        await r.press("hugo", "billing-help", room.ts, "resolve")
        await renamed.says("This thread is closed")


async def test_a_new_conversation_finds_a_channel_that_was_renamed_before(start: Start) -> None:
    async with start() as r:
        r.slack.rename(CHANNEL, "billing-help")
        room = await Room(r, "billing-help").open()
        await room.card_says("needs a person")


@pytest.mark.long
async def test_a_card_that_was_deleted_comes_again_in_a_new_thread(start: Start) -> None:
    async with start() as r:
        room = await (await Room(r).open()).taken()
        await room.card_says("Hugo Martin is talking to")  # or an update of the card would find it out
        r.slack.delete_any(CHANNEL, room.ts)
        there = await begun_anew(room)
        await there.says("*Hugo Martin* is still talking to")
        await there.card_says("Hugo Martin is talking to")
        there.write("hugo", "Where were we?")
        await there.hears("Where were we?")
        await room.says("this continues in a new thread")


async def begun_anew(room: Room) -> Room:
    """The thread in the same channel in which the conversation goes on."""

    def others() -> list[str]:
        return [str(card["ts"]) for card in room.r.threads(CHANNEL) if card["ts"] != room.ts]

    await until(others, what="a new card")
    found = Room(room.r)
    [found.ts] = others()
    return found


@pytest.mark.long
@pytest.mark.parametrize("heard", [True, False])
async def test_a_thread_that_was_deleted_goes_on_in_a_new_one(start: Start, heard: bool) -> None:
    """Without an event, the customer's next words find out that there is nothing to answer to."""
    async with start() as r:
        room = await (await Room(r).open()).taken()
        await room.card_says("Hugo Martin is talking to")
        (r.slack.delete_thread if heard else r.slack.delete_thread_unheard)(CHANNEL, room.ts)
        if not heard:
            r.phone.say(r.maya, "hello?")
        there = await begun_anew(room)
        await there.says("*Hugo Martin* is still talking to")
        await there.says("I was charged twice this month")
        if not heard:
            await there.says("hello?")
        await there.card_says("Hugo Martin is talking to")
        there.write("hugo", "Where were we?")
        await there.hears("Where were we?")
        await r.press("hugo", CHANNEL, there.ts, "resolve")
        await there.card_says("solved")
        assert len(r.threads(CHANNEL)) == 1, "one loss is one new thread"


async def test_a_deactivated_person_holds_nothing_any_more(start: Start) -> None:
    async with start() as r:
        room = await (await Room(r).open()).taken()
        heard = r.heard()
        r.slack.deactivate("hugo")
        await room.says("Hugo Martin was deactivated in Slack")
        await room.card_says("needs a person")
        assert r.heard() == heard
        await room.taken("carla")


@pytest.mark.long
async def test_a_person_who_leaves_the_channel_holds_nothing_any_more(start: Start) -> None:
    async with start() as r:
        room = await (await Room(r).open()).taken()
        r.slack.leave_channel("hugo", CHANNEL)
        await room.says("Hugo Martin left the channel")
        await room.card_says("needs a person")
        await room.taken("carla")


@pytest.mark.long
async def test_the_next_step_is_called_at_once_when_the_asked_person_is_deactivated(
    start: Start,
) -> None:
    async with start(ladder("1h", ("carla", "1h"), ("escalation-team", "1h"))) as r:
        room = await Room(r).open()
        await pass_time(r, "ladder")
        asked = await moved(room, "tier-1-escalations")
        await asked.says("*Carla Mendes* is asked to take this")
        heard = r.heard()
        r.slack.deactivate("carla")
        await asked.says("Carla Mendes was deactivated in Slack, and was asked to take this")
        there = await moved(room, LAST)
        await there.says("The story so far")
        await there.card_says("Escalation Team")
        await asked.card_says("in another thread")
        assert r.heard() == heard
        await there.taken("ben")


@pytest.mark.long
async def test_a_reminder_finds_out_who_was_deactivated(start: Start) -> None:
    """The platform did not tell of the deactivation."""
    async with start() as r:
        room = await (await Room(r).open()).taken()
        next(user for user in r.slack.people() if user.name == "hugo").deleted = True
        await pass_time(r, "answer_due")
        await room.says("Hugo Martin is deactivated in Slack")
        await room.card_says("needs a person")


@pytest.mark.long
async def test_a_holder_on_do_not_disturb_past_the_time_is_not_reminded_but_relieved(start: Start) -> None:
    async with start() as r:
        room = await (await Room(r).open()).taken()
        r.slack.pause_notifications("hugo", r.now() + timedelta(hours=8))
        await pass_time(r, "answer_due")
        await room.says("Hugo Martin is on Do Not Disturb in Slack until")
        await room.card_says("needs a person")
        assert not any("has been waiting for your answer" in told for told in room.told())
        await room.taken("carla")


@pytest.mark.long
async def test_a_holder_who_is_back_soon_is_reminded_as_usual(start: Start) -> None:
    async with start() as r:
        room = await (await Room(r).open()).taken()
        r.slack.pause_notifications("hugo", r.now() + timedelta(minutes=1))
        await pass_time(r, "answer_due")
        await room.says("has been waiting for your answer")
        await room.card_says("Hugo Martin is talking to")


@pytest.mark.long
async def test_with_slacks_token_revoked_the_staff_on_telegram_go_on(start: Start) -> None:
    async with start(escalation_team_on_telegram, every_channel=True) as r:
        room = await (await Room(r).open()).taken()
        r.slack.uninstall(r.slack.installation.team_id)
        group = r.night_watch
        await until(lambda: any("was revoked" in m.text or "uninstalled" in m.text for m in group.messages()))
        assert any(m.buttons for m in group.messages()), "the card"
        r.phone.say(r.maya, "hello?")
        await until(lambda: any("hello?" in m.text for m in group.messages()), what="the story")
        assert room.ts


def escalation_team_on_telegram(document: dict[str, object]) -> None:
    team = next(team for team in document["teams"] if team["id"] == "night-watch")  # type: ignore[attr-defined]
    document["escalation_team"] = team["id"]


async def test_a_card_deleted_while_its_thread_is_closed_is_made_anew_when_the_customer_returns(
    start: Start,
) -> None:
    async with start() as r:
        room = await (await Room(r).open()).taken()
        await r.press("hugo", CHANNEL, room.ts, "resolve")
        await room.says("marked this as solved")
        await room.card_says("solved")
        r.slack.delete_any(CHANNEL, room.ts)
        r.phone.say(r.maya, "it is not solved")
        await until(lambda: any(str(c["ts"]) > room.ts for c in r.threads(CHANNEL)), what="a new card")
        room.ts = max(str(c["ts"]) for c in r.threads(CHANNEL))
        await room.says("it is not solved")
        await room.card_says("needs a person")
        await room.taken("carla")
