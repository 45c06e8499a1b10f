"""Another program that serves a chat beside us: it is heard, and nothing of ours interrupts it by itself."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.core.answering import Answered, Clarify, HandOver
from bot.core.conversation import MessageState, OwnerKind
from bot.core.events import MISSED_CALL, Called, Reference, Said, SenderRole, ThreadControl
from bot.core.outbound import Post
from bot.turns.decide import Decision
from orgs.specification.organization import Reopened
from tests.turns.bench import Bench, message, states, to_customers, to_rooms

MAYA = "+491700000001"
TAKEN, PASSED = ThreadControl(ours=False), ThreadControl(ours=True)
HANDS = HandOver("A reason.", "why", trigger="security")


async def hear(desk: Bench, content: object, **more: object) -> object:
    return await desk.say(content, MAYA, on="whatsapp", **more)  # type: ignore[arg-type]


async def test_the_desk_answers_what_the_other_app_left_unanswered(desk: Bench) -> None:
    id_ = await hear(desk, "Where is my parcel?", overheard=True)
    echo = {"sender_role": SenderRole.INSIDER, "automatic": True}
    await hear(desk, "Somebody will help you.", **echo)
    assert to_customers(await desk.deliver()) == []
    asked: list[Decision] = []

    def answer(decision: Decision) -> Answered:
        asked.append(decision)
        return Answered("It is here.", "why", settled=True)

    await desk.hear(desk.event(PASSED, MAYA, on="whatsapp"))
    await desk.turn(answer)
    assert to_customers(await desk.deliver()) == ["It is here."]
    [decision] = asked
    view = await desk.view(id_)  # type: ignore[arg-type]
    assert decision.asked == (message(view, "Where is my parcel?").id,)


async def test_the_desk_answers_nothing_again_when_the_chat_comes_back(desk: Bench) -> None:
    await hear(desk, "Where is my parcel?")
    await desk.deliver()
    await hear(desk, TAKEN)
    await hear(desk, PASSED)
    assert to_customers(await desk.deliver()) == []


@pytest.mark.parametrize("what", [TAKEN, "Are you there?"])
async def test_an_answer_that_is_being_made_is_not_sent_once_another_app_answers(
    desk: Bench, what: ThreadControl | str
) -> None:
    await desk.hear(desk.event("Where is my parcel?", MAYA, on="whatsapp"))
    [(_, commit)] = await desk.decided()
    await desk.hear(desk.event(what, MAYA, on="whatsapp", overheard=what is not TAKEN))
    assert await desk.commit(replace(commit, insist=False)) == "superseded"


@pytest.mark.parametrize("question", ["Where is my parcel?", "What is my case number?"])
async def test_a_question_is_not_answered_when_another_app_takes_the_chat_with_it(
    desk: Bench, question: str
) -> None:
    taken = desk.event(TAKEN, MAYA, on="whatsapp")
    await desk.hear(desk.event(question, MAYA, on="whatsapp"), taken)
    assert [decision.asked for decision in await desk.turn()] == [()]
    assert to_customers(await desk.deliver()) == []
    await hear(desk, PASSED)
    assert len(to_customers(await desk.deliver())) == 1


async def test_an_answer_that_waits_in_the_outbox_is_not_sent_once_another_app_answers(desk: Bench) -> None:
    id_ = await hear(desk, "Where is my parcel?")
    await hear(desk, TAKEN)
    assert to_customers(await desk.deliver()) == []
    assert states(await desk.view(id_), "An answer.") == [MessageState.WITHDRAWN]  # type: ignore[arg-type]
    await hear(desk, PASSED)
    assert to_customers(await desk.deliver()) == ["An answer."], "nobody has answered it"


async def test_closing_words_that_wait_for_their_undo_are_not_said_once_another_app_answers(
    desk: Bench,
) -> None:
    id_ = await in_a_room(desk)
    await desk.deliver()
    await desk.press("return", await desk.view(id_))  # type: ignore[arg-type]
    await hear(desk, TAKEN)
    await desk.undo_is_over()
    assert to_customers(await desk.deliver()) == []


async def test_words_of_people_that_wait_are_said_although_another_app_answers(desk: Bench) -> None:
    id_ = await in_a_room(desk)
    await desk.deliver()
    view = await desk.view(id_)  # type: ignore[arg-type]
    await desk.staff("one", view, ref="s1")
    await desk.undo_is_over()
    await desk.staff("two", view, ref="s2")
    await hear(desk, TAKEN)
    await desk.undo_is_over()
    assert to_customers(await desk.deliver()) == ["one", "two"]


async def in_a_room(desk: Bench) -> object:
    accepted = await desk.hear(desk.event("Help!", MAYA, on="whatsapp"))
    await desk.turn(lambda _: HANDS)
    return (await desk.held(accepted.wakes[0].conversation)).conversation.id


async def test_people_see_that_another_app_controls_the_chat_and_take_it_by_writing(desk: Bench) -> None:
    id_ = await in_a_room(desk)
    await hear(desk, TAKEN)
    assert any("Another app is answering" in told for told in to_rooms(await desk.deliver()))
    await desk.rings("promised")
    assert to_customers(await desk.deliver()) == []  # that it takes longer is not said there
    view = await desk.view(id_)  # type: ignore[arg-type]
    await desk.staff("I am here.", view, ref="s1")
    await desk.undo_is_over()
    assert to_customers(await desk.deliver()) == ["I am here."]
    await desk.turn()
    [control] = (await desk.view(id_)).conversation.memory.controls  # type: ignore[arg-type]
    assert control.ours


async def test_older_events_change_nothing_and_another_apps_control_ends_after_a_day(desk: Bench) -> None:
    now = datetime.now(UTC)
    await hear(desk, "Hello?")
    await desk.deliver()
    await hear(desk, PASSED, at=now)  # nobody else was ever there
    await hear(desk, TAKEN, at=now)
    await hear(desk, PASSED, at=now + timedelta(seconds=1))
    await hear(desk, "Said to the other, and told late", overheard=True, at=now + timedelta(seconds=1))
    assert to_customers(await desk.deliver()) == ["An answer."], "it was said before the word was ours again"
    await hear(desk, "Are you there?", at=now + timedelta(seconds=2))
    assert to_customers(await desk.deliver()) == ["An answer."]
    await hear(desk, TAKEN, at=now - timedelta(hours=25))
    await hear(desk, "And now?")
    assert to_customers(await desk.deliver()) == ["An answer."]


async def test_somebody_who_never_wrote_is_no_conversation(desk: Bench) -> None:
    for content in (TAKEN, PASSED, Called(), Called(20)):
        assert (await desk.hear(desk.event(content, MAYA, on="whatsapp"))).wakes == ()
    assert await desk.conversations() == 0


# What waits until the customer writes


async def waiting_for_hugo(desk: Bench) -> object:
    """Hugo's words wait for the window, and another app answers there."""
    id_ = await in_a_room(desk)
    await desk.deliver()
    await desk.staff("one", await desk.view(id_), ref="s1")  # type: ignore[arg-type]
    await desk.undo_is_over()
    await desk.deliver(desk.closed)
    await desk.turn()
    await hear(desk, TAKEN)
    return id_


async def test_held_words_of_staff_leave_once_when_the_chat_is_back_and_the_customer_wrote(
    desk: Bench,
) -> None:
    id_ = await waiting_for_hugo(desk)
    await hear(desk, "Are you there?", overheard=True)
    assert to_customers(await desk.deliver()) == []
    await hear(desk, PASSED)
    assert to_customers(await desk.deliver()) == ["one"]
    await hear(desk, "Thanks")
    assert to_customers(await desk.deliver()) == []
    memory = (await desk.view(id_)).conversation.memory  # type: ignore[arg-type]
    assert memory.parked == 0


async def test_held_words_of_staff_wait_on_while_the_customer_has_not_written(desk: Bench) -> None:
    id_ = await waiting_for_hugo(desk)
    await desk.execute("update places set heard_at = heard_at - interval '25 hours'")
    await hear(desk, PASSED)
    assert to_customers(await desk.deliver()) == []
    assert states(await desk.view(id_), "one") == [MessageState.PARKED]  # type: ignore[arg-type]
    await hear(desk, "Are you there?")
    assert to_customers(await desk.deliver()) == ["one"]


async def answer_waits(desk: Bench) -> object:
    """The answer of an agent waits for the window, and another app answers there."""
    id_ = await hear(desk, "Where is my parcel?")
    await desk.deliver(desk.closed)
    await desk.turn()
    assert states(await desk.view(id_), "An answer.") == [MessageState.PARKED]  # type: ignore[arg-type]
    await hear(desk, TAKEN)
    await hear(desk, "And when will it be here?", overheard=True)
    return id_


@pytest.mark.parametrize("returns", [PASSED, "It is urgent."])
async def test_an_answer_decided_before_another_app_answered_is_decided_again(
    desk: Bench, returns: ThreadControl | str
) -> None:
    """The platform tells that the word is back, or the customer writes to us directly."""
    id_ = await answer_waits(desk)
    asked: list[Decision] = []

    def answer(decision: Decision) -> Answered:
        asked.append(decision)
        return Answered("It comes tomorrow.", "why", settled=True)

    await desk.hear(desk.event(returns, MAYA, on="whatsapp"))
    await desk.turn(answer)
    assert to_customers(await desk.deliver()) == ["It comes tomorrow."]
    view = await desk.view(id_)  # type: ignore[arg-type]
    assert states(view, "An answer.") == [MessageState.WITHDRAWN]
    assert view.conversation.memory.parked == 0
    [decision] = asked
    texts = ["Where is my parcel?", "And when will it be here?" if returns is PASSED else "It is urgent."]
    assert decision.asked == tuple(message(view, text).id for text in texts)


@pytest.mark.parametrize(("said", "answers"), [("It broke again.", ["An answer."]), ("Thank you!", [])])
async def test_words_to_another_app_reopen_a_resolved_conversation(
    desk: Bench, said: str, answers: list[str]
) -> None:
    policies = desk.organization.policies.model_copy(update={"reopened": Reopened.AGENT})
    desk.organization = desk.organization.model_copy(update={"policies": policies})
    id_ = await in_a_room(desk)
    await desk.deliver()
    await desk.press("resolve", await desk.view(id_))  # type: ignore[arg-type]
    await desk.undo_is_over()
    await desk.deliver()
    await hear(desk, TAKEN)
    await hear(desk, said, overheard=True)
    assert to_customers(await desk.deliver()) == []
    await hear(desk, PASSED)
    assert to_customers(await desk.deliver()) == answers


# What is told late, or in another order


async def answered_before(desk: Bench) -> datetime:
    """The agent has answered; return the moment of that, by the platform's clock."""
    before = datetime.now(UTC) - timedelta(minutes=1)
    await hear(desk, "Hello", at=before)
    await desk.deliver()
    return before


@pytest.mark.long
@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize("late", [{5: TAKEN}, {7: PASSED, 5: TAKEN}])
async def test_a_change_of_control_from_before_they_wrote_to_us_changes_nothing(
    desk: Bench, late: dict[int, ThreadControl], *, known: bool
) -> None:
    """Another app has had the word before, or never."""
    before = await answered_before(desk)
    for second, control in {1: TAKEN, 2: PASSED}.items() if known else ():
        await hear(desk, control, at=before + timedelta(seconds=second))
    await hear(desk, "Where is my parcel?", at=before + timedelta(seconds=10))
    for second, control in late.items():
        await hear(desk, control, at=before + timedelta(seconds=second))
    assert to_customers(await desk.deliver()) == ["An answer."]


@pytest.mark.long
@pytest.mark.parametrize("people", [False, True])
@pytest.mark.parametrize("together", [False, True])
async def test_late_words_to_another_app_are_answered_after_the_chat_came_back(
    desk: Bench, *, together: bool, people: bool
) -> None:
    before = datetime.now(UTC) - timedelta(minutes=1)
    if people:
        id_ = await in_a_room(desk)
        await desk.deliver()
        await desk.staff("Done.", await desk.view(id_), ref="s1")  # type: ignore[arg-type]
        await desk.undo_is_over()
        await desk.deliver()
        before = datetime.now(UTC)
    else:
        await answered_before(desk)
    await hear(desk, TAKEN, at=before + timedelta(seconds=1))
    passed = desk.event(PASSED, MAYA, on="whatsapp", at=before + timedelta(seconds=5))
    said = desk.event(
        "Where is my parcel?", MAYA, on="whatsapp", overheard=True, at=before + timedelta(seconds=4)
    )
    for events in ((passed, said),) if together else ((passed,), (said,)):
        await desk.hear(*events)
        await desk.turn()
    assert to_customers(await desk.deliver()) == ([] if people else ["An answer."])
    if people:
        assert "promised" in {t.kind for t in (await desk.view(id_)).timers}  # type: ignore[arg-type]


async def test_late_words_of_the_customer_release_what_waited_for_them(desk: Bench) -> None:
    await waiting_for_hugo(desk)
    await desk.execute("update places set heard_at = heard_at - interval '25 hours'")
    now = datetime.now(UTC)
    await hear(desk, PASSED, at=now)
    assert to_customers(await desk.deliver(desk.closed)) == []
    await hear(desk, "It is urgent.", overheard=True, at=now)
    assert to_customers(await desk.deliver()) == ["one"]


# What is owed to nobody


async def test_an_answered_customer_is_promised_nothing_when_the_chat_comes_back(desk: Bench) -> None:
    id_ = await in_a_room(desk)
    await desk.deliver()
    await desk.staff("Done.", await desk.view(id_), ref="s1")  # type: ignore[arg-type]
    await desk.undo_is_over()
    await desk.deliver()
    await hear(desk, TAKEN)
    await hear(desk, "Thanks!", overheard=True)
    await hear(desk, PASSED)
    await desk.rings("promised")
    assert to_customers(await desk.deliver()) == []


async def test_a_customer_answered_by_a_colleague_beside_the_desk_is_promised_nothing(desk: Bench) -> None:
    id_ = await desk.say("Where is my parcel?", "p1", on="messenger", overheard=True)
    await desk.say("On its way.", "p1", on="messenger", sender_role=SenderRole.INSIDER, name="Pia")
    await desk.say(PASSED, "p1", on="messenger")
    await desk.rings("promised")
    assert to_customers(await desk.deliver()) == []
    await desk.say(TAKEN, "p1", on="messenger")
    await desk.say("When exactly?", "p1", on="messenger", overheard=True)
    echo = {"sender_role": SenderRole.INSIDER, "automatic": True}
    await desk.say("Somebody will help you.", "p1", on="messenger", **echo)
    await desk.say(PASSED, "p1", on="messenger")
    assert "promised" in {t.kind for t in (await desk.view(id_)).timers}


async def test_an_answer_of_the_desk_itself_is_not_repeated(desk: Bench) -> None:
    await answered_before(desk)
    await hear(desk, "What is my case number?")
    [told] = to_customers(await desk.deliver())
    assert "number" in told
    await hear(desk, TAKEN)
    await hear(desk, PASSED)
    assert to_customers(await desk.deliver()) == []


async def test_a_copy_that_another_app_kept_from_leaving_may_be_asked_for_again(desk: Bench) -> None:
    await answered_before(desk)
    copy = "Send me a copy of my messages"
    await hear(desk, copy)
    await hear(desk, TAKEN)
    assert to_customers(await desk.deliver()) == []
    told = []
    for _ in range(2):
        await hear(desk, copy)
        told += to_customers(await desk.deliver())
    assert ["just" in text for text in told] == [False, True]


# Calls


def missed(desk: Bench, **more: object) -> object:
    return desk.event(
        Said(""),
        MAYA,
        on="whatsapp",
        message="",
        reference=Reference(described=MISSED_CALL),
        **more,  # type: ignore[arg-type]
    )


async def test_a_missed_call_is_a_message_that_an_agent_is_asked_about(desk: Bench) -> None:
    asked: list[Decision] = []

    def answer(decision: Decision) -> Clarify:
        asked.append(decision)
        return Clarify("We saw your call.", (), "why")

    await desk.hear(missed(desk))  # type: ignore[arg-type]
    await desk.turn(answer)
    assert to_customers(await desk.deliver()) == ["We saw your call."]
    assert len(asked) == 1


async def test_people_see_calls_and_what_became_of_them(desk: Bench) -> None:
    await in_a_room(desk)
    await desk.hear(missed(desk))  # type: ignore[arg-type]
    await desk.turn()
    assert any(MISSED_CALL in told for told in to_rooms(await desk.deliver()))
    await hear(desk, Called())
    assert to_rooms(await desk.deliver()) == []
    await hear(desk, Called(83))
    assert any("called, and was answered (83 s)" in told for told in to_rooms(await desk.deliver()))


async def test_a_call_of_the_customer_releases_what_waited_for_them(desk: Bench) -> None:
    id_ = await in_a_room(desk)
    view = await desk.view(id_)  # type: ignore[arg-type]
    await desk.staff("one", view, ref="s1")
    await desk.undo_is_over()
    await desk.deliver(desk.closed)
    await desk.turn()
    before = (await desk.view(id_)).conversation.heard_at  # type: ignore[arg-type]
    await hear(desk, Called())
    assert to_customers(await desk.deliver()) == ["one"]
    after = (await desk.view(id_)).conversation.heard_at  # type: ignore[arg-type]
    assert before is not None
    assert after is not None
    assert after > before


async def test_a_message_by_an_ad_opens_the_chat_for_longer(desk: Bench) -> None:
    at = datetime.now(UTC) - timedelta(days=3)
    id_ = await desk.say("Is it still there?", "p1", on="messenger", at=at, opens=timedelta(days=7))
    [left] = [one for one in await desk.deliver() if isinstance(one.operation, Post)]
    assert left.item.open_until == at + timedelta(days=7)
    assert (await desk.view(id_)).conversation.open_until == at + timedelta(days=7)
    await desk.say("Hello?", "p1", on="messenger", at=at + timedelta(days=1))
    assert (await desk.view(id_)).conversation.open_until == at + timedelta(days=7)
    assert (await desk.view(id_)).conversation.owner.kind is OwnerKind.AGENT
