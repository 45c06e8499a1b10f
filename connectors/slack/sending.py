"""The operations of the outbox as calls of Slack's Web API. One call of ours is one visible message."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import assert_never

from bot.core.errors import Refused
from bot.core.events import Attachment, AttachmentKind
from bot.core.ids import Clock
from bot.core.outbound import (
    Button,
    Card,
    Erase,
    Mark,
    Outbound,
    Post,
    React,
    Revise,
    Sent,
    Typing,
    Whisper,
)
from connectors.slack.api import Api
from connectors.slack.blocks import Block, card, card_text, message
from connectors.slack.channels import Channels
from connectors.slack.failures import code_of
from connectors.slack.payload import Node
from connectors.slack.splitting import cut, parts
from connectors.slack.uploading import Uploads
from connectors.slack.writing import to_mrkdwn

TEXT = 3000  # characters of one message: a section holds no more, and Slack advises 4000 for the text
EVENT_TYPE = "desk_delivery"
MARKS = {
    Mark.WAITING: "hourglass_flowing_sand",
    Mark.DELIVERED: "white_check_mark",
    Mark.FAILED: "x",
    Mark.INSIDE: "lock",
    Mark.WITHDRAWN: "leftwards_arrow_with_hook",
}


@dataclass(frozen=True, slots=True)
class Words:
    """A message of its own: text, and under the last of a post's texts its buttons."""

    text: str
    buttons: tuple[Button, ...] = ()


Part = Words | Attachment


def layout(post: Post) -> list[Part]:
    """What a post is sent as. Always the same for the same post, so that a part's number names it."""
    facts = [line for item in post.attachments if (line := _fact(item))]
    texts = parts(to_mrkdwn("\n\n".join([post.text, *facts])), TEXT)
    if post.buttons and not texts:
        texts = ["…"]
    words = [Words(text) for text in texts]
    if words:
        words[-1] = Words(words[-1].text, post.buttons)
    return [*words, *(item for item in post.attachments if not _fact(item))]


def _fact(attachment: Attachment) -> str:
    """What is attached and no file, in words."""
    if attachment.kind is AttachmentKind.LOCATION:
        point = attachment.ref.removeprefix("geo:").partition(";")[0]
        latitude, _, longitude = point.partition(",")
        link = f"https://www.openstreetmap.org/?mlat={latitude}&mlon={longitude.partition(',')[0]}"
        return f"📍 [{attachment.name or point}]({link})"
    if attachment.kind is AttachmentKind.CONTACT:
        return f"📞 {attachment.name} {attachment.ref.removeprefix('tel:')}".replace("  ", " ")
    return ""


def mark_of(outbound: Outbound) -> str:
    """The block id by which the message of an upload, which can carry no metadata, is known again."""
    return f"{EVENT_TYPE}.{outbound.id}.{outbound.part}"


class Sending:
    def __init__(self, api: Api, channels: Channels, uploads: Uploads, clock: Clock) -> None:
        self._api = api
        self._channels = channels
        self._uploads = uploads
        self._clock = clock

    async def send(self, outbound: Outbound) -> Sent:
        """Raises SendError. Never tries twice."""
        operation = outbound.operation
        if isinstance(operation, Typing):
            return Sent()  # Slack shows no typing of apps
        chat = await self._channels.resolve(outbound.place.chat)
        match operation:
            case Post():
                return await self._post(outbound, operation, chat)
            case Card():
                blocks = card(operation, self._clock())
                return await self._message(outbound, chat, card_text(operation), blocks)
            case Revise():
                return await self._revise(operation, chat)
            case Erase():
                return await self._erase(operation, chat)
            case React():
                return await self._react(operation, chat)
            case Whisper():
                return await self._whisper(outbound, operation, chat)
            case _:
                assert_never(operation)

    async def _post(self, outbound: Outbound, post: Post, chat: str) -> Sent:
        pieces = layout(post)
        if outbound.part >= len(pieces):
            raise Refused(
                f"no_text: the post has {len(pieces)} parts, and part {outbound.part} was asked for"
            )
        more = outbound.part + 1 < len(pieces)
        match pieces[outbound.part]:
            case Words(text, buttons):
                blocks = message([text], buttons) if buttons else []
                return await self._message(outbound, chat, text, blocks, more=more)
            case Attachment() as attachment:
                ts = await self._uploads.send(
                    attachment,
                    post.files_from,
                    chat=chat,
                    thread=thread_of(outbound),
                    mark=mark_of(outbound),
                )
                return Sent(ts, chat, more)

    async def _message(
        self, outbound: Outbound, chat: str, text: str, blocks: Sequence[Block], *, more: bool = False
    ) -> Sent:
        answer = await self._api.call(
            lambda web: web.chat_postMessage(
                channel=chat,
                text=text,
                blocks=list(blocks) or None,
                thread_ts=thread_of(outbound) or None,
                link_names=False,
                parse="none",
                unfurl_links=False,
                unfurl_media=False,
                metadata={
                    "event_type": EVENT_TYPE,
                    # `delivery_id` names this one message; a delivery of several parts makes several.
                    "event_payload": {
                        "delivery": str(outbound.id),
                        "part": outbound.part,
                        "delivery_id": f"{outbound.id}.{outbound.part}",
                    },
                },
            ),
            repeatable=False,
        )
        return Sent(answer.text("ts"), answer.text("channel") or chat, more)

    async def _revise(self, operation: Revise, chat: str) -> Sent:
        body = operation.body
        blocks: list[Block] = []  # an empty list takes away what the message had
        if isinstance(body, Card):
            text, blocks = card_text(body), card(body, self._clock())
        else:
            text = cut(to_mrkdwn(body.text), TEXT) or "…"
            if body.buttons:
                blocks = message([text], body.buttons)
        # Without `metadata` Slack keeps what the message was posted with, by which `find` knows it.
        await self._api.call(
            lambda web: web.chat_update(
                channel=chat, ts=operation.message, text=text, blocks=blocks, link_names=False, parse="none"
            ),
            repeatable=True,
        )
        return Sent(operation.message, chat)

    async def _erase(self, operation: Erase, chat: str) -> Sent:
        try:
            await self._api.call(
                lambda web: web.chat_delete(channel=chat, ts=operation.message), repeatable=True
            )
        except Refused as error:
            if code_of(error) != "message_not_found":
                raise
        return Sent(chat=chat)

    async def _react(self, operation: React, chat: str) -> Sent:
        """One call to see what is there, and one for each difference.

        What this process did before is not remembered: another one may have changed it since.
        """
        us = (await self._api.identity()).user
        wanted = MARKS[operation.mark] if operation.mark is not None else ""
        try:
            answer = await self._api.call(
                lambda web: web.reactions_get(channel=chat, timestamp=operation.message, full=True),
                repeatable=True,
            )
        except Refused as error:
            if code_of(error) != "message_not_found":  # deleted meanwhile: there is nothing to mark
                raise
            return Sent(chat=chat)
        ours = _ours(answer, us)
        for name in sorted(ours - {wanted}):
            await self._reaction(chat, operation.message, name, add=False)
        if wanted and wanted not in ours:
            await self._reaction(chat, operation.message, wanted, add=True)
        return Sent(chat=chat)

    async def _reaction(self, chat: str, ts: str, name: str, *, add: bool) -> None:
        try:
            await self._api.call(
                lambda web: (web.reactions_add if add else web.reactions_remove)(
                    channel=chat, timestamp=ts, name=name
                ),
                repeatable=True,
            )
        except Refused as error:
            if code_of(error) not in ("already_reacted", "no_reaction", "message_not_found"):
                raise

    async def _whisper(self, outbound: Outbound, operation: Whisper, chat: str) -> Sent:
        text = cut(to_mrkdwn(operation.text), TEXT)
        if not text:
            raise Refused("no_text: the whisper is empty")
        await self._api.call(
            lambda web: web.chat_postEphemeral(
                channel=chat,
                user=operation.person,
                text=text,
                thread_ts=outbound.place.thread or None,
                link_names=False,
                parse="none",
            ),
            repeatable=False,
        )
        return Sent(chat=chat)


def thread_of(outbound: Outbound) -> str:
    """The thread to write in. In Slack an answer to a message outside of threads begins one."""
    operation = outbound.operation
    return outbound.place.thread or (operation.reply_to if isinstance(operation, Post) else "")


def _ours(answer: Node, us: str) -> set[str]:
    return {
        reaction.text("name")
        for reaction in answer.node("message").nodes("reactions")
        if us in reaction.texts("users") and reaction.text("name") in MARKS.values()
    }
