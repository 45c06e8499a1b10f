"""Permissions: what a person may do, and for which conversations."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Permission(StrEnum):
    """Something that a person may do: a noun and a verb. Roles of the organization file grant them."""

    ACCOUNTS_READ = "accounts.read"
    ACCOUNTS_CHECK = "accounts.check"
    AUDIT_READ = "audit.read"
    AUDIT_RESTART = "audit.restart"
    CONVERSATIONS_READ = "conversations.read"
    CONVERSATIONS_TAKE = "conversations.take"
    CONVERSATIONS_TAKE_OVER = "conversations.take_over"  # from the person who handles it
    CONVERSATIONS_ASSIGN = "conversations.assign"
    CONVERSATIONS_WATCH = "conversations.watch"  # read along in a room while an agent answers
    CONVERSATIONS_CLOSE = "conversations.close"  # resolve or return what another person handles
    CUSTOMERS_READ = "customers.read"
    CUSTOMERS_INVITE = "customers.invite"
    CUSTOMERS_MERGE = "customers.merge"
    CUSTOMERS_ERASE = "customers.erase"
    DELIVERIES_READ = "deliveries.read"
    DELIVERIES_RETRY = "deliveries.retry"
    ORGANIZATION_READ = "organization.read"
    ORGANIZATION_CHANGE = "organization.change"
    ORGANIZATION_RETIRE = "organization.retire"
    ROLES_CHANGE = "roles.change"
    SECRETS_READ = "secrets.read"  # their names, and who set them
    SECRETS_CHANGE = "secrets.change"
    STATUS_READ = "status.read"

    @property
    def noun(self) -> str:
        return self.value.partition(".")[0]

    @property
    def scoped(self) -> bool:
        """Return whether a scope narrows it. The others concern the organization as a whole."""
        return self.noun in ("conversations", "customers", "deliveries")


@dataclass(frozen=True, slots=True)
class ConversationScopeValues:
    """The values of a conversation that scopes compare."""

    teams: frozenset[str] = frozenset()  # of its escalations, and the one in whose queue it waits
    agent: str = ""  # its owner, if that is an agent
    channels: frozenset[str] = frozenset()  # the channel and the account where its customer writes
    people: frozenset[str] = frozenset()  # who handle it, did so, or are asked to


@dataclass(frozen=True, slots=True)
class Scope:
    """The conversations for which a permission is granted. None does not narrow it.

    `agents` are those of the teams: what they handle belongs to their team.
    """

    teams: frozenset[str] | None = None
    agents: frozenset[str] = frozenset()
    channels: frozenset[str] | None = None
    person: str | None = None  # only what this person handles, or is asked to

    def has(self, values: ConversationScopeValues) -> bool:
        return (
            (self.teams is None or bool(self.teams & values.teams) or values.agent in self.agents)
            and (self.channels is None or bool(self.channels & values.channels))
            and (self.person is None or self.person in values.people)
        )

    def narrowed(self, other: "Scope") -> "Scope":
        """Return the scope of what is in both. Of two lists of teams, both must have it."""
        return Scope(
            _both(self.teams, other.teams),
            self.agents | other.agents if None in (self.teams, other.teams) else self.agents & other.agents,
            _both(self.channels, other.channels),
            self.person or other.person,
        )


def _both(one: frozenset[str] | None, other: frozenset[str] | None) -> frozenset[str] | None:
    if one is None or other is None:
        return other if one is None else one
    return one & other


EVERYWHERE: Final = Scope()


@dataclass(frozen=True, slots=True)
class Grants:
    """The permissions of one caller, each with the scopes in which they have it."""

    scopes: Mapping[Permission, tuple[Scope, ...]]

    def may(self, permission: Permission, values: ConversationScopeValues | None = None) -> bool:
        """Return whether the caller has the permission; for a conversation if its values are given."""
        granted = self.scopes.get(permission, ())
        if values is None or not permission.scoped:
            return bool(granted)
        return any(scope.has(values) for scope in granted)

    def narrowing(self, permission: Permission) -> tuple[Scope, ...] | None:
        """Return the scopes to which the permission is limited, or None if it is not limited."""
        granted = self.scopes.get(permission, ())
        return None if not permission.scoped or EVERYWHERE in granted else granted


ALL: Final = Grants(dict.fromkeys(Permission, (EVERYWHERE,)))
"""The grants of the shell: whoever runs it was let in by the operating system."""
