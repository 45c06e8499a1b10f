"""Accept events: every event of every platform passes here, and is acknowledged only once it is committed."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

import structlog

from bot.bus.directory import Directory
from bot.bus.group_commit import GroupCommit
from bot.bus.metrics import ACCEPTED, DUPLICATES, IGNORED
from bot.bus.wakeups import Wakeups
from bot.core.commands import CommandAnswer
from bot.core.connector import ChatCommand
from bot.core.errors import PlaceMoved, StorageUnavailable
from bot.core.events import AddressChanged, Edited, Event, Place, Said, Submitted
from bot.core.ids import AccountId, NewId, new_id
from storage.accounts import Account
from storage.arrivals import Arrival, Rules
from storage.database import Database
from storage.inbox import Accepted, Inboxes
from storage.known_places import known_threads
from storage.posted import record_answer

log = structlog.get_logger(__name__)

Commander = Callable[[Account, ChatCommand], Awaitable[CommandAnswer]]
_TRIES = 5
_LONG = 20_000  # characters: searching more for payment cards would block the event loop for too long
_ADOPT_EVERY = 1.0  # seconds
_PATIENCE = 8.0  # seconds; platforms give up after about ten


class Bus:
    """Accepts the events that the connectors of all accounts bring. `run` owns the writing."""

    def __init__(
        self,
        database: Database,
        inboxes: Inboxes,
        directory: Directory,
        wakeups: Wakeups,
        commander: Commander,
        new_id: NewId = new_id,
    ) -> None:
        self._database = database
        self._inboxes = inboxes
        self._directory = directory
        self._wakeups = wakeups
        self._commander = commander
        self._new_id = new_id
        self._group: GroupCommit[tuple[Arrival, ...], None] = GroupCommit(self._write)

    def of(self, account: AccountId) -> "AccountInbox":
        """Return the inbox of this account for its connector. The connector can bring no event of another
        account.
        """
        return AccountInbox(self, account)

    async def accept(self, account: AccountId, events: Sequence[Event]) -> None:
        """Store the events of an account. See `bot.core.connector.Inbox`.

        Raises UnknownAccount, MalformedPayload, StorageUnavailable.
        """
        if not events:
            return
        known = await self._directory.find(account)
        rules = await self._directory.rules(known)
        if sum(map(_length, events)) > _LONG:
            arrivals = await asyncio.to_thread(_arrivals, known, events, rules)
        else:
            arrivals = _arrivals(known, events, rules)
        for piece in _pieces(arrivals):
            await self._group.submit(piece)
        ACCEPTED.labels(known.channel).inc(len(events))

    async def known(self, account: AccountId, threads: Sequence[Place]) -> frozenset[Place]:
        """Return those of the threads that are known. See `bot.core.connector.Inbox`."""
        known = await self._directory.find(account)
        async with self._database.begin() as connection:
            return await known_threads(connection, known, threads)

    async def command(self, account: AccountId, command: ChatCommand) -> CommandAnswer:
        """Run a command that was typed in chat, and return its answer. See `bot.core.connector.Inbox`."""
        known = await self._directory.find(account)
        answer = await self._commander(known, command)
        if not answer.about:
            return answer

        async def posted(messages: Sequence[str]) -> None:
            async with self._database.begin() as connection:
                await record_answer(
                    connection, self._new_id, known, command.place.chat, messages, answer.about
                )

        return replace(answer, posted=posted)

    async def run(self) -> None:
        """Write accepted events, and adopt early events, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._group.run(), name="accept")
            tasks.create_task(self._adopt(), name="adopt early events")

    async def _adopt(self) -> None:
        while True:
            await asyncio.sleep(_ADOPT_EVERY)
            try:
                async with self._database.begin() as connection:
                    wakes = await self._inboxes.adopt(connection)
                self._wakeups.send(wakes)
            except StorageUnavailable as error:
                log.warning("early events not looked for", code=error.code)

    async def _write(self, batch: Sequence[tuple[Arrival, ...]]) -> Sequence[None]:
        arrivals = [arrival for arrivals in batch for arrival in arrivals]
        try:
            async with asyncio.timeout(_PATIENCE):
                accepted = await self._keep(arrivals)
        except TimeoutError:
            raise StorageUnavailable(f"not committed within {_PATIENCE:g} s") from None
        self._count(accepted)
        self._wakeups.send(accepted.wakes)
        return [None] * len(batch)

    async def _keep(self, arrivals: Sequence[Arrival]) -> Accepted:
        for _ in range(_TRIES):
            try:
                async with self._database.begin() as connection:
                    return await self._inboxes.accept(connection, arrivals)
            except PlaceMoved:
                continue  # since it was looked up, a conversation ended or moved to another channel
        raise StorageUnavailable(f"places led elsewhere {_TRIES} times in a row")

    def _count(self, accepted: Accepted) -> None:
        DUPLICATES.inc(accepted.duplicates)
        IGNORED.inc(accepted.ignored)


def _arrivals(account: Account, events: Sequence[Event], rules: Rules) -> list[Arrival]:
    return [Arrival(account, event, rules) for event in events]


def _length(event: Event) -> int:
    """Return roughly how many characters of the event are searched for payment cards."""
    match event.content:
        case Said() | Edited():
            return len(event.content.text)
        case Submitted():
            return sum(len(value) for _, value in event.content.values)
        case _:
            return 0


def _pieces(arrivals: Sequence[Arrival]) -> list[tuple[Arrival, ...]]:
    """Split a batch after each change of address, so that later events in it see the new address.

    Usually returns one piece.
    """
    pieces: list[tuple[Arrival, ...]] = []
    begun = 0
    for end, arrival in enumerate(arrivals, start=1):
        if end == len(arrivals) or isinstance(arrival.event.content, AddressChanged):
            pieces.append(tuple(arrivals[begun:end]))
            begun = end
    return pieces


@dataclass(frozen=True, slots=True)
class AccountInbox:
    """The `bot.core.connector.Inbox` of one account."""

    bus: Bus
    account: AccountId

    async def accept(self, events: Sequence[Event]) -> None:
        await self.bus.accept(self.account, events)

    async def known(self, threads: Sequence[Place]) -> frozenset[Place]:
        return await self.bus.known(self.account, threads)

    async def command(self, command: ChatCommand) -> CommandAnswer:
        return await self.bus.command(self.account, command)
