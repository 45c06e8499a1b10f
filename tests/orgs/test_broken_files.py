"""Every broken file beside this one is told what is wrong with it, word for word.

To accept new wording after reading it: `ACCEPT_GOLDEN=1 pytest tests/orgs/test_broken_files.py`.
"""

import os
from pathlib import Path

import pytest

from bot.app.channels import CHANNELS
from bot.core.errors import InvalidOrganization
from orgs.loading import lint, load
from orgs.problems import Severity

BROKEN = Path(__file__).parent / "broken"
FILES = sorted(BROKEN.glob("*.yaml"))


def _told(path: Path) -> str:
    lines = [str(problem).replace(str(BROKEN) + os.sep, "") for problem in lint(path, CHANNELS)]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_broken_file_is_told_what_is_wrong_and_where(path: Path) -> None:
    expected = path.with_suffix(".expected.txt")
    told = _told(path)
    if os.environ.get("ACCEPT_GOLDEN") == "1":
        expected.write_text(told)
    assert told == expected.read_text()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_file_with_an_error_is_not_loaded_and_one_with_warnings_is(path: Path) -> None:
    problems = lint(path, CHANNELS)
    assert problems
    if any(problem.severity is Severity.ERROR for problem in problems):
        with pytest.raises(InvalidOrganization) as caught:
            load(path, CHANNELS)
        assert caught.value.problems == tuple(map(str, problems))
    else:
        assert load(path, CHANNELS).warnings == tuple(problems)


def test_there_are_enough_broken_files_and_no_text_without_one() -> None:
    assert len(FILES) >= 25
    texts = {path.name.removesuffix(".expected.txt") for path in BROKEN.glob("*.expected.txt")}
    assert texts == {path.stem for path in FILES}


def test_a_file_too_large_is_refused_before_it_is_parsed(tmp_path: Path) -> None:
    path = tmp_path / "organization.yaml"
    path.write_bytes(b"a" * (256 * 1024 + 1))
    assert [problem.code for problem in lint(path)] == ["file.size"]


def test_a_missing_file_is_a_problem_and_not_a_crash(tmp_path: Path) -> None:
    assert [problem.code for problem in lint(tmp_path)] == ["file.unreadable"]


def test_a_secret_found_in_the_file_is_not_repeated() -> None:
    for name in ("secret-in-the-file", "secret-in-a-wrong-key"):
        told = _told(BROKEN / f"{name}.yaml")
        assert "AAF-not" not in told
        assert "xoxb" not in told
