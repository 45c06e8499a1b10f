"""`desk …` in a shell beside a running desk, with an organization file of its own on disk."""

import asyncio
import json
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from orgs.documents import to_document
from tests.story.rig import ROOT, SAMPLE, Change, Rig, mail_at, organization, quick


class Ran(NamedTuple):
    code: int
    out: str


async def desk(r: Rig, *words: str) -> Ran:
    """Run `desk WORDS` as its users do, without a terminal, on the desk's own database."""
    return await shell(r.settings.environ, *words)


async def shell(environ: Mapping[str, str], *words: str) -> Ran:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot.app", *words),
        cwd=ROOT,
        env={**os.environ, **environ},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await process.communicate()
    return Ran(process.returncode or 0, out.decode())


def written(r: Rig, folder: Path, *changes: Change, every_channel: bool = False) -> Path:
    """Write the rig's organization, changed, as a file that can be applied."""
    mail = mail_at(r.sandbox.mail.smtp.port, r.sandbox.mail.imap.port)
    loaded = organization(quick, mail, *changes, every_channel=every_channel)
    folder.mkdir(exist_ok=True)
    if not (folder / "knowledge").exists():
        shutil.copytree(SAMPLE / "knowledge", folder / "knowledge")
    path = folder / "organization.yaml"
    path.write_text(json.dumps(to_document(loaded.organization)), "utf-8")
    return path


def without_person(name: str) -> Change:
    """Nobody of that name is among the people any more, nor in a team."""

    def change(document: dict[str, object]) -> None:
        document["people"] = [one for one in document["people"] if one["id"] != name]  # type: ignore[attr-defined]
        for team in document["teams"]:  # type: ignore[attr-defined]
            team["people"] = [one for one in team["people"] if one != name]

    return change


def without_member(team_id: str, name: str) -> Change:
    """The person is in that team no more."""

    def change(document: dict[str, object]) -> None:
        for team in document["teams"]:  # type: ignore[attr-defined]
            if team["id"] == team_id:
                team["people"] = [one for one in team["people"] if one != name]

    return change
