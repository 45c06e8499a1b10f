"""The webhook and polling: an update is let go only once its events are kept."""

import asyncio
import json

import pytest

from bot.core.connector import Route
from bot.core.errors import ForgedRequest, MalformedPayload, StorageUnavailable
from bot.core.events import Said, Tapped
from bot.core.outbound import Button, Post
from connectors.telegram.connector import TelegramConnector
from tests.connectors.telegram.conftest import Line
from tests.connectors.telegram.rig import TOKEN, Inbox, connector, outbound, resources, settings, signed

HELLO = json.dumps(
    {
        "update_id": 1,
        "message": {
            "message_id": 5,
            "date": 1700000000,
            "text": "hi",
            "chat": {"id": 11, "type": "private"},
            "from": {"id": 11, "is_bot": False, "first_name": "Ann"},
        },
    }
).encode()


def route(account: TelegramConnector, inbox: Inbox) -> Route:
    (found,) = account.routes(inbox)
    return found


async def test_the_webhook_answers_once_the_events_are_kept() -> None:
    inbox = Inbox()
    found = route(connector(), inbox)
    assert found.path == "/hooks/telegram/support-bot"
    assert (await found.handle(signed(HELLO))).status == 200
    assert [event.content for event in inbox.events] == [Said("hi")]


async def test_the_webhook_does_not_answer_when_nothing_could_be_kept() -> None:
    with pytest.raises(StorageUnavailable):
        await route(connector(), Inbox(raises=[StorageUnavailable()])).handle(signed(HELLO))


@pytest.mark.parametrize("secret", ["", "wrong", "a-secret_of-our", "ü\udcff"])
async def test_a_wrong_secret_is_forged_and_nothing_is_read(secret: str) -> None:
    inbox = Inbox()
    with pytest.raises(ForgedRequest):
        await route(connector(), inbox).handle(signed(b"not even JSON", secret))
    assert inbox.events == []


async def test_a_webhook_without_a_configured_secret_is_protected_all_the_same(line: Line) -> None:
    account = connector(line.url, secrets={"bot_token": TOKEN})
    with pytest.raises(ForgedRequest):
        account.verify(signed(HELLO, ""))
    await account.register()
    derived = str(line.telegram.sent("setWebhook")[-1].params["secret_token"])
    account.verify(signed(HELLO, derived))
    assert TOKEN not in derived
    await account.close()


async def test_a_broken_body_with_the_right_secret_is_malformed() -> None:
    with pytest.raises(MalformedPayload):
        await route(connector(), Inbox()).handle(signed(HELLO[:-4]))


def test_a_polled_account_serves_no_webhook() -> None:
    assert connector(mode="polling").routes(Inbox()) == ()


async def test_a_tap_is_answered_so_that_the_button_stops_spinning(line: Line) -> None:
    await line.account.send(outbound(line.maya.id, Post("?", (Button("pick", "1", "One"),))))
    query = line.telegram.tap(line.maya, line.telegram.chat(line.maya)[-1].message_id, "One")
    (update,) = [each for each in await line.account._updates(None) if "callback_query" in str(each)]
    inbox = Inbox()
    await route(line.account, inbox).handle(signed(json.dumps(update).encode()))
    assert isinstance(inbox.events[0].content, Tapped)
    await line.account.close()
    assert line.telegram.tap_answer(query) is not None


async def test_a_tap_that_cannot_be_answered_is_still_a_tap() -> None:
    inbox, account = Inbox(), connector()
    person = {"id": 11, "is_bot": False, "first_name": "Ann"}
    message = {"message_id": 5, "date": 0, "chat": {"id": 11, "type": "private"}}
    tap = {"id": "9", "from": person, "chat_instance": "1", "data": "a:b", "message": message}
    await route(account, inbox).handle(signed(json.dumps({"update_id": 1, "callback_query": tap}).encode()))
    await account.close()
    assert [event.content for event in inbox.events] == [Tapped("a", "b", "", "5")]


class Polled:
    """A listening account whose pauses are noted instead of waited for."""

    def __init__(self, line: Line, inbox: Inbox) -> None:
        self.pauses: list[float] = []
        self.account = TelegramConnector(settings(line.url, mode="polling"), resources(), pause=self._pause)
        self._inbox = inbox
        self._task = asyncio.create_task(self.account.listen(inbox))

    async def _pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        await asyncio.sleep(0)

    async def until(self, texts: list[str]) -> None:
        async with asyncio.timeout(120):
            while self._texts() != texts:
                await self._inbox.arrived.wait()
                self._inbox.arrived.clear()

    def _texts(self) -> list[str]:
        return [event.content.text for event in self._inbox.events if isinstance(event.content, Said)]

    async def stop(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        assert self._task.cancelled()
        await self.account.close()


async def test_polling_ends_the_webhook_and_confirms_what_was_accepted(line: Line) -> None:
    await line.account.register()
    line.telegram.say(line.maya, "one")
    inbox = Inbox()
    polled = Polled(line, inbox)
    await polled.until(["one"])
    line.telegram.say(line.maya, "two")
    await polled.until(["one", "two"])
    assert line.telegram.webhook_info()["url"] == ""
    await polled.stop()


async def test_polling_keeps_what_could_not_be_accepted_and_tries_again(line: Line) -> None:
    line.telegram.say(line.maya, "one")
    inbox = Inbox(raises=[StorageUnavailable(), RuntimeError("whatever")])
    polled = Polled(line, inbox)
    await polled.until(["one"])
    assert polled.pauses == [1.0, 2.0]
    await polled.stop()


async def test_an_update_that_cannot_be_read_does_not_hold_up_the_next(line: Line) -> None:
    line.telegram.inject("message", {"message_id": "broken"}, line.maya.id)
    line.telegram.say(line.maya, "one")
    inbox = Inbox()
    polled = Polled(line, inbox)
    await polled.until(["one"])
    line.telegram.say(line.maya, "two")
    await polled.until(["one", "two"])
    assert polled.pauses == []
    await polled.stop()
