"""Whatever happens: no automatic words reach a customer unless they have read, in their language, that an AI
writes; and nobody reads it twice within a day but where a person has written between.

Walked with a model of what the customer reads, which knows texts and times and nothing of the log.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import count
from typing import Final

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from bot.app.channels import CHANNELS as CONNECTED
from bot.core.answering import Answer, Answered, Clarify, HandOver, Option
from bot.core.connector import Capabilities
from bot.core.conversation import DeliveryReport, MessageState, Origin, OwnerKind, Role, View
from bot.core.effects import Deliver, Replace, Unpark
from bot.core.events import Content, Event, Place, Said, Sender, Started, Tapped, Unsupported
from bot.core.ids import MessageId, new_id
from bot.turns.closing import REOPEN
from bot.turns.decide import Decision, conclude, decide
from bot.turns.staff import RESOLVE, RETURN, TAKE
from bot.turns.turn import Rulebook, Turn
from orgs.specification.organization import Organization
from orgs.specification.texts import fill
from orgs.translations import shipped
from tests.lengths import times
from tests.turns.desk import ModelDesk, delivery, organization

DAY: Final = timedelta(days=1)
UNDO: Final = timedelta(seconds=6)
WALKS: Final = times(25, quick=4)  # on each channel
HUGO: Final = "U0HUGO0008"
WORDS: Final = {
    "en": "I have not been able to log in since yesterday, can you help me?",
    "de": "Ich kann mich seit gestern nicht mehr anmelden, können Sie mir helfen?",
    "pt": "Não consigo entrar na minha conta desde ontem, podem ajudar-me?",
}
CHANNELS: Final[Mapping[str, Capabilities]] = {name: known.capabilities for name, known in CONNECTED.items()}
pauses = st.sampled_from(
    [
        UNDO,
        timedelta(minutes=11),
        timedelta(hours=3),
        timedelta(hours=23),
        timedelta(hours=26),
    ]
)
deeds = st.sampled_from(["answer", "answer", "clarify", "people"])


def speaking() -> Organization:
    """The sample, in three languages."""
    org = organization()
    return org.model_copy(
        update={"policies": org.policies.model_copy(update={"languages": tuple(WORDS), "texts": {}})}
    )


ORGANIZATION: Final = speaking()
DISCLOSED: Final = {
    language: fill(shipped(language).disclosure, organization=ORGANIZATION.display_name) for language in WORDS
}


@dataclass(frozen=True)
class Reads:
    """Something that the customer reads. `languages` are those in which we wrote to them in that turn."""

    at: datetime
    text: str
    person: bool
    languages: frozenset[str]
    waited: bool = False  # until they wrote again


class ChannelDesk(ModelDesk):
    """A conversation on one channel, with the window that the channel has."""

    def __init__(self, channel: str) -> None:
        super().__init__(ORGANIZATION)
        self.capabilities = CHANNELS[channel]
        self.heard_at: datetime | None = None

    def load(self) -> View:
        view = super().load()
        return replace(view, conversation=replace(view.conversation, heard_at=self.heard_at))

    @property
    def is_shut(self) -> bool:
        window = self.capabilities.window
        return window is not None and self.heard_at is not None and self.now >= self.heard_at + window

    def wait(self, by: timedelta) -> None:
        self.now += by
        self.state.replies = {
            kind: tuple(age + by for age in ages) for kind, ages in self.state.replies.items()
        }


class Disclosed(RuleBasedStateMachine):
    channel = "telegram"

    def __init__(self) -> None:
        super().__init__()
        self.desk = ChannelDesk(self.channel)
        self.numbers = count(1)
        self.read: list[Reads] = []
        self.parked: dict[MessageId, Reads] = {}

    @initialize(start=st.sampled_from(["new", "waits", "held", "held"]))
    def begin(self, start: str) -> None:
        """Most walks begin in the middle of things, or few would ever get far."""
        if start != "new":
            self.the_customer_writes(language="en", deed="people")
        if start == "held":
            self.staff_press(action=TAKE, by=UNDO)

    # What happens

    @rule(language=st.sampled_from(sorted(WORDS)), deed=deeds)
    def the_customer_writes(self, language: str, deed: str) -> None:
        self._customer(Said(WORDS[language]))
        self._turn(deed)

    @rule(deed=deeds)
    def they_open_the_chat_and_write_at_once(self, deed: str) -> None:
        self._customer(Started())
        self._customer(Said(WORDS["en"]))
        self._turn(deed)

    @rule(other=st.sampled_from([Started(), Unsupported("poll"), Said("👍")]))
    def they_do_something_else(self, other: Content) -> None:
        self._customer(other)
        self._turn("answer")

    @precondition(lambda self: self.desk.state.owner.kind is OwnerKind.PERSON)
    @rule(by=st.sampled_from([timedelta(), UNDO]), then=st.sampled_from(["", RETURN, RESOLVE]))
    def the_holder_writes(self, by: timedelta, then: str) -> None:
        """And perhaps the undo is not over when the next thing happens."""
        self._staff(Said(f"line {next(self.numbers)}"))
        self._turn("answer")
        self.desk.wait(by)
        self._turn("answer")
        if then:
            self.staff_press(action=then, by=UNDO)

    @precondition(lambda self: self.desk.state.escalation is not None)
    @rule(
        action=st.sampled_from([TAKE, RETURN, RESOLVE]),
        by=st.sampled_from([timedelta(), UNDO]),
    )
    def staff_press(self, action: str, by: timedelta) -> None:
        assert self.desk.state.escalation is not None
        holder = f":{self.desk.state.escalation.holder or ''}" if action == TAKE else ""
        self._staff(Tapped(action, f"{self.desk.state.escalation.id}{holder}"))
        self._turn("answer")
        self.desk.wait(by)
        self._turn("answer")

    @precondition(lambda self: self.desk.state.escalation is None and self.desk.state.closed is not None)
    @rule()
    def staff_reopen(self) -> None:
        assert self.desk.state.closed is not None
        self._staff(Tapped(REOPEN, str(self.desk.state.closed.id)))
        self._turn("answer")

    @rule(by=pauses)
    def time_passes(self, by: timedelta) -> None:
        for part in (UNDO, by - UNDO):  # nothing that waits for its undo waits for longer
            self.desk.wait(part)
            self._turn("answer")

    @precondition(lambda self: self.read and not self.read[-1].person)
    @rule()
    def what_was_said_last_did_not_arrive(self) -> None:
        """The platform says so before anything else is said."""
        last = self.desk.state.outbox[-1]
        ours = [message for message in self.desk.state.messages.values() if message.role is not Role.CUSTOMER]
        said = self.desk.state.messages.get(last.message) if last.message else None
        if said is None or said is not ours[-1] or said.state is not MessageState.RELEASED or last.parked:
            return
        self.read.pop()
        last.dead = True
        self._report(said.id, "failed")
        self._turn("answer")

    # How it happens

    def _customer(self, content: Content) -> None:
        self.desk.heard_at = self.desk.tick()
        self._accept(Origin.CUSTOMER, self.desk.place, "maya", content, private=True)

    def _staff(self, content: Content) -> None:
        places = [room.place for room in self.desk.state.rooms.values() if room.place.thread]
        self._accept(Origin.ROOM, places[-1], HUGO, content, in_our_thread=True)

    def _accept(self, origin: Origin, place: Place, sender: str, content: Content, **more: bool) -> None:
        number = next(self.numbers)
        event = Event(
            external_id=f"e{number}",
            place=place,
            sender=Sender(sender, "Maya" if origin is Origin.CUSTOMER else "", verified=True),
            content=content,
            occurred_at=self.desk.tick(),
            message=f"m{number}",
            **more,  # type: ignore[arg-type]
        )
        self.desk.accept(event, origin)

    def _report(self, message: MessageId, outcome: str) -> None:
        self.desk.report(DeliveryReport(message, delivery(), outcome, "code"))

    def _turn(self, deed: str) -> None:
        view = self.desk.load()
        rules = Rulebook(ORGANIZATION, {self.desk.place.account: self.desk.capabilities}, new_id)
        before = Turn(view, rules).language
        decision = decide(view, rules)
        while decision.agent:
            decision = conclude(decision, answer(deed))
        self.desk.commit(view, decision)
        escalation = self.desk.state.escalation
        if escalation is not None and escalation.room is not None and not escalation.room.place.thread:
            self.desk.room_opened(escalation.room.id, f"thread {next(self.numbers)}")
        if self._leave(decision, before):
            self._turn(deed)

    def _leave(self, decision: Decision, before: str) -> bool:
        """What was decided reaches the customer, or waits. Returns whether a report of it is to be heard."""
        parked, languages = False, frozenset({before, decision.turn.language})
        for effect in decision.turn.effects:
            if isinstance(effect, Replace) and effect.message in self.parked:
                waits = self.parked[effect.message]
                self.parked[effect.message] = replace(waits, text=effect.post.text, languages=languages)
        for effect in decision.turn.effects:
            match effect:
                case Unpark():
                    for waited in self.parked.values():
                        self._reads(replace(waited, at=self.desk.now))
                    self.parked.clear()
                    for out in self.desk.state.outbox:
                        out.tried = True
                case Deliver(message=id_, post=post):
                    person = self.desk.state.messages[id_].role is Role.STAFF
                    reads = Reads(self.desk.now, post.text, person, languages)
                    for out in self.desk.state.outbox:
                        if out.message == id_:
                            out.tried, out.parked = True, self.desk.is_shut
                    if self.desk.is_shut:
                        parked = True
                        self.parked[id_] = replace(reads, waited=True)
                        self._report(id_, "parked")
                    else:
                        self._reads(reads)
                case _:
                    pass
        return parked

    # What must be true of it

    def _reads(self, reads: Reads) -> None:
        self.read.append(reads)
        if reads.person:
            assert not reads.text.startswith(tuple(DISCLOSED.values())), "a person's words are a person's"
            return
        person = next((n for n in range(len(self.read) - 1, -1, -1) if self.read[n].person), -1)
        lately = [one for one in self.read[person + 1 :] if one.at > reads.at - DAY]
        words = tuple(DISCLOSED[language] for language in reads.languages)
        told = [one for one in lately if one.text.startswith(words)]
        assert told, f"nobody told them that an AI writes: {reads.text!r}"
        assert reads.text.count(" IA ") + reads.text.count("AI ") + reads.text.count("KI-") <= 1, "said twice"
        same = [
            one
            for one in lately
            if not one.waited and one.text.partition("\n")[0] == reads.text.partition("\n")[0]
        ]
        again = reads.text.startswith(tuple(DISCLOSED.values())) and not reads.waited and len(same) > 1
        assert not again, f"they have read it today: {reads.text!r}"


def answer(deed: str) -> Answer:
    match deed:
        case "clarify":
            return Clarify("Which one?", (Option("1", "this"), Option("2", "that")), "two articles")
        case "people":
            return HandOver("They need a person.", "a rule", trigger="security")
        case _:
            return Answered("An answer.", "an article", settled=True)


@pytest.mark.parametrize("channel", CHANNELS)
def test_no_automatic_words_without_it_and_never_twice(channel: str) -> None:
    run_state_machine_as_test(
        type("OnChannel", (Disclosed,), {"channel": channel}),
        settings=settings(
            max_examples=WALKS,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
        ),
    )
