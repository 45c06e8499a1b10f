"""Long answers in the assistant's pane: streamed, whole, and there exactly once."""

from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.errors import OutcomeUnknown, RateLimited
from bot.core.outbound import Button, Post, Speaker
from connectors.sandbox.fault import Fault, FaultKind
from connectors.slack.streaming import PIECE, pieces

from .conftest import BOT_TOKEN
from .shop import HOME, Shop, a_shop

ANSWER = "**Inviting** people takes three steps. " * 25
STEPS = ("chat.startStream", "chat.appendStream", "chat.stopStream")


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    async with a_shop(token=BOT_TOKEN) as made:
        yield made


async def pane(shop: Shop) -> tuple[str, str]:
    direct, thread = shop.slack.open_pane("ana")
    await shop.slack.settled()
    return f"{HOME}/{direct}", thread


def shown(shop: Shop, where: tuple[str, str]) -> list[str]:
    return [each["text"] for each in shop.slack.messages(where[0].partition("/")[2], where[1])[1:]]


async def test_a_long_answer_is_streamed_and_bears_its_deliverys_name(shop: Shop) -> None:
    where = await pane(shop)
    post = Post(ANSWER, (Button("yes", "1", "Yes"),), speaker=Speaker("Brightdesk", human=False))
    outbound = shop.outbound(post, *where)
    sent = await shop.connector.send(outbound)
    assert shown(shop, where) == [ANSWER.strip()]
    streamed = [call for call in shop.script.calls if "Stream" in call]
    assert (streamed[0], streamed[-1], set(streamed[1:-1])) == (STEPS[0], STEPS[2], {STEPS[1]})
    found = await shop.connector.find(outbound)
    assert found is not None
    assert found.message == sent.message
    (message,) = shop.slack.messages(where[0].partition("/")[2], where[1])[1:]
    assert message["blocks"][-1]["elements"][0]["action_id"] == "yes:0"


async def test_a_short_answer_and_one_outside_of_the_pane_are_not_streamed(shop: Shop) -> None:
    where = await pane(shop)
    await shop.connector.send(shop.outbound(Post("Short"), *where))
    await shop.connector.send(shop.outbound(Post(ANSWER), where[0]))
    assert not [call for call in shop.script.calls if "Stream" in call]


async def test_a_persons_words_are_not_streamed_as_the_stop_button_would_cut_them(shop: Shop) -> None:
    where = await pane(shop)
    await shop.connector.send(shop.outbound(Post(ANSWER, speaker=Speaker("Hugo", human=True)), *where))
    assert not [call for call in shop.script.calls if "Stream" in call]


async def test_where_slack_streams_nothing_the_answer_is_a_message(shop: Shop) -> None:
    direct = shop.slack.open_direct("ana").id
    thread = shop.slack.say("ana", direct, "hello")
    shop.slack.without_streams()
    outbound = shop.outbound(Post(ANSWER), f"{HOME}/{direct}", thread)
    await shop.connector.send(outbound)
    assert await shop.connector.find(outbound)
    assert [call for call in shop.script.calls if call.startswith("chat.")] == [STEPS[0], "chat.postMessage"]


async def test_too_many_streams_wait_as_messages_do(shop: Shop) -> None:
    where = await pane(shop)
    shop.script.faults["chat.startStream"] = [Fault(FaultKind.RATE_LIMITED, 3)]
    with pytest.raises(RateLimited):
        await shop.connector.send(shop.outbound(Post(ANSWER), *where))
    assert shown(shop, where) == []


async def test_a_stream_that_may_not_grow_so_fast_ends_with_all_that_is_left(shop: Shop) -> None:
    where = await pane(shop)
    outbound = shop.outbound(Post(ANSWER), *where)
    shop.script.faults["chat.appendStream"] = [Fault(FaultKind.RATE_LIMITED, 3)]
    await shop.connector.send(outbound)
    assert shown(shop, where) == [ANSWER.strip()]
    assert [call for call in shop.script.calls if "Stream" in call] == list(STEPS)
    assert await shop.connector.find(outbound)


@pytest.mark.long
@pytest.mark.parametrize(
    ("step", "kind"),
    [
        *((step, kind) for step in STEPS[1:] for kind in (FaultKind.LOST_RESPONSE, FaultKind.SERVER_ERROR)),
        (STEPS[2], FaultKind.RATE_LIMITED),
    ],
)
async def test_a_stream_that_tears_is_taken_away_before_it_is_made_again(
    shop: Shop, step: str, kind: FaultKind
) -> None:
    where = await pane(shop)
    await shop.connector.send(shop.outbound(Post("earlier"), *where))
    outbound = shop.outbound(Post(ANSWER), *where)
    shop.script.faults[step] = [Fault(kind)]
    with pytest.raises(OutcomeUnknown, match="stream_torn"):
        await shop.connector.send(outbound)
    found = await shop.connector.find(outbound)
    if found is None:
        assert shown(shop, where) == ["earlier"]
        await shop.connector.send(outbound)
    assert shown(shop, where) == ["earlier", ANSWER.strip()]
    assert (found is not None) == ((step, kind) == (STEPS[2], FaultKind.LOST_RESPONSE))
    assert shop.slack.double_posts() == {}


async def test_a_stream_whose_beginning_got_no_answer_is_taken_away_too(shop: Shop) -> None:
    where = await pane(shop)
    outbound = shop.outbound(Post(ANSWER), *where)
    shop.script.faults[STEPS[0]] = [Fault(FaultKind.LOST_RESPONSE)]
    with pytest.raises(OutcomeUnknown):
        await shop.connector.send(outbound)
    assert len(shown(shop, where)) == 1
    assert await shop.connector.find(outbound) is None
    assert shown(shop, where) == []


async def test_a_stream_that_could_not_be_deleted_at_once_is_deleted_later(shop: Shop) -> None:
    where = await pane(shop)
    outbound = shop.outbound(Post(ANSWER), *where)
    shop.script.faults["chat.appendStream"] = [Fault(FaultKind.SERVER_ERROR)]
    with pytest.raises(OutcomeUnknown):
        await shop.connector.send(outbound)
    shop.script.faults["chat.delete"] = [Fault(FaultKind.RATE_LIMITED, 3)]
    with pytest.raises(RateLimited):
        await shop.connector.find(outbound)
    assert await shop.connector.find(outbound) is None
    assert shown(shop, where) == []


@pytest.mark.long
@given(st.text(alphabet="ab \n", max_size=2000))
def test_pieces_joined_are_the_text(text: str) -> None:
    found = pieces(text)
    assert "".join(found) == text
    assert all(len(piece) > PIECE for piece in found[:-1])
