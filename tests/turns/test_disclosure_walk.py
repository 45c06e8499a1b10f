"""A random walk: no automatic words reach a customer unless they have read that an AI writes, within a day
and after the last words of a person; and nobody reads it twice but for these reasons.

Compared with what the customer has read, which knows texts and times and nothing of the log.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Final

import pytest

from bot.core.answering import Answer, Answered, HandOver
from bot.core.conversation import OwnerKind
from bot.core.events import Receipt, ReceiptStatus, Started
from bot.core.ids import ConversationId, new_id
from bot.core.outbound import Post
from bot.turns.decide import Decision
from orgs.translations import SHIPPED
from storage.delivery_outcomes import Dead, Result
from storage.outbox_items import Item
from tests.disclosure import disclosed
from tests.lengths import times
from tests.turns.bench import Bench
from tests.turns.test_disclosure import FIRST, hours_pass, speaking

WALKS: Final = times(24, quick=2)  # on each channel
STEPS: Final = 14
DAY: Final = 24.0  # hours


@dataclass
class Reader:
    """A customer, and what they have read: when, in hours; what said that an AI writes; whether a person
    wrote it.
    """

    desk: Bench
    random: Random
    on: str
    now: float = 0.0
    read: list[tuple[float, str, bool]] = field(default_factory=list)
    ids: list[tuple[str, str]] = field(default_factory=list)  # the platform's ids, with what was read
    conversation: ConversationId | None = None
    times: int = 0  # that something was read

    def answer(self, _: Decision) -> Answer:
        if self.random.random() < 0.5:
            return HandOver("They need a person.", "a rule", trigger="security")
        return Answered("An answer.", "an article", settled=True)

    async def step(self) -> None:
        happens = [self.writes, self.opens, *[self.staff] * 4, self.time, self.returned]
        await self.random.choice(happens)()
        await self.leave()

    async def writes(self) -> None:
        text = FIRST[self.random.choice(SHIPPED)]
        [wake, *_] = (await self.desk.hear(self.desk.event(text, on=self.on))).wakes
        self.conversation = wake.conversation
        await self.desk.turn(self.answer)

    async def opens(self) -> None:
        """They open the chat, and write at once."""
        text = FIRST[self.random.choice(SHIPPED)]
        await self.desk.hear(self.desk.event(Started(), on=self.on), self.desk.event(text, on=self.on))
        await self.desk.turn(self.answer)

    async def staff(self) -> None:
        if self.conversation is None:
            return
        view = await self.desk.view(self.conversation)
        if view.escalation is None or view.escalation.room is None or not view.escalation.room.place.thread:
            return
        if view.conversation.owner.kind is not OwnerKind.PERSON:
            await self.desk.press("take", view)
        match self.random.randrange(4):
            case 0 | 1:
                await self.desk.staff("I look into it.", view, ref=f"s{new_id()}")
            case 2:
                await self.desk.press(self.random.choice(["resolve", "return"]), view)
            case _:
                await self.desk.rings("promised", answer=self.answer)
        if self.random.random() < 0.7:
            await self.desk.undo_is_over()

    async def time(self) -> None:
        hours = self.random.choice([0.2, 3, 23, 26])
        self.now += hours
        await hours_pass(self.desk, hours)
        await self.desk.execute(
            "update places set heard_at = heard_at - make_interval(mins => :minutes)", minutes=int(hours * 60)
        )
        await self.desk.undo_is_over()

    async def returned(self) -> None:
        """The platform says of what it had taken last that it did not arrive."""
        if not self.ids or self.on != "whatsapp":
            return
        ref, _ = self.ids.pop()
        self.read.pop()
        receipt = Receipt(status=ReceiptStatus.FAILED, messages=(ref,), code="send.refused", reason="131026")
        await self.desk.hear(self.desk.event(receipt, on=self.on))
        await self.desk.turn(self.answer)

    async def leave(self) -> None:
        for _ in range(3):  # what did not arrive has consequences
            await self.desk.deliver(self.fate)
            await self.desk.turn(self.answer)

    def fate(self, item: Item) -> Result | None:
        if item.room is not None or item.kind != "post" or not isinstance(item.operation, Post):
            return None
        if closed := self.desk.closed(item) if self._is_closed(item) else None:
            return closed
        if self.random.random() < 0.15:
            return Dead(item, "failed", "send.refused", "bad request")
        speaker = item.operation.speaker
        person = speaker is not None and speaker.human
        self.reads(item.operation.text, person=person)
        ref = f"w{new_id()}"
        self.ids.append((ref, item.operation.text))
        return self.desk.taken(item, ref)

    def _is_closed(self, item: Item) -> bool:
        heard = item.heard_at
        return heard is not None and heard < datetime.now(UTC) - timedelta(hours=DAY)

    def reads(self, text: str, *, person: bool) -> None:
        self.times += 1
        above = disclosed(text)
        last = next((n for n in reversed(range(len(self.read))) if self.read[n][2]), -1)
        standing = {words for at, words, _ in self.read[last + 1 :] if words and at > self.now - DAY}
        self.read.append((self.now, above, person))
        if person:
            assert not above, "a person's words are a person's"
        else:
            assert above or standing, f"nobody told them that an AI writes: {text!r}"
            assert above not in standing, f"they have read it already: {text!r}"
            assert not disclosed(text.removeprefix(above).lstrip()), f"said twice: {text!r}"


@pytest.mark.long
@pytest.mark.parametrize("on", ["telegram", "whatsapp", "email"])
@pytest.mark.parametrize("seed", range(WALKS))
async def test_no_automatic_words_without_a_disclosure_and_never_two(desk: Bench, on: str, seed: int) -> None:
    speaking(desk, *SHIPPED)
    chance = Random(f"{on} {seed}")  # noqa: S311  a walk can be repeated
    customer = Reader(desk, chance, on)
    await customer.writes()
    await customer.leave()
    for _ in range(STEPS):
        await customer.step()
    assert customer.times, "a walk must lead somewhere"
