"""Read Slack's payloads as events. Texts keep Slack's markup, and names are not looked up.

Shapes of https://docs.slack.dev/reference/events and https://docs.slack.dev/reference/interaction-payloads.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from bot.core.events import (
    Attachment,
    AttachmentKind,
    Content,
    Deleted,
    Edited,
    Event,
    Ignored,
    Place,
    Reacted,
    Reference,
    Said,
    Sender,
    Stopped,
    Submitted,
    Tapped,
    Unsupported,
)
from connectors.payload import Node
from connectors.slack.capabilities import CHANNEL
from connectors.slack.emoji import picture, told
from connectors.slack.reading import mentioned
from connectors.slack.timestamp import moment
from connectors.slack.writing import escape

_SAID = frozenset({"", "file_share", "thread_broadcast", "me_message"})
# An emoji's code, perhaps with a skin tone. Code between backticks is matched as a whole.
_EMOJI = re.compile(
    r"```.+?```|`[^`\n]+`|:(?P<toned>(?P<name>[a-z0-9_+'-]{1,60})(?:::skin-tone-[2-6])?):", re.DOTALL
)
_NOBODY = frozenset({"", "USLACKBOT"})


@dataclass(frozen=True, slots=True)
class _Callback:
    """The facts that an envelope tells about every event in it."""

    event_id: str
    us: str
    now: datetime


@dataclass(frozen=True, slots=True)
class Parser:
    """Reads payloads for one account. `now` is used if a payload has no time of its own.

    `refer` makes an attachment's `ref` of a file; a file without one is left out. What somebody else wrote or
    uploaded first is marked as forwarded. With `apps`, so is what an app posted in a user's name, perhaps our
    own, as users are not looked up here. Without `apps`, posts of programs are not read, except with
    `workflows` those of the Workflow Builder, in which somebody has filled in a form.
    """

    account: str
    refer: Callable[[Node], str] = lambda file: file.text("url_private")
    apps: bool = False
    workflows: bool = False

    def place(self, chat: str, thread: str = "") -> Place:
        return Place(CHANNEL, self.account, chat, thread)

    def callback(self, envelope: Node, us: str, now: datetime) -> Event | None:
        """Return the event of an `event_callback`. `us` is our bot's user id, "" if unknown."""
        event, event_id = envelope.node("event"), envelope.text("event_id")
        if not event_id:
            return None
        callback = _Callback(event_id, us, now)
        match event.text("type"):
            case "message":
                return self._message(event, callback)
            case "reaction_added" | "reaction_removed":
                return self._reaction(event, callback)
            case "agent_session_stopped":
                return self._stopped(event, callback)
            case _:
                return None

    def _files(self, message: Node) -> tuple[Attachment, ...]:
        parts = (message, *_shared(message))
        return tuple(file for part in parts for file in attachments(part, self.refer))

    def _words(self, message: Node) -> str:
        """Return a message's text as Slack's markup, followed by the messages that it forwards as quotations.

        For staff, whose words go on to others, links to files of other services come between.
        """
        links = [_link(file) for file in _elsewhere(message)] if self.apps else []
        return "\n\n".join(filter(None, [_pictured(message), *links, *map(_quoted, _shared(message))]))

    def _described(self, message: Node) -> str:
        """Return the title and address of each file in a customer's message that another service keeps.

        They are no words of the customer.
        """
        if self.apps:
            return ""
        files = _elsewhere(message)
        return "\n".join(
            f"{f.text('title') or f.text('name')} {f.text('url_private')}".strip() for f in files
        )

    def _message(self, event: Node, callback: _Callback) -> Event | None:
        subtype = event.text("subtype")
        if subtype == "message_changed":
            return self._changed(event, callback)
        if subtype == "message_deleted":
            gone = event.text("deleted_ts") or event.node("previous_message").text("ts")
            return self._deleted(event, gone, callback)
        content: Content = Ignored(subtype)  # somebody joined, or changed the topic
        if subtype in _SAID or self._by_workflow(event):
            text, files = self._words(event), self._files(event)
            # A message of blocks alone, or a forward without its content, has neither.
            empty = not (text.strip() or files or self._described(event))
            content = Unsupported("forwarded") if empty else Said(text, files)
        return self._of(event, event, content, callback, message=event.text("ts"))

    def _by_workflow(self, message: Node) -> bool:
        told = message.text("workflow_id") or message.node("bot_profile").flag("is_workflow_bot")
        return self.workflows and bool(told)

    def _changed(self, event: Node, callback: _Callback) -> Event | None:
        new, old = event.node("message"), event.node("previous_message")
        if new.text("subtype") == "tombstone":  # a thread's root, deleted while the thread has replies
            return self._deleted(event, new.text("ts"), callback)
        same = new.text("text") == old.text("text")
        if not new.text("ts") or (same and attachments(new, self.refer) == attachments(old, self.refer)):
            return None  # Slack added a preview, a reply count or a pin
        return self._of(event, new, Edited(new.text("ts"), self._words(new), self._files(new)), callback)

    def _deleted(self, event: Node, gone: str, callback: _Callback) -> Event | None:
        if not gone:
            return None
        return self._of(event, event.node("previous_message"), Deleted(gone), callback)

    def _of(
        self, event: Node, written: Node, content: Content, callback: _Callback, *, message: str = ""
    ) -> Event | None:
        """Return an event about the message `written`; None if a bot, such as our own, wrote it."""
        user, chat, ts = written.text("user"), event.text("channel"), written.text("ts")
        app, name = written.text("bot_id"), ""
        if self._by_workflow(written):
            user, name, app = _filled_in_by(written), written.text("username"), ""
        if user in _NOBODY or user == callback.us or not chat:
            return None
        if app and not (self.apps and callback.us):  # perhaps our own app, while our id is unknown
            return None
        thread = written.text("thread_ts")
        # A root that has replies carries its own ts as thread_ts; so does each edit of it.
        thread = "" if thread == ts else thread
        return Event(
            external_id=callback.event_id,
            place=self.place(chat, thread),
            sender=Sender(user, name),
            content=content,
            occurred_at=moment(event.text("event_ts")) or moment(ts) or callback.now,
            message=message,
            reference=replace(_reference(written), described=self._described(written)),
            in_our_thread=bool(callback.us and thread) and written.text("parent_user_id") == callback.us,
        )

    def _reaction(self, event: Node, callback: _Callback) -> Event | None:
        item, user = event.node("item"), event.text("user")
        if user in _NOBODY or user == callback.us or item.text("type") != "message":
            return None
        if not item.text("channel") or not item.text("ts"):
            return None
        added = event.text("type") == "reaction_added"
        return Event(
            external_id=callback.event_id,
            place=self.place(item.text("channel")),
            sender=Sender(user),
            content=Reacted(item.text("ts"), picture(event.text("reaction")), added),
            occurred_at=moment(event.text("event_ts")) or callback.now,
        )

    def _stopped(self, event: Node, callback: _Callback) -> Event | None:
        """Read a press of the stop button, which Slack shows in a thread while an agent is at work there.

        https://docs.slack.dev/reference/events/agent_session_stopped
        """
        chat, thread, user = event.text("channel"), event.text("thread_ts"), event.text("user")
        if not chat or not thread or user in _NOBODY:
            return None
        return Event(
            external_id=callback.event_id,
            place=self.place(chat, thread),
            sender=Sender(user),
            content=Stopped(),
            occurred_at=moment(event.text("event_ts")) or callback.now,
        )

    def taps(self, payload: Node, us: str, now: datetime) -> list[Event]:
        """Return an event for each pressed button of a `block_actions`: usually one, though the list may hold
        more.
        """
        message, sender = payload.node("message"), sender_of(payload)
        place, ts = self.tapped_at(payload)
        if sender is None or not place.chat:
            return []
        root_user = message.text("parent_user_id") or message.text("user")
        return [
            Event(
                external_id=f"tap.{payload.text('trigger_id') or ts + '.' + sender.external_id}."
                f"{action.text('action_ts')}.{index}",
                place=place,
                sender=sender,
                content=Tapped(
                    action=action.text("action_id").rpartition(":")[0] or action.text("action_id"),
                    value=action.text("value"),
                    label=action.node("text").text("text"),
                    message=ts,
                ),
                occurred_at=moment(action.text("action_ts")) or now,
                in_our_thread=bool(us) and root_user == us,
            )
            for index, action in enumerate(payload.nodes("actions"))
            if action.text("type") == "button" and action.text("action_id")
        ]

    def tapped_at(self, payload: Node) -> tuple[Place, str]:
        """Return the place of the message with the button, inside its thread, and the message's ts."""
        container, message = payload.node("container"), payload.node("message")
        ts = container.text("message_ts") or message.text("ts")
        chat = container.text("channel_id") or payload.node("channel").text("id")
        thread = container.text("thread_ts") or message.text("thread_ts") or ts
        return self.place(chat, thread), ts

    def submission(self, payload: Node, now: datetime) -> Event | None:
        """Return the event of a submitted form. Its private metadata comes from `connectors.slack.forms`."""
        view, sender = payload.node("view"), sender_of(payload)
        hidden, form = _hidden(view.text("private_metadata")), view.text("callback_id")
        if sender is None or not form or not hidden.text("chat"):
            return None
        return Event(
            external_id=f"view.{payload.text('trigger_id') or view.text('id') or view.text('hash')}.{form}",
            place=self.place(hidden.text("chat"), hidden.text("thread")),
            sender=sender,
            content=Submitted(form, hidden.text("value"), _values(view.node("state").node("values"))),
            occurred_at=now,
        )


def bot_of(envelope: Node) -> str:
    """Return our bot's user id as the envelope tells it; "" if it does not."""
    bots = (grant for grant in envelope.nodes("authorizations") if grant.flag("is_bot"))
    return next((grant.text("user_id") for grant in bots), "")


def by_app(envelope: Node) -> bool:
    """Return whether an app posted the message of an `event_callback`, perhaps in a user's name."""
    event = envelope.node("event")
    written = (event, event.node("message"), event.node("previous_message"))
    return any(message.text("bot_id") for message in written)


def sender_of(payload: Node) -> Sender | None:
    """Return who acted in an interaction, None if unknown. Slack tells the handle, but no display name."""
    user = payload.node("user")
    handle = user.text("username") or user.text("name")
    return Sender(user.text("id"), handle=handle) if user.text("id") else None


def _filled_in_by(message: Node) -> str:
    """Return who filled in the form of a workflow: whom its post names first; else the workflow itself."""
    named = next(iter(mentioned(message.text("text"))), "")
    return named or message.text("workflow_id") or message.text("bot_id")


def _shared(message: Node) -> list[Node]:
    """Return the messages that a message forwards. What Slack shows of a link in its text is none."""
    text = message.text("text")
    return [
        part
        for part in message.nodes("attachments")
        if part.flag("is_share")
        or (
            part.flag("is_msg_unfurl")
            and not (part.text("from_url") and escape(part.text("from_url")) in text)
        )
    ]


def _reference(message: Node) -> Reference:
    """Return whether somebody else, or an app, wrote or uploaded first what the message brings, and who.

    What a message answers is never told: an answer in Slack stands in the thread of what it answers.
    """
    shared = _shared(message)
    owners = {file.text("user") for file in message.nodes("files")} - {"", message.text("user")}
    app = message.node("bot_profile").text("name") if message.text("bot_id") else ""
    origins = dict.fromkeys([f"the app {app}" if app else "", *(part.text("author_name") for part in shared)])
    forwarded = bool(shared or owners or message.text("bot_id"))
    return Reference(forwarded=forwarded, origin=", ".join(filter(None, origins)))


def _is_elsewhere(file: Node) -> bool:
    """Return whether another service, such as a cloud drive, keeps a file: its address is a page, not its
    content.
    """
    return file.flag("is_external") or file.text("mode") == "external"


def _pictured(message: Node) -> str:
    """Return a message's text with the standard emoji that its blocks tell of; codes within code are code.

    https://docs.slack.dev/reference/block-kit/blocks/rich-text-block#emoji-element-type
    """
    shown = {
        _code_of(element): picture
        for element in _elements(message.nodes("blocks"))
        if element.text("type") == "emoji" and (picture := told(element.text("unicode")))
    }
    text = message.text("text")
    if not shown:
        return text
    return _EMOJI.sub(
        lambda code: shown.get(code["toned"] or "") or shown.get(code["name"] or "", code[0]), text
    )


def _code_of(element: Node) -> str:
    tone = element.whole("skin_tone")
    return element.text("name") + (f"::skin-tone-{tone}" if tone is not None else "")


def _elements(nodes: list[Node]) -> Iterator[Node]:
    """Yield all elements of rich text, however deep the lists and quotes in it are."""
    waiting = list(nodes)
    while waiting:
        node = waiting.pop()
        yield node
        waiting += node.nodes("elements")


def _elsewhere(message: Node) -> list[Node]:
    """Return the files that another service keeps and whose links do not stand in the text already."""
    text = message.text("text")
    files = [file for file in message.nodes("files") if _is_elsewhere(file) and _link(file)]
    return [file for file in files if _link(file).strip("<>").partition("|")[0] not in text]


def _link(file: Node) -> str:
    address, name = file.text("url_private"), file.text("title") or file.text("name")
    if not address.startswith("https://") or set(address) & set("<>| \n"):
        return ""
    return f"<{escape(address)}|{escape(name)}>" if name else f"<{escape(address)}>"


def _quoted(forwarded: Node) -> str:
    text, author = forwarded.text("text"), forwarded.text("author_name")
    if not text.strip():
        text, author = forwarded.text("fallback"), ""
    if not text.strip():
        return ""
    head = [f"{escape(author)}:"] if author else []
    return "\n".join(f"&gt; {line}" for line in [*head, *text.splitlines()])


def attachments(message: Node, refer: Callable[[Node], str]) -> tuple[Attachment, ...]:
    return tuple(
        Attachment(
            kind=kind_of(file),
            ref=refer(file),
            mime_type=file.text("mimetype"),
            name=file.text("name") or file.text("title"),
            size=file.whole("size"),
        )
        for file in message.nodes("files")
        if refer(file)
        and not _is_elsewhere(file)
        and file.text("mode") not in ("tombstone", "hidden_by_limit")
    )


def kind_of(file: Node) -> AttachmentKind:
    if file.text("subtype") == "slack_audio":  # recorded in Slack itself
        return AttachmentKind.VOICE
    match file.text("mimetype").partition("/")[0]:
        case "image":
            return AttachmentKind.PHOTO
        case "audio":
            return AttachmentKind.AUDIO
        case "video":
            return AttachmentKind.VIDEO
        case _:
            return AttachmentKind.DOCUMENT


def _hidden(metadata: str) -> Node:
    try:
        return Node(json.loads(metadata))
    except (ValueError, RecursionError):
        return Node(None)


def _values(state: Node) -> tuple[tuple[str, str], ...]:
    """Return each field's value by the id of its block.

    An empty field is ""; several choices are joined by commas.
    """
    return tuple(
        (field, _answer(element)) for field, elements in state.items() for _, element in elements.items()
    )


def _answer(element: Node) -> str:
    several = element.texts("selected_users") or element.texts("selected_conversations")
    return (
        element.text("value")
        or element.text("selected_user")
        or element.text("selected_conversation")
        or element.text("selected_date")
        or element.node("selected_option").text("value")
        or ",".join(several)
    )
