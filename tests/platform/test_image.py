"""The Dockerfile, followed in a bare folder by an ordinary user, and what compose.yml starts.

Building installs everything once more, which takes a minute or two: `make image` asks for it.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.story.rig import ROOT

_NOBODY = 65534
_LONGEST = 600  # seconds: it installs everything


def instructions() -> list[tuple[str, str]]:
    lines = (ROOT / "Dockerfile").read_text("utf-8").splitlines()
    said = [line.partition(" ") for line in lines if line.strip() and not line.startswith("#")]
    return [(word, rest) for word, _, rest in said]


def services() -> dict[str, dict[str, object]]:
    found: dict[str, dict[str, object]] = yaml.safe_load((ROOT / "compose.yml").read_text("utf-8"))[
        "services"
    ]
    return found


def _allowed(source: str) -> bool:
    """Return whether .dockerignore lets the source into the image's context."""
    return f"!{source}" in (ROOT / ".dockerignore").read_text("utf-8").splitlines()


def _python() -> str:
    """A Python that an ordinary user can start: ours may lie below /root."""
    found = [Path("/usr/bin/python3"), Path(sys.executable).resolve()]
    for python in found if os.geteuid() == 0 else reversed(found):
        if python.exists() and _runs(str(python), "import sys, venv; sys.exit(sys.version_info < (3, 11))"):
            return str(python)
    pytest.skip("no Python 3.11 that an ordinary user can start")


def _runs(python: str, program: str) -> bool:
    return subprocess.run([python, "-c", program], check=False, **_as_ordinary_user()).returncode == 0


def _as_ordinary_user() -> dict[str, int]:
    return {"user": _NOBODY, "group": _NOBODY} if os.geteuid() == 0 else {}


class Image:
    """A folder in place of the image's file system."""

    def __init__(self, folder: Path, python: str) -> None:
        self.folder = folder
        self._python = python
        self.work = folder
        self.user = ""
        self.entry: list[str] = []
        self.command: list[str] = []

    def run(self, *words: str) -> "subprocess.CompletedProcess[str]":
        environ = {
            "PATH": f"{self.folder}/bin:{os.environ['PATH']}",
            "HOME": str(self.folder),
            "LANG": "C.UTF-8",
        }
        kept = {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "UV_", "SSL_"))}
        return subprocess.run(
            words,
            cwd=self.work,
            env=environ | kept,
            capture_output=True,
            text=True,
            timeout=_LONGEST,
            check=False,
            **_as_ordinary_user(),
        )

    def follow(self, word: str, rest: str) -> None:
        match word:
            case "FROM":
                assert re.fullmatch(r"python:3\.1[1-9]-slim", rest)
                bin_ = self.folder / "bin"
                bin_.mkdir()
                (bin_ / "python").symlink_to(self._python)
            case "WORKDIR":
                self.work = self.folder / rest.removeprefix("/")
                self.work.mkdir(parents=True)
                if os.geteuid() == 0:
                    os.chown(self.work, _NOBODY, _NOBODY)
            case "COPY":
                *sources, target = rest.split()
                for source in sources:
                    assert _allowed(source), f".dockerignore keeps {source} out"
                    self._copy(source, target)
            case "RUN":
                ours = f"{_NOBODY}:{_NOBODY}" if os.geteuid() == 0 else f"{os.getuid()}:{os.getgid()}"
                done = self.run("sh", "-euc", rest.replace("1000:1000", ours))
                assert done.returncode == 0, f"RUN {rest}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
            case "USER":
                self.user = rest
            case "ENTRYPOINT":
                self.entry = [word.replace("/srv", f"{self.folder}/srv", 1) for word in json.loads(rest)]
            case "CMD":
                self.command = json.loads(rest)
            case _:
                assert word in ("ENV", "EXPOSE")

    def _copy(self, source: str, target: str) -> None:
        place = self.work / (source if target == "./" else target)
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, place, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / source, place)


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    """The image, built. Not below pytest's own folder, which ordinary users cannot enter."""
    if not os.environ.get("IMAGE"):
        pytest.skip("building the image takes a minute or two: `make image`")
    folder = Path(tmp_path_factory.mktemp("x").root, "tmp", f"desk-image-{os.getpid()}")
    folder.mkdir()
    folder.chmod(0o755)
    try:
        built = Image(folder, _python())
        for word, rest in instructions():
            built.follow(word, rest)
        yield built
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def test_the_image_is_built_by_its_own_steps_and_runs_as_an_ordinary_user(image: Image) -> None:
    assert image.user == "1000:1000"
    done = image.run(*image.entry, *image.command, "--help")
    assert done.returncode == 0, done.stderr
    assert "Usage: desk serve" in done.stdout


def test_every_service_of_ours_starts_a_command_that_there_is(image: Image) -> None:
    ours = {name: service for name, service in services().items() if service["image"] == "agents-market"}
    assert set(ours) == {"migrate", "serve", "work", "jobs"}
    for service in ours.values():
        words = [str(word) for word in service["command"]]  # type: ignore[attr-defined]
        done = image.run(*image.entry, *words, "--help")
        assert (done.returncode, f"Usage: desk {' '.join(words)}" in done.stdout) == (0, True), done.stderr


def test_the_compose_file_waits_for_what_it_needs_and_names_what_it_has() -> None:
    written = yaml.safe_load((ROOT / "compose.yml").read_text("utf-8"))
    for service in services().values():
        assert set(service.get("depends_on", {})) <= set(services())  # type: ignore[call-overload]
        for volume in service.get("volumes", ()):  # type: ignore[attr-defined]
            assert volume.partition(":")[0] in written["volumes"]
    assert services()["work"]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}  # type: ignore[index]
