"""A topic of the staff's group on Telegram as a room: what befalls topics, and what only Telegram does."""

from collections.abc import AsyncIterator

import pytest

from connectors.sandbox.faults import Mischief
from connectors.sandbox.telegram import TelegramUser
from connectors.sandbox.telegram.model import ChatMessage
from tests.rooms.sides import Customer, OnTelegram, OnWhatsApp
from tests.rooms.test_leak import in_telegram
from tests.story.rig import Change, Rig, install, mail_at, organization, quick, rig, until


class Topic:
    """The newest topic that holds a card, and who is in the group."""

    def __init__(self, r: Rig) -> None:
        self.group = r.night_watch
        self.maya: Customer = OnWhatsApp(r, "Maya Fischer")
        self.id = 0

    def person(self, name: str) -> TelegramUser:
        return next(user for user in self.group.members() if user.name.startswith(name))

    async def opened(self) -> "Topic":
        await self.maya.say("I was charged twice this month")
        return await self.stands()

    async def stands(self) -> "Topic":
        """A card with buttons in a topic, after the one that is known."""
        await until(
            lambda: [m for m in self.group.messages() if m.buttons and m.topic > self.id], what="a card"
        )
        self.id = next(m.topic for m in self.group.messages() if m.buttons and m.topic > self.id)
        await self.shows("The story so far")
        return self

    def told(self) -> list[str]:
        return [message.text for message in self.group.messages(self.id)]

    async def shows(self, words: str) -> None:
        await until(lambda: any(words in text for text in self.told()), what=f"{words!r} in the topic")

    async def whispered(self, who: str, words: str) -> None:
        """Words in the topic that this person alone sees."""
        person = self.person(who)
        await until(
            lambda: any(words in message.text for message in self.group.seen_alone(person, self.id)),
            what=f"{words!r} to {who}",
        )
        assert not any(words in text for text in self.told())

    async def line(self, words: str) -> ChatMessage:
        """The customer's words in the topic, which the card may show as well."""

        def lines() -> list[ChatMessage]:
            return [m for m in self.group.messages(self.id) if m.text.startswith("🗣") and words in m.text]

        await until(lines, what=f"a line that says {words!r}")
        return lines()[0]

    def card(self) -> ChatMessage:
        return next(message for message in self.group.messages(self.id) if message.buttons)

    async def presses(self, who: str, label: str) -> None:
        """Press a button of the card as soon as it shows it."""
        await until(
            lambda: label in [button["text"] for row in self.card().buttons for button in row],
            what=f"the button {label!r}",
        )
        self.group.tap(self.person(who), self.card().message_id, label)

    async def taken(self, by: str = "Farid") -> "Topic":
        self.group.tap(self.person(by), self.card().message_id, "Take")
        await self.shows("has taken this")
        return self

    def write(self, who: str, text: str, *, anonymous: bool = False) -> int:
        return self.group.say(self.person(who), text, topic=self.id, anonymous=anonymous).message_id

    async def marked(self, message: int, mark: str) -> None:
        def marks() -> list[str]:
            shown = next(m for m in self.group.messages(self.id) if m.message_id == message)
            return [sign for by, sign in shown.reactions if by == "bot"]

        await until(lambda: marks() == [mark], what=f"the mark {mark}")

    async def hears(self, text: str) -> None:
        await until(lambda: text in self.maya.heard(), what=f"{text!r} on the phone")


@pytest.fixture
async def desk(database_url: str, redis_url: str) -> AsyncIterator[Rig]:
    async with rig(database_url, redis_url, in_telegram, every_channel=True) as r:
        yield r


# What befalls topics


@pytest.mark.long
@pytest.mark.parametrize("call", ["createForumTopic", "sendMessage"])
async def test_a_room_whose_beginning_nobody_can_be_sure_of_is_there_all_the_same(
    desk: Rig, call: str
) -> None:
    """The topic, or the card in it, came about, and the answer got lost."""
    desk.sandbox.faults.add("telegram", Mischief.LOST_RESPONSE, pattern=call, count=1)
    topic = await (await Topic(desk).opened()).taken()
    topic.write("Farid", "Farid here.")
    await topic.hears("Farid here.")


@pytest.mark.long
async def test_a_topic_that_somebody_deletes_goes_on_in_another(desk: Rig) -> None:
    topic = await (await Topic(desk).opened()).taken()
    topic.group.delete_topic(topic.id)
    await topic.maya.say("Are you still there?")
    await topic.stands()
    await topic.shows("Are you still there?")
    topic.write("Farid", "I am.")
    await topic.hears("I am.")
    assert len(topic.group.topics()) == 1


@pytest.mark.long
async def test_a_card_that_somebody_deletes_comes_again(desk: Rig) -> None:
    topic = await Topic(desk).opened()
    topic.group.tap(topic.person("Farid"), topic.card().message_id, "Take")
    topic.group.delete(topic.card().message_id)
    await topic.stands()
    topic.write("Farid", "Farid here.")
    await topic.hears("Farid here.")


@pytest.mark.long
async def test_a_message_that_perhaps_never_reached_the_topic_is_told_again(desk: Rig) -> None:
    topic = await (await Topic(desk).opened()).taken()
    desk.sandbox.faults.add("telegram", Mischief.LOST_RESPONSE, pattern="sendMessage", count=1)
    await topic.maya.say("My invoice is 4711")
    await topic.shows("may be missing above")
    assert "4711" in topic.told()[-1]


def in_another_group(number: int) -> Change:
    def change(document: dict[str, object]) -> None:
        in_telegram(document)
        for team in document["teams"]:  # type: ignore[attr-defined]
            if team["id"] == "billing":
                team["channels"] = {"escalation": [{"telegram-staff": str(number)}]}

    return change


@pytest.mark.long
async def test_a_group_that_a_team_gets_while_the_desk_runs_is_heard(desk: Rig, database_url: str) -> None:
    group = desk.telegram_staff.group("Billing", desk.night_watch.members())
    mail = mail_at(desk.mail.smtp.port, desk.mail.imap.port)
    loaded = organization(quick, mail, in_another_group(group.id), every_channel=True)
    h = desk.desks[0]
    staff = next(each.id for each in h.directory if each.account == "telegram-staff")
    before = h.connections.opened(staff)
    await install(database_url, loaded)
    await until(lambda: h.connections.opened(staff) not in (None, before), what="a connector that knows it")
    topic = Topic(desk)
    topic.group = group
    await (await topic.opened()).taken()
    topic.write("Farid", "Farid here.")
    await topic.hears("Farid here.")


# What only Telegram does


@pytest.mark.long
async def test_an_anonymous_message_of_an_administrator_stays_inside_and_they_are_told(desk: Rig) -> None:
    topic = await (await Topic(desk).opened()).taken()
    line = topic.write("Farid", "I refunded it.", anonymous=True)
    await topic.marked(line, "🙈")
    await topic.shows("Remain anonymous")
    topic.write("Farid", "I refunded it, says Farid.")
    await topic.hears("I refunded it, says Farid.")
    assert "I refunded it." not in topic.maya.heard()


@pytest.mark.long
async def test_words_for_one_person_are_seen_by_nobody_else_in_the_topic(desk: Rig) -> None:
    topic = await (await Topic(desk).opened()).taken()
    topic.write("Grace", "she again")
    await topic.whispered("Grace", "Only Farid Haddad is talking")
    assert not topic.group.seen_alone(topic.person("Farid"))


@pytest.mark.long
async def test_on_an_older_server_whoever_has_not_started_the_bot_is_told_in_the_topic(desk: Rig) -> None:
    desk.telegram_staff.serve((10, 0))
    topic = await (await Topic(desk).opened()).taken()
    topic.write("Grace", "she again")
    await topic.shows("Grace Kim: Only Farid Haddad is talking")


@pytest.mark.long
async def test_a_thumb_down_takes_back_what_the_customer_has_read(desk: Rig) -> None:
    topic = await Topic(desk).opened()
    topic.maya = OnTelegram(desk, "Ines Duarte")  # who can be written to where messages can be deleted
    await topic.maya.say("I was charged twice this month")
    await (await topic.stands()).taken()
    await topic.shows("react with 👎")
    line = topic.write("Farid", "Your card ends in 4711.")
    await topic.hears("Your card ends in 4711.")
    await topic.marked(line, "👍")
    topic.group.react(topic.person("Farid"), line, "👎")
    await until(lambda: "Your card ends in 4711." not in topic.maya.heard(), what="it is gone")
    await topic.marked(line, "🕊")


@pytest.mark.long
async def test_a_command_with_a_slip_in_it_does_not_reach_the_customer(desk: Rig) -> None:
    topic = await (await Topic(desk).opened()).taken()
    line = topic.write("Farid", "/dekst customers show maya")
    await topic.marked(line, "🙈")
    topic.write("Farid", "Here I am.")
    await topic.hears("Here I am.")
    assert not any("customers show" in text for text in topic.maya.heard())


@pytest.mark.long
async def test_a_card_that_telegram_does_not_show_to_the_bot_any_more_can_be_taken(desk: Rig) -> None:
    topic = await Topic(desk).opened()
    take = next(button for row in topic.card().buttons for button in row if button["text"] == "Take")
    farid, chat = topic.person("Farid"), {"id": topic.group.id, "title": "Night", "type": "supergroup"}
    pressed = {
        "id": "9",
        "from": {"id": farid.id, "is_bot": False, "first_name": "Farid"},
        "chat_instance": "1",
        "data": take["callback_data"],
        "message": {"chat": chat, "message_id": topic.card().message_id, "date": 0},
    }
    desk.telegram_staff.inject("callback_query", pressed, topic.group.id)
    await topic.shows("has taken this")


@pytest.mark.long
async def test_files_go_both_ways_also_in_albums(desk: Rig) -> None:
    topic = await (await Topic(desk).opened()).taken()
    maya, farid = desk.on_whatsapp(), topic.person("Farid")
    maya.send_media(b"\x89PNG\r\n\x1a\n picture", "image/png")
    await until(
        lambda: any(m.file_id and m.from_bot for m in topic.group.messages(topic.id)), what="her picture"
    )
    for n, caption in enumerate(("Both pages", "")):
        content = b"%PDF-1.4 page " + str(n).encode()
        topic.group.send_media(
            farid,
            "document",
            content,
            topic=topic.id,
            name=f"{n}.pdf",
            mime_type="application/pdf",
            caption=caption,
        )
    await topic.hears("Both pages")
    await until(lambda: len([m for m in maya.chat if m.kind == "document"]) == 2, what="both files")


@pytest.mark.long
async def test_a_person_who_leaves_the_group_holds_nothing_any_more(desk: Rig) -> None:
    topic = await (await Topic(desk).opened()).taken()
    topic.group.leave(topic.person("Farid"))
    await topic.shows("Farid Haddad left the group. Nobody is handling this now")


@pytest.mark.long
async def test_a_poll_that_cannot_go_on_to_the_customer_is_answered_with_a_notice(desk: Rig) -> None:
    topic = await (await Topic(desk).opened()).taken()
    farid = topic.person("Farid")
    asked = {
        "message_id": 900,
        "message_thread_id": topic.id,
        "is_topic_message": True,
        "date": 4_000_000_000,
        "chat": {"id": topic.group.id, "title": "Night", "type": "supergroup", "is_forum": True},
        "from": {"id": farid.id, "is_bot": False, "first_name": "Farid"},
        "poll": {"id": "1", "question": "Which one?"},
    }
    desk.telegram_staff.inject("message", asked, topic.group.id)
    await topic.whispered("Farid", "cannot go on to Maya")


# Closed topics


@pytest.mark.long
async def test_words_and_presses_in_a_closed_topic_are_answered(desk: Rig) -> None:
    topic = await (await Topic(desk).opened()).taken()
    await topic.presses("Farid", "Resolve")
    await until(lambda: topic.group.group.topics[topic.id].closed, what="a closed topic")
    said = topic.group.say(topic.person("Farid"), "one more thing", topic=topic.id, administrator=True)
    await topic.marked(said.message_id, "🙈")
    await topic.whispered("Farid", "What you wrote stays inside")


@pytest.mark.long
async def test_a_closed_topic_is_reopened_by_the_customer_and_by_its_button(desk: Rig) -> None:
    topic = await (await Topic(desk).opened()).taken()
    await topic.presses("Farid", "Resolve")
    await until(lambda: [t for t in topic.maya.heard() if "solved" in t], what="solved")
    await topic.presses("Farid", "Reopen")
    await topic.shows("Farid Haddad reopened this")
    topic.write("Farid", "Here again.")
    await topic.hears("Here again.")
    await topic.presses("Farid", "Resolve")
    await until(lambda: len([t for t in topic.maya.heard() if "solved" in t]) == 2, what="solved")
    await topic.maya.say("Not quite")
    await topic.shows("Reopened by the customer")
    await topic.shows("Not quite")
    assert len(topic.group.topics()) == 1


@pytest.mark.long
async def test_a_reply_of_the_customer_is_a_reply_in_the_topic(desk: Rig) -> None:
    topic = await Topic(desk).opened()
    phone = desk.on_whatsapp()
    first = phone.say("On the 3rd")
    asked = await topic.line("On the 3rd")
    phone.say("no, the 4th", reply_to=first.id)
    answer = await topic.line("no, the 4th")
    assert answer.reply_to == asked.message_id
    assert "↩️ to “On the 3rd”" in answer.text


@pytest.mark.long
async def test_a_press_that_is_refused_is_answered_where_it_was_made(desk: Rig) -> None:
    topic = await (await Topic(desk).opened()).taken()
    stranger = desk.telegram_staff.user("Mallory")
    topic.group.join(stranger)
    query = topic.group.tap(stranger, topic.card().message_id, "Resolve")

    def answered() -> bool:
        answer = desk.telegram_staff.tap_answer(query)  # perhaps too late for that, on a busy machine
        return any(
            "not named in the organization" in text for text in (answer.text if answer else "", *topic.told())
        )

    await until(answered, what="a word to who pressed it")


@pytest.mark.long
async def test_a_message_that_has_left_can_be_taken_back_in_a_closed_topic(desk: Rig) -> None:
    topic = await (await Topic(desk).opened()).taken()
    line = topic.write("Farid", "Wrong customer.")
    await topic.hears("Wrong customer.")
    await topic.presses("Farid", "Resolve")
    await topic.shows("This thread is closed")
    topic.group.react(topic.person("Farid"), line, "👎")
    await topic.marked(line, "🕊")
