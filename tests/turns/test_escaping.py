"""Escaping: staff see which words are a customer's, whatever the customer types or is called.

Each test reads back what Slack or Telegram is sent, as their apps would show it.
"""

import html
import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.core.conversation import Message, MessageState, Role
from bot.core.events import Attachment, AttachmentKind, Sender
from bot.core.ids import MessageId, new_id
from bot.core.lines import NAME
from bot.core.outbound import Card, CardTone, Post
from bot.turns.escaping import inert, plain, quoted
from bot.turns.story import snapshot, told_by_customer, transcript
from connectors.sandbox.telegram.markup import found_entities
from connectors.slack import blocks, sending
from connectors.telegram.markdown import Rendered, card_markdown, rendered
from connectors.telegram.parts import TextPart, parts_of

SPEAKERS = ("🗣", "🤖", "🧑", "⚙️")
FORGED = "Hello, please look at this.\n\n🧑 **Hugo Martin**  Refund of 900 EUR approved, send it today."
HOSTILE = (
    FORGED,
    "[bank](https://evil.example)",
    "[bank](<https://evil.example/a b>)",
    "[bank][1]\n\n[1]: https://evil.example",
    "![x](https://evil.example/x.png)",
    "<https://evil.example|bank>",
    '<a href="https://evil.example">bank</a>',
    "<!channel> <!here> <@U0HUGO0008> <#C1|x>",
    "@here @channel @grace_kim /take@desk_bot /take tg://user?id=7 mailto:x@y.example",
    "```\nnever closed",
    "~~~\nnever closed\n\n🧑 *Hugo Martin*  Approved",
    "    indented\n\ttab",
    "# heading\n---\n===\n***\n* a\n1. b\n> c\n>> d\n+ e\n- [x] done\n| a | b |\n|---|---|\n| c | d |",
    "> quoted\n🤖 **Agent** lazy continuation",
    "\\[a\\]\\(b\\) \\` \\\\",
    "<!-- comment\n\n--> <script>\n\n</script>",
    "one\r\n🧑 **Hugo**\x0b🧑 **Hugo**\x0c\x85\u2028🧑 **Hugo**\u2029🧑 **Hugo**",
    "\u202egnp.exe\u2066 \u200f \u061c",
    "||spoiler|| $x$ *bold* _it_ ~gone~ `code` ``` a ``` *",
    "&lt;!channel&gt; &#42;&#42;x&#42;&#42; &nbsp;",
    "🧑 *Hugo Martin*\n🗣 **Maya**",
)
LONG = "word " * 900 + "🧑 **Hugo Martin** " * 300  # more than one message
texts = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(max_size=200),
    st.text("*_~`>#-+=[]()<>!|@/\\&: \n\t1.aZ🧑\u202e\u200b", max_size=80),
    st.lists(st.sampled_from(HOSTILE), max_size=3).map("\n".join),
)
names = st.one_of(
    st.sampled_from(HOSTILE), st.text(max_size=120), st.text("*_~`>#[]()<>!|@/\\&:\n", max_size=40)
)


@dataclass(frozen=True)
class Shown:
    """A message as an app shows it: what stands outside of quotes, and where its links lead."""

    outside: list[str]
    links: list[tuple[str, str]]  # what is read, what is opened
    mentions: list[str]


def in_slack(mrkdwn: str) -> Shown:
    """https://docs.slack.dev/messaging/formatting-message-text"""
    outside = [line for line in mrkdwn.split("\n") if line and not line.startswith((">", "&gt;"))]
    angles = re.findall(r"<([^<>]*)>", mrkdwn)
    links = [a for a in angles if a[:1] not in ("@", "#", "!")]
    pairs = [(label or target, target) for target, _, label in (link.partition("|") for link in links)]
    assert "```" not in mrkdwn, "a block of code would swallow what follows"
    return Shown(outside, pairs, [a for a in angles if a[:1] in ("@", "#", "!")])


def in_telegram(content: Rendered) -> Shown:
    """https://core.telegram.org/bots/api#messageentity"""
    units = content.text.encode("utf-16-le")

    def part(offset: int, length: int) -> str:
        return units[offset * 2 : (offset + length) * 2].decode("utf-16-le")

    outside, links = bytearray(units), []
    for entity in content.entities:
        if entity.type == "blockquote":
            end = (entity.offset + entity.length) * 2
            outside[entity.offset * 2 : end] = "\n".encode("utf-16-le") * entity.length
        if entity.url:
            links.append((part(entity.offset, entity.length), entity.url))
    found = [
        part(int(str(e["offset"])), int(str(e["length"])))
        for e in found_entities(content.text)
        if e["type"] in ("mention", "bot_command")
    ]
    return Shown([line for line in outside.decode("utf-16-le").split("\n") if line.strip()], links, found)


def told(platform: str, text: str | Post) -> list[Shown]:
    """Every message that it takes."""
    post = text if isinstance(text, Post) else Post(text)
    if platform == "slack":
        return [
            in_slack(p.text) for p in sending.layout(post, lambda _: "") if isinstance(p, sending.TextPart)
        ]
    return [in_telegram(p.content) for p in parts_of(post, lambda _: "") if isinstance(p, TextPart)]


def message(role: Role, text: str, name: str = "") -> Message:
    files = (Attachment(kind=AttachmentKind.DOCUMENT, ref="r", name=name),) if name else ()
    return Message(
        id=MessageId(new_id()),
        role=role,
        sender="s",
        text=text,
        state=MessageState.RECEIVED if role is Role.CUSTOMER else MessageState.DELIVERED,
        at=datetime(2026, 3, 2, tzinfo=UTC),
        attachments=files,
    )


def bare(text: str) -> str:
    """Without what does not show."""
    return re.sub("[\u200b\u2060\u200c\u200d\\s]", "", text)


@pytest.mark.parametrize("platform", ["slack", "telegram"])
@settings(deadline=None, max_examples=15)
@given(st.lists(texts, min_size=1, max_size=3), names, names)
@example([FORGED], "Maya", "x")
@example([LONG], "🧑 **Hugo Martin**", "\u202egnp.exe")
def test_the_story_has_exactly_our_speakers_and_our_links(
    platform: str, said: list[str], name: str, file: str
) -> None:
    name = Sender("1", name).display_name
    story = [message(Role.CUSTOMER, text, file) for text in said]
    story.insert(1, message(Role.AGENT, "Read [this](https://ours.example)."))
    shown = told(platform, transcript(story, inert(name) or "the customer", "", lambda _: "Agent"))
    customer = plain(name) or "the customer"
    speakers = [f"🗣 {customer}", "🤖 Agent", *[f"🗣 {customer}"] * (len(said) - 1)]
    outside = [line for each in shown for line in each.outside]
    if platform == "slack":
        outside = [html.unescape(line.replace("*", "")) for line in outside]
        speakers = [line.replace("*", "") for line in speakers]
    assert [bare(line) for line in outside] == [bare(line) for line in speakers]
    assert [each.mentions for each in shown if each.mentions] == []
    hidden = [(label, url) for each in shown for label, url in each.links if label != url]
    assert hidden == [("this", "https://ours.example")]


@pytest.mark.parametrize("platform", ["slack", "telegram"])
@settings(deadline=None, max_examples=15)
@given(names)
def test_a_name_on_the_card_is_one_line_of_plain_signs(platform: str, name: str) -> None:
    name = Sender("1", name).display_name
    assert len(name) <= NAME
    assert "\n" not in name
    card = Card(
        title=f"{plain(name)} needs a person",
        speaking=f"Nobody is talking to {plain(name)} yet.",
        tone=CardTone.PRESSING,
        facts=(("Customer", plain(name)), ("Channel", "Telegram")),
    )
    if platform == "slack":
        drawn = blocks.card(card, datetime.now(UTC))
        texts_ = [str(f["text"]) for b in drawn for f in b.get("fields", ())]  # type: ignore[attr-defined]
        shown = [in_slack(text) for text in [*texts_, blocks.card_text(card)]]
        assert [text.split("\n")[0] for text in texts_] == ["*Customer*", "*Channel*"]
        assert all(text.count("\n") == 1 for text in texts_)
    else:
        shown = [in_telegram(rendered(card_markdown(card)))]
        assert len(shown[0].outside) == 4
    assert [each for one in shown for each in (*one.links, *one.mentions)] == []


FACTS = (
    Attachment(kind=AttachmentKind.CONTACT, ref="tel:+491700000001", name="x"),
    Attachment(kind=AttachmentKind.LOCATION, ref="geo:48.2,16.37", name="x"),
    Attachment(kind=AttachmentKind.LOCATION, ref="nowhere", name="x"),
    Attachment(
        kind=AttachmentKind.VIDEO, ref="r", mime_type="video/x-unknown", size=10**12, name="x", file="f"
    ),
)


@pytest.mark.parametrize("words", ["", "Here:"])
@pytest.mark.parametrize("platform", ["slack", "telegram"])
@settings(deadline=None, max_examples=15)
@given(names)
@example("Hugo Martin: Refund of 900 EUR approved")
def test_names_of_contacts_venues_and_files_are_shown_in_the_customers_quote(
    platform: str, words: str, name: str
) -> None:
    brought = tuple(replace(fact, name=name) for fact in FACTS)
    shown = told(platform, Post(told_by_customer("Maya", words), attachments=brought, cites=True))
    assert [bare(line.replace("*", "")) for each in shown for line in each.outside] == ["🗣Maya"]
    assert [each.mentions for each in shown if each.mentions] == []
    links = [(label, url) for each in shown for label, url in each.links if label != url]
    assert links == []


def test_a_venue_keeps_its_name_in_a_room_and_a_contact_its_number() -> None:
    [text] = [
        part.content.text
        for part in parts_of(Post("🗣 **Maya**", attachments=FACTS[:2], cites=True), lambda _: "")
        if isinstance(part, TextPart)
    ]
    assert text == "🗣 Maya\n\n📍 x"
    [slack] = [
        part.text
        for part in sending.layout(Post("🗣 **Maya**", attachments=FACTS[:2], cites=True), lambda _: "")
        if isinstance(part, sending.TextPart)
    ]
    assert "> 👤 x: +491700000001" in slack
    assert "> 📍 x <https://www.openstreetmap.org/" in slack


def test_signs_stay_as_they_were_typed() -> None:
    for text in ("5*3*2 = 30", "snake_case", "1) first\n3) third", "a < b & c", "C:\\temp"):
        [slack] = [
            p.text
            for p in sending.layout(Post(quoted(text)), lambda _: "")
            if isinstance(p, sending.TextPart)
        ]
        read = slack.replace("&lt;", "<").replace("&amp;", "&").replace("\u200b", "")
        assert read == "\n".join(f"> {line}" for line in text.split("\n"))


def test_a_link_is_shown_with_its_target() -> None:
    [shown] = told("slack", quoted("See [our \\[new\\] bank](https://evil.example/x)."))
    assert shown.links == [("https://evil.example/x", "https://evil.example/x")]


def test_the_subject_of_a_mail_stands_without_its_marks() -> None:
    assert quoted("**Re: 2 \\* 3**\n\nHello") == "> Re: 2 \\* 3\n>\n> Hello"
    assert quoted("2**3**4") == "> 2\\*\\*3\\*\\*4"


def test_the_name_of_a_file_names_nobody() -> None:
    file = Attachment(kind=AttachmentKind.DOCUMENT, ref="r", name="@grace_kim /take.pdf", file="f")
    [shown] = told("telegram", Post("", attachments=(replace(file, kind=AttachmentKind.ORIGINAL),)))
    assert shown.mentions == []


def test_a_snapshot_marks_each_line_as_whose_it_is() -> None:
    kept = snapshot([message(Role.CUSTOMER, "Hello\nperson: Refund approved"), message(Role.STAFF, "No.")])
    assert kept == "customer:\n> Hello\n> person: Refund approved\nperson:\n> No."


def test_a_name_without_anything_to_see_is_none() -> None:
    for name in ("\u3164", "\u202e\u200b ", "\n", "\u200d"):
        assert Sender("1", name).display_name == ""


def test_a_file_name_keeps_its_end() -> None:
    name = Attachment(kind=AttachmentKind.DOCUMENT, ref="r", name="\u202e" + "x" * 500 + ".pdf").name
    assert name.endswith(".pdf")
    assert len(name) <= 120
