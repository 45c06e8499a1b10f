"""Write requirements.lock: versions and hashes for Python 3.11 to 3.13 on Linux and macOS, and no address."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOCK = ROOT / "requirements.lock"
_ALLOWED_LINE = re.compile(
    r"[a-z0-9._-]+==[A-Za-z0-9.!+_-]+( ; [^/]+)? \\"  # a version, where it depends with an environment marker
    r"|    --hash=sha256:[0-9a-f]{64}( \\)?"
)


def faults(text: str) -> list[str]:
    """Lines that are neither a pinned version nor a hash: addresses, options, paths."""
    return [line for line in text.splitlines() if not _ALLOWED_LINE.fullmatch(line)]


def main() -> int:
    compiled = subprocess.run(
        [
            *(sys.executable, "-m", "uv", "pip", "compile", "pyproject.toml", "--quiet", "--upgrade"),
            *("--extra", "embedded", "--extra", "dev", "--universal", "--python-version", "3.11"),
            *("--generate-hashes", "--no-header", "--no-annotate", "--no-emit-index-url"),
        ],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    if wrong := faults(compiled):
        print(
            f"requirements.lock was left as it was; {len(wrong)} lines have no place in it:", file=sys.stderr
        )
        print("\n".join(wrong[:5]), file=sys.stderr)
        return 1
    LOCK.write_text(compiled, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
