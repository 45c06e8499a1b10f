"""Assign a conversation to a person: they are called, and speak to the customer once they take it."""

from bot.core.conversation import DeliveryReport, EscalationState, HolderLeft, Status
from bot.core.effects import AddStep, ClearTimers, TellRoom
from bot.core.ids import PersonId
from bot.core.outbound import Button, Invite, Post, Style
from bot.turns.escalating import ANSWER_DUE, ask, start_clocks, target_of
from bot.turns.escaping import inert, without_code
from bot.turns.holder_left import back_to_queue, hear
from bot.turns.ownership import Cause
from bot.turns.turn import Turn
from orgs.routing import find_team, person_on

JOIN = "join"
_ASKED = "asked:"  # before the id of a person who was asked directly, in `Memory.advised`


def assign(turn: Turn, person: PersonId, by: PersonId) -> None:
    """Reserve the conversation for a person and call them.

    It waits in its team's queue until that person, or somebody else, takes it. What the person writes before
    that is private. If they do not take it in time, the next target of the ladder is called.
    """
    escalation = turn.escalation
    assert escalation is not None  # noqa: S101  callers look first
    before = escalation.holder
    turn.change_escalation(state=EscalationState.WAITING, holder=None, assignee=person)
    turn.add(AddStep(escalation.id, before or escalation.team, person, "assigned"))
    turn.add(ClearTimers(ANSWER_DUE))
    turn.give(Cause.ASSIGNED, escalation.team, Status.ESCALATED)
    start_clocks(turn, target_of(turn, escalation))
    name, colleague = turn.person_name(person), turn.person_name(by)
    ask(
        turn,
        person,
        f"🔔 **{colleague}** assigned this to **{name}**. {name}, press **Take** on the card to talk to"
        f" {turn.customer_name}: until then nobody does.",
    )
    if before not in (None, by):
        former = turn.person_name(before)
        turn.call(
            before,
            f"➡️ **{former}**, this is yours no longer: what you write here does not reach"
            f" {turn.customer_name}.",
        )
    turn.show_card()
    turn.explain(f"person {by}", f"assigned it to {person}")
    turn.audit(f"person:{by}", "escalation.assigned", assignee=person, escalation=str(escalation.id))


def not_in_channel(turn: Turn, report: DeliveryReport) -> None:
    """Tell a person directly who was called in a channel of which they are no member.

    Tell the room when they could not be added to the channel.
    """
    room = turn.rooms.get(report.room) if report.room else None
    person = person_on(turn.organization, room.place.channel, report.absent, report.absent) if room else None
    if person is None:
        return
    if report.outcome == "delivered":
        turn.explain("delivery", f"person {person} was called and is not in the channel: told directly")
        _tell_directly(turn, person)
        _let_go(turn, person)
        return
    turn.explain("delivery", f"person {person} could not be added to the channel: {report.reason}")
    failed = f"couldn't be added to this channel: {inert(without_code(report.reason))}."
    turn.tell_room(Post(f"⚠️ **{turn.person_name(person)}** {failed} Invite them by hand."), room=room)


def _let_go(turn: Turn, person: PersonId) -> None:
    """Return a conversation to the queue when its holder is no longer in its channel."""
    escalation = turn.escalation
    if escalation is None or escalation.state is not EscalationState.HELD or escalation.holder != person:
        return
    gone = f"{turn.person_name(person)} is not in this channel any more"
    turn.tell_room(Post(f"⚠️ {gone}. Nobody is handling this now: press **Take** on the card to go on."))
    back_to_queue(turn, gone)


def _tell_directly(turn: Turn, person: PersonId) -> None:
    escalation = turn.escalation
    if escalation is None:
        return
    team = find_team(turn.organization, escalation.team)
    name = team.name if team else escalation.team
    join = Button(JOIN, str(escalation.id), "Join the channel", Style.PRIMARY)
    where = f"a channel of **{name}** that you are not in: join it"
    text = (
        f"🔔 You are asked to take the conversation with {turn.customer_name}. It is in {where}, then press"
    )
    text += " **Take** on the card there."
    if escalation.holder == person:
        text = (
            f"🔔 {turn.customer_name} waits for your answer, in {where}, then press **Take** on the card"
            " there. Until then anybody may take it."
        )
    told = turn.tell_person(person, Post(text, buttons=(join,)))
    if told:
        if escalation.holder != person:
            turn.advise(f"{_ASKED}{person}")
        return
    why = (
        "is not in this channel and could not be told: the organization file names no other way to reach them"
    )
    if escalation.assignee == person:
        hear(turn, HolderLeft(person, turn.person_name(person), why))
    else:
        turn.tell_room(Post(f"⚠️ **{turn.person_name(person)}** {why}."))


def correct_asked(turn: Turn) -> None:
    """Tell each person who was asked directly, once, when the conversation is no longer theirs to take."""
    memories = (turn.view.conversation.memory, turn.memory)
    for topic in dict.fromkeys(t for memory in memories for t in memory.advised if t.startswith(_ASKED)):
        person = PersonId(topic.removeprefix(_ASKED))
        why = _why_no_longer(turn, person)
        if why is None:
            turn.advise(topic)
            continue
        turn.remember(advised=tuple(other for other in turn.memory.advised if other != topic))
        if why:
            text = f"✔️ You need not take the conversation with {turn.customer_name} any more: {why}."
            turn.tell_person(person, Post(text))


def _why_no_longer(turn: Turn, person: PersonId) -> str | None:
    """Return why a person who was asked need not take the conversation any more.

    Return None while they still may take it, and "" if they know already.
    """
    escalation = turn.escalation
    if escalation is None:
        return "it was closed"
    if escalation.state is EscalationState.HELD:
        holder = escalation.holder
        return "" if holder == person else f"**{turn.person_name(holder)}** has it"
    if escalation.assignee in (None, person):
        return None
    return f"it was assigned to **{turn.person_name(escalation.assignee)}**"


def join(turn: Turn, escalation_id: str, person: PersonId) -> None:
    """Add a person to the room's channel who asked for it in their direct messages."""
    escalation, room, known = turn.escalation, turn.open_room, turn.known_as(person)
    if escalation is None or str(escalation.id) != escalation_id or room is None or not known:
        turn.tell_person(person, Post("This conversation was closed or handed over in the meantime."))
        turn.explain(f"person {person}", "asked to join the channel of a conversation that is over")
        return
    turn.add(TellRoom(room.id, Invite(known)))
    turn.explain(f"person {person}", "asked to be let into the channel")
