"""Mails by what makes them hard to divide. `pytest -s` on this file prints how many of each are right."""

from collections import Counter

import pytest

from connectors.email.reading import read
from tests.connectors.email.reading.kinds import kinds


@pytest.mark.long
def test_the_new_part_of_mails_is_told_kind_by_kind() -> None:
    seen: Counter[str] = Counter()
    lost: Counter[str] = Counter()
    wrong: dict[str, list[str]] = {}
    for case in kinds():
        new = read(case.raw, trusted_servers=(), own_addresses=()).new
        seen[case.kind] += 1
        if new != case.new:
            wrong.setdefault(case.kind, []).append(f"{case.name}: {new!r} for {case.new!r}")
            lost[case.kind] += not set(case.new.split()) <= set(new.split())
    for kind, count in seen.items():
        misses = len(wrong.get(kind, ()))
        print(f"{kind:28} {count - misses:4} of {count:4} right, {lost[kind]:4} lost words")
    assert not wrong
