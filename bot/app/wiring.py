"""The composition root: the only module that knows all packages.

Adding a channel or a model is one line here.
"""

import math
import os
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from bot.app.addresses import address_of
from bot.app.channels import CHANNELS
from bot.app.connections import Connections
from bot.app.embedded import Servers
from bot.app.files import FileService, scanner
from bot.app.lending import lender
from bot.app.process import namespace
from bot.app.settings import Settings
from bot.bus.accept import Bus, Commander
from bot.bus.deliver import Deliverer, DeliveryPace
from bot.bus.directory import Directory
from bot.bus.fetch import Fetcher, FetchingPace
from bot.bus.listen import Listeners
from bot.bus.wakeups import Wakeups
from bot.bus.work import Worker, WorkerPace
from bot.commands.chat import run_in_chat
from bot.commands.desk import Desk, unconfirmed
from bot.commands.registry import registry
from bot.core.answering import Answerer
from bot.core.commands import Caller, CommandAnswer
from bot.core.connector import ChatCommand, Resources
from bot.core.errors import SettingsError
from bot.core.ids import Clock, new_id, utc_now
from bot.rooms.cards import Cards
from orgs.answering.models import MODELS
from orgs.routing import find_person, person_on
from storage.accounts import Account
from storage.anchors import Anchors, file_of
from storage.articles import Articles
from storage.database import Database
from storage.files import Files
from storage.filestore import FileStore
from storage.health import check
from storage.inbox import Inboxes
from storage.keys import Keys
from storage.organizations import Organizations
from storage.outbox import Outbox
from storage.sealing import Keyring
from storage.turns import Turns
from storage.vault import AccountVault


def answerers(articles: Articles) -> Mapping[str, Answerer]:
    """Return the answerers by the name that an agent's specification gives as its `model`."""
    return {name: make(articles) for name, make in MODELS.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The parts that every process has, created once and closed when the process ends."""

    settings: Settings
    database: Database
    directory: Directory
    wakeups: Wakeups
    bus: Bus
    connections: Connections
    worker: Worker
    deliverer: Deliverer
    fetcher: Fetcher
    file_service: FileService
    listeners: Listeners
    desk: Desk


@asynccontextmanager
async def services(
    settings: Settings, servers: Servers, *, pool: int = 8, clock: Clock = utc_now
) -> AsyncIterator[Services]:
    """Create everything, but start nothing. Raises SettingsError, StorageUnavailable.

    `clock` measures reply windows and the expiry of links; the database has its own clock.
    """
    lease = lease_of(settings)
    database = Database(servers.database_url, pool=pool)
    keys = Keys(Keyring(settings.encryption_keys))
    organizations = Organizations(database)
    directory = Directory(database, keys, organizations)
    wakeups = Wakeups(servers.redis_url or None, namespace(servers.database_url), settings.encryption_keys)
    inboxes = Inboxes(keys, new_id)
    outbox = Outbox(keys, inboxes, new_id)
    files = Files(database, keys, inboxes)
    store = FileStore(settings.files_url)
    file_service = FileService(
        files, store, public_url=settings.public_url, key=settings.encryption_keys[0], clock=clock
    )

    def lend(account: Account) -> Resources:
        return Resources(files=file_service.of(account.organization), vault=AccountVault(database, account))

    connections = Connections(settings, CHANNELS, directory, database, lend)

    async def wake_workers() -> None:
        wakeups.send(())

    desk = Desk(
        database=database,
        keys=keys,
        new_id=new_id,
        clock=clock,
        organizations=organizations,
        wake_workers=wake_workers,
        channels=CHANNELS,
        anchors=Anchors(store, keys.keyring, file_of(settings.anchors_url)),
        confirm=unconfirmed,
        borrow=lender(settings, CHANNELS, database, lend, connections.opened),
        address=partial(address_of, settings),
    )
    bus = Bus(database, inboxes, directory, wakeups, commander(desk, directory))
    deliverer = Deliverer(
        database=database,
        outbox=outbox,
        connectors=connections,
        cards=Cards(database, keys, organizations, CHANNELS, connections),
        wakeups=wakeups,
        pace=DeliveryPace(lease=lease),
        clock=clock,
    )
    fetcher = Fetcher(
        files=files,
        store=store,
        connectors=connections,
        wakeups=wakeups,
        scan=scanner(settings),
        max_bytes=settings.files_max,
        pace=FetchingPace(),
    )

    def look() -> None:
        deliverer.wake()
        fetcher.wake()

    worker = Worker(
        database=database,
        turns=Turns(keys, new_id),
        directory=directory,
        connectors=connections,
        answerers=answerers(Articles(database)),
        wakeups=wakeups,
        deliver=look,
        clock=clock,
        new_id=new_id,
        pace=WorkerPace(lease=lease),
    )
    listeners = Listeners(
        database=database,
        connectors=connections,
        fetching=connections.fetching,
        inbox=bus.of,
        me=f"{socket.gethostname()[:60]}:{os.getpid()}",
    )
    try:
        await check(database)
        await directory.refresh()
        yield Services(
            settings=settings,
            database=database,
            directory=directory,
            wakeups=wakeups,
            bus=bus,
            connections=connections,
            worker=worker,
            deliverer=deliverer,
            fetcher=fetcher,
            file_service=file_service,
            listeners=listeners,
            desk=desk,
        )
    finally:
        await connections.close()
        await database.close()


def lease_of(settings: Settings) -> timedelta:
    """Return LEASE_SECONDS, by default 15 s: how long after a worker's death others take over what it held.

    If it is shorter than a stall of the machine, workers take over from workers that are alive. Raises
    SettingsError.
    """
    if not settings.has("LEASE_SECONDS"):
        return WorkerPace().lease
    word = settings.secret("LEASE_SECONDS")
    try:
        seconds = float(word)
    except ValueError:
        seconds = math.nan
    if not 1 <= seconds <= 300:
        raise SettingsError(f"LEASE_SECONDS is {word[:20]!r}: it must be a number from 1 to 300")
    return timedelta(seconds=seconds)


def commander(desk: Desk, directory: Directory) -> Commander:
    """Return a function that runs `/desk` commands with the rights that the organization file gives them.

    It finds the asker in the file by their id or e-mail address on the channel.
    """
    commands = registry(desk)

    async def run(account: Account, command: ChatCommand) -> CommandAnswer:
        organization = await directory.organization(account.organization, account.version)
        sender = command.sender
        email_address = sender.handle if "@" in sender.handle else ""
        person = person_on(organization, command.place.channel, sender.external_id, email_address)
        found = find_person(organization, person) if person else None
        name = found.name if found else sender.display_name
        return await run_in_chat(desk, commands, Caller(account.organization, person, name), command.text)

    return run
