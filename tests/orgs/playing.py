"""An organization file in use: what customers, staff and connectors get of it, to be compared.

`Play` is one conversation, decided by turns and answered by the keyless answerer; `World` is what needs a
database. Both say what happened as text in which everything that is random has one name.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import count

from bot.app.channels import CHANNELS
from bot.app.connections import account_settings
from bot.app.settings import parse
from bot.bus.directory import Directory
from bot.bus.wakeups import Wakeups
from bot.bus.work import Worker, WorkerPace
from bot.commands.chat import run_in_chat
from bot.commands.desk import Desk
from bot.commands.registry import registry
from bot.core.answering import Answer, Answerer, ArticleSearch, Passage, Question
from bot.core.commands import Caller
from bot.core.connector import AccountSettings, Capabilities
from bot.core.conversation import Asker, Case, DeliveryReport, Message, Origin, Owner, OwnerKind, Role
from bot.core.effects import Effect
from bot.core.errors import TurnFailed
from bot.core.events import Channel, Content, Event, Place, Said, Sender, Tapped
from bot.core.ids import AccountId, OrgId, PersonId, new_id, utc_now
from bot.turns.decide import conclude, decide, give_up, question
from bot.turns.turn import Rulebook
from orgs.answering.grounded import Grounded
from orgs.loading import Loaded
from orgs.routing import channel_of, first_agent
from storage.accounts import Account, accounts_of
from storage.anchors import Anchors
from storage.articles import Articles
from storage.database import Database
from storage.filestore import FileStore
from storage.keys import Keys
from storage.organizations import Organizations, apply
from storage.retiring import retire
from storage.sealing import Keyring
from storage.turns import Turns
from tests.accounts import Brought
from tests.turns.bench import KNOWN, Bench, another
from tests.turns.desk import ModelDesk, delivery

MONDAY = datetime(2026, 3, 2, 10, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
ANA, BEN = "U0ANA", "U0BEN"
CODE = "123456"
ENVIRONMENT = {f"ACME_{name}": name.lower() for name in ("TELEGRAM", "OTHER", "MAIL", "SLACK", "APP")}
_RANDOM = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}")


class NoArticles:
    """A library without books."""

    async def search(self, *_: object, **__: object) -> Sequence[Passage]:
        return ()

    async def section(self, *_: object) -> Sequence[Passage]:
        return ()


class Play:
    """One conversation of a customer with the organization."""

    def __init__(
        self,
        loaded: Loaded,
        *,
        on: str = "telegram",
        at: datetime = MONDAY,
        search: ArticleSearch | None = None,
        able: bool = True,
        **can: object,
    ) -> None:
        self.organization = org = loaded.organization
        self.desk = ModelDesk(org)
        self.desk.now = at
        self.desk.place = Place(channel_of(org, on), on, "maya")
        self.desk.state.owner = Owner(OwnerKind.AGENT, first_agent(org, on))
        self.case: Case | None = None  # what is theirs of what they ask for by a number
        self.effects: list[Effect] = []
        self.asked: list[Question] = []
        self._answerer: Answerer = Grounded(search or NoArticles()) if able else _Unable()
        self._can: Capabilities = replace(KNOWN[on], **can)  # type: ignore[arg-type]
        self._events = count(1)

    async def says(self, content: Content | str, **more: object) -> None:
        """The customer writes or does something, and it is dealt with."""
        self._hear(content, Sender("maya", "Maya"), self.desk.place, Origin.CUSTOMER, **more)
        await self.turn()

    async def staff(self, content: Content | str, who: str = BEN, handle: str = "") -> None:
        """A colleague writes or does something in the room."""
        escalation = self.desk.state.escalation
        assert escalation is not None
        assert escalation.room is not None
        sender = Sender(who, "Somebody", handle)
        self._hear(content, sender, escalation.room.place, Origin.ROOM, in_our_thread=True)
        await self.turn()

    async def press(self, action: str, who: str = BEN, handle: str = "") -> None:
        escalation = self.desk.state.escalation
        assert escalation is not None
        await self.staff(Tapped(action, f"{escalation.id}:{escalation.holder or ''}"), who, handle)

    async def parked(self) -> None:
        """The platform takes no free text: our last words to the customer wait."""
        message = self.ours[-1]
        self.desk.report(DeliveryReport(message.id, delivery(), "parked", "window"))
        await self.turn()

    async def wait(self, by: timedelta, steps: int = 1) -> None:
        for _ in range(steps):
            self.desk.pass_time(by)
            self.desk.now += by
            await self.turn()

    async def turn(self) -> None:
        view = self.desk.load()
        heard = (item.seq for item in view.inputs if item.origin is Origin.CUSTOMER)
        view = replace(view, askers={seq: Asker(b"maya", self.case, own=True) for seq in heard})
        place = Place(Channel("email"), "email", "thread")
        rules = Rulebook(
            self.organization,
            {self.desk.place.account: self._can},
            new_id,
            {"email": lambda _, subject: (place, subject)},
            lambda: CODE,
        )
        decision = decide(view, rules)
        while decision.agent:
            self.asked.append(question(decision))
            try:
                decision = conclude(decision, await self._answerer.answer(self.asked[-1]))
            except TurnFailed as error:
                decision = give_up(decision, error)
        self.desk.commit(view, decision)
        self.effects += decision.turn.effects
        escalation = self.desk.state.escalation
        if escalation is not None and escalation.room is not None and not escalation.room.place.thread:
            self.desk.room_opened(escalation.room.id, "1.1")

    @property
    def ours(self) -> list[Message]:
        told = self.desk.state.messages.values()
        return [m for m in told if m.role in (Role.AGENT, Role.STAFF, Role.SYSTEM)]

    def seen(self) -> str:
        """Everything that was asked of agents and everything that became of it."""
        return _RANDOM.sub("…", "\n".join(map(repr, self.asked))) + self.happened()

    def happened(self) -> str:
        return _RANDOM.sub("…", "\n".join(map(repr, self.effects)))

    def _hear(
        self, content: Content | str, sender: Sender, place: Place, origin: Origin, **more: object
    ) -> None:
        n = next(self._events)
        said = Said(content) if isinstance(content, str) else content
        given = {"message": f"m{n}" if isinstance(said, Said) else ""} | more
        self.desk.accept(
            Event(
                external_id=f"e{n}",
                place=place,
                sender=sender,
                content=said,
                occurred_at=self.desk.tick(),
                **given,  # type: ignore[arg-type]
            ),
            origin,
        )


def settings_of(loaded: Loaded, name: str) -> AccountSettings:
    """Return what a connector gets to know of the account."""
    org = loaded.organization
    declared = next(account for account in org.accounts if account.id == name)
    row = Account.__new__(Account)  # the keys of a row are for what is stored, and nothing is
    for field, value in {"id": AccountId(new_id()), "channel": declared.channel}.items():
        object.__setattr__(row, field, value)
    made = account_settings(parse(ENVIRONMENT), CHANNELS[declared.channel], row, declared, org, {})
    return replace(made, path="")


class _Unable:
    """An answerer that never can."""

    def __init__(self) -> None:
        self.asked = 0

    async def answer(self, question: Question) -> Answer:  # noqa: ARG002
        self.asked += 1
        raise TurnFailed("nobody there")


class World:
    """An installation in which one organization file is applied after the other."""

    def __init__(self, url: Callable[[], str]) -> None:
        self.keys = Keys(Keyring((b"k" * 32,)))
        self._url = url
        self._bench: Bench | None = None
        self._installed: dict[str, OrgId] = {}
        self._customers = count(1)

    @cached_property
    def database(self) -> Database:
        return Database(self._url(), pool=4)

    async def close(self) -> None:
        if "database" in self.__dict__:
            await self.database.close()

    async def install(self, loaded: Loaded) -> OrgId:
        """Put the file in force, and end an organization that has another name."""
        name = loaded.organization.name
        async with self.database.begin() as connection:
            for other in [known for known in self._installed if known != name]:
                await retire(connection, self.keys, new_id, self._installed.pop(other), by="test")
            applied = await apply(connection, self.keys, new_id, loaded, by="test", digest="test")
        self._installed[name] = applied.organization
        return applied.organization

    async def typed(self, loaded: Loaded, text: str, who: str = "ana") -> str:
        """Return what `/desk …` answers."""
        organization = await self.install(loaded)
        desk = Desk(
            database=self.database,
            keys=self.keys,
            new_id=new_id,
            clock=utc_now,
            organizations=Organizations(self.database),
            wake_workers=_nothing,
            channels=CHANNELS,
            anchors=Anchors(FileStore("memory:///"), self.keys.keyring),
        )
        said = await run_in_chat(desk, registry(desk), Caller(organization, PersonId(who), who), text)
        return re.sub(r"version \d+", "version", said.markdown)

    async def read(self, loaded: Loaded, *said: str) -> Play:
        """A customer writes, and is answered from the articles."""
        organization = await self.install(loaded)
        play = Play(loaded, search=_Of(Articles(self.database), organization))
        for text in said:
            await play.says(text)
        return play

    async def desk(self, loaded: Loaded) -> tuple[Bench, str]:
        """A desk in which customers write, and one of them."""
        organization = await self.install(loaded)
        if self._bench is None:
            self._bench = await another(self.database, loaded.organization)
        self._bench.organization = loaded.organization
        self._bench.accounts = await self.accounts(organization)
        return self._bench, f"c{next(self._customers)}@maya.example"

    async def directory(self) -> Directory:
        directory = Directory(self.database, self.keys, Organizations(self.database))
        await directory.refresh()
        return directory

    async def tries(self, loaded: Loaded) -> int:
        """Return how often an agent that cannot answer is asked before people are."""
        bench, customer = await self.desk(loaded)
        await bench.hear(bench.event("Where is my spade?", customer))
        unable = _Unable()
        stop, handed_over = asyncio.Event(), asyncio.Event()
        worker = Worker(
            database=self.database,
            turns=Turns(self.keys, new_id),
            directory=await self.directory(),
            connectors=Brought(bench.accounts, {}),
            answerers={"grounded": unable},
            wakeups=Wakeups(None, "turns", []),
            deliver=handed_over.set,  # something is to be sent
            clock=utc_now,
            new_id=new_id,
            pace=WorkerPace(poll=timedelta(milliseconds=20)),
        )
        async with asyncio.timeout(120), asyncio.TaskGroup() as tasks:
            tasks.create_task(worker.run(stop))
            await handed_over.wait()
            stop.set()
        return unable.asked

    async def accounts(self, organization: OrgId) -> Mapping[str, Account]:
        async with self.database.begin() as connection:
            return await accounts_of(connection, self.keys, organization)


class _Of:
    """The articles of one organization, whoever asks."""

    def __init__(self, articles: Articles, organization: OrgId) -> None:
        self._articles, self._organization = articles, organization

    async def search(
        self, _: OrgId, query: str, *, collections: Sequence[str] = (), limit: int = 8
    ) -> Sequence[Passage]:
        return await self._articles.search(self._organization, query, collections=collections, limit=limit)

    async def section(self, _: OrgId, article: str) -> Sequence[Passage]:
        return await self._articles.section(self._organization, article)


async def _nothing() -> None:
    """Hear nothing: nobody listens."""


@asynccontextmanager
async def world_of(url: Callable[[], str]) -> AsyncIterator[World]:
    """`url` is asked for when something first needs a database."""
    world = World(url)
    yield world
    await world.close()
