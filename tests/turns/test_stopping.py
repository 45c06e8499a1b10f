"""The stop button in the customer's chat: what the agent has not begun to send is not sent."""

from datetime import UTC, datetime, timedelta

from bot.core.answering import Clarify, HandOver, Option
from bot.core.conversation import MessageState
from bot.core.events import SenderRole, Started, Stopped
from bot.core.ids import ConversationId
from bot.core.outbound import Post, Sent
from bot.turns.decide import Decision, question
from storage.delivery_outcomes import Delivered
from storage.outbox_items import Item
from tests.turns.bench import Bench, message, states, to_customers, to_rooms, whole_to_customers
from tests.turns.desk import FIRST
from tests.turns.test_disclosure import OURS, to_people
from tests.turns.test_numbers import COPY, copy_in

ON = "slack-customers"
WHERE = {"on": ON, "chat": "T1/D1", "thread": "1.1"}
TOLD = "✋ **Maya** stopped the agent."


async def stop(desk: Bench, **more: object) -> None:
    await desk.say(Stopped(), **{**WHERE, **more})  # type: ignore[arg-type]


async def test_an_answer_that_waits_is_not_sent_and_the_next_words_are_answered(desk: Bench) -> None:
    id_ = await desk.say("Tell me all.", **WHERE)  # type: ignore[arg-type]
    await stop(desk)
    assert to_customers(await desk.deliver()) == []
    assert states(await desk.view(id_), "An answer.") == [MessageState.WITHDRAWN]
    await desk.say("Only the price.", **WHERE)  # type: ignore[arg-type]
    assert to_customers(await desk.deliver()) == ["An answer."]


async def test_a_question_that_is_not_answered_yet_is_not_answered(desk: Bench) -> None:
    said = desk.event("Tell me all.", **WHERE)  # type: ignore[arg-type]
    await desk.hear(said, desk.event(Stopped(), **WHERE))  # type: ignore[arg-type]
    [decision] = await desk.turn()
    assert decision.asked == ()
    assert to_customers(await desk.deliver()) == []


async def test_a_question_after_the_stop_is_answered(desk: Bench) -> None:
    events = ["Tell me all.", Stopped(), "Only the price."]
    await desk.hear(*(desk.event(each, **WHERE) for each in events))  # type: ignore[arg-type]
    [decision] = await desk.turn()
    assert [decision.turn.messages[id_].text for id_ in decision.turn.asking] == ["Only the price."]
    assert to_customers(await desk.deliver()) == ["An answer."]


async def test_an_answer_in_the_making_is_superseded(desk: Bench) -> None:
    await desk.hear(desk.event("Tell me all.", **WHERE))  # type: ignore[arg-type]
    [(_, commit)] = await desk.decided()
    [wake] = (await desk.hear(desk.event(Stopped(), **WHERE))).wakes  # type: ignore[arg-type]
    assert wake.last_customer_input > commit.lease.last_accepted, "whoever asks the agent is told"


async def test_an_answer_that_has_begun_to_leave_stays(desk: Bench) -> None:
    id_ = await desk.say("Tell me all.", **WHERE)  # type: ignore[arg-type]
    assert to_customers(await desk.deliver()) == ["An answer."]
    await stop(desk)
    assert await desk.deliver() == []
    assert states(await desk.view(id_), "An answer.") == [MessageState.RELEASED]


async def test_no_further_part_of_a_stopped_answer_leaves(desk: Bench) -> None:
    id_ = await desk.say("Tell me all.", **WHERE)  # type: ignore[arg-type]
    [item] = await desk.claim()
    await desk.settle(Delivered(item, Sent("p1", more=True), timedelta()))
    await stop(desk)
    assert await desk.deliver() == []
    assert states(await desk.view(id_), "An answer.") == [MessageState.RELEASED]


async def stopped_midway(desk: Bench, answer: str, shown: int) -> ConversationId:
    """Maya reads an answer while it grows, and stops it."""
    id_ = await desk.say("Tell me all.", **WHERE)  # type: ignore[arg-type]
    [item] = await desk.claim()
    async with desk.database.begin() as connection:
        assert await desk.outbox.begin(connection, [item]) == [True]
    assert isinstance(item.operation, Post)
    whole = item.operation.text.replace("An answer.", answer)
    await stop(desk)
    cut = whole[: whole.index(answer) + shown]
    await desk.settle(Delivered(item, Sent("p1", shown=cut), timedelta()))
    await desk.turn()
    return id_


async def test_the_log_has_what_was_shown_of_an_answer_stopped_while_it_grew(desk: Bench) -> None:
    id_ = await stopped_midway(desk, "An answer.", len("An ans"))
    view = await desk.view(id_)
    cut = message(view, "An ans")
    assert (cut.reference.stopped, cut.edited, cut.reference.disclosed) == (True, False, OURS)
    assert states(view, "An answer.") == []
    audited = await desk.rows("select details from audit_log where action = 'answer.stopped'")
    assert audited == [({"message": str(cut.id), "shown": len("An ans")},)]
    await desk.hear(desk.event("Help!", **WHERE))  # type: ignore[arg-type]
    [decision] = await desk.turn(lambda _: HandOver("A reason.", "why", trigger="security"))
    story = question(Decision(decision.turn, FIRST, decision.asked)).story
    assert ("An ans", "stopped midway by the customer") in [(line.text, line.about) for line in story]
    told = "\n".join(to_rooms(await desk.deliver()))
    assert "✋ _stopped midway by the customer_" in told
    assert "An answer." not in told


async def test_a_person_is_told_that_their_words_were_stopped_while_they_grew(desk: Bench) -> None:
    id_ = await desk.say("Help!", **WHERE)  # type: ignore[arg-type]
    await desk.hear(desk.event("A person, please.", **WHERE))  # type: ignore[arg-type]
    await desk.turn(to_people)
    await desk.held(id_)
    await desk.staff("One two three four", await desk.view(id_))
    await desk.undo_is_over()

    def stopped(item: Item) -> Delivered | None:
        theirs = item.room is None and item.kind == "post"
        return Delivered(item, Sent("p1", shown="One two"), timedelta()) if theirs else None

    await desk.deliver(stopped)
    await desk.turn()
    await desk.rested()
    told = to_rooms(await desk.deliver())
    assert "✋ The customer stopped this answer midway and has seen only the beginning." in told


async def test_the_copy_has_what_was_shown_of_an_answer_stopped_while_it_grew(desk: Bench) -> None:
    await stopped_midway(desk, "An answer.", len("An ans"))
    await desk.say(COPY, **WHERE)  # type: ignore[arg-type]
    _, copied = await copy_in(desk)
    assert "    An ans\n" in copied
    assert "An answer." not in copied


async def test_a_stop_that_the_platform_tells_late_spares_what_was_asked_after_it(desk: Bench) -> None:
    now = datetime.now(UTC)
    await desk.say("Tell me all.", **WHERE, at=now - timedelta(minutes=10))  # type: ignore[arg-type]
    await desk.deliver()
    await desk.say("Only the price.", **WHERE)  # type: ignore[arg-type]
    await stop(desk, at=now - timedelta(minutes=9))
    assert to_customers(await desk.deliver()) == ["An answer."]


async def test_the_stop_button_begins_no_conversation(desk: Bench) -> None:
    for sender_role in SenderRole:
        stopped = desk.event(Stopped(), shared=True, sender_role=sender_role, **WHERE)  # type: ignore[arg-type]
        assert (await desk.hear(stopped)).wakes == ()
    assert await desk.conversations() == 0


async def test_choices_of_a_stopped_question_are_forgotten(desk: Bench) -> None:
    await desk.hear(desk.event("Help", **WHERE))  # type: ignore[arg-type]
    await desk.turn(lambda _: Clarify("Which?", (Option("a", "A"), Option("b", "B")), "why"))
    await stop(desk)
    assert await desk.deliver() == []
    id_ = await desk.say("1", **WHERE)  # type: ignore[arg-type]
    memory = (await desk.view(id_)).conversation.memory
    assert (memory.options, memory.awaiting_option) == ((), False)


async def test_people_are_told_of_a_stop_in_one_line_and_their_words_still_leave(desk: Bench) -> None:
    await desk.hear(desk.event("Help!", **WHERE))  # type: ignore[arg-type]
    [decision] = await desk.turn(lambda _: HandOver("A reason.", "why", trigger="security"))
    view = await desk.held(decision.turn.view.conversation.id)
    await desk.staff("I am here.", view, ref="s1")
    await stop(desk)
    assert [told for told in to_rooms(await desk.deliver()) if "stopped" in told] == [TOLD]
    await desk.undo_is_over()
    assert to_customers(await desk.deliver()) == ["I am here."]


async def test_the_notice_of_a_handoff_leaves_in_spite_of_the_stop(desk: Bench) -> None:
    await desk.hear(desk.event("Help!", **WHERE))  # type: ignore[arg-type]
    [decision] = await desk.turn(lambda _: HandOver("A reason.", "why", trigger="security"))
    await stop(desk)
    left = await desk.deliver()
    assert len(to_customers(left)) == 1
    assert TOLD in to_rooms(left)
    view = await desk.view(decision.turn.view.conversation.id)
    assert message(view, to_customers(left)[0]).state is not MessageState.WITHDRAWN


async def test_a_later_message_discloses_when_the_answer_that_would_have_was_stopped(
    desk: Bench,
) -> None:
    await desk.say("Tell me all.", **WHERE)  # type: ignore[arg-type]
    await desk.say("What is my case number?", **WHERE)  # type: ignore[arg-type]
    await stop(desk)
    [number] = whole_to_customers(await desk.deliver())
    assert number.startswith(f"{OURS}\n\n")


async def test_a_handoff_says_it_when_the_greeting_that_said_it_does_not_leave(desk: Bench) -> None:
    await desk.hear(desk.event(Started(), **WHERE), desk.event("Help!", **WHERE))  # type: ignore[arg-type]
    await desk.turn(lambda _: HandOver("A reason.", "why", trigger="security"))
    await stop(desk)
    [handoff] = whole_to_customers(await desk.deliver())
    assert handoff.startswith(f"{OURS}\n\n")


async def test_anybody_who_reads_along_may_stop_an_answer(desk: Bench) -> None:
    shared = {**WHERE, "shared": True, "private": False}
    id_ = await desk.say("Tell me all.", **shared)  # type: ignore[arg-type]
    for who, sender_role in (("colleague", SenderRole.INSIDER), ("other", SenderRole.STRANGER)):
        await desk.say(Stopped(), who, **{**shared, "sender_role": sender_role})  # type: ignore[arg-type]
    assert to_customers(await desk.deliver()) == []
    assert states(await desk.view(id_), "An answer.") == [MessageState.WITHDRAWN]


async def test_an_old_answer_of_which_the_outbox_knows_nothing_more_stays(desk: Bench) -> None:
    id_ = await desk.say("Tell me all.", **WHERE)  # type: ignore[arg-type]
    await desk.deliver()
    await desk.execute("delete from outbox")
    await stop(desk)
    assert states(await desk.view(id_), "An answer.") == [MessageState.RELEASED]
