"""Decide what a press of a button or a form on a card does, and who may press it."""

from itertools import takewhile

from bot.core.conversation import Escalation, EscalationState, MessageState, Role
from bot.core.effects import ChangeMessage, SendAgain, SettleOffer
from bot.core.events import OPEN_NEXT, SEND_ALL, Event, Submitted, Tapped
from bot.core.ids import PersonId
from bot.core.outbound import Button, Mark, Post
from bot.core.permissions import Permission
from bot.turns import in_doubt, watching, window
from bot.turns.assigning import JOIN, assign, join
from bot.turns.closing import REOPEN, close, reopen_by_staff, why_closed
from bot.turns.escaping import inert
from bot.turns.taking import take
from bot.turns.turn import STRANGER, Turn
from bot.turns.underway import SEND_AGAIN
from bot.turns.who_may_speak import in_open_room
from orgs.routing import find_person, people_of, person_on

TAKE, ASSIGN, RESOLVE, RETURN = "take", "assign", "resolve", "return"
ASSIGN_TO, ASK_NUMBER = "assign_to", "ask_number"

_OFFERED = 8  # people that are offered as buttons


def press(turn: Turn, event: Event, tap: Tapped, person: PersonId | None) -> None:
    who = event.sender.external_id
    if tap.action in (SEND_ALL, OPEN_NEXT):
        in_doubt.press(turn, event, tap, person)
        return
    if person is None:
        turn.whisper(who, STRANGER)
        return
    if (needed := _needed(turn, tap.action, person)) is not None and not turn.may(person, needed):
        _refuse(turn, person, who, needed)
        return
    if tap.action in (watching.TAKE_FROM_AGENT, watching.STOP_WATCHING):
        watching.press(turn, tap.action, event, person)
        return
    if tap.action == REOPEN:
        reopen_by_staff(turn, tap.value, person, who, event.occurred_at)
        return
    if tap.action == JOIN:
        join(turn, tap.value, person)
        return
    escalation = turn.escalation
    about_message = tap.action in (SEND_AGAIN, window.TEMPLATE, window.HOLD, window.DISCARD)
    if escalation is None or not (about_message or _meant(escalation, event, tap.value)):
        turn.whisper(who, why_closed(turn))
        turn.explain(f"person {person}", f"pressed {tap.action} on a card that is over")
        return
    if tap.action in (TAKE, ASSIGN, ASSIGN_TO) and _taken_since(turn, escalation, tap.value, person, who):
        return
    match tap.action:
        case "assign":
            _offer_people(turn, escalation)
        case "assign_to":
            _assign_to(turn, event, tap.value.partition(":")[2].partition(":")[0], person)
        case window.TEMPLATE | window.HOLD | window.DISCARD:
            window.choose(turn, tap.action, tap.value, person, who)
        case "take":
            take(turn, person, who, event.occurred_at)
        case "resolve" | "return":
            _finish(turn, escalation, person, who, resolved=tap.action == RESOLVE)
        case "ask_number":
            _ask_number(turn, escalation, person, who)
        case "send_again":
            _send_again(turn, tap.value, person, who)
        case _:
            turn.whisper(who, "This button does nothing any more.")
            turn.explain(f"person {person}", "pressed a button that nobody knows")


def _needed(turn: Turn, action: str, person: PersonId) -> Permission | None:
    """Return the permission that a press needs. None: it is only for who handles the conversation."""
    escalation = turn.escalation
    others = (
        escalation is not None
        and escalation.state is EscalationState.HELD
        and escalation.holder not in (None, person)
    )
    match action:
        case "take":
            return Permission.CONVERSATIONS_TAKE_OVER if others else Permission.CONVERSATIONS_TAKE
        case "assign" | "assign_to":
            return Permission.CONVERSATIONS_ASSIGN
        case "resolve" | "return" if not others:
            return Permission.CONVERSATIONS_TAKE
        case _ if action in (REOPEN, JOIN):
            return Permission.CONVERSATIONS_TAKE
    return None


def _refuse(turn: Turn, person: PersonId, who: str, needed: Permission) -> None:
    turn.whisper(who, f"Your role does not let you do that: it needs `{needed}`.")
    turn.explain(f"person {person}", f"may not do that: {needed}")


def _ask_number(turn: Turn, escalation: Escalation, person: PersonId, who: str) -> None:
    """Ask the customer to share the phone number that they hide, with a button of their channel's own."""
    conversation = turn.view.conversation
    if escalation.holder != person:
        turn.whisper(who, "Only who handles this can ask for the number: press **Take over** first.")
        return
    closes = window.open_until(conversation, turn.capabilities)
    if closes is not None and closes <= turn.now:
        turn.whisper(who, "They have not written for too long: ask for it when they write again.")
        return
    if not turn.capabilities.asks_number:
        turn.whisper(who, "They write on another channel now, which has no button to share a number.")
        return
    if conversation.address.startswith("+"):  # only a phone number begins so
        turn.whisper(who, f"Their number is known: {inert(conversation.address)}.")
        return
    if _has_asked_number(turn):
        turn.whisper(who, "They were asked for it already, and have not written since.")
        return
    turn.say(turn.texts.asks_number, sender=person, automatic=False, ahead=True, asks_number=True)
    turn.tell_room(Post(f"📱 {turn.person_name(person)} asked for the phone number."))
    turn.explain(f"person {person}", "asked for the phone number")


def _has_asked_number(turn: Turn) -> bool:
    """Return whether the customer was asked for their number and has not written since."""
    since = takewhile(lambda m: m.role is not Role.CUSTOMER, reversed(turn.messages.values()))
    asked = (m for m in since if m.role is Role.SYSTEM and m.text == turn.texts.asks_number)
    return any(m.state not in (MessageState.FAILED, MessageState.WITHDRAWN) for m in asked)


def _meant(escalation: Escalation, event: Event, value: str) -> bool:
    """Return whether a button was pressed on the card of the room that is open now.

    Otherwise somebody could take a conversation into a room that they do not see or cannot even open.
    """
    return value.partition(":")[0] == str(escalation.id) and in_open_room(escalation, event)


def _taken_since(turn: Turn, escalation: Escalation, seen: str, person: PersonId, who: str) -> bool:
    """Refuse a press on a card that did not show who holds the conversation now.

    Return whether it is refused.

    Of two people who press at once the first one gets it, and the second is told so.
    """
    holder = escalation.holder
    if escalation.state is not EscalationState.HELD or holder in (seen.rpartition(":")[2], person):
        return False
    turn.whisper(
        who,
        f"**{turn.person_name(holder)}** has just taken this. If you should handle it instead, press"
        " **Take over** on the card.",
    )
    turn.explain(f"person {person}", f"pressed a button that did not show {holder} as the holder")
    return True


def _offer_people(turn: Turn, escalation: Escalation) -> None:
    """Offer people as buttons where the room's channel has no forms: those it knows, the team's first."""
    channel = turn.here.place.channel if turn.here else ""
    team = people_of(turn.organization, escalation.team)
    everybody = dict.fromkeys((*team, *turn.organization.people))
    known = [
        person
        for person in everybody
        if person.on(channel) and turn.may(person.id, Permission.CONVERSATIONS_TAKE, asked=True)
    ][:_OFFERED]
    seen = escalation.holder or ""
    buttons = tuple(Button(ASSIGN_TO, f"{escalation.id}:{p.id}:{seen}", p.name) for p in known)
    turn.tell_room(Post("Who shall take this?", buttons=buttons))


def _assign_to(turn: Turn, event: Event, chosen: str, by: PersonId) -> None:
    found = find_person(turn.organization, chosen)
    if found is None:
        turn.whisper(event.sender.external_id, "That person is not named in the organization file.")
        return
    _assign(turn, event, PersonId(found.id), by)


def _assign(turn: Turn, event: Event, assignee: PersonId, by: PersonId) -> None:
    """Assign the conversation. Whoever assigns it to themselves takes it."""
    escalation, who = turn.escalation, event.sender.external_id
    assert escalation is not None  # noqa: S101  callers look first
    if not turn.may(assignee, Permission.CONVERSATIONS_TAKE, asked=True):
        turn.whisper(who, f"The role of **{turn.person_name(assignee)}** does not let them take this.")
    elif assignee == by:
        take(turn, by, who, event.occurred_at)
    elif escalation.state is EscalationState.HELD and escalation.holder == assignee:
        turn.whisper(who, f"**{turn.person_name(assignee)}** is handling this already.")
    else:
        assign(turn, assignee, by)


def submit(turn: Turn, event: Event, form: Submitted, person: PersonId | None) -> None:
    escalation = turn.escalation
    if person is None:
        turn.whisper(event.sender.external_id, STRANGER)
        return
    if form.form != ASSIGN or escalation is None or not _meant(escalation, event, form.subject):
        turn.whisper(event.sender.external_id, why_closed(turn))
        return
    if not turn.may(person, Permission.CONVERSATIONS_ASSIGN):
        _refuse(turn, person, event.sender.external_id, Permission.CONVERSATIONS_ASSIGN)
        return
    if _taken_since(turn, escalation, form.subject, person, event.sender.external_id):
        return
    values = dict(form.values)
    chosen = values.get("person", "")
    assignee = person_on(turn.organization, event.place.channel, chosen, values.get("person_email", ""))
    if assignee is None:
        turn.whisper(event.sender.external_id, "That person is not named in the organization file.")
        return
    _assign(turn, event, assignee, person)


def _finish(turn: Turn, escalation: Escalation, person: PersonId, who: str, *, resolved: bool) -> None:
    another = escalation.state is EscalationState.HELD and escalation.holder != person
    if another and not turn.may(person, Permission.CONVERSATIONS_CLOSE):
        turn.whisper(who, f"**{turn.person_name(escalation.holder)}** holds this. Take it over first.")
        return
    close(turn, person, resolved=resolved)


def _send_again(turn: Turn, value: str, person: PersonId, who: str) -> None:
    message = next((m for m in turn.messages.values() if str(m.id) == value), None)
    if message is None or message.state is not MessageState.FAILED:
        turn.whisper(who, "This has been sent again already, or is too old.")
        return
    if turn.escalation is None or turn.escalation.holder != person:
        turn.whisper(
            who, "Only the person who is talking to the customer can send it again. Press **Take** first."
        )
        return
    turn.add(ChangeMessage(message.id, state=MessageState.RELEASED))
    turn.add(SendAgain(message.id))
    if message.role is Role.STAFF:
        turn.mark(message, Mark.WAITING)
    turn.add(SettleOffer(message.id, Post(f"🔁 **{turn.person_name(person)}** sent it again.")))
    turn.explain(f"person {person}", "sent a failed message again")
    turn.audit(f"person:{person}", "delivery.sent_again", message=value)
