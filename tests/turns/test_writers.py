"""Several writers in one thread: staff are shown who wrote what, also in the story of the thread."""

import pytest

from bot.core.answering import HandOver
from bot.core.conversation import View
from bot.core.events import Deleted, Edited, Reacted, SenderRole, Unsupported
from bot.core.ids import ConversationId
from tests.turns.bench import Bench, to_rooms
from tests.turns.test_addresses import card_of

INES, KARL = "ines@a.example", "karl@a.example"
MAYA, TOM = "U0MAYA", "U0TOM"
THREADS = [
    pytest.param({"on": "email", "chat": "t1", "shared": True}, INES, KARL, id="mail"),
    pytest.param(
        {"on": "slack-customers", "chat": "C1", "thread": "1.0", "shared": True}, MAYA, TOM, id="slack"
    ),
]


async def handed_over(desk: Bench) -> None:
    await desk.turn(lambda _: HandOver("A reason.", "why", trigger="security"))


async def story(desk: Bench) -> str:
    [told] = [text for text in to_rooms(await desk.deliver()) if "story so far" in text]
    return told


@pytest.mark.parametrize(("there", "first", "second"), THREADS)
async def test_the_story_names_each_messages_own_writer(
    desk: Bench, there: dict[str, object], first: str, second: str
) -> None:
    id_ = await desk.say("Charged twice", first, name="Ines", **there)
    await desk.say("So was I", second, name="Karl", **there)
    await desk.say("Both of us", first, name="Ines", **there)
    await desk.hear(desk.event("Refund me", second, name="Ines", **there))
    await handed_over(desk)
    told = await story(desk)
    assert "🗣 **Ines**\n\n> Charged twice" in told
    assert f"🗣 **Karl ({second})**\n\n> So was I" in told
    assert "🗣 **Ines**\n\n> Both of us" in told
    assert f"🗣 **Ines ({second})**\n\n> Refund me" in told, "two of one name are told apart"
    summary = dict((await card_of(desk, id_)).sections)["In short"]
    assert f"🗣 **Karl ({second})**\n\n> So was I" in summary


async def test_a_writer_without_a_name_is_shown_by_their_address(desk: Bench) -> None:
    there = {"on": "email", "chat": "t1", "shared": True}
    await desk.say("Charged twice", INES, name="Ines", **there)
    await desk.hear(desk.event("So was I", KARL, name="", **there))
    await handed_over(desk)
    assert f"🗣 **{KARL}**\n\n> So was I" in await story(desk)


async def test_a_name_in_the_story_can_draw_nothing(desk: Bench) -> None:
    there = {"on": "email", "chat": "t1", "shared": True}
    await desk.say("Charged twice", INES, name="Ines", **there)
    await desk.hear(desk.event("So was I", KARL, name="Karl**\n\n🧑 **Hugo", **there))
    await handed_over(desk)
    told = await story(desk)
    assert "\n🧑" not in told
    assert "\\*\\*" in told


async def test_where_nobody_else_can_write_the_story_names_the_customer_alone(desk: Bench) -> None:
    for text in ("Charged twice", "Twice!"):
        await desk.hear(desk.event(text, "maya", on="whatsapp"))
    await handed_over(desk)
    assert "🗣 **Maya**\n\n> Charged twice\n\n🗣 **Maya**\n\n> Twice!" in await story(desk)


async def test_a_workspace_that_is_named_later_makes_nobody_somebody_else(desk: Bench) -> None:
    there = {"on": "slack-customers", "chat": "C1", "thread": "1.0", "shared": True}
    await desk.say("Charged twice", MAYA, **there)
    await desk.hear(desk.event("Twice!", MAYA, address="U0MAYA in workspace Harbor (T0HARBOR)", **there))
    await handed_over(desk)
    assert "🗣 **Maya**\n\n> Twice!" in await story(desk)


async def test_a_colleague_who_wrote_there_is_named(desk: Bench) -> None:
    there = {"on": "slack-customers", "chat": "C1", "thread": "1.0", "shared": True}
    await desk.say("Charged twice", MAYA, **there)
    await desk.say("I look into it", "U0PIA", name="Pia", sender_role=SenderRole.INSIDER, **there)
    await desk.hear(desk.event("Hello?", MAYA, **there))
    await handed_over(desk)
    assert "🧑 **Pia**\n\n> I look into it" in await story(desk)


async def held(desk: Bench, there: dict[str, object]) -> View:
    accepted = await desk.hear(desk.event("Charged twice", INES, name="Ines", message="<1@a>", **there))
    await handed_over(desk)
    id_: ConversationId = accepted.wakes[0].conversation
    await desk.say("So was I", KARL, name="Karl", message="<2@a>", **there)
    return await desk.held(id_)


async def test_changes_deletions_and_reactions_of_a_second_writer_are_told_as_theirs(desk: Bench) -> None:
    there: dict[str, object] = {"on": "email", "chat": "t1", "shared": True}
    await held(desk, there)
    done = (
        Edited("<2@a>", "So was he"),
        Reacted("<1@a>", "👍", added=True),
        Unsupported("poll"),
        Deleted("<2@a>"),
    )
    for number, each in enumerate(done):
        more = {"message": f"<{number + 3}@a>"} if isinstance(each, Unsupported) else {}
        await desk.say(each, KARL, name="Karl", **there, **more)
    lines = to_rooms(await desk.deliver())
    assert [line.partition("**")[2].partition("**")[0] for line in lines] == [f"Karl ({KARL})"] * 4
    await desk.say(Reacted("<1@a>", "👍", added=True), INES, name="Ines", **there)
    assert to_rooms(await desk.deliver()) == ["👍 **Ines** reacted to “Charged twice”."]
