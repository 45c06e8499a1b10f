"""Decide which chats an account listens to."""

import re
from dataclasses import dataclass
from typing import Self

from bot.core.connector import AccountSettings


@dataclass(frozen=True, slots=True)
class HeardChats:
    """The chats that are read: customers' private chats and groups, and the topics of staff's groups."""

    staff: bool
    groups: frozenset[str] | None  # chat ids; None: every group that the bot is in

    @classmethod
    def of(cls, settings: AccountSettings) -> Self:
        """Return the chats that an account listens to. The option `groups` lists the ids of groups.

        Without that option, staff's groups are all heard, customers' groups only if the account says so.
        """
        staff = settings.serves == "staff"
        if listed := listed_groups(settings):
            return cls(staff, frozenset(listed))
        return cls(staff, None if staff or settings.groups else frozenset())

    def chat(self, chat: int, *, private: bool) -> bool:
        if private:
            return not self.staff
        return self.groups is None or str(chat) in self.groups


def listed_groups(settings: AccountSettings) -> tuple[str, ...]:
    return tuple(filter(None, re.split(r"[\s,]+", settings.options.get("groups", ""))))
