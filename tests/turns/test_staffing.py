"""Turns by an organization file that names the holder, or the team, of a conversation no more."""

from bot.core.conversation import EscalationState, OwnerKind, TeamChanged
from bot.core.effects import TellRoom
from bot.core.events import Said
from bot.core.ids import PersonId
from bot.core.outbound import Post
from bot.turns.assigning import assign
from bot.turns.turn import Turn
from orgs.documents import from_document, to_document
from orgs.routing import default_team
from orgs.specification.organization import Organization
from tests.story.shell import without_person
from tests.turns.desk import organization
from tests.turns.test_holder_left import held_by_hugo, told_customer
from tests.turns.test_lost_rooms import waiting
from tests.turns.test_one_turn import CARLA, HUGO, Story


def changed(*changes: object) -> Organization:
    document: dict[str, object] = dict(to_document(organization()))
    for change in changes:
        change(document)  # type: ignore[operator]
    return from_document(document)  # type: ignore[arg-type]


def test_the_next_event_of_a_conversation_finds_that_its_holder_is_gone() -> None:
    """They may have taken it by the older file, a moment after the newer one was put in force."""
    story = held_by_hugo()
    story.desk.organization = changed(without_person("hugo"))
    before = told_customer(story)
    story.put(Said("Hello?"))
    story.turn()
    state = story.desk.state
    assert state.owner.kind is OwnerKind.QUEUE
    assert state.escalation is not None
    assert state.escalation.state is EscalationState.WAITING
    assert told_customer(story) == before


def test_a_conversation_of_a_removed_team_keeps_its_holder_and_gets_another_team() -> None:
    story = held_by_hugo()
    assert story.desk.state.escalation is not None
    team = story.desk.state.escalation.team

    def gone(document: dict[str, object]) -> None:
        document["teams"] = [each for each in document["teams"] if each["id"] != team]  # type: ignore[attr-defined]

    story.desk.organization = changed(gone)
    story.desk.report(TeamChanged(team))
    story.turn()
    state = story.desk.state
    assert state.owner.kind is OwnerKind.PERSON
    assert state.escalation is not None
    assert state.escalation.team == default_team(story.desk.organization).id


def elsewhere(story: Story) -> list[Post]:
    """The team of the conversation gets another channel. Returns what its new room is told."""
    escalation = story.desk.state.escalation
    assert escalation is not None
    assert escalation.room is not None
    team, account = escalation.team, escalation.room.place.account

    def moved(document: dict[str, object]) -> None:
        [one] = [each for each in document["teams"] if each["id"] == team]  # type: ignore[attr-defined]
        one["channels"]["escalation"] = {account: "#another-channel"}

    story.desk.organization = changed(moved)
    story.desk.report(TeamChanged(team))
    effects = story.turn()
    after = story.desk.state.escalation
    assert after is not None
    assert after.room is not None
    assert after.room.name == "#another-channel"
    told = [e.operation for e in effects if isinstance(e, TellRoom) and e.room == after.room.id]
    return [each for each in told if isinstance(each, Post)]


def test_in_the_teams_new_channel_the_holder_is_called() -> None:
    [called] = [post for post in elsewhere(held_by_hugo()) if post.calls]
    assert called.calls == HUGO
    assert "works in another channel now" in called.text


def test_the_assignee_is_called_in_the_teams_new_channel() -> None:
    story = waiting()
    turn = Turn(story.desk.load(), story.desk.rules(edits=True))
    assign(turn, PersonId("carla"), PersonId("hugo"))
    story.desk.state.apply(turn.effects)
    [called] = [post for post in elsewhere(story) if post.calls]
    assert (called.calls, called.text) == (CARLA, "🔔 **Carla Mendes** is asked to take this.")
