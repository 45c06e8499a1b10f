"""Decide what the outcomes of deliveries mean. No failure passes in silence."""

from dataclasses import replace
from datetime import timedelta

from bot.core.conversation import (
    CustomerMerged,
    DeliveryReport,
    HolderLeft,
    Message,
    MessageState,
    OwnerKind,
    PendingReceipt,
    Role,
)
from bot.core.effects import ChangeMessage, Fail, Park, SetTimer, SettleOffer, ShowCard, ShowNotice
from bot.core.errors import AccountSuspended, PersonAway, PlaceGone, Unreachable, WindowClosed
from bot.core.events import Receipt, ReceiptStatus
from bot.core.ids import DeliveryId
from bot.core.outbound import DirectMessage, Mark, Post, Whisper
from bot.turns import bursts, holder_left, in_doubt, lost_rooms, reactions, stopping, watching, window
from bot.turns.assigning import not_in_channel
from bot.turns.attachments import pending
from bot.turns.closing import reopen_for_team
from bot.turns.escalating import escalate
from bot.turns.escaping import inert, without_code
from bot.turns.story import is_stranger, told_of_stranger, told_to_staff
from bot.turns.turn import SYSTEM, Turn
from bot.turns.underway import again
from orgs.routing import person_on


def hear(turn: Turn, report: DeliveryReport) -> None:
    """Handle the outcome of one delivery."""
    if report.notice is not None:
        turn.add(ShowNotice(report.notice))
    if report.direct is not None:
        _person_not_reached(turn, report.direct, report.reason)
        return
    if report.code == PersonAway.code:
        _person_away(turn, report)
        return
    if report.absent:
        not_in_channel(turn, report)
        return
    if report.outcome == "unchanged" and report.room is not None:
        if not bursts.begin_anew(turn, report) and report.grows is not None:
            _room_failed(turn, replace(report, card=False))
        return
    if report.room is not None or report.message is None:
        if report.outcome != "delivered":
            _room_failed(turn, report)
        return
    message = turn.messages.get(report.message)
    if report.unreachable:
        turn.remember(unreachable=True)
    if message is None:
        turn.explain("delivery", f"{report.outcome} of a message older than the story: {report.reason}")
    elif report.outcome == "unchanged":
        name = turn.customer_name
        turn.tell_author(
            Post(f"⚠️ {name} still has what you changed or deleted: {inert(without_code(report.reason))}"),
            message,
        )
        turn.explain("delivery", f"unchanged: {report.reason}")
    elif message.role is Role.CUSTOMER and report.outcome != "delayed":
        reactions.settle(turn, message, report)
    elif report.outcome == "delivered":
        _delivered(turn, message)
    elif report.outcome == "stopped":
        stopping.cut(turn, message, report.shown)
        _delivered(turn, turn.messages[message.id])
    elif report.outcome == "parked":
        window.parked(turn, message, report)
    elif report.outcome == "delayed":
        turn.tell_author(
            Post(f"⏳ Not sent yet, trying again: {inert(without_code(report.reason))}"), message
        )
        turn.explain("delivery", f"delayed: {report.reason}")
    else:
        _failed(turn, message, report)


def merged(turn: Turn, change: CustomerMerged) -> None:
    """Tell the room that two customer records were merged or parted. The card shows what is theirs now.

    Cards of closed rooms name nobody either from whom the customer was parted.
    """
    name, other = turn.customer_name, f"`{str(change.other)[:13]}`"
    if change.parted:
        told = f"✂️ {name} and the customer {other} are separate customers again."
        told += " The card shows only what is theirs."
    else:
        told = f"🔗 {name} and the customer {other} are the same customer."
        told += " The card also shows what they wrote elsewhere."
    turn.tell_room(Post(told))
    turn.show_card()
    for room in turn.view.rooms if change.parted else ():
        if (shown := ShowCard(room.id)) not in turn.effects:
            turn.add(shown)
    turn.explain("desk", f"{'parted from' if change.parted else 'merged with'} {change.other}")


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


def _delivered(turn: Turn, message: Message) -> None:
    """Record that the platform accepted a message. Where it sends receipts, this is only the first step."""
    if message.role is Role.STAFF or (message.role is Role.SYSTEM and message.sender != SYSTEM):
        # A person's words: whatever of ours leaves gives us the chat that other apps serve too.
        turn.given_control(turn.view.conversation.place.account, ours=True, at=turn.now)
        turn.remember(kept=())
    told = bool(turn.capabilities.receipts)
    if message.state is MessageState.FAILED:
        if turn.leaves(message):
            return  # a file was delivered, and the text beside it is still a dead letter
        # An operator has sent it again.
        turn.add(ChangeMessage(message.id, state=MessageState.RELEASED))
        turn.add(SettleOffer(message.id, Post("📨 Sent again.")))
    _advance(turn, turn.messages[message.id], MessageState.SENT if told else MessageState.DELIVERED)
    if turn.messages[message.id] is message:  # its text had left before, and now a file has
        _mark(turn, message)


def _mark(turn: Turn, message: Message) -> None:
    """Mark how far a staff message has come. A message with files has left when its last file has."""
    if message.state not in _MARKS:
        return
    mark = _MARKS[message.state]
    if any(attachment.failure for attachment in message.attachments):
        mark = Mark.FAILED
    elif any(a.is_file for a in message.attachments) and (pending(message) or turn.leaves(message)):
        mark = Mark.WAITING
    turn.mark(message, mark)


def _advance(turn: Turn, message: Message, state: MessageState) -> None:
    """Move a message to a later state. Receipts come in any order, so a state never goes back."""
    if _RANK.get(message.state, 9) >= _RANK[state]:
        return
    turn.add(ChangeMessage(message.id, state=state))
    if message.role is Role.STAFF:
        _mark(turn, turn.messages[message.id])
        turn.explain(f"person {message.sender}", f"their words were {state}")


EARLY = "early"
_EARLY_TRIES = 5  # over a minute: a delivery of ours is recorded by then
_EARLY_KEPT = 20  # receipts of one conversation
_LONGEST_REF = 200  # characters of an id; no message of ours has a longer one
_MENDED = 5  # how often a room is repaired at most


def receipt(turn: Turn, told: Receipt) -> None:
    """Handle a receipt for messages that the platform accepted. Keep it if those are not recorded yet."""
    unknown = [ref for ref in told.messages if len(ref) <= _LONGEST_REF and not turn.view.refs.get(ref)]
    _keep(
        turn,
        [
            PendingReceipt(told.status, ref, told.code, told.reason[:200], copied=told.copied)
            for ref in unknown
        ],
    )
    _believe(turn, told)


def early(turn: Turn) -> None:
    """Look again at the receipts that came before their deliveries were recorded."""
    waiting = turn.memory.early
    turn.remember(early=())
    _keep(turn, [replace(e, tries=e.tries + 1) for e in waiting if not turn.view.refs.get(e.message)])
    for told in waiting:
        if turn.view.refs.get(told.message):
            status = ReceiptStatus(told.status)
            _believe(
                turn,
                Receipt(
                    status=status,
                    messages=(told.message,),
                    code=told.code,
                    reason=told.reason,
                    copied=told.copied,
                ),
            )


def _keep(turn: Turn, receipts: list[PendingReceipt]) -> None:
    kept = [one for one in receipts if one.tries < _EARLY_TRIES]
    if not kept:
        return
    turn.remember(early=(*turn.memory.early, *kept)[-_EARLY_KEPT:])
    pause = timedelta(seconds=2.0 ** (1 + min(one.tries for one in kept)))
    turn.add(SetTimer(EARLY, "", turn.now + pause))
    turn.explain("delivery", "a receipt for what is not recorded yet: looked at again")


def _believe(turn: Turn, told: Receipt) -> None:
    """Apply a receipt.

    One failed part fails the message; a message in parts has arrived when its last part has.
    """
    named = [*told.messages, *([told.until.isoformat()] if told.until else [])]
    if told.status is not ReceiptStatus.FAILED:
        named = [ref for ref in named if ref not in turn.view.parts]
    ids = dict.fromkeys(id_ for ref in named for id_ in turn.view.refs.get(ref, ()))
    for message in [turn.messages[id_] for id_ in ids if id_ in turn.messages]:
        if message.role is Role.CUSTOMER:
            continue
        if told.copied:
            _copy_failed(turn, message, told)
            continue
        if told.status is not ReceiptStatus.FAILED:
            _advance(turn, message, _TOLD[told.status])
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
            _send_when_they_write(turn, message, report)
            continue
        if message.state in _RANK or message.state is MessageState.FAILED:
            for ref in (ref for ref in told.messages if message.id in turn.view.refs.get(ref, ())):
                turn.add(Fail(message.id, ref, report.reason))
        _failed(turn, message, report)


def _copy_failed(turn: Turn, message: Message, told: Receipt) -> None:
    """Tell staff that the copy for somebody else came back. The customer has the message."""
    reason = inert(without_code(told.reason))
    turn.tell_author(Post(f"⚠️ The copy to {inert(told.copied)} bounced: {reason}."), message)
    turn.explain("delivery", "a copy came back")


def _send_when_they_write(turn: Turn, message: Message, report: DeliveryReport) -> None:
    """Park a message that was accepted and then refused: it waits until the customer writes again."""
    turn.add(ChangeMessage(message.id, state=MessageState.RELEASED))
    turn.add(Park(message.id))
    window.parked(turn, turn.messages[message.id], report)


def _failed(turn: Turn, message: Message, report: DeliveryReport) -> None:
    if message.state not in _RANK:
        return
    if report.unreachable:
        turn.remember(unreachable=True)
    turn.add(ChangeMessage(message.id, state=MessageState.FAILED))
    sentence = _sentence(turn, message, report)
    turn.explain("delivery", f"{report.outcome}: {report.reason}")
    if message.role is Role.STAFF:
        turn.mark(message, Mark.FAILED)
    if turn.escalation is not None:
        _offer_again(turn, message, sentence)
    elif report.unreachable or turn.owner.kind is not OwnerKind.AGENT:
        pass  # a customer who blocked us is not pursued
    elif message.role is Role.STAFF and reopen_for_team(turn, sentence):
        _offer_again(turn, message, sentence)
    elif report.outcome == "unknown":
        in_doubt.gather(turn, message)
    else:
        # Otherwise nobody would ever know.
        escalate(turn, reason=sentence, why=f"delivery {report.outcome}: {report.reason}")


def _offer_again(turn: Turn, message: Message, sentence: str) -> None:
    turn.offer(Post(f"❌ {sentence}", buttons=(again(message),)), message.id)


def _sentence(turn: Turn, message: Message, report: DeliveryReport) -> str:
    if report.outcome == "unknown":
        return in_doubt.UNCERTAIN
    reason = inert(without_code(report.reason))
    if report.unreachable:
        return f"{turn.customer_name} cannot be reached ({reason}): they may have blocked us."
    return f"{_what_left(message)} could not be delivered to {turn.customer_name}: {reason}."


def _what_left(message: Message) -> str:
    """Return what a failed delivery of a message contained.

    Its text leaves first, its files with it or later.
    """
    names = ", ".join(f"**{inert(a.name or a.kind.value)}**" for a in message.attachments if a.file)
    if not names:
        return "The last words"
    words_arrived = message.state is not MessageState.RELEASED
    return names if words_arrived or not message.text else f"The last words with {names}"


def _person_away(turn: Turn, report: DeliveryReport) -> None:
    """Ask somebody else to answer when the person who was called would not notice it in time."""
    room = turn.open_room
    person = person_on(turn.organization, room.place.channel, report.absent, report.absent) if room else None
    if person is not None:
        holder_left.not_there(turn, HolderLeft(person, turn.person_name(person), report.reason))


def _room_failed(turn: Turn, report: DeliveryReport) -> None:
    """Handle a card or a line that did not reach its room.

    Of many failures there only the first one counts.
    """
    room = turn.open_room
    watched = turn.rooms.get(report.room) if report.room else None
    if watched is not None and watched in watching.open_watched(turn):
        watching.lose(turn, watched, report)
        return
    if room is None or room.id != report.room:
        return
    there, can_mend = bool(room.place.thread), turn.memory.mended < _MENDED
    unknown = report.outcome == "unknown"
    if report.code == AccountSuspended.code:
        lost_rooms.leave_account(turn, report.reason)
    elif report.code == PlaceGone.code and can_mend:
        lost_rooms.begin_anew(turn, report.reason, readable=report.card and there)
    elif report.code in (PlaceGone.code, Unreachable.code):
        lost_rooms.leave_channel(turn, report.reason)
    elif not there and unknown and can_mend:
        lost_rooms.begin_anew(turn, report.reason, readable=False)
    elif not there or not (report.card or can_mend):
        lost_rooms.leave_channel(turn, report.reason)
    elif unknown or not report.card:
        _mend(turn, report)


def _mend(turn: Turn, report: DeliveryReport) -> None:
    """Repair a room whose thread exists, but whose last line staff perhaps do not see."""
    if turn.memory.mended >= _MENDED:
        return
    turn.remember(mended=turn.memory.mended + 1)
    turn.audit("desk", "room.mended", reason=report.reason[:200])
    turn.explain("delivery", f"the room is mended: {report.reason}")
    if report.card:
        turn.show_card()  # whether the thread has a card is unknown: after this it has
    elif not bursts.begin_anew(turn, report):
        _tell_again(turn, report)


def _person_not_reached(turn: Turn, message: DirectMessage, reason: str) -> None:
    """Write to the person on the next account that knows them. When there is none, say so in the room."""
    turn.explain("delivery", f"person {message.person} was not reached on {message.place.account}: {reason}")
    if isinstance(message.post, Whisper):  # the answer to a press
        turn.tell_person(message.person, Post(message.post.text))
        return
    if turn.tell_person(message.person, message.post, after=message.place.account):
        return
    in_vain = f"could not be told: {inert(without_code(reason))}"
    escalation = turn.escalation
    if escalation is not None and escalation.assignee == message.person:
        holder_left.hear(turn, HolderLeft(message.person, turn.person_name(message.person), in_vain))
    else:
        turn.tell_room(Post(f"⚠️ **{turn.person_name(message.person)}** {in_vain}"))


def _tell_again(turn: Turn, report: DeliveryReport) -> None:
    """Repeat a line that staff perhaps do not see, in other words: they might read it as a second one."""
    message = turn.messages.get(report.message) if report.message else None
    why = f"❓ This may be missing above, or stand there already: {inert(without_code(report.reason))}."
    if message is None or report.grows is not None:  # the post shows many messages
        told = turn.transcript(turn.messages.values())
    elif message.state is MessageState.FAILED:
        _offer_again(turn, message, "The last words could not be delivered.")
        return
    elif is_stranger(message):
        address = turn.view.conversation.address
        told = told_of_stranger(message, turn.customer_name, address, turn.messages)
    else:  # a message that was deleted cannot be shown: tell the whole story
        told = turn.transcript([message] if told_to_staff([message]) else turn.messages.values())
    turn.tell_room(Post(f"{why}\n\n{told}"), report.message)
