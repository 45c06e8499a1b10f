"""A header that was pasted into a mail which answers none is content."""

from pathlib import Path

from connectors.email.reading import read


def test_the_whole_text_is_new(case: Path) -> None:
    raw = (case / "mail.eml").read_bytes()
    new = read(raw, trusted_servers=(), own_addresses=()).new
    assert new == raw.decode().partition("\n\n")[2].strip()
