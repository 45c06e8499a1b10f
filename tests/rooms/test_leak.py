"""Promise 7 against the whole desk: what staff other than the holder write never reaches the customer."""

import asyncio
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from connectors.sandbox.faults import Mischief
from tests.story.rig import Rig, rig, until, webhooks

EXAMPLES = int(os.environ.get("LEAK_EXAMPLES", "15"))
CHANNEL = "billing-escalations"
MEMBERS = ("hugo", "carla", "anna")
NAMES = {"hugo": "Hugo Martin", "carla": "Carla Mendes", "anna": "Anna Lindqvist"}
_numbers = count(1)

people = st.sampled_from(MEMBERS)
steps = st.one_of(
    st.tuples(st.just("write"), people, st.booleans()),
    st.tuples(st.just("write"), people, st.just(False)),
    st.tuples(st.just("speak"), st.just(""), st.just(False)),
    st.tuples(st.just("edit"), people, st.booleans()),
    st.tuples(st.just("delete"), people, st.just(False)),
    st.tuples(st.sampled_from(["take", "assign", "resolve", "return"]), people, st.booleans()),
    st.tuples(st.just("customer"), st.just(""), st.just(False)),
)


class House:
    """A desk that runs in a thread of its own, for as many examples as wanted."""

    def __init__(self, database_url: str, redis_url: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._stop = asyncio.Event()
        self.rig: Rig | None = None
        self._task: asyncio.Task[None] | None = None
        self._urls = database_url, redis_url
        self._thread = threading.Thread(target=self._loop.run_forever, name="desk")
        self._thread.start()
        self._running = asyncio.run_coroutine_threadsafe(self._run(), self._loop)
        self._ready.wait(60)

    async def _run(self) -> None:
        try:
            async with rig(*self._urls, webhooks) as built:
                self.rig = built
                self._ready.set()
                await self._stop.wait()
        finally:
            self._ready.set()

    def play(self, work: object) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(120)  # type: ignore[arg-type]

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        try:
            self._running.result(60)
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(30)
            self._loop.close()


@pytest.fixture
def desk(database_url: str, redis_url: str) -> Iterator[House]:
    running = House(database_url, redis_url)
    yield running
    running.close()


@dataclass
class Line:
    author: str
    ts: str
    markers: list[str]
    certain: bool  # it will certainly arrive, if nobody changes it


@dataclass
class Tale:
    """One customer's escalation, and what the law says of each line in it.

    `holder` is who certainly holds it; `may_hold` are all who might, because presses are on their way.
    """

    rig: Rig
    customer: object
    ts: str = ""
    holder: str = ""
    may_hold: set[str] = field(default_factory=set)
    over: bool = False
    doubt: bool = False  # it may have been closed
    secret: set[str] = field(default_factory=set)
    lines: list[Line] = field(default_factory=list)

    def marker(self) -> str:
        return f"marker{next(_numbers)}x"

    def cards(self) -> list[str]:
        title = f"{self.customer.name} needs a person"  # type: ignore[attr-defined]
        return [str(card["ts"]) for card in self.rig.threads(CHANNEL) if title in str(card)]

    def thread(self) -> list[str]:
        return self.rig.in_thread(CHANNEL, self.ts)

    def heard(self) -> str:
        return "\n".join(self.rig.heard(self.customer))

    async def begin(self) -> None:
        self.rig.phone.say(self.customer, "I was charged twice this month")
        await until(self.cards, what="a card")
        self.ts = self.cards()[0]
        await until(lambda: self.rig.heard(self.customer), what="the notice")

    async def tell(self, deed: str, who: str, flag: bool) -> None:
        match deed:
            case "write":
                self.write(who, inside=flag)
            case "speak":
                self.write(self.holder or MEMBERS[0], inside=False)
            case "edit":
                self.change(who, inside=flag)
            case "delete":
                self.delete(who)
            case "customer":
                self.rig.phone.say(self.customer, f"Hello? {next(_numbers)}")
            case _:
                await self.press(deed, who, wait=flag)

    def write(self, who: str, *, inside: bool) -> None:
        mark = self.marker()
        text = f"// {mark}" if inside else f"words {mark}"
        if inside or who not in self.may_hold:
            self.secret.add(mark)
        ts = self.rig.slack.post_as(who, CHANNEL, text, thread_ts=self.ts)
        self.lines.append(Line(who, ts, [mark], not inside and who == self.holder and not self.over))

    def change(self, who: str, *, inside: bool) -> None:
        line = next((line for line in reversed(self.lines) if line.author == who), None)
        if line is None:
            return
        mark = self.marker()
        if inside or who not in self.may_hold:
            self.secret.add(mark)
        line.markers.append(mark)
        line.certain = False
        self.rig.slack.edit_as(who, CHANNEL, line.ts, f"// {mark}" if inside else f"better {mark}")

    def delete(self, who: str) -> None:
        line = next((line for line in reversed(self.lines) if line.author == who), None)
        if line is not None:
            self.lines.remove(line)
            self.rig.slack.delete_as(who, CHANNEL, line.ts)

    async def press(self, action: str, who: str, *, wait: bool) -> None:
        if self.over:
            return
        await self.rig.slack.settled()  # or the press might overtake the words written before it
        takes = action in ("take", "assign")
        # Where it is not certain that the press will be heeded, nothing in the thread can be waited for.
        wait = wait and not self.doubt and (who not in self.may_hold if takes else not self.may_hold)
        told = f"what {NAMES[who]} writes in this thread" if takes else "This thread is closed"
        said = sum(told in text for text in self.thread())
        try:
            if action == "assign":
                await self._assign(who)
            else:
                await self.rig.press(who, CHANNEL, self.ts, action)
        except AssertionError:
            return  # the card has lost its buttons meanwhile
        if takes and self.holder == who:
            return  # "You hold this already"
        self.holder = ""
        if takes:
            self.may_hold.add(who)
        if wait:
            await until(
                lambda: sum(told in text for text in self.thread()) > said,
                what=f"{action} by {who}: {told!r}",
            )
            self.over = not takes
            self.holder = who if takes else ""
            self.may_hold = {who} if takes else set()
        elif not takes:
            self.doubt = True

    async def _assign(self, who: str) -> None:
        await self.rig.press("anna", CHANNEL, self.ts, "assign")
        await until(lambda: self.rig.slack.views("anna"), what="the form")
        view = self.rig.slack.views("anna")[-1]
        ids = {str(user["name"]): str(user["id"]) for user in self.rig.slack.users()}
        await self.rig.slack.submit_view("anna", str(view["id"]), {"person": {"answer": ids[who]}})

    async def end(self) -> None:
        """Everything accepted before these last words has been dealt with when they arrive."""
        await self.rig.slack.settled()
        last = self.marker()
        self.rig.phone.say(self.customer, f"I was charged twice {last}")
        await until(
            lambda: any(
                last in str(message.get("text", "")) or last in str(message.get("blocks", ""))
                for card in self.rig.threads(CHANNEL)
                for message in self.rig.slack.messages(CHANNEL, str(card["ts"]))
            ),
            what="the last words reach a room",
        )
        for line in self.certain():
            await until(
                lambda mark=line.markers[0]: mark in self.heard(),
                what=f"{line.markers[0]}; the thread: {self.thread()}; the phone: {self.heard()}",
            )

    def certain(self) -> list[Line]:
        return [line for line in self.lines if line.certain]


async def play(r: Rig, told: list[tuple[str, str, bool]], *, unruly: bool) -> None:
    tale = Tale(r, r.phone.user(f"Customer {next(_numbers)}"))
    r.sandbox.faults.clear()
    await tale.begin()
    if unruly:
        r.sandbox.faults.add("slack", Mischief.DUPLICATE, pattern="message", probability=0.4, seconds=0.02)
        r.sandbox.faults.add("slack", Mischief.REORDER, pattern="message", probability=0.4, seconds=0.1)
    for deed, who, flag in told:
        await tale.tell(deed, who, flag)
    await tale.end()
    everything = "\n".join(str(dict(call.params)) for call in r.phone.sent())
    leaked = [mark for mark in tale.secret if mark in everything]
    assert not leaked, f"{leaked} reached the customer"
    heard = tale.heard()
    places = [heard.index(line.markers[0]) for line in tale.certain()]
    assert all(heard.count(line.markers[0]) == 1 for line in tale.certain()), "words arrived twice"
    if not unruly:
        assert places == sorted(places), "words arrived in another order than they were written in"


def test_what_must_stay_inside_never_reaches_the_customer(desk: House) -> None:
    assert desk.rig is not None
    built = desk.rig

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.generate],  # an example takes a second of real waiting: none to spare for shrinking
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.large_base_example],
    )
    @given(
        st.sampled_from([(), (("take", "hugo", True),)]),
        st.lists(steps, min_size=4, max_size=14),
        st.booleans(),
    )
    def examples(
        first: tuple[tuple[str, str, bool], ...], told: list[tuple[str, str, bool]], unruly: bool
    ) -> None:
        desk.play(play(built, [*first, *told], unruly=unruly))

    examples()
