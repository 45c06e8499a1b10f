"""docs/architecture.md says what the code says: its picture, its names, its contracts."""

import ast
import inspect
import re
import textwrap
from functools import cache
from pathlib import Path
from typing import get_args

from bot.core.effects import Effect
from storage.effects import Writes
from tests.tools.layers import PAGE, ROOT, Contracts, contracts, drawn, imports, page_with

TEXT = PAGE.read_text("utf-8")


def test_the_picture_shows_what_the_code_imports() -> None:
    known = contracts()
    made = page_with(TEXT, drawn(known, imports(known.packages)))
    assert made == TEXT, "run `python -m tests.tools.layers`"


def test_each_name_on_the_page_is_in_the_code() -> None:
    names = sorted(set(re.findall(r"`((?:bot|connectors|flows|orgs|storage)(?:\.\w+)*)`", TEXT)))
    assert len(names) > 50
    assert [name for name in names if not _exists(name)] == []


def test_each_path_and_link_on_the_page_leads_somewhere() -> None:
    paths = re.findall(r"`((?:\w+/)+(?:\w+\.\w+)?)`", TEXT)
    links = re.findall(r"\]\(([^):]+)\)", TEXT)
    assert len(paths) > 5
    assert len(links) > 5
    assert [path for path in paths if not (ROOT / path).exists()] == []
    assert [link for link in links if not (PAGE.parent / link).exists()] == []


def test_a_name_that_is_not_in_the_code_is_noticed() -> None:
    assert not _exists("bot.turns.draft")
    assert not _exists("bot.turns.turn.Turn.because")
    assert _exists("bot.turns.turn.Turn.explain")


def test_a_package_that_imports_one_it_did_not_before_changes_the_picture() -> None:
    known = contracts()
    found = imports(known.packages)
    more = {**found, "bot.turns": found["bot.turns"] | {"storage"}}
    assert "bot_turns --> storage" in drawn(known, more)
    assert "bot_turns --> storage" not in drawn(known, found)


def test_an_import_that_a_contract_forbids_is_not_said_to_be_allowed() -> None:
    known = contracts()
    assert known.allowed("connectors") == {"bot.core"}
    assert known.allowed("storage") == {"orgs", "flows", "bot.core"}
    assert "bot.commands" in known.allowed("bot.jobs")
    apart = Contracts((), (frozenset({"a", "b"}), frozenset({"c"})), (True, True), {})
    assert apart.allowed("a") == {"c"}


def test_storage_has_a_case_for_each_effect() -> None:
    """The page tells whoever adds an effect to add one: an effect without it would be lost unnoticed."""
    add = ast.parse(textwrap.dedent(inspect.getsource(Writes.add)))
    cases = {
        pattern.cls.id
        for pattern in ast.walk(add)
        if isinstance(pattern, ast.MatchClass) and isinstance(pattern.cls, ast.Name)
    }
    assert cases == {kind.__name__ for kind in get_args(Effect)}


@cache
def _tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text("utf-8"))


def _exists(name: str) -> bool:
    """Return whether a dotted name is a package, a module, or what a module or a class in it defines."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        place = ROOT.joinpath(*parts[:length])
        file = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
        if file.exists():
            return _defines(_tree(file).body, parts[length:])
    return False


def _defines(body: list[ast.stmt], names: list[str]) -> bool:
    if not names:
        return True
    for node in body:
        match node:
            case ast.ClassDef(name=found, body=inside) if found == names[0]:
                return _defines(inside, names[1:])
            case ast.FunctionDef(name=found) | ast.AsyncFunctionDef(name=found):
                pass
            case ast.Assign(targets=[ast.Name(id=found)]) | ast.AnnAssign(target=ast.Name(id=found)):
                pass
            case _:
                continue
        if found == names[0]:
            return len(names) == 1
    return False
