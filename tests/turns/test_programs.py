"""Messages of programs that nobody answers: kept where people can find them."""

from bot.core.conversation import Status
from bot.core.events import Said
from storage import queries
from tests.turns.bench import Bench

ADDRESS = "jobs@newsletter.example"


async def listed(desk: Bench) -> list[str]:
    async with desk.database.begin() as connection:
        lines = await queries.conversations(connection, desk.keys, desk.tenant, automatic=True)
        counted = await queries.counts(connection, desk.tenant)
    assert counted.automatic == len(lines)
    return [line.customer_address for line in lines]


async def writes(desk: Bench, text: str, *, automatic: bool) -> None:
    event = desk.event(Said(text), ADDRESS, on="email", chat="thread", shared=True, automatic=automatic)
    await desk.hear(event)
    await desk.turn()


async def test_a_message_of_a_program_is_listed_until_a_person_writes(desk: Bench) -> None:
    await writes(desk, "Our news of November", automatic=True)
    assert await listed(desk) == [ADDRESS]
    await writes(desk, "Did you read them?", automatic=False)
    assert await listed(desk) == []


async def test_a_message_of_a_program_that_people_see_in_a_room_is_not_listed(desk: Bench) -> None:
    await writes(desk, "I was charged twice this month", automatic=False)
    await writes(desk, "I am away until Monday", automatic=True)
    assert await listed(desk) == []
    async with desk.database.begin() as connection:
        [line] = await queries.conversations(connection, desk.keys, desk.tenant)
    assert line.status is not Status.PENDING
