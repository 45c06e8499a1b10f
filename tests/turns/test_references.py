"""Replies and forwards of a customer: what they refer to reaches staff and agents."""

import pytest

from bot.core.answering import Answered, HandOver
from bot.core.conversation import View
from bot.core.events import Attachment, AttachmentKind, Reference, Said, SenderRole
from bot.core.ids import ConversationId
from bot.core.outbound import Post
from bot.turns.decide import question
from bot.turns.turn import Decision
from storage.delivery_outcomes import Result
from storage.outbox_items import Item
from tests.turns.bench import Bench, Left, message, to_rooms

MAYA = "+491700000001"
PDF = Attachment(kind=AttachmentKind.DOCUMENT, ref="f-1", name="offer.pdf", mime_type="application/pdf")


async def escalated(desk: Bench, said: Said | str = "Charged twice", on: str = "whatsapp") -> ConversationId:
    accepted = await desk.hear(desk.event(said, MAYA, on=on, message="w1"))
    await desk.turn(lambda _: HandOver("A reason.", "why", trigger="security"))
    return accepted.wakes[0].conversation


def as_platform(desk: Bench, text: str, ref: str) -> object:
    """Return a platform that gives the customer's message with that text that id."""

    def fate(item: Item) -> Result | None:
        post = item.operation
        sent = item.room is None and isinstance(post, Post) and post.text == text
        return desk.taken(item, ref) if sent else None

    return fate


def shown(left: list[Left], text: str) -> Post:
    """The line of the room that shows the text."""
    [post] = [
        o.operation for o in left if o.item.room and isinstance(o.operation, Post) and f"> {text}" in o.text
    ]
    return post


async def answered(desk: Bench, view: View) -> View:
    """Somebody of ours has told them a price."""
    await desk.staff("It costs 90 EUR", view, ref="s1")
    await desk.undo_is_over()
    await desk.deliver(as_platform(desk, "It costs 90 EUR", "w2"))  # type: ignore[arg-type]
    await desk.turn()
    return await desk.view(view.conversation.id)


@pytest.mark.parametrize("on", ["whatsapp", "telegram", "messenger"])
async def test_a_reply_to_a_message_outside_the_conversation_says_so(desk: Bench, on: str) -> None:
    before = await desk.say("First matter", MAYA, on=on, message="old")
    await desk.deliver()
    await desk.end(before)
    await desk.hear(desk.event("I mean this one", MAYA, on=on, message="new", reply_to="old"))
    about: list[str] = []

    def hand_over(decision: Decision) -> HandOver:
        about.extend(question(decision).about)
        return HandOver("A reason.", "why", trigger="security")

    await desk.turn(hand_over)
    assert "🗣 **Maya** ↩️ to an earlier message\n\n> I mean this one" in "".join(
        to_rooms(await desk.deliver())
    )
    assert about == ["in reply to an earlier message"]


async def test_a_reply_shows_the_words_of_ours_that_it_answers(desk: Bench) -> None:
    view = await answered(desk, await desk.held(await escalated(desk)))
    await desk.say("this one", MAYA, on="whatsapp", reply_to="w2")
    line = shown(await desk.deliver(), "this one")
    assert "↩️ to “It costs 90 EUR”" in line.text
    assert line.reply_to == "s1", "it leads to the line that the holder wrote"
    after = await desk.view(view.conversation.id)
    assert message(after, "this one").reply_to == message(after, "It costs 90 EUR").id


async def test_a_reply_to_words_of_their_own_leads_to_the_line_that_shows_them(desk: Bench) -> None:
    await desk.held(await escalated(desk))
    await desk.say("On the 3rd", MAYA, on="whatsapp", message="w2")
    [line] = [o for o in await desk.deliver() if "On the 3rd" in o.text]
    [[platform]] = await desk.rows("select external_ids[1] from outbox where id = :id", id=line.item.id)
    await desk.say("no, the 4th", MAYA, on="whatsapp", reply_to="w2")
    reply = shown(await desk.deliver(), "no, the 4th")
    assert "↩️ to “On the 3rd”" in reply.text
    assert reply.reply_to == platform


@pytest.mark.long
async def test_a_reply_to_something_older_than_the_story_shows_it(desk: Bench) -> None:
    id_ = await escalated(desk)
    await desk.held(id_)
    await desk.hear(*(desk.event(f"more {n}", MAYA, on="whatsapp") for n in range(70)))
    await desk.turn()
    await desk.deliver()
    assert "Charged twice" not in [m.text for m in (await desk.view(id_)).story]
    await desk.say("about that", MAYA, on="whatsapp", reply_to="w1")
    assert "↩️ to “Charged twice”" in shown(await desk.deliver(), "about that").text


async def test_a_reply_to_an_unknown_message_shows_the_quote_of_the_channel(desk: Bench) -> None:
    await desk.held(await escalated(desk))
    told = Reference(quote="90 EUR *net*\n🧑 **Hugo**", author="Eve", kind="photo")
    await desk.say("why?", MAYA, on="whatsapp", reply_to="w99", reference=told)
    await desk.say("and now", MAYA, on="whatsapp", reply_to="w99")
    left = await desk.deliver()
    assert "↩️ to Eve: “90 EUR \\*net\\* 🧑 \\*\\*Hugo\\*\\*”" in shown(left, "why?").text
    assert "↩️ to an earlier message\n" in shown(left, "and now").text


async def test_the_part_that_they_chose_is_what_is_shown(desk: Bench) -> None:
    await desk.held(await escalated(desk, "I was charged twice this month"))
    told = Reference(quote="charged twice")
    await desk.say("that part", MAYA, on="whatsapp", reply_to="w1", reference=told)
    assert "↩️ to “charged twice”" in shown(await desk.deliver(), "that part").text


async def test_a_reply_to_a_file_names_it(desk: Bench) -> None:
    await desk.held(await escalated(desk, Said("", (PDF,))))
    await desk.say("page 2", MAYA, on="whatsapp", reply_to="w1")
    assert "↩️ to “📄 offer.pdf”" in shown(await desk.deliver(), "page 2").text


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (Reference(forwarded=True), "↪️ forwarded\n"),
        (Reference(forwarded=True, often=True), "↪️ forwarded many times\n"),
        (Reference(forwarded=True, origin="Bo *b*"), "↪️ forwarded from Bo \\*b\\*\n"),
        (Reference(kind="story", author="News"), "↩️ to a story from News\n"),
        (Reference(kind="voice message"), "↩️ to a voice message\n"),
        (Reference(author="News"), "↩️ to a message from News\n"),
    ],
)
async def test_a_forward_and_a_reply_to_a_message_without_words_say_so(
    desk: Bench, told: Reference, words: str
) -> None:
    await desk.held(await escalated(desk))
    await desk.say("see", MAYA, on="whatsapp", reference=told)
    assert words in shown(await desk.deliver(), "see").text


async def test_the_ids_of_a_room_are_none_of_the_customers_chat(desk: Bench) -> None:
    """Both count from one on Telegram: message 55 of the staff's group is not message 55 of the customer."""
    view = await desk.held(await escalated(desk, on="telegram"))
    await desk.staff("// 55 is ours", view, ref="55")
    await desk.say("On the 3rd", MAYA, on="telegram")
    await desk.deliver(lambda item: desk.taken(item, "56") if item.kind == "post" else None)
    for number in ("55", "56"):
        await desk.say(f"not {number}", MAYA, on="telegram", reply_to=number)
        assert "↩️ to an earlier message\n" in shown(await desk.deliver(), f"not {number}").text


async def test_a_room_that_opens_later_shows_references_in_the_story(desk: Bench) -> None:
    await desk.say("Hello", MAYA, on="whatsapp", message="w1")
    await desk.hear(
        desk.event("this one", MAYA, on="whatsapp", reply_to="w1", reference=Reference(forwarded=True))
    )
    await desk.turn(lambda _: HandOver("A reason.", "why", trigger="security"))
    [story] = [text for text in to_rooms(await desk.deliver()) if "story so far" in text]
    assert "↩️ to “Hello” ↪️ forwarded\n\n> this one" in story


async def test_a_reply_of_a_stranger_is_shown_with_the_answered_message(desk: Bench) -> None:
    there = {"on": "email", "chat": "t1", "shared": True}
    await desk.say("Charged twice", "ines@a.example", message="<1@a>", **there)
    karl = {"sender_role": SenderRole.STRANGER, "name": "Karl", "reply_to": "<1@a>", **there}
    await desk.say("Here you are", "karl@a.example", **karl)
    assert any("↩️ to “Charged twice”" in text for text in to_rooms(await desk.deliver()))


async def test_an_agent_is_told_as_well(desk: Bench) -> None:
    asked = []

    def agent(decision: Decision) -> Answered:
        asked.append(question(decision))
        return Answered("An answer.", "why")

    await desk.say("Hello", MAYA, on="whatsapp", message="w1")
    for text, told in (("this one", Reference(forwarded=True, origin="Bo")), ("and that", Reference())):
        await desk.hear(desk.event(text, MAYA, on="whatsapp", reply_to="w1", reference=told))
        await desk.turn(agent)
    first, second = asked
    assert (first.messages, first.about) == (("this one",), ("in reply to “Hello”; forwarded from Bo",))
    assert second.about == ("in reply to “Hello”",)
    assert {line.text: line.about for line in second.story}["this one"] == first.about[0]
