"""Carry out operations with calls of the Send API.

https://developers.facebook.com/docs/messenger-platform/reference/send-api
"""

from collections.abc import Mapping
from dataclasses import dataclass

from bot.core.connector import FileAccess
from bot.core.errors import OutcomeUnknown, Refused
from bot.core.outbound import (
    Button,
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
from connectors.messenger.capabilities import CAPABILITIES, TEMPLATE_BUTTONS, TEMPLATE_TEXT
from connectors.messenger.failures import outside_window, send_error, tag_error
from connectors.messenger.media import upload
from connectors.messenger.payloads import payload_of
from connectors.meta import Graph, GraphError
from connectors.payload import Node
from connectors.rendering import FilePart, Part, TextPart, plan, to_plain

_RESPONSE = {"messaging_type": "RESPONSE"}
_HUMAN_AGENT = {"messaging_type": "MESSAGE_TAG", "tag": "HUMAN_AGENT"}


@dataclass(frozen=True, slots=True)
class Sending:
    """Sends the operations of one account. `mark` is how the metadata of its messages begins."""

    graph: Graph
    page: str
    files: FileAccess
    mark: str

    async def do(self, outbound: Outbound) -> Sent:
        """Carry out one operation. Raise SendError."""
        person = outbound.place.chat
        match outbound.operation:
            case Post() as post:
                return await self._post(post, outbound, person)
            case Typing(seen=seen):
                if seen:
                    await self._act(person, "mark_seen")
                await self._act(person, "typing_on")
            case Emote(message=message, emoji=""):
                await self._act(person, "unreact", {"message_id": message})
            case Emote(message=message, emoji=emoji):
                await self._act(person, "react", {"message_id": message, "reaction": emoji})
            case Whisper():
                pass  # Messenger has no message that only one person sees
            case Card() | Revise() | Erase() | React() | Invite():
                name = type(outbound.operation).__name__.lower()
                raise Refused(f"{name}_unsupported: Messenger has no such thing")
        return Sent()

    async def _post(self, post: Post, outbound: Outbound, person: str) -> Sent:
        parts = plan(post, CAPABILITIES, render=to_plain, link=self.files.link)
        if outbound.part >= len(parts):
            raise Refused("no_such_part: the message has fewer parts than were asked for")
        message = await self._message(parts[outbound.part])
        message["metadata"] = f"{self.mark}{outbound.id}:{outbound.part}"
        body: dict[str, object] = {"recipient": {"id": person}, "message": message}
        if post.reply_to and outbound.part == 0:
            body["reply_to"] = {"mid": post.reply_to}
        human = post.speaker is not None and post.speaker.human
        answer = await self._send(body, human=human)
        mid = answer.text("message_id")
        if not mid:
            raise OutcomeUnknown("no_message_id: Meta took the message and gave no id for it")
        return Sent(message=mid, more=outbound.part + 1 < len(parts))

    async def _send(self, body: Mapping[str, object], *, human: bool) -> Node:
        """Send a message.

        If the window is closed, send a person's message again with the tag for human agents.

        Messenger knows how old the customer's last message is, and we do not. Nothing is sent twice: the
        first attempt was certainly refused.
        https://developers.facebook.com/documentation/business-messaging/messenger-platform/send-messages
        """
        path = f"{self.page}/messages"
        try:
            return await self.graph.post(path, {**body, **_RESPONSE})
        except GraphError as error:
            if not (human and outside_window(error)):
                raise send_error(error) from error
        try:
            return await self.graph.post(path, {**body, **_HUMAN_AGENT})
        except GraphError as error:
            raise tag_error(error) from error

    async def _act(self, person: str, action: str, payload: Mapping[str, str] | None = None) -> None:
        """Show a sender action, such as typing, to the customer.

        https://developers.facebook.com/documentation/business-messaging/messenger-platform/send-messages/sender-actions
        """
        body: dict[str, object] = {"recipient": {"id": person}, "sender_action": action}
        if payload is not None:
            body["payload"] = payload
        try:
            await self.graph.post(f"{self.page}/messages", body, repeatable=True)
        except GraphError as error:
            raise send_error(error) from error

    async def _message(self, part: Part) -> dict[str, object]:
        match part:
            case TextPart(text=text):
                return _text(text, part.buttons or part.rows)
            case FilePart(attachment=attachment):
                sent_as, uploaded = await upload(self.graph, self.page, attachment, self.files)
                return {"attachment": {"type": sent_as, "payload": {"attachment_id": uploaded}}}


def _text(text: str, buttons: tuple[Button, ...]) -> dict[str, object]:
    """Return a text with its buttons. A few buttons under a short text are a template, and stay there.

    Others are quick replies.

    "When a quick reply is tapped, the buttons are dismissed", and they disappear with the next message too.
    An offer of ours ("Talk to a person") should still work tomorrow.
    https://developers.facebook.com/documentation/business-messaging/messenger-platform/send-messages/quick-replies
    """
    if not buttons:
        return {"text": text}
    if len(buttons) <= TEMPLATE_BUTTONS and len(text) <= TEMPLATE_TEXT:
        postbacks = [{"type": "postback", "title": b.label, "payload": payload_of(b)} for b in buttons]
        payload = {"template_type": "button", "text": text, "buttons": postbacks}
        return {"attachment": {"type": "template", "payload": payload}}
    replies = [{"content_type": "text", "title": b.label, "payload": payload_of(b)} for b in buttons]
    return {"text": text, "quick_replies": replies}
