"""Events that come in: only genuine ones, none twice, none lost, and none that stops the rest."""

import pytest

from bot.core.connector import HasFiles
from bot.core.errors import ForgedRequest, SendError
from bot.core.events import Event, Said, Unsupported
from tests.connectors.contract.claims import claims
from tests.connectors.contract.platform import Platform, knock
from tests.connectors.contract.samples import sample


class Hearing:
    async def test_a_message_of_a_customer_is_an_event_with_a_place_to_answer(
        self, platform: Platform, hello: Event
    ) -> None:
        assert isinstance(hello.content, Said)
        assert "Hello there" in hello.content.text  # a mail has its subject as well
        assert (hello.place.channel, hello.place.account) == (platform.kind.name, platform.connector.account)
        assert 0 < len(hello.external_id) <= 200
        assert len(hello.reply_context.encode()) <= 16 * 1024

    @claims("addresses")
    async def test_only_where_an_account_has_several_addresses_is_told_which_one_was_written_to(
        self, platform: Platform, hello: Event
    ) -> None:
        assert bool(hello.addressed) is platform.capabilities.addresses

    async def test_a_forged_request_is_refused(self, platform: Platform) -> None:
        forged = platform.forged()
        if not platform.connector.routes(platform.inbox):
            assert not (await platform.heard(await platform.forge())).sender.verified
            return
        assert forged, "there is a webhook, and nobody forges a request"
        for request in forged:
            with pytest.raises(ForgedRequest):
                await knock(platform.connector, platform.inbox, request)
        assert platform.inbox.accepted == []

    async def test_an_empty_batch_is_taken_and_is_nothing(self, platform: Platform) -> None:
        for request in platform.empty():
            answer = await knock(platform.connector, platform.inbox, request)
            assert answer.status == 200
        assert platform.inbox.accepted == []

    async def test_an_unknown_kind_is_taken_and_stops_nothing(self, platform: Platform, hello: Event) -> None:
        await platform.tell_unknown()
        await platform.settled()

        after = await platform.greeted()

        between = [event for event in platform.inbox.events if event not in (hello, after)]
        for event in between:
            shows = isinstance(event.content, Said) and (event.content.text or event.content.attachments)
            assert shows or isinstance(event.content, Unsupported)

    async def test_a_message_delivered_twice_by_the_platform_has_the_same_id(
        self, platform: Platform
    ) -> None:
        await platform.say_twice("Hello there")
        await platform.inbox.until(lambda inbox: len(inbox.accepted) >= 2)
        await platform.settled()

        assert len({event.external_id for event in platform.inbox.accepted}) == 1

    async def test_a_message_that_could_not_be_stored_comes_again(self, platform: Platform) -> None:
        platform.inbox.failures = 1

        hello = await platform.greeted()

        assert platform.inbox.failures == 0
        assert isinstance(hello.content, Said)
        assert "Hello there" in hello.content.text  # a mail has its subject as well

    async def test_a_file_that_cannot_be_fetched_delays_no_message_and_is_there_later(
        self, platform: Platform
    ) -> None:
        connector, media = platform.connector, platform.capabilities.media_in
        if not media:
            return
        assert isinstance(connector, HasFiles)
        way = next(way for way in media if way.types)
        mime_type, content = sample(way)

        message, content = await platform.attach(way.kind, content, mime_type)
        event = await platform.heard(message)

        assert isinstance(event.content, Said)
        attachment = event.content.attachments[0]
        with platform.no_downloads(), pytest.raises(SendError):
            _ = [chunk async for chunk in connector.open(attachment.ref)]
        assert b"".join([chunk async for chunk in connector.open(attachment.ref)]) == content
