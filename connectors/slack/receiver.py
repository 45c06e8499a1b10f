"""Handle what Slack sends, over HTTP or Socket Mode: events, buttons, forms and slash commands.

When `receive` returns, the events are committed and Slack may be told so. When it raises, Slack must not be
told, so that it sends them again.
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol
from weakref import WeakValueDictionary

import structlog

from bot.core.commands import CommandAnswer
from bot.core.connector import ChatCommand, Inbox
from bot.core.errors import Refused, SendError
from bot.core.events import Event, Said, Sender
from bot.core.ids import Clock
from connectors.background import BackgroundTasks
from connectors.payload import Node
from connectors.slack.api import Api
from connectors.slack.blocks import Block, message
from connectors.slack.failures import code_of
from connectors.slack.forms import FORMS, Form, view
from connectors.slack.parsing import Parser, bot_of, by_app
from connectors.slack.people import PATIENCE, People
from connectors.slack.refused_features import RefusedFeatures
from connectors.slack.splitting import parts
from connectors.slack.tables import data_table, fits
from connectors.slack.workspace_events import changed
from connectors.slack.writing import to_mrkdwn

ANSWER_WITHIN = timedelta(seconds=2)  # Slack's own limit is three, network included
ROWS_OF_A_TABLE = 2  # fewer are read more easily as words
GRACE = 10.0  # seconds for an answer that has come late
ANSWER_PARTS = 4  # sections of 3000 characters: what one message holds
WORKING = "Working on it…"
CUT = "_The answer is longer than Slack shows. Run the same command on the shell for all of it._"
GUIDE = (
    "Nothing written here reaches anybody. Type `/desk help` in the message field, outside of threads, to see"
    " what you may do. Customers are answered in the threads of your team's channel."
)
NOT_OPENED = "Slack did not open the form. Please press the button again."

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Answer:
    """The body that goes back with the acknowledgement; None for an empty one."""

    body: Block | None = None


@dataclass(slots=True)
class Order:
    """Handles related events one after the other.

    If Slack must be asked about an event, no later one of the same thread overtakes it.
    """

    _locks: WeakValueDictionary[str, asyncio.Lock] = field(default_factory=WeakValueDictionary)

    def of(self, event: Node) -> asyncio.Lock:
        """Return the lock of an event's thread. All direct messages with a person share a lock.

        One of their conversations may have several threads.
        """
        item, pane = event.node("item"), event.node("assistant_thread")
        written = event.node("message") or event.node("previous_message") or event
        key = event.text("channel") or item.text("channel") or pane.text("channel_id")
        if not key.startswith("D"):
            key += "/" + (written.text("thread_ts") or written.text("ts") or item.text("ts"))
        return self._locks.setdefault(key, asyncio.Lock())


class Receives(Protocol):
    async def receive(self, payload: Node, inbox: Inbox) -> Answer:
        """Handle one payload of Slack. Raises DeskError if Slack must send it again."""


class Receiver:
    """Handles payloads for a staff account."""

    def __init__(
        self,
        api: Api,
        people: People,
        background: BackgroundTasks,
        *,
        account: str,
        clock: Clock,
        answer_within: timedelta = ANSWER_WITHIN,
        forms: Mapping[str, Form] = FORMS,
    ) -> None:
        self._api = api
        self._people = people
        self._background = background
        self._parser = Parser(account, apps=True)
        self._clock = clock
        self._answer_within = answer_within.total_seconds()
        self._forms = forms
        self._order = Order()
        self._tables = RefusedFeatures()

    async def receive(self, payload: Node, inbox: Inbox) -> Answer:
        """Handle one payload of Slack. Raises only what `inbox.accept` raises."""
        match payload.text("type"):
            case "url_verification":
                return Answer({"challenge": payload.text("challenge")})
            case "event_callback":
                await self._event(payload, inbox)
            case "block_actions":
                await self._tapped(payload, inbox)
            case "view_submission":
                submitted = self._parser.submission(payload, self._clock())
                await self._accept([submitted] if submitted else [], inbox)
            case "" if "command" in payload:
                return await self._command(payload, inbox)
            case _:  # view_closed, shortcuts, app_rate_limited: nothing that a conversation needs
                pass
        return Answer()

    async def _accept(self, events: Sequence[Event], inbox: Inbox) -> None:
        if events:
            await inbox.accept([await self._people.named(event) for event in events])

    async def _event(self, payload: Node, inbox: Inbox) -> None:
        async with self._order.of(payload.node("event")):
            us = bot_of(payload) or await self._us()
            if change := changed(payload, self._parser.place, us, self._clock()):
                await inbox.accept([change])
                return
            event = self._parser.callback(payload, us, self._clock())
            if event and by_app(payload) and await self._people.is_bot(event.sender.external_id):
                return  # an app speaks for itself
            await self._accept([event] if event else [], inbox)
        if event and _is_for_the_app(event, payload.node("event")):
            self._background.begin(self._guide(event))

    async def _guide(self, event: Event) -> None:
        """Answer a person who writes to the app itself, in the thread of their message.

        What they wrote belongs to no conversation. Losing the answer loses no message.
        """
        chat, thread = event.place.chat, event.place.thread or event.message
        try:
            await self._api.call(
                lambda web: web.chat_postMessage(
                    channel=chat, thread_ts=thread, text=GUIDE, link_names=False, parse="none"
                ),
                repeatable=False,
            )
        except SendError as error:
            log.warning("slack.guide_lost", reason=error.reason)

    async def _us(self) -> str:
        """Return our own user id; "" while Slack cannot be asked, which only leaves `in_our_thread` unset."""
        try:
            async with asyncio.timeout(PATIENCE.total_seconds()):
                return (await self._api.identity()).user
        except SendError as error:
            log.warning("slack.identity_unknown", reason=error.reason)
        except TimeoutError:
            log.warning("slack.identity_unknown", reason="no answer in time")
        return ""

    async def _tapped(self, payload: Node, inbox: Inbox) -> None:
        events = self._parser.taps(payload, await self._us(), self._clock())
        kept = []
        for event, action in zip(events, payload.nodes("actions"), strict=False):
            form = self._forms.get(action.text("action_id").rpartition(":")[0])
            if form is None:
                kept.append(event)
            else:
                await self._open(form, action.text("value"), payload)
        await self._accept(kept, inbox)

    async def _open(self, form: Form, value: str, payload: Node) -> None:
        """Show the form.

        It must open within three seconds of the press, so it cannot go through the outbox.
        """
        place, _ = self._parser.tapped_at(payload)
        modal = view(form, value, place)
        trigger = payload.text("trigger_id")
        try:
            await self._api.call(lambda web: web.views_open(trigger_id=trigger, view=modal), repeatable=True)
        except SendError as error:
            log.warning("slack.form_not_opened", form=form.name, reason=error.reason)
            if url := payload.text("response_url"):
                self._background.begin(self._respond(url, {"text": NOT_OPENED, "replace_original": False}))

    async def _command(self, payload: Node, inbox: Inbox) -> Answer:
        user, chat = payload.text("user_id"), payload.text("channel_id")
        if not user or not chat:
            return Answer()
        command = ChatCommand(
            place=self._parser.place(chat, payload.text("thread_ts")),
            sender=await self._people.introduced(Sender(user)),
            text=payload.text("text").strip(),
        )
        running = asyncio.ensure_future(inbox.command(command))
        end = asyncio.get_running_loop().time() + self._answer_within
        try:
            done, _ = await asyncio.wait({running}, timeout=self._answer_within)
        except asyncio.CancelledError:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            raise
        url, title = payload.text("response_url"), f"{payload.text('command')} {command.text}"
        if not done:
            self._background.begin(self._answer_later(running, url, title))
            return Answer({"response_type": "ephemeral", "text": WORKING})
        # Slack does not tell whether it accepts blocks that go back with the acknowledgement.
        if await self._draws(running.result(), url, title, end - asyncio.get_running_loop().time()):
            return Answer()
        return Answer(whisper(running.result().markdown))

    async def _answer_later(self, running: "asyncio.Future[CommandAnswer]", url: str, title: str) -> None:
        answer = await running
        if not await self._draws(answer, url, title, GRACE):
            await self._respond(url, whisper(answer.markdown))

    async def _draws(self, answer: CommandAnswer, url: str, title: str, within: float) -> bool:
        """Show an answer with its tables as blocks. Return False if it must be sent in words instead.

        In rare cases the answer is then shown twice.
        """
        body = drawn(answer, title) if self._tables.worth_trying else None
        if body is None:
            return False
        try:
            async with asyncio.timeout(within):
                await self._post(url, body)
        except Refused as error:
            log.info("slack.table_refused", reason=error.reason)
            if code_of(error).startswith("http_"):
                self._tables.refused()
        except (SendError, TimeoutError) as error:
            log.info("slack.table_not_shown", reason=type(error).__name__)
        else:
            self._tables.took()
            return True
        return False

    async def _respond(self, url: str, body: Block) -> None:
        """Send an answer to the URL that came with the request. Losing it loses no message."""
        try:
            await self._post(url, body)
        except SendError as error:
            log.warning("slack.answer_lost", reason=error.reason)

    async def _post(self, url: str, body: Block) -> None:
        words = json.dumps({"response_type": "ephemeral", **body}).encode()
        await self._api.post(url, words, {"Content-Type": "application/json"})


def _is_for_the_app(event: Event, told: Node) -> bool:
    """Return whether somebody wrote to the app itself, in a thread of their own.

    A thread of ours in direct messages is a room, or belongs to something that the app told them.
    """
    own = not event.place.thread or told.text("parent_user_id") == event.sender.external_id
    return own and isinstance(event.content, Said) and event.place.chat.startswith("D")


def drawn(answer: CommandAnswer, title: str) -> Block | None:
    """Return an answer with its tables as blocks; None if it has no tables, or some that Slack would not
    accept.
    """
    tables = [data_table(each, title) for each in answer.tables if len(each.rows) >= ROWS_OF_A_TABLE]
    if not tables or len(tables) < len(answer.tables) or not fits(answer.tables):
        return None
    words = parts(to_mrkdwn(answer.words), 3000)[:ANSWER_PARTS] if answer.words else []
    return {**whisper(answer.markdown), "blocks": [*message(words, ()), *tables]}


def whisper(markdown: str) -> Block:
    """Return an answer that only its asker sees, cut if it is longer than Slack accepts."""
    texts = parts(to_mrkdwn(markdown) or "Done.", 3000)
    if len(texts) > ANSWER_PARTS:
        texts = [*texts[:ANSWER_PARTS], CUT]
    return {"response_type": "ephemeral", "text": texts[0], "blocks": message(texts, ())}
