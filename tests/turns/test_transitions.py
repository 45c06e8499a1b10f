"""The table of transitions is complete, says why one cannot happen, and is what docs/owners.md shows.

To accept a changed table after reading it: `ACCEPT_GOLDEN=1 pytest tests/turns/test_transitions.py`.
"""

import os
from itertools import product
from pathlib import Path

import pytest

from bot.core.conversation import OwnerKind
from bot.core.errors import TurnFailed
from bot.turns.ownership import TRANSITIONS, Cause, Impossible, pass_on, transitions_as_markdown

PAGE = Path(__file__).parents[2] / "docs" / "owners.md"
INTRODUCTION = """# Owners of a conversation

One owner handles a conversation at any moment: a flow, an agent, a team's queue, or a person. Each cause of a
change leads to the kind of owner that the table names, or cannot happen. The table is generated from
`bot.turns.ownership.TRANSITIONS`.

"""


def test_every_pair_of_owner_and_cause_is_in_the_table() -> None:
    assert set(TRANSITIONS) == set(product(OwnerKind, Cause))


@pytest.mark.parametrize("pair", TRANSITIONS, ids="-".join)
def test_a_transition_leads_to_the_next_owner_or_fails_with_the_sentence_of_the_table(
    pair: tuple[OwnerKind, Cause],
) -> None:
    after = TRANSITIONS[pair]
    if isinstance(after, Impossible):
        assert after.reason.endswith(".")
        with pytest.raises(TurnFailed) as failure:
            pass_on(*pair)
        assert after.reason in str(failure.value)
    else:
        assert pass_on(*pair) is after


def test_every_owner_can_lose_the_conversation() -> None:
    for kind in OwnerKind:
        after = {TRANSITIONS[kind, cause] for cause in Cause}
        assert after & (set(OwnerKind) - {kind}), f"a {kind} keeps a conversation for ever"


def test_the_page_of_owners_shows_the_table() -> None:
    expected = INTRODUCTION + transitions_as_markdown()
    if os.environ.get("ACCEPT_GOLDEN") == "1":
        PAGE.write_text(expected, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == expected
