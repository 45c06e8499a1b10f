"""Connect one mailbox as an account of an organization."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from bot.core.connector import (
    AccountSettings,
    Capabilities,
    Inbox,
    Resources,
    Route,
)
from bot.core.errors import OutcomeUnknown, PlatformDown, Refused, SendError
from bot.core.events import Channel, Place
from bot.core.outbound import Outbound, Post, Sent, Typing, Whisper
from connectors.email.capabilities import CAPABILITIES, CHANNEL, MAX_FILES
from connectors.email.composing import (
    Envelope,
    File,
    Letterhead,
    Sheet,
    by_person,
    compose,
    in_ascii,
    sheets,
)
from connectors.email.context import ReplyContext, read_context
from connectors.email.domain import TxtRecords, txt_records, what_is_missing
from connectors.email.files import MailFiles
from connectors.email.imap import ImapSession, opened
from connectors.email.intake import Intake, ReadingBudget, former_keys
from connectors.email.listener import Listener
from connectors.email.oauth import AccessTokens
from connectors.email.reading import Budget, ReadingProcess, Traces, traces
from connectors.email.servers import TrustedServers
from connectors.email.settings import read_settings
from connectors.email.spool import Spool
from connectors.email.submission import Submission
from connectors.email.threads import Threads
from connectors.email.watching import Folder, Pause
from connectors.rendering import plan, to_plain

_FILING = timedelta(minutes=2)  # a mail that the provider has not filed by then was not accepted
_CHUNK = 64 * 1024
_MAX_COPIES = 5  # of a mail that a program writes
_RECENT = 50  # mails in which `check` looks for forged results
_HEADERS = 16 * 1024  # bytes of each mail's headers: those of servers come first


class EmailConnector:
    """The connector of one mailbox. It implements Connector, Listens, HasFiles and Initiates.

    It implements Reconciles where `capabilities.reconciles` is True.
    """

    begins = True

    def __init__(
        self,
        settings: AccountSettings,
        resources: Resources,
        *,
        look_up: TxtRecords = txt_records,
        pause: Pause = asyncio.sleep,
        randomness: Callable[[int], bytes] = secrets.token_bytes,
        limits: ReadingBudget | None = None,
        listening: Callable[[int], None] = lambda port: None,  # noqa: ARG005
    ) -> None:
        self._settings = read_settings(settings)
        self._resources = resources
        self._look_up = look_up
        self._pause = pause
        self._randomness = randomness
        self._limits = limits or ReadingBudget()
        self._listening = listening  # called with the port that the listener got: the option may say 0
        self._tokens = AccessTokens(self._settings.oauth, resources.clock) if self._settings.oauth else None
        self._submission = Submission(self._settings, self._tokens)
        self._threads = Threads(
            self._settings.key, self._settings.account
        )  # only signs, so it needs no former keys
        found_again = bool(self._settings.sent and self._settings.imap)  # what we sent
        self._capabilities = replace(settings.limited(CAPABILITIES), reconciles=found_again)
        self._files_process = ReadingProcess()
        self._newest: tuple[str, MailFiles] | None = None  # the mail fetched last, for its other files
        self._fetching = asyncio.Lock()

    @property
    def channel(self) -> Channel:
        return CHANNEL

    @property
    def account(self) -> str:
        return self._settings.account

    @property
    def capabilities(self) -> Capabilities:
        return self._capabilities

    # Incoming

    def routes(self, inbox: Inbox) -> Sequence[Route]:  # noqa: ARG002
        return ()

    async def listen(self, inbox: Inbox) -> None:
        former = await former_keys(self._settings, self._resources.vault)
        threads = Threads(self._settings.key, self._settings.account, former)
        intake = Intake(self._settings, threads, self._look_up, self._trusted_servers(), self._limits)
        try:
            if self._settings.listen is None:
                await self._watch(intake, inbox)
            else:
                listener = Listener(self._settings, intake, self._spool(), clock=self._resources.clock)
                await listener.run(inbox, self._listening)
        finally:
            await intake.close()

    async def _watch(self, intake: Intake, inbox: Inbox) -> None:
        async with asyncio.TaskGroup() as tasks:
            for name in self._settings.folders:
                folder = Folder(
                    name,
                    self._settings,
                    self._tokens,
                    intake,
                    self._resources.vault,
                    inbox,
                    clock=self._resources.clock,
                    pause=self._pause,
                )
                tasks.create_task(folder.watch(), name=f"watch {self.account}")

    async def open(self, ref: str) -> AsyncIterator[bytes]:
        """Stream a file of a mail.

        Fetch the whole mail once and keep it, so that its other files need no second fetch.
        """
        origin, _, rest = ref.partition(";")
        first, _, rest = rest.partition(";")
        try:
            if origin == "imap":
                uid, index, folder = rest.split(";", 2)
                key, fetch = f"{first};{uid};{folder}", self._from_mailbox(folder, int(first), int(uid))
            elif origin == "spool":
                index, key, fetch = rest, first, self._from_spool(first)
            else:
                raise Refused("no such file")
        except ValueError:
            raise Refused("no such file") from None
        async with self._fetching:
            if self._newest is not None and self._newest[0] == key:
                fetch.close()
                found = self._newest[1]
            else:
                found = MailFiles(await fetch, self._files_process, Budget(self._limits.files))
                self._newest = key, found
            data = await found.get(index)
        for start in range(0, len(data), _CHUNK):
            yield data[start : start + _CHUNK]

    async def _from_mailbox(self, folder: str, validity: int, uid: int) -> bytes:
        async with opened(self._settings, self._tokens) as session:
            selected = await session.select(folder)
            raw = await session.fetch(uid) if selected.validity == validity else None
        if raw is None:
            raise Refused("the mail is no longer in the mailbox")
        return raw

    async def _from_spool(self, name: str) -> bytes:
        return await self._spool().get(name)

    def _spool(self) -> Spool:
        if self._settings.spool is None:
            raise Refused("this account keeps no mails")
        return Spool(self._settings.spool)

    # Outgoing

    async def send(self, outbound: Outbound) -> Sent:
        if isinstance(outbound.operation, (Typing, Whisper)):
            return Sent()  # email has neither
        context, all_sheets = self._answer(outbound)
        sheet = all_sheets[outbound.part]
        message_id = self._message_id(outbound, context)
        files = [
            await self._file(attachment.file, attachment.name, attachment.mime_type)
            for attachment in sheet.files
        ]
        raw = await self._composed(outbound, context, sheet, files, message_id)
        if self.capabilities.reconciles:
            await self._marked(outbound, message_id, raw, context)
        else:
            await self._submit(message_id, raw, context)
        return Sent(message_id, more=outbound.part + 1 < len(all_sheets))

    async def _submit(self, message_id: str, raw: bytes, context: ReplyContext) -> None:
        return_path = self._settings.address
        if self._settings.plus:
            return_path = self._threads.return_path(return_path, message_id)
        await self._submission.send(message_id, raw, context.to, context.cc, return_path=return_path)

    async def _marked(self, outbound: Outbound, message_id: str, raw: bytes, context: ReplyContext) -> None:
        """Send a mail. Keep a mark in the vault until the outcome is known.

        A delivery that has no mark after a crash was never begun.
        """
        mark = _mark(outbound)
        await self._resources.vault.put(mark, self._resources.clock().isoformat())
        try:
            await self._submit(message_id, raw, context)
        except OutcomeUnknown:
            raise
        except SendError:
            await self._resources.vault.delete(mark)
            raise
        await self._resources.vault.delete(mark)

    async def find(self, outbound: Outbound) -> Sent | None:
        context, all_sheets = self._answer(outbound)
        begun = await self._resources.vault.get(_mark(outbound))
        message_id = self._message_id(outbound, context)
        async with opened(self._settings, self._tokens) as session:
            await session.select(self._settings.sent)
            if await session.uids_named(message_id):
                await self._resources.vault.delete(_mark(outbound))
                return Sent(message_id, more=outbound.part + 1 < len(all_sheets))
        if begun is None:
            return None
        if self._resources.clock() - datetime.fromisoformat(begun) < _FILING:
            raise PlatformDown(
                "the provider may not have filed the mail yet", retry_after=timedelta(seconds=30)
            )
        return None

    def begin(self, address: str, subject: str) -> tuple[Place, str]:
        in_ascii(address)
        if self._settings.is_ours(address):  # we would receive the proof of that address ourselves
            raise Refused("own_address: that is an address of ours")
        thread = self._threads.fresh(self._randomness(16))
        context = ReplyContext(thread=thread, address=address, to=address, subject=subject)
        return Place(CHANNEL, self.account, thread), context.text()

    async def check(self) -> str:
        await self._submission.check()
        notes: list[str] = []
        if self._settings.imap is not None:
            async with opened(self._settings, self._tokens) as session:
                for folder in (
                    *self._settings.folders,
                    *([self._settings.sent] if self._settings.sent else ()),
                ):
                    await session.select(folder)
                if note := await self._check_results(session):
                    notes.append(note)
        given = self._settings
        notes += await what_is_missing(given.domain, given.smtp.host, given.dkim_selectors, self._look_up)
        return ". ".join((given.address, *notes))

    async def _check_results(self, session: ImapSession) -> str:
        """Return a warning about the trusted servers' Authentication-Results, or "" if there is nothing to
        warn of.

        Raise Refused where a server lets results in its own name through from outside.
        """
        selected = await session.select(self._settings.folders[0])
        uids = await session.uids_after(max(0, selected.next - 1 - _RECENT)) if selected.next else []
        if not uids or not self._settings.trusted_servers:
            return ""
        heads = await session.headers(uids[-_RECENT:], _HEADERS)
        servers = self._trusted_servers()
        plain = [traces(head, trusted_servers=self._settings.trusted_servers) for head in heads]
        for each in plain:
            if each.above:
                await servers.shown_above(each.above)
        for server, at in (await servers.writing_above()).items():
            below = [each.received for each in plain if each.server == server]
            if below and not any(each.above == server for each in plain):
                raise Refused(
                    f"{self._settings.address}: {server} wrote its results above its own Received line until"
                    f" {at:%Y-%m-%d}. In the last {len(heads)} mails they stand below it, not believed."
                    f" If it writes them there now, write `{server}/{max(below)}` under trusted_servers"
                )
        names = await servers.names()
        found = [traces(head, trusted_servers=names) for head in heads]
        brought = [each for each in found if each.brought]
        if not brought:
            return _of_silent_servers(plain, await servers.silent())
        server = brought[0].server
        lines = max(each.received for each in found if each.server == server)
        raise Refused(
            f"{self._settings.address}: {len(brought)} of the last {len(heads)} mails brought"
            f" Authentication-Results in the name of {server} along: let that server strip them, and write"
            f" `{server}/{lines}` under trusted_servers, so that none further down is believed"
        )

    def _trusted_servers(self) -> TrustedServers:
        return TrustedServers(self._settings.trusted_servers, self._resources.vault, self._resources.clock)

    async def close(self) -> None:
        self._newest = None
        await self._files_process.close()

    def _answer(self, outbound: Outbound) -> tuple[ReplyContext, tuple[Sheet, ...]]:
        if not isinstance(outbound.operation, Post):
            raise Refused("a mail that was sent cannot be changed")
        context = read_context(outbound.context)
        if context is None or not context.to:
            raise Refused("no_address: nobody has written in this thread yet")
        if outbound.operation.subject:  # then nothing of the answered mail is repeated, nor its Cc
            context = replace(context, cc=())
        elif not by_person(outbound.operation.speaker):
            context = replace(context, cc=_of_one_domain(context))
        parts = plan(outbound.operation, self.capabilities, render=to_plain, link=self._resources.files.link)
        made = sheets(parts)
        if outbound.part >= len(made):
            raise Refused("there is no such part of this mail")
        return context, made

    def _message_id(self, outbound: Outbound, context: ReplyContext) -> str:
        return self._threads.message_id(
            outbound.id,
            outbound.part,
            outbound.place.chat,
            context.address,
            self._settings.domain,
            vouched=context.vouched,
        )

    def _decided_at(self, outbound: Outbound) -> datetime:
        """Return the time in the delivery's id (UUID version 7, RFC 9562), so that a retry builds the same
        bytes.

        Return the current time for an id of another version.
        """
        if outbound.id.version != 7:
            return self._resources.clock()
        return datetime.fromtimestamp((outbound.id.int >> 80) / 1000, UTC)

    async def _file(self, file: str, name: str, mime_type: str) -> File:
        pieces, size = [], 0
        async for piece in self._resources.files.open(file):
            size += len(piece)
            if size > MAX_FILES:
                raise Refused("the file is too large for a mail")
            pieces.append(piece)
        return File(name, mime_type, b"".join(pieces))

    async def _composed(
        self, outbound: Outbound, context: ReplyContext, sheet: Sheet, files: Sequence[File], message_id: str
    ) -> bytes:
        ours, operation = self._settings.address, outbound.operation
        reply_to = ours
        if self._settings.plus:
            reply_to = self._threads.plus_address(
                ours, outbound.place.chat, context.address, vouched=context.vouched
            )
        envelope = Envelope(
            message_id=message_id,
            reply_to=reply_to,
            at=self._decided_at(outbound),
            speaker=operation.speaker if isinstance(operation, Post) else None,
            subject=operation.subject if isinstance(operation, Post) else "",
        )
        letterhead = Letterhead(address=ours, name=self._settings.name, signature=self._settings.signature)
        return await asyncio.to_thread(compose, sheet.markdown, files, context, envelope, letterhead)


def _of_silent_servers(plain: Sequence[Traces], known: Iterable[str]) -> str:
    """Return a warning if a trusted server put no results into mails from outside, or ""."""
    server = min({*known, *(name for each in plain for name in each.silent)}, default="")
    if not server or any(each.above == server for each in plain):
        return ""
    empty = sum(server in each.silent for each in plain)
    below = [each.received for each in plain if each.server == server]
    follows = (
        "so it is believed above its own Received line alone"
        if server in known
        else "where a forged header in its name would be taken for its own: after three of them"
        " it is believed above its own Received line alone"
    )
    return (
        f"But {server} wrote no Authentication-Results into {empty} of the last {len(plain)} mails,"
        f" {follows}. If it strips every such header from mail that comes in, write"
        f" `{server}/{max(below, default=1)}` under trusted_servers (docs/connect/email.md)"
    )


def _of_one_domain(context: ReplyContext) -> tuple[str, ...]:
    """Return the addresses that get a copy of a mail written by a program.

    A mail may name anybody in Cc. Its author may have us write to addresses of the author's own domain, but
    only to a few: strangers share the domains of providers. For all other addresses a person decides.
    """
    domain = _domain(context.address)
    return tuple([each for each in context.cc if _domain(each) == domain][:_MAX_COPIES])


def _domain(address: str) -> str:
    return address.casefold().rpartition("@")[2]


def _mark(outbound: Outbound) -> str:
    return f"attempt:{outbound.id}.{outbound.part}"
