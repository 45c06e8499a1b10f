"""Text that a style strikes out is struck out."""

from pathlib import Path

from connectors.email.reading import read


def test_the_items_that_are_done_are_struck_out(case: Path) -> None:
    new = read((case / "mail.eml").read_bytes(), trusted_servers=(), own_addresses=()).new
    assert new == "Still open:\n\n- ~~login~~\n- ~~export~~\n- invoice"
