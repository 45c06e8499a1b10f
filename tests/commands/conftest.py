"""The two faces of the commands over one database with a story in it."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from bot.app.channels import CHANNELS
from bot.app.cli import run
from bot.app.lending import lender
from bot.app.settings import parse
from bot.commands.chat import run_in_chat
from bot.commands.desk import Desk
from bot.commands.registry import registry
from bot.core.commands import Caller
from bot.core.ids import OrgId, PersonId, new_id, utc_now
from storage.anchors import Anchors
from storage.database import Database
from storage.filestore import FileStore
from storage.organizations import Organizations
from tests.commands.telling import KEY, Told, keys_of_tests, tell
from tests.connectors.resources import memory_resources


class Ran(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        return json.loads(self.out)


Desks = Callable[..., Ran]
Chats = Callable[..., Any]


@pytest.fixture
def desk(database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Desks:
    """`desk …` on an empty database."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("ENCRYPTION_KEY", base64.b64encode(KEY).decode())
    monkeypatch.setenv("COLUMNS", "100")

    def ran(*words: str) -> Ran:
        code = run(list(words))
        return Ran(code, *capsys.readouterr())

    return ran


@pytest.fixture
def story(database_url: str) -> Told:
    """For tests of the shell, which has a loop of its own."""
    return asyncio.run(tell(database_url))


class Rung:
    """A doorbell that counts."""

    def __init__(self) -> None:
        self.times = 0

    async def __call__(self) -> None:
        self.times += 1


@pytest.fixture
def wakeups() -> Rung:
    return Rung()


@pytest.fixture
async def told(database_url: str) -> Told:
    """For tests of the chat."""
    return await tell(database_url)


@pytest.fixture
def surroundings(database_url: str) -> dict[str, str]:
    """The environment of the chat's program: a test adds what its accounts need."""
    return {"DATABASE_URL": database_url, "ENCRYPTION_KEY": base64.b64encode(KEY).decode()}


@pytest.fixture
async def chat_desk(
    database_url: str, wakeups: Rung, surroundings: dict[str, str], tmp_path: Path
) -> AsyncIterator[Desk]:
    database = Database(database_url)
    yield Desk(
        database=database,
        keys=keys_of_tests(),
        new_id=new_id,
        clock=utc_now,
        organizations=Organizations(database),
        wake_workers=wakeups,
        anchors=Anchors(FileStore((tmp_path / "files").as_uri()), keys_of_tests().keyring),
        channels=CHANNELS,
        borrow=lender(parse(surroundings), CHANNELS, database, lambda _: memory_resources()),
    )
    await database.close()


@pytest.fixture
def say(chat_desk: Desk, told: Told) -> Chats:
    """`/desk …`, typed by one of the sample's people: anna is admin, ben supervisor, carla member."""
    known = registry(chat_desk)

    async def typed(text: str, who: str | None = "anna", organization: OrgId | None = None) -> str:
        person = PersonId(who) if who else None
        caller = Caller(organization or told.organization, person, who or "somebody")
        return (await run_in_chat(chat_desk, known, caller, text)).markdown

    return typed
