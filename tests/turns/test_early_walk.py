"""A walk: messages, edits and deletions of many customers arrive in any order, twice, and in any batches."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from bot.core.answering import Answered
from bot.core.conversation import MessageState, Role
from bot.core.events import Deleted, Edited, Event, Said
from bot.turns.decide import Decision
from tests.turns.bench import Bench

CUSTOMERS = 15


class Agent:
    """Answers everything, and counts what it was asked."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()

    def __call__(self, decision: Decision) -> Answered:
        for id_ in decision.asked:
            message = decision.turn.messages[id_]
            assert message.state is not MessageState.DELETED
            self.asked[message.ref] += 1
        return Answered("An answer.", "why", settled=True)


def written(desk: Bench, random: Random, who: str, on: str) -> tuple[list[Event], dict[str, str | None]]:
    """Return what a customer writes and changes, and how each message reads at the end; None if deleted."""
    events: list[Event] = []
    last: dict[str, str | None] = {}
    at = datetime.now(UTC) - timedelta(minutes=30)

    def add(content: Said | Edited | Deleted, id_: str, **more: object) -> None:
        nonlocal at
        at += timedelta(seconds=random.randint(1, 9))
        events.append(desk.event(content, who, on=on, at=at, external_id=id_, **more))  # type: ignore[arg-type]

    for number in range(random.randint(1, 3)):
        ref = f"{who}-{number}"
        last[ref] = f"{ref} v0"
        add(Said(f"{ref} v0"), f"said {ref}", message=ref)
        for version in range(1, random.choice([1, 1, 2, 3])):
            last[ref] = f"{ref} v{version}"
            add(Edited(ref, f"{ref} v{version}"), f"edit {ref} {version}")
        if random.random() < 0.2:
            last[ref] = None
            add(Deleted(ref), f"delete {ref}")
    return events, last


@pytest.mark.long
@pytest.mark.parametrize("on", ["telegram", "whatsapp", "messenger"])
@pytest.mark.parametrize("seed", range(3))
async def test_every_message_is_asked_about_once_and_reads_as_it_was_last_changed(
    desk: Bench, seed: int, on: str
) -> None:
    random, agent = Random(f"{seed} {on}"), Agent()  # noqa: S311  an order, not a secret
    last: dict[str, str | None] = {}
    for customer in range(CUSTOMERS):
        events, theirs = written(desk, random, f"+4917{seed}{customer:06}", on)
        last |= theirs
        random.shuffle(events)
        events += [event for event in events if random.random() < 0.2]
        while events:
            size = random.randint(1, 3)
            await desk.hear(*events[:size])
            del events[:size]
            if random.random() < 0.6:
                await desk.turn(agent)
            if random.random() < 0.3:
                await desk.deliver()
    while await desk.rows("select from conversations where last_accepted > last_handled"):
        await desk.turn(agent)
        await desk.deliver()
    found: dict[str, list[str]] = {ref: [] for ref in last}
    for [id_] in await desk.rows("select id from conversations"):
        for message in (await desk.view(id_)).story:  # type: ignore[arg-type]
            if message.role is Role.CUSTOMER and message.state is MessageState.RECEIVED:
                found[message.ref].append(message.text)
    assert found == {ref: [] if text is None else [text] for ref, text in last.items()}
    assert {ref: agent.asked[ref] for ref, text in last.items() if text is not None} == {
        ref: 1 for ref, text in last.items() if text is not None
    }
    assert not [ref for ref, times in agent.asked.items() if times > 1]
    assert await desk.rows("select waits_for from inbox where waits_for is not null") == []
