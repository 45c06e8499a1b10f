"""Somebody writes faster than the organization allows: all is kept, and neither answered nor shown singly."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.core.answering import Answer, Answered, HandOver
from bot.core.conversation import Role, View
from bot.core.effects import TellRoom
from bot.core.events import (
    Attachment,
    AttachmentKind,
    Deleted,
    Edited,
    ReachabilityChanged,
    Reacted,
    Said,
    SenderRole,
    Started,
)
from bot.core.ids import ConversationId, new_id
from bot.core.outbound import Emote, Post
from bot.turns.decide import decide_guarded, question
from bot.turns.turn import Decision
from storage.delivery_outcomes import Dead, Later, Result
from storage.merging import merge
from storage.outbox_items import Item
from storage.views import INPUTS_AT_ONCE
from tests.turns.bench import CARLA, HUGO, LEASE, Bench, Left, states, to_customers, to_rooms
from tests.turns.test_fair_turns import shown
from tests.turns.test_receipts_and_files import stored

ALLOWED = 5  # messages a minute


async def escalated(desk: Bench, who: str = "maya") -> ConversationId:
    accepted = await desk.hear(desk.event("Help!", who))
    await desk.turn(lambda _: HandOver("A reason.", "why", trigger="security"))
    await desk.deliver()
    return accepted.wakes[0].conversation


async def limited(desk: Bench) -> ConversationId:
    """People have it, and the customer may write so much within a minute."""
    conversation = await escalated(desk)
    desk.customer_per_minute = ALLOWED
    return conversation


async def write(desk: Bench, numbers: range, who: str = "maya") -> None:
    for n in numbers:
        await desk.say(f"line {n:03}", who, message=f"{who}-{n}")


def grown(left: list[Left]) -> list[str]:
    return [one.text for one in left if one.item.kind == "grow"]


@pytest.mark.long
async def test_a_burst_is_one_post_in_the_room_that_grows(desk: Bench) -> None:
    conversation = await limited(desk)
    await write(desk, range(1, 6))
    singly = to_rooms(await desk.deliver())
    assert ["line 00" in one for one in singly] == [True] * ALLOWED
    await write(desk, range(6, 8))
    first = await desk.deliver()
    [post] = to_rooms(first)
    assert "Too much is written" in post
    assert "line 006" in post
    [post] = grown(first)
    assert "**2** messages" in post
    assert "line 007" in post
    await write(desk, range(8, 40))
    left = await desk.deliver()
    assert to_rooms(left) == []
    [post] = grown(left)
    assert "**34** messages" in post, "what waits to be changed is changed once"
    assert "line 039" in post
    assert "line 010" not in post, "the newest are shown"
    assert f"/desk conversations show {conversation}" in post
    assert "means the newest message" in post


async def test_all_messages_of_a_burst_are_in_the_log_in_the_order_of_writing(desk: Bench) -> None:
    conversation = await limited(desk)
    await write(desk, range(1, 40))
    view = await desk.view(conversation)
    told = [m.text for m in view.story if m.role is Role.CUSTOMER]
    assert told == ["Help!", *(f"line {n:03}" for n in range(1, 40))]


async def test_the_next_message_after_a_burst_has_a_line_of_its_own(desk: Bench) -> None:
    await limited(desk)
    await write(desk, range(1, 10))
    await desk.deliver()
    await desk.execute("delete from floods")
    await desk.rings("burst")
    desk.customer_per_minute = 100_000
    desk.inboxes = type(desk.inboxes)(desk.keys, desk.rules().new_id)  # another process: it counts anew
    await write(desk, range(20, 21))
    left = await desk.deliver()
    assert [("line 020" in one, "Too much" in one) for one in to_rooms(left)] == [(True, False)]
    assert grown(left) == []


@pytest.mark.long
async def test_the_next_burst_is_a_post_of_its_own(desk: Bench) -> None:
    await limited(desk)
    await write(desk, range(1, 10))
    await desk.deliver()
    await desk.rings("burst")
    await write(desk, range(10, 12))
    left = await desk.deliver()
    [post] = to_rooms(left)
    assert "line 010" in post
    assert "line 009" not in post
    assert len(grown(left)) == 1


@pytest.mark.long
async def test_a_reaction_to_the_post_means_its_newest_line(desk: Bench) -> None:
    conversation = await limited(desk)
    view = await desk.held(conversation)

    def fate(item: Item) -> Result | None:
        shows = item.room is not None and "Too much" in getattr(item.operation, "text", "")
        if shows and item.kind == "grow":
            assert item.refs == ("burst-post",)
        return desk.taken(item, "burst-post") if shows else None

    await write(desk, range(1, 8))
    await desk.deliver(fate)
    await desk.staff(Reacted("burst-post", "👍", added=True), view)
    await write(desk, range(8, 10))
    await desk.deliver(fate)
    await desk.undo_is_over()
    left = await desk.deliver(fate)
    assert [one.operation for one in left if isinstance(one.operation, Emote)] == [Emote("maya-7", "👍")]
    await desk.staff(Reacted("burst-post", "🎉", added=True), view)
    await desk.undo_is_over()
    left = await desk.deliver(fate)
    assert [one.operation for one in left if isinstance(one.operation, Emote)] == [Emote("maya-9", "🎉")]


async def test_edits_deletions_and_reactions_of_a_burst_change_its_post_alone(desk: Bench) -> None:
    await limited(desk)
    await write(desk, range(1, 10))
    await desk.deliver()
    for n in range(20):
        await desk.say(Edited("maya-8", f"line 008, version {n}"))
    await desk.say(Deleted("maya-9"))
    await desk.say(Reacted("maya-8", "👍", added=True))
    left = await desk.deliver()
    assert to_rooms(left) == []
    [post] = grown(left)
    assert "line 008, version 19" in post
    assert "line 009" not in post


async def test_files_of_a_burst_are_shown_together(desk: Bench) -> None:
    conversation = await limited(desk)
    await write(desk, range(1, 7))
    for n in range(3):
        photo = Attachment(kind=AttachmentKind.PHOTO, ref=f"f{n}", name=f"photo-{n}.jpg")
        await desk.say(Said(f"photo {n}", (photo,)), message=f"photo-{n}")
    await desk.deliver()
    view = await desk.view(conversation)
    for n in range(3):
        await stored(desk, view, f"photo {n}")
    await desk.turn()
    assert to_rooms(await desk.deliver()) == []
    await desk.rings("burst")
    [post] = [one.operation for one in await desk.deliver() if one.item.kind == "post"]
    assert isinstance(post, Post)
    assert [each.name for each in post.attachments] == [f"photo-{n}.jpg" for n in range(3)]


async def test_an_agent_is_asked_once_about_a_whole_burst_when_it_is_over(desk: Bench) -> None:
    desk.customer_per_minute = ALLOWED
    asked: list[tuple[str, ...]] = []

    def answer(decision: Decision) -> Answer:
        asked.append(question(decision).messages)
        return Answered("An answer.", "an article", settled=True)

    for n in range(1, 16):
        await desk.hear(desk.event(f"line {n:03}", message=f"m{n}"))
        await desk.turn(answer)
    assert [len(each) for each in asked] == [1] * ALLOWED
    await desk.rings("burst", answer=answer)
    assert asked[-1] == tuple(f"line {n:03}" for n in range(6, 16))
    assert len(asked) == ALLOWED + 1
    assert len(to_customers(await desk.deliver())) == ALLOWED + 1


async def test_a_customer_who_keeps_opening_the_chat_is_greeted_no_more_than_allowed(desk: Bench) -> None:
    desk.customer_per_minute = ALLOWED
    for _ in range(20):
        await desk.say(Started("start"))
    assert len(to_customers(await desk.deliver())) == ALLOWED


async def test_a_flood_of_an_account_lets_agents_wait_and_people_go_on(desk: Bench) -> None:
    held = await escalated(desk, "noor")
    desk.account_per_minute = ALLOWED
    for n in range(ALLOWED + 5):
        await desk.say("Hello?", f"robot-{n}")
    assert len(to_customers(await desk.deliver())) == ALLOWED
    await desk.say("I am still here", "noor")
    assert any("I am still here" in one for one in to_rooms(await desk.deliver()))
    assert states(await desk.view(held), "I am still here")
    await desk.rings("burst")
    assert len(to_customers(await desk.deliver())) == 5, "each of them is answered, when there is room"


@pytest.mark.long
async def test_another_customers_card_does_not_wait_for_a_burst(desk: Bench) -> None:
    await limited(desk)
    await write(desk, range(1, 100))
    noor = await desk.hear(desk.event("Help me, too!", "noor"))
    await desk.turn(lambda _: HandOver("A reason.", "why", trigger="security"))
    order = await shown(desk)
    assert order.index((noor.wakes[0].conversation, "card")) <= 2
    assert len(order) < 3 * ALLOWED


@pytest.mark.long
async def test_a_backlog_is_handled_in_several_turns_and_no_message_is_passed_over(desk: Bench) -> None:
    conversation = await escalated(desk)
    many = 2 * INPUTS_AT_ONCE + 50
    await desk.hear(*(desk.event(f"line {n:03}", message=f"b{n}") for n in range(many)))
    taken = []
    for _ in range(3):
        view = await desk.view(conversation)
        taken.append((len(view.inputs), view.more))
        assert {m.text for m in view.story} >= {text_of(view, n) for n in range(len(view.inputs))}
        assert not view.more or view.story[-1].id == view.inputs[-1].message, (
            "what comes later is not known yet"
        )
        await desk.turn()
    assert taken == [(INPUTS_AT_ONCE, True), (INPUTS_AT_ONCE, True), (50, False)]
    told = "\n".join(to_rooms(await desk.deliver()))
    places = [told.index(f"line {n:03}") for n in range(many)]
    assert places == sorted(places)


def text_of(view: View, n: int) -> str:
    body = view.inputs[n].body
    return str(body.content.text)  # type: ignore[union-attr]


async def test_an_agent_is_asked_only_with_the_last_of_a_backlog(desk: Bench) -> None:
    many = INPUTS_AT_ONCE + 20
    accepted = await desk.hear(*(desk.event(f"line {n:03}", message=f"b{n}") for n in range(many)))
    asked: list[tuple[str, ...]] = []

    def answer(decision: Decision) -> Answer:
        asked.append(question(decision).messages)
        return Answered("An answer.", "an article", settled=True)

    await desk.turn(answer)
    assert asked == []
    await desk.turn(answer)
    [texts] = asked
    assert texts[-1] == f"line {many - 1:03}"
    assert (await desk.view(accepted.wakes[0].conversation)).conversation.memory.owed == ()


# --- what must not get lost beside it


@pytest.mark.long
async def test_an_earlier_message_that_is_changed_in_a_burst_is_shown_changed(desk: Bench) -> None:
    await limited(desk)
    await write(desk, range(1, 6))
    await desk.deliver()
    await desk.say(Edited("maya-3", "do NOT do it"))
    await desk.say(Deleted("maya-4"))
    left = await desk.deliver()
    text = [*to_rooms(left), *grown(left)][-1]
    assert "do NOT do it" in text
    assert "deleted:" in text
    assert "line 004" in text
    await write(desk, range(6, 8))
    [text] = grown(await desk.deliver())
    assert "do NOT do it" in text
    assert "line 007" in text


@pytest.mark.long
async def test_a_stranger_who_floods_the_thread_is_shown_in_one_post_and_the_customer_as_ever(
    desk: Bench,
) -> None:
    await limited(desk)
    for n in range(12):
        await desk.hear(desk.event(f"spam {n:03}", "stranger", chat="maya", sender_role=SenderRole.STRANGER))
        await desk.turn()
    left = await desk.deliver()
    assert len([1 for one in to_rooms(left) if "spam" in one and "Too much" not in one]) == ALLOWED
    assert "spam 011" in grown(left)[-1]
    await desk.say("This is me")
    [line] = to_rooms(await desk.deliver())
    assert "This is me" in line
    assert "Too much" not in line


async def test_messages_of_colleagues_are_never_a_flood(desk: Bench) -> None:
    await limited(desk)
    for n in range(12):
        await desk.hear(desk.event(f"colleague {n:03}", "carla", chat="maya", sender_role=SenderRole.INSIDER))
        await desk.turn()
    assert len([one for one in to_rooms(await desk.deliver()) if "colleague" in one]) == 12
    await desk.say("My house burns")
    [line] = to_rooms(await desk.deliver())
    assert "Too much" not in line


@pytest.mark.long
async def test_an_agent_is_told_the_beginning_of_a_burst_that_is_longer_than_the_story(desk: Bench) -> None:
    desk.customer_per_minute = ALLOWED
    asked: list[tuple[str, ...]] = []

    def answer(decision: Decision) -> Answer:
        asked.append(question(decision).messages)
        return Answered("An answer.", "an article", settled=True)

    for n in range(ALLOWED):
        await desk.say(f"line {n:03}", message=f"a{n}")
    await desk.say("My account was hacked", message="hacked")
    for n in range(150):
        await desk.hear(desk.event(f"more {n:03}", message=f"b{n}"))
        await desk.turn(answer)
    await desk.rings("burst", answer=answer)
    [texts] = asked
    assert texts == ("My account was hacked", *(f"more {n:03}" for n in range(150)))


@pytest.mark.long
async def test_a_burst_of_one_customer_keeps_no_other_customer_of_the_account_waiting(desk: Bench) -> None:
    desk.customer_per_minute, desk.account_per_minute = ALLOWED, 4 * ALLOWED
    await write(desk, range(100))
    await desk.deliver()
    await desk.say("My first question", "noor")
    assert len(to_customers(await desk.deliver())) == 1


@pytest.mark.long
async def test_files_of_a_burst_that_is_over_are_shown_although_another_has_begun(desk: Bench) -> None:
    conversation = await limited(desk)
    await write(desk, range(1, 7))
    photo = Attachment(kind=AttachmentKind.PHOTO, ref="f1", name="photo.jpg")
    await desk.say(Said("a photo", (photo,)), message="photo")
    await stored(desk, await desk.view(conversation), "a photo")
    await desk.turn()
    await desk.execute("delete from timers where kind = 'burst' and subject = 'files'")
    await desk.rings("burst")
    await write(desk, range(10, 12))
    await desk.execute(
        "insert into timers (conversation_id, kind, subject, due_at) values (:id, 'burst', 'files', now())",
        id=conversation,
    )
    await desk.deliver()
    await desk.rings("burst")
    posts = [one.operation for one in await desk.deliver() if one.item.kind == "post"]
    assert [a.name for post in posts if isinstance(post, Post) for a in post.attachments] == ["photo.jpg"]


@pytest.mark.long
async def test_files_of_a_burst_that_cannot_be_had_are_counted_and_not_told_of_singly(desk: Bench) -> None:
    conversation = await limited(desk)
    await write(desk, range(1, 7))
    for n in range(10):
        photo = Attachment(kind=AttachmentKind.PHOTO, ref=f"f{n}", name=f"photo-{n}.jpg")
        await desk.say(Said(f"photo {n}", (photo,)), message=f"photo-{n}")
    await desk.deliver()
    view = await desk.view(conversation)
    for n in range(10):
        await stored(desk, view, f"photo {n}", "refused")
    await desk.turn()
    assert to_rooms(await desk.deliver()) == []
    await desk.rings("burst")
    [told] = to_rooms(await desk.deliver())
    assert "10 more files" in told


async def test_a_post_that_staff_deleted_is_begun_anew(desk: Bench) -> None:
    await limited(desk)
    await write(desk, range(1, 7))
    await desk.deliver()
    await write(desk, range(7, 9))

    def fate(item: Item) -> Result | None:
        return Dead(item, "failed", "send.rejected", "message_not_found") if item.kind == "grow" else None

    await desk.deliver(fate)
    await desk.turn()
    [post] = to_rooms(await desk.deliver())
    assert "line 008" in post
    await write(desk, range(9, 10))
    [post] = grown(await desk.deliver())
    assert "line 009" in post


async def test_changes_of_reachability_in_a_burst_get_no_line_each(desk: Bench) -> None:
    await limited(desk)
    for n in range(20):
        await desk.say(ReachabilityChanged(reachable=bool(n % 2)))
    told = to_rooms(await desk.deliver())
    assert len(told) == ALLOWED + 1
    assert "can be reached again" in told[-1]


def post_of_burst(desk: Bench, *, on: str = "burst-post") -> Callable[[Item], Result | None]:
    """The platform calls the post of a burst so."""

    def fate(item: Item) -> Result | None:
        shows = item.room is not None and "Too much" in getattr(item.operation, "text", "")
        return desk.taken(item, on) if shows else None

    return fate


def no_first_post(item: Item) -> Result | None:
    """Report as the deliverer does where nobody knows whether the post of a burst arrived."""
    if item.kind == "post" and "Too much" in getattr(item.operation, "text", ""):
        return Dead(item, "unknown", "send.interrupted", "interrupted while it was being sent")
    return nothing_to_change(item)


def nothing_to_change(item: Item) -> Result | None:
    if item.kind == "grow" and not item.refs:
        return Dead(item, "withdrawn", "delivery.pointless", "what it belongs to was never delivered")
    return None


async def test_a_first_post_that_perhaps_never_arrived_is_begun_anew(desk: Bench) -> None:
    await limited(desk)
    await write(desk, range(1, 6))
    await desk.deliver()
    await write(desk, range(6, 9))
    await desk.deliver(no_first_post)
    await desk.turn()
    left = await desk.deliver(nothing_to_change)
    [post] = to_rooms(left)
    assert "line 008" in post
    assert "**3** messages" in post
    await write(desk, range(9, 12))
    left = await desk.deliver(nothing_to_change)
    assert to_rooms(left) == []
    assert "line 011" in grown(left)[-1]


async def test_changes_of_a_lost_first_post_make_only_one_new_post(desk: Bench) -> None:
    await limited(desk)
    await write(desk, range(1, 6))
    await desk.deliver()
    await write(desk, range(6, 7))
    lost = [item for item in await desk.claim() if item.kind == "post"]
    await write(desk, range(7, 9))
    await desk.settle(*filter(None, map(no_first_post, lost)))
    await desk.turn()
    left = await desk.deliver(nothing_to_change)
    await desk.turn()
    left += await desk.deliver(nothing_to_change)
    assert ["line 008" in post for post in to_rooms(left)] == [True]


@pytest.mark.long
async def test_a_post_that_can_never_be_changed_is_begun_anew_after_a_pause_and_at_the_end(
    desk: Bench,
) -> None:
    def unchangeable(item: Item) -> Result | None:
        return Dead(item, "failed", "send.rejected", "cant_update") if item.kind == "grow" else None

    async def go_on(numbers: range) -> list[str]:
        await write(desk, numbers)
        told = to_rooms(await desk.deliver(unchangeable))
        await desk.turn()
        return told + to_rooms(await desk.deliver(unchangeable))

    await limited(desk)
    await write(desk, range(1, 7))
    await desk.deliver()
    for n in range(10, 13):
        assert ["Too much" in told for told in await go_on(range(n, n + 1))] == [True]
    assert await go_on(range(20, 50)) == []
    await desk.execute("delete from timers where kind = 'burst' and subject = 'customer'")
    await desk.rings("burst")
    [post] = to_rooms(await desk.deliver(unchangeable))
    assert "line 049" in post
    assert await go_on(range(50, 60)) == []
    await desk.execute("delete from floods")
    await desk.rings("burst")
    [post] = to_rooms(await desk.deliver(unchangeable))
    assert "line 059" in post
    assert "**44** messages" in post


async def test_a_customer_who_opens_the_chat_too_often_at_once_is_greeted_once(desk: Bench) -> None:
    desk.customer_per_minute = ALLOWED
    await desk.hear(*(desk.event(Started("start")) for _ in range(ALLOWED + 5)))
    await desk.turn()
    assert len(to_customers(await desk.deliver())) == 1


@pytest.mark.long
async def test_a_reaction_to_the_post_means_the_newest_line_that_was_not_deleted(desk: Bench) -> None:
    conversation = await limited(desk)
    view = await desk.held(conversation)
    await write(desk, range(1, 12))
    await desk.deliver(post_of_burst(desk))
    await desk.say(Deleted("maya-11"))
    await desk.deliver(post_of_burst(desk))
    await desk.staff(Reacted("burst-post", "👍", added=True), view)
    await desk.undo_is_over()
    left = await desk.deliver(post_of_burst(desk))
    assert [one.operation for one in left if isinstance(one.operation, Emote)] == [Emote("maya-10", "👍")]


@pytest.mark.long
async def test_reactions_and_blocking_are_shown_in_the_post_of_the_burst(desk: Bench) -> None:
    await limited(desk)
    await write(desk, range(1, 10))
    await desk.deliver()
    for emoji in ("👍", "🎉", "👎"):
        await desk.say(Reacted("maya-2", emoji, added=True))
    await desk.say(ReachabilityChanged(reachable=False))
    left = await desk.deliver()
    assert to_rooms(left) == []
    [post] = grown(left)
    assert "👎 **Maya** reacted to “line 002”. _The last of 3 times._" in post
    assert "has blocked us" in post


@pytest.mark.long
async def test_changes_of_more_lines_than_are_shown_are_counted(desk: Bench) -> None:
    await escalated(desk)
    desk.customer_per_minute = 30
    await write(desk, range(1, 31))
    await desk.deliver()
    for n in range(1, 31):
        await desk.say(Edited(f"maya-{n}", f"changed {n:03}"))
    left = await desk.deliver()
    singly = [told for told in to_rooms(left) if "Too much" not in told]
    text = [*to_rooms(left), *grown(left)][-1]
    assert f"changed meanwhile {30 - len(singly)} times" in text
    assert "changed 030" in text


async def test_a_strangers_line_that_stands_by_itself_is_not_told_of_in_the_burst_too(desk: Bench) -> None:
    await limited(desk)
    await write(desk, range(1, 9))
    await desk.hear(desk.event("I am new here", "stranger", chat="maya", sender_role=SenderRole.STRANGER))
    await desk.turn()
    await write(desk, range(9, 12))
    left = await desk.deliver()
    assert [told for told in to_rooms(left) if "I am new here" in told]
    assert "I am new here" not in "".join(told for told in grown(left))


async def test_a_customer_who_asks_again_in_a_flood_of_the_account_keeps_their_turn(desk: Bench) -> None:
    desk.account_per_minute = ALLOWED

    async def asked_at(n: int) -> object:
        await desk.hear(*(desk.event("Hello?", f"robot-{n}-{k}") for k in range(4 * ALLOWED)))
        noor = await desk.say(f"My question {n}", "noor")
        [[due]] = await desk.rows("select due_at from timers where conversation_id = :id", id=noor)
        return due

    assert await asked_at(1) == await asked_at(2) == await asked_at(3)


async def test_a_merged_customer_is_counted_as_one_wherever_they_write(desk: Bench) -> None:
    first, second = await escalated(desk, "maya"), await desk.say("Hi", "maya-wa", on="whatsapp")
    await desk.deliver()
    kept, merged = await desk.customer_of(first), await desk.customer_of(second)
    async with desk.database.begin() as connection:
        await merge(connection, new_id(), desk.tenant, kept=kept, merged=merged, by="test", how="test")
    desk.customer_per_minute = 2 * ALLOWED
    for n in range(ALLOWED):
        await desk.say(f"by WhatsApp {n}", "maya-wa", on="whatsapp")
    await write(desk, range(ALLOWED + 2))
    assert any("Too much" in told for told in to_rooms(await desk.deliver()))


# --- what is tried again


async def retried(desk: Bench, kind: str, wait: Callable[[], Awaitable[None]]) -> None:
    """One is claimed, its next one waits meanwhile, and the platform asks to come again later."""
    [first] = [item for item in await desk.claim() if item.kind == kind]
    await wait()
    await desk.settle(Later(first, timedelta(), "send.rate_limited", "slowly", counts=False))
    left = await shown(desk)
    assert [one for _, one in left if one == kind] == [kind, kind]
    assert await desk.rows("select 1 from outbox where state in ('waiting', 'sending')") == []


async def test_a_post_that_grows_is_tried_again_although_a_newer_change_waits(desk: Bench) -> None:
    await limited(desk)
    await write(desk, range(1, 7))
    await desk.deliver()
    await write(desk, range(7, 8))
    await retried(desk, "grow", lambda: write(desk, range(8, 9)))


async def test_a_card_is_tried_again_although_a_newer_one_waits(desk: Bench) -> None:
    view = await desk.held(await escalated(desk))
    await desk.take_over(view, CARLA)
    card: Item | None = None
    while card is None:
        for item in await desk.claim():
            card = item if item.kind == "card" else card
            if item.kind != "card":
                await desk.settle(desk.taken(item))
    await desk.take_over(view, HUGO)
    await desk.settle(Later(card, timedelta(), "send.rate_limited", "slowly", counts=False))
    left = await shown(desk)
    assert [kind for _, kind in left].count("card") == 2
    assert await desk.rows("select 1 from outbox where state in ('waiting', 'sending')") == []


async def test_a_claimed_change_is_given_back_although_a_newer_one_waits(desk: Bench) -> None:
    await limited(desk)
    await write(desk, range(1, 7))
    await desk.deliver()
    await write(desk, range(7, 8))
    items = await desk.claim()
    await write(desk, range(8, 9))
    async with desk.database.begin() as connection:
        await desk.outbox.unclaim(connection, items)
    assert len(grown(await desk.deliver())) == 2


async def test_a_failed_change_can_be_sent_again_although_a_newer_one_waits(desk: Bench) -> None:
    await limited(desk)
    await write(desk, range(1, 7))
    await desk.deliver()
    await write(desk, range(7, 8))
    [item] = await desk.claim()
    await desk.settle(Dead(item, "failed", "send.rejected", "no"))
    await write(desk, range(8, 9))
    async with desk.database.begin() as connection:
        assert await desk.outbox.again(connection, desk.tenant, item.id)


# --- the card


@pytest.mark.long
async def test_where_free_text_is_taken_for_a_time_a_burst_changes_no_card_until_it_is_over(
    desk: Bench,
) -> None:
    await desk.hear(desk.event("Help!", on="whatsapp"))
    await desk.turn(lambda _: HandOver("A reason.", "why", trigger="security"))
    await desk.deliver()
    desk.customer_per_minute = ALLOWED
    for n in range(1, ALLOWED + 1):
        await desk.say(f"line {n:03}", on="whatsapp", message=f"w-{n}")
    await desk.deliver()
    for n in range(ALLOWED + 1, 30):
        await desk.say(f"line {n:03}", on="whatsapp", message=f"w-{n}")
        assert "card" not in [kind for _, kind in await shown(desk)]
    await desk.rings("burst")
    assert [kind for _, kind in await shown(desk)] == ["card"]


# --- what cannot be shown


async def test_a_post_of_a_burst_that_cannot_be_drawn_is_passed_over_and_people_are_told(
    desk: Bench,
) -> None:
    await limited(desk)
    await write(desk, range(1, 10))
    await desk.hear(desk.event("line 010", message="maya-10"))
    async with desk.database.begin() as connection:
        [(_, view)] = await desk.turns.claim(connection, 50, LEASE)
    broken = tuple(replace(m, attachments=None) if m.text == "line 009" else m for m in view.story)  # type: ignore[arg-type]
    turn = decide_guarded(replace(view, story=broken), desk.rules()).turn
    told = [str(e.operation) for e in turn.effects if isinstance(e, TellRoom)]
    assert any("could not answer" in one for one in told)
    assert any("passed over" in reason for _, reason in turn.reasons)
    assert turn.memory.burst is not None
    assert turn.memory.burst.over, "the next post tells of what comes then"
