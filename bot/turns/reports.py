"""Decide what the outcomes of deliveries mean. No failure passes in silence."""

from dataclasses import replace
from datetime import timedelta

from bot.core.conversation import (
    CustomerMerged,
    DeliveryReport,
    Early,
    HolderLeft,
    Message,
    MessageState,
    OwnerKind,
    Role,
)
from bot.core.effects import ChangeMessage, Fail, Park, SetTimer, SettleOffer, ShowNotice
from bot.core.errors import AccountSuspended, PersonAway, PlaceGone, Unreachable, WindowClosed
from bot.core.events import Receipt, ReceiptStatus
from bot.core.ids import DeliveryId
from bot.core.outbound import DirectMessage, Mark, Post
from bot.turns import bursts, holder, in_doubt, lost_rooms, reactions, window
from bot.turns.assigning import not_in_channel
from bot.turns.attachments import pending
from bot.turns.closing import reopen_for_team
from bot.turns.draft import Draft
from bot.turns.escalating import escalate
from bot.turns.quoting import inert, without_code
from bot.turns.story import is_stranger, told_of_stranger, told_to_staff
from bot.turns.underway import again
from orgs.routing import person_on


def hear(draft: Draft, report: DeliveryReport) -> None:
    """Handle the outcome of one delivery."""
    if report.notice is not None:
        draft.add(ShowNotice(report.notice))
    if report.direct is not None:
        _person_not_reached(draft, report.direct, report.reason)
        return
    if report.code == PersonAway.code:
        _person_away(draft, report)
        return
    if report.absent:
        not_in_channel(draft, report)
        return
    if report.outcome == "unchanged" and report.room is not None:
        if not bursts.begin_anew(draft, report) and report.grows is not None:
            _room_failed(draft, replace(report, card=False))
        return
    if report.room is not None or report.message is None:
        if report.outcome != "delivered":
            _room_failed(draft, report)
        return
    message = draft.messages.get(report.message)
    if report.unreachable:
        draft.remember(unreachable=True)
    if message is None:
        draft.because("delivery", f"{report.outcome} of a message older than the story: {report.reason}")
    elif report.outcome == "unchanged":
        name = draft.customer_name
        draft.tell_author(
            Post(f"⚠️ {name} still has what you changed or deleted: {inert(without_code(report.reason))}"),
            message,
        )
        draft.because("delivery", f"unchanged: {report.reason}")
    elif message.role is Role.CUSTOMER and report.outcome != "delayed":
        reactions.settle(draft, message, report)
    elif report.outcome == "delivered":
        _delivered(draft, message)
    elif report.outcome == "parked":
        window.parked(draft, message, report)
    elif report.outcome == "delayed":
        draft.tell_author(
            Post(f"⏳ Not out yet, and tried again: {inert(without_code(report.reason))}"), message
        )
        draft.because("delivery", f"delayed: {report.reason}")
    else:
        _failed(draft, message, report)


def merged(draft: Draft, change: CustomerMerged) -> None:
    """Tell the room that two customer records were merged or parted. The card shows what is theirs now."""
    name, other = draft.customer_name, f"`{str(change.other)[:13]}`"
    if change.parted:
        told = f"✂️ {name} and the customer {other} are two people again: the card shows only what is theirs."
    else:
        told = f"🔗 {name} and the customer {other} are one person: the card shows what they wrote elsewhere."
    draft.tell_room(Post(told))
    draft.show_card()
    draft.because("desk", f"{'parted from' if change.parted else 'merged with'} {change.other}")


_RANK = {
    MessageState.RELEASED: 0,
    MessageState.SENT: 1,
    MessageState.DELIVERED: 2,
    MessageState.READ: 3,
}
_MARKS = {
    MessageState.SENT: Mark.SENT,
    MessageState.DELIVERED: Mark.DELIVERED,
    MessageState.READ: Mark.READ,
}
_TOLD = {
    ReceiptStatus.SENT: MessageState.SENT,
    ReceiptStatus.DELIVERED: MessageState.DELIVERED,
    ReceiptStatus.READ: MessageState.READ,
}


def _delivered(draft: Draft, message: Message) -> None:
    """Record that the platform accepted a message. Where it sends receipts, this is only the first step."""
    told = bool(draft.capabilities.receipts)
    if message.state is MessageState.FAILED:
        if draft.leaves(message):
            return  # a file was delivered, and the text beside it is still a dead letter
        # An operator has sent it again.
        draft.add(ChangeMessage(message.id, state=MessageState.RELEASED))
        draft.add(SettleOffer(message.id, Post("📨 It was sent again, and has left.")))
    _advance(draft, draft.messages[message.id], MessageState.SENT if told else MessageState.DELIVERED)
    if draft.messages[message.id] is message:  # its text had left before, and now a file has
        _mark(draft, message)


def _mark(draft: Draft, message: Message) -> None:
    """Mark how far a staff message has come. A message with files has left when its last file has."""
    if message.state not in _MARKS:
        return
    mark = _MARKS[message.state]
    if any(attachment.failure for attachment in message.attachments):
        mark = Mark.FAILED
    elif any(a.is_file for a in message.attachments) and (pending(message) or draft.leaves(message)):
        mark = Mark.WAITING
    draft.mark(message, mark)


def _advance(draft: Draft, message: Message, state: MessageState) -> None:
    """Move a message to a later state. Receipts come in any order, so a state never goes back."""
    if _RANK.get(message.state, 9) >= _RANK[state]:
        return
    draft.add(ChangeMessage(message.id, state=state))
    if message.role is Role.STAFF:
        _mark(draft, draft.messages[message.id])
        draft.because(f"person {message.sender}", f"their words were {state}")


EARLY = "early"
_EARLY_TRIES = 5  # over a minute: a delivery of ours is recorded by then
_EARLY_KEPT = 20  # receipts of one conversation
_LONGEST_REF = 200  # characters of an id; no message of ours has a longer one
_MENDED = 5  # how often a room is repaired at most


def receipt(draft: Draft, told: Receipt) -> None:
    """Handle a receipt for messages that the platform accepted. Keep it if those are not recorded yet."""
    unknown = [ref for ref in told.messages if len(ref) <= _LONGEST_REF and not draft.view.refs.get(ref)]
    _keep(
        draft,
        [Early(told.status, ref, told.code, told.reason[:200], copied=told.copied) for ref in unknown],
    )
    _believe(draft, told)


def early(draft: Draft) -> None:
    """Look again at the receipts that came before their deliveries were recorded."""
    waiting = draft.memory.early
    draft.remember(early=())
    _keep(draft, [replace(e, tries=e.tries + 1) for e in waiting if not draft.view.refs.get(e.message)])
    for told in waiting:
        if draft.view.refs.get(told.message):
            status = ReceiptStatus(told.status)
            _believe(
                draft,
                Receipt(
                    status=status,
                    messages=(told.message,),
                    code=told.code,
                    reason=told.reason,
                    copied=told.copied,
                ),
            )


def _keep(draft: Draft, receipts: list[Early]) -> None:
    kept = [one for one in receipts if one.tries < _EARLY_TRIES]
    if not kept:
        return
    draft.remember(early=(*draft.memory.early, *kept)[-_EARLY_KEPT:])
    pause = timedelta(seconds=2.0 ** (1 + min(one.tries for one in kept)))
    draft.add(SetTimer(EARLY, "", draft.now + pause))
    draft.because("delivery", "a receipt for what is not recorded yet: looked at again")


def _believe(draft: Draft, told: Receipt) -> None:
    """Apply a receipt.

    One failed part fails the message; a message in parts has arrived when its last part has.
    """
    named = [*told.messages, *([told.until.isoformat()] if told.until else [])]
    if told.status is not ReceiptStatus.FAILED:
        named = [ref for ref in named if ref not in draft.view.parts]
    ids = dict.fromkeys(id_ for ref in named for id_ in draft.view.refs.get(ref, ()))
    for message in [draft.messages[id_] for id_ in ids if id_ in draft.messages]:
        if message.role is Role.CUSTOMER:
            continue
        if told.copied:
            _copy_failed(draft, message, told)
            continue
        if told.status is not ReceiptStatus.FAILED:
            _advance(draft, message, _TOLD[told.status])
            continue
        report = DeliveryReport(
            message.id,
            DeliveryId(message.id),
            "failed",
            told.reason or told.code,
            told.code == Unreachable.code,
            code=told.code,
        )
        if told.code == WindowClosed.code and message.state in (MessageState.RELEASED, MessageState.SENT):
            _send_when_they_write(draft, message, report)
            continue
        if message.state in _RANK or message.state is MessageState.FAILED:
            for ref in (ref for ref in told.messages if message.id in draft.view.refs.get(ref, ())):
                draft.add(Fail(message.id, ref, report.reason))
        _failed(draft, message, report)


def _copy_failed(draft: Draft, message: Message, told: Receipt) -> None:
    """Tell staff that the copy for somebody else came back. The customer has the message."""
    reason = inert(without_code(told.reason))
    draft.tell_author(Post(f"⚠️ The copy to {inert(told.copied)} came back: {reason}."), message)
    draft.because("delivery", "a copy came back")


def _send_when_they_write(draft: Draft, message: Message, report: DeliveryReport) -> None:
    """Park a message that was accepted and then refused: it waits until the customer writes again."""
    draft.add(ChangeMessage(message.id, state=MessageState.RELEASED))
    draft.add(Park(message.id))
    window.parked(draft, draft.messages[message.id], report)


def _failed(draft: Draft, message: Message, report: DeliveryReport) -> None:
    if message.state not in _RANK:
        return
    if report.unreachable:
        draft.remember(unreachable=True)
    draft.add(ChangeMessage(message.id, state=MessageState.FAILED))
    sentence = _sentence(draft, message, report)
    draft.because("delivery", f"{report.outcome}: {report.reason}")
    if message.role is Role.STAFF:
        draft.mark(message, Mark.FAILED)
    if draft.escalation is not None:
        _offer_again(draft, message, sentence)
    elif report.unreachable or draft.owner.kind is not OwnerKind.AGENT:
        pass  # a customer who blocked us is not pursued
    elif message.role is Role.STAFF and reopen_for_team(draft, sentence):
        _offer_again(draft, message, sentence)
    elif report.outcome == "unknown":
        in_doubt.gather(draft, message)
    else:
        # Otherwise nobody would ever know.
        escalate(draft, reason=sentence, why=f"delivery {report.outcome}: {report.reason}")


def _offer_again(draft: Draft, message: Message, sentence: str) -> None:
    draft.offer(Post(f"❌ {sentence}", buttons=(again(message),)), message.id)


def _sentence(draft: Draft, message: Message, report: DeliveryReport) -> str:
    if report.outcome == "unknown":
        return in_doubt.UNCERTAIN
    reason = inert(without_code(report.reason))
    if report.unreachable:
        return f"{draft.customer_name} cannot be reached ({reason}): they may have blocked us."
    return f"{_what_left(message)} could not be delivered to {draft.customer_name}: {reason}."


def _what_left(message: Message) -> str:
    """Return what a failed delivery of a message contained.

    Its text leaves first, its files with it or later.
    """
    names = ", ".join(f"**{inert(a.name or a.kind.value)}**" for a in message.attachments if a.file)
    if not names:
        return "The last words"
    words_arrived = message.state is not MessageState.RELEASED
    return names if words_arrived or not message.text else f"The last words with {names}"


def _person_away(draft: Draft, report: DeliveryReport) -> None:
    """Ask somebody else to answer when the person who was called would not notice it in time."""
    room = draft.open_room
    person = person_on(draft.organization, room.place.channel, report.absent, report.absent) if room else None
    if person is not None:
        holder.not_there(draft, HolderLeft(person, draft.person_name(person), report.reason))


def _room_failed(draft: Draft, report: DeliveryReport) -> None:
    """Handle a card or a line that did not reach its room.

    Of many failures there only the first one counts.
    """
    room = draft.open_room
    if room is None or room.id != report.room:
        return
    there, can_mend = bool(room.place.thread), draft.memory.mended < _MENDED
    unknown = report.outcome == "unknown"
    if report.code == AccountSuspended.code:
        lost_rooms.leave_account(draft, report.reason)
    elif report.code == PlaceGone.code and can_mend:
        lost_rooms.begin_anew(draft, report.reason, readable=report.card and there)
    elif report.code in (PlaceGone.code, Unreachable.code):
        lost_rooms.leave_channel(draft, report.reason)
    elif not there and unknown and can_mend:
        lost_rooms.begin_anew(draft, report.reason, readable=False)
    elif not there or not (report.card or can_mend):
        lost_rooms.leave_channel(draft, report.reason)
    elif unknown or not report.card:
        _mend(draft, report)


def _mend(draft: Draft, report: DeliveryReport) -> None:
    """Repair a room whose thread exists, but whose last line staff perhaps do not see."""
    if draft.memory.mended >= _MENDED:
        return
    draft.remember(mended=draft.memory.mended + 1)
    draft.audit("desk", "room.mended", reason=report.reason[:200])
    draft.because("delivery", f"the room is mended: {report.reason}")
    if report.card:
        draft.show_card()  # whether the thread has a card is unknown: after this it has
    elif not bursts.begin_anew(draft, report):
        _tell_again(draft, report)


def _person_not_reached(draft: Draft, message: DirectMessage, reason: str) -> None:
    """Write to the person on the next account that knows them. When there is none, say so in the room."""
    draft.because("delivery", f"person {message.person} was not reached on {message.place.account}: {reason}")
    if draft.tell_person(message.person, message.post, after=message.place.account):
        return
    in_vain = f"could not be told: {inert(without_code(reason))}"
    escalation = draft.escalation
    if escalation is not None and escalation.assignee == message.person:
        holder.hear(draft, HolderLeft(message.person, draft.person_name(message.person), in_vain))
    else:
        draft.tell_room(Post(f"⚠️ **{draft.person_name(message.person)}** {in_vain}"))


def _tell_again(draft: Draft, report: DeliveryReport) -> None:
    """Repeat a line that staff perhaps do not see, in other words: they might read it as a second one."""
    message = draft.messages.get(report.message) if report.message else None
    why = f"❓ This may be missing above, or stand there already: {inert(without_code(report.reason))}."
    if message is None or report.grows is not None:  # the post shows many messages
        told = draft.transcript(draft.messages.values())
    elif message.state is MessageState.FAILED:
        _offer_again(draft, message, "The last words could not be delivered.")
        return
    elif is_stranger(message):
        address = draft.view.conversation.address
        told = told_of_stranger(message, draft.customer_name, address, draft.messages)
    else:  # a message that was deleted cannot be shown: tell the whole story
        told = draft.transcript([message] if told_to_staff([message]) else draft.messages.values())
    draft.tell_room(Post(f"{why}\n\n{told}"), report.message)
