"""Installed in many workspaces: the pages, the tokens, their renewal and their end."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import timedelta

import pytest
from aiohttp import CookieJar

from bot.core.connector import AccountSettings, RawRequest
from bot.core.errors import (
    AccountSuspended,
    OutcomeUnknown,
    PlatformDown,
    RateLimited,
    SettingsError,
    Unreachable,
)
from bot.core.events import Said, Tapped
from bot.core.outbound import Button, Post
from connectors.sandbox.fault import Fault, FaultKind
from connectors.sandbox.slack import Enterprise
from connectors.slack import channel
from connectors.slack.customers.connector import SlackCustomers

from .conftest import Desk
from .shop import ACME, HOME, Shop, a_shop, signed


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    async with a_shop() as made:
        yield made


@pytest.fixture
async def rotating() -> AsyncIterator[Shop]:
    async with a_shop(rotates=True) as made:
        yield made


async def told(shop: Shop, text: str = "hello") -> str:
    """Somebody of Acme writes to the app; the chat in which they did."""
    direct = shop.slack.workspace(ACME).open_direct("zoe").id
    shop.slack.workspace(ACME).say("zoe", direct, text)
    await shop.slack.settled()
    return f"{ACME}/{direct}"


async def test_a_workspace_installs_the_app_writes_to_it_and_is_answered(shop: Shop) -> None:
    page = await shop.install(ACME)
    assert "Connected to Acme" in page
    chat = await told(shop)
    (event,) = shop.inbox.events
    assert (event.place.chat, event.shared, event.content) == (chat, False, Said("hello"))
    assert (event.sender.external_id, event.sender.display_name) == ("U0ZOE", "zoe")
    sent = await shop.connector.send(shop.outbound(Post("Hello **Zoe**"), chat))
    shown = shop.slack.workspace(ACME).messages(chat.partition("/")[2])
    assert [(message["ts"], message["text"]) for message in shown[1:]] == [(sent.message, "Hello *Zoe*")]


async def test_an_organization_installs_the_app_in_all_of_its_workspaces_at_once(shop: Shop) -> None:
    acme = shop.slack.workspace(ACME)
    acme.belong_to(Enterprise("E0ACME", "Acme Group"))
    assert "Connected to Acme Group" in await shop.install(ACME)
    assert [name for name in shop.vault.values if name.startswith("inst")] == ["installation:E0ACME"]
    direct = acme.open_direct("zoe").id
    ts = acme.say("zoe", direct, "hello")
    where = (f"E0ACME/{direct}", ts)
    assert (await shop.inbox.event()).place == shop.place(*where)
    post = Post("Solved?", (Button("yes", "1", "Yes"),))
    sent = await shop.connector.send(shop.outbound(post, *where))
    assert (await acme.click("zoe", direct, sent.message, "yes:0")).taken
    tap = await shop.inbox.event(2)
    assert (tap.place, tap.content) == (shop.place(*where), Tapped("yes", "1", "Yes", sent.message))
    shop.clock.now += timedelta(seconds=2)
    shop.slack.uninstall(ACME)
    await shop.slack.settled()
    assert [name for name in shop.vault.values if name.startswith("inst")] == []


async def test_the_scopes_asked_of_slack_are_those_of_the_apps_manifest(shop: Shop) -> None:
    url = await shop.authorize_url()
    assert url.startswith(f"{shop.settings.api_url.removesuffix('api/')}oauth/v2/authorize?client_id=1.2&")
    assert "chat%3Awrite.customize" in url
    assert f"redirect_uri={shop.url.replace(':', '%3A').replace('/', '%2F')}%2Fhooks%2Fslack%2Foauth" in url


async def test_a_way_back_is_good_once(shop: Shop) -> None:
    query = await shop.callback(ACME)
    assert (await shop.get("/hooks/slack/oauth", query))[0] == 200
    status, page = await shop.get("/hooks/slack/oauth", query)
    assert (status, "has expired" in page) == (400, True)


async def test_a_way_back_is_good_for_ten_minutes(shop: Shop) -> None:
    query = await shop.callback(ACME)
    shop.clock.now += timedelta(minutes=11)
    assert (await shop.get("/hooks/slack/oauth", query))[0] == 400
    assert [name for name in shop.vault.values if name.startswith("installation:")] == []


@pytest.mark.parametrize("state", ["", "1.2.3", "é.x.y", "9999999999.abc.deadbeef", "x" * 1000])
async def test_a_state_that_is_not_ours_is_refused(shop: Shop, state: str) -> None:
    query = await shop.callback(ACME)
    assert (await shop.get("/hooks/slack/oauth", query | {"state": state}))[0] == 400
    assert shop.vault.values == {}


async def test_a_callback_is_valid_only_in_the_browser_that_began_the_installation(shop: Shop) -> None:
    query = await shop.callback(ACME)
    mine, shop.jar = shop.jar, CookieJar(unsafe=True)
    assert (await shop.get("/hooks/slack/oauth", query))[0] == 400
    assert shop.vault.values == {}
    shop.jar = mine
    assert (await shop.get("/hooks/slack/oauth", query))[0] == 200


async def test_the_cookie_of_the_installation_is_for_our_page_alone(shop: Shop) -> None:
    settings = replace(shop.settings, path="/hooks/slack/ACME", public_url="https://desk.example")
    connector = SlackCustomers(settings, shop.resources)
    (install,) = [route for route in connector.routes(shop.inbox) if route.path.endswith("/install")]
    answer = await install.handle(RawRequest({}, b"", "GET"))
    kept = answer.headers["Set-Cookie"].split("; ")[1:]
    assert kept == ["Max-Age=600", "Path=/hooks/slack/ACME/oauth", "HttpOnly", "SameSite=Lax", "Secure"]
    await connector.close()


async def test_a_way_back_taken_twice_at_once_is_good_once(shop: Shop) -> None:
    query = await shop.callback(ACME)
    ways = await asyncio.gather(*(shop.get("/hooks/slack/oauth", query | {"code": code}) for code in "ab"))
    assert sorted("has expired" in page for _, page in ways) == [False, True]


async def test_spent_states_are_not_kept_for_ever(shop: Shop) -> None:
    await shop.install(ACME)
    shop.clock.now += timedelta(minutes=11)
    await shop.install(ACME)
    assert len([name for name in shop.vault.values if name.startswith("spent:")]) == 1


async def test_a_person_who_does_not_allow_the_app_is_told_so(shop: Shop) -> None:
    query = await shop.callback(ACME)
    status, page = await shop.get("/hooks/slack/oauth", {"state": query["state"], "error": "access_denied"})
    assert (status, "You did not allow it" in page) == (400, True)


async def test_a_code_that_slack_does_not_know_connects_nothing(shop: Shop) -> None:
    query = await shop.callback(ACME)
    status, page = await shop.get("/hooks/slack/oauth", query | {"code": "<b>"})
    assert (status, "invalid_code" in page, "<b>" in page) == (400, True, False)


async def test_slack_being_away_is_said_on_the_page(shop: Shop) -> None:
    query = await shop.callback(ACME)
    shop.script.faults["oauth.v2.access"] = [Fault(FaultKind.SERVER_ERROR)]
    assert (await shop.get("/hooks/slack/oauth", query))[0] == 502


async def test_tokens_are_renewed_before_they_end_by_one_alone(rotating: Shop) -> None:
    await rotating.install(ACME)
    chat = await told(rotating)
    rotating.clock.now += timedelta(hours=11, minutes=30)
    posts = [rotating.outbound(Post(f"{number}"), chat) for number in range(5)]
    await asyncio.gather(*(rotating.connector.send(post) for post in posts))
    assert rotating.slack.installs.refreshes == 1
    rotating.clock.now += timedelta(hours=11, minutes=30)
    await rotating.connector.send(rotating.outbound(Post("later"), chat))
    assert rotating.slack.installs.refreshes == 2


async def test_another_process_uses_what_this_one_renewed(rotating: Shop) -> None:
    await rotating.install(ACME)
    chat = await told(rotating)
    other = rotating.other()
    await other.send(rotating.outbound(Post("a"), chat))
    rotating.clock.now += timedelta(hours=11, minutes=30)
    await rotating.connector.send(rotating.outbound(Post("b"), chat))
    await other.send(rotating.outbound(Post("c"), chat))
    assert rotating.slack.installs.refreshes == 1
    await other.close()


async def test_two_processes_that_find_a_token_old_at_once_renew_it_once(rotating: Shop) -> None:
    await rotating.install(ACME)
    chat = await told(rotating)
    other = rotating.other()
    rotating.clock.now += timedelta(hours=11, minutes=30)
    await asyncio.gather(
        rotating.connector.send(rotating.outbound(Post("a"), chat)),
        other.send(rotating.outbound(Post("b"), chat)),
    )
    await other.close()
    await rotating.connector.close()
    assert rotating.script.calls.count("oauth.v2.access") == 2  # one of them was the installation


async def test_a_renewed_token_is_kept_though_the_database_is_away_just_then(rotating: Shop) -> None:
    """Slack gives it once: whoever drops it has lost the workspace."""
    await rotating.install(ACME)
    chat = await told(rotating)
    rotating.clock.now += timedelta(hours=13)
    rotating.vault.failures = {f"installation:{ACME}": 2}
    await rotating.connector.send(rotating.outbound(Post("x"), chat))
    other = rotating.other()
    await other.send(rotating.outbound(Post("y"), chat))
    await other.close()
    assert rotating.slack.installs.refreshes == 1


async def test_a_renewal_does_not_undo_a_new_installation(rotating: Shop) -> None:
    await rotating.install(ACME)
    chat = await told(rotating)
    rotating.clock.now += timedelta(hours=11, minutes=30)
    rotating.script.faults["oauth.v2.access"] = [Fault(FaultKind.DELAY, 0.2)]
    sending = asyncio.create_task(rotating.connector.send(rotating.outbound(Post("x"), chat)))
    await rotating.script.called("oauth.v2.access", 2)
    await rotating.other_installs(ACME)
    new = rotating.vault.values[f"installation:{ACME}"]
    await sending
    assert rotating.vault.values[f"installation:{ACME}"] == new


async def test_while_another_process_renews_the_old_token_still_serves(rotating: Shop) -> None:
    await rotating.install(ACME)
    chat = await told(rotating)
    rotating.clock.now += timedelta(hours=11, minutes=30)
    await rotating.vault.put(f"renewing:{ACME}", (rotating.clock() + timedelta(minutes=1)).isoformat())
    await rotating.connector.send(rotating.outbound(Post("x"), chat))
    assert rotating.slack.installs.refreshes == 0
    rotating.clock.now += timedelta(minutes=2)
    await rotating.connector.send(rotating.outbound(Post("y"), chat))
    assert rotating.slack.installs.refreshes == 1


async def test_an_expired_token_that_cannot_be_renewed_now_waits(rotating: Shop) -> None:
    await rotating.install(ACME)
    chat = await told(rotating)
    rotating.clock.now += timedelta(hours=13)
    rotating.script.faults["oauth.v2.access"] = [Fault(FaultKind.SERVER_ERROR)]
    with pytest.raises(PlatformDown):
        await rotating.connector.send(rotating.outbound(Post("x"), chat))
    rotating.clock.now += timedelta(minutes=2)
    await rotating.connector.send(rotating.outbound(Post("x"), chat))


async def test_a_renewal_is_not_lost_when_nobody_waits_for_it_any_more(rotating: Shop) -> None:
    await rotating.install(ACME)
    chat = await told(rotating)
    rotating.clock.now += timedelta(hours=13)
    rotating.script.faults["oauth.v2.access"] = [Fault(FaultKind.DELAY, 0.2)]
    sending = asyncio.create_task(rotating.connector.send(rotating.outbound(Post("x"), chat)))
    await rotating.script.called("oauth.v2.access", 2)
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    await rotating.connector.close()
    kept = json.loads(rotating.vault.values[f"installation:{ACME}"])
    assert kept["expires"] > rotating.clock().timestamp()


async def test_an_uninstalled_workspace_is_forgotten_and_says_so(shop: Shop) -> None:
    await shop.install(ACME)
    chat = await told(shop)
    other = shop.other()
    await other.send(shop.outbound(Post("before"), chat))
    shop.clock.now += timedelta(seconds=2)
    shop.slack.uninstall(ACME)
    await shop.slack.settled()
    assert f"installation:{ACME}" not in shop.vault.values
    for connector in (shop.connector, other):  # the other one still has the token, and Slack refuses it
        with pytest.raises(Unreachable, match=r"T0ACME.*again"):
            await connector.send(shop.outbound(Post("after"), chat))
    await other.close()


async def test_a_late_notice_of_an_uninstallation_ends_no_new_installation(shop: Shop) -> None:
    await shop.install(ACME)
    shop.inbox.failures = 0
    shop.clock.now += timedelta(seconds=10)
    shop.slack.uninstall(ACME)
    await shop.slack.settled()
    shop.clock.now += timedelta(seconds=10)
    await shop.install(ACME)
    shop.clock.now -= timedelta(seconds=10)
    shop.slack.workspace(ACME).tell_of_end()
    await shop.slack.settled()
    shop.clock.now += timedelta(seconds=10)
    chat = await told(shop)
    await shop.connector.send(shop.outbound(Post("still here"), chat))


async def test_a_token_revoked_that_is_not_the_one_we_have_ends_nothing(shop: Shop) -> None:
    await shop.install(ACME)
    payload = revoked(int(shop.clock().timestamp()))
    assert await signed(shop, payload) == 200
    assert f"installation:{ACME}" in shop.vault.values
    shop.slack.installs.revoke(ACME)
    assert await signed(shop, payload) == 200
    assert f"installation:{ACME}" not in shop.vault.values


async def test_a_late_notice_of_revoked_tokens_ends_no_new_installation(shop: Shop) -> None:
    await shop.install(ACME)
    await told(shop)
    shop.slack.uninstall(ACME)
    payload = revoked(int(shop.clock().timestamp()))
    shop.clock.now += timedelta(seconds=5)
    await shop.slack.settled()
    await shop.install(ACME)
    assert await signed(shop, payload) == 200  # Slack tries for minutes
    assert f"installation:{ACME}" in shop.vault.values
    shop.slack.installs.revoke(ACME)
    assert await signed(shop, payload) == 200
    assert f"installation:{ACME}" in shop.vault.values  # whatever Slack says of the token, this is old


async def test_a_process_that_still_knows_the_old_token_ends_no_new_installation(shop: Shop) -> None:
    await shop.install(ACME)
    chat = await told(shop)
    shop.slack.installs.revoke(ACME)
    await shop.other_installs(ACME)
    assert await signed(shop, revoked(int(shop.clock().timestamp()))) == 200
    assert f"installation:{ACME}" in shop.vault.values
    await shop.connector.send(shop.outbound(Post("still here"), chat))


async def test_a_process_that_still_knows_the_old_token_tries_again_with_the_new(shop: Shop) -> None:
    await shop.install(ACME)
    chat = await told(shop)
    shop.slack.installs.revoke(ACME)
    await shop.other_installs(ACME)
    with pytest.raises(PlatformDown, match="token_changed"):
        await shop.connector.send(shop.outbound(Post("x"), chat))
    await shop.connector.send(shop.outbound(Post("x"), chat))


async def test_a_revoked_token_of_somebody_else_does_not_end_one_that_has_merely_expired(
    rotating: Shop,
) -> None:
    await rotating.install(ACME)
    rotating.clock.now += timedelta(hours=13)
    assert await signed(rotating, revoked(int(rotating.clock().timestamp()))) == 200
    chat = await told(rotating)
    await rotating.connector.send(rotating.outbound(Post("still here"), chat))


async def test_a_token_that_can_be_renewed_no_more_says_who_can_mend_it(rotating: Shop) -> None:
    await rotating.install(ACME)
    chat = await told(rotating)
    rotating.clock.now += timedelta(hours=13)
    rotating.slack.installs.forget_refreshing(ACME)
    outbound = rotating.outbound(Post("x"), chat)
    for ask in (rotating.connector.send, rotating.connector.find):
        rotating.clock.now += timedelta(minutes=2)
        with pytest.raises(Unreachable, match=r"^invalid_refresh_token: .*T0ACME.*add the app again$"):
            await ask(outbound)


async def test_a_wrong_client_secret_suspends_the_account(rotating: Shop) -> None:
    await rotating.install(ACME)
    chat = await told(rotating)
    wrong = SlackCustomers(
        _with(rotating, {**rotating.settings.secrets, "client_secret": "x"}), rotating.resources
    )
    rotating.clock.now += timedelta(hours=13)
    with pytest.raises(AccountSuspended, match="App Credentials"):
        await wrong.send(rotating.outbound(Post("x"), chat))
    await wrong.close()


async def test_an_app_that_may_look_back_once_a_minute_goes_on_where_it_was() -> None:
    async with a_shop(listed=False) as shop:
        await shop.install(ACME)
        chat = await told(shop)
        outbound = shop.outbound(Post("once"), chat)
        shop.script.faults["chat.postMessage"] = [Fault(FaultKind.LOST_RESPONSE)]
        with pytest.raises(OutcomeUnknown):
            await shop.connector.send(outbound)
        for number in range(40):
            shop.slack.workspace(ACME).say("zoe", chat.partition("/")[2], f"and {number}")
        for _ in range(2):
            with pytest.raises(RateLimited) as told_to_wait:
                await shop.connector.find(outbound)
            assert told_to_wait.value.retry_after is not None
            shop.clock.now += told_to_wait.value.retry_after
        assert await shop.connector.find(outbound)
        assert shop.script.calls.count("conversations.history") == 5


async def test_events_of_a_workspace_without_the_app_are_dropped(shop: Shop) -> None:
    await shop.install(ACME)
    await told(shop, "first")
    await shop.vault.delete(f"installation:{ACME}")
    shop.clock.now += timedelta(minutes=2)
    await told(shop, "second")
    assert [event.content for event in shop.inbox.events] == [Said("first")]


async def test_checking_asks_slack_whether_the_app_is_known(shop: Shop) -> None:
    assert await shop.connector.check() == f"no workspace yet: open {shop.url}/hooks/slack/install"
    await shop.install(ACME)
    await shop.install(HOME)
    assert (await shop.connector.check()).startswith("2 workspaces; without team_id your own people")
    options = {"team_id": f"{HOME}, E0HOME"}
    named = SlackCustomers(replace(shop.settings, options=options), shop.resources)
    assert await named.check() == "2 workspaces"
    shop.slack.installs.revoke(ACME)  # and Slack's word of it was lost
    told = await named.check()
    assert told.startswith("2 workspaces; T0ACME: account_inactive: ")
    assert told.endswith("can add the app again")
    await named.close()
    secrets = {**shop.settings.secrets, "client_secret": "wrong"}
    wrong = SlackCustomers(_with(shop, secrets), shop.resources)
    with pytest.raises(AccountSuspended, match=r"bad_client_secret.*Basic Information"):
        await wrong.check()
    await wrong.close()


async def test_settings_that_cannot_work_say_what_is_missing(shop: Shop) -> None:
    for secrets, missing in (
        ({"signing_secret": "x", "client_id": "1"}, "client_secret"),
        ({"signing_secret": "x"}, "client_id"),
        ({"bot_token": "x"}, "signing_secret"),
    ):
        with pytest.raises(SettingsError, match=missing):
            SlackCustomers(_with(shop, secrets), shop.resources)


async def test_the_registration_opens_the_side_that_the_account_serves(shop: Shop, desk: Desk) -> None:
    assert isinstance(channel.open(shop.settings, shop.resources), SlackCustomers)
    assert not isinstance(channel.open(desk.settings, shop.resources), SlackCustomers)


def revoked(event_time: int) -> dict[str, object]:
    return {
        "type": "event_callback",
        "event_id": "Ev0",
        "event_time": event_time,
        "authorizations": [{"team_id": ACME, "user_id": "U0BOT0ACME", "is_bot": True}],
        "event": {"type": "tokens_revoked", "tokens": {"oauth": [], "bot": ["U0BOT0ACME"]}},
    }


def _with(shop: Shop, secrets: Mapping[str, str]) -> AccountSettings:
    return replace(shop.settings, secrets=secrets)
