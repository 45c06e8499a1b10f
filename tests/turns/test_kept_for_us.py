"""Messages of customers while another app answers: kept, and answered when the chat is ours again."""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest

from bot.core.answering import Answered
from bot.core.conversation import MessageState
from bot.core.events import OPTION, Edited, Tapped, Unsupported
from bot.turns.decide import Decision
from orgs.specification.organization import Reopened
from storage.delivery_outcomes import Dead
from storage.outbox_items import Item
from tests.turns.bench import Bench, Left, states, to_customers, to_rooms, whole_to_customers
from tests.turns.test_another_app import MAYA, PASSED, TAKEN, answered_before, hear, in_a_room
from tests.turns.test_numbers import stored

GERMAN = "Wo ist mein Paket? Ich warte schon seit einer Woche darauf, und niemand antwortet mir."
MAIL = "maya@harbor.example"


class Agent:
    """Answers everything, and tells what it was asked."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []

    def __call__(self, decision: Decision) -> Answered:
        self.asked.append([decision.turn.messages[id_].text for id_ in decision.asked])
        return Answered("An answer.", "why", settled=True)


async def asked(desk: Bench, content: object, who: str = MAYA, **more: object) -> list[list[str]]:
    """Return what an agent is asked after an event."""
    agent = Agent()
    more.setdefault("on", "whatsapp")
    await desk.hear(desk.event(content, who, **more))  # type: ignore[arg-type]
    await desk.turn(agent)
    return agent.asked


# What was written to us


async def test_a_question_whose_answer_was_taken_back_is_answered_with_the_next(desk: Bench) -> None:
    await hear(desk, "Where is my parcel?")
    await hear(desk, TAKEN)
    assert to_customers(await desk.deliver()) == []
    assert await asked(desk, "Are you there?") == [["Where is my parcel?", "Are you there?"]]


async def test_a_question_of_the_second_of_a_takeover_is_answered_with_the_next_one(
    desk: Bench,
) -> None:
    now = await answered_before(desk)
    second = now.replace(microsecond=0) + timedelta(seconds=9)
    await hear(desk, TAKEN, at=second)
    assert await asked(desk, "Where is my parcel?", at=second) == []
    later = second + timedelta(seconds=9)
    assert await asked(desk, "Are you there?", at=later) == [["Where is my parcel?", "Are you there?"]]


async def test_a_question_to_us_that_is_told_late_is_answered_with_the_next(desk: Bench) -> None:
    now = await answered_before(desk)
    await hear(desk, "Told to the other", overheard=True, at=now + timedelta(seconds=20))
    assert await asked(desk, "Where is my parcel?", at=now + timedelta(seconds=10)) == []
    assert await asked(desk, "Hm?", at=now + timedelta(seconds=30)) == [["Where is my parcel?", "Hm?"]]


async def test_a_press_on_a_button_of_ours_gives_us_the_chat(desk: Bench) -> None:
    """Messenger names no message for it."""
    now = datetime.now(UTC)
    await desk.say("Hello", "p1", on="messenger", at=now - timedelta(minutes=5))
    await desk.deliver()
    await desk.say(TAKEN, "p1", on="messenger", at=now - timedelta(minutes=4))
    await desk.say(Tapped(OPTION, "v", "Billing"), "p1", on="messenger", at=now)
    assert to_customers(await desk.deliver()) == ["An answer."]


# What was told to another app


async def test_answer_and_disclosure_use_the_language_of_words_to_another_app(
    desk: Bench,
) -> None:
    await hear(desk, GERMAN, overheard=True)
    await hear(desk, PASSED)
    told = whole_to_customers(await desk.deliver())
    await desk.say(GERMAN, "+4917000009", on="whatsapp")
    assert told == whole_to_customers(await desk.deliver())


async def test_a_question_for_the_number_that_another_was_told_is_answered_by_the_desk(desk: Bench) -> None:
    await answered_before(desk)
    await hear(desk, TAKEN)
    await hear(desk, "What is my case number?", overheard=True)
    assert to_customers(await desk.deliver()) == []
    assert await asked(desk, PASSED) == []
    [told] = to_customers(await desk.deliver())
    assert "number" in told


async def test_a_message_edited_while_another_app_had_the_chat_is_answered_as_edited(desk: Bench) -> None:
    await answered_before(desk)
    await hear(desk, TAKEN)
    await hear(desk, "Where is it?", overheard=True, message="w1")
    await hear(desk, Edited("w1", "Where is my invoice?"), overheard=True)
    assert await asked(desk, PASSED) == [["Where is my invoice?"]]


async def test_an_unreadable_message_to_another_app_is_put_to_no_agent(desk: Bench) -> None:
    await answered_before(desk)
    await hear(desk, TAKEN)
    await hear(desk, Unsupported("poll"), message="w1", overheard=True)
    assert to_customers(await desk.deliver()) == []
    assert await asked(desk, PASSED) == []
    assert len(to_customers(await desk.deliver())) == 1


@pytest.mark.parametrize("content", [Unsupported("poll"), f"please send this to my email {MAIL}"])
async def test_a_message_that_the_desk_has_answered_is_not_answered_again(
    desk: Bench, content: object
) -> None:
    await answered_before(desk)
    await hear(desk, content, message="w1")
    assert to_customers(await desk.deliver())
    await hear(desk, TAKEN)
    assert await asked(desk, PASSED) == []
    assert to_customers(await desk.deliver()) == []


# Before the first words, and after the last


@pytest.mark.parametrize("over", [False, True])
async def test_control_may_be_passed_to_us_before_the_first_words_arrive(desk: Bench, *, over: bool) -> None:
    now = datetime.now(UTC) - timedelta(minutes=1)
    if over:
        id_ = await hear(desk, "Hello", at=now - timedelta(hours=1))
        await desk.deliver()
        await desk.end(id_)  # type: ignore[arg-type]
    for _ in range(2):
        await hear_alone(desk, PASSED, at=now + timedelta(seconds=5))
    said = {"overheard": True, "at": now + timedelta(seconds=4)}
    assert await asked(desk, "Where is my parcel?", **said) == [["Where is my parcel?"]]
    assert await desk.conversations() == 1 + over


async def test_another_app_may_take_control_before_the_first_words_arrive(
    desk: Bench,
) -> None:
    now = datetime.now(UTC) - timedelta(minutes=1)
    await hear_alone(desk, TAKEN, at=now + timedelta(seconds=5))
    assert await asked(desk, "Where is my parcel?", at=now) == []
    assert await asked(desk, "Hello?", at=now + timedelta(seconds=9)) == [["Where is my parcel?", "Hello?"]]


async def hear_alone(desk: Bench, content: object, **more: object) -> None:
    """Hear an event that may belong to no conversation."""
    await desk.hear(desk.event(content, MAYA, on="whatsapp", **more))  # type: ignore[arg-type]
    await desk.turn()


# In any order


@pytest.mark.long
async def test_everything_is_answered_once_in_whatever_order_events_arrive(desk: Bench) -> None:
    """Each of as many customers as there are orders is told of in another one, and everything twice."""
    words = ["First, please", "Second, please", "Third, please"]
    base = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=5)
    orders = {f"+49170{n:07}": order for n, order in enumerate(permutations(range(5)))}
    events = {
        who: [
            desk.event(content, who, on="whatsapp", at=base + timedelta(seconds=10 * n), overheard=n == 2)
            for n, content in enumerate((words[0], TAKEN, words[1], PASSED, words[2]))
        ]
        for who in orders
    }
    answered: Counter[tuple[str, str]] = Counter()

    def answer(decision: Decision) -> Answered:
        who = decision.turn.view.conversation.place.chat
        answered.update((who, decision.turn.messages[id_].text) for id_ in decision.asked)
        return Answered("An answer.", "why", settled=True)

    for place in range(5):
        for _ in range(2):
            await desk.hear(*(events[who][order[place]] for who, order in orders.items()))
            while await desk.turn(answer):
                pass
        await desk.deliver()
    assert answered == Counter((who, text) for who in orders for text in words)


async def test_control_passed_before_the_next_words_but_told_after_them_counts(desk: Bench) -> None:
    now = await answered_before(desk)
    await hear(desk, TAKEN, at=now + timedelta(seconds=10))
    await hear(desk, "Where is my parcel?", overheard=True, at=now + timedelta(seconds=20))
    assert await asked(desk, "Hello?", at=now + timedelta(seconds=40)) == [["Hello?"]]
    await desk.deliver()
    assert await asked(desk, PASSED, at=now + timedelta(seconds=30)) == [["Where is my parcel?"]]


@pytest.mark.long
async def test_late_words_to_another_app_are_answered_after_the_customers_next_message(
    desk: Bench,
) -> None:
    now = await answered_before(desk)
    await hear(desk, PASSED, at=now + timedelta(seconds=30))
    await hear(desk, "Hello?", at=now + timedelta(seconds=40))
    await desk.deliver()
    late = {"overheard": True, "at": now + timedelta(seconds=20)}
    assert await asked(desk, "Where is my parcel?", **late) == [["Where is my parcel?"]]


# What leaves by itself


async def test_no_template_leaves_instead_of_an_answer_while_another_app_answers(desk: Bench) -> None:
    account = next(a for a in desk.organization.accounts if a.channel == "whatsapp")
    policies = desk.organization.policies.model_copy(update={"outside_window": account.templates[0].id})
    desk.organization = desk.organization.model_copy(update={"policies": policies})
    await hear(desk, "Where is my parcel?")
    items = await desk.claim()
    async with desk.database.begin() as connection:
        await desk.outbox.begin(connection, items)
    await hear(desk, TAKEN)
    await desk.settle(*[Dead(item, "parked", "send.window_closed", "closed") for item in items])
    await desk.turn()
    assert left_to_customers(await desk.deliver()) == []


@pytest.mark.long
async def test_a_file_of_ours_that_another_kept_from_leaving_is_made_again(desk: Bench) -> None:
    await answered_before(desk)
    id_ = await hear(desk, "Send me a copy of my messages")
    await desk.deliver()
    await hear(desk, TAKEN)
    await stored(desk, id_)  # type: ignore[arg-type]
    assert left_to_customers(await desk.deliver()) == []
    await hear(desk, PASSED)
    [told] = to_customers(await desk.deliver())
    assert "copy" in told
    await stored(desk, id_)  # type: ignore[arg-type]
    assert len(left_to_customers(await desk.deliver())) == 1


def refused(item: Item) -> Dead | None:
    to_customer = item.room is None and item.kind == "post"
    return Dead(item, "failed", "send.refused", "no") if to_customer else None


@pytest.mark.long
@pytest.mark.parametrize("fate", [refused, Bench.closed])
async def test_words_of_a_person_that_do_not_leave_take_no_control(
    desk: Bench, fate: Callable[[Item], Dead | None]
) -> None:
    id_ = await in_a_room(desk)
    await desk.deliver()
    await hear(desk, TAKEN)
    await desk.staff("one", await desk.view(id_), ref="s1")  # type: ignore[arg-type]
    await desk.undo_is_over()
    await desk.deliver(fate)
    await desk.turn()
    await desk.press("resolve", await desk.view(id_))  # type: ignore[arg-type]
    await desk.undo_is_over()
    assert to_customers(await desk.deliver()) == []


@pytest.mark.long
async def test_the_closing_is_told_after_words_of_a_person_that_took_control(
    desk: Bench,
) -> None:
    id_ = await in_a_room(desk)
    await desk.deliver()
    await hear(desk, TAKEN)
    await desk.staff("one", await desk.view(id_), ref="s1")  # type: ignore[arg-type]
    await desk.press("resolve", await desk.view(id_))  # type: ignore[arg-type]
    await desk.undo_is_over()
    assert to_customers(await desk.deliver()) == ["one"]
    await desk.turn()
    await desk.undo_is_over()
    [closed] = to_customers(await desk.deliver())
    assert states(await desk.view(id_), closed) == [MessageState.RELEASED]  # type: ignore[arg-type]


def left_to_customers(left: list[Left]) -> list[Left]:
    return [one for one in left if one.item.room is None]


# Each account has its own word


async def goes_on_by_mail(desk: Bench) -> str:
    """The conversation on WhatsApp goes on by mail, too; return the thread there."""
    await answered_before(desk)
    await hear(desk, f"please send this to my email {MAIL}")
    code = next(one.text for one in await desk.deliver() if "code is" in one.text)
    await hear(desk, "".join(filter(str.isdigit, code.partition("code is")[2][:20])))
    return next(one.place.chat for one in await desk.deliver() if one.place.account == "email")


@pytest.mark.long
async def test_a_mail_is_answered_although_another_app_takes_the_chat_on_whatsapp(desk: Bench) -> None:
    thread = await goes_on_by_mail(desk)
    assert await asked(desk, "Where is my parcel?", MAIL, on="email", chat=thread)
    await hear(desk, TAKEN)
    left = left_to_customers(await desk.deliver())
    assert [one.place.account for one in left] == ["email"]


@pytest.mark.long
async def test_a_mail_to_us_does_not_change_control_on_whatsapp(desk: Bench) -> None:
    thread = await goes_on_by_mail(desk)
    await hear(desk, TAKEN)
    await hear(desk, "Where is my parcel?", overheard=True)
    assert await asked(desk, "How do I pay?", MAIL, on="email", chat=thread) == [["How do I pay?"]]
    await desk.deliver()
    assert await asked(desk, PASSED) == [["Where is my parcel?"]]


# What people see of it


async def test_messages_that_reopen_a_conversation_for_people_are_shown_once(desk: Bench) -> None:
    policies = desk.organization.policies.model_copy(update={"reopened": Reopened.TEAM})
    desk.organization = desk.organization.model_copy(update={"policies": policies})
    id_ = await in_a_room(desk)
    await desk.deliver()
    await desk.press("resolve", await desk.view(id_))  # type: ignore[arg-type]
    await desk.undo_is_over()
    await hear(desk, TAKEN)
    for text in ("It broke again.", "The lamp, I mean."):
        await hear(desk, text, overheard=True)
    await desk.deliver()
    await hear(desk, PASSED)
    told = "\n".join(to_rooms(await desk.deliver()))
    assert (told.count("It broke again."), told.count("The lamp, I mean.")) == (1, 1)
