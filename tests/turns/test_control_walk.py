"""A walk: two apps answer many customers in turn, and what the platform tells of it comes in any order."""

import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from bot.core.answering import Answered
from bot.core.events import Event
from bot.turns.decide import Decision
from tests.turns.bench import Bench, to_customers
from tests.turns.test_another_app import PASSED, TAKEN

CUSTOMERS = 12


@dataclass
class Chat:
    """What happens in one chat, in its true order."""

    events: list[Event] = field(default_factory=list)
    ours: set[str] = field(default_factory=set)  # what we are to answer
    others: set[str] = field(default_factory=set)  # what the other app was told and kept


def chat(desk: Bench, random: Random, who: str) -> Chat:
    """Return a chat that changes hands several times, and is ours at the end."""
    made, is_ours = Chat(), True
    at = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=20)
    steps = random.randint(2, 6)
    for number in range(steps + 1):
        at += timedelta(seconds=10)
        text, chance = f"{who}-{number}", random.random()
        if number < steps and chance < 0.25 and is_ours:
            is_ours = False
            made.events.append(desk.event(TAKEN, who, on="whatsapp", at=at))
        elif number < steps and chance < 0.5 and not is_ours:
            is_ours = True
            made.ours |= made.others  # what the app was told before it gave us the chat is ours to answer
            made.others = set()
            made.events.append(desk.event(PASSED, who, on="whatsapp", at=at))
        else:
            to_us = is_ours or number == steps or random.random() < 0.3
            is_ours = (
                to_us  # the customer's word to us gives us the chat, and not what the other app was told
            )
            (made.ours if to_us else made.others).add(text)
            more = {"overheard": not to_us, "message": text}
            made.events.append(desk.event(text, who, on="whatsapp", at=at, **more))  # type: ignore[arg-type]
    return made


def answer(decision: Decision) -> Answered:
    """Name in the answer what it answers."""
    asked = (decision.turn.messages[id_].text for id_ in decision.asked)
    return Answered(f"An answer to {' '.join(asked)}", "why", settled=True)


def shuffled(events: list[Event], random: Random, *, near: bool) -> list[Event]:
    """Return the events in another order: `near` exchanges neighbours only."""
    if not near:
        return random.sample(events, len(events))
    told = list(events)
    for place in range(len(told) - 1):
        if random.random() < 0.4:
            told[place], told[place + 1] = told[place + 1], told[place]
    return told


@pytest.mark.long
@pytest.mark.parametrize("near", [True, False])
@pytest.mark.parametrize("seed", range(4))
async def test_every_message_that_is_ours_is_answered_once_and_no_other(
    desk: Bench, seed: int, *, near: bool
) -> None:
    random = Random(f"{seed} {near}")  # noqa: S311  an order, not a secret
    chats = [chat(desk, random, f"+4917{seed}{n:06}") for n in range(CUSTOMERS)]
    to_come = [shuffled(each.events, random, near=near) for each in chats]
    left: list[str] = []
    while any(to_come):
        for events in filter(None, to_come):
            batch = [events.pop(0) for _ in range(min(len(events), random.randint(1, 2)))]
            await desk.hear(*batch, *(batch[:1] if random.random() < 0.2 else []))
        if random.random() < 0.7:
            await desk.turn(answer)
        if random.random() < 0.5:
            left += to_customers(await desk.deliver())
    for _ in range(len(chats[0].events) + 6):
        await desk.turn(answer)
        left += to_customers(await desk.deliver())
    answered = Counter(text for told in left for text in re.findall(r"\+\d+-\d+", told))
    assert answered == Counter(text for each in chats for text in each.ours)
    assert not answered.keys() & {text for each in chats for text in each.others}
