"""A post as the messages it takes: what a channel cannot carry is degraded, never dropped."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.connector import Capabilities, Media, Unit
from bot.core.errors import Refused
from bot.core.events import Attachment, AttachmentKind
from bot.core.outbound import Button, Post, Section, Template
from connectors.rendering import FilePart, Part, TextPart, length, plan, to_plain, to_whatsapp

CHANNEL = Capabilities(
    text_limit=200,
    text_unit=Unit.UTF16,
    formatting="none",
    buttons=3,
    button_label=10,
    list_rows=5,
    list_label=12,
    media_out=(
        Media(AttachmentKind.PHOTO, ("image/jpeg", "image/png"), 1000),
        Media(AttachmentKind.AUDIO, ("audio/*",), 1000),
    ),
    edits=False,
    erases=False,
    typing=False,
    reconciles=False,
    per_second=1.0,
    chat_interval=timedelta(),
)
FILES = replace(CHANNEL, media_out=(*CHANNEL.media_out, Media(AttachmentKind.DOCUMENT, ("*/*",), 5000)))


def planned(
    post: Post, capabilities: Capabilities = CHANNEL, link: str = "https://files.test/"
) -> tuple[Part, ...]:
    return plan(post, capabilities, render=to_plain, link=lambda file: f"{link}{file}" if link else "")


def texts(parts: tuple[Part, ...]) -> list[str]:
    return [part.text for part in parts if isinstance(part, TextPart)]


def choices(*labels: str) -> tuple[Button, ...]:
    return tuple(Button("choose", str(number), label) for number, label in enumerate(labels))


def file(kind: AttachmentKind, mime_type: str, size: int = 10, name: str = "a name.bin") -> Attachment:
    return Attachment(kind=kind, ref="", mime_type=mime_type, name=name, size=size, file="f1")


def test_a_text_is_one_part() -> None:
    assert planned(Post("Hello *you*")) == (TextPart("Hello *you*", "Hello you"),)


def test_nothing_to_send_is_refused() -> None:
    with pytest.raises(Refused):
        planned(Post("  \n"))


def test_choices_that_fit_are_buttons() -> None:
    (part,) = planned(Post("Which?", choices("Yes", "No", "Tell me more about it")))

    assert isinstance(part, TextPart)
    assert [button.label for button in part.buttons] == ["Yes", "No", "Tell me m…"]
    assert part.rows == ()


def test_more_choices_than_buttons_are_rows_of_a_list() -> None:
    (part,) = planned(Post("Which?", choices("one", "two", "three", "four is long indeed")))

    assert isinstance(part, TextPart)
    assert part.buttons == ()
    assert [row.label for row in part.rows] == ["one", "two", "three", "four is lon…"]


def test_more_choices_than_rows_are_numbered() -> None:
    (part,) = planned(Post("Which?", choices("a", "b", "c", "d", "e", "*f*")))

    assert isinstance(part, TextPart)
    assert part == TextPart(part.markdown, "Which?\n\n1. a\n2. b\n3. c\n4. d\n5. e\n6. *f*")


def test_numbers_of_choices_do_not_go_on_from_a_list_before_them() -> None:
    shown = texts(
        planned(Post("1. first\n2. second", choices("a", "b")), replace(CHANNEL, buttons=0, list_rows=0))
    )

    assert shown == ["1. first\n2. second\n\n1. a\n2. b"]


def test_choices_that_could_not_be_told_apart_when_shortened_are_numbered() -> None:
    labels = ("The same beginning, one", "The same beginning, two")

    (part,) = planned(Post("Which?", choices(*labels)))

    assert isinstance(part, TextPart)
    assert part == TextPart(part.markdown, f"Which?\n\n1. {labels[0]}\n2. {labels[1]}")


def test_buttons_stand_under_the_last_text() -> None:
    parts = planned(Post("A sentence of words. " * 30, choices("Yes", "No")))

    assert len(parts) > 2
    assert [bool(part.buttons) for part in parts if isinstance(part, TextPart)] == [False] * (
        len(parts) - 1
    ) + [True]


def test_a_text_with_buttons_may_have_a_limit_of_its_own() -> None:
    parts = plan(
        Post("A sentence of words. " * 8, choices("Yes")),
        CHANNEL,
        render=to_plain,
        link=str,
        choice_limit=60,
    )

    assert isinstance(parts[-1], TextPart)
    assert parts[-1].buttons
    assert len(parts[-1].text) <= 60


def test_buttons_without_words_get_a_text() -> None:
    (part,) = planned(Post("", choices("Yes", "No")))

    assert isinstance(part, TextPart)
    assert part.text
    assert len(part.buttons) == 2


def test_a_file_that_the_channel_carries_follows_the_text() -> None:
    photo = file(AttachmentKind.PHOTO, "image/jpeg")

    assert planned(Post("Look", attachments=(photo,))) == (TextPart("Look", "Look"), FilePart(photo))
    assert planned(Post("", attachments=(photo,))) == (FilePart(photo),)


@pytest.mark.parametrize(
    "attachment",
    [
        file(AttachmentKind.PHOTO, "image/heic"),
        file(AttachmentKind.PHOTO, "image/jpeg", size=1001),
        file(AttachmentKind.DOCUMENT, "application/pdf"),
        file(AttachmentKind.VIDEO, "video/mp4"),
        file(AttachmentKind.PHOTO, ""),
        file(AttachmentKind.ORIGINAL, "message/rfc822"),
    ],
)
def test_a_file_that_the_channel_does_not_carry_is_a_link(attachment: Attachment) -> None:
    assert texts(planned(Post("Look", attachments=(attachment,)))) == [
        "Look\n\n📄 a name.bin (https://files.test/f1)"
    ]


def test_without_a_public_address_a_file_is_named() -> None:
    assert texts(planned(Post("", attachments=(file(AttachmentKind.VIDEO, "video/mp4"),)), link="")) == [
        "📄 a name.bin"
    ]
    nameless = file(AttachmentKind.VIDEO, "video/mp4", name="")
    assert texts(planned(Post("", attachments=(nameless,)), link="")) == ["📄 🎬 MP4"]


def test_a_file_that_was_never_kept_is_named() -> None:
    lost = replace(file(AttachmentKind.PHOTO, "image/jpeg"), file="")

    assert texts(planned(Post("", attachments=(lost,)))) == ["📄 a name.bin"]


def test_a_picture_too_large_for_a_picture_goes_as_a_file() -> None:
    photo = file(AttachmentKind.PHOTO, "image/jpeg", size=4000)

    assert planned(Post("", attachments=(photo,)), FILES) == (
        FilePart(replace(photo, kind=AttachmentKind.DOCUMENT)),
    )


def test_types_may_be_wild_and_carry_parameters() -> None:
    voice = file(AttachmentKind.VOICE, "audio/ogg; codecs=opus")

    assert planned(Post("", attachments=(voice,))) == (FilePart(replace(voice, kind=AttachmentKind.AUDIO)),)


def test_an_original_is_always_a_link() -> None:
    original = file(AttachmentKind.ORIGINAL, "message/rfc822", name="")

    assert texts(planned(Post("", attachments=(original,)), FILES)) == [
        "📄 Original message (https://files.test/f1)"
    ]


def test_a_place_is_a_link_to_a_map_where_the_channel_knows_no_places() -> None:
    place = Attachment(kind=AttachmentKind.LOCATION, ref="geo:52.52,-13.40;u=20", name="Our *office*")

    assert texts(planned(Post("", attachments=(place,)))) == [
        "📍 Our *office* https://www.openstreetmap.org/?mlat=52.52&mlon=-13.40"
    ]
    knows = replace(CHANNEL, media_out=(Media(AttachmentKind.LOCATION, (), 0),))
    assert planned(Post("", attachments=(place,)), knows) == (FilePart(place),)


def test_a_contact_is_a_name_and_a_number_where_the_channel_knows_no_contacts() -> None:
    contact = Attachment(kind=AttachmentKind.CONTACT, ref="tel:+4930123", name="Maya")

    assert texts(planned(Post("", attachments=(contact,)))) == ["👤 Maya: +4930123"]


def test_an_appended_link_does_not_fall_into_an_open_code_block() -> None:
    shown = planned(Post("```\nx = 1", attachments=(file(AttachmentKind.VIDEO, "video/mp4"),)))

    assert texts(shown) == ["x = 1\n\n📄 a name.bin (https://files.test/f1)"]


@pytest.mark.parametrize("words", ["-", "#", "*", ">", "1.", "- -"])
def test_marks_that_mark_nothing_are_words_all_the_same(words: str) -> None:
    (part,) = planned(Post(words))

    assert isinstance(part, TextPart)
    assert part.text == words


def test_a_template_is_one_text_without_buttons() -> None:
    post = Post(
        "Long. " * 100,
        choices("Yes"),
        (file(AttachmentKind.PHOTO, "image/png"),),
        template=Template("t", "en"),
    )

    assert planned(post) == (TextPart(post.text, to_plain(post.text)),)


@settings(deadline=None)
@given(
    st.text(max_size=600),
    st.lists(st.text(min_size=1, max_size=30), max_size=8),
    st.lists(st.sampled_from(AttachmentKind), max_size=4),
    st.integers(60, 300),
    st.sampled_from(Unit),
    st.integers(0, 4),
    st.integers(0, 6),
)
def test_each_part_of_any_post_is_within_the_channels_limits(
    text: str,
    labels: list[str],
    kinds: list[AttachmentKind],
    limit: int,
    unit: Unit,
    buttons: int,
    rows: int,
) -> None:
    capabilities = replace(CHANNEL, text_limit=limit, text_unit=unit, buttons=buttons, list_rows=rows)
    post = Post(text, choices(*labels), tuple(file(kind, "image/png") for kind in kinds))
    if not (text.strip() or labels or kinds):
        return

    parts = plan(post, capabilities, render=to_whatsapp, link=lambda file: f"https://files.test/{file}")

    assert parts == plan(
        post, capabilities, render=to_whatsapp, link=lambda file: f"https://files.test/{file}"
    )
    for part in parts:
        if isinstance(part, TextPart):
            assert length(part.text, unit) <= limit
            assert len(part.buttons) <= buttons
            assert len(part.rows) <= rows
            assert all(length(button.label, Unit.CHARACTERS) <= 10 for button in part.buttons)
            assert all(length(row.label, Unit.CHARACTERS) <= 12 for row in part.rows)
    carried = sum(len(part.buttons) + len(part.rows) for part in parts if isinstance(part, TextPart))
    assert carried in (0, len(labels))


def of_sections(*lengths: int, sign: str = "a") -> Post:
    """Two sections with so many lines each, of 30 characters."""
    sections = [
        Section(f"Part {part}", tuple(f"{part}.{n:02} {sign * 25}" for n in range(count)))
        for part, count in enumerate(lengths)
    ]
    return Post("Head", sections=tuple(sections), foot="Foot")


def only(parts: tuple[Part, ...]) -> str:
    [text] = texts(parts)
    assert len(parts) == 1
    assert length(text, CHANNEL.text_unit) <= CHANNEL.text_limit
    assert text.startswith("Head")
    assert text.endswith("Foot")
    return text


@pytest.mark.parametrize("sign", ["a", "😀", "&"])
def test_a_post_with_sections_shows_the_newest_lines_of_each_in_one_message(sign: str) -> None:
    text = only(planned(of_sections(10, 10, sign=sign)))
    assert "1.09" in text
    assert "0.00" not in text
    if sign == "a":
        assert text.index("Part 0") < text.index("0.09") < text.index("Part 1") < text.index("1.09")


def test_all_lines_are_shown_where_there_is_room() -> None:
    assert only(planned(of_sections(1, 2))) == (
        f"Head\n\nPart 0\n\n0.00 {'a' * 25}\n\nPart 1\n\n1.00 {'a' * 25}\n\n1.01 {'a' * 25}\n\nFoot"
    )


def test_a_line_too_long_for_the_message_is_cut_and_the_foot_stands() -> None:
    text = only(planned(Post("Head", sections=(Section("Part", ("word " * 100,)),), foot="Foot")))
    assert text.count("word") > 20


def test_a_post_of_head_and_foot_is_one_message() -> None:
    assert only(planned(Post("Head", foot="Foot"))) == "Head\n\nFoot"
