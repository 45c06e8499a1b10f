"""Many messages whose fate nobody knows: one notice for their team, and one button that sends them again."""

from dataclasses import dataclass, field

from bot.core.events import SEND_ALL, Event, Tapped
from bot.core.ids import ConversationId
from bot.core.outbound import Post, Whisper
from bot.rooms.notices import notice_post
from storage.delivery_outcomes import Dead, Result
from storage.erased import erase
from storage.outbox_items import Item
from tests.turns.bench import Bench

NONE_LEFT = (
    "Nothing was sent now: none of these messages is in doubt any more. The notice says how they stand."
)


@dataclass
class Platform:
    """Takes what it is given. While it is `broken`, nobody knows what became of words to customers."""

    broken: bool = True
    notices: list[Post] = field(default_factory=list)
    posted: list[Item] = field(default_factory=list)
    customers: list[str] = field(default_factory=list)  # the text of what arrived
    whispers: list[tuple[str, str]] = field(default_factory=list)  # to whom, and what

    def __call__(self, item: Item) -> Result | None:
        if isinstance(item.operation, Whisper):
            self.whispers.append((item.operation.person, item.operation.text))
        elif item.notice is not None:
            self.notices.append(notice_post(item.notice))
            self.posted.append(item)
        elif item.room is None and item.direct is None and isinstance(item.operation, Post):
            if self.broken:
                return Dead(item, "unknown", "send.interrupted", "interrupted while it was being sent")
            self.customers.append(item.place.chat)
        return None


async def in_doubt(desk: Bench, platform: Platform, count: int) -> list[ConversationId]:
    """So many customers asked, and nobody knows whether they have their answers."""
    asked = [await desk.say("How do I invite my team?", f"c{n}") for n in range(count)]
    await desk.deliver(platform)
    await desk.turn()
    await desk.deliver(platform)
    assert not platform.notices, "a moment is waited for others"
    await clocks(desk, "in_doubt")
    platform.broken = False
    await desk.deliver(platform)
    return asked


async def clocks(desk: Bench, kind: str) -> None:
    await desk.execute("update timers set due_at = now() - interval '1 second' where kind = :kind", kind=kind)
    await desk.execute("""
        update conversations set wake_at = now() - interval '1 second'
        where id in (select conversation_id from timers where due_at < now())
    """)
    await desk.turn()


async def press(desk: Bench, platform: Platform, who: str) -> None:
    await desk.hear(pressed(desk, platform, who))
    await desk.turn()
    await desk.deliver(platform)


def pressed(desk: Bench, platform: Platform, who: str) -> Event:
    """Return a press on the last button that was shown."""
    button = next(post for post in reversed(platform.notices) if post.buttons).buttons[0]
    place = platform.posted[0].place
    tap = Tapped(SEND_ALL, button.value, button.label, "p1")
    return desk.event(tap, who, on=place.account, chat=place.chat, thread="p1")


async def a_member(desk: Bench) -> str:
    [[team]] = await desk.rows("select team from notices")
    members = next(t for t in desk.organization.teams if t.id == team).people
    return next(p.slack for p in desk.organization.people if p.id in members and p.slack)


async def rooms(desk: Bench) -> int:
    [[count]] = await desk.rows("select count(*) from rooms")
    assert isinstance(count, int)
    return count


async def test_many_in_doubt_are_one_notice_and_no_room(desk: Bench) -> None:
    platform = Platform()
    await in_doubt(desk, platform, 14)
    assert await rooms(desk) == 0
    assert len({item.notice.id for item in platform.posted if item.notice}) == 1
    assert {item.card for item in platform.posted} == {""}, "posted once"
    assert "14 messages reached their customers" in platform.notices[-1].text
    assert "and 4 more" in platform.notices[-1].text


async def test_few_in_doubt_have_a_room_each(desk: Bench) -> None:
    platform = Platform()
    await in_doubt(desk, platform, 3)
    assert await rooms(desk) == 3
    assert not platform.notices


async def test_the_button_sends_each_again_once_however_often_it_is_pressed(desk: Bench) -> None:
    platform = Platform()
    await in_doubt(desk, platform, 5)
    who = await a_member(desk)
    await press(desk, platform, who)
    await press(desk, platform, who)
    assert sorted(platform.customers) == [f"c{n}" for n in range(5)]
    assert platform.notices[-1].text.endswith(": 5.")
    assert not platform.notices[-1].buttons
    assert platform.posted[-1].card, "the notice itself is changed"
    await clocks(desk, "noticed")
    assert await rooms(desk) == 0


async def test_two_presses_at_once_send_once_and_the_second_is_told_so(desk: Bench) -> None:
    platform = Platform()
    await in_doubt(desk, platform, 4)
    who = await a_member(desk)
    await desk.hear(*(pressed(desk, platform, who) for _ in range(2)))
    await desk.turn()
    await desk.deliver(platform)
    assert sorted(platform.customers) == [f"c{n}" for n in range(4)]
    assert platform.whispers == [(who, "This changed while you pressed. The notice says how it stands.")]


async def test_a_press_that_is_redelivered_sends_nothing_that_was_listed_since(desk: Bench) -> None:
    platform = Platform()
    asked = await in_doubt(desk, platform, 5)
    await desk.execute("update outbox set state = 'sending' where conversation_id = :id", id=asked[4])
    event = pressed(desk, platform, await a_member(desk))
    await desk.hear(event)
    await desk.turn()
    await desk.execute("update outbox set state = 'unknown' where conversation_id = :id", id=asked[4])
    assert (await desk.hear(event)).fresh == 0
    await desk.turn()
    await desk.deliver(platform)
    assert sorted(platform.customers) == [f"c{n}" for n in range(4)]
    assert not platform.whispers


async def test_a_customer_who_had_another_answer_meanwhile_is_sent_nothing_again(desk: Bench) -> None:
    platform = Platform()
    await in_doubt(desk, platform, 4)
    await desk.say("Hello?", "c2")
    await desk.deliver(platform)
    assert platform.customers == ["c2"]
    await press(desk, platform, await a_member(desk))
    assert sorted(platform.customers) == ["c0", "c1", "c2", "c3"]
    assert ": 3. Not sent, as the customer had another answer meanwhile: 1." in platform.notices[-1].text


async def test_only_the_team_may_press_the_button_of_the_notice(desk: Bench) -> None:
    platform = Platform()
    await in_doubt(desk, platform, 4)
    await press(desk, platform, "U0STRANGER")
    [[team]] = await desk.rows("select team from notices")
    other = next(
        p.slack
        for p in desk.organization.people
        if p.slack
        and not {"supervisor", "admin"} & set(p.roles)
        and p.id not in next(t for t in desk.organization.teams if t.id == team).people
    )
    await press(desk, platform, other)
    assert not platform.customers
    assert platform.notices[-1].buttons
    assert platform.whispers == [
        ("U0STRANGER", "You are not named in the organization file, so you cannot act here."),
        (other, "Only Tier 1 Support and supervisors can do this."),
    ]


async def test_a_notice_that_nobody_answers_in_time_becomes_rooms(desk: Bench) -> None:
    platform = Platform()
    await in_doubt(desk, platform, 4)
    await clocks(desk, "noticed")
    assert await rooms(desk) == 4


async def test_the_notice_counts_what_fails_again_apart(desk: Bench) -> None:
    platform = Platform()
    await in_doubt(desk, platform, 5)

    def fate(item: Item) -> Result | None:
        known = platform(item)
        gone = item.kind == "post" and item.room is None and item.place.chat in ("c1", "c2")
        return Dead(item, "failed", "send.unreachable", "blocked", unreachable=True) if gone else known

    button, place = platform.notices[-1].buttons[0], platform.posted[0].place
    tap = Tapped(SEND_ALL, button.value)
    await desk.hear(desk.event(tap, await a_member(desk), on=place.account, chat=place.chat))
    await desk.turn()
    await desk.deliver(fate)
    await desk.turn()
    await desk.deliver(fate)
    assert platform.notices[-1].text.endswith(": 3. Not delivered again: 2.")


async def test_a_message_delivered_by_a_worker_believed_dead_is_not_sent_again_or_shown(desk: Bench) -> None:
    platform = Platform()
    asked = await in_doubt(desk, platform, 5)
    await desk.execute(
        "update outbox set state = 'delivered', error = null"
        " where state = 'unknown' and conversation_id = :id",
        id=asked[0],
    )
    await press(desk, platform, await a_member(desk))
    assert sorted(platform.customers) == [f"c{n}" for n in range(1, 5)]
    assert "Arrived after all, and not sent again: 1." in platform.notices[-1].text
    await clocks(desk, "noticed")
    assert await rooms(desk) == 0


async def test_nobody_is_called_for_messages_that_a_worker_believed_dead_had_delivered(desk: Bench) -> None:
    platform = Platform()
    await in_doubt(desk, platform, 4)
    await desk.execute("update outbox set state = 'delivered', error = null where state = 'unknown'")
    await clocks(desk, "noticed")
    assert await rooms(desk) == 0


async def test_a_notice_whose_customers_were_erased_asks_nobody_any_more(desk: Bench) -> None:
    platform = Platform()
    for conversation in await in_doubt(desk, platform, 4):
        customer = await desk.customer_of(conversation)
        async with desk.database.begin() as connection:
            await erase(connection, desk.keys, desk.inboxes, desk.tenant, customer)
    await desk.turn()
    await desk.deliver(platform)
    assert platform.notices[-1].text == "✅ No message of these is in doubt any more."
    assert not platform.notices[-1].buttons
    who = await a_member(desk)
    await press(desk, platform, who)
    assert platform.whispers == [(who, NONE_LEFT)]


async def test_a_notice_whose_messages_have_rooms_by_now_asks_nobody_any_more(desk: Bench) -> None:
    platform = Platform()
    await in_doubt(desk, platform, 4)
    await clocks(desk, "noticed")
    await desk.deliver(platform)
    assert await rooms(desk) == 4
    assert not platform.notices[-1].buttons
    told, who = len(platform.customers), await a_member(desk)
    await press(desk, platform, who)
    assert platform.whispers == [(who, NONE_LEFT)]
    assert len(platform.customers) == told


async def test_a_second_press_on_the_notice_shows_how_it_stands(desk: Bench) -> None:
    platform = Platform()
    await in_doubt(desk, platform, 4)
    who = await a_member(desk)
    await press(desk, platform, who)
    drawn = len(platform.notices)
    await press(desk, platform, who)
    assert len(platform.notices) == drawn + 1
    assert platform.notices[-1].text.endswith(": 4.")
    assert platform.whispers == [(who, NONE_LEFT)]
    assert sorted(platform.customers) == [f"c{n}" for n in range(4)]
