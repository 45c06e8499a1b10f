"""Read what customers do in Slack, and hand it to the inbox as events of their conversations."""

import asyncio
from collections.abc import Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

import structlog

from bot.core.connector import Inbox
from bot.core.errors import AccountSuspended, PlaceGone, PlatformDown, Refused, SendError, Unreachable
from bot.core.events import Edited, Event, Place, Reacted, Said, Sender, SenderRole, Started, Stopped
from bot.core.ids import Clock
from connectors.background import BackgroundTasks
from connectors.payload import Node
from connectors.slack.customers.files import introduced
from connectors.slack.customers.installations import Installations
from connectors.slack.customers.placing import Heard, grant_of, is_direct, placed, reacted, tapped_in
from connectors.slack.customers.workspaces import Workspace, Workspaces
from connectors.slack.parsing import Parser, bot_of
from connectors.slack.people import PATIENCE
from connectors.slack.receiver import Answer, Order
from connectors.slack.timestamp import moment

NOT_HERE: Final = "This command is for the staff. Write your question here as a message."

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Prompt:
    """A question that the assistant's pane offers."""

    title: str
    message: str


class Hearing:
    """Receives the requests of a customers' account.

    `homes` are the workspaces and enterprises whose members are the organization's own people.
    """

    def __init__(
        self,
        workspaces: Workspaces,
        installations: Installations,
        background: BackgroundTasks,
        *,
        account: str,
        homes: frozenset[str],
        prompts: Sequence[Prompt],
        workflows: bool,
        clock: Clock,
    ) -> None:
        self._workspaces = workspaces
        self._installations = installations
        self._background = background
        self._parser = Parser(account, refer=lambda file: file.text("id"), workflows=workflows)
        self._homes = homes
        self._prompts = prompts
        self._clock = clock
        self._order = Order()

    async def receive(self, payload: Node, inbox: Inbox) -> Answer:
        """Handle one request.

        Raises what `inbox.accept` and the vault raise; SendError if Slack must be asked first.
        """
        match payload.text("type"):
            case "url_verification":
                return Answer({"challenge": payload.text("challenge")})
            case "event_callback":
                async with self._order.of(payload.node("event")):
                    await self._event(payload, inbox)
            case "block_actions":
                await self._tapped(payload, inbox)
            case "" if "command" in payload:
                return Answer({"response_type": "ephemeral", "text": NOT_HERE})
            case _:
                pass
        return Answer()

    async def _event(self, payload: Node, inbox: Inbox) -> None:
        event, key, now = payload.node("event"), grant_of(payload), self._clock()
        happened = moment(str(payload.whole("event_time") or "")) or now
        kind = event.text("type")
        if kind == "app_uninstalled":
            await self._installations.end(key, happened)
            return
        if kind == "tokens_revoked":
            await self._revoked(key, happened)
            return
        if payload.flag("is_ext_shared_channel") and (channel := _channel(event)):
            key = await self._owner(channel, key)
        workspace = await self._workspaces.heard(key)
        if workspace is None:
            log.warning("slack.event_of_no_installation", workspace=key, kind=kind)
        elif kind == "assistant_thread_started":
            await self._opened(event, payload.text("event_id"), key, workspace, inbox, now)
        elif kind == "app_home_opened":
            self._looked(event, workspace)
        elif found := self._parser.callback(payload, bot_of(payload), now):
            heard = await self._placed(found, event, key, workspace)
            # A channel may be served by another installation than the one this event names.
            us = workspace.bot_user or bot_of(payload)
            if heard and (kept := await self._judged(heard, key, us, workspace)):
                await inbox.accept([await self._named(kept, workspace, key)])
            if isinstance(found.content, Stopped):
                self._background.begin(self._at_rest(workspace, found.place))

    async def _revoked(self, key: str, happened: datetime) -> None:
        """Ask Slack whether the token is still valid, as the event does not say which token was revoked.

        The token is read anew: the remembered one may be the revoked one. One that has merely expired is
        renewed first.
        """
        self._installations.forget(key)
        try:
            workspace = await self._workspaces.at(key)
        except (AccountSuspended, Unreachable):
            return  # not installed, or with a token that nobody can renew
        try:
            await workspace.api.identity(now=True)
        except AccountSuspended:
            await self._installations.end(key, happened)

    async def _owner(self, channel: str, key: str) -> str:
        owner = await self._installations.owner(channel, key)
        if owner != key and await self._workspaces.heard(owner) is None:
            return key  # uninstalled there: the other side serves the channel from now on
        return owner

    async def _placed(self, found: Event, event: Node, key: str, workspace: Workspace) -> Heard | None:
        if not isinstance(found.content, Reacted):
            return placed(found, event, key)
        chat, ts = found.place.chat, found.content.message
        try:
            async with asyncio.timeout(PATIENCE.total_seconds()):
                answer = await workspace.api.call(
                    lambda web: web.reactions_get(channel=chat, timestamp=ts, full=True), repeatable=True
                )
        except (Refused, PlaceGone, Unreachable):
            return None  # the message is gone, or was never ours to see
        except TimeoutError:
            raise PlatformDown("no_answer: Slack did not tell in time which message it is") from None
        message = answer.node("message")
        return reacted(found, message, key) if message.text("ts") else None

    async def _judged(self, heard: Heard, key: str, us: str, workspace: Workspace) -> Event | None:
        """Return the event with its sender's role; None if nobody from outside began the thread."""
        event = heard.event
        if heard.direct:
            return event
        homes = self._homes or ({key} if self._workspaces.only is not None else frozenset())
        sender, begun_by = event.sender.external_id, heard.begun_by
        inside = await _inside(sender, heard.team, homes, workspace)
        if inside and (heard.is_root or begun_by == sender):
            return None
        judged = ("", us, sender)
        if begun_by not in judged and await _inside(begun_by, "", homes, workspace):
            return None
        return replace(event, sender_role=SenderRole.INSIDER) if inside else event

    async def _named(self, event: Event, workspace: Workspace, key: str) -> Event:
        named = await workspace.people.named(event)
        match named.content:
            case Said(attachments=files) | Edited(attachments=files) if files:
                told = await introduced(files, workspace.api, key)
                return replace(named, content=replace(named.content, attachments=told))
            case _:
                return named

    async def _opened(
        self, event: Node, event_id: str, key: str, workspace: Workspace, inbox: Inbox, now: datetime
    ) -> None:
        """Accept the opening of an assistant's pane, which only older apps have.

        https://docs.slack.dev/reference/events/assistant_thread_started
        """
        pane = event.node("assistant_thread")
        person, chat, thread = pane.text("user_id"), pane.text("channel_id"), pane.text("thread_ts")
        if not (event_id and person and chat and thread):
            return
        opened = Event(
            external_id=event_id,
            place=self._parser.place(f"{key}/{chat}", thread),
            sender=Sender(person),
            content=Started(),
            occurred_at=moment(event.text("event_ts")) or now,
        )
        await inbox.accept([await workspace.people.named(opened)])
        self._offer(workspace, chat, thread)

    def _looked(self, event: Node, workspace: Workspace) -> None:
        """Offer the questions to somebody who opened the app's messages.

        https://docs.slack.dev/reference/events/app_home_opened
        """
        if event.text("tab") == "messages" and event.text("channel"):
            self._offer(workspace, event.text("channel"), None)

    def _offer(self, workspace: Workspace, chat: str, thread: str | None) -> None:
        if self._prompts:
            self._background.begin(self._prompt(workspace, chat, thread))

    async def _prompt(self, workspace: Workspace, chat: str, thread: str | None) -> None:
        """Offer the questions. A failure is only logged: they merely help a person to begin."""
        prompts = [{"title": prompt.title, "message": prompt.message} for prompt in self._prompts]
        try:
            await workspace.api.call(
                lambda web: web.assistant_threads_setSuggestedPrompts(
                    channel_id=chat, thread_ts=thread, prompts=prompts
                ),
                repeatable=True,
            )
        except SendError as error:
            log.warning("slack.prompts_not_shown", reason=error.reason)

    async def _at_rest(self, workspace: Workspace, place: Place) -> None:
        """Show in Slack that the agent has stopped, even if nobody works on the answer any more.

        Slack leaves that to the app. If it fails, pressing the button again retries it.
        https://docs.slack.dev/reference/events/agent_session_stopped
        """
        try:
            await workspace.sending.rest(place.chat, place.thread)
        except SendError as error:
            log.warning("slack.status_not_set", reason=error.reason)

    async def _tapped(self, payload: Node, inbox: Inbox) -> None:
        key, taps = tapped_in(payload), self._parser.taps(payload, "", self._clock())
        if not taps:
            return
        chat = taps[0].place.chat
        direct = is_direct(chat)
        if not direct:
            key = await self._owner(chat, key)
        workspace = await self._workspaces.heard(key)
        if workspace is None:
            return
        container, message = payload.node("container"), payload.node("message")
        thread = container.text("thread_ts") or message.text("thread_ts")
        kept = []
        for tap in taps:
            place = replace(tap.place, chat=f"{key}/{chat}")
            if direct:
                place = replace(place, thread=thread)
            heard = Heard(
                event=replace(tap, place=place, shared=not direct),
                direct=direct,
                is_root=False,
                begun_by="",
                team=payload.node("user").text("team_id"),
            )
            if event := await self._judged(heard, key, "", workspace):
                kept.append(await workspace.people.named(event))
        await inbox.accept(kept)


async def _inside(person: str, told: str, homes: Set[str], workspace: Workspace) -> bool:
    """Return whether a person belongs to one of the `homes`, as Slack tells it.

    If Slack does not tell it in time, the event's own word (`told`) counts. Raises PlatformDown if there is
    neither, as a colleague taken for a customer would be answered.
    """
    if not homes:
        return False
    teams = await workspace.people.teams(person)
    if teams is None and not told:
        raise PlatformDown("no_answer: Slack did not tell in time whose member somebody is")
    return bool(homes & (teams or {told}))


def _channel(event: Node) -> str:
    return event.text("channel") or event.node("item").text("channel")
