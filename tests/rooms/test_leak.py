"""Promise 7 against the whole desk: what staff other than the holder write never reaches the customer.

On every channel, from rooms in Slack and in Telegram. LEAK_EXAMPLES says how many tales each test plays.
"""

import asyncio
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count, cycle

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from connectors.sandbox.faults import Mischief
from tests.lengths import times
from tests.rooms.sides import (
    EVERYWHERE,
    Customer,
    OnTelegram,
    Room,
    SlackThread,
    Topic,
    reached_customers,
    reactions_at_customers,
)
from tests.story.rig import Change, Rig, rig, until, webhooks
from tests.turns.dresses import DRESSES, NAMES, SLASHES

EXAMPLES = times(15, quick=3)
_numbers = count(1)

# Private parts below the first line, as people dress them.
BLOCKS = (
    "\n```\nfirst\n\n// {}\n{}\n```",
    "\nSee: ```\nfirst\n\n// {}\n\n{}\n```",
    "\nSee: ~~~\nfirst\n\n// {}\n\n{}\n~~~",
    "\n> See: ```\n> first\n>\n> // {}\n>\n> {}\n> ```",
    "\nOne ```a``` and ```first\n\n// {}\n\n{}```",
    "\n`first\n\n// {}\n\n{}`",
    "\nSee: ```first\n\n// {}\n\n{}",
)
dressed = st.builds(
    "\n{}{}{} {{}}\n{{}}".format,
    st.sampled_from(["", "> ", "• ", "\u200b"]),
    st.sampled_from([*DRESSES, *NAMES]),
    st.sampled_from(SLASHES),
)
private_parts = st.one_of(dressed, dressed, st.sampled_from(BLOCKS))
# What stands before a part that is marked, how it is marked, the part, and what follows it.
MARKED = (
    ("{}\nSee: ", "pre", "first\n\n// {}\n\n{}", ""),
    ("{}\nSee: ", "code", "first\n\n// {}\n\n{}", "\nhere"),
    ("/etc/hosts holds {}\n", "pre", "first\n\n// {}\n\n{}", ""),
    ("/ 2 is what we do: {}\n", "code", "first\n\n// {}\n\n{}", ""),
    ("{}\n", "text_link", "//", " {} {}"),
    ("{}\n/", "text_link", "/", " {} {}"),
    ("{}\n", "text_link", "Carla Mendes", ": // {} {}"),
    ("{}\n", "text_link", "// {}", "\n{}"),
)
_marked = cycle(MARKED)
people = st.integers(0, 2)  # which of those who are in the room
steps = st.one_of(
    st.tuples(st.just("write"), people, st.booleans()),
    st.tuples(st.just("write"), people, st.just(False)),
    st.tuples(st.just("speak"), st.just(0), st.just(False)),
    st.tuples(st.sampled_from(["edit", "part", "edit part"]), people, st.booleans()),
    st.tuples(st.sampled_from(["attach", "broadcast", "mark"]), people, st.booleans()),
    st.tuples(st.sampled_from(["forward", "reply", "react", "namesake"]), people, st.booleans()),
    st.tuples(st.just("delete"), people, st.just(False)),
    st.tuples(st.sampled_from(["take", "assign", "resolve", "return"]), people, st.booleans()),
    st.tuples(st.sampled_from(["customer", "stranger"]), st.just(0), st.just(False)),
)
TAKEN = (("take", 0, True),)
Deed = tuple[str, int, bool]
Told = list[Deed]


def staff_polls(document: dict[str, object]) -> None:
    """The staff's bot has no webhook."""
    for account in document["accounts"]:  # type: ignore[attr-defined]
        if account["id"] == "telegram-staff":
            account["mode"] = "polling"


def in_telegram(document: dict[str, object]) -> None:
    """Let the team for charges work in the night watch's group, and not in Slack."""
    teams = {team["id"]: team for team in document["teams"]}  # type: ignore[attr-defined]
    for part in ("people", "channels"):
        teams["billing"][part] = teams["night-watch"][part]


class Services:
    """A desk that runs in a thread of its own, for as many examples as wanted."""

    def __init__(self, database_url: str, redis_url: str, *changes: Change) -> None:
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._stop = asyncio.Event()
        self.rig: Rig | None = None
        self._task: asyncio.Task[None] | None = None
        self._urls = database_url, redis_url
        self._changes = webhooks, staff_polls, *changes
        self._thread = threading.Thread(target=self._loop.run_forever, name="desk")
        self._thread.start()
        self._running = asyncio.run_coroutine_threadsafe(self._run(), self._loop)
        self._ready.wait(60)

    async def _run(self) -> None:
        try:
            async with rig(*self._urls, *self._changes, every_channel=True) as built:
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
def desk(database_url: str, redis_url: str) -> Iterator[Callable[..., Services]]:
    """Given the changes to the organization."""
    running: list[Services] = []

    def start(*changes: Change) -> Services:
        running.append(Services(database_url, redis_url, *changes))
        return running[-1]

    yield start
    for services in running:
        services.close()


@dataclass
class Line:
    author: str
    ref: str
    markers: list[str]
    certain: bool  # it will certainly arrive, if nobody changes it


@dataclass
class Tale:
    """One customer's escalation, and what the law says of each line in it.

    `holder` is who certainly holds it; `may_hold` are all who might, because presses are on their way.
    """

    customer: Customer
    room: Room
    holder: str = ""
    may_hold: set[str] = field(default_factory=set)
    over: bool = False
    doubt: bool = False  # it may have been closed
    said: str = ""  # by the customer, the last words
    secret: set[str] = field(default_factory=set)
    lines: list[Line] = field(default_factory=list)
    private: Iterator[str] = field(default_factory=lambda: cycle(BLOCKS))

    def marker(self) -> str:
        return f"marker{next(_numbers)}x"

    def heard(self) -> str:
        return "\n".join(self.customer.heard())

    async def begin(self) -> None:
        first = self.marker()
        self.said = first
        await self.customer.say(f"I was charged twice this month {first}")
        await until(lambda: self.room.find(first), what="a room with the story")
        await until(self.customer.heard, what="the notice")

    async def tell(self, deed: str, number: int, flag: bool) -> None:
        who = tuple(self.room.people)[number % len(self.room.people)]
        match deed:
            case "write":
                self.write(who, inside=flag)
            case "speak":
                self.write(self.holder or next(iter(self.room.people)), inside=False)
            case "edit":
                self.change(who, "// {}" if flag else "better {}")
            case "part" | "broadcast":
                self.write(who, inside=False, private=next(self.private), broadcast=deed == "broadcast")
            case "edit part":
                self.change(who, "better {}", private=next(self.private))
            case "mark":
                self.mark(who)
            case "attach":
                self.attach(who, inside=flag)
            case "forward":
                self.room.forward(who, f"forwarded {self.kept_inside()}")
            case "reply":
                self.reply(who, elsewhere=flag)
            case "namesake":
                self.room.post_as_namesake(who, f"words {self.kept_inside()}")
            case "react":
                self.room.react(who, self.said, "🤬")
            case "delete":
                self.delete(who)
            case "customer":
                self.said = f"Hello? {next(_numbers)}"
                await self.customer.say(self.said)
            case "stranger":
                mark = self.marker()
                self.secret.add(mark)
                await self.customer.interfere(f"Tell them {mark}")
            case _:
                await self.press(deed, who, wait=flag)

    def kept_inside(self) -> str:
        mark = self.marker()
        self.secret.add(mark)
        return mark

    def write(self, who: str, *, inside: bool, private: str = "", broadcast: bool = False) -> None:
        mark = self.marker()
        text = f"// {mark}" if inside else f"words {mark}"
        if inside or who not in self.may_hold:
            self.secret.add(mark)
        if private:
            text += private.format(self.kept_inside(), self.kept_inside())
        ref = (self.room.broadcast if broadcast else self.room.post)(who, text)
        self.lines.append(Line(who, ref, [mark], not inside and who == self.holder and not self.over))

    def mark(self, who: str) -> None:
        """Words with a part that is marked as code or as a link, with something private in it or after it."""
        mark, (before, kind, part, after) = self.marker(), next(_marked)
        if who not in self.may_hold:
            self.secret.add(mark)
        kept = iter([self.kept_inside(), self.kept_inside()])
        part, after = (re.sub(r"\{\}", lambda _: next(kept), text) for text in (part, after))
        ref = self.room.post_marked(who, before.format(f"words {mark}"), kind, part, after)
        self.lines.append(Line(who, ref, [mark], who == self.holder and not self.over))

    def reply(self, who: str, *, elsewhere: bool) -> None:
        """Words of one's own which quote what must stay inside."""
        mark, quote = self.marker(), f"quoted {self.kept_inside()}"
        if who not in self.may_hold:
            self.secret.add(mark)
        ref = self.room.reply(who, f"words {mark}", quote, elsewhere=elsewhere)
        self.lines.append(Line(who, ref, [mark], who == self.holder and not self.over))

    def attach(self, who: str, *, inside: bool) -> None:
        """A file with words beside it. The file goes where the words do."""
        mark = self.marker()
        if inside or who not in self.may_hold:
            self.secret.add(mark)
        words = f"// {self.kept_inside()}" if inside else f"words {mark}\n// {self.kept_inside()}"
        self.room.attach(who, words, f"{mark}.pdf")

    def change(self, who: str, text: str, private: str = "") -> None:
        line = next((line for line in reversed(self.lines) if line.author == who), None)
        if line is None:
            return
        mark = self.marker()
        if text.startswith("//") or who not in self.may_hold:
            self.secret.add(mark)
        line.markers.append(mark)
        line.certain = False
        new = text.format(mark) + (private.format(self.kept_inside(), self.kept_inside()) if private else "")
        self.room.edit(who, line.ref, new)

    def delete(self, who: str) -> None:
        line = next((line for line in reversed(self.lines) if line.author == who), None)
        if line is not None and self.room.delete(who, line.ref):
            self.lines.remove(line)

    async def press(self, action: str, who: str, *, wait: bool) -> None:
        if self.over:
            return
        await self.room.settled()  # or the press might overtake the words written before it
        takes = action in ("take", "assign")
        # Where it is not certain that the press will be heeded, nothing in the thread can be waited for.
        certain = (
            who not in self.may_hold and (self.holder or not self.may_hold) if takes else not self.may_hold
        )
        wait = wait and not self.doubt and bool(certain)
        if wait and self.holder:  # a press on a card that shows somebody else takes nothing from them
            shown = f"{self.room.people[self.holder]} is talking to"
            await until(lambda: shown in self.room.card(), what=f"{shown!r} on the card")
        told = f"what {self.room.people[who]} writes in this thread" if takes else "This thread is closed"
        said = sum(told in text for text in self.room.lines())
        try:
            await self.room.press(who, action)
        except AssertionError:
            return  # the card has lost its buttons meanwhile
        if takes and self.holder == who:
            return  # "You hold this already"
        self.holder = ""
        if takes:
            self.may_hold.add(who)
        if wait:
            await until(
                lambda: sum(told in text for text in self.room.lines()) > said,
                what=f"{action} by {who}: {told!r}",
            )
            self.over = not takes
            self.holder = who if takes else ""
            self.may_hold = {who} if takes else set()
        elif not takes:
            self.doubt = True

    async def end(self) -> None:
        """Everything accepted before these last words has been dealt with when they arrive."""
        await self.room.settled()
        last = self.marker()
        await self.customer.say(f"I was charged twice {last}")
        await until(lambda: last in self.room.everywhere(), what="the last words reach a room")
        for line in self.certain():
            await until(
                lambda mark=line.markers[0]: mark in self.heard(),
                what=f"{line.markers[0]}; the thread: {self.room.lines()}; the customer: {self.heard()}",
            )

    def certain(self) -> list[Line]:
        return [line for line in self.lines if line.certain]


async def play(
    r: Rig, kind: type[Customer], room: type[Room], told: Told, private: Sequence[str], *, unruly: bool
) -> None:
    tale = Tale(kind(r, f"Customer {next(_numbers)}"), room(r), private=cycle(private))
    r.sandbox.faults.clear()
    await tale.begin()
    if unruly:
        r.sandbox.faults.add("slack", Mischief.DUPLICATE, pattern="message", probability=0.4, seconds=0.02)
        r.sandbox.faults.add("slack", Mischief.REORDER, pattern="message", probability=0.4, seconds=0.1)
    for deed, who, flag in told:
        await tale.tell(deed, who, flag)
    await tale.end()
    everything = reached_customers(r)
    leaked = [mark for mark in tale.secret if mark in everything]
    assert not leaked, f"{leaked} reached the customer"
    assert not reactions_at_customers(r), "an emoji that no file lists reached the customer"
    heard = tale.heard()
    places = [heard.index(line.markers[0]) for line in tale.certain()]
    assert all(heard.count(line.markers[0]) == 1 for line in tale.certain()), "words arrived twice"
    if not unruly:
        assert places == sorted(places), "words arrived in another order than they were written in"


@pytest.mark.parametrize("room", [SlackThread, Topic])
def test_words_that_must_stay_inside_never_reach_the_customer(
    desk: Callable[..., Services], room: type[Room]
) -> None:
    services = desk(*((in_telegram,) if room is Topic else ()))
    assert services.rig is not None
    built = services.rig

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        # An example takes a second of real waiting: there is none to spare for shrinking.
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.large_base_example],
    )
    @given(
        st.sampled_from(EVERYWHERE),
        st.sampled_from([(), TAKEN]),
        st.lists(steps, min_size=4, max_size=14),
        st.lists(private_parts, min_size=4, max_size=14),
        st.booleans(),
    )
    @example(OnTelegram, TAKEN, [("reply", 0, False), ("reply", 0, True)], BLOCKS, False)
    @example(OnTelegram, TAKEN, [("mark", 0, False)] * len(MARKED), BLOCKS, False)
    @example(OnTelegram, TAKEN, [("part", 0, False)] * len(BLOCKS), BLOCKS, False)
    def examples(
        kind: type[Customer],
        first: tuple[tuple[str, int, bool], ...],
        told: Told,
        private: Sequence[str],
        unruly: bool,
    ) -> None:
        services.play(play(built, kind, room, [*first, *told], private, unruly=unruly))

    examples()
