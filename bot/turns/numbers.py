"""Answer a customer who asks for the number of their conversation, for its status by number, or for a copy.

Whoever has not proved to be its customer gets the same answer as for an unknown number: the same words, the
same counts and the same reasons. Tries are counted per person who asks, and for the organization.
"""

from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from bot.core.conversation import TRIES, Asker, Case, Counted, Input, Message, Role, Status
from bot.core.effects import Move, TellOtherRoom
from bot.core.events import Attachment, AttachmentKind, Event
from bot.core.lines import visible
from bot.core.numbers import shown
from bot.core.outbound import Post
from bot.turns.bursts import is_burst
from bot.turns.draft import Draft
from bot.turns.story import whole
from orgs.answering.numbers import Ask, Wanted, ask_of
from orgs.specification.texts import fill
from orgs.translations.times import day

_DAY: Final = timedelta(days=1)
COPY_EVERY: Final = timedelta(hours=1)


def hear(draft: Draft, item: Input, event: Event) -> bool:
    """Answer an input that only asks for a number, a status or a copy. Return whether it did."""
    ask = ask_of(event, draft.view.conversation.customer_name)
    if ask is None or is_burst(draft):
        return False
    if not event.private:
        draft.say(draft.texts.case_in_private, ahead=True)
        draft.because("desk", "asked for a number where others read along: told nothing")
    else:
        _answer(draft, ask, draft.view.askers.get(item.seq), event)
    if draft.status is Status.PENDING:
        draft.status = Status.IN_PROGRESS
        draft.add(Move(draft.owner, draft.status))
    return True


def _answer(draft: Draft, ask: Ask, asker: Asker | None, event: Event) -> None:
    case = asker.case if asker is not None else None
    if ask.number is not None and not _may_try(draft):
        case = None
    if case is None:
        _unknown(draft, ask, asker)
        return
    match ask.wanted:
        case Wanted.NUMBER:
            draft.say(number_told(draft), ahead=True)
            draft.because("desk", "told the number of the conversation")
        case Wanted.STATUS:
            draft.say(_status(draft, case), ahead=True)
            draft.because("desk", f"told how {shown(case.number)} stands")
            draft.audit("customer", "conversation.status_told", asked=str(case.id))
            _tell_people(draft, case, event, "how it stands, and was told so")
        case Wanted.COPY:
            _copy(draft, case, event)


def _may_try(draft: Draft) -> bool:
    return all(draft.has_room(kind, most, _DAY) for kind, most in TRIES.items())


def _unknown(draft: Draft, ask: Ask, asker: Asker | None) -> None:
    """Answer that there is no such number, in the same way for each of three reasons.

    The number is somebody else's, does not exist, or the person has tried too often.
    """
    if ask.number is not None and asker is not None and _may_try(draft):
        subjects = {
            Counted.TRY: asker.identity,
            Counted.TRIES: draft.view.conversation.organization.bytes,
        }
        for kind, most in TRIES.items():
            draft.count(kind, most, _DAY, subjects[kind])
    draft.say(draft.texts.case_unknown, ahead=True)
    draft.because("desk", "asked by a number under which they have nothing")


def number_told(draft: Draft) -> str:
    """Return the sentence that tells the customer the number of this conversation."""
    return fill(draft.texts.case_number, number=shown(draft.view.conversation.number))


def _status(draft: Draft, case: Case) -> str:
    texts = draft.texts
    if case.status is Status.RESOLVED:
        template, at = texts.case_closed, case.resolved_at or case.created_at
    elif case.status is Status.ESCALATED:
        template, at = texts.case_with_people, case.created_at
    else:
        template, at = texts.case_open, case.created_at
    return fill(template, number=shown(case.number), date=_date(draft, at))


def _date(draft: Draft, at: datetime) -> str:
    return day(at, ZoneInfo(draft.organization.time_zone), draft.language)


def _tell_people(draft: Draft, case: Case, event: Event, what: str) -> None:
    """Tell the staff who handle a conversation that its customer asked about it, even in another one."""
    told = f"ℹ️ {draft.customer_name} asked by {event.place.channel} {what}: {shown(case.number)}."
    if case.id == draft.view.conversation.id:
        draft.tell_room(Post(told))
    elif case.room is not None:
        draft.add(TellOtherRoom(case.room, Post(told)))


def _copy(draft: Draft, case: Case, event: Event) -> None:
    """Send a text file with everything that the customer wrote and was told, at most once an hour."""
    if not draft.has_room(Counted.COPY, 1, COPY_EVERY):
        draft.say(draft.texts.case_copied_before, ahead=True)
        draft.because("desk", "a copy was sent within the hour")
        return
    draft.count(Counted.COPY, 1, COPY_EVERY, case.customer.bytes)
    name = f"{shown(case.number).removeprefix('#')}.txt"
    attachment = Attachment(kind=AttachmentKind.DOCUMENT, ref="", mime_type="text/plain", name=name)
    text = fill(draft.texts.case_copy, number=shown(case.number))
    draft.say(text, ahead=True, file=(attachment, _written(draft, case)))
    draft.because("desk", f"a copy of {shown(case.number)} was asked for, and is sent")
    draft.audit("customer", "conversation.copied", copied=str(case.id), messages=len(case.log))
    _tell_people(draft, case, event, "for a copy of their messages, and gets it")


def _written(draft: Draft, case: Case) -> str:
    """Return the copy as plain text. A line of it begins without indent only to say who wrote when."""
    heading = fill(
        draft.texts.case_copy_heading,
        organization=draft.organization.display_name,
        number=shown(case.number),
        date=_date(draft, draft.now),
    )
    return "\n\n".join((heading, *(_entry(draft, message) for message in case.log))) + "\n"


def _entry(draft: Draft, message: Message) -> str:
    if message.role is Role.CUSTOMER:
        who = message.reference.writer or draft.name or draft.view.conversation.address
    else:
        who = draft.speaker(message.role, message.sender).name
    said = "\n".join(f"    {line}".rstrip() for line in visible(whole(message)).split("\n"))
    return f"{message.at:%Y-%m-%d %H:%M} UTC, {visible(who)}:\n{said}"
