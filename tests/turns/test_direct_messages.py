"""Direct messages to staff: on an account that knows the person, and on the next one when that fails."""

from dataclasses import replace

from bot.core.connector import MODEST
from bot.core.conversation import DeliveryReport, Origin
from bot.core.effects import Effect, TellPerson, TellRoom
from bot.core.errors import AnswererUnavailable
from bot.core.events import Channel, Event, Place, Said, Sender
from bot.core.ids import PersonId
from bot.core.outbound import DirectMessage, Post
from bot.turns.decide import decide, give_up
from bot.turns.turn import Turn
from orgs.specification.organization import Person
from tests.turns.desk import ModelDesk, delivery, organization

SLACK, TELEGRAM = Channel("slack"), Channel("telegram")
WORDS = Post("Please look.")


def escalated() -> ModelDesk:
    desk = ModelDesk(organization())
    event = Event(
        external_id="e1",
        place=desk.place,
        sender=Sender(desk.place.chat, "Maya"),
        content=Said("Help!"),
        occurred_at=desk.tick(),
    )
    desk.accept(event, Origin.CUSTOMER)
    view = desk.load()
    desk.commit(view, give_up(decide(view, desk.rules(edits=True)), AnswererUnavailable("away")))
    return desk


def after(desk: ModelDesk, message: DirectMessage) -> list[Effect]:
    """Return the effects that follow when the message did not reach its person."""
    desk.report(
        DeliveryReport(
            None, delivery(), "failed", "user_disabled: that person is deactivated", direct=message
        )
    )
    return decide(desk.load(), desk.rules(edits=True)).turn.effects


def test_a_person_is_told_on_the_first_staff_account_that_knows_them() -> None:
    desk = ModelDesk(organization())
    turn = Turn(desk.load(), desk.rules(edits=True))
    assert turn.tell_person("farid", WORDS)
    assert turn.effects == [
        TellPerson(DirectMessage(PersonId("farid"), Place(SLACK, "slack", "U0FARID006"), WORDS))
    ]
    assert not turn.tell_person("nobody", WORDS)


def test_a_person_named_by_email_alone_is_told_where_the_channel_knows_them_by_it() -> None:
    desk = ModelDesk(organization())
    people = (Person(id="nora", name="Nora", email="nora@brightdesk.example"), *desk.organization.people)
    desk.organization = desk.organization.model_copy(update={"people": people})
    rules = desk.rules(edits=True)
    assert not Turn(desk.load(), rules).tell_person("nora", WORDS), "no channel knows them by it"
    known = {"slack": replace(MODEST, emails=True), "telegram-staff": MODEST}
    turn = Turn(desk.load(), replace(rules, capabilities=known))
    assert turn.tell_person("nora", WORDS)
    there = Place(SLACK, "slack", "nora@brightdesk.example")
    assert turn.effects == [TellPerson(DirectMessage(PersonId("nora"), there, WORDS))]


def test_a_person_who_is_not_reached_in_slack_is_told_on_telegram() -> None:
    message = DirectMessage(PersonId("farid"), Place(SLACK, "slack", "U0FARID006"), WORDS)
    told = [e for e in after(escalated(), message) if isinstance(e, TellPerson)]
    there = Place(TELEGRAM, "telegram-staff", "7100000001")
    assert told == [TellPerson(DirectMessage(PersonId("farid"), there, WORDS))]


def test_a_person_who_is_reached_nowhere_is_named_in_the_room() -> None:
    message = DirectMessage(PersonId("farid"), Place(TELEGRAM, "telegram-staff", "7100000001"), WORDS)
    effects = after(escalated(), message)
    assert not any(isinstance(e, TellPerson) for e in effects)
    told = [e.operation for e in effects if isinstance(e, TellRoom)]
    assert told == [Post("⚠️ **Farid Haddad** could not be told: that person is deactivated")]
