"""Names of customers, where the channel tells them late."""

from bot.core.answering import HandOver
from bot.core.conversation import View
from bot.core.events import Receipt, ReceiptStatus
from bot.core.ids import ConversationId
from tests.turns.bench import Bench, to_rooms


async def nameless(desk: Bench) -> ConversationId:
    """Somebody whose name could not be looked up in time has been handed to people."""
    accepted = await desk.hear(desk.event("Help!", "psid-1", on="messenger", name=""))
    await desk.turn(lambda _: HandOver("A reason.", "why", trigger="security"))
    await desk.deliver()
    return accepted.wakes[0].conversation


def name_of(view: View) -> str:
    return view.conversation.customer_name


async def test_a_name_that_comes_with_a_receipt_is_kept_and_shown_on_the_card(desk: Bench) -> None:
    id_ = await nameless(desk)
    assert name_of(await desk.view(id_)) == ""

    read = Receipt(status=ReceiptStatus.READ, messages=("p1",))
    await desk.hear(desk.event(read, "psid-1", on="messenger", name="Maya Fischer"))
    await desk.turn()

    assert name_of(await desk.view(id_)) == "Maya Fischer"
    assert [item.kind for item in await desk.claim() if item.room] == ["card"]


async def test_words_that_bring_the_name_are_told_under_it(desk: Bench) -> None:
    await nameless(desk)
    await desk.say("Are you there?", "psid-1", on="messenger", name="Maya Fischer")
    assert any("**Maya Fischer**" in text for text in to_rooms(await desk.deliver()))


async def test_a_name_that_is_known_stays(desk: Bench) -> None:
    id_ = await desk.say("Hello", "maya", on="whatsapp", name="Maya")
    await desk.say("Hello again", "maya", on="whatsapp", name="Somebody Else")
    assert name_of(await desk.view(id_)) == "Maya"


async def test_another_writer_in_a_thread_does_not_name_its_customer(desk: Bench) -> None:
    thread = {"chat": "T1/C1", "thread": "1.0", "shared": True}
    id_ = await desk.say("Hello", "u1", on="slack-customers", name="", **thread)
    await desk.say("Me too", "u2", on="slack-customers", name="Ben", **thread)
    assert name_of(await desk.view(id_)) == ""
