"""A turn being decided: what the view says, what has been decided so far, and the state after that."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID

from bot.core.connector import MODEST, Begin, Capabilities
from bot.core.conversation import (
    Control,
    Counted,
    Escalation,
    FileReport,
    Memory,
    Message,
    MessageState,
    Owner,
    OwnerKind,
    Role,
    Room,
    Status,
    Timer,
    View,
)
from bot.core.effects import (
    AddMessage,
    Audit,
    ChangeEscalation,
    ChangeMessage,
    ClearTimers,
    CloseRoom,
    CountReply,
    Deliver,
    Effect,
    Move,
    Offer,
    OpenRoom,
    Remember,
    ReopenRoom,
    SetTimer,
    ShowCard,
    TellPerson,
    TellRoom,
)
from bot.core.errors import TurnFailed
from bot.core.events import Attachment, Event, Place
from bot.core.ids import MessageId, NewId, PersonId
from bot.core.outbound import Button, DirectMessage, Mark, Post, React, Speaker, Whisper
from bot.core.permissions import ConversationScopeValues, Permission
from bot.turns.attachments import pending
from bot.turns.disclosure import disclosure
from bot.turns.escaping import inert, known_as
from bot.turns.ownership import Cause, pass_on
from bot.turns.story import author_of, name_of, other_writer, transcript
from orgs.roles import grants_of
from orgs.routing import RoomChannel as RoomRef
from orgs.routing import Target, channel_of, direct_chats, find_person
from orgs.specification.organization import Organization, SpeaksAs
from orgs.specification.texts import Texts
from orgs.translations import spoken, texts_in

RELEASE = "release"  # the timer of a message that waits for its undo time
LOOK_AGAIN = timedelta(seconds=5)  # until a message that waits behind a file looks for it again
_BETWEEN = "\n\n"  # between texts that leave as one message
_CONTROL = timedelta(hours=24)  # Meta ends an app's control after so long without a customer's message
_KEPT = 100  # messages of a customer that are kept for an answer while another app has their chat
_FILE_WAIT = timedelta(minutes=15)  # so long messages wait behind a file that is still being fetched
_WORDS_LEFT = (
    MessageState.RELEASED,
    MessageState.SENT,
    MessageState.DELIVERED,
    MessageState.READ,
)
STRANGER = "You are not named in the organization file, so you cannot act here."
SYSTEM = "desk"  # the sender of messages that neither an agent nor a person wrote


def no_code() -> str:
    raise TurnFailed("nobody gives out codes here")


@dataclass(frozen=True, slots=True)
class Rulebook:
    """All that deciding depends on besides the view."""

    organization: Organization
    capabilities: Mapping[str, Capabilities]  # by account id
    new_id: NewId
    begin: Mapping[str, Begin] = field(default_factory=dict)  # by account: begins a chat with an address
    new_code: Callable[[], str] = no_code  # makes a code of six digits


class Turn:
    """Collects effects and keeps the values they change, so that each input sees what the one before did.

    Lives for one turn, and has no side effects.
    """

    def __init__(self, view: View, rules: Rulebook) -> None:
        self.view = view
        self.rules = rules
        self.organization = rules.organization
        self.now: datetime = view.now
        self.effects: list[Effect] = []
        self.reasons: list[tuple[str, str]] = []  # who decided, and why
        self.owner: Owner = view.conversation.owner
        self.status: Status = view.conversation.status
        self.memory: Memory = view.conversation.memory
        self.escalation: Escalation | None = view.escalation
        self.closed: Escalation | None = view.closed  # the newest one, when none is open
        self.messages: dict[MessageId, Message] = {message.id: message for message in view.story}
        self.timers: dict[tuple[str, str], Timer] = {(t.kind, t.subject): t for t in view.timers}
        self.rooms: dict[UUID, Room] = {room.id: room for room in view.rooms}
        self.here: Room | None = None  # the room of the current input, open or closed; None: not a room
        self.grows = False  # whether the post of a burst has more to tell
        self.press = ""  # the platform's id of the button press, if the current input is one
        self.unheard = {item.message for item in view.inputs if item.message}  # messages of inputs to come
        # Files that are reported by inputs still to come, although the view has the reported state already.
        reports = (item.body for item in view.inputs if isinstance(item.body, FileReport))
        self.files_to_come = {(report.message, report.position) for report in reports}
        self.asking: list[MessageId] = []  # what the customer said that an agent must answer
        self.unvouched = False  # whether some of that is unverified mail
        self.acknowledges = False  # whether its address may be told that it came
        self.addressed_team: Target | None = None  # the team whose address the customer wrote to first
        self.unanswered_programs = 0  # messages by programs, which no agent answers
        # Messages that people read before: they were shown to them when they came, or are in their story.
        self.shown_before = {item.message for item in view.heard}
        self.picked = ""
        self.typed: dict[MessageId, str] = {}  # labels of choices that were typed instead of tapped
        self.name = view.conversation.customer_name  # "" while the channel has not told it
        self.hops = 0  # agents that this turn has passed through

    @property
    def wake_at(self) -> datetime | None:
        return min((timer.due_at for timer in self.timers.values()), default=None)

    @property
    def language(self) -> str:
        """Return the organization's language in which we write to the customer.

        It is that of their own words, else what the channel says of them, else the organization's first.
        """
        known = (self.memory.language, self.view.conversation.language)
        found = (spoken(self.organization, language) for language in known if language)
        return next(filter(None, found), self.organization.policies.languages[0])

    @property
    def texts(self) -> Texts:
        """Return the fixed texts for the customer, in their language."""
        return texts_in(self.organization, self.language)

    def explain(self, who: str, why: str) -> None:
        """Record who decided something and why, for `desk why`."""
        self.reasons.append((who, why))

    def speaker(self, role: Role, sender: str) -> Speaker:
        """Return under whose name the customer sees a message. Only a person's message may count as human."""
        human = role is Role.STAFF
        own = human and self.organization.identity.speaks_as is SpeaksAs.PERSON
        return Speaker(self.person_name(sender) if own else self.organization.display_name, human)

    def may(self, person: str, permission: Permission, *, asked: bool = False) -> bool:
        """Return whether a person may do that with this conversation, by the organization file in force.

        `asked`: once they are asked to take it.
        """
        place, escalation = self.view.conversation.place, self.escalation or self.closed
        queue = self.owner.name if self.owner.kind is OwnerKind.QUEUE else ""
        values = ConversationScopeValues(
            teams=frozenset(filter(None, (queue, escalation.team if escalation else ""))),
            agent=self.owner.name if self.owner.kind is OwnerKind.AGENT else "",
            channels=frozenset((place.channel, place.account)),
            people=frozenset(
                name
                for name in (
                    person if asked else None,
                    escalation.holder if escalation else None,
                    escalation.assignee if escalation else None,
                )
                if name
            ),
        )
        return grants_of(self.organization, person).may(permission, values)

    def person_name(self, person: PersonId | str | None) -> str:
        return name_of(self.organization, person)

    def author(self, message: Message) -> str:
        return author_of(self.organization, message)

    def transcript(self, messages: Iterable[Message]) -> str:
        """Return who said what, for a room."""
        return transcript(messages, self.customer_name, self.view.conversation.address, self.author)

    def wrote(self, event: Event) -> str:
        """Return as CommonMark who caused an event in the customer's chat: them, or somebody beside them."""
        name, address = event.sender.display_name, event.sender.address
        other = other_writer(name, address, self.view.conversation.address) if event.shared else ""
        return other or self.customer_name

    @property
    def customer_name(self) -> str:
        """Return the customer's name as CommonMark for a sentence to staff. Markup in it has no effect."""
        return inert(known_as(self.name, self.view.conversation.address)) or "the customer"

    def add(self, effect: Effect) -> None:
        """Add an effect, and update the values that it changes."""
        if isinstance(effect, ClearTimers):
            # A timer set and then cleared in one turn is never set: storage writes effects kind by kind.
            self.effects = [e for e in self.effects if not (isinstance(e, SetTimer) and _stops(effect, e))]
        self.effects.append(effect)
        match effect:
            case AddMessage(message=message):
                self.messages[message.id] = message
            case ChangeMessage(message=id_, state=state, text=text, reply_to=reply_to):
                if known := self.messages.get(id_):
                    self.messages[id_] = replace(
                        known,
                        state=state or known.state,
                        text=known.text if text is None else text,
                        edited=known.edited or effect.edits,
                        reply_to=reply_to or known.reply_to,
                        reference=effect.reference or known.reference,
                    )
            case SetTimer(kind=kind, subject=subject, due_at=due_at):
                self.timers[kind, subject] = Timer(kind, subject, due_at)
            case ClearTimers(kind=kind, subject=subject):
                self.timers = {
                    key: timer
                    for key, timer in self.timers.items()
                    if key[0] != kind or (subject is not None and key[1] != subject)
                }
            case OpenRoom(room=room):
                self.rooms[room.id] = room
            case CloseRoom(room=id_):
                self._set_open(id_, open_=False)
            case ReopenRoom(room=id_):
                self._set_open(id_, open_=True)
            case _:
                pass

    def _set_open(self, id_: UUID, *, open_: bool) -> None:
        if id_ in self.rooms:
            self.rooms[id_] = replace(self.rooms[id_], open=open_)
        room = self.escalation.room if self.escalation else None
        if self.escalation is not None and room is not None and room.id == id_:
            self.escalation = replace(self.escalation, room=replace(room, open=open_))

    def remember(self, **changes: object) -> None:
        changed = replace(self.memory, **changes)  # type: ignore[arg-type]
        if changed != self.memory:
            self.memory = changed
            self.effects = [effect for effect in self.effects if not isinstance(effect, Remember)]
            self.effects.append(Remember(changed))

    def advise(self, topic: str) -> bool:
        """Return whether a piece of advice is new to staff, and remember that they were given it."""
        new = topic not in self.memory.advised
        if new:
            self.remember(advised=(*self.memory.advised, topic))
        return new

    def give(self, cause: Cause, name: str, status: Status, reopen: timedelta | None = None) -> None:
        """Pass the conversation to another owner, as the table of transitions allows. Raises TurnFailed."""
        self.owner = Owner(pass_on(self.owner.kind, cause), name)
        self.status = status
        self.add(Move(self.owner, status, reopen))

    def change_escalation(self, **changes: object) -> Escalation:
        assert self.escalation is not None  # noqa: S101  callers look first
        self.escalation = replace(self.escalation, **changes)  # type: ignore[arg-type]
        self.add(ChangeEscalation(self.escalation))
        return self.escalation

    def say(
        self,
        text: str,
        *,
        role: Role = Role.SYSTEM,
        sender: str = SYSTEM,
        buttons: tuple[Button, ...] = (),
        automatic: bool = True,
        wait: timedelta | None = None,
        ahead: bool = False,
        file: tuple[Attachment, str] | None = None,
        asks_number: bool = False,
    ) -> MessageId:
        """Say something to the customer: add an entry to the log, and deliver it. Return the entry's id.

        It waits behind messages that wait for their undo time, behind files that are being fetched, and at
        least for `wait`. If it waits, `buttons` are left out.

        `ahead`: it is about what has left, or answers a question to the desk itself, and waits for nothing.

        `file`: an attachment and its text. It follows as a file once it is in the store.

        `automatic`: no person has caused just this message. It is not sent where nobody may be reading, nor
        without limit where programs may answer. The disclosure is put above it if due when it leaves.
        """
        message = Message(
            id=MessageId(self.rules.new_id()),
            role=role,
            sender=sender,
            text=text,
            state=MessageState.RELEASED,
            at=self.now,
        )
        waits = wait is not None or (self.on_their_way and not ahead)
        if automatic and (why := self._unsayable(waits=waits)):
            self.add(AddMessage(replace(message, state=MessageState.WITHDRAWN)))
            self.explain("desk", f"said nothing more: {why}")
            return message.id
        if automatic and self.capabilities.robots:
            self.count(*self.hourly)
        if waits:
            self._hold(message, wait or timedelta())
            return message.id
        if automatic and self.capabilities.charges and (first := self._to_join(text)):
            return self._join(first, message, buttons, file)
        if file is not None:
            here = self.view.conversation.place
            self.add(AddMessage(replace(message, attachments=file[:1]), written_at=here, contents=file[1:]))
        else:
            self.add(AddMessage(message))
        post = Post(
            text,
            buttons=buttons,
            speaker=self.speaker(role if automatic else Role.STAFF, sender),
            asks_number=asks_number,
            discloses=self.disclosure if automatic else "",
        )
        self.add(Deliver(message.id, post, report=not automatic))
        return message.id

    @property
    def disclosure(self) -> str:
        """Return the text that says that an AI writes, in the customer's language."""
        return disclosure(self.organization, self.language)

    def _to_join(self, text: str) -> Deliver | None:
        """Return the last automatic message of this turn, if more words can be added to it."""
        last = next((e for e in reversed(self.effects) if isinstance(e, Deliver)), None)
        begun = any(isinstance(e, AddMessage) and last and e.message.id == last.message for e in self.effects)
        if last is None or not begun:
            return None
        before = self.messages[last.message]
        if before.role is Role.STAFF:
            return None
        plain = replace(last.post, text="", speaker=None, discloses="") == Post("")
        above = len(self.disclosure) + len(_BETWEEN)
        fits = above + len(last.post.text) + len(_BETWEEN) + len(text) <= self.capabilities.text_limit
        return last if plain and fits else None

    def _join(
        self,
        first: Deliver,
        message: Message,
        buttons: tuple[Button, ...],
        file: tuple[Attachment, str] | None,
    ) -> MessageId:
        """Add the text of a new message, and a file of it, to an earlier message of this turn.

        If either is an agent's, so is the whole.
        """
        before = self.messages[first.message]
        author = before if before.role is Role.AGENT else message
        text = _BETWEEN.join(filter(None, (before.text, message.text)))
        files = (*before.attachments, *(file[:1] if file is not None else ()))
        whole = replace(before, text=text, role=author.role, sender=author.sender, attachments=files)
        # The customer's language may have become known since.
        post = replace(first.post, text=text, buttons=buttons, discloses=self.disclosure)
        for n, effect in enumerate(self.effects):
            if isinstance(effect, AddMessage) and effect.message.id == before.id:
                self.effects[n] = replace(effect, message=whole)
                if file is not None:
                    here, contents = self.view.conversation.place, (*effect.contents, file[1])
                    self.effects[n] = replace(effect, message=whole, written_at=here, contents=contents)
            elif effect is first:
                self.effects[n] = replace(first, post=post)
        self.messages[before.id] = whole
        return before.id

    def _hold(self, message: Message, wait: timedelta) -> None:
        before = [timer.due_at for (kind, _), timer in self.timers.items() if kind == RELEASE]
        self.add(AddMessage(replace(message, state=MessageState.HELD)))
        self.add(SetTimer(RELEASE, str(message.id), max(self.now + wait, *before, self.now)))

    @property
    def held(self) -> list[Message]:
        """Return the messages that wait for their undo time, or behind such messages, in their order."""
        return [message for message in self.messages.values() if message.state is MessageState.HELD]

    @property
    def on_their_way(self) -> bool:
        """Return whether a message or a file has yet to leave before anything that comes after it."""
        return bool(self.held) or any(map(self.awaits_files, self.messages.values()))

    def is_leaving(self, message: Message) -> bool:
        """Return whether a staff message was given to the outbox, and nothing is known of it yet."""
        theirs = message.role is Role.STAFF and message.room is not None
        return theirs and message.state is MessageState.RELEASED and message.at > self.now - _FILE_WAIT

    def awaits_files(self, message: Message) -> bool:
        """Return whether the words of a staff message have left before a file of it."""
        if message.role is not Role.STAFF or message.room is None or message.state not in _WORDS_LEFT:
            return False
        coming = pending(message) or any(id_ == message.id for id_, _ in self.files_to_come)
        return coming and message.at > self.now - _FILE_WAIT

    def _unsayable(self, *, waits: bool) -> str:
        """Return why no program of ours may write to the customer now; "" if one may.

        Who has the word when a message leaves that `waits` will be seen then: a person may get it before.
        """
        if self.another_app_answers and not waits:  # whatever we send would take control from it
            return "another app is answering there"
        if not self.view.conversation.return_verified:
            return "nobody vouches that they read mail there"
        if self.capabilities.robots and not self.has_room(*self.hourly):
            return "too many automatic replies within an hour"
        return ""

    @property
    def another_app_answers(self) -> bool:
        """Return whether another app controls the customer's chat where we would write now."""
        return self.is_taken(self.view.conversation.place.account)

    def is_taken(self, account: str) -> bool:
        """Return whether another app controls the customer's chat on an account now."""
        control = self.control(account)
        return control is not None and not control.ours and self.now < control.at + _CONTROL

    def control(self, account: str) -> Control | None:
        """Return what is known of the control over the customer's chat on an account."""
        return next((known for known in self.memory.controls if known.account == account), None)

    def given_control(self, account: str, *, ours: bool, at: datetime, told: bool = False) -> None:
        """Remember who controls the customer's chat on an account since `at`, if nothing newer is known.

        What the platform has `told` overrules what something else of the same second implies. That another
        app gave us the chat is remembered also if it was told late: what it was told before is ours.
        """
        known = self.control(account)
        if known is None and ours and not told and self.capabilities_of(account).window is None:
            return  # no other app serves chats of channels without a window
        passed = known.passed if known is not None else None
        if ours and told:
            passed = max(at, passed or at)
        control = replace(known, passed=passed) if known is not None else None
        if known is None or at > known.at or (told and at >= known.at.replace(microsecond=0)):
            control = Control(account, ours, at, passed)
        others = [each for each in self.memory.controls if each.account != account]
        self.remember(controls=(*others, *filter(None, [control])))

    def keep(self, *messages: MessageId) -> None:
        """Remember messages of the customer that we answer once another app has given us their chat."""
        self.remember(kept=tuple(dict.fromkeys((*self.memory.kept, *messages)))[-_KEPT:])

    @property
    def hourly(self) -> tuple[Counted, int, timedelta]:
        """Return the loop guard: the limit of automatic replies to one address within an hour."""
        return Counted.REPLY, self.organization.policies.automatic_replies_per_hour, timedelta(hours=1)

    def has_room(self, kind: Counted, most: int, window: timedelta) -> bool:
        """Return whether the limit allows one more automatic reply of that kind."""
        left = [at for at in self.view.replies.get(kind, ()) if at > self.now - window]
        decided = [
            effect for effect in self.effects if isinstance(effect, CountReply) and effect.kind is kind
        ]
        return len(left) + len(decided) < most

    def count(self, kind: Counted, most: int, window: timedelta, subject: bytes = b"") -> None:
        self.add(CountReply(kind, most, window, subject))

    def tell_room(self, post: Post, about: MessageId | None = None, room: Room | None = None) -> None:
        """Write into a room, also a closed one; by default into the open one, if there is one.

        Attachments are other people's: names, phone numbers and places in them are shown as quoted words.
        """
        if room := room or self.open_room:
            self.add(TellRoom(room.id, replace(post, cites=bool(post.attachments)), about))

    def offer(self, post: Post, message: MessageId) -> None:
        """Let staff choose in the open room, if there is one, what happens to a message."""
        if room := self.open_room:
            self.add(Offer(room.id, post, message))

    def tell_author(self, post: Post, message: Message) -> None:
        """Tell staff about a message they wrote: in the open room, else where they wrote it."""
        written_in = self.rooms.get(message.room) if message.room else None
        self.tell_room(post, message.id, self.open_room or written_in)

    def call(self, person: PersonId | None, text: str, *, needed_by: datetime | None = None) -> None:
        """Write into the open room so that a person notices it, where the room's channel knows them.

        If they cannot notice it by `needed_by`, nothing is posted, and a report tells the conversation.
        """
        self.tell_room(Post(text, calls=self.known_as(person), needed_by=needed_by))

    def known_as(self, person: PersonId | None) -> str:
        """Return a person's id in the open room's channel, else the email address that it knows, else ""."""
        known = find_person(self.organization, person) if person else None
        if known is None or self.open_room is None:
            return ""
        place = self.open_room.place
        by_email = self.rules.capabilities.get(place.account, MODEST).emails
        return known.on(place.channel) or (by_email and known.email) or ""

    @property
    def open_room(self) -> Room | None:
        """Return the room of the escalation if it is open. None while no room can be opened."""
        room = self.escalation.room if self.escalation else None
        return room if room is not None and room.open else None

    def is_lost(self, room: RoomRef) -> bool:
        """Return whether nobody can be reached in that channel, or through its account."""
        lost = self.memory.lost
        return (room.account_id, room.channel) in lost or (room.account_id, "") in lost

    def tell_person(self, person: PersonId | str, post: Post, *, after: str = "") -> bool:
        """Write to a person of the staff directly, on the first staff account that knows them.

        `after` is the account on which that failed; the next one is tried. Return False when no account is
        left.
        """
        by_email = {account for account, known in self.rules.capabilities.items() if known.emails}
        chats = direct_chats(self.organization, person, by_email)
        failed = next((n for n, chat in enumerate(chats) if chat.account_id == after), -1)
        if failed + 1 >= len(chats):
            return False
        account_id, chat = chats[failed + 1]
        place = Place(channel_of(self.organization, account_id), account_id, chat)
        self.add(TellPerson(DirectMessage(PersonId(person), place, post)))
        return True

    def leaves(self, message: Message) -> bool:
        """Return whether a part of a message with files has yet to be delivered to the customer."""
        decided = (e.message for e in self.effects if isinstance(e, Deliver))
        return message.id in self.view.leaving or message.id in decided

    def in_their_chat(self, ref: str) -> Message | None:
        """Return the newest message that a platform's id stands for in the customer's chat."""
        sent = self.view.refs.get(ref, ())
        theirs = (m for m in self.messages.values() if ref and m.ref == ref and m.room is None)
        known = (m for m in self.messages.values() if m.id in sent)
        return max((*known, *theirs), key=lambda m: (bool(m.text), m.at), default=None)

    def in_rooms(self, ref: str) -> Iterator[Message]:
        """Yield the messages that a line of a room shows, by the platform's id of that line."""
        return (self.messages[id_] for id_ in self.view.shown.get(ref, ()) if id_ in self.messages)

    def line_of(self, message: Message) -> str:
        """Return the platform's id of the line of the open room that shows a message; "" if none does."""
        room = self.escalation.room if self.escalation else None
        known = self.view.lines.get(message.id, "")
        return message.ref if room is not None and message.room == room.id else known

    def show_card(self) -> None:
        """Update the card of the open room, once per turn: it is rendered when it is sent."""
        if self.open_room:
            effect = ShowCard(self.open_room.id)
            if effect not in self.effects:
                self.add(effect)

    def room_at(self, place: Place) -> Room | None:
        """Return the room of this conversation in a thread, open or closed."""
        return next((room for room in self.rooms.values() if room.place == place), None)

    def mark(self, message: Message, mark: Mark | None) -> None:
        """Mark a staff message with its state, in the room where it was written, open or closed.

        If the escalation has moved to another room since, mark its line there too.
        """
        if not message.ref or message.room is None:
            return
        notes = (m for m in self.messages.values() if m.state is MessageState.NOTE and m.id != message.id)
        partly = any(m.ref == message.ref and m.role is Role.STAFF for m in notes)
        self.add(TellRoom(message.room, React(message.ref, mark, partly)))
        self.mark_line(message, mark, partly=partly)

    def mark_line(self, message: Message, mark: Mark | None, *, partly: bool = False) -> None:
        """Mark the line of a staff message in the open room, if the message was written in another room."""
        room = self.open_room
        if room is not None and message.room not in (None, room.id):
            self.add(TellRoom(room.id, React("", mark, partly), message.id))

    def mark_here(self, ref: str, mark: Mark) -> None:
        """Mark something that is no message of the log, in the room of the current input."""
        if ref and self.here is not None:
            self.add(TellRoom(self.here.id, React(ref, mark)))

    def whisper(self, person: str, text: str) -> None:
        """Answer the person who caused the current input, in the room where they did it, open or closed.

        `person` is their id in the room's channel.
        """
        if self.here is not None:
            self.add(TellRoom(self.here.id, Whisper(person, text, self.press)))

    def answer_press(self, event: Event, person: PersonId | None, text: str) -> None:
        """Answer a press on a button outside of rooms, where it was pressed."""
        whisper = Whisper(event.sender.external_id, text, event.press)
        place = replace(event.place, thread="")
        self.add(TellPerson(DirectMessage(person or PersonId(""), place, whisper)))

    def audit(self, actor: str, action: str, **details: str | int | bool | None) -> None:
        self.add(Audit(actor, action, f"conversation:{self.view.conversation.id}", details))

    @property
    def capabilities(self) -> Capabilities:
        """Return the capabilities of the channel where the customer is now."""
        return self.capabilities_of(self.view.conversation.place.account)

    def capabilities_of(self, account: str) -> Capabilities:
        """Return the capabilities of the channel of an account."""
        return self.rules.capabilities.get(account, MODEST)


def _stops(clear: ClearTimers, timer: SetTimer) -> bool:
    return clear.kind == timer.kind and clear.subject in (None, timer.subject)


@dataclass(frozen=True, slots=True)
class Decision:
    """The result of a turn when all inputs and timers are handled. `agent` is whom to ask, "" for nobody."""

    turn: Turn
    agent: str = ""
    asked: tuple[MessageId, ...] = field(default=())
