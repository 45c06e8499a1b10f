"""UTF-8 that says it is Chinese is UTF-8."""

from pathlib import Path

from connectors.email.reading import read


def test_the_prices_are_read(case: Path) -> None:
    new = read((case / "mail.eml").read_bytes(), trusted_servers=(), own_addresses=()).new
    assert new == "Prices 10–20 € café"
