"""One program on one folder, and commands that find it; as real processes, side by side."""

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path

import aiohttp
import pytest

from bot.app.embedded.server_files import free_port
from bot.app.instance import Instance, only_instance, running_instance
from bot.core.errors import SettingsError
from tests.chaos.processes import Program, programs
from tests.story.rig import ROOT

UP = ("-m", "bot.app", "up", "--sandbox")


async def shell(var: Path, *words: str, **environ: str) -> tuple[int, str, str]:
    """`desk …` in another shell, with no variable but the folder: the exit code, and what it printed."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot.app", *words),
        cwd=ROOT,
        env={**os.environ, "VAR_DIR": str(var), **environ},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


async def answering(program: Program) -> None:
    """Wait until it says that it runs: by then the platforms know where it is."""
    await program.start()
    async with asyncio.timeout(120):
        while "is running" not in program.last_words():  # noqa: ASYNC110 (it tells nobody)
            await asyncio.sleep(0.05)


async def mail_comes_back(url: str) -> list[Mapping[str, object]]:
    """Maya writes a mail, and reads what is answered."""
    async with aiohttp.ClientSession(f"{url}/") as client:
        written = {"user": "Maya Fischer", "subject": "Team", "text": "How do I invite my team?"}
        async with client.post("sandbox/api/email/write", json=written) as response:
            assert response.status == 200, await response.text()
        async with asyncio.timeout(120):
            while True:
                async with client.get("sandbox/api/email/box", params={"user": "Maya Fischer"}) as response:
                    letters = (await response.json())["letters"]
                if found := [each for each in letters if each["folder"] == "inbox"]:
                    return found
                await asyncio.sleep(0.1)


@pytest.mark.long
async def test_two_programs_in_two_folders_have_nothing_in_common(var: Path) -> None:
    async with programs() as started:
        desks = []
        for name in ("one", "two"):
            port = free_port()
            here = f"http://127.0.0.1:{port}"
            environ = {"VAR_DIR": str(var / name), "PORT": str(port), "DATABASE_URL": "", "REDIS_URL": ""}
            desks.append((var / name, started.add(name, UP, environ, health=here)))
        await asyncio.gather(*(answering(program) for _, program in desks))

        for folder, _ in desks:  # without PORT: the folder knows it
            code, out, _ = await shell(folder, "accounts", "check", "--sandbox", "--json")
            assert [one for one in json.loads(out) if not one["works"]] == []
            assert code == 0
        answers = await asyncio.gather(*(mail_comes_back(program.health) for _, program in desks))
        assert [len(letters) for letters in answers] == [1, 1]
        for folder, _ in desks:
            _, out, _ = await shell(folder, "conversations", "--json")
            assert [each["channel"] for each in json.loads(out)] == ["email"]

        folder, first = desks[0]
        code, _, err = await shell(folder, "up", "--sandbox", PORT=str(free_port()))
        assert code == 1
        assert f"Agents Market already runs at {first.health} on the data in {folder}" in err

        await first.kill()
        assert (folder / "instance.json").exists()  # as a crash leaves it
        code, _, err = await shell(folder, "accounts", "check", "--sandbox")
        assert (code, err.startswith(f"desk: no sandbox runs on the data in {folder}")) == (1, True)
        await answering(first)
        first.terminate()
        assert await first.ended(30) == 0
        assert not (folder / "instance.json").exists()


@pytest.mark.long
async def test_a_port_that_is_taken_is_told_before_anything_is_started(var: Path) -> None:
    async with await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0) as other:
        port = other.sockets[0].getsockname()[1]
        code, _, err = await shell(var, "up", "--sandbox", PORT=str(port), DATABASE_URL="", REDIS_URL="")
    assert code == 1
    assert err.splitlines()[-1] == (
        f"desk: port {port} cannot be used (Address already in use): stop what listens there, or choose"
        f" another: PORT={port + 1}"
    )
    assert not (var / "postgres").exists()


@pytest.mark.long
async def test_a_command_typed_in_the_wrong_folder_makes_nothing_there(tmp_path: Path) -> None:
    code, _, err = await shell(tmp_path / "var", "conversations", DATABASE_URL="", REDIS_URL="")
    assert code == 1
    assert err.startswith(f"desk: there is no data in {tmp_path / 'var'}: type this in the folder where")
    assert not (tmp_path / "var").exists()


@pytest.mark.long
async def test_a_folder_has_one_program_and_knows_it_only_while_it_lives(tmp_path: Path) -> None:
    assert running_instance(tmp_path) is None
    async with only_instance(tmp_path) as file:
        assert running_instance(tmp_path) is None  # it does not answer yet
        file.write(Instance(port=9000, mail=(1, 2)))
        assert running_instance(tmp_path) == Instance(port=9000, mail=(1, 2))
        with pytest.raises(SettingsError, match=r"already runs at http://127\.0\.0\.1:9000"):
            async with only_instance(tmp_path):
                pass
    assert running_instance(tmp_path) is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"port": 1}', '{"port": "x", "mail": null}'])
async def test_a_record_that_cannot_be_read_is_none(tmp_path: Path, text: str) -> None:
    async with only_instance(tmp_path):
        (tmp_path / "instance.json").write_text(text, "utf-8")
        assert running_instance(tmp_path) is None
