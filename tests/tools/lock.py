"""Write the lock files: versions and hashes for Python 3.11 to 3.13 on Linux and macOS, and no address."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROJECT = "pyproject.toml"
LOCKS = {  # the options for each, and what it needs beside the project
    "requirements.lock": ((PROJECT, "--extra", "embedded"), "setuptools>=77"),  # for running
    "requirements-dev.lock": ((PROJECT, "--extra", "embedded", "--extra", "dev"), ""),  # and for testing
    "requirements-uv.lock": ((), "uv"),  # for installing both
}
_ALLOWED_LINE = re.compile(
    r"[a-z0-9._-]+==[A-Za-z0-9.!+_-]+( ; [^/]+)? \\"  # a version, where it depends with an environment marker
    r"|    --hash=sha256:[0-9a-f]{64}( \\)?"
)


def faults(text: str) -> list[str]:
    """Return the lines that are neither a pinned version nor a hash: addresses, options, paths."""
    return [line for line in text.splitlines() if not _ALLOWED_LINE.fullmatch(line)]


def main() -> int:
    """Write all locks, or none of them."""
    compiled = {name: _compiled(*made_of) for name, made_of in LOCKS.items()}
    for name, text in compiled.items():
        if wrong := faults(text):
            print(f"No lock was written; {len(wrong)} lines have no place in {name}:", file=sys.stderr)
            print("\n".join(wrong[:5]), file=sys.stderr)
            return 1
    for name, text in compiled.items():
        (ROOT / name).write_text(text, "utf-8")
    return 0


def _compiled(options: tuple[str, ...], beside: str) -> str:
    sources = (*options, "-") if beside else options
    return subprocess.run(
        [
            *(sys.executable, "-m", "uv", "pip", "compile", *sources, "--quiet", "--upgrade"),
            *("--universal", "--python-version", "3.11", "--generate-hashes"),
            *("--no-header", "--no-annotate", "--no-emit-index-url"),
        ],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
        input=beside,
    ).stdout


if __name__ == "__main__":
    sys.exit(main())
