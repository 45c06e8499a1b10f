"""Slack's stop button: it stands where an agent is at work, and ends what the agent writes there."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from bot.core.events import SenderRole, Stopped
from bot.core.outbound import Outbound, Post, Sent, Typing
from connectors.sandbox.fault import Fault, FaultKind
from connectors.sandbox.slack.wire import Refused
from connectors.slack.customers.connector import SlackCustomers

from .conftest import APP_TOKEN, BOT_TOKEN, until
from .shop import HOME, Shop, a_shop, outsider

SET_STATUS, OLD_STATUS = "agents.sessions.setStatus", "assistant.threads.setStatus"
ANSWER = "**Inviting** people takes three steps. " * 25


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    async with a_shop(token=BOT_TOKEN) as made:
        yield made


async def asked(shop: Shop) -> tuple[str, str]:
    """The direct messages in which Ana asks, and the thread of her question, where the agent thinks."""
    direct = shop.slack.open_direct("ana").id
    thread = shop.slack.say("ana", direct, "How do I invite people?")
    await shop.inbox.event()
    await shop.connector.send(shop.outbound(Typing(), f"{HOME}/{direct}", thread))
    return direct, thread


async def test_the_press_is_an_event_of_that_place_and_slack_shows_that_the_agent_rests(shop: Shop) -> None:
    direct, thread = await asked(shop)
    assert shop.slack.pane(direct, thread) == {"session": "processing"}
    shop.slack.stop_agent("ana", direct, thread)
    event = await shop.inbox.event(2)
    assert (event.content, event.place) == (Stopped(), shop.place(f"{HOME}/{direct}", thread))
    assert (event.sender.display_name, event.sender_role, event.message) == ("ana", SenderRole.CUSTOMER, "")
    await until(lambda: shop.slack.pane(direct, thread) == {"session": "active"})
    with pytest.raises(Refused, match="not_found"):
        shop.slack.stop_agent("ana", direct, thread)  # there is no button any more


async def test_a_stop_that_slack_tells_twice_is_one_event(shop: Shop) -> None:
    direct, thread = await asked(shop)
    shop.script.copies = (0.0, 0.0)
    shop.slack.stop_agent("ana", direct, thread)
    await shop.slack.settled()
    assert [type(event.content) for event in shop.inbox.events].count(Stopped) == 1


async def test_the_stop_button_is_heard_over_a_socket(shop: Shop) -> None:
    secrets = {"bot_token": BOT_TOKEN, "app_token": APP_TOKEN}
    connector = SlackCustomers(replace(shop.settings, mode="socket", secrets=secrets), shop.resources)
    direct, thread = await asked(shop)
    async with shop.listening(connector):
        shop.slack.stop_agent("ana", direct, thread)
        assert (await shop.inbox.event(2)).content == Stopped()
        await shop.script.called(SET_STATUS, 2)


async def test_anybody_in_a_shared_thread_may_press_the_stop_button(shop: Shop) -> None:
    shop.slack.connect_channel("acme", [outsider("U0ACME", "ada")], ["ana"])
    thread = shop.slack.say("U0ACME", "acme", "Hello?")
    place = (await shop.inbox.event()).place
    await shop.connector.send(shop.outbound(Typing(), place.chat, thread))
    shop.slack.stop_agent("ana", "acme", thread)
    event = await shop.inbox.event(2)
    assert (event.content, event.place, event.shared) == (Stopped(), place, True)
    assert event.sender_role is SenderRole.INSIDER


async def test_a_stream_ends_where_it_stands_and_is_not_made_again(shop: Shop) -> None:
    direct, thread = await asked(shop)
    outbound = shop.outbound(Post(ANSWER), f"{HOME}/{direct}", thread)
    shop.script.deeds["chat.appendStream"] = lambda: shop.slack.stop_agent("ana", direct, thread)
    sent = await shop.connector.send(outbound)
    [_, answer] = shop.slack.messages(direct, thread)
    assert sent.message == answer["ts"]
    assert answer["text"]
    assert ANSWER.startswith(answer["text"])
    assert len(answer["text"]) < len(ANSWER.strip())
    assert (sent.shown, sent.more) == (answer["text"], False)
    await until(lambda: shop.slack.pane(direct, thread) == {"session": "active"})


async def stopped_midway(shop: Shop, answer: str) -> tuple[Outbound, Sent]:
    direct, thread = await asked(shop)
    outbound = shop.outbound(Post(answer), f"{HOME}/{direct}", thread)
    shop.script.deeds["chat.appendStream"] = lambda: shop.slack.stop_agent("ana", direct, thread)
    sent = await shop.connector.send(outbound)
    shop.script.deeds.clear()
    return outbound, sent


def texts_at(shop: Shop, outbound: Outbound) -> list[str]:
    chat = outbound.place.chat.partition("/")[2]
    return [message["text"] for message in shop.slack.messages(chat, outbound.place.thread)[1:]]


@pytest.mark.parametrize("answer", [ANSWER, "1 < 2 & see [the page](https://a.example/b) 🙂. " * 20])
async def test_a_stopped_answer_of_which_nobody_recorded_the_stop_is_not_made_again(
    shop: Shop, answer: str
) -> None:
    outbound, sent = await stopped_midway(shop, answer)
    assert await shop.connector.find(outbound) == sent
    assert texts_at(shop, outbound) == [sent.shown]


async def test_a_stopped_answer_stays_when_a_later_one_is_looked_for(shop: Shop) -> None:
    outbound, sent = await stopped_midway(shop, ANSWER)
    later = replace(outbound, id=shop.outbound(Post("It costs 5 euros."), "").id)
    later = replace(later, operation=Post("It costs 5 euros."))
    assert await shop.connector.find(later) is None
    assert texts_at(shop, outbound) == [sent.shown]


async def test_a_stream_that_ends_by_itself_ends_the_work(shop: Shop) -> None:
    direct, thread = await asked(shop)
    await shop.connector.send(shop.outbound(Post(ANSWER), f"{HOME}/{direct}", thread))
    assert shop.slack.pane(direct, thread) == {"session": "active"}


async def test_a_status_that_could_not_be_set_is_no_reason_to_lose_the_press(shop: Shop) -> None:
    direct, thread = await asked(shop)
    shop.script.faults[SET_STATUS] = [Fault(FaultKind.RATE_LIMITED, 3)]
    shop.slack.stop_agent("ana", direct, thread)
    assert (await shop.inbox.event(2)).content == Stopped()
    await shop.script.called(SET_STATUS, 2)
    assert shop.slack.pane(direct, thread) == {"session": "processing"}
    shop.slack.stop_agent("ana", direct, thread)  # and once more
    await until(lambda: shop.slack.pane(direct, thread) == {"session": "active"})


async def test_an_app_that_is_no_agent_shows_its_words_and_is_asked_once(shop: Shop) -> None:
    shop.slack.without_agent()
    direct, thread = await asked(shop)
    assert shop.slack.pane(direct, thread) == {"status": "is thinking…"}
    where = (f"{HOME}/{direct}", thread)
    await shop.connector.send(shop.outbound(Typing(over=True), *where))
    await shop.connector.send(shop.outbound(Typing(), *where))
    assert [call for call in shop.script.calls if "Status" in call] == [SET_STATUS, OLD_STATUS, OLD_STATUS]
