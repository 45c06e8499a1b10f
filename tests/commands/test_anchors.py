"""The end of the audit chain is noted outside the database: cutting it off is noticed."""

import io
import json
import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from sqlalchemy import text

from bot.app.anchoring import note_heads
from bot.app.logs import configure
from bot.app.settings import LogLevel
from bot.bus.metrics import CHAINS_BROKEN
from bot.commands.desk import Desk
from bot.commands.registry import registry
from bot.core.commands import Call, shell_of
from bot.core.errors import PlatformDown
from bot.core.ids import OrgId
from bot.jobs.audit_check import audit_check
from bot.jobs.job import Context
from storage.anchors import Anchor, Anchors, compare, heads
from storage.audit import AuditEntry, Link, record, seal
from storage.filestore import FileStore
from tests.commands.conftest import Chats
from tests.commands.telling import Told, another, keys_of_tests

_UNSEAL = """
    insert into audit_unsealed (audit_id, organization_id) select id, organization_id from audit_log
"""
_CUT = (
    "alter table audit_chain disable trigger audit_chain_append_only",
    "alter table audit_log disable trigger audit_log_append_only",
    "delete from audit_log where id in (select audit_id from audit_chain where position > 1)",
    "delete from audit_chain where position > 1",
    "delete from audit_unsealed",
)

FORGED = [
    "",
    "{}",
    "[]",
    '{"position": "x"}',
    '{"position": 1e999}',
    "[" * 4_000,
    "[" * 100_000,
    " " * 5_000_000,
]


@pytest.fixture
async def rival(chat_desk: Desk, told: Told, tmp_path: Path) -> OrgId:
    """Another organization, whose chain has a link as well."""
    organization = await another(chat_desk.database, tmp_path)
    async with chat_desk.database.begin() as connection:
        await seal(connection)
    return organization


@pytest.fixture
async def anchored(chat_desk: Desk, told: Told, say: Chats) -> Told:
    """A chain of several entries, noted in the file store."""
    await say("org apply --version 1 --yes")
    assert (await minute(chat_desk))[told.organization].position > 1
    return told


async def minute(desk: Desk) -> dict[OrgId, Link]:
    """Do once what a worker does every minute, as one that has noted nothing yet."""
    noted: dict[OrgId, Link] = {}
    async with desk.database.begin() as connection:
        await seal(connection)
    await note_heads(desk.database, desk.anchors, noted)
    return noted


async def night(desk: Desk, tmp_path: Path) -> dict[str, int]:
    """Do what `desk jobs` does every night."""
    context = Context(
        database=desk.database,
        keyring=keys_of_tests().keyring,
        files_url=(tmp_path / "files").as_uri(),
        clock=desk.clock,
        spent=lambda: False,
        rewrite_max=0,
        place="",
        remember=lambda _place: None,
    )
    counts = await audit_check(context)
    return {name: counts[name] for name in ("organizations", "broken", "unasked")}


def chains_broken() -> float:
    return float(CHAINS_BROKEN.collect()[0].samples[0].value)


def notes(tmp_path: Path, organization: OrgId) -> list[Path]:
    folder = tmp_path / "files" / "audit-anchors" / str(organization)
    return sorted(folder.iterdir()) if folder.exists() else []


def newest_note(tmp_path: Path, organization: OrgId) -> Path:
    return notes(tmp_path, organization)[-1]


def make_unreadable(note: Path) -> None:
    """Put a link that leads to itself into the file store."""
    note.unlink()
    note.symlink_to(note)


def with_file(tmp_path: Path, file: Path) -> Anchors:
    """Return anchors that note in the file store and in a file of the operator's."""
    return Anchors(FileStore((tmp_path / "files").as_uri()), keys_of_tests().keyring, file)


async def go_on(desk: Desk, told: Told, ago: timedelta = timedelta()) -> None:
    """Six more things are done, of which the chain tells."""
    entries = [
        AuditEntry(
            id=desk.new_id(),
            at=desk.clock() - ago,
            actor="person:anna",
            action="test.done",
            subject=f"test:{n}",
            details={},
        )
        for n in range(6)
    ]
    async with desk.database.begin() as connection:
        await record(connection, told.organization, entries)


async def end_of(desk: Desk, told: Told) -> Anchor:
    """Return where the chain of the organization ends now."""
    async with desk.database.begin() as connection:
        [head] = [each for each in await heads(connection) if each.organization == told.organization]
    return head


async def link_at(desk: Desk, told: Told, position: int) -> Anchor:
    """Return what was noted when the chain ended at this position."""
    select = text("select hash from audit_chain where organization_id = :organization and position = :at")
    async with desk.database.begin() as connection:
        hash_ = await connection.scalar(select, {"organization": told.organization, "at": position})
    assert hash_ is not None
    return replace(await end_of(desk, told), link=Link(position, bytes(hash_)))


async def as_earlier_versions(anchored: Told, tmp_path: Path, noted: dict[str, Anchor]) -> None:
    """Leave the notes that versions wrote which named them by date, and knew of no beginnings."""
    [by_position] = notes(tmp_path, anchored.organization)
    for date, anchor in noted.items():
        elsewhere = Anchors(FileStore((tmp_path / date).as_uri()), keys_of_tests().keyring)
        value = {**await elsewhere.note(anchor)}
        del value["beginning"]
        by_position.with_name(date).write_text(json.dumps(value), "utf-8")
    by_position.unlink()


async def cut(desk: Desk) -> None:
    """Cut off the last entries, as somebody can who owns the database."""
    async with desk.database.begin() as connection:
        for statement in _CUT:
            await connection.execute(text(statement))


async def test_a_chain_says_with_what_it_was_compared(say: Chats, told: Told) -> None:
    assert "Compared with nothing outside the database" in await say("audit verify")


async def test_a_whole_chain_is_compared_with_its_anchor(say: Chats, anchored: Told) -> None:
    answer = await say("audit verify")
    assert "The audit chain is whole" in answer
    assert "Compared with the anchor of" in answer


async def test_a_chain_whose_end_was_cut_off_is_noticed(chat_desk: Desk, say: Chats, anchored: Told) -> None:
    await cut(chat_desk)
    assert "its end was cut off" in await say("audit verify")


async def test_the_nightly_check_notices_it_too(chat_desk: Desk, anchored: Told, tmp_path: Path) -> None:
    await cut(chat_desk)
    assert (await night(chat_desk, tmp_path))["broken"] == 1


async def test_an_anchor_that_somebody_else_wrote_is_not_believed(
    chat_desk: Desk, say: Chats, anchored: Told, tmp_path: Path
) -> None:
    """Somebody cut the chain, and moved the anchor back to where it ends now."""
    await cut(chat_desk)
    (folder,) = (tmp_path / "files" / "audit-anchors").iterdir()
    newest = max(folder.iterdir())
    value = json.loads(newest.read_text("utf-8")) | {"position": 1}
    newest.write_text(json.dumps(value), "utf-8")
    answer = await say("audit verify")
    assert "was not signed with" in answer
    assert "The audit chain is whole" not in answer


@pytest.mark.parametrize("content", FORGED, ids=range(len(FORGED)))
async def test_an_anchor_that_cannot_be_read_is_not_believed(
    say: Chats, anchored: Told, tmp_path: Path, content: str
) -> None:
    newest_note(tmp_path, anchored.organization).write_text(content, "utf-8")
    assert "was not signed with" in await say("audit verify")


@pytest.mark.long
@pytest.mark.parametrize("content", FORGED, ids=range(len(FORGED)))
async def test_a_forged_anchor_keeps_no_other_organization_from_being_noted(
    chat_desk: Desk, anchored: Told, rival: OrgId, tmp_path: Path, content: str
) -> None:
    newest_note(tmp_path, anchored.organization).write_text(content, "utf-8")
    assert set(await minute(chat_desk)) == {rival}
    assert chains_broken() == 1
    assert (await night(chat_desk, tmp_path)) == {"organizations": 2, "broken": 1, "unasked": 0}


async def test_an_anchor_that_vanishes_before_it_is_read_is_missed(
    chat_desk: Desk, anchored: Told, rival: OrgId, tmp_path: Path
) -> None:
    await minute(chat_desk)
    listed = newest_note(tmp_path, anchored.organization)

    class Store(FileStore):
        async def notes(self, folder: str) -> list[str]:
            names = await super().notes(folder)
            if folder.endswith(listed.parent.name):
                listed.unlink(missing_ok=True)
            return names

    anchors = Anchors(Store((tmp_path / "files").as_uri()), keys_of_tests().keyring)
    noted: dict[OrgId, Link] = {}
    await note_heads(chat_desk.database, anchors, noted)
    assert set(noted) == {rival}
    assert chains_broken() == 1


async def test_a_place_that_cannot_be_asked_hides_no_cut_from_another(
    chat_desk: Desk, anchored: Told, tmp_path: Path
) -> None:
    anchors = with_file(tmp_path, tmp_path / "elsewhere.jsonl")
    await note_heads(chat_desk.database, anchors, {})
    make_unreadable(newest_note(tmp_path, anchored.organization))
    await cut(chat_desk)
    compared = await compare(chat_desk.database, anchors, anchored.organization)
    assert "its end was cut off" in compared.verdict.sentence
    assert "in the operator's file" in compared.against
    assert "Not compared with the file store: it does not answer" in compared.against
    await note_heads(chat_desk.database, anchors, {})
    assert chains_broken() == 1


async def test_a_forged_anchor_hides_no_cut_from_another_place(
    chat_desk: Desk, anchored: Told, tmp_path: Path
) -> None:
    anchors = with_file(tmp_path, tmp_path / "elsewhere.jsonl")
    await note_heads(chat_desk.database, anchors, {})
    newest_note(tmp_path, anchored.organization).write_text("{}", "utf-8")
    await cut(chat_desk)
    sentence = (await compare(chat_desk.database, anchors, anchored.organization)).verdict.sentence
    assert "its end was cut off" in sentence
    assert "was not signed with" in sentence


@pytest.mark.long
async def test_a_chain_that_could_not_be_compared_is_not_called_good(
    chat_desk: Desk, say: Chats, anchored: Told, rival: OrgId, tmp_path: Path
) -> None:
    await minute(chat_desk)
    make_unreadable(newest_note(tmp_path, anchored.organization))
    assert await night(chat_desk, tmp_path) == {"organizations": 2, "broken": 0, "unasked": 1}
    assert "it does not answer" in await say("audit verify")
    command, _ = registry(chat_desk).find(["audit", "verify"])
    assert not (await command.handler(Call(shell_of(anchored.organization), {"noted": ""}))).ok


async def test_a_link_noted_elsewhere_is_compared_beside_an_anchor_of_the_same_place(
    chat_desk: Desk, say: Chats, anchored: Told
) -> None:
    [anchor] = (await chat_desk.anchors.newest(anchored.organization)).anchors.values()
    answer = await say(f"audit verify --noted {anchor.link.position}:{'0' * 64}")
    assert "is not the one that was noted" in answer


async def test_a_chain_of_which_nothing_is_left_is_noticed(chat_desk: Desk, anchored: Told) -> None:
    async with chat_desk.database.begin() as connection:
        for statement in _CUT:
            await connection.execute(text(statement.replace("position > 1", "position > 0")))
    assert await minute(chat_desk) == {}
    assert chains_broken() == 1


async def test_a_cut_chain_that_went_on_is_noticed_and_never_noted(
    chat_desk: Desk, say: Chats, anchored: Told
) -> None:
    """The worker's next note must not make what is left the whole truth."""
    await cut(chat_desk)
    await go_on(chat_desk, anchored)
    assert anchored.organization not in await minute(chat_desk)
    assert "is not the one that was noted" in await say("audit verify")
    assert chains_broken() == 1


async def test_a_chain_that_was_computed_anew_is_noticed_and_never_noted(
    chat_desk: Desk, say: Chats, anchored: Told
) -> None:
    async with chat_desk.database.begin() as connection:
        for statement in (*_CUT[:2], "update audit_log set actor = 'person:mallory'"):
            await connection.execute(text(statement))
        await connection.execute(text("delete from audit_chain"))
        await connection.execute(text(_UNSEAL))
    assert anchored.organization not in await minute(chat_desk)
    assert "The audit chain is whole" not in await say("audit verify")


async def test_after_a_restored_backup_an_admin_begins_anew(
    chat_desk: Desk, say: Chats, anchored: Told
) -> None:
    command, _ = registry(chat_desk).find(["audit", "anchor"])
    caller = shell_of(anchored.organization)
    await cut(chat_desk)
    assert "its end was cut off" in await say("audit verify")
    assert "Nothing was changed" in (await command.handler(Call(caller, {"yes": ""}))).text
    assert "its end was cut off" in await say("audit verify")
    assert "from now on" in (await command.handler(Call(caller, {"yes": "yes"}))).text
    await minute(chat_desk)
    assert "The audit chain is whole" in await say("audit verify")
    assert "audit.anchored" in await say("audit tail")


async def test_notes_from_before_a_new_beginning_are_compared_no_more(
    chat_desk: Desk, anchored: Told, tmp_path: Path
) -> None:
    """Not even if a worker that stalled meanwhile writes it again, or the operator's file has it."""
    anchors = with_file(tmp_path, tmp_path / "elsewhere")
    await note_heads(chat_desk.database, anchors, {})
    before = await end_of(chat_desk, anchored)
    await cut(chat_desk)
    await anchors.begin_anew(await end_of(chat_desk, anchored))
    await anchors.note(before)
    compared = await compare(chat_desk.database, anchors, anchored.organization)
    assert compared.whole, compared.verdict.sentence
    await go_on(chat_desk, anchored)
    async with chat_desk.database.begin() as connection:
        await seal(connection)
    await note_heads(chat_desk.database, anchors, {})
    compared = await compare(chat_desk.database, anchors, anchored.organization)
    assert "in the file store and in the operator's file, at link 7" in compared.against
    await cut(chat_desk)
    compared = await compare(chat_desk.database, anchors, anchored.organization)
    assert "its end was cut off" in compared.verdict.sentence


async def test_a_beginning_that_somebody_else_wrote_is_not_believed(
    chat_desk: Desk, say: Chats, anchored: Told, tmp_path: Path
) -> None:
    """Somebody cut the chain, and claims that an older note was where an admin began anew."""
    first = newest_note(tmp_path, anchored.organization)
    await chat_desk.anchors.note(await link_at(chat_desk, anchored, 1))
    older = notes(tmp_path, anchored.organization)[0]
    assert older != first
    value = json.loads(older.read_text("utf-8")) | {"beginning": 1}
    name = older.name.replace("link-000000", "link-000001")
    older.with_name(name).write_text(json.dumps(value), "utf-8")
    await cut(chat_desk)
    assert "was not signed with" in await say("audit verify")


async def test_a_new_beginning_takes_the_place_of_a_forged_anchor(
    chat_desk: Desk, say: Chats, anchored: Told, tmp_path: Path
) -> None:
    forged = newest_note(tmp_path, anchored.organization).with_name(f"link-999999-{'9' * 19}")
    forged.write_text("{}", "utf-8")
    assert "was not signed with" in await say("audit verify")
    command, _ = registry(chat_desk).find(["audit", "anchor"])
    await command.handler(Call(shell_of(anchored.organization), {"yes": "yes"}))
    assert "The audit chain is whole" in await say("audit verify")
    assert [note.name[:12] for note in notes(tmp_path, anchored.organization)] == ["link-000001-"]


async def test_nobody_begins_a_chain_anew_from_chat(say: Chats, anchored: Told) -> None:
    assert "from now on" not in await say("audit anchor --yes")


async def test_anchors_that_were_taken_away_are_missed(
    chat_desk: Desk, say: Chats, anchored: Told, tmp_path: Path
) -> None:
    shutil.rmtree(tmp_path / "files" / "audit-anchors")
    assert "The audit chain is whole" in await say("audit verify"), "a minute may pass before the first one"
    await go_on(chat_desk, anchored, ago=timedelta(hours=1))
    async with chat_desk.database.begin() as connection:
        await seal(connection)
    assert "anchors were taken away" in await say("audit verify")


async def test_an_older_anchor_that_was_put_back_is_missed(
    chat_desk: Desk, say: Chats, anchored: Told, tmp_path: Path
) -> None:
    older = newest_note(tmp_path, anchored.organization)
    before = older.read_bytes()
    await go_on(chat_desk, anchored, ago=timedelta(hours=1))
    await minute(chat_desk)
    assert "The audit chain is whole" in await say("audit verify")
    newest_note(tmp_path, anchored.organization).rename(older)
    older.write_bytes(before)
    assert "anchors were taken away" in await say("audit verify")


async def test_an_older_anchor_under_the_name_of_the_newest_is_not_believed(
    chat_desk: Desk, say: Chats, anchored: Told, tmp_path: Path
) -> None:
    before = newest_note(tmp_path, anchored.organization).read_bytes()
    await go_on(chat_desk, anchored)
    await minute(chat_desk)
    newest_note(tmp_path, anchored.organization).write_bytes(before)
    assert "was not signed with" in await say("audit verify")


async def test_a_note_replaces_those_before_it(chat_desk: Desk, anchored: Told, tmp_path: Path) -> None:
    before = newest_note(tmp_path, anchored.organization)
    await go_on(chat_desk, anchored)
    await minute(chat_desk)
    [left] = notes(tmp_path, anchored.organization)
    assert left.name > before.name


async def test_an_anchor_that_is_replaced_before_it_is_read_is_not_missed(
    chat_desk: Desk, anchored: Told, tmp_path: Path
) -> None:
    """Two workers: one looks for the newest note while the other writes a newer one."""

    class Store(FileStore):
        listed = 0

        async def notes(self, folder: str) -> list[str]:
            names = await super().notes(folder)
            self.listed += 1
            if self.listed == 1:
                await go_on(chat_desk, anchored)
                await minute(chat_desk)
            return names

    store = Store((tmp_path / "files").as_uri())
    compared = await compare(
        chat_desk.database, Anchors(store, keys_of_tests().keyring), anchored.organization
    )
    assert store.listed > 1
    assert compared.whole, compared.verdict.sentence


async def test_a_note_that_a_stalled_worker_writes_late_replaces_no_newer_one(
    chat_desk: Desk, say: Chats, anchored: Told
) -> None:
    stalled = await end_of(chat_desk, anchored)
    await go_on(chat_desk, anchored, ago=timedelta(minutes=30))
    noted = await minute(chat_desk)
    await chat_desk.anchors.note(stalled)
    await note_heads(chat_desk.database, chat_desk.anchors, noted)
    assert "The audit chain is whole" in await say("audit verify")
    await cut(chat_desk)
    assert "its end was cut off" in await say("audit verify")


async def test_a_line_that_a_stalled_worker_adds_late_hides_no_newer_one(
    chat_desk: Desk, anchored: Told, tmp_path: Path
) -> None:
    anchors = with_file(tmp_path, tmp_path / "elsewhere")
    stalled = await end_of(chat_desk, anchored)
    await go_on(chat_desk, anchored)
    await minute(chat_desk)
    await note_heads(chat_desk.database, anchors, {})
    await anchors.note(stalled)
    known = await anchors.newest(anchored.organization)
    assert known.anchors["the operator's file"].link == (await end_of(chat_desk, anchored)).link


@pytest.mark.parametrize("ahead", [timedelta(days=1), timedelta(days=40)])
async def test_a_note_of_a_clock_that_was_ahead_raises_no_alarm(
    chat_desk: Desk, say: Chats, anchored: Told, ahead: timedelta
) -> None:
    head = await end_of(chat_desk, anchored)
    await chat_desk.anchors.note(replace(head, at=head.at + ahead))
    await go_on(chat_desk, anchored, ago=timedelta(minutes=30))
    await minute(chat_desk)
    assert "The audit chain is whole" in await say("audit verify")
    assert chains_broken() == 0


async def test_a_note_of_a_clock_that_was_ahead_hides_no_cut(
    chat_desk: Desk, say: Chats, anchored: Told, tmp_path: Path
) -> None:
    """Somebody cut the chain back to the very link that was noted while the clock was ahead."""
    anchors = with_file(tmp_path, tmp_path / "elsewhere")
    first = await link_at(chat_desk, anchored, 1)
    await anchors.note(replace(first, at=first.at + timedelta(days=1)))
    await minute(chat_desk)
    await note_heads(chat_desk.database, anchors, {})
    await cut(chat_desk)
    assert "its end was cut off" in await say("audit verify")
    assert await minute(chat_desk) == {}
    assert chains_broken() == 1
    shutil.rmtree(tmp_path / "files" / "audit-anchors")
    compared = await compare(chat_desk.database, anchors, anchored.organization)
    assert "its end was cut off" in compared.verdict.sentence


async def test_notes_that_are_named_by_date_are_still_read(
    chat_desk: Desk, say: Chats, anchored: Told, tmp_path: Path
) -> None:
    """The clock was ahead for a day: the last by name has an earlier link than the one before it."""
    head, first = await end_of(chat_desk, anchored), await link_at(chat_desk, anchored, 1)
    await as_earlier_versions(anchored, tmp_path, {"2026-11-29": head, "2026-11-30": first})
    retired = tmp_path / "files" / "audit-anchors" / str(anchored.organization) / "2026-11-01"
    retired.write_text("{}", "utf-8")
    assert "The audit chain is whole" in await say("audit verify")
    assert "Compared with the anchor" in await say("audit verify")
    await cut(chat_desk)
    assert "its end was cut off" in await say("audit verify")


async def test_the_last_note_that_is_named_by_date_must_be_ours(
    chat_desk: Desk, say: Chats, anchored: Told, tmp_path: Path
) -> None:
    await as_earlier_versions(anchored, tmp_path, {"2026-11-29": await end_of(chat_desk, anchored)})
    newest_note(tmp_path, anchored.organization).with_name("2026-11-30").write_text("{}", "utf-8")
    assert "was not signed with" in await say("audit verify")


async def test_a_note_takes_the_place_of_those_that_are_named_by_date(
    chat_desk: Desk, say: Chats, anchored: Told, tmp_path: Path
) -> None:
    await as_earlier_versions(anchored, tmp_path, {"2026-11-30": await end_of(chat_desk, anchored)})
    await go_on(chat_desk, anchored)
    await minute(chat_desk)
    [left] = notes(tmp_path, anchored.organization)
    assert left.name.startswith("link-")
    assert "The audit chain is whole" in await say("audit verify")


async def test_a_file_of_the_operators_tells_of_a_cut_even_without_the_file_store(
    chat_desk: Desk, say: Chats, anchored: Told, tmp_path: Path
) -> None:
    anchors = with_file(tmp_path, tmp_path / "elsewhere.jsonl")
    async with chat_desk.database.begin() as connection:
        await seal(connection)
    await note_heads(chat_desk.database, anchors, {})
    shutil.rmtree(tmp_path / "files" / "audit-anchors")
    await cut(chat_desk)
    compared = await compare(chat_desk.database, anchors, anchored.organization)
    assert "its end was cut off" in compared.verdict.sentence


async def test_a_quiet_organizations_line_is_found_however_much_others_wrote_after_it(
    chat_desk: Desk, anchored: Told, rival: OrgId, tmp_path: Path
) -> None:
    file = tmp_path / "elsewhere"
    anchors = with_file(tmp_path, file)
    await note_heads(chat_desk.database, anchors, {})
    [line] = [each for each in file.read_bytes().splitlines(keepends=True) if str(rival).encode() in each]
    with file.open("ab") as lines:
        lines.write(line * 40_000)
    shutil.rmtree(tmp_path / "files" / "audit-anchors")
    await cut(chat_desk)
    compared = await compare(chat_desk.database, anchors, anchored.organization)
    assert "its end was cut off" in compared.verdict.sentence
    assert "in the operator's file" in compared.against


async def test_a_line_is_found_wherever_the_file_is_divided_to_be_read(
    chat_desk: Desk, anchored: Told, tmp_path: Path
) -> None:
    file = tmp_path / "elsewhere"
    anchors = with_file(tmp_path, file)
    await note_heads(chat_desk.database, anchors, {})
    line = file.read_bytes()
    for after in range(1024 * 1024 - 2 * len(line), 1024 * 1024 + 20, 17):
        file.write_bytes(line + b"x" * after + b"\n")
        known = await anchors.newest(anchored.organization)
        assert set(known.anchors) == {"the file store", "the operator's file"}, after


async def test_a_line_without_an_end_fills_no_memory_and_is_not_believed(
    chat_desk: Desk, anchored: Told, tmp_path: Path
) -> None:
    file = tmp_path / "elsewhere"
    file.write_bytes(b"x" * 3_000_000 + str(anchored.organization).encode() + b"x" * 3_000_000)
    known = await with_file(tmp_path, file).newest(anchored.organization)
    assert "was not signed with" in known.forged["the operator's file"]


async def test_a_webhook_gets_each_anchor_signed(chat_desk: Desk, told: Told, say: Chats) -> None:
    got: list[dict[str, object]] = []

    async def take(request: web.Request) -> web.Response:
        got.append(await request.json())
        return web.Response(status=204)

    app = web.Application()
    app.router.add_post("/anchors", take)
    await say("org apply --version 1 --yes")
    async with chat_desk.database.begin() as connection:
        await seal(connection)
    async with TestServer(app) as server:
        await note_heads(chat_desk.database, chat_desk.anchors, {}, str(server.make_url("/anchors")))
    (one,) = [anchor for anchor in got if anchor["organization"] == str(told.organization)]
    assert len(str(one["signature"])) == 64
    assert len(str(one["hash"])) == 64


async def test_a_webhook_that_is_down_keeps_no_organization_from_being_noted_in_the_file_store(
    chat_desk: Desk, anchored: Told, rival: OrgId, tmp_path: Path
) -> None:
    shutil.rmtree(tmp_path / "files" / "audit-anchors")
    async with TestServer(web.Application()) as server:
        gone = str(server.make_url("/anchors"))
    noted: dict[OrgId, Link] = {}
    with pytest.raises(PlatformDown, match="not noted everywhere: 2"):
        await note_heads(chat_desk.database, chat_desk.anchors, noted, gone)
    assert notes(tmp_path, anchored.organization)
    assert notes(tmp_path, rival)
    assert noted == {}, "they are sent again a minute later"


async def test_a_webhook_that_refuses_one_anchor_gets_those_of_the_others(
    chat_desk: Desk, anchored: Told, rival: OrgId
) -> None:
    refused = str(anchored.organization)

    async def take(request: web.Request) -> web.Response:
        return web.Response(status=500 if (await request.json())["organization"] == refused else 204)

    app = web.Application()
    app.router.add_post("/anchors", take)
    noted: dict[OrgId, Link] = {}
    async with TestServer(app) as server:
        with pytest.raises(PlatformDown, match="HTTP 500"):
            await note_heads(chat_desk.database, chat_desk.anchors, noted, str(server.make_url("/anchors")))
    assert set(noted) == {rival}


@pytest.mark.long
@pytest.mark.parametrize(
    "webhook", [f"http://{'a' * 70}.example/", "http://[::1/", "https://x:99999/", "http://", "http://☃..x/"]
)
async def test_a_webhook_that_can_be_no_address_stops_no_note_in_the_file_store(
    chat_desk: Desk, anchored: Told, tmp_path: Path, webhook: str
) -> None:
    with pytest.raises(PlatformDown, match="audit_anchors"):
        await note_heads(chat_desk.database, chat_desk.anchors, {}, webhook)
    assert notes(tmp_path, anchored.organization)


async def test_a_file_of_the_operators_that_cannot_be_written_stops_no_note_in_the_file_store(
    chat_desk: Desk, told: Told, rival: OrgId, tmp_path: Path
) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(PlatformDown):
        await note_heads(chat_desk.database, with_file(tmp_path, tmp_path / "folder"), {})
    assert notes(tmp_path, told.organization)
    assert notes(tmp_path, rival)


async def test_the_line_in_the_log_has_all_of_an_anchor(
    chat_desk: Desk, told: Told, say: Chats, capsys: pytest.CaptureFixture[str]
) -> None:
    await say("org apply --version 1 --yes")
    out = io.StringIO()
    configure(LogLevel.INFO, stream=out, pretty=False)
    await minute(chat_desk)
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    (line,) = [one for one in lines if one.get("organization") == str(told.organization)]
    (anchor,) = (await chat_desk.anchors.newest(told.organization)).anchors.values()
    assert (line["position"], line["hash"]) == (anchor.link.position, anchor.link.hash.hex())
    assert len(line["signature"]) == 64
    assert line["at"] == anchor.at.isoformat()
    assert "dropped" not in line
