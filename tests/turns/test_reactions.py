"""Reactions of staff to a customer's message: which emoji leaves, when, and what the room shows of it."""

from dataclasses import replace

import pytest

from bot.core.answering import HandOver
from bot.core.conversation import View
from bot.core.events import Deleted, Reacted, SenderRole
from bot.core.outbound import Emote, Mark, React, Whisper
from orgs.documents import from_document, to_document
from storage.delivery_outcomes import Dead, Result
from storage.outbox_items import Item
from tests.turns.bench import CARLA, HUGO, Bench, Left, to_rooms

LINE = "line-1"  # shows the customer's message in the room


async def taken(desk: Bench, on: str = "telegram") -> View:
    """Hugo speaks, and the room shows one more message of the customer."""
    accepted = await desk.hear(desk.event("Help!", on=on))
    await desk.turn(lambda _: HandOver("A reason.", "why", trigger="security"))
    view = await desk.held(accepted.wakes[0].conversation)
    await desk.say("Thank you!", on=on, message="c2")

    def fate(item: Item) -> Result | None:
        shows = item.room is not None and "Thank you!" in getattr(item.operation, "text", "")
        return desk.taken(item, LINE) if shows else None

    await desk.deliver(fate)
    return view


def emotes(left: list[Left]) -> list[Emote]:
    return [one.operation for one in left if isinstance(one.operation, Emote)]


def marks(left: list[Left]) -> list[Mark | None]:
    reactions = [one.operation for one in left if isinstance(one.operation, React)]
    assert all(reaction.message == LINE for reaction in reactions)
    return [reaction.mark for reaction in reactions]


async def after_the_undo(desk: Bench) -> list[Left]:
    left = await desk.deliver()
    assert not emotes(left), "nothing leaves before the undo is over"
    await desk.undo_is_over()
    left += await desk.deliver()
    await desk.turn()
    return [*left, *await desk.deliver()]


@pytest.mark.long
@pytest.mark.parametrize(("put", "leaves"), [("👍", "👍"), ("👍🏽", "👍"), ("❤", "❤️"), ("🙏🏿", "🙏")])
async def test_a_listed_emoji_of_the_holder_leaves_after_the_undo(desk: Bench, put: str, leaves: str) -> None:
    view = await taken(desk)
    await desk.staff(Reacted(LINE, put, added=True), view)
    left = await after_the_undo(desk)
    assert emotes(left) == [Emote("c2", leaves)]
    assert marks(left) == [Mark.WAITING, Mark.DELIVERED]


@pytest.mark.long
@pytest.mark.parametrize(
    ("listed", "leaves"),
    [(None, ["👍", "❤️", "🙏", "🎉"]), (["✅"], ["✅"]), ([], [])],
    ids=["none", "another", "an empty one"],
)
async def test_the_organization_file_lists_them_or_a_short_list_is_meant(
    desk: Bench, listed: list[str] | None, leaves: list[str]
) -> None:
    document: dict[str, object] = dict(to_document(desk.organization))
    policies = {**document["policies"], "reactions": listed}  # type: ignore[dict-item]
    if listed is None:
        del policies["reactions"]
    desk.organization = from_document(document | {"policies": policies})  # type: ignore[arg-type]
    view = await taken(desk)
    for emoji in ("👍", "❤️", "🙏", "🎉", "✅", "😡"):
        await desk.staff(Reacted(LINE, emoji, added=True), view)
        left = emotes(await after_the_undo(desk))
        assert left == ([Emote("c2", emoji)] if emoji in leaves else [])


@pytest.mark.long
@pytest.mark.parametrize(
    ("put", "who"), [("😡", HUGO), ("👀", HUGO), ("custom:77", HUGO), (":shipit:", HUGO), ("👍", CARLA)]
)
async def test_an_unlisted_emoji_and_one_of_a_colleague_stay_inside(desk: Bench, put: str, who: str) -> None:
    view = await taken(desk)
    await desk.staff(Reacted(LINE, put, added=True), view, who=who)
    assert not await after_the_undo(desk)


async def test_a_listed_emoji_on_any_other_line_of_ours_gets_one_word_of_where_to_react(desk: Bench) -> None:
    accepted = await desk.hear(desk.event("Help!"))
    await desk.turn(lambda _: HandOver("A reason.", "why", trigger="security"))
    view = await desk.held(accepted.wakes[0].conversation)
    for line, put, who in (("story", "😡", HUGO), ("story", "👍", CARLA), ("story", "👎", HUGO)):
        await desk.staff(Reacted(line, put, added=True), view, who=who)
        assert not await after_the_undo(desk), "staff's own"
    await desk.staff(Reacted("story", "👍🏽", added=True), view)
    [told] = await after_the_undo(desk)
    assert isinstance(told.operation, Whisper)
    assert told.operation.person == HUGO
    assert "👍 stays inside: this line is no single message of Maya. React to one of" in told.operation.text
    await desk.staff(Reacted("story", "👍", added=False), view)
    await desk.staff(Reacted("card", "🙏", added=True), view)
    assert not await after_the_undo(desk), "told once"


async def test_where_the_channel_has_no_reactions_nobody_is_told_where_to_react(desk: Bench) -> None:
    view = await taken(desk, on="email")
    await desk.staff(Reacted("story", "👍", added=True), view)
    assert not await after_the_undo(desk)


async def test_a_reaction_removed_within_the_undo_is_taken_back(desk: Bench) -> None:
    view = await taken(desk)
    await desk.staff(Reacted(LINE, "👍", added=True), view)
    await desk.staff(Reacted(LINE, "👍", added=False), view)
    left = await after_the_undo(desk)
    assert not emotes(left)
    assert marks(left) == [Mark.WAITING, Mark.WITHDRAWN]


async def test_a_reaction_removed_later_is_removed_for_the_customer(desk: Bench) -> None:
    view = await taken(desk)
    await desk.staff(Reacted(LINE, "👍", added=True), view)
    await after_the_undo(desk)
    await desk.staff(Reacted(LINE, "❤️", added=False), view)
    assert not await desk.deliver(), "another one than that which left"
    await desk.staff(Reacted(LINE, "👍", added=False), view)
    left = await desk.deliver()
    assert emotes(left) == [Emote("c2", "")]
    assert marks(left) == [Mark.WITHDRAWN]


async def test_only_the_newer_of_two_reactions_leaves(desk: Bench) -> None:
    view = await taken(desk)
    await desk.staff(Reacted(LINE, "👍", added=True), view)
    await desk.staff(Reacted(LINE, "🎉", added=True), view)
    assert emotes(await after_the_undo(desk)) == [Emote("c2", "🎉")]


LOST = ("take", "resolve", "return")


async def lost(desk: Bench, view: View, how: str) -> None:
    """Hugo speaks no longer: Carla takes it over, or he closes it."""
    if how == "take":
        after = await desk.take_over(view, CARLA)
        assert after.conversation.owner.name == "carla"
    else:
        await desk.press(how, view)
        assert (await desk.view(view.conversation.id)).escalation is None


@pytest.mark.long
@pytest.mark.parametrize("how", LOST)
async def test_a_former_holder_can_still_take_back_a_waiting_reaction(desk: Bench, how: str) -> None:
    view = await taken(desk)
    await desk.staff(Reacted(LINE, "👍", added=True), view)
    await lost(desk, view, how)
    assert marks(await desk.deliver()) == [Mark.WAITING], "it keeps its full time"
    await desk.staff(Reacted(LINE, "👍", added=False), view, who=CARLA)
    assert not marks(await desk.deliver()), "it is not hers"
    await desk.staff(Reacted(LINE, "👍", added=False), view)
    left = await after_the_undo(desk)
    assert (emotes(left), marks(left)) == ([], [Mark.WITHDRAWN])


@pytest.mark.long
@pytest.mark.parametrize("how", LOST)
async def test_a_reaction_leaves_also_after_its_author_lost_the_conversation(desk: Bench, how: str) -> None:
    view = await taken(desk)
    await desk.staff(Reacted(LINE, "👍", added=True), view)
    await lost(desk, view, how)
    await desk.staff(Reacted(LINE, "👍", added=False), view, who=CARLA)
    await desk.staff(Reacted(LINE, "🎉", added=True), view)
    left = await after_the_undo(desk)
    assert (emotes(left), marks(left)) == ([Emote("c2", "👍")], [Mark.WAITING, Mark.DELIVERED])


@pytest.mark.long
@pytest.mark.parametrize("how", LOST)
async def test_a_former_holder_can_still_remove_a_reaction_that_has_left(desk: Bench, how: str) -> None:
    view = await taken(desk)
    await desk.staff(Reacted(LINE, "👍", added=True), view)
    await after_the_undo(desk)
    await lost(desk, view, how)
    await desk.deliver()
    await desk.staff(Reacted(LINE, "👍", added=False), view, who=CARLA)
    assert not await desk.deliver(), "it is not hers"
    await desk.staff(Reacted(LINE, "👍", added=False), view)
    left = await desk.deliver()
    assert emotes(left) == [Emote("c2", "")]
    assert marks(left) == [Mark.WITHDRAWN]


async def test_nothing_leaves_for_a_message_that_its_writer_deleted(desk: Bench) -> None:
    view = await taken(desk)
    await desk.staff(Reacted(LINE, "👍", added=True), view)
    await desk.say(Deleted("c2"))
    assert not emotes(await after_the_undo(desk))


async def test_nothing_leaves_where_the_channel_has_no_reactions(desk: Bench) -> None:
    view = await taken(desk, on="email")
    await desk.staff(Reacted(LINE, "👍", added=True), view)
    assert not await after_the_undo(desk)


@pytest.mark.parametrize("sender_role", [SenderRole.INSIDER, SenderRole.STRANGER])
async def test_a_reaction_to_another_writer_in_the_customers_thread_stays_inside(
    desk: Bench, sender_role: SenderRole
) -> None:
    on = "slack-customers"
    desk.capabilities[on] = replace(desk.capabilities[on], reacts=True)
    there = {"on": on, "chat": "C1", "thread": "1.0", "shared": True}
    accepted = await desk.hear(desk.event("Help!", **there))  # type: ignore[arg-type]
    await desk.turn(lambda _: HandOver("A reason.", "why", trigger="security"))
    view = await desk.held(accepted.wakes[0].conversation)
    await desk.say("I am here too.", "U2", message="c2", sender_role=sender_role, **there)

    def fate(item: Item) -> Result | None:
        shows = item.room is not None and "I am here too." in getattr(item.operation, "text", "")
        return desk.taken(item, LINE) if shows else None

    await desk.deliver(fate)
    await desk.staff(Reacted(LINE, "👍", added=True), view)
    [told] = await after_the_undo(desk)
    assert isinstance(told.operation, Whisper)


async def test_a_reaction_that_fails_is_told_in_the_room(desk: Bench) -> None:
    view = await taken(desk)
    await desk.staff(Reacted(LINE, "👍", added=True), view)
    await desk.undo_is_over()
    await desk.deliver(
        lambda item: (
            Dead(item, "failed", "send.refused", "REACTION_INVALID") if item.kind == "emote" else None
        )
    )
    await desk.turn()
    left = await desk.deliver()
    assert marks(left) == [Mark.FAILED]
    assert to_rooms(left) == ["❌ 👍 did not reach Maya: REACTION_INVALID"]
