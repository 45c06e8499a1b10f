"""The holder picks standard emoji in Slack."""

from pathlib import Path

from connectors.slack.reading import to_commonmark


def test_each_standard_emoji_is_a_picture(case: Path) -> None:
    written = (case / "staff-writes.txt").read_text().strip()
    assert to_commonmark(written, {}) == "🇩🇪 🤷\u200d♀️ 🫠 🥰 1️⃣ 🇪🇺"
