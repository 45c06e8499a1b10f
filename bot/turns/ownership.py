"""Define who handles a conversation: the state machine of owners, all of it in one table."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

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


_AGENT, _QUEUE, _PERSON, _FLOW = OwnerKind.AGENT, OwnerKind.QUEUE, OwnerKind.PERSON, OwnerKind.FLOW

TRANSITIONS: Mapping[tuple[OwnerKind, Cause], OwnerKind] = MappingProxyType(
    {
        (_FLOW, Cause.HANDED_TO_AGENT): _AGENT,
        (_FLOW, Cause.ESCALATED): _QUEUE,
        (_AGENT, Cause.HANDED_TO_AGENT): _AGENT,
        (_AGENT, Cause.ESCALATED): _QUEUE,
        (_AGENT, Cause.REOPENED_TO_AGENT): _AGENT,
        (_AGENT, Cause.REOPENED_TO_TEAM): _QUEUE,
        (_AGENT, Cause.REOPENED_TO_PERSON): _PERSON,
        (_QUEUE, Cause.CALLED_NEXT): _QUEUE,
        (_QUEUE, Cause.ASSIGNED): _QUEUE,
        (_QUEUE, Cause.TAKEN): _PERSON,
        (_QUEUE, Cause.RETURNED): _AGENT,
        (_QUEUE, Cause.RESOLVED): _AGENT,
        (_PERSON, Cause.ASSIGNED): _QUEUE,
        (_PERSON, Cause.TAKEN): _PERSON,
        (_PERSON, Cause.HOLDER_LEFT): _QUEUE,
        (_PERSON, Cause.RETURNED): _AGENT,
        (_PERSON, Cause.RESOLVED): _AGENT,
    }
)


def allowed(kind: OwnerKind, cause: Cause) -> bool:
    return (kind, cause) in TRANSITIONS


def pass_on(kind: OwnerKind, cause: Cause) -> OwnerKind:
    """Return the kind of the next owner. Raises TurnFailed for a transition that the table does not have."""
    try:
        return TRANSITIONS[kind, cause]
    except KeyError:
        raise TurnFailed(f"a conversation of a {kind} cannot be {cause}") from None
