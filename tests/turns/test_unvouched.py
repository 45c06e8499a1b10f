"""Mail that nobody vouches for is acknowledged once a day; programs that answer each other stop."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from bot.core.answering import HandOver
from bot.core.conversation import MessageState
from bot.core.errors import Superseded
from bot.core.events import Unsupported, return_address
from bot.core.outbound import Post
from bot.turns.decide import Decision
from storage.database import Database
from storage.loop_guard import KEPT
from storage.retention import delete_loop_guard
from tests.turns.bench import Bench, Left, another, states, to_customers, to_rooms

VERA = "vera@a.example"


@pytest.fixture
async def twin(desk: Bench) -> AsyncIterator[Bench]:
    """A second process."""
    database = Database(desk.database.url, pool=4)
    yield await another(database)
    await database.close()


async def forged(desk: Bench, text: str = "Buy", who: str = VERA, **more: object) -> list[Left]:
    """Heard, dealt with, and whatever leaves for it."""
    given = {"on": "email", "chat": f"of {who}", "shared": True, "verified": False} | more
    await desk.say(text, who, **given)  # type: ignore[arg-type]
    return await desk.deliver()


def asked(_: Decision) -> HandOver:
    raise AssertionError("an agent is asked about mail that nobody vouches for")


async def test_an_unverified_mail_is_acknowledged_in_our_own_words_and_asks_no_agent(desk: Bench) -> None:
    event = desk.event("Buy", VERA, on="email", shared=True, verified=False)
    await desk.hear(event)
    await desk.turn(asked)
    left = await desk.deliver()
    [post] = [one.operation for one in left if one.item.kind == "post" and one.item.room is None]
    assert isinstance(post, Post)
    assert post.subject
    assert "Buy" not in post.subject + post.text
    assert any("Buy" in text for text in to_rooms(left))


async def test_only_one_of_two_processes_acknowledges_a_mail(desk: Bench, twin: Bench) -> None:
    """Both decide before either commits: from two places, as two mailboxes of ours have."""
    for one, chat in ((desk, "a"), (twin, "b")):
        await one.hear(one.event("Buy", VERA, on="email", chat=chat, shared=True, verified=False))
    first, second = await desk.decided(asked)
    await desk.commit(first[1])
    with pytest.raises(Superseded):
        await twin.commit(second[1])
    await desk.execute("update conversations set lease_until = null")
    await twin.turn(asked)
    assert len(to_customers(await desk.deliver())) == 1
    assert await desk.rows("select count(*) from escalations") == [(2,)], "both are shown to people"


async def test_the_next_day_one_more_leaves(desk: Bench) -> None:
    assert to_customers(await forged(desk))
    await desk.execute("update conversations set status = 'resolved', owner_kind = 'agent'")
    assert not to_customers(await forged(desk, chat="another"))
    await desk.execute("""
        update loop_guard set replied = array(select at - interval '1 day' from unnest(replied) at),
            last_at = last_at - interval '1 day'
    """)
    assert to_customers(await forged(desk, chat="a third"))


async def test_a_whole_domain_hears_from_us_five_times_a_day(desk: Bench) -> None:
    sent = [text for n in range(8) for text in to_customers(await forged(desk, who=f"v{n}@a.example"))]
    assert len(sent) == 5
    assert to_customers(await forged(desk, who="v@b.example")), "others are none of its business"


async def test_a_mail_that_cannot_be_acknowledged_is_shown_to_people_alone(desk: Bench) -> None:
    """Nobody knows whom a mail is from, or its address has something to say to the owner of the mailbox."""
    nobody = {"returns": return_address("", verified=False), "reply_context": ""}
    left = [
        *await forged(desk, "Help", "unknown", **nobody),
        *await forged(desk, who="vera+claim.it@a.example"),
    ]
    assert to_customers(left) == []
    assert await desk.rows("select count(*) from escalations") == [(2,)]
    assert any("Help" in text for text in to_rooms(left))


async def test_nothing_automatic_leaves_after_the_acknowledgement_until_they_have_answered(
    desk: Bench,
) -> None:
    await forged(desk)
    [[id_]] = await desk.rows("select id from conversations")
    view = await desk.view(id_)  # type: ignore[arg-type]
    view = await desk.held(view.conversation.id)
    await desk.staff("We will look into it", view, ref="s1")
    await desk.undo_is_over()
    assert to_customers(await desk.deliver()) == ["We will look into it"], "a person decides for themselves"
    await desk.press("resolve", view)
    await desk.undo_is_over()
    assert to_customers(await desk.deliver()) == []
    text = desk.organization.policies.texts["en"].resolved or "We have marked this as solved."
    closing = [m for m in (await desk.view(view.conversation.id)).story if m.text.startswith(text[:20])]
    assert [m.state for m in closing] == [MessageState.WITHDRAWN]


async def test_a_reply_with_our_token_is_answered_by_agents_and_a_forged_one_is_not(
    desk: Bench,
) -> None:
    confirmed = return_address(VERA, verified=True)
    first = await forged(desk, "Hello", returns=confirmed, reply_context="to Vera")
    assert to_customers(first) == ["An answer."]
    left = await forged(desk, "Forged", reply_context="by Eve")
    assert "An answer." not in to_customers(left)
    assert {one.item.context for one in left if one.item.room is None} == {"to Vera"}
    assert any("Forged" in text for text in to_rooms(left)), "people read it"
    [[id_]] = await desk.rows("select id from conversations")
    view = await desk.view(id_)  # type: ignore[arg-type]
    assert view.conversation.return_verified
    view = await desk.held(view.conversation.id)
    await desk.staff("To Vera", view, ref="s1")
    await desk.undo_is_over()
    [answer] = [one for one in await desk.deliver() if one.text == "To Vera"]
    assert answer.item.context == "to Vera", "not as the forged mail would have it"


async def test_an_unreadable_unverified_mail_is_shown_to_people_too(desk: Bench) -> None:
    nobody = {"returns": return_address(VERA, verified=False), "reply_context": "to Vera", "message": "m"}
    left = await forged(desk, Unsupported("mail_too_large"), **nobody)  # type: ignore[arg-type]
    assert len(to_customers(left)) == 1
    assert await desk.rows("select count(*) from escalations") == [(1,)]


async def test_a_program_that_begins_a_thread_with_each_mail_is_answered_so_often(
    desk: Bench, twin: Bench
) -> None:
    """Whichever process answers, in whatever conversation; what a person writes always goes."""
    cap = desk.organization.policies.automatic_replies_per_hour
    sent: list[str] = []
    for n in range(cap + 3):
        process = (desk, twin)[n % 2]
        await process.say(
            f"Ticket {n}", "Bot+x@b.example" if n % 2 else "bot@b.example", on="email", chat=f"t{n}"
        )
        sent += to_customers(await desk.deliver())
    assert len(sent) == cap
    id_ = await desk.say("Ticket", "bot@b.example", on="email", chat="t0")
    view = await desk.view(id_)
    assert states(view, "Ticket") == [MessageState.RECEIVED]
    other = await desk.say("A question", "maya@b.example", on="email", chat="other")
    assert to_customers(await desk.deliver()) == ["An answer."], "their colleague is somebody else"
    assert other != id_


async def test_answers_that_race_stay_within_the_limit(desk: Bench, twin: Bench) -> None:
    cap = desk.organization.policies.automatic_replies_per_hour
    for n in range(cap + 1):
        await desk.hear(desk.event(f"Ticket {n}", "bot@b.example", on="email", chat=f"t{n}", shared=True))
    decided = await desk.decided()
    assert len(decided) == cap + 1
    outcomes = await asyncio.gather(
        *((desk, twin)[n % 2].commit(commit) for n, (_, commit) in enumerate(decided)), return_exceptions=True
    )
    assert sorted(str(type(outcome).__name__) for outcome in outcomes) == ["Superseded", *["str"] * cap]


async def test_no_address_is_kept_and_what_was_counted_goes(desk: Bench) -> None:
    await forged(desk)
    rows = str(await desk.rows("select * from loop_guard"))
    assert "vera" not in rows.lower()
    async with desk.database.begin() as connection:
        [[now]] = await desk.rows("select now() + interval '1 minute'")
        assert await delete_loop_guard(connection, now - KEPT, 100) == 0  # type: ignore[operator]
        assert await delete_loop_guard(connection, now, 100) == 2  # type: ignore[arg-type]
