"""Text with a size of its own is seen, whatever stands around it."""

from pathlib import Path

from connectors.email.reading import read


def test_the_sentence_is_read(case: Path) -> None:
    new = read((case / "mail.eml").read_bytes(), trusted_servers=(), own_addresses=()).new
    assert new == "My order 4711 never arrived."
