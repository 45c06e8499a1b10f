"""The end of the audit chain is noted outside the database: cutting it off is noticed."""

import json
from pathlib import Path

import pytest
from sqlalchemy import text

from bot.commands.desk import Desk
from bot.core.ids import OrgId
from bot.jobs.audit_check import audit_check
from bot.jobs.job import Context
from bot.run.upkeep import note_heads
from storage.audit import seal
from tests.commands.conftest import Chats
from tests.commands.telling import Told, keys_of_tests

_CUT = (
    "alter table audit_chain disable trigger audit_chain_append_only",
    "alter table audit_log disable trigger audit_log_append_only",
    "delete from audit_log where id in (select audit_id from audit_chain where position > 1)",
    "delete from audit_chain where position > 1",
    "delete from audit_unsealed",
)


@pytest.fixture
async def anchored(chat_desk: Desk, told: Told, say: Chats) -> Told:
    """A chain of several entries, noted in the file store."""
    await say("org apply --version 1 --yes")
    noted: dict[OrgId, int] = {}
    async with chat_desk.database.begin() as connection:
        await seal(connection)
    await note_heads(chat_desk.database, chat_desk.anchors, noted)
    assert noted[told.organization] > 1
    return told


async def cut(desk: Desk) -> None:
    """What somebody does who owns the database, and wants the last entries never to have been."""
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
    context = Context(
        database=chat_desk.database,
        keyring=keys_of_tests().keyring,
        files_url=(tmp_path / "files").as_uri(),
        clock=chat_desk.clock,
        spent=lambda: False,
        rewrite_max=0,
        place="",
        remember=lambda _place: None,
    )
    assert (await audit_check(context))["broken"] == 1


async def test_an_anchor_that_somebody_else_wrote_is_not_believed(
    chat_desk: Desk, say: Chats, anchored: Told, tmp_path: Path
) -> None:
    """They cut the chain, and moved the anchor back to where it ends now."""
    await cut(chat_desk)
    (folder,) = (tmp_path / "files" / "audit-anchors").iterdir()
    newest = max(folder.iterdir())
    value = json.loads(newest.read_text("utf-8")) | {"position": 1}
    newest.write_text(json.dumps(value), "utf-8")
    answer = await say("audit verify")
    assert "was not signed with" in answer
    assert "The audit chain is whole" not in answer


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"position": "x"}'])
async def test_an_anchor_that_cannot_be_read_is_not_believed(
    say: Chats, anchored: Told, tmp_path: Path, content: str
) -> None:
    (folder,) = (tmp_path / "files" / "audit-anchors").iterdir()
    max(folder.iterdir()).write_text(content, "utf-8")
    assert "was not signed with" in await say("audit verify")
