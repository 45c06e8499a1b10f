"""`/desk …` typed where staff write, and the answer to it."""

import asyncio
import json

import pytest

from bot.core.connector import ChatCommand
from bot.core.events import Place, Said, Sender
from connectors.telegram.connector import CHANNEL
from tests.connectors.telegram.conftest import Office
from tests.connectors.telegram.rig import Inbox, connector, signed


async def test_a_desk_command_is_answered_in_its_topic_once_however_often_it_comes(office: Office) -> None:
    thread, _ = await office.room()
    typed = office.group.say(office.hugo, "/desk conversations --open", topic=thread)
    inbox = Inbox()
    await office.post_newest(inbox, times=3)
    await office.account.close()
    place = Place(CHANNEL, "support-bot", str(office.group.id), str(thread))
    shown = f"@hugo_brandt (id {office.hugo.id})"
    sender = Sender(str(office.hugo.id), "Hugo Brandt", "hugo_brandt", "en", address=shown)
    assert inbox.commands == [ChatCommand(place=place, sender=sender, text="conversations --open")]
    assert inbox.events == []
    answer = office.group.messages(thread)[-1]
    assert (answer.text, answer.reply_to, answer.from_bot) == ("Done", typed.message_id, True)


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("/desk", [""]),
        ("/desk@sandbox_desk_bot why 7", ["why 7"]),
        ("/desk@SANDBOX_desk_bot help", ["help"]),
        ("/desk two\nlines", ["two\nlines"]),
        ("/desk@another_bot help", []),
        ("/desktop help", []),
        ("what about /desk help", []),
    ],
)
async def test_only_what_is_typed_for_this_bot_is_a_command(
    office: Office, typed: str, words: list[str]
) -> None:
    office.group.say(office.hugo, typed)
    inbox = Inbox()
    await office.post_newest(inbox)
    await office.account.close()
    assert [command.text for command in inbox.commands] == words
    assert len(office.group.messages(0)) == 1 + len(words)


async def test_a_long_answer_comes_in_parts_and_an_endless_one_ends(office: Office) -> None:
    for answer, count in (("word " * 1500, 2), ("word " * 9000, 4)):
        before = len(office.group.messages())
        office.group.say(office.hugo, "/desk log")
        inbox = Inbox(answer=answer)
        account = connector(office.url, serves="staff")
        (update,) = (await account._updates(None))[-1:]
        (route,) = account.routes(inbox)
        await route.handle(signed(json.dumps(update).encode()))
        await account.close()
        assert len(office.group.messages()) - before == 1 + count
    assert "on the shell" in office.group.messages()[-1].text


async def test_a_command_in_private_is_answered_in_private(office: Office) -> None:
    office.telegram.say(office.hugo, "/desk help")
    await office.post_newest(Inbox())
    await office.account.close()
    assert office.telegram.chat(office.hugo)[-1].text == "Done"


async def test_an_answer_that_cannot_be_given_fails_nothing(office: Office) -> None:
    office.group.say(office.hugo, "/desk help")
    inbox = Inbox()
    (update,) = (await office.account._updates(None))[-1:]
    office.group.settings(bot_inside=False)
    (route,) = office.account.routes(inbox)
    assert (await route.handle(signed(json.dumps(update).encode()))).status == 200
    await office.account.close()
    assert len(inbox.commands) == 1


def test_the_command_desk_of_a_customer_is_a_message_like_any_other() -> None:
    chat = {"id": 11, "type": "private"}
    person = {"id": 11, "is_bot": False, "first_name": "Ann"}
    said = {"message_id": 5, "date": 1, "text": "/desk help", "chat": chat, "from": person}
    body = json.dumps({"update_id": 1, "message": said}).encode()
    (event,) = connector().parse(signed(body))
    assert event.content == Said("/desk help")


async def test_a_polled_account_offers_and_answers_the_command_too(office: Office) -> None:
    inbox = Inbox()
    account = connector(office.url, serves="staff", mode="polling")
    office.group.say(office.hugo, "/desk help")
    listening = asyncio.create_task(account.listen(inbox))
    async with asyncio.timeout(120):
        while not any(message.from_bot for message in office.group.messages()):  # noqa: ASYNC110
            await asyncio.sleep(0)
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)
    await account.close()
    assert [command.text for command in inbox.commands] == ["help"]
    assert len(office.telegram.sent("setMyCommands")) == 1


async def test_registering_offers_the_command_and_asks_for_reactions(office: Office) -> None:
    await office.account.register()
    (hook,) = office.telegram.sent("setWebhook")
    assert "message_reaction" in json.loads(str(hook.params["allowed_updates"]))
    (offered,) = office.telegram.sent("setMyCommands")
    assert [each["command"] for each in json.loads(str(offered.params["commands"]))] == ["desk"]


async def test_customers_are_offered_no_command(office: Office) -> None:
    account = connector(office.url)
    await account.register()
    await account.close()
    assert office.telegram.sent("setMyCommands") == []
