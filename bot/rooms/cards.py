"""The card of a room: who needs what, by when, and who is speaking to whom. Pure, except for `Cards`."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from uuid import UUID

from bot.core.connector import MODEST, Capabilities, ChannelKind, Connectors, HasPermalinks
from bot.core.conversation import EscalationState, Message, OwnerKind, Role, Status, Urgency
from bot.core.errors import SendError
from bot.core.events import Place
from bot.core.ids import ConversationId, OrgId
from bot.core.numbers import shown
from bot.core.outbound import Button, Card, CardTone, Style
from bot.turns.closing import reopen_button
from bot.turns.erased import erased_line
from bot.turns.escaping import inert, known_as, plain, shortened, typed
from bot.turns.staff_buttons import ASK_NUMBER, ASSIGN, RESOLVE, RETURN, TAKE
from bot.turns.story import author_of, name_of, told_to_staff, transcript, words
from bot.turns.watching import STOP_WATCHING, TAKE_FROM_AGENT
from bot.turns.window import open_until
from orgs.routing import find_agent, find_person, find_team
from orgs.specification.organization import Organization
from storage.database import Database
from storage.keys import Keys
from storage.organizations import Organizations
from storage.rooms import Earlier, ErasedRoom, RoomView, WatchedRoom, erased_room, room_view

_SUMMARY = 5  # the last messages that a card shows
_LONGEST = 280  # characters of each of them
_URGENCY = {Urgency.NORMAL: "Normal", Urgency.HIGH: "🟠 High", Urgency.CRITICAL: "🔴 Critical"}


class Cards:
    """Reads the present state of a room and draws its card."""

    def __init__(
        self,
        database: Database,
        keys: Keys,
        organizations: Organizations,
        channels: Mapping[str, ChannelKind],
        connectors: Connectors,
    ) -> None:
        self._channels = channels
        self._connectors = connectors
        self._database = database
        self._keys = keys
        self._organizations = organizations

    async def __call__(self, organization_id: OrgId, room: UUID) -> Card:
        """Draw the card of the organization's room. Raises NotFound, KeyDestroyed, StorageUnavailable."""
        async with self._database.begin(organization_id) as connection:
            erased = await erased_room(connection, room)
            view = await room_view(connection, self._keys, room) if erased is None else None
        if erased is not None:
            return erased_card(erased, await self._organizations.get(erased.organization, erased.version))
        assert view is not None  # noqa: S101  it is one of the two
        organization = await self._organizations.get(view.organization, view.version)
        if isinstance(view, WatchedRoom):
            return watched_card(view, organization, self._channels)
        links = {
            earlier.id: await self._link(view.organization, earlier.room)
            for earlier in view.earlier
            if earlier.room
        }
        return card(view, organization, self._channels, links)

    async def _link(self, organization: OrgId, thread: Place) -> str:
        """Return the web address of a thread; "" if its channel has none, or cannot say it now."""
        connector = await self._connectors.named(organization, thread.account)
        if not isinstance(connector, HasPermalinks):
            return ""
        try:
            return await connector.permalink(thread)
        except SendError:
            return ""  # a card without a link is better than none


def card(
    view: RoomView,
    organization: Organization,
    channels: Mapping[str, ChannelKind],
    links: Mapping[ConversationId, str] = MappingProxyType({}),
) -> Card:
    """Draw the card of a room. Everything on it is true at the moment of `view`."""
    escalation = view.escalation
    customer = plain(known_as(view.conversation.customer_name, view.conversation.address)) or "A customer"
    waiting = escalation.state is EscalationState.WAITING and view.current
    sections = [("Why", escalation.reason)]
    if escalation.tried:
        sections.append(("What the agent tried", escalation.tried))
    sections.append(("In short", _summary(view, organization)))
    if view.earlier:
        sections.append(("Before", _before(view, organization, channels, links)))
    kind = channels.get(view.conversation.place.channel)
    going_on = view.current and escalation.state in (EscalationState.WAITING, EscalationState.HELD)
    return Card(
        title=_title(view, customer),
        speaking=_speaking(view, organization, customer),
        tone=_tone(view),
        facts=_facts(view, organization, kind.title if kind else view.conversation.place.channel),
        sections=tuple(sections),
        deadline=escalation.deadline if waiting else None,
        window=open_until(view.conversation, kind.capabilities) if kind and going_on else None,
        buttons=_buttons(view, kind.capabilities if kind else MODEST),
    )


def watched_card(view: WatchedRoom, organization: Organization, channels: Mapping[str, ChannelKind]) -> Card:
    """Draw the card of a room in which staff watch an agent."""
    conversation = view.conversation
    customer = plain(known_as(conversation.customer_name, conversation.address)) or "A customer"
    agent = find_agent(organization, conversation.owner.name)
    name = agent.title if agent and conversation.owner.kind is OwnerKind.AGENT else "The agent"
    kind, team = channels.get(conversation.place.channel), find_team(organization, view.team)
    speaking = f"{name} is talking to {customer}. Nothing written here reaches {customer}."
    if not view.open:
        speaking = f"Nobody watches here any more. Nothing written here reaches {customer}."
    return Card(
        title=f"{customer}: {name} is answering" if view.open else f"{customer}: watched until now",
        speaking=speaking,
        tone=CardTone.CALM if view.open else CardTone.DONE,
        facts=(
            ("Customer", plain(conversation.customer_name) or "no name told"),
            ("Channel", kind.title if kind else conversation.place.channel),
            ("Number", shown(conversation.number)),
            ("Team", team.name if team else view.team),
            ("Agent", name),
        ),
        sections=(("In short", _summary(view, organization)),),
        buttons=(
            Button(TAKE_FROM_AGENT, "watched", "Take over", Style.PRIMARY),
            Button(STOP_WATCHING, "watched", "Stop watching"),
        )
        if view.open
        else (),
    )


def erased_card(room: ErasedRoom, organization: Organization) -> Card:
    """Draw the card of an erased customer's room: one line, and how many posts are left to delete by hand."""
    count = room.undeleted
    them = f"{count} messages of the desk" if count > 1 else "One message of the desk"
    return Card(
        title=erased_line(organization, room.erased),
        speaking=f"{them} here could not be deleted: delete {'them' if count > 1 else 'it'} by hand."
        if count
        else "",
        tone=CardTone.DONE,
        facts=(),
    )


def _title(view: RoomView, customer: str) -> str:
    if not view.current:
        return f"{customer}: in another thread"
    match view.escalation.state:
        case EscalationState.WAITING:
            return f"{customer} needs a person"
        case EscalationState.HELD:
            return f"{customer}: in good hands"
        case EscalationState.RESOLVED:
            return f"{customer}: {'solved' if view.escalation.closed_by else 'closed'}"
        case EscalationState.RETURNED:
            return f"{customer}: back with the agent"


def _speaking(view: RoomView, organization: Organization, customer: str) -> str:
    """Return the sentence that says who speaks to whom, as promise 7 of the product requires."""
    person = find_person(organization, view.escalation.closed_by or view.escalation.holder or "")
    name = person.name if person else "A colleague"
    if not view.current:
        return f"This goes on in another thread. Nothing written here reaches {customer}."
    match view.escalation.state:
        case EscalationState.WAITING if view.escalation.assignee:
            assigned = find_person(organization, view.escalation.assignee)
            return (
                f"Assigned to {assigned.name if assigned else 'a colleague'}, who has not taken it yet."
                f" Nobody is talking to {customer}. What is written here stays inside."
            )
        case EscalationState.WAITING:
            untold = f"Nobody is talking to {customer} yet. What is written here stays inside."
            return f"{untold} Press Take to answer."
        case EscalationState.HELD:
            return f"{name} is talking to {customer}. Everyone else's words stay inside."
        case EscalationState.RESOLVED if view.escalation.closed_by is None:
            return f"This has ended without an answer. Nothing written here reaches {customer} any more."
        case EscalationState.RESOLVED:
            return f"{name} closed this. Nothing written here reaches {customer} any more."
        case EscalationState.RETURNED:
            return f"The agent is talking to {customer} again. Nothing written here reaches them."


def _tone(view: RoomView) -> CardTone:
    if not view.current or view.escalation.state in (EscalationState.RESOLVED, EscalationState.RETURNED):
        return CardTone.DONE
    if view.escalation.urgency is not Urgency.NORMAL:
        return CardTone.URGENT
    return CardTone.PRESSING if view.escalation.state is EscalationState.WAITING else CardTone.CALM


def _facts(view: RoomView, organization: Organization, channel: str) -> tuple[tuple[str, str], ...]:
    escalation = view.escalation
    team = find_team(organization, view.team)
    agent = find_agent(organization, escalation.agent)
    person = find_person(organization, escalation.holder or "")
    facts = [
        ("Customer", plain(view.conversation.customer_name) or "no name told"),
        ("Address", plain(view.conversation.address) or "unknown"),
        ("Channel", channel),
        ("Number", shown(view.conversation.number)),
        ("Team", team.name if team else view.team),
        ("Urgency", _URGENCY[escalation.urgency]),
        ("Agent", agent.title if agent else escalation.agent),
    ]
    if view.kept is not None:
        kept = plain(view.kept.name) or "a customer without a name"
        facts.insert(1, ("Same customer as", f"{kept} ({str(view.kept.id)[:13]})"))
    if not view.conversation.verified:
        facts.append(("Identity", "⚠️ Unverified: nobody vouches for this address"))
    if escalation.trigger:
        facts.append(("Rule", escalation.trigger.replace("_", " ")))
    if person is not None and escalation.state is EscalationState.HELD:
        facts.append(("Held by", person.name))
    return tuple(facts)


def _before(
    view: RoomView,
    organization: Organization,
    channels: Mapping[str, ChannelKind],
    links: Mapping[ConversationId, str],
) -> str:
    """Return the lines about the same customer's other conversations: how each ended, and its thread."""
    lines = []
    for earlier in view.earlier:
        kind = channels.get(earlier.channel)
        told = [
            f"{earlier.at:%Y-%m-%d}",
            kind.title if kind else earlier.channel,
            _outcome(earlier, organization),
        ]
        if link := links.get(earlier.id):
            told.append(f"[thread]({link})")
        lines.append(f"{' · '.join(told)} · `{shown(earlier.number)}`")
    return "\n".join(lines)


def _outcome(earlier: Earlier, organization: Organization) -> str:
    holder = name_of(organization, earlier.holder)
    team = find_team(organization, earlier.team) if earlier.team else None
    match earlier.escalation:
        case EscalationState.RESOLVED:
            return f"solved by {holder}"
        case EscalationState.HELD:
            return f"open, with {holder}"
        case EscalationState.WAITING:
            return f"waiting for {team.name if team else 'a team'}"
        case _:
            pass
    agent = find_agent(organization, earlier.owner.name) if earlier.owner.kind is OwnerKind.AGENT else None
    name = agent.title if agent else "an agent"
    returned = f", after {holder} returned it" if earlier.escalation is EscalationState.RETURNED else ""
    if earlier.status is Status.RESOLVED:
        return f"answered by {name}{returned}"
    return f"open, with {name}{returned}"


def _summary(view: RoomView | WatchedRoom, organization: Organization) -> str:
    """Return who said what last, in order: enough to decide who should take the conversation."""
    spoken = [m for m in told_to_staff(view.story) if m.role is not Role.SYSTEM]
    last = [_briefly(message) for message in spoken[-_SUMMARY:]]
    customer = known_as(view.conversation.customer_name, view.conversation.address)
    name, address = inert(customer) or "A customer", view.conversation.address
    return transcript(last, name, address, partial(author_of, organization))


def _briefly(message: Message) -> Message:
    """Return the message with its text shortened and without attachments. The story has the disclosure."""
    about = replace(message.reference, disclosed="")
    return replace(message, text=shortened(typed(words(message)), _LONGEST), attachments=(), reference=about)


def _buttons(view: RoomView, can: Capabilities) -> tuple[Button, ...]:
    escalation = view.escalation
    if not view.current:
        return ()
    if escalation.state in (EscalationState.RESOLVED, EscalationState.RETURNED):
        return (reopen_button(escalation),) if escalation.closed_by else ()
    subject = str(escalation.id)
    held = escalation.state is EscalationState.HELD
    seen = f"{subject}:{escalation.holder}" if held else subject  # a press names the holder its card showed
    take = (
        Button(TAKE, seen, "Take over", confirm="Somebody holds this. Take it from them?")
        if held
        else Button(TAKE, subject, "Take", Style.PRIMARY)
    )
    hidden = not view.conversation.address.startswith("+")  # only a phone number begins so
    asks = held and can.asks_number and hidden
    return (
        take,
        Button(ASSIGN, seen, "Assign…"),
        Button(RESOLVE, subject, "Resolve", Style.PRIMARY if held else Style.PLAIN),
        Button(RETURN, subject, "Return to agent"),
        *([Button(ASK_NUMBER, seen, "Ask for phone number")] if asks else []),
    )
