"""Turns: claim due conversations, advance each once, commit together what is ready together.

Any number of workers may run. One worker at a time holds a conversation; the others never wait for it.
"""

import asyncio
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta

import structlog

from bot.bus.directory import Directory
from bot.bus.group_commit import GroupCommit
from bot.bus.lease_loop import LeaseLoop, LeasePace
from bot.bus.metrics import AUTOMATIC, STAGES, TURNS
from bot.bus.wakeups import Wakeups
from bot.core.answering import Answer, Answerer
from bot.core.connector import Connector, Connectors, Initiates
from bot.core.conversation import Origin, Role, View
from bot.core.effects import (
    Amend,
    Deliver,
    GrowPost,
    Offer,
    OpenRoom,
    Retract,
    SendAgain,
    SettleOffer,
    ShowCard,
    TellPerson,
    TellRoom,
)
from bot.core.errors import AnswererUnavailable, DeskError, StorageUnavailable, Superseded, TurnFailed
from bot.core.events import Event, Place, Said
from bot.core.ids import Clock, ConversationId, DeliveryId, NewId, OrgId
from bot.core.outbound import Outbound, Typing
from bot.turns.decide import conclude, decide, decide_guarded, give_up, question
from bot.turns.turn import Decision, Rulebook
from orgs.routing import find_agent
from storage.database import Database
from storage.entries import Wake
from storage.turns import Commit, Lease, Turns

log = structlog.get_logger(__name__)

_ENDINGS = 3  # tries to tell a platform that no answer is made any more
_LAST_ENDINGS = 2.0  # seconds for that, when the program ends
_LEAVES = (
    Deliver,
    Amend,
    Retract,
    SendAgain,
    OpenRoom,
    ShowCard,
    TellRoom,
    GrowPost,
    Offer,
    SettleOffer,
    TellPerson,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerPace(LeasePace):
    """The limits and pauses of a worker."""

    slots: int = 500
    batch: int = 64
    think: timedelta = timedelta(seconds=60)  # limit for an answerer
    typing_after: timedelta = timedelta(milliseconds=300)
    typing_every: timedelta = timedelta(seconds=4)  # Telegram shows that we type for 5 s


@dataclass(slots=True)
class _Running:
    """A conversation that this worker holds."""

    lease: Lease
    view: View
    insist: bool = False  # the burst is long enough: answer it, even if the customer adds to it
    asking: asyncio.Task[Answer] | None = None
    superseded: bool = False
    stages: dict[str, float] = field(default_factory=dict)

    def supersede(self) -> None:
        """Cancel the answer that is being made: the customer has written again, so it would come too late."""
        if not self.insist and self.asking is not None:
            self.superseded = True
            self.asking.cancel()


class Worker:
    """Advances conversations until told to stop, then finishes those that have begun."""

    def __init__(
        self,
        *,
        database: Database,
        turns: Turns,
        directory: Directory,
        connectors: Connectors,
        answerers: Mapping[str, Answerer],
        wakeups: Wakeups,
        deliver: Callable[[], None],
        clock: Clock,
        new_id: NewId,
        pace: WorkerPace,
    ) -> None:
        self._database = database
        self._turns = turns
        self._directory = directory
        self._connectors = connectors
        self._answerers = answerers
        self._wakeups = wakeups
        self._deliver = deliver
        self._clock = clock
        self._new_id = new_id
        self._pace = pace
        self._running: dict[ConversationId, _Running] = {}
        self._endings: set[asyncio.Task[None]] = set()  # telling platforms that no answer is made any more
        self._group: GroupCommit[Commit, str] = GroupCommit(self._write)
        self._loop = LeaseLoop(
            "conversations",
            pace,
            claim=self._claim,
            process=self._advance,
            renew=self._renew,
            release=self._give_back,
        )
        wakeups.listen(self.heard)

    def heard(self, wakes: Sequence[Wake]) -> None:
        """Note which conversations become due and when. Cancel an answer whose customer has written again.

        An empty wake-up means: look now.
        """
        for wake in wakes:
            self._loop.look_after(wake.after)
            running = self._running.get(wake.conversation)
            if running is not None and wake.last_customer_input > running.lease.last_accepted:
                running.supersede()
        if not wakes:
            self._loop.look()

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set, then finish within the grace period and release the leases of what is
        left.
        """
        async with asyncio.TaskGroup() as keepers:
            group = keepers.create_task(self._group.run(), name="commit turns")
            try:
                await self._loop.run(stop)
            finally:
                await self._finish_endings()
                group.cancel()

    async def _finish_endings(self) -> None:
        if self._endings:
            _, late = await asyncio.wait(set(self._endings), timeout=_LAST_ENDINGS)
            for ending in late:
                ending.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _claim(self, limit: int) -> list[_Running]:
        async with self._database.begin() as connection:
            claimed = await self._turns.claim(connection, limit, self._pace.lease)
        taken = [_Running(lease, view) for lease, view in claimed]
        self._running.update((running.lease.conversation, running) for running in taken)
        return taken

    async def _renew(self, held: Sequence[_Running]) -> None:
        """Renew leases. Notice, also without Redis, that a customer wrote again."""
        if not held:
            return
        async with self._database.begin() as connection:
            said = await self._turns.renew(connection, [running.lease for running in held], self._pace.lease)
        for running in held:
            if said.get(running.lease.conversation, 0) > running.lease.last_accepted:
                running.supersede()

    async def _give_back(self, left: Sequence[_Running]) -> None:
        async with self._database.begin() as connection:
            for running in left:
                await self._turns.release(connection, running.lease, after=timedelta(), failed=False)

    async def _advance(self, running: _Running) -> None:
        """Advance a conversation by one turn. It is either committed or released, by the loop when the worker
        stops meanwhile.
        """
        lease = running.lease
        outcome = "failed"
        try:
            outcome = await self._turn(running)
        except asyncio.CancelledError:
            outcome = "released"
            raise
        except Superseded:
            outcome = "superseded"
            await self._release(lease, None, failed=False)
        except Exception as error:
            code = getattr(error, "code", "internal")
            log.warning(
                "turn failed",
                conversation=str(lease.conversation),
                code=code,
                attempt=lease.attempt,
                exc_info=None if isinstance(error, DeskError) else error,
            )
            pause = timedelta(seconds=min(2.0 ** (lease.attempt - 1), 300))
            if isinstance(error, DeskError) and error.retry_after:
                pause = max(pause, error.retry_after)
            # An outage of the database is no failure of the turn: it must not use up the tries.
            await self._release(lease, pause, failed=not isinstance(error, StorageUnavailable))
        finally:
            self._running.pop(lease.conversation, None)
            TURNS.labels(outcome).inc()

    async def _turn(self, running: _Running) -> str:
        lease, view, started = running.lease, running.view, self._clock()
        begun = time.perf_counter()
        organization = await self._directory.organization(lease.organization, lease.version)
        running.insist = view.more or _said(view) >= organization.burst_cap
        connectors = await self._connectors_of(lease.organization)
        rules = Rulebook(
            organization,
            {name: connector.capabilities for name, connector in connectors.items()},
            self._new_id,
            {name: known.begin for name, known in connectors.items() if isinstance(known, Initiates)},
            _six_digits,
        )
        exhausted = lease.attempt > organization.policies.max_turn_attempts
        decision = (decide_guarded if exhausted else decide)(view, rules)
        running.stages["decide"] = (time.perf_counter() - begun) * 1000
        asked = bool(decision.agent)
        if asked:
            begun = time.perf_counter()
            decision = await self._act(
                running, decision, last=lease.attempt >= rules.organization.policies.max_turn_attempts
            )
            running.stages["act"] = (time.perf_counter() - begun) * 1000
        turn = decision.turn
        outcome = await self._commit(
            Commit(
                lease=lease,
                view=view,
                effects=tuple(turn.effects),
                insist=running.insist or not asked,
                wake_at=turn.wake_at,
                started_at=started,
                stages=running.stages,
                reasons=tuple(turn.reasons),
            )
        )
        for stage, milliseconds in running.stages.items():
            STAGES.labels(stage).observe(milliseconds / 1000)
        if outcome == "committed":
            self._after(decision, view)
        return outcome

    def _after(self, decision: Decision, view: View) -> None:
        if kept := decision.turn.unanswered_programs:
            AUTOMATIC.labels(view.conversation.place.channel).inc(kept)
        if any(isinstance(effect, _LEAVES) for effect in decision.turn.effects):
            self._deliver()
        if decision.turn.wake_at is not None:
            self._loop.look_after(decision.turn.wake_at - view.now)

    async def _act(self, running: _Running, decision: Decision, *, last: bool) -> Decision:
        """Ask agents until one has answered or the conversation is escalated to people. Raises Superseded."""
        while decision.agent:
            try:
                answer = await self._ask(running, decision)
            except Superseded:
                raise
            except Exception as error:
                if not last:
                    raise
                log.warning("agent given up", conversation=str(running.lease.conversation), exc_info=error)
                failure = error if isinstance(error, DeskError) else TurnFailed(type(error).__name__)
                return give_up(decision, failure)
            decision = conclude(decision, answer)
        return decision

    async def _connectors_of(self, organization: OrgId) -> dict[str, Connector]:
        """Return the connectors of the organization's accounts, by the accounts' ids in its file."""
        found = {}
        for name, account in self._directory.of(organization).items():
            if (connector := await self._connectors.get(account.id)) is not None:
                found[name] = connector
        return found

    async def _ask(self, running: _Running, decision: Decision) -> Answer:
        organization = decision.turn.organization
        agent = find_agent(organization, decision.agent)
        model = agent.model if agent else ""
        answerer = self._answerers.get(model)
        if answerer is None:
            raise AnswererUnavailable(
                f"agent {decision.agent!r} names the model {model!r}, which nobody serves"
            )
        asking = asyncio.ensure_future(self._bounded(answerer, decision))
        running.asking = asking
        typing = asyncio.create_task(self._type(decision.turn.view), name="typing")
        try:
            return await asking
        except asyncio.CancelledError:
            if running.superseded:
                raise Superseded("the customer wrote on") from None
            asking.cancel()
            raise
        finally:
            running.asking = None
            typing.cancel()
            with suppress(asyncio.CancelledError):
                await typing

    async def _bounded(self, answerer: Answerer, decision: Decision) -> Answer:
        try:
            async with asyncio.timeout(self._pace.think.total_seconds()):
                return await answerer.answer(question(decision))
        except TimeoutError:
            raise AnswererUnavailable(f"no answer within {self._pace.think}") from None

    async def _type(self, view: View) -> None:
        """Show the customer that an answer is being made. Best effort.

        This is the only thing that is not sent through the outbox: a hint that is worthless a second later is
        not worth a row.
        """
        place = view.conversation.place
        connector = await self._connectors.named(view.conversation.organization, place.account)
        if connector is None or not connector.capabilities.typing:
            return
        seen = next((m.ref for m in reversed(view.story) if m.role is Role.CUSTOMER and m.ref), "")
        await asyncio.sleep(self._pace.typing_after.total_seconds())
        if connector.capabilities.typing_lasts:
            await self._type_until_over(connector, place, seen)
            return
        while True:
            await self._typing(connector, place, Typing(seen))
            await asyncio.sleep(self._pace.typing_every.total_seconds())

    async def _type_until_over(self, connector: Connector, place: Place, seen: str) -> None:
        """Say it once, and once that it is over, whatever became of the answer."""
        begun = asyncio.create_task(self._typing(connector, place, Typing(seen)), name="typing")
        try:
            await asyncio.Event().wait()  # until it is cancelled
        finally:
            ending = asyncio.create_task(self._typing_over(begun, connector, place), name="typing is over")
            self._endings.add(ending)
            ending.add_done_callback(self._endings.discard)

    async def _typing_over(
        self, begun: "asyncio.Task[timedelta | None]", connector: Connector, place: Place
    ) -> None:
        """Try more than once: what is not ended here stands until the platform gives it up by itself."""
        await begun  # the two must not overtake each other
        for _ in range(_ENDINGS):
            pause = await self._typing(connector, place, Typing(over=True))
            if pause is None:
                return
            await asyncio.sleep(pause.total_seconds())

    async def _typing(self, connector: Connector, place: Place, typing: Typing) -> timedelta | None:
        """Return how long to wait before it may be said again; None when it was said, or never will be."""
        try:
            await connector.send(Outbound(DeliveryId(self._new_id()), place, typing))
        except DeskError as error:
            return error.retry_after
        return None

    async def _commit(self, commit: Commit) -> str:
        """Commit a turn and return its outcome.

        Raises StorageUnavailable. Trying again after that is safe: the fencing token lets only one commit
        through.
        """
        begun = time.perf_counter()
        outcome = await self._group.submit(commit)
        STAGES.labels("commit").observe(time.perf_counter() - begun)
        return outcome

    async def _write(self, commits: Sequence[Commit]) -> Sequence[str]:
        async with self._database.begin() as connection:
            return await self._turns.commit(connection, commits)

    async def _release(self, lease: Lease, after: timedelta | None, *, failed: bool) -> None:
        """Release a conversation. While the database is away its lease ends by itself."""
        try:
            async with self._database.begin() as connection:
                await self._turns.release(connection, lease, after=after, failed=failed)
        except StorageUnavailable as error:
            log.warning("lease not released", conversation=str(lease.conversation), code=error.code)
        if after is not None:
            self._loop.look_after(after)


def _six_digits() -> str:
    return f"{secrets.randbelow(1_000_000):06}"


def _said(view: View) -> int:
    """Return how many messages of the customer this turn contains."""
    return sum(
        item.origin is Origin.CUSTOMER
        and isinstance(item.body, Event)
        and isinstance(item.body.content, Said)
        for item in view.inputs
    )
