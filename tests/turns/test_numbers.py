"""The number of a conversation: told to its customer, and to nobody else whether there is one."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

import pytest

from bot.core.answering import Answered, HandOver
from bot.core.conversation import TRIES, FileReport, MessageState
from bot.core.errors import Superseded
from bot.core.events import SenderRole, Stopped, return_address
from bot.core.ids import ConversationId
from bot.core.numbers import shown
from bot.core.outbound import Post, Sent
from orgs.specification.texts import fill
from orgs.translations import SHIPPED, shipped
from storage.database import Database
from storage.delivery_outcomes import Delivered
from storage.keys import destroy
from storage.message_rows import MADE
from storage.sealed_fields import FILE_NAME, FILE_REF
from tests.storage.test_places import made_one, parted
from tests.turns.bench import Bench, Left, another, message, to_customers, to_rooms
from tests.turns.test_language import speaking

NOBODYS = "#9999-99"
COPY = "Send me a copy of our conversation"
EN = shipped("en")
CHANNELS = ("telegram", "whatsapp", "messenger", "email", "slack-customers")
EVERY = {  # by a number, and for it
    "en": ("How is case {}?", "What is my case number?"),
    "de": ("Wie steht es um den Fall {}?", "Wie lautet meine Fallnummer?"),
    "fr": ("Où en est mon dossier {} ?", "Quel est mon numéro de dossier ?"),
    "es": ("¿Cómo va mi caso {}?", "¿Cuál es mi número de caso?"),
    "pt": ("Qual o andamento do chamado {}?", "Qual é o número do meu chamado?"),
}


def to_people(_: object) -> HandOver:
    return HandOver("They want a person.", "asked for one", "human_request")


async def number_of(desk: Bench, conversation: ConversationId) -> str:
    [[number]] = await desk.rows("select number from conversations where id = :id", id=conversation)
    assert isinstance(number, int)
    return shown(number)


async def heard(desk: Bench) -> list[str]:
    return to_customers(await desk.deliver())


async def ended(desk: Bench, who: str = "maya", **more: object) -> tuple[ConversationId, str]:
    """A conversation that is over, and its number."""
    id_ = await desk.say("My spade is blunt", who, **more)
    await desk.deliver()
    await desk.end(id_)
    return id_, await number_of(desk, id_)


@pytest.fixture
async def twin(desk: Bench) -> AsyncIterator[Bench]:
    """A second process."""
    database = Database(desk.database.url, pool=4)
    yield await another(database)
    await database.close()


# --- told to its customer ----------------------------------------------------------------------------------


@pytest.mark.parametrize("on", CHANNELS)
async def test_a_customer_is_told_the_number_of_the_conversation_on_every_channel(
    desk: Bench, on: str
) -> None:
    id_ = await desk.say("My spade is blunt", on=on)
    await desk.deliver()
    assert await desk.say("What is my case number?", on=on) == id_
    assert await heard(desk) == [fill(EN.case_number, number=await number_of(desk, id_))]


@pytest.mark.parametrize("on", CHANNELS)
async def test_a_customer_asks_by_a_number_on_every_channel(desk: Bench, on: str) -> None:
    _, number = await ended(desk, on=on)
    await desk.say(number, on=on)
    [told] = await heard(desk)
    assert told.startswith(fill(EN.case_closed, number=number, date="").removesuffix("."))


@pytest.mark.parametrize("language", SHIPPED)
async def test_the_number_is_asked_for_and_told_in_five_languages(desk: Bench, language: str) -> None:
    speaking(desk, *SHIPPED)
    _, number = await ended(desk, language=language)
    texts = shipped(language)
    by_number, for_number = EVERY[language]
    await desk.say(by_number.format(number), language=language)
    [told] = await heard(desk)
    assert told.startswith(fill(texts.case_closed, number=number, date="").split(number)[0])
    assert number in told
    id_ = await desk.say(for_number, language=language)
    assert await heard(desk) == [fill(texts.case_number, number=await number_of(desk, id_))]


async def test_the_message_that_hands_over_to_people_tells_the_number(desk: Bench) -> None:
    accepted = await desk.hear(desk.event("Help!"))
    await desk.turn(to_people)
    [told] = await heard(desk)
    number = await number_of(desk, accepted.wakes[0].conversation)
    assert told.endswith(fill(EN.case_number, number=number))


async def test_nobody_is_told_a_number_unasked(desk: Bench) -> None:
    id_ = await desk.say("My spade is blunt")
    number = await number_of(desk, id_)
    assert not any(number in text for text in await heard(desk))


async def test_an_open_one_and_one_with_people_are_told_apart(desk: Bench) -> None:
    id_ = await desk.say("My spade is blunt")
    number = await number_of(desk, id_)
    await desk.deliver()
    await desk.say(number)
    [told] = await heard(desk)
    assert told.startswith(f"Case {number}, begun on ")
    assert told.endswith("is open.")
    await desk.hear(desk.event("Help!"))
    await desk.turn(to_people)
    await desk.deliver()
    await desk.say(number)
    [told] = await heard(desk)
    assert "Our team has it" in told


async def test_an_identity_that_was_found_to_be_the_same_customer_asks_on_another_channel(
    desk: Bench,
) -> None:
    before, number = await ended(desk)
    other = await desk.say("Hello", "+4917", on="whatsapp")
    await desk.deliver()
    await desk.say(number, "+4917", on="whatsapp")
    assert await heard(desk) == [EN.case_unknown], "nobody has found them to be one yet"
    await made_one(desk, before, other)
    await desk.say(number, "+4917", on="whatsapp")
    [told] = await heard(desk)
    assert f"Case {number} was closed" in told


async def test_people_in_the_room_see_that_the_case_was_asked_for_elsewhere(desk: Bench) -> None:
    accepted = await desk.hear(desk.event("Help!"))
    await desk.turn(to_people)
    id_ = accepted.wakes[0].conversation
    await desk.held(id_)
    number = await number_of(desk, id_)
    other = await desk.say("Hello", "+4917", on="whatsapp")
    await desk.deliver()
    await made_one(desk, id_, other)
    await desk.turn()
    await desk.deliver()
    await desk.say(f"How is my case {number}?", "+4917", on="whatsapp")
    left = await desk.deliver()
    [told] = [one for one in left if "ℹ️" in one.text and "asked by" in one.text]
    assert told.place == desk.room(await desk.view(id_))
    assert "by whatsapp" in told.text
    assert any("Our team has it" in text for text in to_customers(left))


async def test_people_see_what_was_asked_and_told_in_their_own_room(desk: Bench) -> None:
    accepted = await desk.hear(desk.event("Help!"))
    await desk.turn(to_people)
    id_ = accepted.wakes[0].conversation
    await desk.held(id_)
    await desk.say(f"How is my case {await number_of(desk, id_)}?")
    told = to_rooms(await desk.deliver())
    assert any("How is my case" in text for text in told)
    assert any("asked by telegram" in text for text in told)


async def test_a_message_that_says_more_than_a_number_is_answered_as_a_message(desk: Bench) -> None:
    _, number = await ended(desk)
    await desk.say(f"Case {number} is not solved: the spade is blunt again")
    assert await heard(desk) == ["An answer."]


# --- to anybody else as if there were none -----------------------------------------------------------------


@dataclass(frozen=True)
class Traces:
    """All that an ask leaves behind, without what differs from run to run."""

    told: list[tuple[object, ...]]
    outbox: list[tuple[object, ...]]
    audit: list[tuple[object, ...]]
    counted: list[tuple[object, ...]]
    reasons: list[str]
    messages: list[tuple[object, ...]]
    conversations: list[tuple[object, ...]]


async def traces(desk: Bench, who: str, id_: ConversationId, left: list[Left], number: str) -> Traces:
    reasons = []
    for data_key, customer, sealed in await desk.rows(
        "select c.data_key, c.id, t.reasons from turns t join conversations v on v.id = t.conversation_id"
        " join customers c on c.id = v.customer_id where v.id = :id order by t.id",
        id=id_,
    ):
        sealer = desk.keys.customer(customer, data_key)  # type: ignore[arg-type]
        reasons.append(sealer.open(sealed, field="turns.reasons").replace(number, "N"))  # type: ignore[arg-type]
    view = await desk.view(id_)
    return Traces(
        [(one.place.channel, one.item.kind, one.text.replace(who, "WHO")) for one in left],
        await desk.rows(
            "select kind, state, part, attempts, reports from outbox where conversation_id = :id"
            " order by position",
            id=id_,
        ),
        await desk.rows(
            "select actor, action, details from audit_log where subject = :subject order by at",
            subject=f"conversation:{id_}",
        ),
        await desk.rows("select kind, cardinality(replied) from loop_guard order by kind, last_at"),
        reasons,
        [(m.role, m.state, m.text.replace(number, "N")) for m in view.story],
        await desk.rows(
            "select status, owner_kind, owner_name, last_accepted, last_handled, position,"
            " memory #- '{controls,0,at}'"
            " from conversations where id = :id",
            id=id_,
        ),
    )


async def asks(desk: Bench, on: str, who: str, *, theirs: bool, **more: object) -> Traces:
    """A stranger asks by a number that is somebody's, or by one that is nobody's."""
    owner = await desk.say("My spade is blunt", "maya")
    await desk.deliver()
    number = await number_of(desk, owner) if theirs else NOBODYS
    of_owner = "select * from conversations where id = :id"
    log_of_owner = "select count(*) from messages where conversation_id = :id"
    before, log = await desk.rows(of_owner, id=owner), await desk.rows(log_of_owner, id=owner)
    id_ = await desk.say("Hello there", who, on=on, name="Otto", **more)
    await desk.deliver()
    await desk.execute("delete from loop_guard")
    await desk.say(f"How is my case {number}?", who, on=on, name="Otto", **more)
    left = await desk.deliver()
    assert await desk.rows(of_owner, id=owner) == before
    assert await desk.rows(log_of_owner, id=owner) == log
    return await traces(desk, who, id_, left, number)


@pytest.mark.long
@pytest.mark.parametrize("on", CHANNELS)
async def test_a_number_of_somebody_elses_leaves_exactly_what_one_of_nobodys_does(
    desk: Bench, on: str
) -> None:
    foreign = await asks(desk, on, "otto", theirs=True)
    unknown = await asks(desk, on, "olga", theirs=False)
    assert foreign == unknown
    assert any(EN.case_unknown == text for _, _, text in foreign.told)
    assert ("try", 1) in foreign.counted


@pytest.mark.parametrize("theirs", [True, False])
async def test_a_number_in_an_unverified_mail_is_shown_to_people_and_tells_nothing(
    desk: Bench, theirs: bool
) -> None:
    found = await asks(desk, "email", "otto@a.example", theirs=theirs, shared=True, verified=False)
    assert found.counted == []
    assert not any(
        "case" in text.casefold() for _, kind, text in found.told if kind == "post" and "🗣" not in text
    )


async def test_an_unverified_mail_in_a_customers_name_is_told_nothing_about_a_case(desk: Bench) -> None:
    """They name the customer's own address, and nobody vouches for that."""
    _, number = await ended(desk, "maya@a.example", on="email", chat="t1", shared=True)
    given = {"on": "email", "chat": "t2", "shared": True, "verified": False}
    returns = return_address("maya@a.example", verified=True)
    await desk.say(number, "maya@a.example", returns=returns, **given)
    assert await heard(desk) == [EN.case_in_private]


async def test_a_colleague_in_copy_is_told_nothing_of_the_customers_cases(desk: Bench) -> None:
    _, number = await ended(desk, "maya@a.example", on="email", chat="t1", shared=True)
    given = {"on": "email", "chat": "t2", "shared": True}
    await desk.say("Hello", "maya@a.example", **given)
    await desk.deliver()
    await desk.say(number, "bob@a.example", name="Bob", **given)
    assert await heard(desk) == [EN.case_in_private]
    await desk.say(number, "maya@a.example", **given)
    assert await heard(desk) == [EN.case_in_private], "the colleague reads that, too"


@pytest.mark.parametrize("asked", ["How is case {}?", "Send me a copy of case {}"])
async def test_any_number_of_another_case_is_for_private_chats_where_others_read_along(
    desk: Bench, asked: str
) -> None:
    _, mayas = await ended(desk, on="slack-customers", chat="T1/D1", thread="1.1")
    _, ottos = await ended(desk, "otto")
    channel = {"on": "slack-customers", "chat": "T1/C9", "thread": "9.9", "shared": True}
    await desk.say("Hello", **channel)
    await desk.deliver()
    for number in (mayas, ottos, NOBODYS):
        await desk.say(asked.format(number), **channel)
        assert await heard(desk) == [EN.case_in_private]
    assert await tries(desk) == {}
    assert await desk.rows("select count(*) from files") == [(0,)]


async def test_where_others_read_along_only_the_conversation_there_is_told_and_no_copy(desk: Bench) -> None:
    channel = {"on": "slack-customers", "chat": "T1/C9", "thread": "9.9", "shared": True}
    number = await number_of(desk, await desk.say("My spade is blunt", **channel))
    await desk.deliver()
    await desk.say("What is my case number?", **channel)
    assert await heard(desk) == [fill(EN.case_number, number=number)]
    await desk.say(number, **channel)
    [told] = await heard(desk)
    assert told.startswith(f"Case {number}, begun on ")
    for asked in (COPY, f"Send me a copy of case {number}"):
        await desk.say(asked, **channel)
        assert await heard(desk) == [EN.case_in_private]
    for asked in (number, NOBODYS, "What is my case number?"):
        await desk.say(asked, "otto", name="Otto", **channel)
        assert await heard(desk) == [EN.case_in_private], "it is not theirs"


async def test_somebody_in_copy_of_anothers_mail_gets_no_case_of_theirs_sent_into_it(desk: Bench) -> None:
    accepted = await desk.hear(desk.event("Help!", "maya@a.example", on="email", chat="t1"))
    await desk.turn(to_people)
    mayas = accepted.wakes[0].conversation
    await desk.held(mayas)
    number = await number_of(desk, mayas)
    bobs = {"on": "email", "chat": "t2", "shared": True}
    await desk.say("I am Bob", "bob@a.example", name="Bob", **bobs)
    await desk.deliver()
    for asked in (f"How is case {number}?", f"Send me a copy of case {number}"):
        for alone in (False, True):  # also where the answer would go to her alone: the thread is Bob's
            await desk.say(asked, "maya@a.example", sole_reader=alone, **bobs)
            left = await desk.deliver()
            assert to_customers(left) == [EN.case_in_private]
            assert not any("asked by" in text for text in to_rooms(left))
    assert await desk.rows("select count(*) from files") == [(0,)]


async def test_a_customer_alone_in_a_mail_may_ask_about_a_case_and_get_a_copy(desk: Bench) -> None:
    _, number = await ended(desk, "maya@a.example", on="email", chat="t1", shared=True)
    given = {"on": "email", "chat": "t2", "shared": True, "sole_reader": True}
    await desk.say("Hello", "maya@a.example", **given)
    await desk.deliver()
    await desk.say(number, "maya@a.example", **given)
    [told] = await heard(desk)
    assert f"Case {number} was closed" in told
    await desk.say(f"Send me a copy of case {number}", "maya@a.example", **given)
    _, text = await copy_in(desk)
    assert "My spade is blunt" in text


async def test_a_thread_in_which_another_has_written_is_shared_for_good(desk: Bench) -> None:
    given = {"on": "email", "chat": "t1", "shared": True}
    await desk.say("My spade is blunt", "maya@a.example", address="maya@a.example", **given)
    await desk.say("Mine is, too", "bob@a.example", name="Bob", address="bob@a.example", **given)
    await desk.deliver()
    await desk.say(COPY, "maya@a.example", address="maya@a.example", sole_reader=True, **given)
    assert await heard(desk) == [EN.case_in_private]


async def test_where_others_read_along_nothing_is_told(desk: Bench) -> None:
    _, number = await ended(desk, on="slack-customers", private=False)
    for asked in (number, NOBODYS, "What is my case number?", COPY):
        await desk.say(asked, on="slack-customers", private=False)
        assert await heard(desk) == [EN.case_in_private]


async def test_a_stranger_in_the_customers_thread_is_not_heard(desk: Bench) -> None:
    given = {"on": "slack-customers", "chat": "C1", "thread": "1.1", "shared": True}
    _, number = await ended(desk, **given)
    id_ = await desk.say("Again", **given)
    await desk.deliver()
    await desk.say(number, "otto", sender_role=SenderRole.STRANGER, **given)
    assert EN.case_unknown not in await heard(desk)
    assert message(await desk.view(id_), number).state is MessageState.NOTE


async def test_a_number_of_an_erased_customer_is_unknown(desk: Bench) -> None:
    before, number = await ended(desk)
    other = await desk.say("Hello", "+4917", on="whatsapp")
    await desk.deliver()
    await made_one(desk, other, before)
    await desk.execute(
        "update customers set data_key = null where id = :id", id=await desk.customer_of(before)
    )
    await desk.say(number, "+4917", on="whatsapp")
    assert await heard(desk) == [EN.case_unknown]


async def test_parted_customers_cannot_ask_by_each_others_numbers(desk: Bench) -> None:
    before, number = await ended(desk)
    other = await desk.say("Hello", "+4917", on="whatsapp")
    await made_one(desk, other, before)
    await parted(desk, before)
    await desk.turn()
    await desk.deliver()
    await desk.say(number, "+4917", on="whatsapp")
    assert await heard(desk) == [EN.case_unknown]


# --- tries are limited -------------------------------------------------------------------------------------


async def tries(desk: Bench) -> dict[object, object]:
    rows = await desk.rows("select kind, cardinality(replied) from loop_guard")
    return {kind: count for kind, count in rows}  # noqa: C416


async def test_a_customers_own_number_is_unknown_after_five_tries_within_a_day(desk: Bench) -> None:
    _, number = await ended(desk)
    for n in range(TRIES):
        await desk.say(f"#9999-9{n}")
    await desk.deliver()
    await desk.say(number)
    assert await heard(desk) == [EN.case_unknown]
    assert await tries(desk) == {"try": 5}, "what is not looked up is not counted"
    await desk.say("What is my case number?")
    [told] = await heard(desk)
    assert "The number of your case is" in told, "which is no try"
    await desk.execute("update loop_guard set replied = array[now() - interval '25 hours']")
    await desk.say(number)
    [told] = await heard(desk)
    assert number in told


async def test_many_tries_in_one_turn_are_no_more_than_five(desk: Bench) -> None:
    _, number = await ended(desk)
    asked = [f"#9999-9{n}" for n in range(8)]
    await desk.hear(*(desk.event(text) for text in (*asked, number)))
    await desk.turn()
    assert await heard(desk) == [EN.case_unknown] * 9
    assert await tries(desk) == {"try": 5}


async def test_a_customers_own_number_is_no_try(desk: Bench) -> None:
    _, number = await ended(desk)
    for _ in range(8):
        await desk.say(number)
    assert len(await heard(desk)) == 8
    assert await tries(desk) == {}


async def test_strangers_who_use_up_their_tries_keep_no_customer_from_asking(desk: Bench) -> None:
    _, number = await ended(desk)
    for n in range(3):
        asked = [desk.event(f"#9999-9{k}", f"a{n}@evil.example", on="email") for k in range(TRIES)]
        await desk.hear(*asked)
    await desk.turn()
    await desk.deliver()
    counted = await desk.rows("select cardinality(replied) from loop_guard where kind = 'try'")
    assert counted == [(TRIES,)] * 3
    assert "tries" not in await tries(desk), "nothing is counted for all of them together"
    await desk.say(number)
    [told] = await heard(desk)
    assert number in told


async def test_two_processes_count_together(desk: Bench, twin: Bench) -> None:
    """Both decide before either commits: one asks by mail, and one in a chat that is theirs as well."""
    for n in range(TRIES - 1):
        await desk.say(f"#9999-9{n}")
    await desk.deliver()
    for one, chat in ((desk, "a"), (twin, "b")):
        await one.hear(one.event(NOBODYS, chat=chat, thread=chat, shared=True, sole_reader=True))
    first, second = await desk.decided()
    await desk.commit(first[1])
    with pytest.raises(Superseded):
        await twin.commit(second[1])
    await desk.execute("update conversations set lease_until = null")
    await twin.turn()
    assert await heard(desk) == [EN.case_unknown] * 2
    assert (await tries(desk))["try"] == TRIES


async def test_a_worker_that_died_before_its_commit_leaves_nothing(desk: Bench) -> None:
    await desk.hear(desk.event(NOBODYS))
    [(_, lost)] = await desk.decided()
    await desk.execute("update conversations set lease_until = now() - interval '1 second', wake_at = now()")
    await desk.turn()
    assert await desk.commit(lost) == "stale"
    assert await heard(desk) == [EN.case_unknown]
    assert await tries(desk) == {"try": 1}


# --- a copy ------------------------------------------------------------------------------------------------


async def copy_in(desk: Bench) -> tuple[str, str]:
    """The name and the text of the newest file that was made."""
    rows = await desk.rows(
        "select f.ref, f.name, c.id, c.data_key from files f join customers c on c.id = f.customer_id"
        " order by f.created_at desc limit 1"
    )
    [(ref, name, customer, key)] = rows
    sealer = desk.keys.customer(customer, key)  # type: ignore[arg-type]
    text = sealer.open(ref, field=FILE_REF)  # type: ignore[arg-type]
    assert text.startswith(MADE)
    return sealer.open(name, field=FILE_NAME), text.removeprefix(MADE)  # type: ignore[arg-type]


async def stored(desk: Bench, id_: ConversationId) -> None:
    """The file store has it, and the newest is reported."""
    await desk.execute("update files set state = 'stored', size = 10, ref = null, due_at = null")
    [[carrier], *_] = await desk.rows("select message_id from files order by id desc")
    await desk.report(id_, FileReport(carrier, 0, "stored"))  # type: ignore[arg-type]
    await desk.turn()


async def test_the_copy_has_what_was_said_and_nothing_that_stayed_inside(desk: Bench) -> None:
    accepted = await desk.hear(desk.event("My spade is blunt"))
    await desk.turn(to_people)
    id_ = accepted.wakes[0].conversation
    view = await desk.held(id_)
    await desk.staff("// they are rude", view, ref="n1")
    await desk.staff("It is on its way\n\n// at last", view, ref="s1")
    await desk.undo_is_over()
    await desk.deliver()
    await desk.staff("Nobody has read this yet", view, ref="s2")
    await desk.say(COPY)
    name, text = await copy_in(desk)
    number = await number_of(desk, id_)
    assert name == f"{number[1:]}.txt"
    assert text.startswith(f"Case {number} with ")
    assert "Maya:\n    My spade is blunt" in text
    assert "    It is on its way" in text
    for inside in ("rude", "at last", "Nobody has read", "They want a person", "asked for one"):
        assert inside not in text


async def test_an_answer_that_has_not_arrived_is_not_in_the_copy(desk: Bench) -> None:
    await desk.say("My spade is blunt")
    await desk.execute("update outbox set state = 'failed' where room_id is null")
    await desk.say("Hello?")
    await desk.deliver()
    await desk.say(COPY)
    _, text = await copy_in(desk)
    assert text.count("An answer.") == 1


async def test_the_rest_of_an_answer_stopped_midway_is_not_in_the_copy(desk: Bench) -> None:
    where = {"on": "slack-customers", "chat": "T1/D1", "thread": "1.1"}
    await desk.hear(desk.event("Tell me", **where))
    await desk.turn(lambda _: Answered("Part one. Part two that was never shown.", "why", settled=True))
    [item] = await desk.claim()
    await desk.settle(Delivered(item, Sent("p1", more=True), timedelta()))
    await desk.say(Stopped(), **where)
    await desk.deliver()
    await desk.say(COPY, **where)
    _, text = await copy_in(desk)
    assert "Tell me" in text
    assert "never shown" not in text


async def test_the_file_is_gone_with_its_customer_also_if_two_were_found_to_be_one(desk: Bench) -> None:
    before, number = await ended(desk)
    other = await desk.say("Hello", "+4917", on="whatsapp", name="M. Schmidt")
    await made_one(desk, before, other)
    await desk.turn()
    await desk.deliver()
    await desk.say(f"Send me a copy of case {number}", "+4917", on="whatsapp", name="M. Schmidt")
    _, text = await copy_in(desk)
    assert "Maya:\n    My spade is blunt" in text, "the name is that of the case's own customer"
    assert "Schmidt" not in text
    async with desk.database.begin() as connection:
        await destroy(connection, desk.tenant, await desk.customer_of(before), by="person:anna")
    [[key]] = await desk.rows("select c.data_key from files f join customers c on c.id = f.customer_id")
    assert key is None


async def test_other_writers_of_a_thread_are_not_in_the_copy(desk: Bench) -> None:
    given = {"on": "email", "chat": "t1", "shared": True}
    await desk.say("My spade is blunt", "maya@a.example", **given)
    id_ = await desk.say("Mine is, too", "bob@a.example", name="Bob", **given)
    await desk.deliver()
    asked = f"Send me a copy of case {await number_of(desk, id_)}"
    await desk.say(asked, "maya@a.example", on="email", chat="t2", shared=True, sole_reader=True)
    _, text = await copy_in(desk)
    assert "My spade is blunt" in text
    assert "Mine is, too" not in text
    assert "Bob" not in text


async def test_the_words_about_a_copy_come_at_once_and_the_file_when_it_is_there(desk: Bench) -> None:
    id_ = await desk.say("My spade is blunt")
    await desk.deliver()
    await desk.say(COPY)
    number = await number_of(desk, id_)
    assert await heard(desk) == [fill(EN.case_copy, number=number)]
    await stored(desk, id_)
    [left] = await desk.deliver()
    assert isinstance(left.operation, Post)
    [attachment] = left.operation.attachments
    assert attachment.file
    assert (attachment.name, attachment.mime_type) == (f"{number[1:]}.txt", "text/plain")
    assert left.text == ""


async def test_a_copy_that_cannot_be_made_is_escalated_to_people(desk: Bench) -> None:
    id_ = await desk.say("My spade is blunt")
    await desk.say(COPY)
    await desk.execute("update files set state = 'failed', ref = null, due_at = null")
    [[carrier]] = await desk.rows("select message_id from files")
    await desk.report(id_, FileReport(carrier, 0, "failed", "no room"))  # type: ignore[arg-type]
    await desk.turn()
    view = await desk.view(id_)
    assert view.escalation is not None
    assert "send it by hand" in view.escalation.reason


async def test_a_copy_of_another_one_of_theirs_is_had_by_its_number(desk: Bench) -> None:
    _, number = await ended(desk)
    await desk.say("Another matter")
    await desk.deliver()
    await desk.say(f"Send me a copy of case {number}")
    _, text = await copy_in(desk)
    assert "My spade is blunt" in text
    assert "Another matter" not in text


async def test_a_copy_of_somebody_elses_case_is_refused(desk: Bench) -> None:
    _, number = await ended(desk)
    await desk.say(f"Send me a copy of case {number}", "otto")
    assert await heard(desk) == [EN.case_unknown]
    assert await desk.rows("select count(*) from files") == [(0,)]


async def test_a_second_copy_within_the_hour_is_refused_also_elsewhere(desk: Bench) -> None:
    phone = await desk.say("My spade is blunt")
    other = await desk.say("Hello", "+4917", on="whatsapp")
    await made_one(desk, phone, other)
    await desk.turn()
    await desk.deliver()
    await desk.say(COPY)
    await desk.say(COPY, "+4917", on="whatsapp")
    assert EN.case_copied_before in await heard(desk)
    assert await desk.rows("select count(*) from files") == [(1,)]
    await desk.execute("update loop_guard set replied = array[now() - interval '61 minutes']")
    await desk.say(COPY, "+4917", on="whatsapp")
    assert await desk.rows("select count(*) from files") == [(2,)]


async def test_a_copy_is_in_the_audit_log_without_its_words(desk: Bench) -> None:
    id_ = await desk.say("My spade is blunt")
    await desk.say(COPY)
    [[details]] = await desk.rows("select details from audit_log where action = 'conversation.copied'")
    assert isinstance(details, dict)
    assert details["copied"] == str(id_)
    assert "spade" not in json.dumps(details)
