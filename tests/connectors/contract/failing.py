"""Failures on the way out: each is told as what it is, and nothing arrives twice."""

from contextlib import suppress

import pytest

from bot.core.beginning import told
from bot.core.connector import Begins, Reconciles
from bot.core.errors import OutcomeUnknown, PlatformDown, Refused, StorageUnavailable
from bot.core.events import AttachmentKind, Event
from bot.core.outbound import Outbound, Post, Sent
from connectors.sandbox.fault import FaultKind
from tests.connectors.contract.claims import claims
from tests.connectors.contract.platform import Platform
from tests.connectors.contract.samples import sample

ANSWER = Post("An answer")


class Failing:
    async def test_a_text_arrives_once(self, platform: Platform, hello: Event) -> None:
        (sent,) = await platform.deliver(hello, ANSWER)

        (bubble,) = platform.shown()
        assert bubble.text.strip().startswith("An answer")
        assert bubble.id == sent.message

    async def test_a_rate_limit_says_how_long_to_wait(self, platform: Platform, hello: Event) -> None:
        outbound = platform.outbound(hello, ANSWER)
        platform.next_fault(FaultKind.RATE_LIMITED, seconds=7)

        with pytest.raises(platform.rate_limit) as caught:
            await platform.connector.send(outbound)

        assert caught.value.retry_after is not None
        assert caught.value.retry_after.total_seconds() >= platform.told_to_wait(7)
        assert platform.shown() == []
        await self._arrives_now(platform, outbound)

    async def test_an_error_of_the_platform_may_be_tried_again(
        self, platform: Platform, hello: Event
    ) -> None:
        outbound = platform.outbound(hello, ANSWER)
        platform.next_fault(FaultKind.SERVER_ERROR)

        with pytest.raises(PlatformDown):
            await platform.connector.send(outbound)

        assert platform.shown() == []
        await self._arrives_now(platform, outbound)

    async def test_a_reset_is_no_answer(self, platform: Platform, hello: Event) -> None:
        outbound = platform.outbound(hello, ANSWER)
        platform.next_fault(FaultKind.RESET)

        # Who hears nothing cannot know on which side of the effect it broke off.
        with pytest.raises((OutcomeUnknown, PlatformDown)):
            await platform.connector.send(outbound)

        assert platform.shown() == []
        await self._arrives_now(platform, outbound)

    async def test_a_closed_connector_opens_nothing_that_nobody_would_close(
        self, platform: Platform, hello: Event
    ) -> None:
        outbound = platform.outbound(hello, ANSWER)
        await platform.connector.close()

        if platform.connector.channel == "email":  # each delivery opens its own connection, and closes it
            await platform.connector.send(outbound)
            return
        with pytest.raises(PlatformDown):
            await platform.connector.send(outbound)
        assert platform.shown() == []

    async def test_a_lost_response_is_never_told_as_a_failure(self, platform: Platform, hello: Event) -> None:
        outbound = platform.outbound(hello, ANSWER)
        platform.next_fault(FaultKind.LOST_RESPONSE)

        with pytest.raises(OutcomeUnknown):
            await platform.connector.send(outbound)

        await platform.settled()
        assert len(platform.shown()) == 1

    @claims("reconciles")
    async def test_the_outcome_of_a_delivery_can_be_asked_where_that_is_claimed(
        self, platform: Platform, hello: Event
    ) -> None:
        connector, outbound = platform.connector, platform.outbound(hello, ANSWER)
        assert isinstance(connector, Reconciles) or not platform.capabilities.reconciles
        if not platform.capabilities.reconciles or not isinstance(connector, Reconciles):
            return
        assert await connector.find(outbound) is None
        platform.next_fault(FaultKind.LOST_RESPONSE)
        with pytest.raises(OutcomeUnknown):
            await connector.send(outbound)
        await platform.settled()

        found = await connector.find(outbound)

        assert found is not None
        assert [bubble.id for bubble in platform.shown()] == [found.message]

    async def test_the_connector_tells_that_a_delivery_begins_before_anything_arrives(
        self, platform: Platform, hello: Event
    ) -> None:
        shown: list[int] = []

        async def first() -> None:
            shown.append(len(platform.shown()))

        assert isinstance(platform.connector, Begins)
        with told(first):
            await platform.deliver(hello, ANSWER)

        assert shown[0] == 0
        assert len(platform.shown()) == 1

    async def test_nothing_is_sent_that_may_not_begin(self, platform: Platform, hello: Event) -> None:
        outbound = platform.outbound(hello, ANSWER)

        async def first() -> None:
            raise StorageUnavailable("the database is away")

        with told(first), pytest.raises(Exception):  # noqa: B017, PT011 (a library may put its own around it)
            await platform.connector.send(outbound)

        assert platform.shown() == []
        await self._arrives_now(platform, outbound)

    async def test_a_part_that_the_message_does_not_have_is_never_sent(
        self, platform: Platform, hello: Event
    ) -> None:
        with suppress(Refused):
            assert await platform.connector.send(platform.outbound(hello, ANSWER, part=3)) == Sent()

        assert platform.shown() == []

    async def test_a_message_that_says_nothing_is_refused(self, platform: Platform, hello: Event) -> None:
        with pytest.raises(Refused):
            await platform.connector.send(platform.outbound(hello, Post("  \n ")))

        assert platform.shown() == []

    async def test_a_file_waits_while_the_store_is_away_and_is_given_up_when_it_is_gone(
        self, platform: Platform, hello: Event
    ) -> None:
        modes = [way for way in platform.capabilities.media_out if way.kind is not AttachmentKind.STICKER]
        way = next((way for way in modes if way.types), None)
        if way is None:
            return
        mime_type, content = sample(way)
        file = platform.resources.files.attach(way.kind, content, mime_type=mime_type, name="a file")
        outbound = platform.outbound(hello, Post("", attachments=(file,)))

        platform.resources.files.away = True
        with pytest.raises(PlatformDown):
            await platform.connector.send(outbound)
        platform.resources.files.away = False
        platform.resources.files.kept.clear()
        with pytest.raises(Refused):
            await platform.connector.send(outbound)

        assert platform.shown() == []

    async def test_the_account_can_be_checked(self, platform: Platform) -> None:
        assert await platform.connector.check()

    async def _arrives_now(self, platform: Platform, outbound: Outbound) -> None:
        await platform.connector.send(outbound)
        await platform.settled()
        assert len(platform.shown()) == 1
