"""Define what we send, in our types. Text is CommonMark; each connector renders it for its platform."""

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
    """A button. `action` and `value` come back in a `Tapped`.

    `confirm` is the question asked first, if any.
    """

    action: str
    value: str
    label: str
    style: Style = Style.PLAIN
    confirm: str = ""


@dataclass(frozen=True, slots=True)
class Template:
    """A message that the platform approved beforehand.

    No other message is allowed when the window is closed.
    """

    name: str
    language: str  # as the platform spells it: "en", "pt_BR"
    parameters: tuple[str, ...] = ()  # the values for {{1}}, {{2}}, … of the body
    names: tuple[str, ...] = ()  # the names of the blanks in that order, if they have names and no numbers


@dataclass(frozen=True, slots=True)
class Speaker:
    """The name that a message bears, and whether a person or a program wrote it."""

    name: str
    human: bool


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a post, with its oldest line first. Heading and lines are CommonMark."""

    heading: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Post:
    """A new message. `reply_to` is the platform's id of the message it answers.

    Each attachment is in the file store (`Attachment.file`), or is no file. If the channel cannot carry
    buttons or a file, `connectors.rendering.plan` says what is sent instead. With a template, `text` is the
    template's text, for the log.

    A post with sections or a foot is a single message on every channel. Of each section it shows the newest
    lines for which there is room between `text` and `foot`.
    """

    text: str
    buttons: tuple[Button, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    reply_to: str = ""
    speaker: Speaker | None = None  # None: the organization
    template: Template | None = None
    calls: str = ""  # the channel's id of a person to notify: a text by itself can mention nobody
    needed_by: datetime | None = None  # until when they must notice it; it is not posted if they cannot
    cites: bool = False  # others named the attachments: what is written about them is quoted
    # The subject of a mail that repeats nothing of the mail it answers. "": an ordinary answer.
    subject: str = ""
    # The text asks for the customer's phone number: a channel that has a button for that adds it.
    asks_number: bool = False
    # To be put above the text, if it is due when this leaves: see `storage.disclosure`. A connector sees "".
    discloses: str = ""
    sections: tuple[Section, ...] = ()
    foot: str = ""

    @property
    def whole(self) -> str:
        """Return all of the post's text, as if there were room for it."""
        told = (part for section in self.sections for part in (section.heading, *section.lines))
        return "\n\n".join(filter(None, (self.text, *told, self.foot)))


class CardTone(StrEnum):
    CALM = "calm"
    PRESSING = "pressing"
    URGENT = "urgent"
    DONE = "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """The head of a room: who needs what, by when, and who is speaking to whom.

    Sections are CommonMark. Title, `speaking` and facts are plain text without markup.
    """

    title: str
    speaking: str
    tone: CardTone
    facts: tuple[tuple[str, str], ...]
    sections: tuple[tuple[str, str], ...] = ()  # heading, CommonMark
    deadline: datetime | None = None  # shown as the time left in the reader's own time zone
    window: datetime | None = None  # until when the channel accepts free text for the customer
    buttons: tuple[Button, ...] = ()


@dataclass(frozen=True, slots=True)
class Revise:
    """Replace the content of the platform's message `message`."""

    message: str
    body: Post | Card


@dataclass(frozen=True, slots=True)
class Erase:
    """Delete a message of ours, with its files. One that is gone already is no failure.

    `blank`: if the platform does not allow to delete it any more, replace it by a line that says nothing.
    """

    message: str
    blank: bool = False


BLANK = "🗑️ This message was removed."
"""The text that replaces an erased message that cannot be deleted."""


class Mark(StrEnum):
    """The state of a staff message, shown as a reaction. Connectors choose the picture."""

    WAITING = "waiting"
    SENT = "sent"  # the platform accepted it; shown as delivered if it never reports more
    DELIVERED = "delivered"
    READ = "read"
    FAILED = "failed"
    INSIDE = "inside"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class React:
    """Show exactly this mark of ours on `message`, and no other mark of ours. Idempotent.

    In a room, "" stands for the line about the effect's message, once that line has an id. `partly`: a part
    of the message stays inside. If a message can carry two marks, this is shown as well.
    """

    message: str
    mark: Mark | None
    partly: bool = False


@dataclass(frozen=True, slots=True)
class Whisper:
    """A text for one person. Only they see it if the platform has such a thing; otherwise the room may."""

    person: str  # the channel's id of that person
    text: str
    press: str = ""  # the press of a button that this answers (`Event.press`)


@dataclass(frozen=True, slots=True)
class Emote:
    """Put our emoji on a customer's message; "" removes it. Idempotent."""

    message: str
    emoji: str


@dataclass(frozen=True, slots=True)
class Invite:
    """Add a person of the staff to the chat of a room. Idempotent if the platform adds them itself.

    On a platform where people must join by themselves, a link is sent to them.
    """

    person: str  # the channel's id of that person


@dataclass(frozen=True, slots=True)
class Typing:
    """Show that an answer is being made. Best effort: never retried. `seen` is the newest message read.

    `over` says that it is no longer being made, to channels that show it until then: see
    `Capabilities.typing_lasts`.
    """

    seen: str = ""
    over: bool = False


Operation = Post | Card | Revise | Erase | React | Whisper | Emote | Invite | Typing


@dataclass(frozen=True, slots=True)
class DirectMessage:
    """Words for one person of the staff, outside of rooms.

    A post goes to their own chat with us: `place.chat` is their id on the channel, as in the organization
    file. A whisper goes to the chat where they pressed a button.
    """

    person: PersonId  # "" for somebody whom the organization file does not name
    place: Place
    post: Post | Whisper


@dataclass(frozen=True, slots=True)
class Outbound:
    """One call of a connector. `id` identifies the delivery for ever; `part` counts the parts sent before.

    `context` is the newest `Event.reply_context` of the place.
    """

    id: DeliveryId
    place: Place
    operation: Operation
    part: int = 0
    context: str = ""


@dataclass(frozen=True, slots=True)
class Sent:
    """The platform's answer to a send. `more`: further parts of a text too long for one message wait."""

    message: str = ""  # the platform's id of the new message; "" when the operation makes none
    chat: str = ""  # the platform's own id of the chat, if we used another name for it
    thread: str = ""  # the thread that a card began, if it is not the card's own message
    more: bool = False
    rest: timedelta = timedelta()  # how long this chat must rest now, if longer than usual
    absent: bool = False  # the person whom the post `calls` is not in that chat: nothing notified them
    shown: str | None = None  # the customer stopped it midway: what of the post's text they were shown
