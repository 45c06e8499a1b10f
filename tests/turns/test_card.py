"""The card says what is true: who said what last, and what became of what they asked before."""

import pytest

from bot.app.channels import CHANNELS
from bot.core.answering import HandOver
from bot.core.ids import ConversationId, new_id
from bot.core.outbound import Card
from bot.rooms.cards import Cards
from orgs.specification.organization import SpeaksAs
from storage.merged import tell_rooms
from storage.organizations import Organizations
from tests.accounts import Brought
from tests.storage.test_places import made_one, parted
from tests.turns.bench import CODE, Bench, to_customers, to_rooms
from tests.turns.test_channel_switch import ASK, there


async def drawn(desk: Bench, conversation: ConversationId) -> Card:
    view = await desk.view(conversation)
    assert view.escalation is not None
    assert view.escalation.room is not None
    cards = Cards(
        desk.database, desk.keys, Organizations(desk.database), CHANNELS, Brought(desk.accounts, {})
    )
    return await cards(view.conversation.organization, view.escalation.room.id)


async def handed_over(desk: Bench, text: str) -> ConversationId:
    accepted = await desk.hear(desk.event(text))
    await desk.turn(lambda _: HandOver("A reason.", "why", trigger="security"))
    return accepted.wakes[0].conversation


async def test_in_short_tells_who_said_what_last_in_order(desk: Bench) -> None:
    await desk.say("My order is late")
    id_ = await handed_over(desk, "Give me a person")
    view = await desk.held(id_)
    await desk.staff("I look into it", view, ref="s1")
    await desk.undo_is_over()
    await desk.staff("// they are rude", view, ref="s2")
    await desk.say("Thank you")
    await desk.deliver()
    short = dict((await drawn(desk, id_)).sections)["In short"]
    said = [line for line in short.split("\n") if line and line != ">"]
    assert said == [
        "🗣 **Maya**",
        "> My order is late",
        "🤖 **Robin**",
        "> An answer.",
        "🗣 **Maya**",
        "> Give me a person",
        "🧑 **Hugo Martin**",
        "> I look into it",
        "🗣 **Maya**",
        "> Thank you",
    ]


async def test_a_code_typed_a_second_time_is_on_no_card_and_in_no_story(desk: Bench) -> None:
    id_ = await handed_over(desk, "Help!")
    await desk.held(id_)
    await desk.say(ASK)
    await desk.say(CODE)
    await desk.deliver()
    await desk.say(CODE)
    left = await desk.deliver()
    assert not [text for text in to_rooms(left) if CODE in text]
    assert [text for text in to_customers(left) if "code" in text], "the customer is answered"
    await desk.say(f"My code was {CODE[:3]} {CODE[3:]}, is it that which you need to find my order again?")
    assert [text for text in to_rooms(await desk.deliver()) if "My code was [code], is it" in text]
    await desk.say("654321")
    assert [text for text in to_rooms(await desk.deliver()) if "654321" in text], "the number of an order"
    assert CODE not in dict((await drawn(desk, id_)).sections)["In short"]


async def test_one_time_codes_are_on_no_card_and_in_no_story(desk: Bench) -> None:
    id_ = await handed_over(desk, "Help!")
    await desk.held(id_)
    await desk.say(ASK)
    await desk.say("654321")
    await desk.say(f"{CODE[:3]} {CODE[3:]}")
    told = str(to_rooms(await desk.deliver()))
    card = str(await drawn(desk, id_))
    for code in (CODE, "123 456", "654321"):
        assert code not in card + told
    assert "Help!" in card


async def test_the_section_before_tells_how_the_former_conversation_ended(desk: Bench) -> None:
    first = await handed_over(desk, "First")
    view = await desk.held(first)
    await desk.press("resolve", view)
    await desk.deliver()
    await desk.execute("update timers set due_at = now() - interval '1 second'")
    await desk.execute("update conversations set wake_at = now()")
    await desk.turn()
    await desk.end(first)
    second = await handed_over(desk, "Second")
    await desk.deliver()
    before = dict((await drawn(desk, second)).sections)["Before"]
    assert "solved by Hugo Martin" in before
    assert "thread" not in before, "the channel tells no address now"


@pytest.mark.long
@pytest.mark.parametrize("speaks_as", list(SpeaksAs))
async def test_the_story_mailed_to_a_customer_is_signed_as_the_organization_says(
    desk: Bench, speaks_as: SpeaksAs
) -> None:
    org = desk.organization
    desk.organization = org.model_copy(
        update={"identity": org.identity.model_copy(update={"speaks_as": speaks_as})}
    )
    await desk.say("My order is late")
    id_ = await handed_over(desk, "Give me a person")
    view = await desk.held(id_)
    await desk.staff("I look into it", view, ref="s1")
    await desk.undo_is_over()
    await desk.deliver()
    await desk.say(ASK)
    await desk.say(CODE)
    mail = there(await desk.deliver())[-1]
    signed = [line for line in mail.split("\n") if line.startswith("**")]
    ours = org.display_name
    person = "Hugo Martin" if speaks_as is SpeaksAs.PERSON else ours
    assert signed == [f"**{who}**" for who in ("Maya", ours, "Maya", person, "Maya")]
    for word in ("🗣", "🧑", "⚙️", "Onboarding", CODE, "123 456", "code"):
        assert word not in mail
    assert ("Hugo" in mail) is (speaks_as is SpeaksAs.PERSON)


async def test_the_card_of_a_closed_room_is_drawn_anew_when_its_customer_is_parted_from_another(
    desk: Bench,
) -> None:
    other = await desk.say("Hello", "tom", on="whatsapp")
    accepted = await desk.hear(desk.event("I was charged twice"))
    await desk.turn(lambda _: HandOver("A reason.", "why", trigger="security"))
    conversation = accepted.wakes[0].conversation
    view = await desk.held(conversation)
    await made_one(desk, other, conversation)
    await desk.press("resolve", view)
    await desk.deliver()
    await parted(desk, conversation)
    both = (await desk.customer_of(other), await desk.customer_of(conversation))
    async with desk.database.begin() as connection:
        await tell_rooms(connection, desk.keys, desk.inboxes, desk.tenant, new_id(), both, parted=True)
    await desk.turn()
    cards: list[ConversationId] = []
    await desk.deliver(lambda item: cards.append(item.conversation) if item.kind == "card" else None)
    assert cards == [conversation]
