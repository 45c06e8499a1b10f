"""The holder writes a list of tasks to a customer on Telegram."""

from pathlib import Path

from connectors.telegram.markdown import rendered


def test_the_open_task_has_an_empty_box(case: Path) -> None:
    still_open, done = rendered((case / "staff-writes.txt").read_text()).text.strip().splitlines()
    assert still_open.startswith("☐")
    assert not done.startswith(("☐", "☑"))
