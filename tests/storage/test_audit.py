"""The audit log cannot be changed by the program, and whoever changes it otherwise is found."""

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.core.ids import Uuid7
from storage.audit import (
    GENESIS,
    AuditEntry,
    Broken,
    ChainVerdict,
    Detail,
    Link,
    canonical,
    chained,
    record,
    seal,
    tail,
    verify,
)

ACME, GLOBEX = UUID(int=0xAC), UUID(int=0x61)
START = datetime(2026, 3, 1, 12, 0, 0, 1, tzinfo=UTC)
new_id = Uuid7()


def entry(number: int = 0, **changes: object) -> AuditEntry:
    made = AuditEntry(
        id=new_id(),
        at=START + timedelta(seconds=number),
        actor="person:ana",
        action="escalation.taken",
        subject=f"escalation:{number}",
        details={"n": number},
    )
    return replace(made, **changes)  # type: ignore[arg-type]


async def write(engine: AsyncEngine, *entries: AuditEntry, organization: UUID = ACME) -> None:
    async with engine.begin() as connection:
        await record(connection, organization, entries)


async def seal_all(engine: AsyncEngine, organization: UUID | None = None, limit: int = 1000) -> int:
    sealed = 0
    while True:
        async with engine.begin() as connection:
            count = await seal(connection, organization, limit)
        if not count:
            return sealed
        sealed += count


async def check(engine: AsyncEngine, organization: UUID = ACME, noted: Link | None = None) -> ChainVerdict:
    async with engine.begin() as connection:
        return await verify(connection, organization, [noted] if noted else [], batch=3)


async def sealed_ids(engine: AsyncEngine, organization: UUID = ACME) -> list[UUID]:
    query = text("select audit_id from audit_chain where organization_id = :o order by position")
    async with engine.begin() as connection:
        return list((await connection.execute(query, {"o": organization})).scalars())


async def tamper(engine: AsyncEngine, *statements: str) -> None:
    """Run a statement past the triggers, as only the tables' owner can."""
    async with engine.begin() as connection:
        for table in ("audit_log", "audit_chain"):
            await connection.execute(text(f"alter table {table} disable trigger all"))
        for statement in statements:
            await connection.execute(text(statement))
        for table in ("audit_log", "audit_chain"):
            await connection.execute(text(f"alter table {table} enable trigger all"))


# --- append-only -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", ["audit_log", "audit_chain"])
@pytest.mark.parametrize(
    "statement",
    [
        "update {} set organization_id = gen_random_uuid()",
        "delete from {}",
        "truncate {}",
        "truncate {} cascade",
        "delete from {} where false",
    ],
)
async def test_an_entry_that_was_written_cannot_be_changed(
    audit_engine: AsyncEngine, table: str, statement: str
) -> None:
    await write(audit_engine, entry())
    await seal_all(audit_engine)
    async with audit_engine.connect() as connection:
        with pytest.raises(DBAPIError, match=f"on {table} is refused: the audit log is append-only"):
            await connection.execute(text(statement.format(table)))
    assert (await check(audit_engine)).ok


async def test_the_refusal_is_not_switched_off_for_replication(audit_engine: AsyncEngine) -> None:
    await write(audit_engine, entry())
    async with audit_engine.connect() as connection:
        await connection.execute(text("set local session_replication_role = replica"))
        with pytest.raises(DBAPIError, match="append-only"):
            await connection.execute(text("delete from audit_log"))


# --- recording ---------------------------------------------------------------------------------------------


async def test_entries_come_back_as_they_were_recorded_the_newest_first(audit_engine: AsyncEngine) -> None:
    details: Mapping[str, Detail] = {
        "b": True,
        "n": -(2**53 - 1),
        "nothing": None,
        "text": 'quote " 👩‍👧 \\ \n',
    }
    first, second = entry(1, details=details), entry(2)
    await write(audit_engine, first, second)
    await write(audit_engine, entry(), organization=GLOBEX)
    async with audit_engine.begin() as connection:
        await seal(connection, limit=1)
        lines = await tail(connection, ACME, 10)
        assert [line.entry for line in lines] == [second, first]
        assert lines[0].link is None
        assert lines[1].link is not None
        assert lines[1].link.position == 1
        assert [line.entry for line in await tail(connection, ACME, 1)] == [second]


async def test_an_entry_is_gone_with_the_transaction_it_was_written_in(audit_engine: AsyncEngine) -> None:
    async with audit_engine.connect() as connection:
        await record(connection, ACME, [entry()])
        await connection.rollback()
    assert await seal_all(audit_engine) == 0
    assert await check(audit_engine) == ChainVerdict(
        ok=True, sealed=0, unsealed=0, sentence="The audit chain is whole: 0 entries are sealed, 0 waiting."
    )


async def test_recording_nothing_writes_nothing(audit_engine: AsyncEngine) -> None:
    await write(audit_engine)
    assert await seal_all(audit_engine) == 0


async def test_an_entry_is_recorded_once(audit_engine: AsyncEngine) -> None:
    same = entry()
    await write(audit_engine, same)
    with pytest.raises(IntegrityError):
        await write(audit_engine, same)


async def test_characters_that_postgresql_cannot_hold_are_written_as_a_mark(
    audit_engine: AsyncEngine,
) -> None:
    await write(audit_engine, entry(actor="a\0b", subject="é\ud800👧", details={"\udfff": "\0"}))
    async with audit_engine.begin() as connection:
        (line,) = await tail(connection, ACME, 1)
    assert (line.entry.actor, line.entry.subject) == ("a\ufffdb", "é\ufffd👧")
    assert line.entry.details == {"\ufffd": "\ufffd"}
    await seal_all(audit_engine)
    assert (await check(audit_engine)).ok


@pytest.mark.parametrize(
    "details", [{"n": 2**53}, {"n": -(2**53)}, {"n": 0.5}, {"n": []}], ids=["big", "small", "float", "list"]
)
def test_details_without_one_encoding_are_refused(details: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="'n'"):
        entry(details=details)


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="timezone-aware"):
        entry(at=START.replace(tzinfo=None))


@pytest.mark.parametrize(
    "details",
    ["[]", '"x"', '{"a": {}}', '{"a": [1]}', '{"a": 0.5}', '{"a": 9007199254740992}', '{"a": 1e300}'],
)
async def test_the_database_refuses_details_without_one_encoding(
    audit_engine: AsyncEngine, details: str
) -> None:
    query = text(
        "insert into audit_log (id, organization_id, at, actor, action, subject, details)"
        " values (gen_random_uuid(), gen_random_uuid(), now(), '', '', '', cast(:details as jsonb))"
    )
    async with audit_engine.connect() as connection:
        await connection.execute(
            query, {"details": '{"a": 9007199254740991, "b": "x", "c": null, "d": false}'}
        )
        with pytest.raises(IntegrityError, match="details_flat"):
            await connection.execute(query, {"details": details})


# --- the chain ---------------------------------------------------------------------------------------------


async def test_each_link_covers_its_row_and_the_link_before(audit_engine: AsyncEngine) -> None:
    one, two = (
        entry(1),
        entry(2, at=datetime(2026, 3, 1, 14, 30, tzinfo=timezone(timedelta(hours=5, minutes=30)))),
    )
    await write(audit_engine, one, two)
    assert await seal_all(audit_engine) == 2
    query = text(
        "select previous, hash, transaction::text as transaction"
        " from audit_chain join audit_log on id = audit_id order by position"
    )
    async with audit_engine.begin() as connection:
        links = (await connection.execute(query)).all()
    expected = GENESIS
    times = ("2026-03-01T12:00:01.000001Z", "2026-03-01T09:00:00.000000Z")
    for link, made, at in zip(links, (one, two), times, strict=True):
        document = {
            "action": made.action,
            "actor": made.actor,
            "at": at,
            "details": dict(made.details),
            "id": str(made.id),
            "organization_id": str(ACME),
            "subject": made.subject,
            "transaction": link.transaction,
        }
        assert link.previous == expected
        encoded = json.dumps(document, separators=(",", ":"), sort_keys=True).encode()
        expected = hashlib.sha256(expected + encoded).digest()
        assert link.hash == expected


async def test_the_chain_does_not_depend_on_the_settings_of_a_session(audit_engine: AsyncEngine) -> None:
    await write(audit_engine, entry())
    await seal_all(audit_engine)
    async with audit_engine.begin() as connection:
        for setting in ("timezone = 'Asia/Kathmandu'", "datestyle = 'German'", "extra_float_digits = 0"):
            await connection.execute(text(f"set local {setting}"))
        assert (await verify(connection, ACME)).ok


async def test_every_organization_has_a_chain_of_its_own(audit_engine: AsyncEngine) -> None:
    for number in range(5):
        await write(audit_engine, entry(number))
        await write(audit_engine, entry(number), organization=GLOBEX)
    assert await seal_all(audit_engine, GLOBEX) == 5
    assert (await check(audit_engine)).unsealed == 5
    assert await seal_all(audit_engine) == 5
    for organization in (ACME, GLOBEX):
        verdict = await check(audit_engine, organization)
        assert (verdict.ok, verdict.sealed, verdict.unsealed) == (True, 5, 0)


async def test_sealing_goes_on_where_it_stopped_at_its_limit(audit_engine: AsyncEngine) -> None:
    entries = [entry(number) for number in range(10)]
    await write(audit_engine, *entries)
    async with audit_engine.begin() as connection:
        assert await seal(connection, limit=4) == 4
    assert (await check(audit_engine)).sealed == 4
    assert await seal_all(audit_engine, limit=4) == 6
    assert await sealed_ids(audit_engine) == [made.id for made in entries]
    verdict = await check(audit_engine)
    assert verdict.sentence == "The audit chain is whole: 10 entries are sealed, 0 waiting."


async def test_rows_committed_late_are_sealed_once_and_hold_up_nobody(audit_engine: AsyncEngine) -> None:
    early, later = entry(1), entry(2)
    async with audit_engine.connect() as slow:
        await record(slow, ACME, [early])
        await write(audit_engine, later)
        assert await seal_all(audit_engine) == 1
        assert (await check(audit_engine)).ok
        await slow.commit()
    waiting = await check(audit_engine)
    assert (waiting.ok, waiting.sealed, waiting.unsealed) == (True, 1, 1)
    assert await seal_all(audit_engine) == 1
    assert await sealed_ids(audit_engine) == [later.id, early.id]
    assert (await check(audit_engine)).ok


async def test_an_organization_that_is_being_sealed_is_passed_over(audit_engine: AsyncEngine) -> None:
    await write(audit_engine, entry(1), entry(2))
    await write(audit_engine, entry(3), organization=GLOBEX)
    async with audit_engine.connect() as first:
        assert await seal(first, ACME, limit=1) == 1
        async with audit_engine.begin() as second:
            assert await seal(second, ACME) == 0
            assert await seal(second) == 1
        await first.rollback()
    assert await seal_all(audit_engine) == 2
    assert (await check(audit_engine)).sealed == 2
    assert (await check(audit_engine, GLOBEX)).sealed == 1


@pytest.mark.long
async def test_many_writers_and_sealers_at_once_seal_each_row_once(audit_engine: AsyncEngine) -> None:
    written: list[UUID] = []
    writing = True

    async def keep_writing(seed: int) -> None:
        for number in range(30):
            entries = [entry(number) for _ in range(1 + (seed + number) % 3)]
            await write(audit_engine, *entries)
            written.extend(made.id for made in entries)

    async def keep_sealing() -> None:
        while writing:
            async with audit_engine.begin() as connection:
                await seal(connection, limit=7)

    sealers = [asyncio.create_task(keep_sealing()) for _ in range(3)]
    await asyncio.gather(*(keep_writing(seed) for seed in range(4)))
    writing = False
    await asyncio.gather(*sealers)
    await seal_all(audit_engine)
    chain = await sealed_ids(audit_engine)
    assert len(chain) == len(written)
    assert set(chain) == set(written)
    assert (await check(audit_engine)).ok


# --- whoever changes it otherwise ---------------------------------------------------------------------------

AT_4 = "(select audit_id from audit_chain where position = 4)"


@pytest.mark.parametrize(
    ("what", "position", "statement"),
    [
        ("altered", 4, f"update audit_log set actor = 'person:eve' where id = {AT_4}"),
        ("altered", 4, f"update audit_log set action = 'other' where id = {AT_4}"),
        ("altered", 4, f"update audit_log set subject = 'other' where id = {AT_4}"),
        ("altered", 4, f"update audit_log set details = '{{}}' where id = {AT_4}"),
        ("altered", 4, f'update audit_log set details = \'{{"n": "3"}}\' where id = {AT_4}'),
        ("altered", 4, f"update audit_log set at = at + interval '1 microsecond' where id = {AT_4}"),
        ("altered", 4, f"update audit_log set at = 'infinity' where id = {AT_4}"),
        ("altered", 4, f"update audit_log set transaction = '3' where id = {AT_4}"),
        ("altered", 4, f"update audit_log set organization_id = gen_random_uuid() where id = {AT_4}"),
        ("altered", 4, "update audit_chain set hash = sha256('') where position = 4"),
        ("altered", 4, "update audit_chain set previous = sha256('') where position = 4"),
        ("altered", 1, "update audit_chain set previous = '' where position = 1"),
        ("missing row", 4, f"delete from audit_log where id = {AT_4}"),
        ("missing row", 4, f"update audit_log set id = gen_random_uuid() where id = {AT_4}"),
        ("missing link", 4, "delete from audit_chain where position = 4"),
        ("missing link", 1, "delete from audit_chain where position < 3"),
        ("missing link", 9, "update audit_chain set position = 90 where position = 9"),
    ],
)
async def test_a_change_behind_the_triggers_is_found_where_it_was_made(
    audit_engine: AsyncEngine, what: Broken, position: int, statement: str
) -> None:
    await write(audit_engine, *(entry(number) for number in range(9)))
    await seal_all(audit_engine)
    before = await sealed_ids(audit_engine)
    await tamper(audit_engine, statement)
    verdict = await check(audit_engine)
    assert (verdict.ok, verdict.what, verdict.first_broken) == (False, what, position)
    assert verdict.sealed == position - 1
    assert verdict.audit_id == (None if what == "missing link" else before[position - 1])
    assert f"ink {position} " in verdict.sentence


async def test_a_row_no_reader_of_json_takes_is_found_and_stops_nothing(audit_engine: AsyncEngine) -> None:
    await write(audit_engine, entry())
    await seal_all(audit_engine)
    await tamper(
        audit_engine,
        "alter table audit_log drop constraint ck_audit_log_details_flat",
        "update audit_log set details = jsonb_build_object('n', repeat('9', 5000)::numeric)",
    )
    verdict = await check(audit_engine)
    assert (verdict.what, verdict.first_broken) == ("altered", 1)


async def slip_in_a_backdated_row(engine: AsyncEngine) -> None:
    await tamper(
        engine,
        "insert into audit_log (id, organization_id, at, actor, action, subject, details, transaction)"
        " select '00000000-0000-7000-8000-000000000001', organization_id, at, actor, action, subject,"
        " details, transaction from audit_log limit 1",
    )


async def cut_off_the_end_of_the_chain(engine: AsyncEngine) -> None:
    await tamper(engine, "delete from audit_chain where position > 7")


async def hide_a_row_that_waits(engine: AsyncEngine) -> None:
    await write(engine, entry())
    await tamper(engine, "delete from audit_unsealed")


@pytest.mark.parametrize(
    "deed", [slip_in_a_backdated_row, cut_off_the_end_of_the_chain, hide_a_row_that_waits]
)
async def test_a_row_that_has_no_link_and_waits_for_none_is_found(
    audit_engine: AsyncEngine, deed: Callable[[AsyncEngine], Awaitable[None]]
) -> None:
    await write(audit_engine, *(entry(number) for number in range(9)))
    await seal_all(audit_engine)
    await deed(audit_engine)
    assert await seal_all(audit_engine) == 0
    verdict = await check(audit_engine)
    assert (verdict.ok, verdict.what, verdict.first_broken) == (False, "row outside the chain", None)
    assert str(verdict.audit_id) in verdict.sentence


async def test_a_row_removed_before_it_was_sealed_is_found_and_stops_nothing(
    audit_engine: AsyncEngine,
) -> None:
    lost = entry()
    await write(audit_engine, lost)
    await tamper(audit_engine, "delete from audit_log")
    await write(audit_engine, entry())
    assert await seal_all(audit_engine) == 1
    verdict = await check(audit_engine)
    assert (verdict.what, verdict.first_broken, verdict.audit_id) == ("missing row", None, lost.id)
    assert verdict.sealed == 1


async def newest_link(engine: AsyncEngine) -> Link:
    async with engine.begin() as connection:
        (line,) = await tail(connection, ACME, 1)
    assert line.link is not None
    return line.link


async def test_a_noted_link_stays_in_the_chain_as_it_grows(audit_engine: AsyncEngine) -> None:
    await write(audit_engine, entry())
    await seal_all(audit_engine)
    noted = await newest_link(audit_engine)
    await write(audit_engine, *(entry(number) for number in range(5)))
    await seal_all(audit_engine)
    assert (await check(audit_engine, noted=noted)).ok


async def test_an_end_cut_off_with_its_rows_is_found_by_a_noted_link(audit_engine: AsyncEngine) -> None:
    await write(audit_engine, *(entry(number) for number in range(9)))
    await seal_all(audit_engine)
    noted = await newest_link(audit_engine)
    await tamper(
        audit_engine,
        "delete from audit_log where id in (select audit_id from audit_chain where position > 7)",
        "delete from audit_chain where position > 7",
    )
    assert (await check(audit_engine)).ok
    verdict = await check(audit_engine, noted=noted)
    assert (verdict.what, verdict.first_broken) == ("missing link", 8)


async def test_a_chain_computed_anew_is_found_by_a_noted_link(audit_engine: AsyncEngine) -> None:
    await write(audit_engine, *(entry(number) for number in range(5)))
    await seal_all(audit_engine)
    noted = await newest_link(audit_engine)
    await tamper(
        audit_engine,
        "update audit_log set actor = 'person:eve'",
        "delete from audit_chain",
        "insert into audit_unsealed select id, organization_id from audit_log",
    )
    await seal_all(audit_engine)
    assert (await check(audit_engine)).ok
    verdict = await check(audit_engine, noted=noted)
    assert (verdict.what, verdict.first_broken) == ("altered", 5)


# --- the canonical encoding --------------------------------------------------------------------------------

storable = st.text(st.characters(codec="utf-8", exclude_characters="\0"))
flat = st.dictionaries(
    storable, st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | storable, max_size=5
)


def encoded(details: object, **changes: str) -> bytes:
    columns = {
        "at": "2026-01-01T00:00:00.000000Z",
        "actor": "a",
        "action": "b",
        "subject": "c",
        "transaction": "7",
    }
    return canonical(id=UUID(int=1), organization_id=ACME, details=details, **(columns | changes))


@given(flat, storable)
def test_the_encoding_holds_everything_and_has_no_spare_bytes(details: dict[str, Detail], actor: str) -> None:
    data = encoded(details, actor=actor)
    read = json.loads(data)
    assert (read["details"], read["actor"]) == (details, actor)
    assert list(read) == sorted(read)
    names = list(read["details"])
    assert names == sorted(names, key=lambda name: name.encode("utf-16-be"))
    assert json.dumps(read, ensure_ascii=False, separators=(",", ":")).encode() == data


@given(flat)
def test_the_order_of_the_details_does_not_matter(details: dict[str, Detail]) -> None:
    assert encoded(dict(reversed(details.items()))) == encoded(details)


@given(flat, flat)
def test_different_details_are_encoded_differently(one: dict[str, Detail], two: dict[str, Detail]) -> None:
    alike = json.dumps(one, sort_keys=True) == json.dumps(two, sort_keys=True)  # True == 1 in Python
    assert (encoded(one) == encoded(two)) == alike


@given(storable, storable)
def test_words_cannot_move_from_one_column_to_the_next(one: str, two: str) -> None:
    assert (encoded({}, actor=one, action=two) == encoded({}, actor=two, action=one)) == (one == two)


def test_keys_are_sorted_as_rfc_8785_shows() -> None:
    """The example of section 3.2.3."""
    names = ["\u20ac", "\r", "\ufb33", "1", "\U0001f600", "\x80", "ö"]
    read = json.loads(encoded(dict.fromkeys(names)))
    assert list(read["details"]) == ["\r", "1", "\x80", "ö", "\u20ac", "\U0001f600", "\ufb33"]


def test_a_link_is_the_hash_of_the_hash_before_it_and_the_row() -> None:
    assert chained(GENESIS, b"row") == hashlib.sha256(bytes(32) + b"row").digest()


async def test_the_recorded_details_are_what_the_encoding_sees(audit_engine: AsyncEngine) -> None:
    """Text through jsonb and back: escapes, astral characters, keys in PostgreSQL's own order."""
    details: dict[str, Detail] = {
        "z": "\x7f\u2028\\u0041",
        "aa": "\x01\t",
        "\U0001f600": 1,
        "\ufb33": None,
        "": True,
    }
    await write(audit_engine, entry(details=details))
    await seal_all(audit_engine)

    async def stored(connection: AsyncConnection) -> Mapping[str, Detail]:
        (line,) = await tail(connection, ACME, 1)
        return line.entry.details

    async with audit_engine.begin() as connection:
        assert await stored(connection) == details
    assert (await check(audit_engine)).ok
