"""Meta knocks at the webhook."""

import pytest

from bot.core.connector import RawRequest
from bot.core.errors import ForgedRequest, MalformedPayload, SettingsError, StorageUnavailable
from bot.core.events import Said
from connectors.messenger import channel
from tests.connectors.messenger import rig
from tests.connectors.messenger.conftest import Line


def asked(**query: str) -> RawRequest:
    names = {name.replace("_", ".", 1): value for name, value in query.items()}
    return RawRequest(headers={}, body=b"", method="GET", query=names)


def text(words: str, mid: str = "m_1") -> rig.Json:
    return rig.item(message={"mid": mid, "text": words})


async def test_meta_hears_its_challenge_back_for_the_right_token() -> None:
    (route,) = rig.connector().routes(rig.Inbox())
    request = asked(hub_mode="subscribe", hub_verify_token=rig.VERIFY, hub_challenge="1158201444")

    answer = await route.handle(request)

    assert (route.path, set(route.methods)) == ("/hooks/messenger/page", {"GET", "POST"})
    assert (answer.status, answer.body) == (200, b"1158201444")


async def test_a_challenge_with_another_token_is_a_forgery() -> None:
    (route,) = rig.connector().routes(rig.Inbox())

    with pytest.raises(ForgedRequest):
        await route.handle(asked(hub_mode="subscribe", hub_verify_token="guess", hub_challenge="1"))


async def test_a_signed_message_is_accepted_before_it_is_answered(line: Line) -> None:
    inbox = rig.Inbox()
    (route,) = line.page.routes(inbox)

    answer = await route.handle(rig.signed(rig.body(rig.entry(text("hello")))))

    assert answer.status == 200
    assert [event.content for event in inbox.events] == [Said("hello")]


async def test_a_webhook_that_could_not_be_stored_is_not_answered_with_success(line: Line) -> None:
    (route,) = line.page.routes(rig.Inbox(raises=[StorageUnavailable()]))

    with pytest.raises(StorageUnavailable):
        await route.handle(rig.signed(rig.body(rig.entry(text("hello")))))


@pytest.mark.parametrize("headers", [{}, {"x-hub-signature-256": "sha256=00"}, {"x-hub-signature-256": "ü"}])
async def test_a_message_without_metas_signature_is_a_forgery(headers: dict[str, str]) -> None:
    inbox = rig.Inbox()
    (route,) = rig.connector().routes(inbox)

    with pytest.raises(ForgedRequest):
        await route.handle(RawRequest(headers=headers, body=rig.body(rig.entry(text("hello")))))
    assert not inbox.events


async def test_a_signature_made_with_another_secret_is_a_forgery() -> None:
    (route,) = rig.connector().routes(rig.Inbox())

    with pytest.raises(ForgedRequest):
        await route.handle(rig.signed(rig.body(), secret="another"))


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff", b"[" * 100_000, b'{"a":' * 50_000])
async def test_nonsense_is_refused_as_such(body: bytes) -> None:
    (route,) = rig.connector().routes(rig.Inbox())

    with pytest.raises(MalformedPayload):
        await route.handle(rig.signed(body))


def test_every_message_of_every_entry_is_read() -> None:
    request = rig.signed(
        rig.body(
            rig.entry(text("one", "m_1"), text("two", "m_2")),
            rig.entry(text("three", "m_3"), standby=[text("four", "m_4")]),
        )
    )

    events = rig.connector().parse(request)

    assert [event.content for event in events] == [Said("one"), Said("two"), Said("three"), Said("four")]
    assert [event.overheard for event in events] == [False, False, False, True]


async def test_another_page_of_the_same_app_is_not_ours() -> None:
    inbox = rig.Inbox()
    (route,) = rig.connector().routes(inbox)

    answer = await route.handle(rig.signed(rig.body(rig.entry(text("hello"), page="999"))))

    assert (answer.status, inbox.events) == (200, [])


async def test_instagram_and_an_empty_batch_are_answered_and_nothing_else() -> None:
    inbox = rig.Inbox()
    (route,) = rig.connector().routes(inbox)

    for body in (b'{"object":"instagram","entry":[]}', b'{"object":"page"}', rig.body(), b"{}"):
        assert (await route.handle(rig.signed(body))).status == 200
    assert not inbox.events


def test_an_account_without_a_secret_or_a_page_number_does_not_start() -> None:
    with pytest.raises(SettingsError, match="app_secret"):
        rig.connector(secrets={"page_token": "t", "verify_token": "v"})
    with pytest.raises(SettingsError, match="page_id"):
        rig.connector(options={"page_id": "brightdesk"})
    with pytest.raises(SettingsError, match="app_id"):
        rig.connector(options={"page_id": rig.PAGE, "app_id": "desk"})


def test_the_channel_declares_its_secrets_options_and_capabilities() -> None:
    (way,) = channel.modes

    assert (channel.name, channel.title, channel.serves) == ("messenger", "Messenger", ("customers",))
    assert way.secrets == ("page_token", "app_secret", "verify_token")
    assert (way.options, way.optional) == (("page_id",), ("app_id",))
    assert rig.connector().capabilities == channel.capabilities
    assert rig.connector(per_second=2.0).capabilities.per_second == 2.0
