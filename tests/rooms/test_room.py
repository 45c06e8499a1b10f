"""The staff's thread, sentence by sentence, with every part real but the platforms."""

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from functools import partial

import pytest

from connectors.sandbox.faults import Mischief
from connectors.sandbox.slack.files import Upload
from tests.story.rig import Change, Rig, rig, until, webhooks

CHANNEL = "billing-escalations"
SOLVED = "We have marked this as solved. If it is not, just write again and we will pick it up."
Start = Callable[..., AbstractAsyncContextManager[Rig]]


@pytest.fixture
def start(database_url: str, redis_url: str) -> Start:
    return partial(rig, database_url, redis_url)


def undo(time: str) -> Change:
    def change(document: dict[str, object]) -> None:
        document["policies"]["undo"] = time  # type: ignore[index]

    return change


def ladder(timeout: str, *steps: tuple[str, str], reminder: str | None = None) -> Change:
    """The billing rule's timeout, and who is called after that."""

    def change(document: dict[str, object]) -> None:
        for agent in document["agents"]:  # type: ignore[attr-defined]
            for rule in agent["escalation_rules"]:
                rule["timeout"] = timeout
        called = [{"target": target, "after": after} for target, after in steps]
        for known in document["ladders"]:  # type: ignore[attr-defined]
            known["reminder"] = reminder
            known["steps"] = called

    return change


def closed(document: dict[str, object]) -> None:
    """Return hours in which nobody is in, but on the morning of New Year's Day of a far year."""
    document["hours"] = {"monday": "03:00-03:01"}


class Room:
    """An escalation in its thread."""

    def __init__(self, r: Rig, channel: str = CHANNEL) -> None:
        self.r, self.channel = r, channel
        self.ts = ""

    async def open(self) -> "Room":
        self.r.phone.say(self.r.maya, "I was charged twice this month")
        return await self.opened()

    async def opened(self) -> "Room":
        await until(lambda: self.r.threads(self.channel), what="a card")
        self.ts = self.r.card(self.channel)
        await until(self.r.heard, what="the notice of the handoff")
        return self

    async def taken(self, by: str = "hugo") -> "Room":
        await self.r.press(by, self.channel, self.ts, "take")
        await self.says("From now on")
        return self

    async def says(self, words: str, times: int = 1) -> None:
        await until(
            lambda: len([t for t in self.told() if words in t]) >= times, what=f"{words!r} in the thread"
        )

    def told(self) -> list[str]:
        return self.r.in_thread(self.channel, self.ts)

    def write(self, who: str, text: str, **more: object) -> str:
        return str(self.r.slack.post_as(who, self.channel, text, thread_ts=self.ts, **more))

    def message(self, ts: str) -> Mapping[str, object]:
        return next(m for m in self.r.slack.messages(self.channel, self.ts) if m["ts"] == ts)

    def marks(self, ts: str) -> set[str]:
        return {str(mark["name"]) for mark in self.message(ts).get("reactions", ())}  # type: ignore[attr-defined]

    async def marked(self, ts: str, name: str) -> None:
        await until(lambda: self.marks(ts) == {name}, what=f"the mark {name!r}")

    async def hears(self, text: str) -> None:
        await until(lambda: text in self.r.heard(), what=f"{text!r} on the phone")

    def card(self) -> str:
        return str(next(c for c in self.r.threads(self.channel) if c["ts"] == self.ts)["blocks"])

    async def card_says(self, words: str) -> None:
        await until(lambda: words in self.card(), what=f"{words!r} on the card")

    def whispers(self, who: str) -> list[str]:
        return [whisper.text for whisper in self.r.slack.ephemerals(who)]

    async def whispered(self, who: str, words: str) -> None:
        await until(lambda: any(words in w for w in self.whispers(who)), what=f"{words!r} to {who}")


@pytest.mark.long
async def test_within_the_undo_words_can_be_changed_and_withdrawn(start: Start) -> None:
    async with start(undo("4s")) as r:
        room = await (await Room(r).open()).taken()
        changed, gone = room.write("hugo", "I refnded it."), room.write("hugo", "never mind")
        await room.marked(changed, "hourglass_flowing_sand")
        r.slack.edit_as("hugo", CHANNEL, changed, "I refunded it.")
        r.slack.delete_as("hugo", CHANNEL, gone)
        await room.hears("I refunded it.")
        await room.marked(changed, "white_check_mark")
        assert len(r.heard()) == 2


@pytest.mark.long
async def test_a_change_and_a_deletion_after_the_undo_reach_the_customer(start: Start) -> None:
    async with start() as r:
        room = await (await Room(r).open()).taken()
        first, second = room.write("hugo", "You get 20 €."), room.write("hugo", "Wrong customer.")
        await room.hears("Wrong customer.")
        await room.marked(second, "white_check_mark")
        r.slack.edit_as("hugo", CHANNEL, first, "You get 25 €.")
        r.slack.delete_as("hugo", CHANNEL, second)
        await until(lambda: r.heard()[1:] == ["You get 25 €."], what="the words as they are now")
        assert len(r.phone.sent("editMessageText")) == 1
        assert len(r.phone.sent("deleteMessage")) == 1


@pytest.mark.long
async def test_a_change_that_does_not_reach_the_customer_is_told(start: Start) -> None:
    async with start() as r:
        room = await (await Room(r).open()).taken()
        line = room.write("hugo", "You get 20 €.")
        await room.hears("You get 20 €.")
        await room.marked(line, "white_check_mark")
        shown = next(m for m in r.phone.chat(r.maya) if m.text == "You get 20 €.")
        r.phone.delete(r.maya, shown.message_id)
        r.slack.edit_as("hugo", CHANNEL, line, "You get 25 €.")
        await room.says("still has what you changed")


@pytest.mark.long
async def test_words_of_others_get_a_lock_and_their_authors_are_told_once(start: Start) -> None:
    async with start() as r:
        room = await (await Room(r).open()).taken()
        lines = [room.write("carla", "she again"), room.write("carla", "really"), room.write("hugo", "// hm")]
        for line in lines:
            await room.marked(line, "lock")
        room.write("hugo", "Here I am.")
        await room.hears("Here I am.")
        assert len([w for w in room.whispers("carla") if "stays inside" in w]) == 1
        assert len(room.whispers("hugo")) == 1, "what the lock on the holder's own words means, once"


def by_email(document: dict[str, object]) -> None:
    """The organization file names its people by the e-mail address of their Slack account."""
    for person in document["people"]:  # type: ignore[attr-defined]
        person["slack"] = person["email"]


def members(r: Rig) -> list[str]:
    channel = next(channel for channel in r.slack.channels() if channel["name"] == CHANNEL)
    return list(channel["members"])


async def assign(room: Room, by: str, to: str) -> None:
    """Choose somebody in the form that Assign… opens."""
    r = room.r
    before = len(r.slack.views(by))
    await r.press(by, CHANNEL, room.ts, "assign")
    await until(lambda: len(r.slack.views(by)) > before, what="the form")
    view = str(r.slack.views(by)[-1]["id"])
    assert (await r.slack.submit_view(by, view, {"person": {"answer": to}})).taken


@pytest.mark.long
async def test_people_named_by_their_email_address_are_known(start: Start) -> None:
    async with start(by_email) as r:
        room = await Room(r).open()
        await r.press("carla", CHANNEL, room.ts, "take")
        await room.says("has taken this")
        await room.card_says("Take over")
        await assign(room, "carla", "U0HUGO0008")
        await room.says("<@U0HUGO0008>")
        await room.taken("hugo")
        room.write("hugo", "Hugo here.")
        await room.hears("Hugo here.")


@pytest.mark.long
async def test_an_assignee_is_called_and_speaks_once_they_take_the_conversation(start: Start) -> None:
    async with start() as r:
        room = await (await Room(r).open()).taken("carla")
        room.write("carla", "One moment.")
        await room.card_says("Take over")
        await assign(room, "carla", "U0HUGO0008")
        await room.says("<@U0HUGO0008> 🔔 *Carla Mendes* assigned this to *Hugo Martin*")
        await room.card_says("Assigned to Hugo Martin, who has not taken it yet")
        note = room.write("hugo", "is she serious?")
        await room.marked(note, "lock")
        await room.hears("One moment.")
        await room.taken("hugo")
        room.write("hugo", "Hugo here.")
        await room.hears("Hugo here.")
        await room.card_says("Hugo Martin is talking to")  # an older card is answered by a whisper
        await r.press("carla", CHANNEL, room.ts, "take")
        await room.says("took over from")
        room.write("hugo", "not mine any more")
        room.write("carla", "Carla here.")
        await room.hears("Carla here.")
        assert not {"is she serious?", "not mine any more"} & set(r.heard())


@pytest.mark.long
async def test_an_assignee_who_does_not_react_is_reminded_once_and_then_the_ladder_goes_on(
    start: Start,
) -> None:
    async with start(ladder("2s", ("escalation-team", "1h"), reminder="500ms")) as r:
        room = await (await Room(r).open()).taken("carla")
        await room.card_says("Take over")
        await assign(room, "carla", "U0HUGO0008")
        await room.says("this is assigned to you")
        await room.says("Hugo Martin did not take it in time")
        await until(lambda: r.threads("escalation"), what="a card for the escalation team")
        assert len([t for t in room.told() if "this is assigned to you" in t]) == 1


@pytest.mark.long
async def test_an_assignee_who_is_not_in_the_channel_is_told_directly_and_let_in(start: Start) -> None:
    async with start() as r:
        room = await Room(r).open()
        await assign(room, "carla", "U0ELENA005")
        direct = r.slack.open_direct("elena").id
        await until(lambda: r.slack.messages(direct), what="a direct message")
        message = r.slack.messages(direct)[-1]
        assert "You are asked to take the conversation with Maya Fischer" in str(message["text"])
        await r.press("elena", direct, str(message["ts"]), "join")
        await until(lambda: "U0ELENA005" in members(r), what="Elena in the channel")
        await room.taken("elena")


@pytest.mark.long
async def test_an_assignee_asked_directly_is_told_once_that_somebody_else_has_it(start: Start) -> None:
    async with start() as r:
        room = await Room(r).open()
        await assign(room, "carla", "U0ELENA005")
        direct = r.slack.open_direct("elena").id
        await until(lambda: r.slack.messages(direct), what="a direct message")
        await room.taken("hugo")
        await until(lambda: len(r.slack.messages(direct)) > 1, what="a correction")
        words = "You need not take the conversation with Maya Fischer any more: *Hugo Martin* has it."
        assert words in str(r.slack.messages(direct)[-1]["text"])
        await r.press("hugo", CHANNEL, room.ts, "resolve")
        await room.hears(SOLVED)
        assert len(r.slack.messages(direct)) == 2


@pytest.mark.long
async def test_a_holder_is_told_when_the_conversation_is_assigned_to_somebody_else(start: Start) -> None:
    async with start() as r:
        room = await (await Room(r).open()).taken("hugo")
        await room.card_says("Take over")
        await assign(room, "anna", "U0CARLA003")
        await room.says("<@U0HUGO0008> ➡️ *Hugo Martin*, this is yours no longer")


@pytest.mark.long
@pytest.mark.parametrize("how", ["deactivated", "asleep", "unheard"])
async def test_a_conversation_assigned_to_somebody_unavailable_waits_for_the_team(
    start: Start, how: str
) -> None:
    async with start() as r:
        room = await (await Room(r).open()).taken("hugo")
        await room.card_says("Take over")
        cannot_notice(r, "carla", how)
        await assign(room, "hugo", "U0CARLA003")
        await room.says("so this is assigned to nobody now. *Billing Specialists*: press *Take* on the card")
        await room.card_says("needs a person")
        await until(lambda: "Assigned to Carla" not in room.card(), what="a true card")
        await r.press("hugo", CHANNEL, room.ts, "take")
        await room.card_says("Hugo Martin is talking to")


@pytest.mark.long
@pytest.mark.parametrize("how", ["deactivated", "asleep", "unheard"])
async def test_an_unavailable_former_holder_is_not_waited_for_when_the_customer_returns(
    start: Start, how: str
) -> None:
    async with start() as r:
        room = await (await Room(r).open()).taken("hugo")
        await r.press("hugo", CHANNEL, room.ts, "resolve")
        await room.hears(SOLVED)
        cannot_notice(r, "hugo", how)
        r.phone.say(r.maya, "but it happened again")
        await room.says("*Billing Specialists*: press *Take* on the card to answer Maya Fischer.")
        assert not any("you had this last" in told for told in room.told())
        await room.taken("carla")


def cannot_notice(r: Rig, who: str, how: str) -> None:
    """`unheard`: Slack does not say that they were deactivated."""
    if how == "deactivated":
        r.slack.deactivate(who)
    elif how == "asleep":
        r.slack.pause_notifications(who, r.now() + timedelta(hours=9))
    else:
        next(user for user in r.slack.people() if user.name == who).deleted = True


@pytest.mark.long
async def test_the_second_of_two_who_press_take_at_once_is_told_who_was_first(start: Start) -> None:
    async with start() as r:
        room = await Room(r).open()
        r.sandbox.faults.add("slack", Mischief.SLOW, pattern="chat.update", seconds=1.0)
        await room.taken("hugo")
        await r.press("carla", CHANNEL, room.ts, "take")  # on a card that does not show it yet
        await room.whispered("carla", "*Hugo Martin* has just taken this")
        room.write("hugo", "Hugo here.")
        await room.hears("Hugo here.")


@pytest.mark.long
async def test_the_card_tells_the_truth_for_its_whole_life(start: Start) -> None:
    async with start() as r:
        room = await Room(r).open()
        await room.card_says("needs a person")
        assert "Nobody is talking to" in room.card()
        await room.taken()
        await room.card_says("Hugo Martin is talking to")
        await r.press("carla", CHANNEL, room.ts, "resolve")
        await room.whispered("carla", "Take it over first")
        await r.press("hugo", CHANNEL, room.ts, "resolve")
        await room.card_says("solved")
        assert "Reopen" in room.card()
        assert "Take" not in room.card()
        await room.says("This thread is closed")
        line = room.write("hugo", "afterthought")
        await room.hears(SOLVED)
        r.phone.say(r.maya, "It is still there")
        await room.card_says("Nobody is talking to")
        await room.says("<@U0HUGO0008> 🔓 Reopened by the customer.")
        await room.says("It is still there")
        assert room.message(line)["text"] not in r.heard()


@pytest.mark.long
async def test_files_go_both_ways_and_changes_are_shown(start: Start) -> None:
    async with start() as r:
        room = await (await Room(r).open()).taken()
        said = r.phone.say(r.maya, "My invoice is 4711")
        await room.says("4711")
        r.phone.edit(r.maya, said.message_id, "My invoice is 4712")
        await room.says("changed their message")
        r.phone.send_media(r.maya, "photo", b"\x89PNG picture", name="bill.png", mime_type="image/png")
        r.phone.send_media(r.maya, "document", b"%PDF bill", name="bill.pdf", mime_type="application/pdf")
        await until(
            lambda: sum(len(m.get("files", ())) for m in r.slack.messages(CHANNEL, room.ts)) == 2,
            what="both files in the thread",
        )
        room.write("hugo", "Your credit note", files=[Upload("credit.pdf", b"%PDF credit")])
        await until(
            lambda: any(m.kind == "document" and m.from_bot for m in r.phone.chat(r.maya)), what="the file"
        )
        sent = next(m for m in r.phone.chat(r.maya) if m.kind == "document" and m.from_bot)
        assert r.phone.file(sent.file_id) == b"%PDF credit"


@pytest.mark.long
async def test_a_message_that_failed_can_be_sent_again(start: Start) -> None:
    async with start() as r:
        room = await (await Room(r).open()).taken()
        r.sandbox.faults.add("telegram", Mischief.LOST_RESPONSE, pattern="sendMessage", count=1)
        line = room.write("hugo", "Did this arrive?")
        await room.marked(line, "x")
        await room.says("It is not certain")
        complaint = next(
            m for m in r.slack.messages(CHANNEL, room.ts) if "It is not certain" in str(m.get("text", ""))
        )
        await r.press("hugo", CHANNEL, room.ts, "send_again", message=str(complaint["ts"]))
        await room.marked(line, "white_check_mark")
        assert r.heard().count("Did this arrive?") == 2


@pytest.mark.long
async def test_the_next_team_is_called_when_nobody_takes_a_conversation(start: Start) -> None:
    async with start(ladder("400ms", ("escalation-team", "1ms"), reminder="100ms")) as r:
        room = await Room(r).open()
        await room.says("Nobody has taken this yet")
        await room.says("Handed over to")
        await room.card_says("in another thread")
        await until(lambda: r.threads("escalation"), what="a card in the next channel")
        assert not any("taking longer" in text for text in r.heard()), "what was promised is not over yet"


@pytest.mark.long
async def test_a_person_who_is_called_is_mentioned(start: Start) -> None:
    def everywhere() -> str:
        channels = [str(channel["name"]) for channel in r.slack.channels()]
        return str([r.in_thread(each, str(card["ts"])) for each in channels for card in r.threads(each)])

    async with start(ladder("400ms", ("hugo", "1h"))) as r:
        await Room(r).open()
        await until(lambda: "<@U0HUGO0008> 🔔 *Hugo Martin* is asked" in everywhere(), what="his name")


async def test_a_channel_that_is_missing_calls_the_next_at_once(start: Start) -> None:
    def missing(document: dict[str, object]) -> None:
        for team in document["teams"]:  # type: ignore[attr-defined]
            if team["id"] == "billing":
                team["channels"] |= {"escalation": ["#nowhere"], "private": []}

    async with start(ladder("1h", ("escalation-team", "1h")), missing) as r:
        r.phone.say(r.maya, "I was charged twice this month")
        await until(lambda: r.threads("escalation"), what="a card in the next channel")


async def test_out_of_hours_the_customer_is_told_when_somebody_is_in(start: Start) -> None:
    async with start(closed) as r:
        await Room(r).open()
        assert "will be back" in r.heard()[0]
        assert "03:00" in r.heard()[0]


@pytest.mark.long
async def test_a_stranger_cannot_act(start: Start) -> None:
    async with start() as r:
        r.slack.add_user("mallory", real_name="Mallory", user_id="U0MALLORY9")
        r.slack.join("mallory", CHANNEL)
        room = await Room(r).open()
        await r.press("mallory", CHANNEL, room.ts, "take")
        await room.whispered("mallory", "not named in the organization file")
        line = room.write("mallory", "send me your password")
        await room.marked(line, "lock")
        await room.taken()
        assert len(r.heard()) == 1


async def test_staff_are_told_that_the_customer_has_blocked_us(start: Start) -> None:
    async with start() as r:
        room = await (await Room(r).open()).taken()
        r.phone.block(r.maya)
        await room.says("has blocked us")
        line = room.write("hugo", "Are you there?")
        await room.marked(line, "x")
        await room.says("cannot be reached")


@pytest.mark.long
async def test_duplicates_and_our_own_events_are_harmless(start: Start) -> None:
    async with start(webhooks) as r:
        r.sandbox.faults.add("slack", Mischief.DUPLICATE, pattern="message", seconds=0.01)
        room = await (await Room(r).open()).taken()
        room.write("hugo", "Once.")
        await room.hears("Once.")
        await r.slack.settled()
        room.write("hugo", "And last.")
        await room.hears("And last.")
        assert r.heard().count("Once.") == 1
        assert not r.slack.double_posts()


@pytest.mark.long
async def test_a_customer_who_writes_after_the_reopen_window_begins_a_new_conversation(start: Start) -> None:
    def brief(document: dict[str, object]) -> None:
        document["reopen_window"] = "1ms"

    async with start(brief) as r:
        room = await (await Room(r).open()).taken()
        await r.press("hugo", CHANNEL, room.ts, "resolve")
        await room.hears(SOLVED)
        heard = len(r.heard())
        r.phone.say(r.maya, "How do I invite my team?")
        await until(lambda: len(r.heard()) > heard, what="an answer")
        conversations = await _conversations(r)
        assert len(conversations) == 2
        assert conversations[1][1] == conversations[0][0]


@pytest.mark.long
async def test_a_customer_who_writes_within_the_window_reopens_the_same_thread(start: Start) -> None:
    async with start() as r:
        room = await (await Room(r).open()).taken()
        await r.press("hugo", CHANNEL, room.ts, "resolve")
        await room.hears(SOLVED)
        r.phone.say(r.maya, "thank you!")
        await room.says("thank you!")
        r.phone.say(r.maya, "but it happened again")
        await room.card_says("needs a person")
        assert len(await _conversations(r)) == len(r.threads(CHANNEL)) == 1
        await r.press("carla", CHANNEL, room.ts, "take")
        await room.says("From now on", times=2)
        room.write("carla", "Let me see.")
        await room.hears("Let me see.")


@pytest.mark.long
async def test_a_resolution_pressed_by_mistake_is_undone_unheard_by_the_customer(
    start: Start,
) -> None:
    async with start(undo("3s")) as r:
        room = await (await Room(r).open()).taken()
        await r.press("hugo", CHANNEL, room.ts, "resolve")
        await room.says("Maya Fischer is told in 3 s")
        line = next(m for m in r.slack.messages(CHANNEL, room.ts) if "is told in" in str(m.get("text")))
        await r.press("hugo", CHANNEL, room.ts, "reopen", message=str(line["ts"]))
        await room.card_says("Hugo Martin is talking to")
        room.write("hugo", "Where were we?")
        await room.hears("Where were we?")
        assert SOLVED not in r.heard()


@pytest.mark.long
async def test_a_closed_card_is_reopened_until_the_customer_has_begun_anew(start: Start) -> None:
    def brief(document: dict[str, object]) -> None:
        document["reopen_window"] = "1ms"

    async with start(brief) as r:
        room = await (await Room(r).open()).taken()
        await r.press("hugo", CHANNEL, room.ts, "resolve")
        await room.hears(SOLVED)
        await room.card_says("Reopen")
        await r.press("carla", CHANNEL, room.ts, "reopen")
        await room.card_says("Carla Mendes is talking to")
        await r.press("carla", CHANNEL, room.ts, "resolve")
        await until(lambda: r.heard().count(SOLVED) == 2, what="solved again")
        heard = len(r.heard())
        r.phone.say(r.maya, "How do I invite my team?")
        await until(lambda: len(r.heard()) > heard, what="an answer")
        await room.card_says("Reopen")
        await r.press("carla", CHANNEL, room.ts, "reopen")
        await room.whispered("carla", "has begun a new conversation since")


@pytest.mark.long
async def test_words_keep_their_undo_when_another_takes_over(start: Start) -> None:
    async with start(undo("3s")) as r:
        room = await (await Room(r).open()).taken()
        kept, gone = room.write("hugo", "Hugo here."), room.write("hugo", "No, wait")
        await room.marked(gone, "hourglass_flowing_sand")
        await r.press("carla", CHANNEL, room.ts, "take")
        await room.says("took over from")
        r.slack.delete_as("hugo", CHANNEL, gone)
        room.write("carla", "Carla here.")
        await room.hears("Carla here.")
        assert r.heard()[1:] == ["Hugo here.", "Carla here."]
        await room.marked(kept, "white_check_mark")


async def _conversations(r: Rig) -> list[tuple[object, object]]:
    async with r.desks[0].database.begin() as connection:
        rows = await connection.exec_driver_sql(
            "select id, previous_id from conversations order by created_at"
        )
        return [(row[0], row[1]) for row in rows]


@pytest.mark.long
async def test_an_edit_reaches_the_customer_however_old_the_message_is(start: Start) -> None:
    async with start() as r:
        room = await Room(r).open()
        await r.press("carla", CHANNEL, room.ts, "take")
        await room.says("has taken this")
        ts = room.write("carla", "It is on page 4.")
        await room.hears("It is on page 4.")
        for n in range(70):
            r.phone.say(r.maya, f"and {n}")
        await room.says("and 69")
        r.slack.edit_as("carla", CHANNEL, ts, "It is on page 5.")
        await room.hears("It is on page 5.")


@pytest.mark.long
async def test_words_and_presses_in_a_closed_thread_are_answered_there(start: Start) -> None:
    async with start() as r:
        room = await (await Room(r).open()).taken()
        r.sandbox.faults.add("telegram", Mischief.LOST_RESPONSE, pattern="sendMessage", count=1)
        room.write("hugo", "Did this arrive?")
        await room.says("It is not certain")
        complaint = next(
            m for m in r.slack.messages(CHANNEL, room.ts) if "It is not certain" in str(m.get("text", ""))
        )
        await r.press("hugo", CHANNEL, room.ts, "resolve")
        await room.card_says("solved")
        for _ in range(2):  # always, not only the first time
            line = room.write("hugo", "one more thing")
            await room.marked(line, "lock")
        await until(
            lambda: len([w for w in room.whispers("hugo") if "This thread is closed" in w]) == 2,
            what="a word about each line",
        )
        await r.press("carla", CHANNEL, room.ts, "send_again", message=str(complaint["ts"]))
        await room.whispered("carla", "This thread is closed")


@pytest.mark.long
async def test_the_fate_of_last_words_is_shown_in_the_closed_thread(start: Start) -> None:
    async with start(undo("1s")) as r:
        room = await (await Room(r).open()).taken()
        line = room.write("hugo", "All done.")
        await until(lambda: room.marks(line), what="any mark: it is heard before the button")
        await r.press("hugo", CHANNEL, room.ts, "resolve")
        await room.says("This thread is closed")
        await room.hears("All done.")
        await room.marked(line, "white_check_mark")
