"""Numbers of conversations: each has one, two of an organization never have the same, none tells how many."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text

from bot.core.ids import ConversationId, OrgId, new_id
from bot.core.numbers import number_typed, shown
from storage import asked_numbers
from storage.database import Database
from storage.inbox import Inboxes
from storage.numbers import new_number
from tests.turns.bench import CODE, Bench, another, bench_of


@pytest.fixture
async def desk(database_url: str) -> AsyncIterator[Bench]:
    async with bench_of(database_url) as bench:
        yield bench


async def number_of(desk: Bench, conversation: ConversationId) -> int:
    [[number]] = await desk.rows("select number from conversations where id = :id", id=conversation)
    assert isinstance(number, int)
    return number


@pytest.mark.parametrize(
    ("number", "written"), [(483127, "#4831-27"), (4831273, "#4831-273"), (483127345612, "#4831-27345612")]
)
def test_a_number_is_written_in_two_groups(number: int, written: str) -> None:
    assert shown(number) == written
    for typed in (written, written[1:], str(number), f" {written} ", written.replace("#", "# ")):
        assert number_typed(typed) == number


@pytest.mark.parametrize(
    "typed", ["", "#", "4831", "48312", "#0831-27", "48-3127", "4831-2x", "٤٨٣١٢٧", "-483127"]
)
def test_text_that_is_no_number_is_read_as_none(typed: str) -> None:
    assert number_typed(typed) is None


def test_a_drawn_number_has_the_digits_asked_for() -> None:
    drawn = [new_number(6) for _ in range(1000)]
    assert all(100_000 <= number <= 999_999 for number in drawn)
    assert len(set(drawn)) > 900


async def test_a_conversation_has_a_number_that_tells_nothing_of_how_many_there_are(desk: Bench) -> None:
    numbers = [await number_of(desk, await desk.say("Hello", f"who{n}")) for n in range(20)]
    assert all(100_000 <= number <= 9_999_999 for number in numbers)
    assert numbers != sorted(numbers)
    assert max(numbers) - min(numbers) > 1000


async def test_a_number_stays_and_the_next_conversation_has_another(desk: Bench) -> None:
    first = await desk.say("Hello")
    number = await number_of(desk, first)
    await desk.turn()
    assert await desk.say("One more thing") == first
    assert await number_of(desk, first) == number
    await desk.end(first)
    assert await number_of(desk, await desk.say("Another matter")) != number


async def test_a_number_that_is_taken_is_drawn_again_with_a_digit_more(desk: Bench) -> None:
    asked: list[int] = []
    left = iter((111_111, 111_111, 1_111_111, 222_222))

    def draw(digits: int) -> int:
        asked.append(digits)
        return next(left)

    desk.inboxes = Inboxes(desk.keys, new_id, new_number=draw)
    numbers = [await number_of(desk, await desk.say("Hello", f"who{n}")) for n in range(3)]
    assert numbers == [111_111, 1_111_111, 222_222]
    assert asked == [6, 6, 7, 6]


async def test_two_processes_that_draw_the_same_at_once_begin_two_conversations(
    desk: Bench, database_url: str
) -> None:
    database = Database(database_url, pool=4)
    twin = await another(database)
    for each in (desk, twin):
        each.inboxes = Inboxes(each.keys, new_id, new_number=lambda digits: int("3" * digits))
    first, second = await asyncio.gather(desk.say("Hello", "one"), twin.say("Hello", "two"))
    assert {await number_of(desk, first), await number_of(desk, second)} == {333_333, 3_333_333}
    await database.close()


async def test_two_organizations_may_have_the_same_number(desk: Bench) -> None:
    [[constraint]] = await desk.rows(
        "select indexdef from pg_indexes where indexname = 'uq_conversations_number'"
    )
    assert "UNIQUE" in str(constraint)
    assert "(organization_id, number)" in str(constraint)


async def test_another_organization_finds_nothing_by_the_number(desk: Bench) -> None:
    id_ = await desk.say("Hello")
    customer = await desk.customer_of(id_)
    [[hash_]] = await desk.rows("select address_hash from identities")
    ours, stranger = desk.tenant, OrgId(new_id())
    number = await number_of(desk, id_)
    async with desk.database.begin() as connection:
        for organization, found in ((ours, 1), (stranger, 0)):
            given: dict[str, object] = {"organization": organization}
            who = given | {"channel": "telegram", "account": "telegram", "identity": hash_}
            what = given | {"number": number, "customers": [customer]}
            assert len((await connection.execute(asked_numbers._CUSTOMERS, who)).all()) == found
            assert len((await connection.execute(asked_numbers._CASE, what)).all()) == found
        await connection.execute(
            text(
                "insert into loop_guard (organization_id, hash, kind, replied, last_at)"
                " values (:organization, :hash, 'try', array[now()], now())"
            ),
            {"organization": ours, "hash": hash_},
        )
        for organization, found in ((ours, 1), (stranger, 0)):
            counted = {"organization": organization, "identity": hash_, "everybody": b"", "root": b""}
            assert len((await connection.execute(asked_numbers._COUNTS, counted)).all()) == found


async def test_a_conversation_begun_to_prove_an_address_has_a_number_too(desk: Bench) -> None:
    await desk.say("My order is late")
    await desk.say("Please send this to my email maya@a.example")
    await desk.say(CODE)
    rows = await desk.rows("select number from conversations")
    assert len(rows) == len(set(rows)) == 2
