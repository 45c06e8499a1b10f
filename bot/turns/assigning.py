"""Assign a conversation to a person: they are called, and speak to the customer once they take it."""

from bot.core.conversation import DeliveryReport, EscalationState, HolderLeft, Status
from bot.core.effects import AddStep, ClearTimers, TellRoom
from bot.core.ids import PersonId
from bot.core.outbound import Button, Invite, Post, Style
from bot.turns.draft import Draft
from bot.turns.escalating import ANSWER_DUE, ask, start_clocks, target_of
from bot.turns.holder import back_to_queue, hear
from bot.turns.ownership import Cause
from bot.turns.quoting import inert, without_code
from orgs.routing import find_team, person_on

JOIN = "join"
_ASKED = "asked:"  # before the id of a person who was asked directly, in `Memory.advised`


def assign(draft: Draft, person: PersonId, by: PersonId) -> None:
    """Reserve the conversation for a person and call them.

    It waits in its team's queue until that person, or somebody else, takes it. What the person writes before
    that is private. If they do not take it in time, the next target of the ladder is called.
    """
    escalation = draft.escalation
    assert escalation is not None  # noqa: S101  callers look first
    before = escalation.holder
    draft.change_escalation(state=EscalationState.WAITING, holder=None, assignee=person)
    draft.add(AddStep(escalation.id, before or escalation.team, person, "assigned"))
    draft.add(ClearTimers(ANSWER_DUE))
    draft.give(Cause.ASSIGNED, escalation.team, Status.ESCALATED)
    start_clocks(draft, target_of(draft, escalation))
    name, colleague = draft.person_name(person), draft.person_name(by)
    ask(
        draft,
        person,
        f"🔔 **{colleague}** assigned this to **{name}**. {name}, press **Take** on the card to speak to"
        f" {draft.customer_name}: until then nobody does.",
    )
    if before not in (None, by):
        former = draft.person_name(before)
        draft.call(
            before,
            f"➡️ **{former}**, this is yours no longer: what you write here does not reach"
            f" {draft.customer_name}.",
        )
    draft.show_card()
    draft.because(f"person {by}", f"assigned it to {person}")
    draft.audit(f"person:{by}", "escalation.assigned", assignee=person, escalation=str(escalation.id))


def not_in_channel(draft: Draft, report: DeliveryReport) -> None:
    """Tell a person directly who was called in a channel of which they are no member.

    Tell the room when they could not be added to the channel.
    """
    room = draft.rooms.get(report.room) if report.room else None
    person = person_on(draft.organization, room.place.channel, report.absent, report.absent) if room else None
    if person is None:
        return
    if report.outcome == "delivered":
        draft.because("delivery", f"person {person} was called and is not in the channel: told directly")
        _tell_directly(draft, person)
        _let_go(draft, person)
        return
    draft.because("delivery", f"person {person} could not be added to the channel: {report.reason}")
    failed = f"couldn't be added to this channel: {inert(without_code(report.reason))}."
    draft.tell_room(Post(f"⚠️ **{draft.person_name(person)}** {failed} Invite them by hand."), room=room)


def _let_go(draft: Draft, person: PersonId) -> None:
    """Return a conversation to the queue when its holder is no longer in its channel."""
    escalation = draft.escalation
    if escalation is None or escalation.state is not EscalationState.HELD or escalation.holder != person:
        return
    gone = f"{draft.person_name(person)} is not in this channel any more"
    draft.tell_room(
        Post(f"⚠️ {gone}. Nobody speaks to {draft.customer_name} now: press **Take** on the card to go on.")
    )
    back_to_queue(draft, gone)


def _tell_directly(draft: Draft, person: PersonId) -> None:
    escalation = draft.escalation
    if escalation is None:
        return
    team = find_team(draft.organization, escalation.team)
    name = team.name if team else escalation.team
    join = Button(JOIN, str(escalation.id), "Join the channel", Style.PRIMARY)
    where = f"a channel of **{name}** that you are not in: join it"
    text = (
        f"🔔 You are asked to take the conversation with {draft.customer_name}. It is in {where}, then press"
    )
    text += " **Take** on the card there."
    if escalation.holder == person:
        text = (
            f"🔔 {draft.customer_name} waits for your answer, in {where}, then press **Take** on the card"
            " there. Until then anybody may take it."
        )
    told = draft.tell_person(person, Post(text, buttons=(join,)))
    if told:
        if escalation.holder != person:
            draft.advise(f"{_ASKED}{person}")
        return
    why = (
        "is not in this channel and could not be told: the organization file names no other way to reach them"
    )
    if escalation.assignee == person:
        hear(draft, HolderLeft(person, draft.person_name(person), why))
    else:
        draft.tell_room(Post(f"⚠️ **{draft.person_name(person)}** {why}."))


def correct_asked(draft: Draft) -> None:
    """Tell each person who was asked directly, once, when the conversation is no longer theirs to take."""
    memories = (draft.view.conversation.memory, draft.memory)
    for topic in dict.fromkeys(t for memory in memories for t in memory.advised if t.startswith(_ASKED)):
        person = PersonId(topic.removeprefix(_ASKED))
        why = _why_no_longer(draft, person)
        if why is None:
            draft.advise(topic)
            continue
        draft.remember(advised=tuple(other for other in draft.memory.advised if other != topic))
        if why:
            text = f"✔️ You need not take the conversation with {draft.customer_name} any more: {why}."
            draft.tell_person(person, Post(text))


def _why_no_longer(draft: Draft, person: PersonId) -> str | None:
    """Return why a person who was asked need not take the conversation any more.

    Return None while they still may take it, and "" if they know already.
    """
    escalation = draft.escalation
    if escalation is None:
        return "it was closed"
    if escalation.state is EscalationState.HELD:
        holder = escalation.holder
        return "" if holder == person else f"**{draft.person_name(holder)}** has it"
    if escalation.assignee in (None, person):
        return None
    return f"it was assigned to **{draft.person_name(escalation.assignee)}**"


def join(draft: Draft, escalation_id: str, person: PersonId) -> None:
    """Add a person to the room's channel who asked for it in their direct messages."""
    escalation, room, known = draft.escalation, draft.open_room, draft.known_as(person)
    if escalation is None or str(escalation.id) != escalation_id or room is None or not known:
        draft.tell_person(person, Post("This conversation was closed or handed on in the meantime."))
        draft.because(f"person {person}", "asked to join the channel of a conversation that is over")
        return
    draft.add(TellRoom(room.id, Invite(known)))
    draft.because(f"person {person}", "asked to be let into the channel")
