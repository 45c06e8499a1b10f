"""Draw what imports what into docs/architecture.md: the packages of pyproject.toml's layers, from the code.

`python -m tests.tools.layers` writes it; `tests/platform/test_architecture.py` fails where it is out of date.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import grimp

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "architecture.md"
BEGIN, END = "<!-- made by python -m tests.tools.layers -->", "<!-- end of what is made -->"

Imports = Mapping[str, frozenset[str]]


@dataclass(frozen=True, slots=True)
class Contracts:
    """The import-linter contracts: the floors, highest first, and what a package is forbidden beside that."""

    names: tuple[str, ...]
    floors: tuple[frozenset[str], ...]
    apart: tuple[bool, ...]  # by floor: whether its packages may not import each other
    forbidden: Imports

    @property
    def packages(self) -> tuple[str, ...]:
        return tuple(name for floor in self.floors for name in sorted(floor))

    def allowed(self, package: str) -> frozenset[str]:
        """Return what a package may import: the floors below, and its own where that is allowed."""
        [at] = [at for at, floor in enumerate(self.floors) if package in floor]
        beside = frozenset() if self.apart[at] else self.floors[at] - {package}
        below = frozenset(name for floor in self.floors[at + 1 :] for name in floor)
        return (beside | below) - self.forbidden.get(package, frozenset())


def contracts() -> Contracts:
    """Read the contracts of pyproject.toml."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    found = project["tool"]["importlinter"]["contracts"]
    [layers] = [contract["layers"] for contract in found if contract["type"] == "layers"]
    floors = tuple(frozenset(re.findall(r"[\w.]+", layer)) for layer in layers)
    packages = {name for floor in floors for name in floor}
    return Contracts(
        names=tuple(contract["name"] for contract in found),
        floors=floors,
        apart=tuple("|" in layer for layer in layers),
        forbidden={
            source: frozenset(contract["forbidden_modules"]) & packages
            for contract in found
            if contract["type"] == "forbidden"
            for source in contract["source_modules"]
        },
    )


def imports(packages: Sequence[str]) -> Imports:
    """Return which of the packages each of them imports, anywhere in its code."""
    roots = sorted({package.partition(".")[0] for package in packages})
    graph = grimp.build_graph(*roots, cache_dir=None)

    def home(module: str) -> str:
        return next((name for name in packages if f"{module}.".startswith(f"{name}.")), "")

    found: dict[str, set[str]] = {package: set() for package in packages}
    for module in graph.modules:
        if package := home(module):
            found[package] |= {home(name) for name in graph.find_modules_directly_imported_by(module)}
    return {package: frozenset(others - {package, ""}) for package, others in found.items()}


def drawn(known: Contracts, found: Imports) -> str:
    """Return the part of the page that is made: the picture, the table and the list of contracts."""
    lines = ["```mermaid", "flowchart TD"]
    for number, floor in zip(range(len(known.floors), 0, -1), known.floors, strict=True):
        lines.append(f'  subgraph floor{number}["floor {number}"]')
        lines += [f'    {_node(name)}["{name}"]' for name in sorted(floor)]
        lines.append("  end")
    top, bottom = known.floors[0], known.floors[-1]
    lines += [
        f"  {_node(package)} --> {_node(other)}"
        for package in known.packages
        for other in sorted(found[package])
        if not ((package in top or other in bottom) and other in _reached(found, found[package] - {other}))
    ]
    lines += ["```", "", "| package | may import | imports now |", "|---|---|---|"]
    lines += [
        f"| `{package}` | {_allowance(known, package)} | {_listed(found[package])} |"
        for package in known.packages
    ]
    lines += ["", "The contracts:", "", *(f"- {name}" for name in known.names)]
    return "\n".join(lines)


def page_with(text: str, made: str) -> str:
    """Return the page's text with its made part replaced."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{made}\n{END}{after}"


def _reached(found: Imports, start: Iterable[str]) -> set[str]:
    """Return the packages that these import, and those that these import, and so on."""
    reached: set[str] = set()
    waiting = list(start)
    while waiting:
        new = found[waiting.pop()] - reached
        reached |= new
        waiting += new
    return reached


def _allowance(known: Contracts, package: str) -> str:
    """Return what a package may import in words: whole floors but one package, or single packages."""
    allowed = known.allowed(package)
    whole = [floor - {package} for floor in reversed(known.floors)]
    for count in range(2, len(whole) + 1) if len(allowed) > 1 else ():
        floors = frozenset().union(*whole[:count])
        if allowed <= floors and len(floors - allowed) <= 1:
            left_out = f" but {_listed(floors - allowed)}" if floors - allowed else ""
            return f"floors 1 to {count}{left_out}"
    return _listed(allowed)


def _node(package: str) -> str:
    return package.replace(".", "_")


def _listed(packages: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(packages)) or "nothing"


def main() -> None:
    known = contracts()
    text = page_with(PAGE.read_text("utf-8"), drawn(known, imports(known.packages)))
    PAGE.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
