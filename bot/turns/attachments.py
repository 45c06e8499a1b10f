"""Files that are fetched while a message goes its way: each is passed on when it is there."""

from bot.core.conversation import FileReport, Message, MessageState, Role
from bot.core.effects import Deliver
from bot.core.events import Attachment
from bot.core.outbound import Post
from bot.turns.draft import Draft
from bot.turns.quoting import inert

_ON_ITS_WAY = (
    MessageState.RELEASED,
    MessageState.PARKED,
    MessageState.SENT,
    MessageState.DELIVERED,
    MessageState.READ,
)
_SHOWN = 10  # files of the story which a new room is given


def at_hand(message: Message) -> tuple[Attachment, ...]:
    """What can be sent now: facts, and files that are in the store."""
    return tuple(a for a in message.attachments if a.file or not a.is_file)


def awaited(message: Message) -> tuple[Attachment, ...]:
    """What is still being fetched, or could not be."""
    return tuple(a for a in message.attachments if a.is_file and not a.file)


def hear(draft: Draft, report: FileReport) -> None:
    """Pass a file on, or say why it cannot be."""
    message = draft.messages.get(report.message)
    if message is None or report.position >= len(message.attachments):
        return
    if message.state in (MessageState.DELETED, MessageState.WITHDRAWN):
        draft.because("files", "of a message that is gone: passed on to nobody")
        return
    attachment = message.attachments[report.position]
    if report.outcome != "stored" or not attachment.file:
        name = inert(attachment.name or attachment.kind.value)
        draft.tell_room(Post(f"📄 **{name}** could not be fetched: {report.reason}."), message.id)
        draft.because("files", f"{report.outcome}: {report.reason}")
        return
    draft.because("files", "an attachment is in the store")
    if message.room is None:  # written where the customer is, by whomever
        draft.tell_room(Post("", attachments=(attachment,)), message.id)
    elif message.role is Role.STAFF and message.state in _ON_ITS_WAY:
        post = Post("", attachments=(attachment,), speaker=draft.speaker(message.role, message.sender))
        draft.add(Deliver(message.id, post))


def of_the_story(draft: Draft) -> tuple[Attachment, ...]:
    """Return the newest files that were sent where the customer is, for people who take over."""
    files = [
        attachment
        for message in draft.messages.values()
        if message.room is None and message.state is not MessageState.DELETED
        for attachment in message.attachments
        if attachment.file
    ]
    return tuple(files[-_SHOWN:])
