"""A customer is erased: nobody has the conversation any more, and no clock of it rings."""

from dataclasses import replace
from uuid import UUID

from bot.core.conversation import (
    Body,
    CustomerErased,
    DeliveryReport,
    Erased,
    EscalationState,
    Input,
    Origin,
    OwnerKind,
    Status,
)
from bot.core.effects import Audit, DeletePosts, Effect, ShowCard, TellRoom
from bot.core.events import Said
from bot.core.ids import DeliveryId
from bot.core.outbound import Post, Whisper
from bot.turns.decide import decide
from tests.turns.desk import ModelDesk, organization
from tests.turns.test_one_turn import HUGO, Story

_GONE = CustomerErased()


def erased(story: Story, body: Body = _GONE) -> list[Effect]:
    view = story.desk.load()
    inputs = (Input(seq=1, origin=Origin.SELF, body=body),)
    view = replace(
        view, conversation=replace(view.conversation, erased=Erased(view.now, "person:anna")), inputs=inputs
    )
    effects = decide(view, story.desk.rules(edits=True)).turn.effects
    if body is _GONE:
        story.desk.state.apply(effects)
    return effects


def held() -> Story:
    story = Story(ModelDesk(organization()))
    story.held(HUGO)
    return story


def test_the_escalation_ends_and_no_clock_is_left() -> None:
    story = held()
    story.put(Said("The refund is on its way."), HUGO, ref="s1")
    story.turn()
    state = story.desk.state
    assert {kind for kind, _ in state.timers} >= {"release", "answer_due"}
    erased(story)
    assert state.escalation is not None
    assert state.escalation.state is EscalationState.RESOLVED
    assert (state.owner.kind, state.status) == (OwnerKind.AGENT, Status.RESOLVED)
    assert state.timers == {}
    assert not any(room.open for room in state.rooms.values())
    assert not story.leave()


def test_the_room_and_the_author_of_waiting_words_are_told_of_the_erasure() -> None:
    story = held()
    story.put(Said("The refund is on its way."), HUGO, ref="s1")
    story.turn()
    effects = erased(story)
    assert any(isinstance(effect, ShowCard) for effect in effects)
    told = [e.operation for e in effects if isinstance(e, TellRoom)]
    assert [each for each in told if isinstance(each, Post | Whisper)] == [
        Whisper(HUGO, "This customer was erased before your last words left: they were not sent."),
        Post(
            "🗑️ This customer was erased on 2026-03-02 at 10:00 UTC by Anna Lindqvist."
            " Nothing written here reaches anybody. This thread is closed.",
            calls=HUGO,
        ),
    ]
    deleting = next(n for n, effect in enumerate(effects) if isinstance(effect, DeletePosts))
    assert isinstance(effects[deleting - 1], ShowCard), "the card comes first"
    assert not any(isinstance(effect, TellRoom) for effect in effects[:deleting]), "what is told then stays"


def test_a_post_that_cannot_be_deleted_is_counted_on_the_card() -> None:
    story = held()
    erased(story)
    [room] = story.desk.state.rooms
    report = DeliveryReport(None, DeliveryId(UUID(int=7)), "unchanged", "too_old", room=room, code="refused")
    effects = erased(story, report)
    assert [effect for effect in effects if isinstance(effect, ShowCard)] == [ShowCard(room)]
    assert "post.remains" in [effect.action for effect in effects if isinstance(effect, Audit)]
