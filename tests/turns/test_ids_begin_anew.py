"""Messages with an id that their conversation has already: an id alone makes no duplicate.

The numbers of a Telegram group begin anew when it becomes a supergroup. Some programs give all their mails
one Message-ID.
"""

from bot.core.answering import Answer
from bot.core.conversation import Message, MessageState, Role
from bot.core.events import Attachment, AttachmentKind, Deleted, Edited, Reacted, Said
from bot.core.ids import ConversationId
from bot.turns.decide import question
from bot.turns.turn import Decision
from tests.turns.bench import Bench, answered, message, states, to_customers, to_rooms
from tests.turns.test_numbers import to_people

GROUP = {"on": "telegram", "chat": "-55", "shared": True}
MAIL = {"on": "email", "chat": "t1"}
MAYA = "maya@harbor.example"
FIRST, SECOND = "How do I invite my team?", "How do I export a board?"
OLD = Attachment(kind=AttachmentKind.PHOTO, ref="old", name="old.png", mime_type="image/png")
NEW = Attachment(kind=AttachmentKind.PHOTO, ref="new", name="new.png", mime_type="image/png")


async def asked(desk: Bench) -> list[tuple[str, ...]]:
    """Return what agents are asked in the turns that are due."""
    questions: list[tuple[str, ...]] = []

    def answer(decision: Decision) -> Answer:
        questions.append(question(decision).messages)
        return answered(decision)

    await desk.turn(answer)
    return questions


async def both(desk: Bench) -> ConversationId:
    """Say two things that have the same number, and let people have the conversation in between."""
    accepted = await desk.hear(desk.event(FIRST, message="5", **GROUP))  # type: ignore[arg-type]
    await desk.turn(to_people)
    id_ = accepted.wakes[0].conversation
    await desk.held(id_)
    await desk.say(SECOND, message="5", **GROUP)
    await desk.deliver()
    return id_


async def theirs(desk: Bench, conversation: ConversationId) -> list[Message]:
    return [m for m in (await desk.view(conversation)).story if m.role is Role.CUSTOMER]


async def test_a_message_in_the_supergroup_is_answered_though_its_id_is_known(desk: Bench) -> None:
    for text in (FIRST, SECOND):
        await desk.hear(desk.event(text, message="5", **GROUP))  # type: ignore[arg-type]
        assert await asked(desk) == [(text,)]


async def test_a_mail_with_a_known_id_and_other_words_is_answered(desk: Bench) -> None:
    for text in (FIRST, SECOND):
        await desk.hear(desk.event(text, MAYA, message="<form@harbor.example>", **MAIL))  # type: ignore[arg-type]
        assert await asked(desk) == [(text,)]
        assert to_customers(await desk.deliver()) == ["An answer."]


async def test_a_mail_that_names_its_own_id_answers_nothing_but_is_answered(desk: Bench) -> None:
    id_ = await desk.say(FIRST, MAYA, message="<form@a>", reply_to="<form@a>", **MAIL)
    assert message(await desk.view(id_), FIRST).reply_to is None
    assert to_customers(await desk.deliver()) == ["An answer."]


async def test_people_read_all_messages_that_share_an_id(desk: Bench) -> None:
    id_ = await both(desk)
    await desk.say("And a third", message="5", **GROUP)
    assert any("And a third" in told for told in to_rooms(await desk.deliver()))
    assert [m.state for m in await theirs(desk, id_)] == [MessageState.RECEIVED] * 3


async def test_an_edit_changes_the_newest_message_with_its_number(desk: Bench) -> None:
    id_ = await both(desk)
    await desk.say(Edited("5", "How do I export all boards?"), **GROUP)
    assert [(m.text, m.edited) for m in await theirs(desk, id_)] == [
        (FIRST, False),
        ("How do I export all boards?", True),
    ]


async def test_an_edit_exchanges_the_file_of_the_newest_message(desk: Bench) -> None:
    await desk.say(Said(FIRST, (OLD,)), message="5", **GROUP)
    id_ = await desk.say(SECOND, message="5", **GROUP)
    await desk.say(Edited("5", SECOND, (NEW,)), **GROUP)
    await desk.say(Edited("5", "How do I export all boards?", (NEW,)), **GROUP)
    assert [(m.text, [a.ref for a in m.attachments]) for m in await theirs(desk, id_)] == [
        (FIRST, ["old"]),
        ("How do I export all boards?", []),
        ("", ["new"]),
    ]


async def test_a_deletion_takes_the_newest_message_with_its_number(desk: Bench) -> None:
    id_ = await both(desk)
    await desk.say(Deleted("5"), **GROUP)
    view = await desk.view(id_)
    assert (states(view, FIRST), states(view, SECOND)) == ([MessageState.RECEIVED], [MessageState.DELETED])


async def test_a_reaction_and_a_reply_mean_the_newest_message_with_their_number(desk: Bench) -> None:
    id_ = await desk.say(FIRST, message="4", **GROUP)
    [left] = await desk.deliver()
    [[ref]] = await desk.sent_ids()
    assert left.text
    await desk.say(SECOND, message=ref, **GROUP)
    await desk.say(Reacted(ref, "👍", added=True), **GROUP)
    await desk.say("I mean this one", reply_to=ref, **GROUP)
    view = await desk.view(id_)
    assert message(view, "I mean this one").reply_to == message(view, SECOND).id


async def test_an_edit_changes_what_was_said_before_it_and_not_what_comes_after(desk: Bench) -> None:
    id_ = await desk.say(FIRST, message="5", **GROUP)
    await desk.hear(
        desk.event(Edited("5", "How do I invite my whole team?"), **GROUP),  # type: ignore[arg-type]
        desk.event(SECOND, message="5", **GROUP),  # type: ignore[arg-type]
    )
    await desk.turn()
    assert [m.text for m in await theirs(desk, id_)] == ["How do I invite my whole team?", SECOND]
