"""Direct messages and the assistant's pane; one workspace alone, over HTTP or a socket, and its check."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from bot.core.errors import AccountSuspended, Refused, SettingsError
from bot.core.events import SenderRole, Started
from bot.core.outbound import Post, Typing
from connectors.slack.customers.connector import SlackCustomers
from connectors.slack.scopes import CUSTOMERS

from .conftest import APP_TOKEN, BOT_TOKEN, until
from .shop import HOME, Shop, a_shop


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    options = {"prompts": "Invite my team | How do I invite my team?; Billing"}
    async with a_shop(token=BOT_TOKEN, options=options) as made:
        yield made


async def test_a_direct_message_begins_the_thread_in_which_it_is_answered(shop: Shop) -> None:
    direct = shop.slack.open_direct("ana").id
    first = shop.slack.say("ana", direct, "hello")
    shop.slack.say("ana", direct, "in its thread", first)
    shop.slack.edit_as("ana", direct, first, "hello!")
    shop.slack.react_as("ana", direct, first, "wave")
    await shop.inbox.event(4)
    assert {event.place for event in shop.inbox.events} == {shop.place(f"{HOME}/{direct}", first)}
    second = shop.slack.say("ana", direct, "something else")
    assert (await shop.inbox.event(5)).place == shop.place(f"{HOME}/{direct}", second)
    assert not any(event.shared for event in shop.inbox.events)
    # One of our own people who tries it out is a customer there.
    assert {event.sender_role for event in shop.inbox.events} == {SenderRole.CUSTOMER}
    where = (f"{HOME}/{direct}", second)
    await shop.connector.send(shop.outbound(Typing(), *where))
    assert shop.slack.pane(direct, second) == {"session": "processing"}
    await shop.connector.send(shop.outbound(Post("hi", reply_to=second), *where))
    assert [message["text"] for message in shop.slack.messages(direct, second)] == ["something else", "hi"]


async def test_questions_are_offered_as_soon_as_somebody_opens_the_messages_of_the_app(shop: Shop) -> None:
    shop.slack.open_home("ana", "messages")
    await shop.script.called("assistant.threads.setSuggestedPrompts", 1)
    await shop.connector.close()
    direct = shop.slack.open_direct("ana").id
    assert [prompt["title"] for prompt in shop.slack.pane(direct, "")["prompts"]] == [
        "Invite my team",
        "Billing",
    ]
    shop.slack.open_home("ana", "home")
    await shop.slack.settled()
    assert shop.script.calls.count("assistant.threads.setSuggestedPrompts") == 1
    assert shop.inbox.events == []  # looking is not writing: nothing is begun by it


async def test_the_pane_opens_with_questions_and_shows_that_we_think(shop: Shop) -> None:
    direct, thread = shop.slack.open_pane("ana")
    event = await shop.inbox.event()
    where = (f"{HOME}/{direct}", thread)
    assert (event.content, event.place, event.shared) == (Started(), shop.place(*where), False)
    assert event.sender.display_name == "ana"
    await shop.script.called("assistant.threads.setSuggestedPrompts", 1)
    await until(lambda: "prompts" in shop.slack.pane(direct, thread))
    assert shop.slack.pane(direct, thread)["prompts"] == [
        {"title": "Invite my team", "message": "How do I invite my team?"},
        {"title": "Billing", "message": "Billing"},
    ]
    shop.slack.without_agent()
    await shop.connector.send(shop.outbound(Typing(), *where))
    assert shop.slack.pane(direct, thread)["status"] == "is thinking…"
    shop.slack.say("ana", direct, "How?", thread)
    assert (await shop.inbox.event(2)).place == shop.place(*where)
    await shop.connector.send(shop.outbound(Post("Like this"), *where))
    assert shop.slack.pane(direct, thread)["status"] == ""


async def test_one_workspace_can_be_served_over_a_socket(shop: Shop) -> None:
    secrets = {"bot_token": BOT_TOKEN, "app_token": APP_TOKEN}
    connector = SlackCustomers(replace(shop.settings, mode="socket", secrets=secrets), shop.resources)
    assert connector.routes(shop.inbox) == ()
    with pytest.raises(SettingsError):
        await shop.connector.listen(shop.inbox)
    task = asyncio.create_task(connector.listen(shop.inbox))
    async with asyncio.timeout(120):
        await shop.slack.socket_connected()
    assert await connector.check() == "@desk in Sandbox"
    shop.slack.say("ana", shop.slack.open_direct("ana").id, "hello")
    await shop.inbox.event()
    await shop.slack.settled()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await connector.close()


async def test_a_scope_that_is_missing_is_named(shop: Shop) -> None:
    shop.slack.installs.scopes = tuple(scope for scope in CUSTOMERS if scope != "files:read")
    with pytest.raises(Refused, match="lacks files:read; add it"):
        await shop.connector.check()


async def test_a_token_that_will_end_by_itself_is_no_token_for_one_workspace(shop: Shop) -> None:
    shop.slack.installs.grant("xoxe.xoxb-1-x", HOME)
    secrets = {**shop.settings.secrets, "bot_token": "xoxe.xoxb-1-x"}
    connector = SlackCustomers(replace(shop.settings, secrets=secrets), shop.resources)
    with pytest.raises(Refused, match=r"twelve hours.*token_rotation_enabled: false"):
        await connector.check()
    await connector.close()


async def test_check_says_the_bot_and_workspace_of_the_account(shop: Shop) -> None:
    assert await shop.connector.check() == "@desk in Sandbox"
    shop.slack.uninstall(HOME)
    with pytest.raises(AccountSuspended, match="account_inactive"):
        await shop.connector.check()
