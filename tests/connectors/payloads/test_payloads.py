"""Each payload of the corpus is taken for what it is, on every channel."""

from collections import Counter

import pytest

from tests.connectors.payloads.corpus import Kind
from tests.connectors.payloads.reading import CORPUS, kind_of


@pytest.mark.parametrize("channel", CORPUS)
def test_each_payload_is_taken_for_what_it_is(channel: str) -> None:
    payloads, read = CORPUS[channel]
    found = {payload.name: kind_of(read(payload.body)) for payload in payloads}

    right = Counter(payload.kind for payload in payloads if found[payload.name] is payload.kind)
    counted = Counter(payload.kind for payload in payloads)
    print(f"\n{channel}: " + ", ".join(f"{kind} {right[kind]}/{counted[kind]}" for kind in Kind))
    assert len(found) == len(payloads), "two payloads have one name"
    assert found == {payload.name: payload.kind for payload in payloads}
