"""Carry out the outbox's operations as calls of the Bot API.

Raises the library's errors, and Refused for what needs no call to be known as impossible.
"""

import re
from dataclasses import dataclass, replace
from typing import NoReturn, Protocol, assert_never

import structlog
from telegram import Bot, InputFile, LinkPreviewOptions, Message, ReplyParameters
from telegram.constants import ChatAction, ChatMemberStatus
from telegram.error import BadRequest, Forbidden, TelegramError

from bot.core.connector import FileAccess, Unit
from bot.core.errors import PlaceGone, Refused, Unreachable
from bot.core.events import Attachment, AttachmentKind
from bot.core.outbound import (
    BLANK,
    Card,
    Emote,
    Erase,
    Invite,
    Outbound,
    Post,
    React,
    Revise,
    Sent,
    Typing,
    Whisper,
)
from connectors.payload import clean
from connectors.rendering.plain import to_plain
from connectors.rendering.units import length
from connectors.telegram.capabilities import MARKS
from connectors.telegram.emoji import reaction
from connectors.telegram.ephemeral import Ephemeral
from connectors.telegram.failures import CARD_GONE, as_send_error
from connectors.telegram.fields import ANONYMOUS
from connectors.telegram.markdown import calling
from connectors.telegram.parts import FilePart, Part, TextPart, one_text, parts_of, revised
from connectors.telegram.rich_cards import RichCards
from connectors.telegram.topics import begin_topic, show_topic
from connectors.telegram.uploads import fetched

_NO_MESSAGE = re.compile("message to edit not found|message_id_invalid")
_UNKNOWN = (
    "This was written in the name of the group, and nobody can tell by whom. Whoever wants to speak turns off"
    " _Remain anonymous_ in their rights as an administrator."
)
_ALERT = 200  # characters: https://core.telegram.org/bots/api#answercallbackquery
_NO_PREVIEW = LinkPreviewOptions(is_disabled=True)  # a link is only a reference here

_log = structlog.get_logger()


class _SendFile(Protocol):
    """The common signature of `Bot.send_photo`, `send_document` and similar methods."""

    async def __call__(
        self,
        chat_id: int | str,
        file: str | InputFile,
        /,
        *,
        message_thread_id: int | None = None,
        reply_parameters: ReplyParameters | None = None,
    ) -> Message: ...


@dataclass(frozen=True, slots=True)
class _Frame:
    """The chat and topic to which a message goes, and which message it answers."""

    chat: int | str
    thread: int | None = None
    reply: ReplyParameters | None = None


class Outgoing:
    """The outgoing half of one account."""

    def __init__(self, bot: Bot, files: FileAccess, ephemeral: Ephemeral, rich: RichCards) -> None:
        self._bot = bot
        self._files = files
        self._ephemeral = ephemeral
        self._rich = rich
        self._senders: dict[str, _SendFile] = {
            "photo": bot.send_photo,
            "document": bot.send_document,
            "voice": bot.send_voice,
            "audio": bot.send_audio,
            "video": bot.send_video,
            "sticker": bot.send_sticker,
        }

    async def do(self, outbound: Outbound, chat: str) -> Sent:
        """Carry out one operation. `chat` replaces the chat of the place, whose id may have changed."""
        to, thread = _chat_id(chat), _thread(outbound)
        match outbound.operation:
            case Post() as post:
                return await self._post(post, outbound.part, to, thread)
            case Card() as card:
                return await self._card(card, outbound.part, to, thread)
            case Revise():
                await self._revise(outbound.operation, to, thread)
            case Erase():
                await self._erase(outbound.operation, to)
            case React(message=message, mark=mark):
                await self._react(to, message, "" if mark is None else MARKS[mark])
            case Emote(message=message, emoji=emoji):
                await self._react(to, message, reaction(emoji) if emoji else "")
            case Typing():
                await self._bot.send_chat_action(to, ChatAction.TYPING, message_thread_id=thread)
            case Whisper():
                return await self._whisper(outbound.operation, to, thread)
            case Invite():
                return await self._invite(outbound.operation, to)
            case _:
                assert_never(outbound.operation)
        return Sent()

    async def _post(self, post: Post, number: int, chat: int | str, thread: int | None) -> Sent:
        parts = parts_of(post, self._files.link)
        if number >= len(parts):
            return Sent()
        part = parts[number]
        called, absent = _person(post.calls), False
        if number == 0 and called is not None and isinstance(part, TextPart):
            part = replace(part, content=calling(part.content, called))
            absent = not await self._has_member(chat, called)
        reply_to = post.reply_to if number == 0 else ""
        reply = ReplyParameters(_message_id(reply_to), allow_sending_without_reply=True) if reply_to else None
        message = await self._send(part, _Frame(chat, thread, reply))
        return Sent(message=str(message.message_id), more=number + 1 < len(parts), absent=absent)

    async def _has_member(self, chat: int | str, person: int) -> bool:
        """Return whether a person is in a group; a mention reaches nobody else."""
        try:
            member = await self._bot.get_chat_member(chat, person)
        except BadRequest:  # "PARTICIPANT_ID_INVALID": Telegram has never seen them there
            return False
        except Forbidden:
            return True
        return member.status not in (ChatMemberStatus.LEFT, ChatMemberStatus.BANNED)

    async def _invite(self, operation: Invite, chat: int | str) -> Sent:
        """Send the person a link of their own: a bot cannot add anybody to a group."""
        person = _person(operation.person)
        if person is None:
            raise Refused("not a user id of Telegram")
        link = await self._bot.create_chat_invite_link(chat, member_limit=1)
        text = one_text(f"Here you can join the group: {link.invite_link}")
        message = await self._send(text, _Frame(person))
        return Sent(message=str(message.message_id))

    async def _card(self, card: Card, number: int, chat: int | str, thread: int | None) -> Sent:
        """Send a card. In a group, the first part creates the topic and the second sends the card into it.

        After a crash neither is repeated.
        """
        if isinstance(chat, int) and chat < 0 and thread is None:
            if number:
                raise Refused("no_topic: the card's topic was begun, and its id got lost")
            return Sent(thread=str(await begin_topic(self._bot, chat, card)), more=True)
        message = await self._rich.send(card, chat, thread)
        if message is None:
            part = revised(card, self._files.link)  # always one message, so that it can be revised
            message = await self._send(part, _Frame(chat, thread))
        return Sent(message=str(message.message_id), thread=str(thread or ""))

    async def _send(self, part: Part, frame: _Frame) -> Message:
        match part:
            case TextPart(content, markup):
                return await self._bot.send_message(
                    frame.chat,
                    content.text,
                    entities=content.entities or None,
                    reply_markup=markup,
                    reply_parameters=frame.reply,
                    message_thread_id=frame.thread,
                    link_preview_options=_NO_PREVIEW,
                )
            case FilePart(attachment):
                return await self._attach(attachment, frame)
            case _:
                assert_never(part)

    async def _attach(self, attachment: Attachment, frame: _Frame) -> Message:
        match attachment.kind:
            case AttachmentKind.LOCATION:
                latitude, longitude = _degrees(attachment.ref)
                return await self._bot.send_location(
                    frame.chat,
                    latitude,
                    longitude,
                    message_thread_id=frame.thread,
                    reply_parameters=frame.reply,
                )
            case AttachmentKind.CONTACT:
                number = attachment.ref.removeprefix("tel:")
                return await self._bot.send_contact(
                    frame.chat,
                    number,
                    attachment.name or number,
                    message_thread_id=frame.thread,
                    reply_parameters=frame.reply,
                )
            case _:
                async with fetched(attachment, self._files.open(attachment.file)) as (sent_as, file):
                    return await self._file(sent_as, file, frame)

    async def _file(self, sent_as: str, file: str | InputFile, frame: _Frame) -> Message:
        return await self._senders[sent_as](
            frame.chat,
            file,
            message_thread_id=frame.thread,
            reply_parameters=frame.reply,
        )

    async def _whisper(self, whisper: Whisper, chat: int | str, thread: int | None) -> Sent:
        """Tell one person something, as an ephemeral message in the topic.

        If Telegram takes no such message, show it on the button they pressed, else in private, else in the
        topic for all. Nobody is told whether an ephemeral message arrived, so the pressed button shows the
        words as well.
        """
        person = _person(whisper.person)
        if person is not None:
            content = one_text(whisper.text).content
            sent = await self._ephemeral.send(chat, thread, person, content, whisper.press)
            if sent:
                if whisper.press:
                    await self._answer_press(whisper.press, whisper.text, stays=False)
                return Sent(message=sent)
        if whisper.press and await self._answer_press(whisper.press, whisper.text):
            return Sent()
        if whisper.person.startswith(ANONYMOUS):
            shown = await self._send(one_text(f"{whisper.text}\n\n{_UNKNOWN}"), _Frame(chat, thread))
            return Sent(message=str(shown.message_id))
        if person is None:
            raise Refused("not a user id of Telegram")
        try:
            told = await self._send(one_text(whisper.text + _where(chat, thread)), _Frame(person))
        except (Forbidden, BadRequest) as error:
            known = as_send_error(error)
            if not isinstance(known, Unreachable):
                raise
            _log.info("whisper reaches nobody in private", reason=known.reason)
            if thread is not None:
                content = one_text(f": {whisper.text}").content
                called = calling(content, person, await self._name(chat, person))
                shown = await self._send(TextPart(called), _Frame(chat, thread))
                return Sent(message=str(shown.message_id))
            return Sent()
        return Sent(message=str(told.message_id), chat=str(person))

    async def _answer_press(self, press: str, text: str, *, stays: bool = True) -> bool:
        """Show words where the button was pressed. Returns False if too long or too late.

        `stays`: until the person has closed them.
        """
        shown = to_plain(text)
        if not shown or length(shown, Unit.UTF16) > _ALERT:
            return False
        try:
            await self._bot.answer_callback_query(press, text=shown, show_alert=stays)
        except BadRequest as error:
            _log.info("press cannot be answered any more", reason=error.message)
            return False
        return True

    async def _name(self, chat: int | str, person: int) -> str:
        try:
            return clean((await self._bot.get_chat_member(chat, person)).user.full_name)
        except TelegramError:
            return "👤"

    async def _revise(self, operation: Revise, chat: int | str, thread: int | None) -> None:
        message = _message_id(operation.message)
        try:
            await self._edit(operation.body, chat, message)
        except BadRequest as error:
            problem = error.message.lower()
            if isinstance(operation.body, Card) and _NO_MESSAGE.search(problem):
                raise PlaceGone(CARD_GONE) from error
            if "message is not modified" not in problem:
                raise
        if isinstance(operation.body, Card) and isinstance(chat, int) and thread is not None:
            await show_topic(self._bot, chat, thread, operation.body)

    async def _edit(self, body: Post | Card, chat: int | str, message: int) -> None:
        if isinstance(body, Card) and await self._rich.edit(body, chat, message):
            return
        part = revised(body, self._files.link)
        await self._bot.edit_message_text(
            part.content.text,
            chat,
            message,
            entities=part.content.entities or None,
            reply_markup=part.markup,
            link_preview_options=_NO_PREVIEW,
        )

    async def _react(self, chat: int | str, message: str, emoji: str) -> None:
        """Set the bot's reaction on a message. A bot has only one: it replaces the previous one."""
        try:
            await self._bot.set_message_reaction(
                chat, _message_id(message), reaction=(emoji,) if emoji else ()
            )
        except BadRequest as error:
            if "message to react not found" not in error.message.lower():  # deleted: nothing to mark
                raise

    async def _erase(self, operation: Erase, chat: int | str) -> None:
        if await self._ephemeral.erase(chat, operation.message):
            return
        try:
            await self._bot.delete_message(chat, _message_id(operation.message))
        except BadRequest as error:
            problem = error.message.lower()
            if "message to delete not found" in problem:
                return
            if not (operation.blank and "message can't be deleted" in problem):
                raise
            await self._blank(operation.message, chat, error)

    async def _blank(self, message: str, chat: int | str, undeletable: BadRequest) -> None:
        """Change a message that is too old to be deleted: that is not limited in time.

        Raises `undeletable` for what is no text: an edit would leave the file where it is.
        """
        try:
            await self._bot.edit_message_text(BLANK, chat, _message_id(message))
        except BadRequest as error:
            if "message is not modified" not in error.message.lower():
                raise undeletable from error


def _chat_id(chat: str) -> int | str:
    return int(chat) if re.fullmatch(r"-?[0-9]{1,19}", chat) else chat


def _message_id(message: str) -> int:
    if not re.fullmatch(r"[0-9]{1,19}", message):
        raise Refused("not a message id of Telegram")
    return int(message)


def _person(id_: str) -> int | None:
    return int(id_) if re.fullmatch(r"[0-9]{1,19}", id_) else None


def _thread(outbound: Outbound) -> int | None:
    return _message_id(outbound.place.thread) if outbound.place.thread else None


def _where(chat: int | str, thread: int | None) -> str:
    """Return a line with a link to the topic that a whisper is about; "" without such a topic."""
    inner = re.fullmatch(
        r"-100([0-9]+)", str(chat)
    )  # https://core.telegram.org/api/links#private-message-links
    return f"\n\n[Open the topic](https://t.me/c/{inner[1]}/{thread})" if inner and thread else ""


def _degrees(ref: str) -> tuple[float, float]:
    """Return latitude and longitude of a geo: URI.

    Telegram takes none of its other coordinates and parameters.
    """
    found = re.match(r"geo:(-?[0-9]{1,3}(?:\.[0-9]+)?),(-?[0-9]{1,3}(?:\.[0-9]+)?)", ref)
    return (float(found[1]), float(found[2])) if found else _no_location()


def _no_location() -> NoReturn:
    raise Refused("not a geo: URI")
