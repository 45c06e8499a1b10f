"""Define who handles a conversation: the state machine of owners, all of it in one table."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from bot.core.conversation import OwnerKind
from bot.core.errors import TurnFailed


class Cause(StrEnum):
    """A reason for a change of owner."""

    HANDED_TO_AGENT = "handed_to_agent"  # a rule of the agent names another agent
    ESCALATED = "escalated"  # handed to a team's queue
    CALLED_NEXT = "called_next"  # nobody took it: the next target of the ladder
    TAKEN = "taken"  # taken by a person, also from another person
    ASSIGNED = "assigned"  # assigned to a person, for whom it waits in the queue until they take it
    HOLDER_LEFT = "holder_left"  # the holder cannot answer any more: back to the team's queue
    RETURNED = "returned"  # returned to the agent
    RESOLVED = "resolved"
    # After Resolve or Return:
    REOPENED_TO_AGENT = "reopened_to_agent"  # the customer wrote again within the window
    REOPENED_TO_TEAM = "reopened_to_team"  # the same, or the closing was undone and nobody had held it
    REOPENED_TO_PERSON = "reopened_to_person"  # this person reopened it, or undid the closing


@dataclass(frozen=True, slots=True)
class Impossible:
    """A transition that cannot happen. `reason` is a sentence that says why."""

    reason: str


_AGENT, _QUEUE, _PERSON, _FLOW = OwnerKind.AGENT, OwnerKind.QUEUE, OwnerKind.PERSON, OwnerKind.FLOW
_NOT_ESCALATED = Impossible("No escalation is open.")
_NOT_CLOSED = Impossible("Its escalation is still open.")
_NOT_HELD = Impossible("Nobody holds it.")
_HELD = Impossible("A person holds it: no other team is called.")
_BY_PEOPLE = Impossible("Its escalation is open: only Resolve and Return give it to an agent.")
_ESCALATED = Impossible("It is escalated already.")
_NEVER_CLOSED = Impossible("Resolve and Return give it to an agent, so that a flow has none to reopen.")

TRANSITIONS: Final[Mapping[tuple[OwnerKind, Cause], OwnerKind | Impossible]] = MappingProxyType(
    {
        (_FLOW, Cause.HANDED_TO_AGENT): _AGENT,
        (_FLOW, Cause.ESCALATED): _QUEUE,
        (_FLOW, Cause.CALLED_NEXT): _NOT_ESCALATED,
        (_FLOW, Cause.TAKEN): _NOT_ESCALATED,
        (_FLOW, Cause.ASSIGNED): _NOT_ESCALATED,
        (_FLOW, Cause.HOLDER_LEFT): _NOT_ESCALATED,
        (_FLOW, Cause.RETURNED): _NOT_ESCALATED,
        (_FLOW, Cause.RESOLVED): _NOT_ESCALATED,
        (_FLOW, Cause.REOPENED_TO_AGENT): _NEVER_CLOSED,
        (_FLOW, Cause.REOPENED_TO_TEAM): _NEVER_CLOSED,
        (_FLOW, Cause.REOPENED_TO_PERSON): _NEVER_CLOSED,
        (_AGENT, Cause.HANDED_TO_AGENT): _AGENT,
        (_AGENT, Cause.ESCALATED): _QUEUE,
        (_AGENT, Cause.CALLED_NEXT): _NOT_ESCALATED,
        (_AGENT, Cause.TAKEN): _NOT_ESCALATED,
        (_AGENT, Cause.ASSIGNED): _NOT_ESCALATED,
        (_AGENT, Cause.HOLDER_LEFT): _NOT_ESCALATED,
        (_AGENT, Cause.RETURNED): _NOT_ESCALATED,
        (_AGENT, Cause.RESOLVED): _NOT_ESCALATED,
        (_AGENT, Cause.REOPENED_TO_AGENT): _AGENT,
        (_AGENT, Cause.REOPENED_TO_TEAM): _QUEUE,
        (_AGENT, Cause.REOPENED_TO_PERSON): _PERSON,
        (_QUEUE, Cause.HANDED_TO_AGENT): _BY_PEOPLE,
        (_QUEUE, Cause.ESCALATED): _ESCALATED,
        (_QUEUE, Cause.CALLED_NEXT): _QUEUE,
        (_QUEUE, Cause.TAKEN): _PERSON,
        (_QUEUE, Cause.ASSIGNED): _QUEUE,
        (_QUEUE, Cause.HOLDER_LEFT): _NOT_HELD,
        (_QUEUE, Cause.RETURNED): _AGENT,
        (_QUEUE, Cause.RESOLVED): _AGENT,
        (_QUEUE, Cause.REOPENED_TO_AGENT): _NOT_CLOSED,
        (_QUEUE, Cause.REOPENED_TO_TEAM): _NOT_CLOSED,
        (_QUEUE, Cause.REOPENED_TO_PERSON): _NOT_CLOSED,
        (_PERSON, Cause.HANDED_TO_AGENT): _BY_PEOPLE,
        (_PERSON, Cause.ESCALATED): _ESCALATED,
        (_PERSON, Cause.CALLED_NEXT): _HELD,
        (_PERSON, Cause.TAKEN): _PERSON,
        (_PERSON, Cause.ASSIGNED): _QUEUE,
        (_PERSON, Cause.HOLDER_LEFT): _QUEUE,
        (_PERSON, Cause.RETURNED): _AGENT,
        (_PERSON, Cause.RESOLVED): _AGENT,
        (_PERSON, Cause.REOPENED_TO_AGENT): _NOT_CLOSED,
        (_PERSON, Cause.REOPENED_TO_TEAM): _NOT_CLOSED,
        (_PERSON, Cause.REOPENED_TO_PERSON): _NOT_CLOSED,
    }
)
"""The kind of the next owner after each cause, for each kind of owner, or why there is none."""


def pass_on(kind: OwnerKind, cause: Cause) -> OwnerKind:
    """Return the kind of the next owner. Raises TurnFailed, with the reason, where there is none."""
    after = TRANSITIONS[kind, cause]
    if isinstance(after, Impossible):
        raise TurnFailed(f"a conversation of a {kind} cannot be {cause}: {after.reason}")
    return after


def transitions_as_markdown() -> str:
    """Draw the table of transitions: a row for each cause, a column for each kind of owner."""
    lines = [
        f"| cause | {' | '.join(f'{kind} owns it' for kind in OwnerKind)} |",
        "|---" * (len(OwnerKind) + 1) + "|",
    ]
    for cause in Cause:
        cells = (_cell(TRANSITIONS[kind, cause]) for kind in OwnerKind)
        lines.append(f"| `{cause}` | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _cell(after: OwnerKind | Impossible) -> str:
    return f"never: {after.reason}" if isinstance(after, Impossible) else f"**{after}**"
