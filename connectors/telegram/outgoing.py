"""Operations as calls of the Bot API.

Raises the library's errors, and Refused for what Telegram need not be asked.
"""

import re
from dataclasses import dataclass
from typing import NoReturn, Protocol, assert_never

from telegram import Bot, InlineKeyboardMarkup, InputFile, LinkPreviewOptions, Message, ReplyParameters
from telegram.constants import ChatAction
from telegram.error import BadRequest

from bot.core.connector import Files
from bot.core.errors import Refused
from bot.core.events import Attachment, AttachmentKind
from bot.core.outbound import Card, Erase, Mark, Outbound, Post, React, Revise, Sent, Typing, Whisper
from connectors.telegram.parts import FilePart, Part, TextPart, parts_of, revised
from connectors.telegram.uploads import fetched, known_file

# Bots may react with the emoji of this list alone: https://core.telegram.org/bots/api#reactiontypeemoji
_MARKS = {
    Mark.WAITING: "👀",
    Mark.DELIVERED: "👍",
    Mark.FAILED: "💔",
    Mark.INSIDE: "🙈",
    Mark.WITHDRAWN: "🕊",
}
_NO_PREVIEW = LinkPreviewOptions(is_disabled=True)  # a link is a reference here, not the message


class _SendFile(Protocol):
    """The one shape of `Bot.send_photo`, `send_document` and their like."""

    async def __call__(
        self,
        chat_id: int | str,
        file: str | InputFile,
        /,
        *,
        message_thread_id: int | None = None,
        reply_parameters: ReplyParameters | None = None,
        reply_markup: InlineKeyboardMarkup | None = None,
    ) -> Message: ...


@dataclass(frozen=True, slots=True)
class _Frame:
    """Where a message goes, what it answers, and what stands under it."""

    chat: int | str
    thread: int | None
    reply: ReplyParameters | None
    markup: InlineKeyboardMarkup | None


class Outgoing:
    """The outgoing half of one account."""

    def __init__(self, bot: Bot, account: str, files: Files) -> None:
        self._bot = bot
        self._account = account
        self._files = files
        self._senders: dict[str, _SendFile] = {
            "photo": bot.send_photo,
            "document": bot.send_document,
            "voice": bot.send_voice,
            "audio": bot.send_audio,
            "video": bot.send_video,
            "video_note": bot.send_video_note,
            "animation": bot.send_animation,
            "sticker": bot.send_sticker,
        }

    async def do(self, outbound: Outbound, chat: str) -> Sent:
        """`chat` stands for the chat of the place, which may have got another id."""
        to, thread = _chat_id(chat), _thread(outbound)
        match outbound.operation:
            case Post() | Card():
                return await self._post(outbound.operation, outbound.part, to, thread)
            case Revise():
                await self._revise(outbound.operation, to)
            case Erase():
                await self._erase(outbound.operation, to)
            case React(message=message, mark=mark):
                reaction = () if mark is None else (_MARKS[mark],)
                await self._bot.set_message_reaction(to, _message_id(message), reaction=reaction)
            case Typing():
                await self._bot.send_chat_action(to, ChatAction.TYPING, message_thread_id=thread)
            case Whisper():
                pass  # Telegram has no words for one person's eyes
            case _:
                assert_never(outbound.operation)
        return Sent()

    async def _post(self, body: Post | Card, number: int, chat: int | str, thread: int | None) -> Sent:
        parts = parts_of(body)
        if number >= len(parts):
            return Sent()
        part = parts[number]
        reply_to = body.reply_to if isinstance(body, Post) and number == 0 else ""
        reply = ReplyParameters(_message_id(reply_to), allow_sending_without_reply=True) if reply_to else None
        frame = _Frame(chat, thread, reply, part.markup)
        message = await self._send(part, frame, body.files_from if isinstance(body, Post) else "")
        return Sent(message=str(message.message_id), more=number + 1 < len(parts))

    async def _send(self, part: Part, frame: _Frame, files_from: str) -> Message:
        match part:
            case TextPart(content):
                return await self._bot.send_message(
                    frame.chat,
                    content.text,
                    entities=content.entities or None,
                    reply_markup=frame.markup,
                    reply_parameters=frame.reply,
                    message_thread_id=frame.thread,
                    link_preview_options=_NO_PREVIEW,
                )
            case FilePart(attachment):
                return await self._attach(attachment, files_from, frame)
            case _:
                assert_never(part)

    async def _attach(self, attachment: Attachment, files_from: str, frame: _Frame) -> Message:
        match attachment.kind:
            case AttachmentKind.LOCATION:
                latitude, longitude = _degrees(attachment.ref)
                return await self._bot.send_location(
                    frame.chat,
                    latitude,
                    longitude,
                    message_thread_id=frame.thread,
                    reply_parameters=frame.reply,
                    reply_markup=frame.markup,
                )
            case AttachmentKind.CONTACT:
                number = attachment.ref.removeprefix("tel:")
                return await self._bot.send_contact(
                    frame.chat,
                    number,
                    attachment.name or number,
                    message_thread_id=frame.thread,
                    reply_parameters=frame.reply,
                    reply_markup=frame.markup,
                )
            case _ if files_from == self._account:
                return await self._file(*known_file(attachment.ref), frame)
            case _:
                async with fetched(attachment, self._files(files_from, attachment.ref)) as (sent_as, file):
                    return await self._file(sent_as, file, frame)

    async def _file(self, sent_as: str, file: str | InputFile, frame: _Frame) -> Message:
        return await self._senders[sent_as](
            frame.chat,
            file,
            message_thread_id=frame.thread,
            reply_parameters=frame.reply,
            reply_markup=frame.markup,
        )

    async def _revise(self, operation: Revise, chat: int | str) -> None:
        part = revised(operation.body)
        try:
            await self._bot.edit_message_text(
                part.content.text,
                chat,
                _message_id(operation.message),
                entities=part.content.entities or None,
                reply_markup=part.markup,
                link_preview_options=_NO_PREVIEW,
            )
        except BadRequest as error:
            if "message is not modified" not in error.message.lower():
                raise

    async def _erase(self, operation: Erase, chat: int | str) -> None:
        try:
            await self._bot.delete_message(chat, _message_id(operation.message))
        except BadRequest as error:
            if "message to delete not found" not in error.message.lower():
                raise


def _chat_id(chat: str) -> int | str:
    return int(chat) if re.fullmatch(r"-?[0-9]{1,19}", chat) else chat


def _message_id(message: str) -> int:
    if not re.fullmatch(r"[0-9]{1,19}", message):
        raise Refused("not a message id of Telegram")
    return int(message)


def _thread(outbound: Outbound) -> int | None:
    return _message_id(outbound.place.thread) if outbound.place.thread else None


def _degrees(ref: str) -> tuple[float, float]:
    """Of a geo: URI, for whose further coordinates and parameters Telegram has no place."""
    found = re.match(r"geo:(-?[0-9]{1,3}(?:\.[0-9]+)?),(-?[0-9]{1,3}(?:\.[0-9]+)?)", ref)
    return (float(found[1]), float(found[2])) if found else _no_location()


def _no_location() -> NoReturn:
    raise Refused("not a geo: URI")
