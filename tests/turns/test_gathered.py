"""Very many escalations of one origin: a few rooms, and one notice that lists the others."""

import pytest

from bot.core.answering import Answer, HandOver
from bot.core.conversation import EscalationState
from bot.core.events import OPEN_NEXT, Event, Tapped
from bot.core.ids import ConversationId, new_id
from bot.core.outbound import Post, Whisper
from bot.rooms.notices import notice_post
from bot.turns.turn import Decision
from storage.delivery_outcomes import Dead
from storage.erased import erase
from storage.merging import merge
from storage.outbox_items import Item
from tests.turns.bench import Bench, to_customers
from tests.turns.test_bursts import ALLOWED
from tests.turns.test_in_doubt import a_member, clocks, rooms

MANY, SHOWN = 20, 5
ALL_HAVE_ROOMS = "All of these conversations have their own thread now, or are closed."


def handed_over(_: Decision) -> Answer:
    return HandOver("A reason.", "why", trigger="security")


async def forged(desk: Bench, count: int = MANY) -> list[ConversationId]:
    """So many mails for which nobody vouches, each under a name of its own."""
    return [
        await desk.say("Pay me!", f"forged-{n}@a.example", on="email", chat=f"t{n}", verified=False)
        for n in range(count)
    ]


async def flood(desk: Bench, who: str = "noisy", count: int = MANY) -> None:
    """One customer begins one thread after the other, and people are needed in each."""
    desk.customer_per_minute = ALLOWED
    for n in range(count):
        event = desk.event(
            f"Help {n}!", who, on="slack-customers", chat="C1", thread=f"{who}-{n}", shared=True
        )
        await desk.hear(event)
        await desk.turn(handed_over)


async def notice(desk: Bench) -> tuple[Item, Post]:
    """Deliver everything, and return what the notice says at the end."""
    shown: list[Item] = []

    def seen(item: Item) -> None:
        shown.extend([item] if item.notice is not None else [])

    await desk.deliver(seen)
    assert len({item.notice.id for item in shown if item.notice}) == 1
    assert shown[-1].notice is not None
    return shown[-1], notice_post(shown[-1].notice)


async def press(desk: Bench, item: Item, post: Post, who: str) -> None:
    await desk.hear(pressed(desk, item, post, who))
    await desk.turn()


def pressed(desk: Bench, item: Item, post: Post, who: str) -> Event:
    [button] = post.buttons
    tap = Tapped(OPEN_NEXT, button.value, button.label, "p1")
    return desk.event(tap, who, on=item.place.account, chat=item.place.chat, thread="p1")


async def whispers(desk: Bench) -> list[tuple[str, str]]:
    """Deliver everything, and return who was told what."""
    told = [one.operation for one in await desk.deliver()]
    return [(one.person, one.text) for one in told if isinstance(one, Whisper)]


async def test_only_a_few_of_many_unverified_mails_open_rooms(desk: Bench) -> None:
    conversations = await forged(desk)
    assert await rooms(desk) == SHOWN
    _, post = await notice(desk)
    assert f"{MANY - SHOWN} conversations wait" in post.text
    assert str(conversations[SHOWN])[:13] in post.text
    for conversation in conversations:
        escalation = (await desk.view(conversation)).escalation
        assert escalation is not None
        assert escalation.state is EscalationState.WAITING


async def test_a_verified_mail_gets_a_room_meanwhile(desk: Bench) -> None:
    await forged(desk)
    await desk.hear(desk.event("Help!", "ana@b.example", on="email", chat="hers"))
    await desk.turn(handed_over)
    assert await rooms(desk) == SHOWN + 1


async def test_the_button_opens_the_next_few(desk: Bench) -> None:
    await forged(desk, 12)
    item, post = await notice(desk)
    await press(desk, item, post, await a_member(desk))
    assert await rooms(desk) == SHOWN + 5
    item, post = await notice(desk)
    assert item.card, "the notice itself is changed"
    assert "2 conversations wait" in post.text
    await press(desk, item, post, await a_member(desk))
    assert await rooms(desk) == 12
    _, post = await notice(desk)
    assert not post.buttons


async def test_only_the_team_opens_further_rooms(desk: Bench) -> None:
    await forged(desk, 8)
    item, post = await notice(desk)
    await press(desk, item, post, "U0STRANGER")
    assert await rooms(desk) == SHOWN
    assert await whispers(desk) == [
        ("U0STRANGER", "You are not named in the organization file, so you cannot act here.")
    ]


async def test_a_press_when_all_conversations_have_rooms_is_answered_once(desk: Bench) -> None:
    await forged(desk, 8)
    item, post = await notice(desk)
    who = await a_member(desk)
    await press(desk, item, post, who)
    assert await rooms(desk) == 8
    assert await whispers(desk) == []
    event = pressed(desk, item, post, who)
    for _ in range(2):
        await desk.hear(event)
        await desk.turn()
    assert await whispers(desk) == [(who, ALL_HAVE_ROOMS)]


async def test_a_person_who_cannot_be_answered_where_they_pressed_gets_a_direct_message(desk: Bench) -> None:
    await forged(desk, 6)
    item, post = await notice(desk)
    who = await a_member(desk)
    for _ in range(2):
        await press(desk, item, post, who)
    await desk.deliver(lambda item: _nowhere(item) if isinstance(item.operation, Whisper) else None)
    await desk.turn()
    [told] = [one for one in await desk.deliver() if one.item.kind == "direct"]
    assert (told.place.chat, told.text) == (who, ALL_HAVE_ROOMS)


def _nowhere(item: Item) -> Dead:
    return Dead(item, "failed", "send.refused", "user_not_in_channel")


async def test_the_second_of_two_presses_at_once_opens_no_more_rooms(desk: Bench) -> None:
    await forged(desk, 15)
    item, post = await notice(desk)
    who = await a_member(desk)
    await desk.hear(*(pressed(desk, item, post, who) for _ in range(2)))
    await desk.turn()
    assert await rooms(desk) == SHOWN + 5
    assert await whispers(desk) == [(who, "This changed while you pressed. The notice says how it stands.")]


@pytest.mark.long
async def test_a_press_that_is_redelivered_opens_no_more(desk: Bench) -> None:
    await forged(desk, 15)
    item, post = await notice(desk)
    event = pressed(desk, item, post, await a_member(desk))
    for _ in range(2):
        await desk.hear(event)
        await desk.turn()
    assert await rooms(desk) == SHOWN + 5


@pytest.mark.long
async def test_a_notice_whose_customers_were_erased_asks_nobody_and_answers_who_presses(
    desk: Bench,
) -> None:
    conversations = await forged(desk, 7)
    item, post = await notice(desk)
    who = await a_member(desk)
    for conversation in conversations:
        customer = await desk.customer_of(conversation)
        async with desk.database.begin() as connection:
            await erase(connection, desk.keys, desk.inboxes, desk.tenant, customer)
    await desk.turn()
    _, after = await notice(desk)
    assert after.text == f"✅ {ALL_HAVE_ROOMS}"
    for _ in conversations:  # a claim that finds posts to delete sends nothing itself
        await desk.deliver()
    await press(desk, item, post, who)
    assert await whispers(desk) == [(who, ALL_HAVE_ROOMS)]


async def test_each_conversation_gets_a_room_in_its_turn_although_nobody_presses(desk: Bench) -> None:
    await forged(desk, 12)
    [waits] = await desk.rows(
        "select array_agg(round(extract(epoch from due_at - now()) / 3600)::int order by due_at)"
        " from timers where kind = 'open_room'"
    )
    assert waits == ([1, 1, 1, 1, 1, 2, 2],)
    await clocks(desk, "open_room")
    assert await rooms(desk) == 12
    assert len(await desk.rows("select 1 from timers where kind = 'ladder'")) == 12
    _, post = await notice(desk)
    assert not post.buttons


async def test_a_customer_who_floods_many_threads_gets_no_more_rooms_than_the_limit(
    desk: Bench,
) -> None:
    await flood(desk)
    assert await rooms(desk) == SHOWN
    await desk.rings("burst", answer=handed_over)
    assert await rooms(desk) == SHOWN
    [[waiting]] = await desk.rows("select count(*) from escalations where state = 'waiting'")
    assert waiting == MANY
    _, post = await notice(desk)
    assert f"{MANY - SHOWN} conversations wait" in post.text


@pytest.mark.long
async def test_customers_who_were_merged_get_no_more_rooms_than_one(desk: Bench) -> None:
    kept, merged = [
        await desk.customer_of(await desk.say("Hello", who, on="slack-customers", chat="C1", thread=who))
        for who in ("noisy", "louder")
    ]
    await desk.turn()
    async with desk.database.begin() as connection:
        await merge(connection, new_id(), desk.tenant, kept=kept, merged=merged, by="test", how="test")
    await flood(desk, "noisy")
    await flood(desk, "louder")
    assert await rooms(desk) == SHOWN


async def test_the_ends_of_many_conversations_of_one_customer_are_spread(desk: Bench) -> None:
    desk.customer_per_minute = ALLOWED
    events = [
        desk.event(f"Hello {n}", "noisy", on="slack-customers", chat="C1", thread=f"thread-{n}", shared=True)
        for n in range(MANY)
    ]
    await desk.hear(*events)
    await desk.turn()
    assert to_customers(await desk.deliver()) == []
    due = await desk.rows("select distinct due_at from timers where kind = 'burst'")
    assert len(due) == MANY
