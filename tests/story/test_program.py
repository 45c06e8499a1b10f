"""The program of `make run`, as a process of its own: every platform answers, and the page is served."""

import asyncio
import json
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

import aiohttp
import pytest

from bot.app.embedded.server_files import free_port
from bot.app.instance import running_instance
from tests.chaos.processes import Program, programs
from tests.story.rig import ROOT


async def shell(environ: Mapping[str, str], *words: str) -> tuple[int, str]:
    """`desk …` in a shell beside it: the exit code, and what it printed."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot.app", *words),
        cwd=ROOT,
        env={**os.environ, **environ},
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    return process.returncode or 0, out.decode()


@pytest.mark.long
async def test_without_the_sandbox_nothing_is_installed_and_ones_own_organization_works_at_once(
    database_url: str, redis_url: str, free_port: int, tmp_path: Path
) -> None:
    environ = {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "DESK_ENV": "embedded",
        "VAR_DIR": str(tmp_path),
        "PORT": str(free_port),
    }
    here = f"http://127.0.0.1:{free_port}"
    mine = tmp_path / "mine"
    shutil.copytree(ROOT / "orgs" / "samples" / "minimal", mine)
    async with programs() as running:
        desk = running.add("up", ("-m", "bot.app", "up"), environ, health=here)
        await desk.start()
        async with asyncio.timeout(120):
            while "is running" not in desk.last_words():  # noqa: ASYNC110 (it tells nobody)
                await asyncio.sleep(0.1)
        assert "There is no organization yet." in desk.last_words()
        assert (await shell(environ, "conversations"))[0] == 1

        code, out = await shell(environ, "org", "apply", str(mine), "--yes")
        assert (code, out.splitlines()[-1].split(":")[0]) == (0, "Version 1 of Corner Shop is in force")
        assert (await shell(environ, "conversations"))[0] == 0
        async with aiohttp.ClientSession() as session, session.get(f"{here}/readyz") as ready:
            assert ready.status == 200
        desk.terminate()
        assert await desk.ended(30) == 0


def sandbox_environ(database_url: str, redis_url: str, port: int, var: Path) -> dict[str, str]:
    return {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "DESK_ENV": "embedded",
        "VAR_DIR": str(var),
        "PORT": str(port),
    }


async def every_account_works(environ: Mapping[str, str], desk: Program) -> None:
    async with asyncio.timeout(120):
        while "is running" not in desk.last_words():  # noqa: ASYNC110 (it tells nobody)
            await asyncio.sleep(0.1)
    _, out = await shell(environ, "accounts", "check", "--sandbox", "--json")
    told = json.loads(out)
    assert len(told) == 7
    assert [one for one in told if not one["works"]] == []


@pytest.mark.long
async def test_every_account_works_and_the_address_leads_to_the_page(
    database_url: str, redis_url: str, free_port: int, tmp_path: Path
) -> None:
    environ = sandbox_environ(database_url, redis_url, free_port, tmp_path)
    here = f"http://127.0.0.1:{free_port}"
    async with programs() as running:
        desk = running.add("up", ("-m", "bot.app", "up", "--sandbox"), environ, health=here)
        await desk.start()
        async with aiohttp.ClientSession() as session, session.get(here) as page:
            assert page.url.path.startswith("/sandbox")
            assert "Write as a customer" in await page.text()
        await every_account_works(environ, desk)
        desk.terminate()
        assert await desk.ended(30) == 0


@pytest.mark.long
async def test_two_sandboxes_side_by_side_have_mail_servers_of_their_own(
    database_url: str, second_database_url: str, redis_url: str, tmp_path: Path
) -> None:
    mailboxes = []
    async with programs() as running:
        for n, url in enumerate((database_url, second_database_url)):
            port, var = free_port(), tmp_path / str(n)
            environ = sandbox_environ(url, redis_url, port, var)
            words = ("-m", "bot.app", "up", "--sandbox")
            desk = running.add(f"up {n}", words, environ, health=f"http://127.0.0.1:{port}")
            await desk.start()
            await every_account_works(environ, desk)
            instance = running_instance(var)
            assert instance is not None
            assert instance.port == port
            mailboxes += instance.mail or ()
    assert len(set(mailboxes)) == 4
