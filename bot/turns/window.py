"""Handle a channel that accepts no free text: what waits until the customer writes, what is sent instead."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from bot.core.connector import Capabilities
from bot.core.conversation import Conversation, DeliveryReport, Message, MessageState, Role
from bot.core.effects import AddMessage, ChangeMessage, Deliver, Drop, SettleOffer, Unpark
from bot.core.ids import MessageId, PersonId
from bot.core.outbound import Button, Mark, Post, Style, Template
from bot.turns.escaping import excerpt, quoted
from bot.turns.turn import Turn
from orgs.routing import find_account, find_team
from orgs.specification.organization import BLANK, MessageTemplate
from orgs.specification.texts import fill

TEMPLATE, HOLD, DISCARD = "template", "hold", "discard"
_OFFERED = 4  # templates that are offered as buttons
TAKEN_BACK = "↩️ Taken back: it is not sent."


@dataclass(frozen=True, slots=True)
class Filled:
    """A template of the organization with its parameters filled in, ready to be sent."""

    template: Template
    text: str  # as the customer will read it

    @property
    def key(self) -> str:
        """Return the key by which a button names this template. Changes of the organization file keep it."""
        return sha256(f"{self.template.name} {self.template.language}".encode()).hexdigest()[:8]


def open_until(conversation: Conversation, known: Capabilities | None) -> datetime | None:
    """Return until when a person's free text reaches the customer, or None if the channel has no limit."""
    if known is None or known.window is None or conversation.heard_at is None:
        return None
    closes = conversation.heard_at + (known.human_window or known.window)
    return max(closes, conversation.open_until or closes)


def parked(turn: Turn, message: Message, report: DeliveryReport) -> None:
    """Park a message that the channel accepts only once the customer has written, and offer a choice."""
    if message.state in (MessageState.WITHDRAWN, MessageState.DELETED):
        turn.add(Drop(message.id))  # it was taken back before we knew that it had not left
        return
    if message.state is MessageState.PARKED or any(isinstance(effect, Unpark) for effect in turn.effects):
        return  # the customer has written in this very turn: it leaves with the others
    turn.add(ChangeMessage(message.id, state=MessageState.PARKED))
    turn.remember(parked=turn.memory.parked + 1)
    turn.explain("delivery", f"waits until the customer writes again: {report.reason}")
    if message.role is Role.STAFF:
        turn.mark(message, Mark.WAITING)
    if turn.escalation is None:
        _as_the_policy_says(turn, message)
        return
    buttons = [
        Button(TEMPLATE, f"{message.id}:{filled.key}", f"Send “{filled.template.name}”"[:70], Style.PRIMARY)
        for filled in _fitting(turn, message.sender)
    ]
    whose = "What you wrote" if message.role is Role.STAFF else f"“{excerpt(message.text)}”"
    turn.offer(
        Post(
            f"⏳ **{turn.customer_name}** has not written for so long that this channel takes no free text"
            f" now. {whose} is kept, and leaves by itself as soon as they write again."
            + _preview(turn, message.sender),
            buttons=(
                *buttons,
                Button(HOLD, str(message.id), "Hold until they write"),
                Button(DISCARD, str(message.id), "Do not send it", Style.DANGER),
            ),
        ),
        message.id,
    )


def _preview(turn: Turn, person: str) -> str:
    offered = _fitting(turn, person)
    told = "".join(
        f"\n\n**{filled.template.name}** ({filled.template.language}):\n\n{quoted(filled.text)}"
        for filled in offered
    )
    return f"\n\nThese approved messages may be sent now:{told}" if offered else ""


def _as_the_policy_says(turn: Turn, message: Message) -> None:
    """Hold an agent's own message, or send a template that asks the customer to write, as the policy says.

    The template is sent once for all that waits.
    """
    wanted = turn.organization.policies.outside_window
    if wanted == HOLD or turn.memory.parked > 1 or message.role is Role.STAFF:
        return
    if turn.another_app_answers:
        turn.explain("desk", "sent no template: another app is answering there")
        return
    filled = next((f for f in _in_their_language(turn, message.sender) if f.template.name == wanted), None)
    if filled is None:
        turn.explain("desk", f"the account has no template {wanted!r}: held")
        return
    _send(turn, filled, Role.AGENT, turn.owner.name)
    turn.explain(f"agent {turn.owner.name}", f"sent the template {wanted!r} instead")


def choose(turn: Turn, action: str, value: str, person: PersonId, who: str) -> None:
    """Handle the button that the holder pressed under a parked message."""
    if turn.escalation is None or turn.escalation.holder != person:
        turn.whisper(
            who, "Only the person who is talking to the customer can decide this. Press **Take** first."
        )
        return
    subject, _, key = value.partition(":")
    message = next((m for m in turn.messages.values() if str(m.id) == subject), None)
    if message is None or message.state is not MessageState.PARKED:
        turn.whisper(who, "This does not wait any more.")
        return
    match action:
        case "hold":
            turn.whisper(who, f"It leaves as soon as {turn.customer_name} writes again.")
        case "discard":
            turn.add(ChangeMessage(message.id, state=MessageState.WITHDRAWN))
            never_send(turn, message)
            turn.mark(message, Mark.WITHDRAWN)
            turn.explain(f"person {person}", "took back what waited")
        case _:
            filled = next((f for f in _in_their_language(turn, message.sender) if f.key == key), None)
            if filled is None:
                turn.whisper(who, "The organization has this template no longer.")
                return
            if _sent_since(turn, filled, message):
                turn.whisper(who, "This has been sent already.")
                return
            _send(turn, filled, Role.STAFF, person)
            _offer_less(turn, filled, message, person)
            turn.explain(f"person {person}", f"sent the template {filled.template.name!r}")
            turn.audit(f"person:{person}", "template.sent", template=filled.template.name)


def _sent_since(turn: Turn, filled: Filled, waiting: Message) -> bool:
    """Return whether the template was sent since: a second tap must not ask the customer twice."""
    written = list(turn.messages.values())
    return any(m.role is Role.STAFF and m.text == filled.text for m in written[written.index(waiting) :])


def _send(turn: Turn, filled: Filled, role: Role, sender: str) -> None:
    message = Message(
        id=MessageId(turn.rules.new_id()),
        role=role,
        sender=sender,
        text=filled.text,
        state=MessageState.RELEASED,
        at=turn.now,
    )
    turn.add(AddMessage(message))
    post = Post(filled.text, speaker=turn.speaker(role, sender), template=filled.template)
    turn.add(Deliver(message.id, post, report=role is Role.STAFF))
    turn.tell_room(Post(f"📨 Sent to {turn.customer_name}:\n\n{quoted(filled.text)}"), message.id)


def _offer_less(turn: Turn, sent: Filled, waiting: Message, person: PersonId) -> None:
    """Reduce the choice after a template was sent: only whether to send the waiting message is left."""
    said = (
        f"⏳ **{turn.person_name(person)}** sent **{sent.template.name}**. What waits leaves as soon as"
        f" **{turn.customer_name}** writes again."
    )
    button = Button(DISCARD, str(waiting.id), "Do not send it", Style.DANGER)
    turn.add(SettleOffer(waiting.id, Post(said, buttons=(button,))))


def never_send(turn: Turn, message: Message, said: str = TAKEN_BACK) -> None:
    """Remove a parked message from the outbox. `said` tells in the room why."""
    turn.add(Drop(message.id))
    turn.remember(parked=max(0, turn.memory.parked - 1))
    turn.add(SettleOffer(message.id, Post(said)))


def reopened(turn: Turn) -> None:
    """Let the parked messages leave because the customer has written: each once, before anything new."""
    if not turn.memory.parked:
        return
    turn.add(Unpark())
    for message in list(turn.messages.values()):
        if message.state is MessageState.PARKED:
            turn.add(ChangeMessage(message.id, state=MessageState.RELEASED))
            said = f"📨 **{turn.customer_name}** has written again: what waited leaves now."
            turn.add(SettleOffer(message.id, Post(said)))
    turn.explain("customer", f"wrote again: {turn.memory.parked} held messages leave")
    turn.remember(parked=0)


def withdraw_outdated(turn: Turn) -> list[Message]:
    """Take back the parked automatic messages after which the customer has written. Return these."""
    heard_at = turn.view.conversation.heard_at
    outdated = [
        message
        for message in turn.messages.values()
        if message.state is MessageState.PARKED
        and message.role in (Role.AGENT, Role.SYSTEM)
        and message.id in turn.view.unsent
        and heard_at is not None
        and message.at < heard_at
    ]
    for message in outdated:
        turn.add(ChangeMessage(message.id, state=MessageState.WITHDRAWN))
        never_send(turn, message, "↩️ Not sent: another app has answered there since.")
        if message.role is Role.AGENT:
            turn.remember(awaiting_option=False, options=())  # nobody has read what could be chosen
        turn.explain("desk", "took back what was decided before another app answered")
    return outdated


def _fitting(turn: Turn, person: str) -> tuple[Filled, ...]:
    return _in_their_language(turn, person)[:_OFFERED]


def _in_their_language(turn: Turn, person: str) -> tuple[Filled, ...]:
    """Return the account's templates, each in its best language and only once.

    In the customer's language only, if there are any, and in the variant of their country. Otherwise in the
    organization's languages, in their order.
    """
    account = find_account(turn.organization, turn.view.conversation.place.account)
    if account is None:
        return ()
    told = (turn.memory.language, turn.view.conversation.language)
    spoken = dict.fromkeys(filter(None, (*told, *turn.organization.policies.languages)))
    best: dict[str, MessageTemplate] = {}
    for template in sorted(account.templates, key=lambda t: _distance(t.language, spoken)):
        best.setdefault(template.id, template)
    theirs = _base(next(iter(spoken), ""))
    fitting = [t for t in account.templates if best[t.id] is t]
    return tuple(
        _filled(turn, t, person) for t in [t for t in fitting if _base(t.language) == theirs] or fitting
    )


def _distance(language: str, spoken: Iterable[str]) -> tuple[int, bool]:
    """Return how far down a language is in the list of spoken ones, and whether its country differs."""
    known = language.replace("_", "-")
    places = [(n, known != one) for n, one in enumerate(spoken) if _base(one) == _base(known)]
    return min(places, default=(len(tuple(spoken)), True))


def _base(language: str) -> str:
    return language.replace("_", "-").partition("-")[0]


def _filled(turn: Turn, template: MessageTemplate, person: str) -> Filled:
    team = find_team(turn.organization, turn.escalation.team) if turn.escalation else None
    known = {
        "customer": turn.name or "there",
        "person": turn.person_name(person),
        "team": team.name if team else turn.organization.display_name,
        "organization": turn.organization.display_name,
    }
    values = tuple(fill(parameter, **known) for parameter in template.parameters)
    blanks = template.blanks
    told = dict(zip(blanks, values, strict=False))
    text = BLANK.sub(lambda blank: told.get(blank[1], blank[0]), template.text)
    names = () if all(blank.isdecimal() for blank in blanks) else blanks
    return Filled(Template(template.id, template.language, values, names), text)
