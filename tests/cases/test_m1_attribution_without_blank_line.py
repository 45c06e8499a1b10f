"""Words right above an attribution are the author's."""

from pathlib import Path

from connectors.email.reading import read


def test_the_address_above_the_attribution_is_new(case: Path) -> None:
    raw = (case / "reply.eml").read_bytes()
    new = read(raw, trusted_servers=(), own_addresses=()).new
    assert new == "My new address:\nMaria Example\n12 Harbour Street\nBristol"
