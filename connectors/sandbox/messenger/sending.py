"""Serve POST /me/messages and /me/message_attachments.

https://developers.facebook.com/docs/messenger-platform/reference/send-api
"""

from collections import deque
from dataclasses import dataclass, field, replace
from datetime import timedelta

import aiohttp

from connectors.sandbox.messenger import contents
from connectors.sandbox.messenger.contents import Content, Source
from connectors.sandbox.messenger.limits import Limits
from connectors.sandbox.messenger.model import Attachment, ChatMessage, Member, Tick
from connectors.sandbox.messenger.page import HUMAN_AGENT_WINDOW, TYPING, WINDOW, Page
from connectors.sandbox.messenger.refusals import (
    HUMAN_AGENT,
    NO_ATTACHMENT,
    NOBODY,
    THROTTLED,
    TOO_LARGE,
    UNAVAILABLE,
    UNFETCHED,
    UPLOAD,
    refusal,
)
from connectors.sandbox.messenger.refusals import WINDOW as OUTSIDE
from connectors.sandbox.meta.errors import GraphError, JsonObject, invalid
from connectors.sandbox.meta.files import KeptFile
from connectors.sandbox.meta.params import Params
from connectors.sandbox.meta.trouble import Trouble
from connectors.sandbox.rate_limit import RateLimiter

MAX_FILE = 25 * 1024 * 1024
_LINK_TIMEOUT = aiohttp.ClientTimeout(total=20)
_TYPES = ("RESPONSE", "UPDATE", "MESSAGE_TAG")
_EVENT_TAGS = ("CONFIRMED_EVENT_UPDATE", "POST_PURCHASE_UPDATE", "ACCOUNT_UPDATE")


@dataclass(slots=True)
class Sending:
    page: Page
    limits: Limits | None
    human_agent: bool  # True if Meta has granted the HUMAN_AGENT tag to the app
    planned: deque[GraphError] = field(default_factory=deque)
    limiter: RateLimiter = field(default_factory=RateLimiter)

    async def post(self, params: Params) -> JsonObject:
        page = self.page
        recipient = params.object("recipient") or {}
        psid = str(recipient.get("id") or "")
        if not psid:
            raise invalid("The parameter recipient is required")
        message, action = params.object("message"), params.text("sender_action")
        if message is not None and action:
            raise invalid("Cannot send both message and state at the same time.", subcode=2018065)
        if message is None and not action:
            raise invalid("The parameter message is required")
        if self.planned:
            raise self.planned.popleft()
        member = page.member(psid)
        if member is None:
            raise refusal(NOBODY)
        if action:
            return self._act(member, action, params.object("payload") or {})
        content = contents.read(message or {})
        if member.blocked:
            raise refusal(UNAVAILABLE)
        self._check_window(member, params)
        if self.limits is not None:
            media = content.source is not None and content.source.kind in ("audio", "video")
            rate = self.limits.media if media else self.limits.texts
            if self.limiter.refuses(page.clock().timestamp(), {media: rate}):
                raise refusal(THROTTLED, account=page.page_id, seconds=1.0)
        return await self._deliver(member, content, params)

    async def upload(self, params: Params) -> JsonObject:
        """Store an attachment that can be used later, any number of times."""
        message = params.object("message") or {}
        attachment = message.get("attachment")
        if not isinstance(attachment, dict):
            raise invalid("The parameter message[attachment] is required")
        file = await self._file(contents.source(attachment), params)
        return {"attachment_id": file.id}

    def _act(self, member: Member, action: str, payload: JsonObject) -> JsonObject:
        match action.lower():
            case "typing_on":
                member.typing_until = self.page.clock() + TYPING
            case "typing_off":
                member.typing_until = None
            case "mark_seen":
                self._seen(member)
            case "react" | "unreact":
                self._react(member, payload, added=action.lower() == "react")
            case _:
                known = "TYPING_ON, TYPING_OFF, MARK_SEEN, REACT, UNREACT"
                raise invalid(f"Param sender_action must be one of {{{known}}}")
        self.page.changed(member.psid)
        return {"recipient_id": member.psid}

    def _react(self, member: Member, payload: JsonObject, *, added: bool) -> None:
        message = member.messages.get(str(payload.get("message_id") or ""))
        if message is None or message.from_page:
            raise invalid("Param payload[message_id] must be a message of this person")
        others = tuple(pair for pair in message.reactions if pair[0] != "page")
        mine = (("page", str(payload.get("reaction") or "")),) if added else ()
        self.page.keep(member, replace(message, reactions=(*others, *mine)))

    def _seen(self, member: Member) -> None:
        for each in list(member.messages.values()):
            if not each.from_page:
                self.page.advance(member, each.id, Tick.READ)

    def _check_window(self, member: Member, params: Params) -> None:
        kind, tag = params.text("messaging_type").upper(), params.text("tag").upper()
        if kind and kind not in _TYPES:
            raise invalid(f"Param messaging_type must be one of {{{', '.join(_TYPES)}}}")
        if kind == "MESSAGE_TAG" and not tag:
            raise invalid("A message tag is required with messaging_type MESSAGE_TAG")
        if tag and tag not in ("HUMAN_AGENT", *_EVENT_TAGS):
            raise invalid("Param tag must be one of the message tags that Messenger has")
        tagged = tag if kind in ("", "MESSAGE_TAG") else ""
        if tagged in _EVENT_TAGS:
            return
        if tagged == "HUMAN_AGENT" and not self.human_agent:
            raise refusal(HUMAN_AGENT)
        window: timedelta = HUMAN_AGENT_WINDOW if tagged else WINDOW
        if not self.page.window_open(member, window):
            raise refusal(OUTSIDE)

    async def _deliver(self, member: Member, content: Content, params: Params) -> JsonObject:
        page = self.page
        file = await self._file(content.source, params) if content.source is not None else None
        reply = params.object("reply_to") or {}
        message = ChatMessage(
            id=page.new_mid(),
            from_page=True,
            at=page.now_ms(),
            text=content.text,
            attachments=(Attachment(content.source.kind, file.id),) if file and content.source else (),
            template=content.template,
            buttons=content.buttons,
            quick_replies=content.quick_replies,
            reply_to=str(reply.get("mid") or ""),
        )
        page.send_off(member, message)
        page.echo(member, message, metadata=content.metadata)
        answer: JsonObject = {"recipient_id": member.psid, "message_id": message.id}
        if file is not None and content.source is not None and content.source.reusable:
            answer["attachment_id"] = file.id
        return answer

    async def _file(self, source: Source, params: Params) -> KeptFile:
        """Return the file of a source. Raise GraphError if it is missing, too large or of another kind."""
        if self.page.troubles.strikes(Trouble.UPLOAD_FAILED):
            raise refusal(UPLOAD)
        if source.attachment_id:
            kept = self.page.files.get(source.attachment_id)
            if kept is None:
                raise refusal(NO_ATTACHMENT)
            return kept
        if source.url:
            content, mime_type, name = *await _fetched(source.url), source.url.rsplit("/", 1)[-1][:80]
        elif upload := params.files.get("filedata"):
            content, mime_type, name = upload.content, upload.mime_type, upload.name
        else:
            raise refusal(NO_ATTACHMENT)
        if len(content) > MAX_FILE:
            raise refusal(TOO_LARGE)
        if not content or (source.kind != "file" and not mime_type.startswith(f"{source.kind}/")):
            raise refusal(UPLOAD)
        return self.page.keep_file(content, mime_type, name)


async def _fetched(url: str) -> tuple[bytes, str]:
    content = b""
    try:
        async with (
            aiohttp.ClientSession(timeout=_LINK_TIMEOUT) as session,
            session.get(url) as answer,
        ):
            if answer.status != 200:
                raise refusal(UNFETCHED)
            while len(content) <= MAX_FILE and (
                piece := await answer.content.read(MAX_FILE + 1 - len(content))
            ):
                content += piece
            return content, answer.content_type
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
        raise refusal(UNFETCHED) from None
