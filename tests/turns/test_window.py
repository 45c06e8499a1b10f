"""Words too late for a channel: kept, offered another way, and out once when the customer writes."""

import asyncio
from collections.abc import Callable
from itertools import count

import pytest

from bot.core.answering import HandOver
from bot.core.conversation import DeliveryReport, MessageState, View
from bot.core.events import Deleted, Edited, Reacted, Receipt, ReceiptStatus, Started, Submitted
from bot.core.ids import ConversationId, DeliveryId, new_id
from bot.core.outbound import Post
from bot.turns.story import lines
from orgs.documents import from_document, to_document
from orgs.specification.organization import Organization
from storage.database import Database
from storage.delivery_outcomes import Dead, Result
from storage.merging import merge
from storage.outbox_items import Item
from tests.turns.bench import (
    CARLA,
    HUGO,
    Bench,
    Left,
    another,
    bench_of,
    message,
    states,
    to_customers,
    to_rooms,
)
from tests.turns.desk import organization

MAYA = "+491700000001"
PARKED, RELEASED, SENT = MessageState.PARKED, MessageState.RELEASED, MessageState.SENT


async def held(desk: Bench, on: str = "whatsapp") -> View:
    """Maya's matter is in Hugo's hands, and her window has closed."""
    accepted = await desk.hear(desk.event("Help!", MAYA, on=on))
    await desk.turn(lambda _: HandOver("A reason.", "why", trigger="security"))
    return await desk.held(accepted.wakes[0].conversation)


async def written(desk: Bench, view: View, *lines: str) -> ConversationId:
    """Hugo has written, the undo is over, and the platform takes no free text."""
    for n, line in enumerate(lines):
        await desk.staff(line, view, ref=f"s{n}")
    await desk.undo_is_over()
    await desk.deliver(desk.closed)
    await desk.turn()
    return view.conversation.id


def buttons(left: list[Left]) -> list[tuple[str, str]]:
    return [
        (b.action, b.value) for one in left if isinstance(one.operation, Post) for b in one.operation.buttons
    ]


async def test_late_words_leave_once_and_in_order_when_the_customer_writes(desk: Bench) -> None:
    id_ = await written(desk, await held(desk), "one", "two", "three")
    view = await desk.view(id_)
    assert [states(view, text) for text in ("one", "two", "three")] == [[PARKED]] * 3
    assert view.conversation.memory.parked == 3
    await desk.say("I am back", MAYA, on="whatsapp")
    left = await desk.deliver()
    await desk.turn()
    await desk.say("Thanks", MAYA, on="whatsapp")
    assert to_customers([*left, *(await desk.deliver())]) == ["one", "two", "three"]
    view = await desk.view(id_)
    assert view.conversation.memory.parked == 0
    assert states(view, "two") == [SENT]


@pytest.mark.parametrize("content", [Submitted("flow", "x", (("name", "Maya"),)), Started("")])
async def test_every_event_that_opens_the_window_lets_waiting_words_leave(
    desk: Bench, content: Submitted | Started
) -> None:
    await written(desk, await held(desk), "one")
    await desk.say(content, MAYA, on="whatsapp")
    assert "one" in to_customers(await desk.deliver())


async def test_the_customers_word_before_the_refusal_is_recorded(desk: Bench) -> None:
    """The platform refused, and the customer wrote before we could record that."""
    view = await held(desk)
    await desk.staff("one", view, ref="s0")
    await desk.undo_is_over()
    items = await desk.claim()
    post = next(item for item in items if item.room is None)
    await desk.hear(desk.event("I am back", MAYA, on="whatsapp"))
    refused = desk.closed(post)
    assert refused is not None
    await desk.settle(refused, *(desk.taken(item) for item in items if item.room))
    await desk.turn()
    assert "one" in to_customers(await desk.deliver())
    await desk.turn()
    after = await desk.view(view.conversation.id)
    assert states(after, "one") == [SENT]
    assert after.conversation.memory.parked == 0
    assert not any("takes no free text" in text for text in to_rooms(await desk.deliver()))


async def test_the_customers_word_after_the_refusal_is_recorded(desk: Bench) -> None:
    """Both lie in the inbox when the turn begins."""
    view = await held(desk)
    await desk.staff("one", view, ref="s0")
    await desk.undo_is_over()
    await desk.deliver(desk.closed)
    await desk.hear(desk.event("I am back", MAYA, on="whatsapp"))
    await desk.turn()
    assert to_customers(await desk.deliver()) == ["one"]
    await desk.turn()
    after = await desk.view(view.conversation.id)
    assert (states(after, "one"), after.conversation.memory.parked) == ([SENT], 0)


@pytest.mark.long
async def test_a_line_leaves_once_however_the_customers_message_and_the_refusal_race(desk: Bench) -> None:
    """Each in a transaction of its own, at the same time: whichever is first, nothing is stuck or doubled."""
    database = Database(desk.database.url, pool=4)
    twin = await another(database)
    view = await held(desk)
    for n in range(15):
        line = f"line {n}"
        await desk.staff(line, view, ref=f"s{n}")
        await desk.undo_is_over()
        items = await desk.claim()
        post = next(item for item in items if item.room is None)
        assert isinstance(post.operation, Post)
        assert post.operation.text == line
        refused = desk.closed(post)
        assert refused is not None
        word = desk.event(f"word {n}", MAYA, on="whatsapp")
        results = [refused, *(desk.taken(item) for item in items if item.room)]
        deeds = [desk.settle(*results), twin.hear(word)]
        await asyncio.gather(*(deeds if n % 2 else deeds[::-1]))
        await asyncio.gather(desk.turn(), twin.turn())
        assert to_customers(await desk.deliver()) == [line]
        await desk.turn()
        after = await desk.view(view.conversation.id)
        assert (states(after, line), after.conversation.memory.parked) == ([SENT], 0)
    await database.close()


async def test_a_platform_that_refuses_although_they_wrote_is_not_asked_for_ever(desk: Bench) -> None:
    view = await held(desk)
    await desk.staff("one", view, ref="s0")
    await desk.undo_is_over()
    item = next(item for item in await desk.claim() if item.room is None)
    await desk.hear(desk.event("Hi", MAYA, on="whatsapp"))
    refused = desk.closed(item)
    assert refused is not None
    await desk.settle(refused)
    await desk.deliver(desk.closed)
    await desk.turn()
    assert states(await desk.view(view.conversation.id), "one") == [PARKED]


async def test_words_changed_while_they_wait_leave_as_they_read_now(desk: Bench) -> None:
    view = await held(desk)
    id_ = await written(desk, view, "one", "two")
    await desk.staff(Edited("s0", "first"), view)
    await desk.deliver(desk.closed)
    await desk.turn()
    await desk.say("I am back", MAYA, on="whatsapp")
    assert sorted(to_customers(await desk.deliver())) == ["first", "two"]
    assert (await desk.view(id_)).conversation.memory.parked == 0


async def test_words_deleted_while_they_wait_never_leave(desk: Bench) -> None:
    view = await held(desk)
    await written(desk, view, "one", "two")
    await desk.staff(Deleted("s0"), view)
    await desk.say("I am back", MAYA, on="whatsapp")
    assert to_customers(await desk.deliver()) == ["two"]


async def test_words_deleted_before_the_refusal_was_known_never_leave(desk: Bench) -> None:
    view = await held(desk)
    await desk.staff("one", view, ref="s0")
    await desk.staff("two", view, ref="s1")
    await desk.undo_is_over()
    await desk.staff(Deleted("s0"), view)
    await desk.deliver(desk.closed)
    await desk.turn()
    await desk.say("I am back", MAYA, on="whatsapp")
    assert "one" not in to_customers(await desk.deliver())


async def test_a_thumb_down_takes_back_what_waits(desk: Bench) -> None:
    view = await held(desk)
    id_ = await written(desk, view, "one")
    await desk.staff(Reacted("s0", "👎", added=True), view)
    await desk.say("I am back", MAYA, on="whatsapp")
    assert to_customers(await desk.deliver()) == []
    assert states(await desk.view(id_), "one") == [MessageState.WITHDRAWN]


async def test_the_holder_may_discard_what_waits_and_nobody_else(desk: Bench) -> None:
    view = await held(desk)
    id_ = await written(desk, view, "one")
    value = str(message(await desk.view(id_), "one").id)
    await desk.press("discard", view, CARLA, value)
    assert states(await desk.view(id_), "one") == [PARKED]
    await desk.press("discard", view, HUGO, value)
    await desk.press("discard", view, HUGO, value)
    await desk.say("I am back", MAYA, on="whatsapp")
    assert to_customers(await desk.deliver()) == []
    assert (await desk.view(id_)).conversation.memory.parked == 0


def settled(left: list[Left]) -> list[str]:
    """Return what the offers about waiting words read now, where they were shown."""
    return [
        one.text
        for one in left
        if one.item.kind == "settle_offer" and one.item.refs
        if isinstance(one.operation, Post) and not one.operation.buttons
    ]


async def test_an_offer_ends_when_what_waited_leaves(desk: Bench) -> None:
    view = await held(desk)
    await written(desk, view, "one")
    await desk.deliver()
    await desk.say("I am back", MAYA, on="whatsapp")
    assert settled(await desk.deliver()) == ["📨 **Maya** has written again: what waited leaves now."]


@pytest.mark.parametrize("how", ["discard", "deletion", "thumb", "edit"])
async def test_an_offer_ends_when_what_waits_is_taken_back(desk: Bench, how: str) -> None:
    view = await held(desk)
    id_ = await written(desk, view, "one")
    await desk.deliver()
    match how:
        case "discard":
            await desk.press("discard", view, HUGO, str(message(await desk.view(id_), "one").id))
        case "deletion":
            await desk.staff(Deleted("s0"), view)
        case "thumb":
            await desk.staff(Reacted("s0", "👎", added=True), view)
        case _:
            await desk.staff(Edited("s0", "// mine alone"), view)
    [said] = settled(await desk.deliver())
    assert "not sent" in said
    await desk.say("I am back", MAYA, on="whatsapp")
    assert settled(await desk.deliver()) == []


async def test_after_a_template_one_may_still_drop_what_waits(desk: Bench) -> None:
    view = await held(desk)
    await written(desk, view, "one")
    value = next(v for a, v in buttons(await desk.deliver()) if a == "template")
    await desk.press("template", view, HUGO, value)
    left = [one.operation for one in await desk.deliver() if one.item.kind == "settle_offer"]
    [revised] = [one for one in left if isinstance(one, Post)]
    assert "**Hugo Martin**" in revised.text
    assert [button.action for button in revised.buttons] == ["discard"]
    await desk.say("I am back", MAYA, on="whatsapp")
    assert len(settled(await desk.deliver())) == 1


async def test_the_button_send_again_goes_away_when_pressed(desk: Bench) -> None:
    view = await held(desk)
    await desk.staff("one", view, ref="s0")
    await desk.undo_is_over()
    await desk.deliver(lambda item: Dead(item, "failed", "send.refused", "no") if item.room is None else None)
    await desk.turn()
    [value] = [v for a, v in buttons(await desk.deliver()) if a == "send_again"]
    await desk.press("send_again", view, HUGO, value)
    assert settled(await desk.deliver()) == ["🔁 **Hugo Martin** sent it again."]


async def test_the_holder_is_offered_templates_with_the_customers_name_in_them(desk: Bench) -> None:
    view = await held(desk)
    await desk.staff("one", view, ref="s0")
    await desk.undo_is_over()
    await desk.deliver(desk.closed)
    await desk.turn()
    told = await desk.deliver()
    assert [action for action, _ in buttons(told)][-4:] == ["template", "template", "hold", "discard"]
    assert any("Hello Maya, do you still need our help?" in text for text in to_rooms(told))
    assert any("our Escalation Team would like to go on with you" in text for text in to_rooms(told))
    value = [v for a, v in buttons(told) if a == "template"][1]
    await desk.press("template", view, HUGO, value)
    [sent] = [o for o in await desk.deliver(desk.closed) if o.item.room is None]
    assert isinstance(sent.operation, Post)
    assert sent.operation.template is not None
    assert (sent.operation.template.name, sent.operation.template.parameters) == ("still_there", ("Maya",))
    await desk.press("template", view, HUGO, value)  # a second tap asks the customer nothing again
    assert to_customers(await desk.deliver(desk.closed)) == []
    await desk.say("Yes I do", MAYA, on="whatsapp")
    assert to_customers(await desk.deliver()) == ["one"]


def with_templates(*templates: tuple[str, str, str, tuple[str, ...]]) -> Organization:
    """The organization with these templates for WhatsApp: name, language, text, parameters."""
    document: dict[str, object] = dict(to_document(organization()))
    names = ("id", "language", "text", "parameters")
    listed = [dict(zip(names, template, strict=True)) for template in templates]
    document["accounts"] = [
        {**account, "templates": listed} if account["id"] == "whatsapp" else account
        for account in document["accounts"]  # type: ignore[attr-defined]
    ]
    return from_document(document)  # type: ignore[arg-type]


NEWS = ("news", "en", "Hello {{name}}, {{person}} has news.", ("{customer}", "{person}"))
FIRST = ("first", "en", "Hello, this is the first.", ())


async def test_the_template_on_the_button_is_sent_though_the_file_has_changed(desk: Bench) -> None:
    desk.organization = with_templates(NEWS)
    view = await held(desk)
    await written(desk, view, "one")
    [value] = [v for a, v in buttons(await desk.deliver()) if a == "template"]
    desk.organization = with_templates(FIRST, NEWS)
    await desk.press("template", view, HUGO, value)
    [sent] = [one for one in await desk.deliver(desk.closed) if one.item.room is None]
    assert sent.text == "Hello Maya, Hugo Martin has news."
    assert isinstance(sent.operation, Post)
    assert sent.operation.template is not None
    assert sent.operation.template.names == ("name", "person")
    desk.organization = with_templates(FIRST)
    await desk.press("template", view, HUGO, value)
    assert to_customers(await desk.deliver(desk.closed)) == []


async def test_a_name_that_looks_like_a_blank_is_a_name(desk: Bench) -> None:
    desk.organization = with_templates(("news", "en", "{{1}}, {{2}}", ("{customer}", "{person}")))
    accepted = await desk.hear(desk.event("Help!", MAYA, on="whatsapp", name="{{2}}"))
    await desk.turn(lambda _: HandOver("A reason.", "why", trigger="security"))
    await written(desk, await desk.held(accepted.wakes[0].conversation), "one")
    assert any("{{2}}, Hugo Martin" in text for text in to_rooms(await desk.deliver()))


@pytest.mark.long
@pytest.mark.parametrize(
    ("spoken", "offered"),
    [
        ("pt-PT", "Olá de Portugal"),
        ("pt-BR", "Olá do Brasil"),
        ("pt", "Olá do Brasil"),
        ("de", "Hello from here"),  # nobody has written it in theirs: in the organization's own
        ("", "Hello from here"),
    ],
)
async def test_a_template_is_offered_once_in_the_language_that_fits_best(
    desk: Bench, spoken: str, offered: str
) -> None:
    desk.organization = with_templates(
        ("news", "fr", "Bonjour", ()),
        ("news", "pt_BR", "Olá do Brasil", ()),
        ("news", "pt_PT", "Olá de Portugal", ()),
        ("news", "en_US", "Hello from here", ()),
    )
    accepted = await desk.hear(desk.event("Help!", MAYA, on="whatsapp", language=spoken))
    await desk.turn(lambda _: HandOver("A reason.", "why", trigger="security"))
    await written(desk, await desk.held(accepted.wakes[0].conversation), "one")
    told = await desk.deliver()
    assert [action for action, _ in buttons(told)] == ["template", "hold", "discard"]
    assert any(offered in text for text in to_rooms(told))


async def test_a_value_that_nobody_offered_sends_nothing(desk: Bench) -> None:
    view = await held(desk)
    id_ = await written(desk, view, "one")
    known = message(await desk.view(id_), "one").id
    for value in (f"{known}:9", f"{known}:", f"{known}:-1", "nothing:0", str(known), f"{known}:²"):
        await desk.press("template", view, HUGO, value)
    assert to_customers(await desk.deliver()) == []


async def test_an_agent_holds_or_asks_as_the_policy_says(database_url: str) -> None:
    document: dict[str, object] = dict(to_document(organization()))
    document["policies"] = document["policies"] | {"outside_window": "still_there"}  # type: ignore[operator]
    async with bench_of(database_url, from_document(document)) as desk:  # type: ignore[arg-type]
        await desk.hear(desk.event("Hello?", MAYA, on="whatsapp"), desk.event("Anyone?", MAYA, on="whatsapp"))
        await desk.turn()
        await desk.deliver(desk.closed)
        await desk.turn()
        asked = to_customers(await desk.deliver(desk.closed))
        assert asked == ["Hello Maya, do you still need our help?"]
        await desk.turn()
        await desk.say("Yes!", MAYA, on="whatsapp")
        assert to_customers(await desk.deliver())[0] == "An answer."


async def test_an_agents_words_wait_in_silence_without_a_policy(desk: Bench) -> None:
    id_ = await desk.say("Hello?", MAYA, on="whatsapp")
    await desk.deliver(desk.closed)
    await desk.turn()
    assert to_customers(await desk.deliver()) == []
    assert states(await desk.view(id_), "An answer.") == [PARKED]


async def refused_afterwards(desk: Bench, ref: str) -> None:
    told = Receipt(
        status=ReceiptStatus.FAILED, messages=(ref,), code="send.window_closed", reason="131047: too late"
    )
    await desk.hear(desk.event(told, MAYA, on="whatsapp"))
    await desk.turn()


def naming(desk: Bench, name: str) -> Callable[[Item], Result | None]:
    """The platform's ids of what leaves for customers, in order: name-1, name-2, …"""
    numbers = count(1)

    def fate(item: Item) -> Result | None:
        return desk.taken(item, f"{name}-{next(numbers)}") if item.room is None else None

    return fate


async def test_a_message_taken_and_refused_afterwards_is_held_and_leaves_again(desk: Bench) -> None:
    view = await held(desk)
    id_ = view.conversation.id
    await desk.staff("one", view, ref="s0")
    await desk.undo_is_over()
    await desk.deliver(naming(desk, "w"))
    await desk.turn()
    assert states(await desk.view(id_), "one") == [SENT]
    await refused_afterwards(desk, "w-1")
    await refused_afterwards(desk, "w-1")
    assert states(await desk.view(id_), "one") == [PARKED]
    assert (await desk.view(id_)).conversation.memory.parked == 1
    await desk.say("I am back", MAYA, on="whatsapp")
    assert to_customers(await desk.deliver(naming(desk, "again"))) == ["one"]  # type: ignore[arg-type]
    await desk.turn()
    await refused_afterwards(desk, "w-1")  # told again, late: of a message that is no more
    assert states(await desk.view(id_), "one") == [SENT]
    read = Receipt(status=ReceiptStatus.READ, messages=("again-1",))
    await desk.say(read, MAYA, on="whatsapp")
    assert states(await desk.view(id_), "one") == [MessageState.READ]


@pytest.mark.long
async def test_a_waiting_message_leaves_however_much_was_written_since(desk: Bench) -> None:
    view = await held(desk)
    id_ = await written(desk, view, "one")
    for n in range(90):
        await desk.staff(f"// note {n}", view, ref=f"n{n}")
    view = await desk.view(id_)
    assert states(view, "one") == [PARKED]
    await desk.say("I am back", MAYA, on="whatsapp")
    assert to_customers(await desk.deliver()) == ["one"]
    await desk.turn()
    assert (await desk.view(id_)).conversation.memory.parked == 0


async def test_a_message_that_waits_on_one_channel_leaves_where_the_customer_writes_now(desk: Bench) -> None:
    """Their word on another channel opens no window there, and is the place to answer."""
    view = await held(desk)
    id_ = await written(desk, view, "one", "two")
    await joined(desk, id_)
    await desk.say("I am here now", "maya", on="telegram")
    left = [one for one in await desk.deliver(desk.closed) if one.item.room is None]
    assert [(one.place.channel, one.text) for one in left] == [("telegram", "one"), ("telegram", "two")]
    await desk.turn()
    after = await desk.view(id_)
    assert states(after, "one") == [MessageState.DELIVERED]
    assert after.conversation.memory.parked == 0


async def test_a_held_message_leaves_though_its_conversation_was_resolved_long_ago(desk: Bench) -> None:
    """A holder whose words wait may resolve and has no more to do; the customer may write weeks later."""
    view = await held(desk)
    id_ = await written(desk, view, "one")
    await desk.press("resolve", view)
    await desk.end(id_)
    assert await desk.say("I am back", MAYA, on="whatsapp") == id_
    assert "one" in to_customers(await desk.deliver())
    await desk.turn()
    await desk.end(id_)
    assert await desk.say("Something else", MAYA, on="whatsapp") != id_


async def joined(desk: Bench, id_: ConversationId) -> None:
    """Maya's Telegram is known to be hers."""
    other = await desk.say("Hello", "maya", on="telegram")
    await desk.end(other)
    async with desk.database.begin() as connection:
        await merge(
            connection,
            new_id(),
            desk.tenant,
            kept=await desk.customer_of(id_),
            merged=await desk.customer_of(other),
            by="person:anna",
            how="staff",
        )
    await desk.deliver(desk.closed)


async def test_the_agents_story_omits_answers_that_the_customer_has_not_read(desk: Bench) -> None:
    id_ = await desk.say("Hello?", MAYA, on="whatsapp")
    await desk.deliver(desk.closed)
    await desk.turn()
    view = await desk.view(id_)
    assert [line.text for line in lines(view.story)] == ["Hello?"]


async def test_the_last_part_of_a_message_that_came_too_late_is_counted(desk: Bench) -> None:
    """A file of a message whose text had arrived: the window closed between the two."""
    view = await held(desk)
    id_ = view.conversation.id
    await desk.staff("one", view, ref="s0")
    await desk.undo_is_over()
    await desk.deliver()
    await desk.turn()
    one = message(await desk.view(id_), "one")
    await desk.execute(
        "update outbox set state = 'parked' where message_id = :id and room_id is null", id=one.id
    )
    await desk.report(id_, DeliveryReport(one.id, DeliveryId(new_id()), "parked", "late"))
    await desk.turn()
    await desk.say("I am back", MAYA, on="whatsapp")
    assert to_customers(await desk.deliver()) == ["one"]


async def test_a_refusal_that_overtakes_our_own_delivery_report_parks_the_message(desk: Bench) -> None:
    """The receipt overtakes our own report of the same delivery: what it says is the later truth."""
    view = await held(desk)
    id_ = view.conversation.id
    await desk.staff("one", view, ref="s0")
    await desk.undo_is_over()
    item = next(item for item in await desk.claim() if item.room is None)
    told = Receipt(status=ReceiptStatus.FAILED, messages=("w-1",), code="send.window_closed", reason="131047")
    await desk.hear(desk.event(told, MAYA, on="whatsapp"))
    await desk.settle(desk.taken(item, "w-1"))
    await desk.turn()
    assert states(await desk.view(id_), "one") == [PARKED]
    await desk.say("I am back", MAYA, on="whatsapp")
    assert to_customers(await desk.deliver()) == ["one"]
