"""Carry out the outbox's operations as calls of Slack's Web API. One call is one visible message."""

import re
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import assert_never

import structlog

from bot.core.connector import FileAccess
from bot.core.errors import OutcomeUnknown, PersonAway, PlaceGone, Refused, SendError, Unreachable
from bot.core.events import Attachment, AttachmentKind, Place
from bot.core.ids import Clock
from bot.core.outbound import (
    Card,
    Emote,
    Erase,
    Invite,
    Mark,
    Operation,
    Outbound,
    Post,
    React,
    Revise,
    Sent,
    Typing,
    Whisper,
)
from connectors.payload import Node
from connectors.rendering import FilePart, Part, TextPart, in_words, plan
from connectors.slack.api import Api
from connectors.slack.blocks import Block, card, card_text, message
from connectors.slack.capabilities import PUBLISHED, TEXT
from connectors.slack.channels import Channels
from connectors.slack.deleting import Deleting
from connectors.slack.delivery import mark_of, metadata_of
from connectors.slack.emoji import MARKS, code_for
from connectors.slack.failures import code_of
from connectors.slack.refused_features import RefusedFeatures
from connectors.slack.splitting import cut, cut_plain
from connectors.slack.status import StatusSetter
from connectors.slack.streaming import LONG, Streamed, Streaming, in_pane
from connectors.slack.uploading import Uploads, is_file
from connectors.slack.writing import escape, to_mrkdwn

INVALID_BLOCKS = ("invalid_blocks", "invalid_blocks_format")
NO_FILES = frozenset(
    {
        "slack_connect_file_upload_sharing_blocked",
        "slack_connect_blocked_file_type",
        "slack_connect_clip_sharing_blocked",
    }
)
log = structlog.get_logger(__name__)
_USER = re.compile(r"[UW][A-Z0-9]{2,20}")


@dataclass(frozen=True, slots=True)
class Voice:
    """The way in which we appear to customers: whether the speaker is named, and with which picture."""

    icon: str = ""  # an emoji as `:name:`, or the address of a picture; "" is the app's own

    def of(self, post: Post) -> dict[str, str]:
        """Return the arguments for a post that scope chat:write.customize allows: the name and picture of the
        speaker.
        """
        if post.speaker is None:
            return {}
        icon = {"icon_emoji" if self.icon.startswith(":") else "icon_url": self.icon} if self.icon else {}
        return {"username": cut_plain(post.speaker.name.strip(), 80), **icon}


def layout(post: Post, link: Callable[[str], str]) -> tuple[Part, ...]:
    """Return the messages of a post.

    The same post always gives the same ones, so a part's number identifies it.
    """
    files = tuple(_reachable(item, link) for item in post.attachments)
    return plan(replace(post, attachments=files), PUBLISHED, render=to_mrkdwn, link=link)


def _words(post: Post) -> str:
    if not (post.sections or post.foot):
        return to_mrkdwn(post.text)
    [part] = plan(post, PUBLISHED, render=to_mrkdwn, link=lambda _: "")
    return part.text if isinstance(part, TextPart) else ""


def _reachable(attachment: Attachment, link: Callable[[str], str]) -> Attachment:
    """Return the attachment.

    A message in its original form is sent as a document if it cannot be linked to.
    """
    if attachment.kind is AttachmentKind.ORIGINAL and attachment.file and not link(attachment.file):
        return replace(attachment, kind=AttachmentKind.DOCUMENT)
    return attachment


def streamed(message: Streamed, chat: str, earlier: Sequence[Part], *, more: bool) -> Sent:
    """Return what became of a part that was message. Of a post that was stopped no further part follows."""
    if message.shown is None:
        return Sent(message.ts, chat, more=more)
    shown = [part.markdown for part in earlier if isinstance(part, TextPart)]
    return Sent(message.ts, chat, shown="\n\n".join((*shown, message.shown)))


class Sending:
    """Sends to staff, or to customers if there is a `voice`."""

    def __init__(
        self, api: Api, channels: Channels, files: FileAccess, clock: Clock, voice: Voice | None = None
    ) -> None:
        self._api = api
        self._channels = channels
        self._uploads = Uploads(api, files)
        self._deleting = Deleting(api)
        self._link = files.link
        self._clock = clock
        self._voice = voice
        self._streaming = Streaming(api)
        self._status = StatusSetter(api)
        self._folds = RefusedFeatures()

    async def send(self, outbound: Outbound) -> Sent:
        """Carry out one operation, without retries. Raises SendError."""
        operation = outbound.operation
        if isinstance(operation, Typing):
            return await self._typing(outbound.place, operation)
        chat = await self._channels.resolve(outbound.place.chat)
        try:
            return await self._do(outbound, operation, chat)
        except Unreachable as error:
            if code_of(error) == "channel_not_found":
                self._channels.forget(outbound.place.chat)
            raise

    async def rest(self, chat: str, thread: str) -> None:
        """Show in a thread that no agent is at work there. Raises SendError."""
        await self._status.show(chat, thread, at_work=False)

    async def _do(self, outbound: Outbound, operation: Operation, chat: str) -> Sent:
        match operation:
            case Post():
                return await self._post(outbound, operation, chat)
            case Card():
                text = card_text(operation)
                return await self._drawn(
                    operation, lambda blocks: self._message(outbound, chat, text, blocks)
                )
            case Revise():
                return await self._revise(operation, chat)
            case Erase():
                return await self._erase(operation, chat)
            case React():
                return await self._react(operation, chat)
            case Emote():
                return await self._emote(operation, chat)
            case Whisper():
                return await self._whisper(outbound, operation, chat)
            case Invite():
                return await self._invite(operation, chat)
            case Typing():
                return await self._typing(outbound.place, operation)
            case _:
                assert_never(operation)

    async def _drawn(self, content: Card, post: Callable[[list[Block]], Awaitable[Sent]]) -> Sent:
        """Post a card whose long sections are folded.

        If Slack refuses that, post it with all sections open.
        """
        now = self._clock()
        folded, whole = card(content, now, folds=True), card(content, now)
        if folded != whole and self._folds.worth_trying:
            try:
                sent = await post(folded)
            except Refused as error:
                if code_of(error) not in INVALID_BLOCKS:
                    raise
                log.info("slack.container_refused", reason=error.reason)
                self._folds.refused()
            else:
                self._folds.took()
                return sent
        return await post(whole)

    async def _post(self, outbound: Outbound, post: Post, chat: str) -> Sent:
        pieces = layout(post, self._link)
        if outbound.part >= len(pieces):
            raise Refused(
                f"no_text: the post has {len(pieces)} parts, and part {outbound.part} was asked for"
            )
        more = outbound.part + 1 < len(pieces)
        match pieces[outbound.part]:
            case TextPart(text=text, buttons=buttons) as part:
                called, absent = "", False
                if outbound.part == 0 and post.calls:
                    called, absent = await self._called(post, chat)
                    if called and post.needed_by is not None:
                        await self._must_notice(called, post.needed_by)
                    text = f"<@{called}> {text}" if called else text
                if outbound.part == 0 and post.reply_to and outbound.place.thread and not self._voice:
                    text = await self._leading_to(text, chat, post.reply_to)
                named = self._voice.of(post) if self._voice else {}
                # Slack's button would cut a person's words, of which it is no business.
                by_program = post.speaker is None or not post.speaker.human
                if self._voice and by_program and len(text) >= LONG and in_pane(outbound.place):
                    grown = await self._streaming.send(outbound, part, named)
                    if grown is not None:
                        return streamed(grown, chat, pieces[: outbound.part], more=more)
                blocks = message([text], buttons) if buttons else []
                sent = await self._message(outbound, chat, text, blocks, more=more, named=named)
                return replace(sent, absent=absent)
            case FilePart(attachment=attachment):
                return await self._file(outbound, post, attachment, chat, more=more)

    async def _called(self, post: Post, chat: str) -> tuple[str, bool]:
        """Return the id with which a post mentions a person ("" for none), and whether they are not in
        `chat`.

        A mention notifies only members of a channel. Raises PersonAway if the person must notice it but
        nobody in the workspace has their address; a deactivated person is not found by it.
        """
        try:
            user = await self._channels.user(post.calls)
        except (Refused, Unreachable) as error:
            if post.needed_by is not None and code_of(error) == "users_not_found":
                raise PersonAway("is not found in Slack by their address") from error
            return "", False  # sending the post matters more than knowing whom it notifies
        try:
            if not _USER.fullmatch(user):
                return "", False
            return user, not await self._channels.has_member(chat, user)
        except (Refused, Unreachable):  # for the same reason
            return "", False

    async def _must_notice(self, user: str, by: datetime) -> None:
        """Raise PersonAway if a mention will not be noticed in time.

        https://docs.slack.dev/reference/methods/dnd.info
        """
        try:
            info = await self._api.call(lambda web: web.users_info(user=user), repeatable=True)
            pause = await self._api.call(lambda web: web.dnd_info(user=user), repeatable=True)
        except (Refused, Unreachable) as error:  # sending the post matters more
            if code_of(error) == "user_not_found":
                raise PersonAway("is not found in Slack") from error
            return
        if info.node("user").flag("deleted"):
            raise PersonAway("is deactivated in Slack")
        now = self._clock().timestamp()
        start, end = pause.whole("next_dnd_start_ts") or 0, pause.whole("next_dnd_end_ts") or 0
        if pause.flag("dnd_enabled") and start <= now < end and end > by.timestamp():
            until = datetime.fromtimestamp(end, UTC)
            raise PersonAway(f"is on Do Not Disturb in Slack until {until:%H:%M} UTC")

    async def _leading_to(self, text: str, chat: str, answered: str) -> str:
        """Return the text with a first line that links to the message of its thread that it answers.

        Slack has no replies within a thread.
        """
        try:
            found = await self._api.call(
                lambda web: web.chat_getPermalink(channel=chat, message_ts=answered), repeatable=True
            )
        except SendError:  # sending the words matters more than the link
            return text
        first, newline, rest = text.partition("\n")
        link = found.text("permalink")
        return f"{first} <{escape(link)}|↗>{newline}{rest}" if link else text

    async def _file(
        self, outbound: Outbound, post: Post, attachment: Attachment, chat: str, *, more: bool
    ) -> Sent:
        """Send a file. If the organizations allow no files between them, send a link to it."""
        named = self._voice.of(post) if self._voice else {}
        try:
            ts = await self._uploads.send(
                attachment, chat=chat, thread=thread_of(outbound), mark=mark_of(outbound), named=named
            )
        except Refused as error:
            if code_of(error) not in NO_FILES or not self._link(attachment.file):
                raise
            text = to_mrkdwn(in_words(attachment, self._link))
            return await self._message(outbound, chat, text, [], more=more, named=named)
        return Sent(ts, chat, more=more)

    async def _typing(self, place: Place, typing: Typing) -> Sent:
        """Show that an agent is at work. Slack can show it only in threads."""
        if self._voice is not None and place.thread:
            await self._status.show(place.chat, place.thread, at_work=not typing.over)
        return Sent()

    async def _message(
        self,
        outbound: Outbound,
        chat: str,
        text: str,
        blocks: Sequence[Block],
        *,
        more: bool = False,
        named: Mapping[str, str] = MappingProxyType({}),
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
                metadata=metadata_of(outbound),
                username=named.get("username"),
                icon_emoji=named.get("icon_emoji"),
                icon_url=named.get("icon_url"),
            ),
            repeatable=False,
        )
        if not answer.text("ts"):
            raise OutcomeUnknown("unreadable_answer: Slack took the message and did not name it")
        return Sent(answer.text("ts"), answer.text("channel") or chat, more=more)

    async def _revise(self, operation: Revise, chat: str) -> Sent:
        body = operation.body
        if not isinstance(body, Card):
            text = cut(_words(body), TEXT) or "…"
            blocks = message([text], body.buttons) if body.buttons else []  # [] removes the old blocks
            return await self._update(operation, chat, text, blocks)
        text = card_text(body)
        try:
            return await self._drawn(body, lambda blocks: self._update(operation, chat, text, blocks))
        except Refused as error:
            # Slack keeps a tombstone of a deleted card with replies; it is no message of ours any more.
            if code_of(error) in ("message_not_found", "cant_update_message"):
                raise PlaceGone("card_gone: somebody has deleted the card") from error
            raise

    async def _update(self, operation: Revise, chat: str, text: str, blocks: list[Block]) -> Sent:
        # Without `metadata` Slack keeps the message's old one, by which `find` recognizes it.
        await self._api.call(
            lambda web: web.chat_update(
                channel=chat,
                ts=operation.message,
                text=text,
                blocks=blocks,
                link_names=False,
                parse="none",
            ),
            repeatable=True,
        )
        return Sent(operation.message, chat)

    async def _erase(self, operation: Erase, chat: str) -> Sent:
        await self._deleting.delete(operation, chat)
        return Sent(chat=chat)

    async def _react(self, operation: React, chat: str) -> Sent:
        marks = (operation.mark, Mark.INSIDE if operation.partly else None)
        wanted = {code_for(MARKS[mark]) for mark in marks if mark is not None}
        return await self._show(chat, operation.message, wanted, frozenset(map(code_for, MARKS.values())))

    async def _emote(self, operation: Emote, chat: str) -> Sent:
        wanted = ""
        if operation.emoji and not (wanted := code_for(operation.emoji)):
            raise Refused("invalid_name: Slack has no emoji for that reaction")
        return await self._show(chat, operation.message, {wanted} - {""}, None)

    async def _show(self, chat: str, ts: str, wanted: set[str], among: Collection[str] | None) -> Sent:
        """Leave `wanted` as our only reactions of those `among` (None: of all).

        This takes one call to read the present reactions, and one for each difference. Earlier changes are
        not remembered, as another process may have changed them since. A message known only by its file's id
        gets no reaction.
        """
        if is_file(ts):
            return Sent(chat=chat)
        us = (await self._api.identity()).user
        try:
            answer = await self._api.call(
                lambda web: web.reactions_get(channel=chat, timestamp=ts, full=True), repeatable=True
            )
        except Refused as error:
            if code_of(error) != "message_not_found":  # deleted meanwhile: there is nothing to mark
                raise
            return Sent(chat=chat)
        ours = _ours(answer, us)
        for name in sorted(ours - wanted):
            if among is None or name in among:
                await self._reaction(chat, ts, name, add=False)
        for name in sorted(wanted - ours):
            await self._reaction(chat, ts, name, add=True)
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

    async def _invite(self, operation: Invite, chat: str) -> Sent:
        try:
            user = await self._channels.user(operation.person)
            await self._api.call(
                lambda web: web.conversations_invite(channel=chat, users=user), repeatable=True
            )
        except Refused as error:
            if code_of(error) != "already_in_channel":
                raise
        return Sent(chat=chat)

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
    """Return the thread to write in. In Slack an answer to a message outside of threads begins a thread."""
    operation = outbound.operation
    return outbound.place.thread or (operation.reply_to if isinstance(operation, Post) else "")


def _ours(answer: Node, us: str) -> set[str]:
    return {
        reaction.text("name")
        for reaction in answer.node("message").nodes("reactions")
        if us in reaction.texts("users")
    }
