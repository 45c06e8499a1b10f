"""Contents of messages: text, choices and files, each carried as claimed or degraded."""

import re
from dataclasses import replace

import pytest

from bot.core.connector import HasFiles, Media
from bot.core.events import Attachment, AttachmentKind, Event, Said, Tapped
from bot.core.outbound import Button, Post
from connectors.rendering import length
from tests.connectors.contract.claims import choices, claims
from tests.connectors.contract.platform import Bubble, Platform
from tests.connectors.contract.samples import sample

_KINDS = [kind for kind in AttachmentKind if kind is not AttachmentKind.ORIGINAL]
_FACTS = {AttachmentKind.LOCATION: "geo:52.52,13.4", AttachmentKind.CONTACT: "tel:+4930123"}


def all_labels(bubbles: list[Bubble]) -> list[str]:
    return [label for bubble in bubbles for label in (*bubble.buttons, *bubble.rows)]


class Contents:
    @claims("per_second", "chat_interval", "chat_burst")
    async def test_the_limits_are_those_of_the_account(self, platform: Platform) -> None:
        assert platform.capabilities.per_second > 0
        assert platform.capabilities.chat_interval.total_seconds() >= 0
        assert platform.capabilities.chat_burst >= 1

    @claims("text_limit", "text_unit")
    async def test_a_text_too_long_for_one_message_arrives_in_parts(
        self, platform: Platform, hello: Event
    ) -> None:
        limit, unit = platform.capabilities.text_limit, platform.capabilities.text_unit
        sentence = "Number {}: a sentence of some words, und ein paar Umlaute äöü, and a face 🙂. "
        text = "".join(sentence.format(number) for number in range(limit // len(sentence) * 2 + 3))

        sent = await platform.deliver(hello, Post(text))

        shown = platform.shown()
        assert len(sent) == len(shown) > 1
        assert all(length(bubble.text, unit) <= limit for bubble in shown)
        assert "".join("".join(bubble.text for bubble in shown).split()) == "".join(text.split())

    @claims("formatting")
    async def test_no_markdown_is_shown_that_the_channel_does_not_read(
        self, platform: Platform, hello: Event
    ) -> None:
        await platform.deliver(hello, Post("Some **bold** and [a link](https://example.org/a)"))

        (bubble,) = platform.shown()
        assert "**" not in bubble.text
        assert "](" not in bubble.text
        assert "bold" in bubble.text

    @claims("buttons", "button_label")
    async def test_as_many_choices_as_there_are_buttons_are_buttons_and_come_back(
        self, platform: Platform, hello: Event
    ) -> None:
        room = platform.capabilities.buttons

        await platform.deliver(hello, Post("Which?", choices(room or 2)))

        shown = platform.shown()
        if not room:
            assert all_labels(shown) == []
            assert re.search(r"1\. Choice 1\s+2\. Choice 2", shown[-1].text)
            return
        assert all_labels(shown) == [f"Choice {number}" for number in range(1, room + 1)]
        await platform.tap(shown[-1], "Choice 2")
        tapped = await platform.heard_of(Tapped)
        assert (tapped.action, tapped.value) == ("choose", "v2")

    @claims("list_rows", "list_label")
    async def test_more_choices_than_buttons_are_rows_or_numbered_and_none_is_lost(
        self, platform: Platform, hello: Event
    ) -> None:
        room, rows = platform.capabilities.buttons, platform.capabilities.list_rows
        count = room + 1

        await platform.deliver(hello, Post("Which?", choices(count)))

        shown = platform.shown()
        if count > rows:
            assert all_labels(shown) == []
            text = "\n".join(bubble.text for bubble in shown)
            assert all(f"{number}. Choice {number}" in text for number in range(1, count + 1))
            return
        assert all_labels(shown) == [f"Choice {number}" for number in range(1, count + 1)]
        await platform.tap(shown[-1], f"Choice {count}")
        assert (await platform.heard_of(Tapped)).value == f"v{count}"

    async def test_more_choices_than_a_list_has_rows_are_numbered(
        self, platform: Platform, hello: Event
    ) -> None:
        count = max(platform.capabilities.buttons, platform.capabilities.list_rows) + 1

        await platform.deliver(hello, Post("Which?", choices(count)))

        shown = platform.shown()
        assert all_labels(shown) == []
        assert f"{count}. Choice {count}" in "\n".join(bubble.text for bubble in shown)

    async def test_a_label_too_long_for_a_button_is_shortened(self, platform: Platform, hello: Event) -> None:
        label = "This is a label of very many words, " * 4

        await platform.deliver(hello, Post("Which?", (Button("a", "1", label), Button("a", "2", "No"))))

        shown = platform.shown()
        if not platform.capabilities.buttons:
            assert label.strip() in " ".join(shown[-1].text.split())
            return
        assert len(all_labels(shown)[0]) <= platform.capabilities.button_label
        assert all_labels(shown)[0].endswith("…")

    @claims("media_in")
    @pytest.mark.parametrize("kind", _KINDS)
    async def test_a_file_of_each_kind_that_is_claimed_comes_in_and_can_be_fetched(
        self, platform: Platform, kind: AttachmentKind
    ) -> None:
        way = _way(platform.capabilities.media_in, kind)
        if way is None:
            return
        mime_type, content = sample(way)

        message, content = await platform.attach(kind, content, mime_type)
        event = await platform.heard(message)

        assert isinstance(event.content, Said)
        attachment = event.content.attachments[0]
        assert attachment.kind is kind
        if attachment.is_file:
            assert isinstance(platform.connector, HasFiles)
            assert b"".join([chunk async for chunk in platform.connector.open(attachment.ref)]) == content

    @claims("media_out")
    @pytest.mark.parametrize("kind", _KINDS)
    async def test_a_file_of_each_kind_goes_out_as_itself_or_as_a_link(
        self, platform: Platform, hello: Event, kind: AttachmentKind
    ) -> None:
        way = _way(platform.capabilities.media_out, kind)
        mime_type, content = sample(way or Media(kind, ("application/pdf",), 1))
        if kind in _FACTS:
            attachment = Attachment(kind=kind, ref=_FACTS[kind], name="Maya")
        else:
            attachment = platform.resources.files.attach(kind, content, mime_type=mime_type, name="a file")

        await platform.deliver(hello, Post("Look at this", attachments=(attachment,)))

        shown = platform.shown()
        if kind in _FACTS:
            words = "openstreetmap" if kind is AttachmentKind.LOCATION else "+4930123"
            assert any(bubble.is_fact or words in bubble.text + bubble.links for bubble in shown)
            assert way is None or any(bubble.is_fact for bubble in shown)
        elif way is not None:
            assert [bubble.file for bubble in shown if bubble.file] == [content]
        else:
            link = platform.resources.files.link(attachment.file)
            assert any(bubble.file == content or link in bubble.text + bubble.links for bubble in shown)
        assert any("Look at this" in bubble.text for bubble in shown)

    async def test_a_file_too_large_for_the_channel_is_a_link(self, platform: Platform, hello: Event) -> None:
        largest = max((way.max_bytes for way in platform.capabilities.media_out), default=0)
        file = platform.resources.files.attach(
            AttachmentKind.DOCUMENT, b"%PDF-1.4\n", mime_type="application/pdf", name="plans.pdf"
        )

        await platform.deliver(hello, Post("Look", attachments=(replace(file, size=largest + 1),)))

        shown = platform.shown()
        assert not any(bubble.file for bubble in shown)
        assert platform.resources.files.link(file.file) in "".join(
            bubble.text + bubble.links for bubble in shown
        )


def _way(modes: tuple[Media, ...], kind: AttachmentKind) -> Media | None:
    return next((way for way in modes if way.kind is kind), None)
