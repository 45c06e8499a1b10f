"""Resolve and Return, their undo, and what may be opened again: the order written is the order read."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.core.conversation import (
    DeliveryReport,
    EscalationState,
    MessageState,
    Origin,
    OwnerKind,
    Role,
    Status,
)
from bot.core.effects import AddMessage, Deliver, TellRoom
from bot.core.events import Deleted, Edited, Event, Reacted, Said, Sender, Started, Tapped, Unsupported
from bot.core.ids import MessageId
from bot.core.outbound import Mark, Post, React, Whisper
from bot.turns.closing import REOPEN
from bot.turns.decide import decide
from orgs.specification.organization import Reopened
from orgs.translations import texts_in
from tests.orgs.answering.test_only_thanks import MORE, THANKS
from tests.turns.desk import ModelDesk, delivery
from tests.turns.test_one_turn import CARLA, HUGO, ORGANIZATION, Story

CLOSED = texts_in(ORGANIZATION, "en").resolved
UNDO = timedelta(seconds=6)


class Tale(Story):
    """A conversation that waits for people, or that Hugo holds, step by step, with all that leaves."""

    def __init__(self, *, held: bool = True) -> None:
        super().__init__(ModelDesk(ORGANIZATION))
        self.told: list[str] = []  # in the room
        self.called: list[str] = []  # in the room, so that they notice it
        self.marked: list[tuple[str, Mark | None]] = []
        self.whispered: list[str] = []
        self.asked: list[str] = []  # of the agent, in the last step
        self.escalated()
        assert self.desk.state.escalation is not None
        self.thread, self.matter = self.room, str(self.desk.state.escalation.id)
        if held:
            self.presses(HUGO, "take")
        self.sent()

    def step(self, by: timedelta = timedelta()) -> "Tale":
        self.desk.pass_time(by)
        view = self.desk.load()
        decision = decide(view, self.desk.rules(edits=True))
        for effect in decision.turn.effects:
            match effect:
                case TellRoom(operation=Post(text=text, calls=calls)):
                    self.told.append(text)
                    self.called += [calls] if calls else []
                case TellRoom(operation=React(message=ref, mark=mark)):
                    self.marked.append((ref, mark))
                case TellRoom(operation=Whisper(text=text)):
                    self.whispered.append(text)
                case _:
                    pass
        self.asked = [self.desk.state.messages[id_].text for id_ in decision.asked]
        self.desk.commit(view, decision)
        self.desk.state.check()
        return self

    def writes(self, text: str, who: str, ref: str) -> None:
        self.put(Said(text), who, ref=ref, place=self.thread)
        self.step()

    def presses(self, who: str, action: str) -> None:
        escalation = self.desk.state.escalation
        seen = f":{escalation.holder}" if escalation and action == "take" else ""
        self.put(Tapped(action, f"{self.matter}{seen}"), who, place=self.thread)
        self.step()

    def maya(self, text: str, ref: str = "9") -> None:
        self.put(Said(text), ref=ref)
        self.step()

    def fails(self, message: MessageId) -> None:
        self.desk.report(DeliveryReport(message, delivery(), "failed", "code"))
        self.step()

    def sent(self) -> list[str]:
        """Return what has left for the customer since the last call."""
        new = [out for out in self.desk.state.outbox if out.message and not out.tried]
        for out in new:
            out.tried = True
        return [self.desk.state.messages[out.message].text for out in new if out.message]

    @property
    def holder(self) -> str:
        escalation = self.desk.state.escalation
        return str(escalation.holder) if escalation and escalation.holder else ""


@pytest.fixture
def tale() -> Tale:
    return Tale()


# The undo is the author's, whoever holds the conversation


def test_words_of_a_former_holder_keep_their_whole_undo_after_a_takeover(tale: Tale) -> None:
    tale.writes("Hugo here.", HUGO, "s1")
    tale.presses(CARLA, "take")
    assert tale.sent() == []
    tale.put(Deleted("s1"), HUGO, place=tale.thread)
    tale.step(UNDO)
    assert tale.sent() == []


def test_the_next_holders_words_wait_for_those_written_before(tale: Tale) -> None:
    tale.writes("Hugo here.", HUGO, "s1")
    tale.step(timedelta(seconds=3))
    tale.put(Edited("s1", "Hugo was here."), HUGO, place=tale.thread)
    tale.presses(CARLA, "take")
    tale.writes("Carla here.", CARLA, "s2")
    tale.step(timedelta(seconds=3))
    assert tale.sent() == [], "what was written before still has its own undo"
    tale.step(UNDO)
    assert tale.sent() == ["Hugo was here.", "Carla here."]


def test_another_persons_words_wait_for_a_change_of_those_before(tale: Tale) -> None:
    tale.writes("Hugo here.", HUGO, "s1")
    tale.presses(CARLA, "take")
    tale.writes("Carla here.", CARLA, "s2")
    tale.step(timedelta(seconds=3))
    tale.presses(HUGO, "take")
    tale.put(Edited("s1", "Hugo was here."), HUGO, place=tale.thread)
    tale.step()
    tale.step(timedelta(seconds=3))
    assert tale.sent() == [], "the time of the words before began anew"
    tale.step(UNDO)
    assert tale.sent() == ["Hugo was here.", "Carla here."]


def test_an_edit_of_a_former_holder_takes_the_words_back(tale: Tale) -> None:
    tale.writes("Hugo here.", HUGO, "s1")
    tale.presses(CARLA, "take")
    tale.writes("Carla here.", CARLA, "s2")
    tale.put(Edited("s1", "Hugo was here."), HUGO, place=tale.thread)
    tale.step(UNDO)
    tale.step(UNDO)
    assert tale.sent() == ["Carla here."], "neither the old words nor those of who holds it no more"


def test_private_words_that_a_former_holder_adds_do_not_restart_the_undo(tale: Tale) -> None:
    tale.writes("Hugo waits.", HUGO, "s1")
    tale.step(timedelta(seconds=3))
    tale.presses(CARLA, "take")
    tale.put(Edited("s1", "Hugo waits.\n\n// she always complains"), HUGO, place=tale.thread)
    tale.writes("Carla here.", CARLA, "s2")
    tale.step(timedelta(seconds=3))
    assert tale.sent() == ["Hugo waits."], "its time did not begin anew"
    tale.step(UNDO)
    assert tale.sent() == ["Carla here."]
    assert "🔒 This part stays inside: “// she always complains”" in tale.whispered


def test_private_words_that_a_former_holder_removes_do_not_restart_the_undo(tale: Tale) -> None:
    tale.writes("Hugo waits.\n// really", HUGO, "s1")
    tale.presses(CARLA, "take")
    tale.put(Edited("s1", "Hugo waits."), HUGO, place=tale.thread)
    tale.step(UNDO)
    assert tale.sent() == ["Hugo waits."]


def test_private_words_that_a_former_holder_adds_at_the_top_take_all_back(tale: Tale) -> None:
    tale.writes("Hugo waits.", HUGO, "s1")
    tale.presses(CARLA, "take")
    tale.put(Edited("s1", "// not yet\n\nHugo waits."), HUGO, place=tale.thread)
    tale.step(UNDO)
    assert tale.sent() == []


def test_an_edit_after_the_customer_reopened_says_that_nothing_of_it_leaves(tale: Tale) -> None:
    tale.writes("All done.", HUGO, "s1")
    tale.presses(HUGO, "resolve")
    tale.maya("It is still there")
    tale.put(Edited("s1", "Nearly done."), HUGO, place=tale.thread)
    tale.step(UNDO)
    assert not any("done" in text for text in tale.sent())
    assert tale.whispered[-1] == (
        "You no longer hold this conversation, so your change was not sent, and your earlier words were"
        " taken back."
    )


@pytest.mark.parametrize("action", ["resolve", "return"])
def test_closing_leaves_words_their_undo_and_its_own_words_come_last(tale: Tale, action: str) -> None:
    tale.writes("All done.", HUGO, "s1")
    tale.presses(HUGO, action)
    assert tale.sent() == []
    tale.step(UNDO)
    left = tale.sent()
    assert left[0] == "All done."
    assert len(left) == 2


def test_after_the_closing_the_author_still_takes_back_what_waits(tale: Tale) -> None:
    tale.writes("All done.", HUGO, "s1")
    tale.presses(HUGO, "resolve")
    tale.put(Reacted("s1", "👎", added=True), CARLA, place=tale.thread)
    tale.put(Reacted("s1", "👎", added=True), HUGO, place=tale.thread)
    tale.step(UNDO)
    assert tale.sent() == [CLOSED]


def test_nobody_but_the_author_takes_back_what_waits(tale: Tale) -> None:
    tale.writes("All done.", HUGO, "s1")
    tale.presses(CARLA, "take")
    tale.put(Reacted("s1", "👎", added=True), CARLA, place=tale.thread)
    tale.step(UNDO)
    assert tale.sent() == ["All done."]


def test_the_agent_is_asked_when_all_has_left_that_was_written_before(tale: Tale) -> None:
    tale.writes("The assistant can tell you.", HUGO, "s1")
    tale.presses(HUGO, "return")
    tale.maya("How do I invite my team?")
    assert tale.asked == []
    tale.step(UNDO)
    assert len(tale.sent()) == 2
    assert tale.asked == ["How do I invite my team?"]
    assert tale.desk.state.memory.owed == ()


def test_a_greeting_meanwhile_waits_behind_what_was_written_before(tale: Tale) -> None:
    tale.writes("All done.", HUGO, "s1")
    tale.presses(HUGO, "return")
    tale.put(Started(""))
    tale.step()
    assert tale.sent() == []
    tale.step(UNDO)
    done, returned, greeting = tale.sent()
    assert done == "All done."
    assert "here again" in returned
    assert greeting.startswith("Hello")


def test_a_question_that_is_deleted_meanwhile_is_not_asked(tale: Tale) -> None:
    tale.presses(HUGO, "return")
    tale.maya("How do I invite my team?")
    tale.put(Deleted("9"))
    tale.step(UNDO)
    assert tale.asked == []


def test_every_post_in_the_closed_thread_is_answered_privately(tale: Tale) -> None:
    tale.presses(HUGO, "resolve")
    tale.writes("afterthought", HUGO, "s1")
    tale.writes("and another", HUGO, "s2")
    tale.put(Unsupported("poll"), HUGO, ref="s3", place=tale.thread)
    tale.step()
    assert tale.marked == [(ref, Mark.INSIDE) for ref in ("s1", "s2", "s3")]
    assert len(tale.whispered) == 3
    assert all("**Hugo Martin** marked it as solved. Press **Reopen**" in text for text in tale.whispered)


# "Just write again and we will pick it up"


def test_words_after_resolve_go_back_to_the_team_in_the_same_thread(tale: Tale) -> None:
    tale.presses(HUGO, "resolve")
    tale.step(UNDO)
    tale.sent()
    tale.maya("It is still there")
    escalation = tale.desk.state.escalation
    assert escalation is not None
    assert (str(escalation.id), escalation.state) == (tale.matter, EscalationState.WAITING)
    assert escalation.room is not None
    assert (escalation.room.place, escalation.room.open) == (tale.thread, True)
    assert tale.desk.state.owner.kind is OwnerKind.QUEUE
    assert any("Reopened by the customer. **Hugo Martin**, you had this last" in text for text in tale.told)
    assert tale.called == [HUGO]
    assert "It is still there" in tale.told[-1]
    assert tale.asked == []
    assert len(tale.sent()) == 1, "they are told once who looks at it"
    tale.presses(HUGO, "take")
    tale.writes("I look again.", HUGO, "s2")
    tale.step(UNDO)
    assert tale.sent() == ["I look again."]


def test_words_of_the_customer_that_reopen_a_conversation_are_shown_once(tale: Tale) -> None:
    tale.presses(HUGO, "resolve")
    tale.step(UNDO)
    tale.put(Said("It is still there"), ref="8")
    tale.put(Said("and worse"), ref="9")
    tale.step()
    for words in ("It is still there", "and worse"):
        assert len([text for text in tale.told if words in text]) == 1


def test_words_that_cross_the_closing_undo_it(tale: Tale) -> None:
    tale.presses(HUGO, "resolve")
    tale.maya("One more thing")
    tale.step(UNDO)
    assert tale.sent() == [], "they never hear that it was solved"
    assert tale.desk.state.owner.kind is OwnerKind.QUEUE


def test_the_file_may_say_agent_first() -> None:
    tale = Tale()
    policies = tale.desk.organization.policies.model_copy(update={"reopened": Reopened.AGENT})
    tale.desk.organization = tale.desk.organization.model_copy(update={"policies": policies})
    tale.presses(HUGO, "resolve")
    tale.step(UNDO)
    tale.maya("It is still there")
    assert tale.asked == ["It is still there"]
    assert tale.desk.state.status is Status.IN_PROGRESS


@pytest.mark.parametrize("text", [*THANKS, "Thank you Hugo!", "Vielen Dank!\n\nViele Grüße\nMaya"])
def test_thanks_after_resolve_call_nobody_and_are_shown_in_the_closed_thread(tale: Tale, text: str) -> None:
    tale.writes("It is refunded.", HUGO, "s1")
    tale.presses(HUGO, "resolve")
    tale.step(UNDO)
    tale.sent()
    called = len(tale.told)
    tale.maya(text)
    assert tale.desk.state.status is Status.RESOLVED
    assert tale.asked == []
    assert tale.sent() == []
    assert text.split("\n", maxsplit=1)[0] in tale.told[-1]
    assert len(tale.told) == called + 1, "nobody is called"


@pytest.mark.parametrize("text", [text for text in MORE if text])
def test_words_that_are_more_than_thanks_reopen(tale: Tale, text: str) -> None:
    tale.presses(HUGO, "resolve")
    tale.step(UNDO)
    tale.maya(text)
    assert tale.desk.state.owner.kind is OwnerKind.QUEUE


def test_a_yes_to_our_question_reopens(tale: Tale) -> None:
    tale.writes("Shall I cancel the add-on as well?", HUGO, "s1")
    tale.presses(HUGO, "resolve")
    tale.step(UNDO)
    tale.maya("yes")
    assert tale.desk.state.owner.kind is OwnerKind.QUEUE


def test_a_message_that_cannot_be_shown_reopens_the_conversation(tale: Tale) -> None:
    tale.presses(HUGO, "resolve")
    tale.step(UNDO)
    tale.put(Unsupported("poll"), ref="9")
    tale.step()
    assert tale.desk.state.owner.kind is OwnerKind.QUEUE
    assert "cannot show: poll" in tale.told[-1]


def test_opening_the_chat_again_takes_nothing_from_the_team(tale: Tale) -> None:
    tale.presses(HUGO, "resolve")
    tale.step(UNDO)
    tale.put(Started())
    tale.step()
    tale.maya("It is still there")
    assert tale.desk.state.owner.kind is OwnerKind.QUEUE


# Reopen


def test_a_refusal_names_the_press_that_it_answers(tale: Tale) -> None:
    pressed = Event(
        external_id="p1",
        place=tale.thread,
        sender=Sender("U0STRANGER"),
        content=Tapped("take", tale.matter),
        occurred_at=tale.desk.tick(),
        press="q1",
    )
    tale.desk.accept(pressed, Origin.ROOM)
    turn = decide(tale.desk.load(), tale.desk.rules(edits=True)).turn
    [whisper] = [effect.operation for effect in turn.effects if isinstance(effect, TellRoom)]
    assert isinstance(whisper, Whisper)
    assert (whisper.person, whisper.press) == ("U0STRANGER", "q1")


@pytest.mark.parametrize("action", ["resolve", "return"])
def test_before_the_customer_is_told_reopening_undoes_the_closing(tale: Tale, action: str) -> None:
    tale.writes("All done.", HUGO, "s1")
    tale.presses(HUGO, action)
    tale.presses(HUGO, REOPEN)
    tale.step(UNDO)
    assert tale.sent() == ["All done."]
    assert tale.holder == "hugo"
    tale.writes("Nearly.", HUGO, "s2")
    tale.step(UNDO)
    assert tale.sent() == ["Nearly."]


def test_an_unheld_conversation_waits_again_when_its_closing_is_undone() -> None:
    tale = Tale(held=False)
    tale.presses(HUGO, "resolve")
    tale.presses(HUGO, REOPEN)
    assert tale.desk.state.owner.kind is OwnerKind.QUEUE
    assert ("ladder", "") in tale.desk.state.timers


def test_a_person_who_reopens_later_holds_it_and_reads_what_was_said_meanwhile(tale: Tale) -> None:
    tale.presses(HUGO, "return")
    tale.step(UNDO)
    tale.sent()
    tale.maya("How do I invite my team?")
    tale.presses(CARLA, REOPEN)
    assert tale.holder == "carla"
    assert any("Since then" in text and "invite my team" in text for text in tale.told)
    tale.writes("Under Settings.", CARLA, "s2")
    tale.step(UNDO)
    assert tale.sent() == ["Under Settings."]


def test_words_written_in_a_closed_thread_stay_inside_for_ever(tale: Tale) -> None:
    tale.presses(HUGO, "resolve")
    tale.writes("what a fuss", HUGO, "s1")
    tale.presses(HUGO, REOPEN)
    tale.step(UNDO)
    assert tale.sent() == []
    assert [m.state for m in tale.desk.state.staff_lines()] == [MessageState.NOTE]


def test_a_question_that_the_agent_has_not_answered_is_the_persons_after_reopening(tale: Tale) -> None:
    tale.presses(HUGO, "return")
    tale.maya("How do I invite my team?")
    tale.presses(HUGO, REOPEN)
    tale.step(UNDO)
    assert tale.asked == []
    assert any("invite my team" in text for text in tale.told)


def test_reopening_what_is_open_or_was_begun_anew_is_refused_with_a_word(tale: Tale) -> None:
    tale.presses(CARLA, REOPEN)
    assert "Hugo Martin** is handling this already" in tale.whispered[-1]
    tale.presses(HUGO, "return")
    tale.step(UNDO)
    tale.maya("Somebody is in my account!")
    tale.put(Said("Help!"), ref="10")
    tale.turn("security")
    tale.presses(HUGO, REOPEN)
    assert "goes on in a newer thread" in tale.whispered[-1]


def test_reopening_after_the_customer_began_another_conversation_is_refused(tale: Tale) -> None:
    tale.presses(HUGO, "resolve")
    tale.step(UNDO)
    tale.put(Tapped(REOPEN, tale.matter), HUGO, place=tale.thread)
    view = tale.desk.load()
    moved = replace(view.conversation, continued_in=view.conversation.id)
    turn = decide(replace(view, conversation=moved), tale.desk.rules(edits=True)).turn
    [whisper] = [e.operation for e in turn.effects if isinstance(e, TellRoom)]
    assert isinstance(whisper, Whisper)
    assert "begun a new conversation" in whisper.text
    assert not any(isinstance(effect, AddMessage | Deliver) for effect in turn.effects)


def test_a_change_that_fails_after_the_closing_is_told_in_the_closed_thread(tale: Tale) -> None:
    tale.writes("All done.", HUGO, "s1")
    tale.step(UNDO)
    tale.sent()
    words = next(m for m in tale.desk.state.messages.values() if m.role is Role.STAFF)
    tale.put(Deleted("s1"), HUGO, place=tale.thread)
    tale.presses(HUGO, "resolve")
    tale.desk.report(DeliveryReport(words.id, delivery(), "unchanged", "too old"))
    tale.step()
    assert any("still has what you changed or deleted" in text for text in tale.told)


def test_a_thumbs_down_that_comes_too_late_is_answered(tale: Tale) -> None:
    tale.writes("All done.", HUGO, "s1")
    tale.step(UNDO)
    tale.desk.state.deliver()
    tale.put(Reacted("s1", "👎", added=True), HUGO, place=tale.thread)
    tale.step()
    assert "delete it to take it back" in tale.whispered[-1]


def test_last_words_that_fail_after_the_closing_open_it_again(tale: Tale) -> None:
    tale.writes("All done.", HUGO, "s1")
    tale.presses(HUGO, "resolve")
    tale.step(UNDO)
    words = next(m for m in tale.desk.state.messages.values() if m.role is Role.STAFF)
    for out in tale.desk.state.outbox:
        if out.message == words.id:
            out.tried = out.dead = True
    tale.fails(words.id)
    assert tale.desk.state.owner.kind is OwnerKind.QUEUE
    assert tale.desk.state.escalation is not None
    assert str(tale.desk.state.escalation.id) == tale.matter
    tale.presses(HUGO, "take")
    tale.put(Tapped("send_again", str(words.id)), HUGO, place=tale.thread)
    tale.step()
    assert "All done." in tale.sent()
