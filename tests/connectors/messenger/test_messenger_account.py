"""The check of the account: it works, and hears what it should."""

import pytest

from bot.core.connector import HasFiles, Registers
from bot.core.errors import AccountSuspended, PlatformDown, Refused
from connectors.messenger.capabilities import FIELDS
from tests.connectors.messenger import rig
from tests.connectors.messenger.conftest import Line


def app(*fields: str) -> rig.Json:
    return {"id": "55", "name": "Desk", "subscribed_fields": list(fields)}


async def test_check_says_the_page_of_a_working_account(line: Line) -> None:
    line.graph.apps = [app("messages"), app(*FIELDS)]

    assert await line.page.check() == f"Brightdesk (Page {rig.PAGE})"


async def test_fields_that_are_not_subscribed_are_named(line: Line) -> None:
    line.graph.apps = [app(*(field for field in FIELDS if field not in ("message_reads", "standby")))]

    with pytest.raises(Refused, match="does not hear message_reads, standby of this Page"):
        await line.page.check()
    line.graph.apps = []
    with pytest.raises(Refused, match="messages"):
        await line.page.check()


async def test_the_fields_of_another_app_do_not_count_where_the_account_names_ours(line: Line) -> None:
    line.graph.apps = [app(*FIELDS)]
    page = rig.connector(line.url, line.resources, options={"page_id": rig.PAGE, "app_id": "66"})

    with pytest.raises(Refused, match="does not hear"):
        await page.check()
    await page.close()


async def test_a_token_of_another_page_is_named(line: Line) -> None:
    line.graph.page = {"id": "999", "name": "Another shop"}

    with pytest.raises(
        AccountSuspended, match=r"not of the Page 112233445566778 but of 999 \(Another shop\)"
    ):
        await line.page.check()


async def test_a_token_that_has_expired_is_told_in_a_sentence(line: Line) -> None:
    line.graph.refuse(190, 463, 401)

    with pytest.raises(AccountSuspended, match="expired"):
        await line.page.check()


async def test_registering_asks_for_every_field_and_may_be_repeated(line: Line) -> None:
    await line.page.register()
    await line.page.register()

    assert [(call.method, call.path.removeprefix(f"{rig.PAGE}/")) for call in line.graph.calls] == [
        ("POST", "subscribed_apps"),
        ("GET", "messenger_profile"),
        ("POST", "messenger_profile"),
        ("POST", "subscribed_apps"),
        ("GET", "messenger_profile"),
    ]
    assert line.graph.calls[0].json == {"subscribed_fields": ",".join(FIELDS)}
    assert line.graph.calls[2].json == {"get_started": {"payload": "GET_STARTED"}}


async def test_a_button_that_the_page_has_is_left_as_it_is(line: Line) -> None:
    line.graph.profile = [{"get_started": {"payload": "WELCOME"}}]

    await line.page.register()

    assert [call.method for call in line.graph.calls] == ["POST", "GET"]


async def test_subscribing_that_fails_says_why(line: Line) -> None:
    line.graph.refuse(200, 0, 403)
    with pytest.raises(AccountSuspended):
        await line.page.register()
    line.graph.answers.append(ConnectionResetError())
    with pytest.raises(PlatformDown):
        await line.page.register()


def test_the_connector_registers_webhooks_and_has_files() -> None:
    page = rig.connector()

    assert isinstance(page, Registers)
    assert isinstance(page, HasFiles)
