"""The work of each job on a database."""

import dataclasses
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from bot.core.errors import BadUsage, CannotDecrypt
from bot.core.ids import Uuid7, new_id, utc_now
from bot.jobs.audit_check import audit_check
from bot.jobs.job import Context
from bot.jobs.registry import JOBS, find
from bot.jobs.rewrap import rewrap
from bot.jobs.sweep import sweep
from storage.audit import AuditEntry, record, seal
from storage.database import Database
from storage.retention import first_id
from storage.sealing import Keyring
from tests.jobs.rig import NEW_KEY, NOW, OLD_KEY, Company, inputs, put_input

DAY = timedelta(days=1)


async def test_a_body_is_forgotten_a_day_after_its_input_was_handled(
    context: Context, company: Company, database: Database
) -> None:
    await put_input(database, company, 1, 2 * DAY)
    await put_input(database, company, 2, DAY / 2)
    await put_input(database, company, 3, 2 * DAY)  # not handled yet
    assert (await sweep(context))["bodies"] == 1
    assert await inputs(database) == [(1, None), (2, "sealed"), (3, "sealed")]


async def test_a_key_goes_after_thirty_days_but_never_before_its_input_was_handled(
    context: Context, company: Company, database: Database
) -> None:
    await put_input(database, company, 1, 31 * DAY)
    await put_input(database, company, 2, 29 * DAY)
    await put_input(database, company, 3, 90 * DAY)  # not handled yet
    await put_input(database, company, None, 31 * DAY)
    await put_input(database, company, None, 2 * DAY)
    counts = await sweep(context)
    assert (counts["bodies"], counts["keys"], counts["early_events"]) == (2, 1, 1)
    assert await inputs(database) == [(2, None), (3, "sealed"), (None, "sealed")]


async def test_an_edit_whose_message_never_came_goes_after_an_hour(
    context: Context, company: Company, database: Database
) -> None:
    await put_input(database, company, None, DAY / 48, early="customer", body="newer")
    await put_input(database, company, None, DAY / 12, early="customer", body="older")
    assert (await sweep(context))["early_changes"] == 1
    assert await inputs(database) == [(None, "newer")]


async def test_turns_and_tries_go_after_ninety_days(
    context: Context, company: Company, database: Database
) -> None:
    for age in (DAY, 89 * DAY, 91 * DAY):
        at = NOW - age
        made = Uuid7(milliseconds=lambda at=at: int(at.timestamp() * 1000))  # type: ignore[misc]
        async with database.begin() as connection:
            await connection.execute(
                text("""
                    insert into turns (id, organization_id, conversation_id, fence, started_at, inputs,
                        timers, stages, outcome, reasons)
                    values (:id, :o, :v, 1, :at, 1, 0, '{}', 'committed', '')
                """),
                {"id": made(), "o": company.organization, "v": company.conversation, "at": at},
            )
            await connection.execute(
                text("""
                    insert into deliveries (id, organization_id, outbox_id, attempt, at, outcome, reason)
                    values (:id, :o, :v, 1, :at, 'send.refused', '')
                """),
                {"id": made(), "o": company.organization, "v": company.conversation, "at": at},
            )
    counts = await sweep(context)
    assert (counts["tries"], counts["turns"]) == (1, 1)
    assert sum((await sweep(context)).values()) == 0  # a second time there is nothing left to do


async def test_a_notice_goes_after_ninety_days_unless_it_still_has_to_be_shown(
    context: Context, company: Company, database: Database
) -> None:
    for team, age, state in (
        ("old", 91 * DAY, "delivered"),
        ("young", 89 * DAY, "delivered"),
        ("refused", 91 * DAY, "failed"),
    ):
        made = Uuid7(milliseconds=lambda age=age: int((NOW - age).timestamp() * 1000))  # type: ignore[misc]
        given = {"id": made(), "o": company.organization, "v": company.conversation, "team": team}
        async with database.begin() as connection:
            await connection.execute(
                text("""
                    insert into notices (id, organization_id, team, lane_id, chat)
                    select :id, :o, :team, id, 'help' from lanes
                """),
                given,
            )
            await connection.execute(
                text("""
                    insert into outbox (id, organization_id, lane_id, conversation_id, kind, payload, state,
                        notice_id)
                    select :id, :o, id, :v, 'notice', '', :state, :id from lanes
                """),
                given | {"state": state},
            )
    assert (await sweep(context))["notices"] == 1
    async with database.begin() as connection:
        left = await connection.scalars(text("select team from notices order by team"))
    assert list(left) == ["refused", "young"]


async def test_a_sweep_of_many_batches_stops_when_its_budget_is_spent_and_goes_on_later(
    context: Context, company: Company, database: Database
) -> None:
    for _ in range(5):
        await put_input(database, company, None, 40 * DAY)
    answers = iter([False, False, True])
    short = dataclasses.replace(context, spent=lambda: next(answers))
    assert (await sweep(short, batch=2))["early_events"] == 4
    assert (await sweep(context, batch=2))["early_events"] == 1


def test_the_first_id_of_a_moment_parts_the_ids_before_it_from_those_after() -> None:
    milliseconds = int(NOW.timestamp() * 1000)
    before = Uuid7(milliseconds=lambda: milliseconds - 1)()
    after = Uuid7(milliseconds=lambda: milliseconds)()
    assert before < first_id(NOW) <= after


async def test_rewrapping_leaves_every_key_readable_with_the_newest_key_alone(
    context: Context, company: Company, database: Database
) -> None:
    places: list[str] = []
    counts = await rewrap(dataclasses.replace(context, remember=places.append))
    assert counts == {"organizations": 2, "customers": 1, "unfinished": 0}
    assert len(places) == 2
    alone = dataclasses.replace(context, keyring=Keyring((NEW_KEY,)))
    assert await rewrap(alone) == {"organizations": 0, "customers": 0, "unfinished": 0}
    with pytest.raises(CannotDecrypt, match="was wrapped with key"):
        await rewrap(dataclasses.replace(context, keyring=Keyring((OLD_KEY,))))


async def test_rewrapping_goes_on_behind_the_place_where_it_was_interrupted(
    context: Context, company: Company
) -> None:
    counts = await rewrap(dataclasses.replace(context, place=str(UUID(int=2**128 - 1))))
    assert counts["customers"] == 0


async def test_a_broken_audit_chain_is_told_at_error_level_with_its_sentence_and_counted(
    context: Context, company: Company, database: Database
) -> None:
    entry = AuditEntry(
        id=new_id(),
        at=utc_now(),
        actor="person:ana",
        action="escalation.taken",
        subject="escalation:1",
        details={},
    )
    async with database.begin() as connection:
        await record(connection, company.organization, [entry])
    async with database.begin() as connection:
        await seal(connection)
    assert await audit_check(context) == {"organizations": 1, "broken": 0, "unasked": 0, "links": 1}
    async with database.begin() as connection:
        await connection.execute(text("alter table audit_log disable trigger audit_log_append_only"))
        await connection.execute(text("update audit_log set actor = 'person:eve'"))
    with capture_logs() as logged:
        assert await audit_check(context) == {"organizations": 1, "broken": 1, "unasked": 0, "links": 0}
    (line,) = logged
    assert line["log_level"] == "error"
    assert line["organization"] == company.organization
    assert "Link 1 does not match" in line["reason"]


def test_a_job_that_does_not_exist_is_answered_with_a_close_one() -> None:
    with pytest.raises(BadUsage, match=r"There is no job 'sweeep'\. Try sweep"):
        find("sweeep")


def test_every_job_has_a_name_of_its_own_and_a_budget_within_its_limit() -> None:
    assert len({job.name for job in JOBS}) == len(JOBS)
    assert all(timedelta() < job.budget < job.limit for job in JOBS)
