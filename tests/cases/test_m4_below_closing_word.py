"""Words below a closing word are the author's."""

from pathlib import Path

from connectors.email.reading import read


def test_the_order_number_is_kept(case: Path) -> None:
    new = read((case / "mail.eml").read_bytes(), trusted_servers=(), own_addresses=()).new
    assert new.endswith("my order number is 4711 and the model is 90-B")
