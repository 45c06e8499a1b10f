"""Answer a customer who asks for the number of their conversation, for its status by number, or for a copy.

Whoever has not proved to be its customer gets the same answer as for an unknown number: the same words, the
same counts and the same reasons. Tries are counted for each identity that asks. Where others read along,
nothing is told but the number and the status of the very conversation that goes on there.
"""

from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from bot.core.conversation import TRIES, Asker, Case, Counted, Input, Message, MessageState, Role, Status
from bot.core.effects import AddMessage, Move, TellOtherRoom
from bot.core.events import Attachment, AttachmentKind, Event
from bot.core.lines import visible
from bot.core.numbers import shown
from bot.core.outbound import Post
from bot.turns.attachments import is_made_by_us
from bot.turns.bursts import is_burst
from bot.turns.story import is_another, whole
from bot.turns.turn import Turn
from orgs.answering.numbers import Ask, CaseNumberRequest, ask_of
from orgs.specification.texts import fill
from orgs.translations.times import day

_DAY: Final = timedelta(days=1)
COPY_EVERY: Final = timedelta(hours=1)


def hear(turn: Turn, item: Input, event: Event) -> bool:
    """Answer an input that only asks for a number, a status or a copy. Return whether it did."""
    ask = ask_of(event, turn.view.conversation.customer_name)
    if ask is None or is_burst(turn):
        return False
    asker = turn.view.askers.get(item.seq)
    if _is_alone(turn, asker, event) or (event.private and _is_about_this(turn, ask, asker)):
        _answer(turn, ask, asker, event)
    else:
        turn.say(turn.texts.case_in_private, ahead=True)
        turn.explain("desk", "asked for a number where others read along: told nothing")
    if turn.status is Status.PENDING:
        turn.status = Status.IN_PROGRESS
        turn.add(Move(turn.owner, turn.status))
    return True


def _is_alone(turn: Turn, asker: Asker | None, event: Event) -> bool:
    """Return whether an answer reaches only the customer of this conversation, and they are who asks."""
    if not (event.private and event.sender.verified and asker is not None and asker.own):
        return False
    return not event.shared or (event.sole_reader and not _others_wrote(turn))


def _others_wrote(turn: Turn) -> bool:
    """Return whether somebody else wrote here: until the file is there, their mail may redirect answers."""
    customer = turn.view.conversation.address
    return any(is_another(message.reference.address, customer) for message in turn.view.story)


def _is_about_this(turn: Turn, ask: Ask, asker: Asker | None) -> bool:
    """Return whether the customer of this conversation asks for its number, or by it how it stands.

    To anybody else in a shared place, its number is as any other.
    """
    case = asker.case if asker is not None else None
    return (
        case is not None and case.id == turn.view.conversation.id and ask.wanted is not CaseNumberRequest.COPY
    )


def _answer(turn: Turn, ask: Ask, asker: Asker | None, event: Event) -> None:
    case = asker.case if asker is not None else None
    if ask.number is not None and not _may_try(turn):
        case = None
    if case is None:
        _unknown(turn, ask, asker)
        return
    match ask.wanted:
        case CaseNumberRequest.NUMBER:
            turn.say(number_told(turn), ahead=True)
            turn.explain("desk", "told the number of the conversation")
        case CaseNumberRequest.STATUS:
            turn.say(_status(turn, case), ahead=True)
            turn.explain("desk", f"told how {shown(case.number)} stands")
            turn.audit("customer", "conversation.status_told", asked=str(case.id))
            _tell_people(turn, case, event, "how it stands, and was told so")
        case CaseNumberRequest.COPY:
            _copy(turn, case, event)


def _may_try(turn: Turn) -> bool:
    return turn.has_room(Counted.TRY, TRIES, _DAY)


def _unknown(turn: Turn, ask: Ask, asker: Asker | None) -> None:
    """Answer that there is no such number, in the same way for each of three reasons.

    The number is somebody else's, does not exist, or the person has tried too often.
    """
    if ask.number is not None and asker is not None and _may_try(turn):
        turn.count(Counted.TRY, TRIES, _DAY, asker.identity)
    turn.say(turn.texts.case_unknown, ahead=True)
    turn.explain("desk", "asked by a number under which they have nothing")


def number_told(turn: Turn) -> str:
    """Return the sentence that tells the customer the number of this conversation."""
    return fill(turn.texts.case_number, number=shown(turn.view.conversation.number))


def _status(turn: Turn, case: Case) -> str:
    texts = turn.texts
    if case.status is Status.RESOLVED:
        template, at = texts.case_closed, case.resolved_at or case.created_at
    elif case.status is Status.ESCALATED:
        template, at = texts.case_with_people, case.created_at
    else:
        template, at = texts.case_open, case.created_at
    return fill(template, number=shown(case.number), date=_date(turn, at))


def _date(turn: Turn, at: datetime) -> str:
    return day(at, ZoneInfo(turn.organization.time_zone), turn.language)


def _tell_people(turn: Turn, case: Case, event: Event, what: str) -> None:
    """Tell the staff who handle a conversation that its customer asked about it, even in another one."""
    told = f"ℹ️ {turn.wrote(event)} asked by {event.place.channel} {what}: {shown(case.number)}."
    if case.id == turn.view.conversation.id:
        turn.tell_room(Post(told))
    elif case.room is not None:
        turn.add(TellOtherRoom(case.room, Post(told)))


def _copy(turn: Turn, case: Case, event: Event) -> None:
    """Send a text file with everything that the customer wrote and was told, at most once an hour."""
    if any(isinstance(effect, AddMessage) and effect.contents for effect in turn.effects):
        turn.explain("desk", "a copy was asked for twice at once: it is sent once")
        return
    again = _was_taken_back(turn)
    if not (again or turn.has_room(Counted.COPY, 1, COPY_EVERY)):
        turn.say(turn.texts.case_copied_before, ahead=True)
        turn.explain("desk", "a copy was sent within the hour")
        return
    if not again:
        turn.count(Counted.COPY, 1, COPY_EVERY, case.customer.bytes)
    name = f"{shown(case.number).removeprefix('#')}.txt"
    attachment = Attachment(kind=AttachmentKind.DOCUMENT, ref="", mime_type="text/plain", name=name)
    text = fill(turn.texts.case_copy, number=shown(case.number))
    turn.say(text, ahead=True, file=(attachment, _written(turn, case)))
    turn.explain("desk", f"a copy of {shown(case.number)} was asked for, and is sent")
    turn.audit("customer", "conversation.copied", copied=str(case.id), messages=len(case.log))
    _tell_people(turn, case, event, "for a copy of their messages, and gets it")


def _was_taken_back(turn: Turn) -> bool:
    """Return whether the last copy did not leave, because another app took over the chat before."""
    made = (m for m in reversed(turn.messages.values()) if m.attachments and is_made_by_us(m))
    last = next(made, None)
    return last is not None and last.state in (MessageState.WITHDRAWN, MessageState.FAILED)


def _written(turn: Turn, case: Case) -> str:
    """Return the copy as plain text. A line of it begins without indent only to say who wrote when."""
    heading = fill(
        turn.texts.case_copy_heading,
        organization=turn.organization.display_name,
        number=shown(case.number),
        date=_date(turn, turn.now),
    )
    return "\n\n".join((heading, *(_entry(turn, case, message) for message in case.log))) + "\n"


def _entry(turn: Turn, case: Case, message: Message) -> str:
    if message.role is Role.CUSTOMER:
        who = message.reference.writer or case.name or turn.view.conversation.address
    else:
        who = turn.speaker(message.role, message.sender).name
    said = "\n".join(f"    {line}".rstrip() for line in visible(whole(message)).split("\n"))
    return f"{message.at:%Y-%m-%d %H:%M} UTC, {visible(who)}:\n{said}"
