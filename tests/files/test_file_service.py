"""Links to files, and what a browser or a platform gets there."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import aiohttp
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from bot.app.files import LINK_LIVES, FileService
from bot.core.errors import PlatformDown, Refused
from bot.core.ids import OrgId, new_id
from storage.database import Database
from storage.files import Fetched, Files
from storage.inbox import Inboxes
from storage.keys import destroy
from tests.files.rig import PNG, Desk

NOW = datetime(2026, 3, 1, tzinfo=UTC)
FILE, OURS = UUID(int=123456789), OrgId(UUID(int=987654321))


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


def file_service(
    services: Desk | None = None, *, key: bytes = b"k" * 32, clock: Clock | None = None
) -> FileService:
    files, store = (services.files, services.store) if services else (None, None)
    given_clock = clock or Clock()
    return FileService(files, store, public_url="https://desk.example/", key=key, clock=given_clock)  # type: ignore[arg-type]


def token(link: str) -> str:
    return link.rpartition("/")[2]


def test_a_link_leads_to_its_file_for_seven_days() -> None:
    clock = Clock()
    ours = file_service(clock=clock)
    link = ours.link(OURS, str(FILE))
    assert link.startswith("https://desk.example/files/")
    clock.now = NOW + LINK_LIVES
    assert ours.meant(token(link)) == (OURS, FILE)
    clock.now += timedelta(seconds=1)
    assert ours.meant(token(link)) is None


def test_there_is_no_link_without_a_public_address() -> None:
    ours = FileService(None, None, public_url="", key=b"k", clock=Clock())  # type: ignore[arg-type]
    assert ours.link(OURS, str(FILE)) == ""


def test_nobody_can_make_or_prolong_a_link() -> None:
    good = token(file_service().link(OURS, str(FILE)))
    assert file_service(key=b"o" * 32).meant(good) is None
    for at in range(len(good)):
        other = "A" if good[at] != "A" else "B"
        changed = good[:at] + other + good[at + 1 :]
        assert file_service().meant(changed) in (None, (OURS, FILE))  # the last character has bits to spare
        assert at == len(good) - 1 or file_service().meant(changed) is None


@pytest.mark.long
@given(st.one_of(st.text(max_size=80), st.text(alphabet="AB_-", min_size=75, max_size=75)))
def test_anything_else_is_no_link(word: str) -> None:
    assert file_service().meant(word) is None


@asynccontextmanager
async def browsing(services: Desk, ours: FileService) -> AsyncIterator[aiohttp.ClientSession]:
    app = web.Application()
    app.router.add_get("/files/{token}", ours.serve)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        async with aiohttp.ClientSession(f"http://127.0.0.1:{runner.addresses[0][1]}") as session:
            yield session
    finally:
        await runner.cleanup()


async def keep(services: Desk, content: bytes, mime_type: str, name: str) -> UUID:
    """Through the store and the rows, as a fetch does."""
    await services.hears("f1")
    (wanted,) = await services.files.claim([], 1, timedelta(minutes=1))

    async def one() -> AsyncIterator[bytes]:
        yield content

    await services.store.put(wanted.id, wanted.sealer, one())
    await services.files.settle(Fetched(wanted, "stored", mime_type, name, len(content)))
    return wanted.id


@pytest.mark.long
@pytest.mark.parametrize(
    ("mime_type", "name", "is_", "manner"),
    [
        ("image/png", "photo.png", "image/png", "inline; filename*=UTF-8''photo.png"),
        ("text/plain", "a.txt", "text/plain; charset=utf-8", "inline; filename*=UTF-8''a.txt"),
        ("image/svg+xml", "a.svg", "application/octet-stream", "attachment; filename*=UTF-8''a.svg"),
        ("text/html", "a.html", "application/octet-stream", "attachment; filename*=UTF-8''a.html"),
        ("application/xhtml+xml", "a.xml", "application/octet-stream", "attachment; filename*=UTF-8''a.xml"),
        ("application/pdf", "a.pdf", "application/pdf", "attachment; filename*=UTF-8''a.pdf"),
        ("a/b\r\nX: y", "a", "application/octet-stream", "attachment; filename*=UTF-8''a"),
        (
            "image/png",
            'x"; y\r\nSet-Cookie: z=1 ü/\ud83d.png',
            "image/png",
            "inline; filename*=UTF-8''x%22%3B%20y%0D%0ASet-Cookie%3A%20z%3D1%20%C3%BC%2F%3F.png",
        ),
    ],
)
async def test_a_file_is_served_so_that_no_browser_runs_it(
    services: Desk, mime_type: str, name: str, is_: str, manner: str
) -> None:
    file = await keep(services, PNG * 100, mime_type, name)
    ours = file_service(services)
    async with browsing(services, ours) as session:
        async with session.get(f"/files/{token(ours.link(services.organization, str(file)))}") as answer:
            assert answer.status == 200
            assert await answer.read() == PNG * 100
            assert answer.headers["Content-Type"] == is_
            assert answer.headers["Content-Disposition"] == manner
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert "sandbox" in answer.headers["Content-Security-Policy"]
            assert "Set-Cookie" not in answer.headers
        async with session.head(f"/files/{token(ours.link(services.organization, str(file)))}") as answer:
            assert (answer.status, answer.content_length) == (200, len(PNG) * 100)


@pytest.mark.long
@pytest.mark.parametrize(
    ("asked", "status", "told", "part"),
    [
        ("bytes=0-1", 206, "bytes 0-1/300000", slice(0, 2)),
        ("bytes=65530-131080", 206, "bytes 65530-131080/300000", slice(65530, 131081)),
        ("bytes=299990-", 206, "bytes 299990-299999/300000", slice(299990, None)),
        ("bytes=-7", 206, "bytes 299993-299999/300000", slice(-7, None)),
        ("bytes=0-999999999", 206, "bytes 0-299999/300000", slice(None)),
        ("bytes=300000-", 416, "bytes */300000", slice(0, 0)),
        ("bytes=7-3", 200, None, slice(None)),
        ("bytes=0-1,5-6", 200, None, slice(None)),
        ("pages=1-2", 200, None, slice(None)),
    ],
)
async def test_a_player_may_ask_for_a_part(
    services: Desk, asked: str, status: int, told: str | None, part: slice
) -> None:
    content = bytes(n % 251 for n in range(300_000))
    file = await keep(services, content, "video/mp4", "a.mp4")
    ours = file_service(services)
    link = f"/files/{token(ours.link(services.organization, str(file)))}"
    async with browsing(services, ours) as session, session.get(link, headers={"Range": asked}) as answer:
        assert (answer.status, answer.headers.get("Content-Range")) == (status, told)
        assert await answer.read() == content[part]


async def test_a_link_leads_nowhere_once_the_customer_was_erased(services: Desk) -> None:
    file = await keep(services, PNG, "image/png", "a.png")
    ours = file_service(services)
    link = f"/files/{token(ours.link(services.organization, str(file)))}"
    async with browsing(services, ours) as session:
        async with services.database.begin() as connection:
            row = (await connection.execute(text("select id, organization_id from customers"))).one()
            await destroy(connection, row.organization_id, row.id)
        async with session.get(link) as answer:
            assert (answer.status, await answer.json()) == (404, {"error": "file.gone"})


async def test_a_missing_file_is_told_by_a_status(services: Desk) -> None:
    file = await keep(services, PNG, "image/png", "a.png")
    ours = file_service(services)
    async with browsing(services, ours) as session:
        nowhere = token(ours.link(services.organization, str(FILE)))
        for link, code in (("nonsense", "link.expired"), (nowhere, "file.gone")):
            async with session.get(f"/files/{link}") as answer:
                assert (answer.status, await answer.json()) == (404, {"error": code})
        await services.store.delete(file)
        async with session.get(f"/files/{token(ours.link(services.organization, str(file)))}") as answer:
            assert answer.status == 404


@pytest.mark.long
async def test_a_file_that_is_damaged_in_the_middle_is_no_whole_answer(services: Desk) -> None:
    file = await keep(services, b"x" * 5_000_000, "text/plain", "a.txt")
    (path,) = services.objects()
    path.write_bytes(path.read_bytes()[:-100])
    ours = file_service(services)
    async with browsing(services, ours) as session:
        with pytest.raises(aiohttp.ClientError):
            async with session.get(f"/files/{token(ours.link(services.organization, str(file)))}") as answer:
                await answer.read()


async def test_without_the_database_a_browser_is_asked_to_come_again(services: Desk, free_port: int) -> None:
    away = Database(f"postgresql://127.0.0.1:{free_port}/x", pool=1)
    ours = file_service(replace(services, files=Files(away, services.keys, Inboxes(services.keys, new_id))))
    try:
        link = f"/files/{token(ours.link(services.organization, str(FILE)))}"
        async with browsing(services, ours) as session, session.get(link) as answer:
            assert (answer.status, await answer.json()) == (503, {"error": "storage.unavailable"})
        with pytest.raises(PlatformDown):
            [chunk async for chunk in ours.of(services.organization).open(str(FILE))]
    finally:
        await away.close()


async def test_connectors_read_what_is_there_and_are_refused_the_rest(services: Desk) -> None:
    file = await keep(services, PNG, "image/png", "a.png")
    ours = file_service(services)
    assert b"".join([chunk async for chunk in ours.of(services.organization).open(str(file))]) == PNG
    for unknown in (str(FILE), "nonsense"):
        with pytest.raises(Refused):
            [chunk async for chunk in ours.of(services.organization).open(unknown)]


async def test_a_file_is_no_other_organizations(services: Desk) -> None:
    file = await keep(services, PNG, "image/png", "photo.png")
    ours = file_service(services)
    link = f"/files/{token(ours.link(OURS, str(file)))}"
    async with browsing(services, ours) as session, session.get(link) as answer:
        assert answer.status == 404
    with pytest.raises(Refused):
        await anext(ours.of(OURS).open(str(file)))
    assert await anext(ours.of(services.organization).open(str(file))) == PNG
