"""Changes of messages that are there already, on both sides, and when each is possible."""

import pytest

from bot.core.errors import Refused, WindowClosed
from bot.core.events import Deleted, Edited, Event, Reacted, Receipt, ReceiptStatus, Submitted
from bot.core.outbound import Emote, Erase, Post, React, Revise, Speaker, Typing, Whisper
from tests.connectors.contract.claims import choices, claims
from tests.connectors.contract.platform import Platform


class Deeds:
    @claims("edits")
    async def test_a_message_of_ours_is_changed_or_that_is_refused(
        self, platform: Platform, hello: Event
    ) -> None:
        (sent,) = await platform.deliver(hello, Post("As it was"))
        revise = Revise(sent.message, Post("As it is now"))

        if not platform.capabilities.edits:
            with pytest.raises(Refused):
                await platform.deliver(hello, revise)
            return
        await platform.deliver(hello, revise)
        assert [bubble.text for bubble in platform.shown()] == ["As it is now"]

    @claims("erases", "keeps")
    async def test_a_message_of_ours_is_taken_back_or_that_is_refused(
        self, platform: Platform, hello: Event
    ) -> None:
        (sent,) = await platform.deliver(hello, Post("Said too soon"))

        if not platform.capabilities.erases:
            assert not platform.capabilities.keeps, "what remains is named where the rest can be taken back"
            with pytest.raises(Refused):
                await platform.deliver(hello, Erase(sent.message))
            return
        await platform.deliver(hello, Erase(sent.message))
        assert platform.shown() == []

    @claims("hears_edits")
    async def test_an_edit_of_the_customer_is_heard(self, platform: Platform, hello: Event) -> None:
        if platform.capabilities.hears_edits:
            await platform.edit(hello.message, "Hello again")
            edited = await platform.heard_of(Edited)
            assert (edited.message, edited.text) == (hello.message, "Hello again")

    @claims("hears_deletions")
    async def test_a_deletion_of_the_customer_is_heard(self, platform: Platform, hello: Event) -> None:
        if platform.capabilities.hears_deletions:
            await platform.delete(hello.message)
            assert (await platform.heard_of(Deleted)).message == hello.message

    @claims("reacts")
    async def test_a_reaction_of_ours_is_shown_or_refused(self, platform: Platform, hello: Event) -> None:
        if not platform.capabilities.reacts:
            with pytest.raises(Refused):
                await platform.deliver(hello, Emote(hello.message, "👍"))
            assert platform.shown() == []
            return
        await platform.deliver(hello, Emote(hello.message, "👍"))
        assert len(platform.reactions(hello.message)) == 1
        await platform.deliver(hello, Emote(hello.message, ""))
        assert list(platform.reactions(hello.message)) == []

    @claims("marks")
    async def test_each_mark_is_the_only_one_of_ours(self, platform: Platform, hello: Event) -> None:
        for mark, _ in platform.capabilities.marks:
            await platform.deliver(hello, React(hello.message, mark))
            assert len(platform.reactions(hello.message)) == 1
        if platform.capabilities.marks:
            await platform.deliver(hello, React(hello.message, None))
            assert list(platform.reactions(hello.message)) == []

    @claims("emails")
    async def test_a_post_that_calls_an_unknown_address_is_shown_like_any_other(
        self, platform: Platform, hello: Event
    ) -> None:
        await platform.deliver(hello, Post("Please look", calls="nobody@elsewhere.example"))
        assert platform.shown()[-1].text.startswith("Please look")

    @claims("hears_reactions")
    async def test_a_reaction_of_the_customer_is_heard(self, platform: Platform, hello: Event) -> None:
        if platform.capabilities.hears_reactions:
            (sent,) = await platform.deliver(hello, Post("All done"))
            await platform.react(platform.shown()[-1])
            reacted = await platform.heard_of(Reacted)
            assert (reacted.message, reacted.emoji, reacted.added) == (sent.message, "👍", True)

    @claims("receipts")
    async def test_the_receipts_that_are_claimed_come(self, platform: Platform, hello: Event) -> None:
        claimed = platform.capabilities.receipts
        (sent,) = await platform.deliver(hello, Post("All done"))
        if ReceiptStatus.READ in claimed:
            await platform.read()
        await platform.inbox.until(
            lambda inbox: claimed - {ReceiptStatus.FAILED} <= _statuses(inbox.events, sent.message)
        )
        if ReceiptStatus.FAILED in claimed:
            await platform.leave()
            (lost,) = await platform.deliver(hello, Post("Are you there?"))
            await platform.inbox.until(
                lambda inbox: ReceiptStatus.FAILED in _statuses(inbox.events, lost.message)
            )

    @claims("typing", "typing_lasts")
    async def test_typing_is_shown_or_is_nothing(self, platform: Platform, hello: Event) -> None:
        hello = await platform.where_typing_shows(hello)
        await platform.deliver(hello, Typing(hello.message))

        assert platform.shown() == []
        if platform.capabilities.typing:
            assert platform.typing()
        if platform.capabilities.typing_lasts:
            await platform.deliver(hello, Typing(over=True))
            assert not platform.typing()

    @claims("whispers")
    async def test_a_whisper_is_for_one_person_or_for_nobody(self, platform: Platform, hello: Event) -> None:
        await platform.deliver(hello, Whisper(hello.sender.external_id, "Between us"))

        if platform.capabilities.whispers:
            (whisper,) = platform.whispers()
            assert whisper.startswith("Between us")
        else:
            assert platform.shown() == []

    @claims("forms")
    async def test_a_form_comes_back_filled_in(self, platform: Platform) -> None:
        if platform.capabilities.forms:
            await platform.submit_form()
            assert (await platform.heard_of(Submitted)).values

    @claims("window", "human_window")
    async def test_free_text_is_taken_within_the_window_alone(self, platform: Platform, hello: Event) -> None:
        window = platform.capabilities.window
        if window is None:
            return
        await platform.deliver(hello, Post("In time"))
        await platform.pass_time(window.total_seconds() + 60)

        by_a_person = Post("Too late", speaker=Speaker("Hugo", human=True))
        if platform.capabilities.human_window is not None:
            await platform.deliver(hello, by_a_person)
            later = platform.capabilities.human_window - window
            await platform.pass_time(later.total_seconds())
        shown = len(platform.shown())
        for post in (Post("Too late"), by_a_person):
            with pytest.raises(WindowClosed):
                await platform.deliver(hello, post)
        assert len(platform.shown()) == shown

    @claims("templates")
    async def test_a_template_is_taken_when_the_window_is_closed(
        self, platform: Platform, hello: Event
    ) -> None:
        if not platform.capabilities.templates:
            return
        assert platform.capabilities.window is not None
        await platform.pass_time(platform.capabilities.window.total_seconds() + 60)

        await platform.deliver(hello, Post("As it reads", choices(1), template=platform.template()))

        assert len(platform.shown()) == 1

    @claims("charges")
    async def test_a_question_and_its_choices_are_one_message_where_each_costs(
        self, platform: Platform, hello: Event
    ) -> None:
        if platform.capabilities.charges:
            long = "Which of these is it about? " * 60
            await platform.deliver(hello, Post(long, choices(2)))
            await platform.deliver(hello, Post("Which one?", choices(2)))
            assert len(platform.shown()) == 2

    @claims("asks_number")
    async def test_a_customer_who_is_asked_for_their_number_gets_one_message(
        self, platform: Platform, hello: Event
    ) -> None:
        await platform.deliver(hello, Post("Which number may we call?", asks_number=True))

        (bubble,) = platform.shown()
        assert bubble.text.strip().startswith("Which number may we call?")

    @claims("robots")
    async def test_a_message_of_a_program_is_known_as_such(self, platform: Platform) -> None:
        if platform.capabilities.robots:
            await platform.robot()
            await platform.inbox.until(lambda inbox: any(event.automatic for event in inbox.events))


def _statuses(events: list[Event], message: str) -> set[ReceiptStatus]:
    return {
        event.content.status
        for event in events
        if isinstance(event.content, Receipt)
        and (message in event.content.messages or event.content.until is not None)
    }
