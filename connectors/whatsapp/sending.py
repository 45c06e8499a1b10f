"""Carry out one outgoing operation with calls of the Cloud API."""

from typing import assert_never

from bot.core.connector import FileAccess
from bot.core.errors import OutcomeUnknown, Refused
from bot.core.events import Attachment
from bot.core.outbound import (
    Card,
    Emote,
    Erase,
    Invite,
    Mark,
    Outbound,
    Post,
    React,
    Revise,
    Sent,
    Typing,
    Whisper,
)
from connectors.meta import Graph, GraphError, Upload
from connectors.rendering import TextPart
from connectors.whatsapp import bodies
from connectors.whatsapp.bodies import SENT_AS, Json
from connectors.whatsapp.capabilities import CAPABILITIES, MAX_FILE
from connectors.whatsapp.failures import refusal
from connectors.whatsapp.parts import NumberRequest, Part, Shown, parts_of

_MARKS = {
    Mark.WAITING: "⏳",
    Mark.SENT: "✔️",
    Mark.DELIVERED: "☑️",
    Mark.READ: "👀",
    Mark.FAILED: "⚠️",
    Mark.INSIDE: "🔒",
    Mark.WITHDRAWN: "↩️",
}
_LIMITS = {media.kind: media.max_bytes for media in CAPABILITIES.media_out}


class Sending:
    """Sends the operations of one number.

    Other modules build the bodies; this one calls Meta and reads the answers.
    """

    def __init__(self, graph: Graph, number: str, files: FileAccess) -> None:
        self._graph = graph
        self._number = number
        self._files = files

    async def send(self, outbound: Outbound) -> Sent:
        try:
            return await self._do(outbound, outbound.place.chat)
        except GraphError as error:
            raise refusal(error) from None

    async def _do(self, outbound: Outbound, chat: str) -> Sent:
        match outbound.operation:
            case Post() as post:
                return await self._post(outbound, post, chat)
            case Emote(message=message, emoji=emoji):
                return await self._react(chat, message, emoji)
            case React(message=message, mark=mark):
                return await self._react(chat, message, _MARKS[mark] if mark else "")
            case Typing(seen=seen):
                if seen:  # WhatsApp shows typing only in answer to a message of the customer
                    await self._graph.post(self._messages, bodies.seen_and_typing(seen), repeatable=True)
                return Sent()
            case Whisper():
                return Sent()  # WhatsApp has no such thing
            case Invite():
                raise Refused("no_rooms: WhatsApp has no rooms for staff")
            case Card():
                raise Refused("no_cards: WhatsApp has no rooms for staff")
            case Revise():
                raise Refused("no_edits: a message on WhatsApp cannot be changed by us any more")
            case Erase():
                raise Refused("no_deletions: a message on WhatsApp cannot be taken back by us")
            case _:
                assert_never(outbound.operation)

    @property
    def _messages(self) -> str:
        return f"{self._number}/messages"

    async def _post(self, outbound: Outbound, post: Post, chat: str) -> Sent:
        if post.template is not None:
            content = bodies.template(post.template)
            return await self._message(bodies.message_to(chat, content), more=False)
        parts = parts_of(post, self._files.link)
        if not 0 <= outbound.part < len(parts):
            raise Refused("no_such_part: the message has fewer parts than were asked for")
        content = await self._content(parts[outbound.part])
        reply_to = post.reply_to if outbound.part == 0 else ""
        body = bodies.message_to(chat, content, reply_to=reply_to)
        return await self._message(body, more=outbound.part + 1 < len(parts))

    async def _message(self, body: Json, *, more: bool) -> Sent:
        answer = await self._graph.post(self._messages, body)
        wamid = next((message.text("id") for message in answer.nodes("messages")), "")
        if not wamid:
            raise OutcomeUnknown("unreadable_answer: WhatsApp took the message and did not name it")
        return Sent(message=wamid, more=more)

    async def _content(self, part: Part) -> Json:
        match part:
            case TextPart():
                return bodies.text(part)
            case NumberRequest(text=text):
                return bodies.number_request(text)
            case Shown(attachment=attachment, caption=caption):
                if not attachment.is_file:
                    return bodies.fact(attachment)
                return bodies.file(attachment, await self._uploaded(attachment), caption)
            case _:
                assert_never(part)

    async def _uploaded(self, attachment: Attachment) -> str:
        """Upload a file and return Meta's id of it.

        https://developers.facebook.com/docs/whatsapp/cloud-api/reference/media
        """
        if attachment.kind not in SENT_AS or not attachment.file:
            raise Refused(f"{attachment.kind.value}_unknown: there is no file to send")
        mime_type = bodies.mime_type(attachment)
        upload = Upload(
            chunks=self._files.open(attachment.file),
            mime_type=mime_type,
            name=bodies.file_name(attachment),
            max_bytes=_LIMITS.get(attachment.kind, MAX_FILE),
        )
        fields = {"messaging_product": "whatsapp", "type": mime_type}
        answer = await self._graph.upload(f"{self._number}/media", fields, upload)
        if media_id := answer.id("id"):
            return media_id
        raise Refused("upload_unnamed: WhatsApp took the file and did not name it")

    async def _react(self, chat: str, message: str, emoji: str) -> Sent:
        body = bodies.message_to(chat, bodies.reaction(message, emoji))
        await self._graph.post(self._messages, body, repeatable=True)
        return Sent()
