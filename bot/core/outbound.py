"""What leaves us, in our words. Text is CommonMark; each connector renders it as its platform wants it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from bot.core.events import Attachment, Place
from bot.core.ids import DeliveryId, PersonId


class Style(StrEnum):
    PLAIN = "plain"
    PRIMARY = "primary"
    DANGER = "danger"


@dataclass(frozen=True, slots=True)
class Button:
    """`action` and `value` come back in a `Tapped`. `confirm`, where there is one, is asked before."""

    action: str
    value: str
    label: str
    style: Style = Style.PLAIN
    confirm: str = ""


@dataclass(frozen=True, slots=True)
class Template:
    """A message that the platform approved beforehand: all that may be said when the window is closed."""

    name: str
    language: str  # as the platform spells it: "en", "pt_BR"
    parameters: tuple[str, ...] = ()  # what stands for {{1}}, {{2}}, … of the body
    names: tuple[str, ...] = ()  # of the blanks in that order, where they have names and no numbers


@dataclass(frozen=True, slots=True)
class Speaker:
    """By whom it is signed, and whether a person wrote it or a program."""

    name: str
    human: bool


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a post, oldest line first. Heading and lines are CommonMark."""

    heading: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Post:
    """A new message. `reply_to` is the platform's id of the message it answers.

    Each attachment is kept in the file store (`Attachment.file`), or is no file. Where the channel cannot
    carry buttons or a file, `connectors.rendering.plan` says what is sent in their stead. With a template,
    `text` is what it reads like, for the log.

    One with sections or a foot is a single message on every channel: of each section it shows the newest
    lines for which there is room between `text` and `foot`.
    """

    text: str
    buttons: tuple[Button, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    reply_to: str = ""
    speaker: Speaker | None = None  # None: the organization
    template: Template | None = None
    calls: str = ""  # the channel's id of who shall notice it: nothing in a text can mention anybody
    needed_by: datetime | None = None  # until when they must notice it; it is not posted if they cannot
    cites: bool = False  # others named the attachments: what is said of them in words stands in a quote
    # Of a mail that repeats nothing of what it answers, with this subject in place of theirs. "": an answer.
    subject: str = ""
    # The words ask for the customer's phone number: with the channel's own way to give it, if it has one.
    asks_number: bool = False
    sections: tuple[Section, ...] = ()
    foot: str = ""

    @property
    def whole(self) -> str:
        """All of its words, as if there were room for them."""
        told = (part for section in self.sections for part in (section.heading, *section.lines))
        return "\n\n".join(filter(None, (self.text, *told, self.foot)))


class Tone(StrEnum):
    CALM = "calm"
    PRESSING = "pressing"
    URGENT = "urgent"
    DONE = "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """The head of a room: one glance tells who needs what, by when, and who is speaking to whom.

    Sections are CommonMark. Title, `speaking` and facts are plain text, in which no sign marks anything.
    """

    title: str
    speaking: str
    tone: Tone
    facts: tuple[tuple[str, str], ...]
    sections: tuple[tuple[str, str], ...] = ()  # heading, CommonMark
    deadline: datetime | None = None  # shown as the time left in the reader's own time zone
    window: datetime | None = None  # until when the channel lets free text through to the customer
    buttons: tuple[Button, ...] = ()


@dataclass(frozen=True, slots=True)
class Revise:
    """The platform's message `message` shall now read like this."""

    message: str
    body: Post | Card


@dataclass(frozen=True, slots=True)
class Erase:
    """Delete a message of ours, with its files. One that is gone already is no failure.

    `blank`: where the platform does not let it be deleted any more, let it read as a line that says nothing.
    """

    message: str
    blank: bool = False


BLANK = "🗑️ This message was removed."
"""What an erased message reads like where it cannot be deleted."""


class Mark(StrEnum):
    """What a reaction says about a staff message. Connectors choose the picture."""

    WAITING = "waiting"
    SENT = "sent"  # the platform has it; where it tells no more, this is shown as delivered
    DELIVERED = "delivered"
    READ = "read"
    FAILED = "failed"
    INSIDE = "inside"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class React:
    """Show exactly this mark of ours on `message`, and no other mark of ours. Idempotent.

    In a room, "" stands for the line that was told there about the effect's message, once it has an id.
    `partly`: a part of the message stays inside. Where a message can carry two marks, this is shown as well.
    """

    message: str
    mark: Mark | None
    partly: bool = False


@dataclass(frozen=True, slots=True)
class Whisper:
    """Words for one person, who alone sees them where the platform has such a thing; else the room may."""

    person: str  # the channel's id of that person
    text: str
    press: str = ""  # the press of a button that this answers (`Event.press`)


@dataclass(frozen=True, slots=True)
class Emote:
    """Put this emoji of ours on a customer's message; "" takes ours away. Idempotent."""

    message: str
    emoji: str


@dataclass(frozen=True, slots=True)
class Invite:
    """Let a person of the staff into the chat of a room. Idempotent where the platform adds them itself.

    A platform where only they can enter sends them a link.
    """

    person: str  # the channel's id of that person


@dataclass(frozen=True, slots=True)
class Typing:
    """Show that an answer is being made. Best effort: never retried. `seen`: the newest message read."""

    seen: str = ""


Operation = Post | Card | Revise | Erase | React | Whisper | Emote | Invite | Typing


@dataclass(frozen=True, slots=True)
class DirectMessage:
    """A post to one person of the staff, in their own chat with us.

    `place.chat` is their id on the channel, as the organization file has it.
    """

    person: PersonId
    place: Place
    post: Post


@dataclass(frozen=True, slots=True)
class Outbound:
    """One call of a connector. `id` names the delivery for ever; `part` counts the parts sent before.

    `context` is the newest `Event.reply_context` of the place.
    """

    id: DeliveryId
    place: Place
    operation: Operation
    part: int = 0
    context: str = ""


@dataclass(frozen=True, slots=True)
class Sent:
    """What the platform answered. `more` parts of a text too long for one message wait to be sent."""

    message: str = ""  # the platform's id of the new message; "" when the operation makes none
    chat: str = ""  # the platform's own id of the chat, where we knew it by another name
    thread: str = ""  # the thread that a card began, where that is not the card's own message
    more: bool = False
    rest: timedelta = timedelta()  # how long this chat must rest now, where that is longer than usual
    absent: bool = False  # the person whom the post `calls` is not in that chat: nothing notified them
