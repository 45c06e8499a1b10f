"""The ground of a newcomer's first two commands."""

import ast
import os
import re
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path

import pytest

from tests.tools.lock import LOCKS, faults

ROOT = Path(__file__).resolve().parents[2]
LOCK = (ROOT / "requirements-dev.lock").read_text("utf-8")


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_holds_nothing_but_versions_and_hashes(name: str) -> None:
    lock = (ROOT / name).read_text("utf-8")
    assert faults(lock) == []
    pins = re.split(r"\n(?=\S)", lock.strip())
    assert [pin.splitlines()[0] for pin in pins if "--hash=sha256:" not in pin] == []


def test_the_lock_of_the_image_pins_the_versions_that_were_tested() -> None:
    runs = (ROOT / "requirements.lock").read_text("utf-8")
    pins = [line for line in runs.splitlines() if "==" in line]
    assert len(pins) > 50
    assert set(pins) <= set(LOCK.splitlines())
    assert not any(pin.startswith(("pytest==", "mypy==", "playwright==", "ruff==")) for pin in pins)


@pytest.mark.parametrize(
    "line",
    [
        "--index-url https://pypi.example/simple",
        "x @ file:///x.whl",
        "x==1 # via /home",
        "-e .",
        "x>=1",
        "x==1 \\ --a",
    ],
)
def test_an_address_or_an_option_in_the_lock_is_found(line: str) -> None:
    assert faults(f"{LOCK}{line}\n") == [line]


def test_the_lock_pins_everything_the_project_names() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    named = {
        re.split(r"[\[<>=~! ]", line)[0].lower()
        for line in (*project["dependencies"], *extras["embedded"], *extras["dev"])
    }
    pinned = {line.partition("==")[0] for line in LOCK.splitlines() if "==" in line}
    assert named - pinned == set()


def test_make_knows_its_targets() -> None:
    for target in ("run", "test", "test-all", "chaos", "bench", "lock", "clean"):
        done = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


def test_continuous_integration_calls_make_test() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert script.read_text("utf-8").splitlines()[-1] == "exec make test"


def test_an_old_python_is_refused_with_a_sentence(tmp_path: Path) -> None:
    old = tmp_path / "python3"
    old.write_text("#!/bin/sh\nexit 1\n", "ascii")
    old.chmod(0o755)
    done = subprocess.run(
        ["make", "run", f"PYTHON={old}", f"VENV={tmp_path / 'venv'}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "Python 3.11 or newer is needed" in done.stderr
    assert not (tmp_path / "venv").exists()


def test_a_given_chromium_that_is_no_program_is_refused() -> None:
    done = subprocess.run(
        [ROOT / "tests" / "tools" / "chromium", sys.executable],
        env=os.environ | {"CHROMIUM": "/nowhere/chromium"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "CHROMIUM is /nowhere/chromium" in done.stderr


def test_the_lowest_floor_imports_the_standard_library_alone() -> None:
    allowed = sys.stdlib_module_names | {"bot"}
    for file in (ROOT / "bot" / "core").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            match node:
                case ast.Import(names=names):
                    imported = [name.name for name in names]
                case ast.ImportFrom(module=str(module), level=0):
                    imported = [module]
                case _:
                    continue
            assert {name.partition(".")[0] for name in imported} <= allowed, file
            assert all(name.startswith("bot.core") for name in imported if name.startswith("bot")), file


def test_no_file_of_the_project_names_a_place_on_one_machine() -> None:
    home = re.compile(r"/(?:home|Users)/[a-z]\w+/|(?<![\w.])/root/")
    for folder in ("bot", "connectors", "flows", "orgs", "storage"):
        for file in (ROOT / folder).rglob("*.py"):
            assert not home.search(file.read_text("utf-8")), file


def test_every_package_carries_its_data() -> None:
    """Setuptools takes data by suffix; a new kind of file must be named in pyproject.toml."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    patterns = project["tool"]["setuptools"]["package-data"]["*"]
    for folder in ("bot", "connectors", "flows", "orgs", "storage"):
        for file in (ROOT / folder).rglob("*"):
            if file.is_file() and "__pycache__" not in file.parts and file.suffix != ".py":
                assert any(file.match(pattern) for pattern in patterns), (
                    f"{file} is in no package-data pattern"
                )


def test_desk_help_loads_nothing_that_only_commands_need() -> None:
    """The whole program takes two seconds of CPU to load, and whoever asks for help waits for it."""
    asked = "import sys; from bot.app.cli import run; run(['--help']); print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", asked], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "conversations" in done.stdout
    loaded = {name.partition(".")[0] for name in done.stderr.split()}
    assert loaded >= {"bot", "typer"}
    assert (
        loaded & {"storage", "connectors", "orgs", "sqlalchemy", "psycopg", "redis", "aiohttp", "pydantic"}
        == set()
    )


def test_a_declared_channel_loads_no_connector() -> None:
    asked = "import sys; from bot.app.channels import CHANNELS; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", asked], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "connectors.telegram.capabilities" in loaded
    assert {name for name in loaded if name.endswith(".connector") and name.startswith("connectors")} == set()
    assert {name.partition(".")[0] for name in loaded} & {
        "telegram",
        "slack_sdk",
        "aiohttp",
        "httpx",
    } == set()


NO_VERBS = [
    "a",
    "all",
    "an",
    "any",
    "as",
    "at",
    "by",
    "each",
    "every",
    "for",
    "from",
    "how",
    "in",
    "it",
    "none",
    "nothing",
    "of",
    "on",
    "one",
    "our",
    "raises",
    "returns",
    "that",
    "the",
    "their",
    "this",
    "those",
    "to",
    "until",
    "what",
    "when",
    "where",
    "whether",
    "which",
    "who",
    "whoever",
    "whose",
    "why",
    "with",
    "without",
]


@cache
def documented() -> list[tuple[Path, type[ast.AST], str, str]]:
    """List what has a docstring in our code: its file, kind, name with line, and first line."""
    kinds = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    return [
        (
            file.relative_to(ROOT),
            type(node),
            "" if isinstance(node, ast.Module) else f"{node.lineno} {node.name}",
            told.splitlines()[0],
        )
        for folder in ("bot", "connectors", "flows", "orgs", "storage")
        for file in (ROOT / folder).rglob("*.py")
        if "migrations" not in file.parts
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, kinds) and (told := ast.get_docstring(node))
    ]


def test_docstrings_of_functions_begin_with_a_verb() -> None:
    clauses = [
        f"{file}:{name}: {told}"
        for file, kind, name, told in documented()
        if kind in (ast.FunctionDef, ast.AsyncFunctionDef)
        and told.split()[0].lower().rstrip(",.:") in NO_VERBS
    ]
    assert clauses == []


CLAUSES = ("how", "of", "that", "until", "what", "when", "where", "whether", "which", "who", "whose", "why")


def test_docstrings_of_classes_and_modules_name_what_they_are() -> None:
    clauses = [
        f"{file}:{name}: {told}"
        for file, kind, name, told in documented()
        if kind in (ast.ClassDef, ast.Module) and told.split()[0].lower().rstrip(",.:") in CLAUSES
    ]
    assert clauses == []
