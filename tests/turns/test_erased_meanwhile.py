"""Something of ours comes in while its customer is erased: it is sealed with a key that is gone."""

from bot.core.answering import HandOver
from bot.core.conversation import CustomerErased, DeliveryReport, Origin
from bot.core.ids import DeliveryId, new_id
from storage.erased import erase
from storage.inbox import NOBODY, Entry
from tests.turns.bench import Bench


async def test_nothing_else_waits_for_a_report_that_nobody_can_open(desk: Bench) -> None:
    accepted = await desk.hear(desk.event("Help!"))
    await desk.turn(lambda _: HandOver("A reason.", "why", trigger="security"))
    await desk.deliver()
    conversation = accepted.wakes[0].conversation
    [[customer, key]] = await desk.rows("select id, data_key from customers")
    sealer = desk.keys.customer(customer, key)  # type: ignore[arg-type]
    report = DeliveryReport(None, DeliveryId(new_id()), "failed", "gone")
    late = Entry(NOBODY, "late", desk.tenant, conversation, Origin.SELF, report, sealer)
    async with desk.database.begin() as connection:
        await erase(connection, desk.keys, desk.inboxes, desk.tenant, customer)  # type: ignore[arg-type]
        await desk.inboxes.tell(connection, [late])
    await desk.hear(desk.event("Hello", "noor"))
    decided = await desk.turn()
    assert len(decided) == 2
    [bodies] = [[i.body for i in d.draft.view.inputs] for d in decided if d.draft.view.conversation.erased]
    assert bodies == [CustomerErased(), CustomerErased()]
    assert await desk.turn() == []
