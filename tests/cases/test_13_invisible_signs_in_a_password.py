"""A password goes to WhatsApp: what is copied is what was written."""

import re
from pathlib import Path

from connectors.rendering import to_whatsapp
from connectors.slack.reading import to_commonmark


def test_a_password_copied_from_whatsapp_is_as_it_was_written(case: Path) -> None:
    written = (case / "staff-writes.txt").read_text().strip()
    shown = to_whatsapp(to_commonmark(written, {}))
    assert shown.isascii()
    assert re.sub("`", "", shown) == written
