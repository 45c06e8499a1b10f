"""A customers' group becomes a supergroup, with another id: it stays the same chat."""

import json
from typing import Any

import pytest

from bot.core.connector import Resources
from bot.core.events import Ignored, Said, Tapped
from connectors.telegram.connector import TelegramConnector
from tests.connectors.telegram.rig import Inbox, resources, settings, signed

Json = dict[str, Any]

ANN = {"id": 11, "is_bot": False, "first_name": "Ann"}
GROUP = {"id": -55, "type": "group", "title": "Customers"}
SUPER = {"id": -100777, "type": "supergroup", "title": "Customers"}
UP = {"chat": GROUP, "migrate_to_chat_id": SUPER["id"]}
DOWN = {"chat": SUPER, "migrate_from_chat_id": GROUP["id"]}


def message(**fields: object) -> Json:
    return {"message": {"message_id": 5, "from": ANN, "date": 1700000000, **fields}}


def account(lent: Resources, **changes: object) -> TelegramConnector:
    return TelegramConnector(settings(groups=True, **changes), lent)


async def told(by: TelegramConnector, *updates: Json) -> Inbox:
    inbox = Inbox()
    (route,) = by.routes(inbox)
    for number, update in enumerate(updates):
        await route.handle(signed(json.dumps({"update_id": number, **update}).encode()))
    await by.close()
    return inbox


@pytest.mark.parametrize("service", [UP, DOWN])
async def test_a_message_in_the_supergroup_belongs_to_the_chat_of_the_group(service: Json) -> None:
    lent = resources()
    inbox = await told(account(lent), message(**service), message(chat=SUPER, text="Still me"))
    assert [type(event.content) for event in inbox.events] == [Ignored, Said]
    assert {event.place.chat for event in inbox.events} == {"-55"}

    elsewhere = await told(account(lent), message(chat=SUPER, text="Another process hears me"))
    assert [event.place.chat for event in elsewhere.events] == ["-55"]


async def test_an_account_that_listens_to_listed_groups_goes_on_listening() -> None:
    lent = resources()
    inbox = await told(
        account(lent, options={"groups": "-55"}), message(**UP), message(chat=SUPER, text="Still me")
    )
    assert [event.content for event in inbox.events][1:] == [Said("Still me")]


async def test_a_press_in_the_supergroup_is_one_in_the_group() -> None:
    shown = {"message_id": 9, "date": 1700000000, "chat": SUPER}
    query = {"id": "q", "from": ANN, "chat_instance": "1", "data": "a:b", "message": shown}
    inbox = await told(account(resources()), message(**DOWN), {"callback_query": query})
    assert isinstance(inbox.events[-1].content, Tapped)
    assert inbox.events[-1].place.chat == "-55"


async def test_a_supergroup_that_was_one_from_the_beginning_keeps_its_id() -> None:
    inbox = await told(account(resources()), message(chat=SUPER, text="Hello"))
    assert [event.place.chat for event in inbox.events] == ["-100777"]
