"""Look up the names of customers after parsing: with a time limit and a cache, and never fatal.

Messenger names the sender only by an id.
https://developers.facebook.com/documentation/business-messaging/messenger-platform/identity/user-profile
"""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from weakref import WeakValueDictionary

from bot.core.connector import Inbox
from bot.core.errors import SendError
from bot.core.events import Event, Receipt, SenderRole
from connectors.meta import Graph, GraphError

REMEMBERED = 10_000
PATIENCE = 2.0  # seconds for all names of one webhook; Meta waits longer for the answer
_FIELDS = "first_name,last_name"
_NAME_CHARS = 200
# The app may not read profiles (App Review grants it), or this person has no profile.
_NOT_TOLD = frozenset({10, 100, 200, 230})


class People:
    def __init__(self, graph: Graph, *, patience: float = PATIENCE) -> None:
        self._graph = graph
        self._patience = patience
        self._known: OrderedDict[str, str] = OrderedDict()
        self._order: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def accept(self, inbox: Inbox, events: Sequence[Event]) -> None:
        """Accept events with the names of their senders.

        Events of one chat keep their order, also while a name is looked up. Raise what `inbox.accept` raises.
        """
        async with AsyncExitStack() as turns:
            for chat in sorted({event.place.chat for event in events}):
                await turns.enter_async_context(self._order.setdefault(chat, asyncio.Lock()))
            await inbox.accept(await self.named(events))

    async def named(self, events: Sequence[Event]) -> Sequence[Event]:
        """Return the same events. Add the names of customers, if Messenger tells them in time."""
        people = dict.fromkeys(event.sender.external_id for event in events if _is_heard(event))
        missing = [person for person in people if person not in self._known]
        if missing:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._patience), asyncio.TaskGroup() as tasks:
                    for person in missing:
                        tasks.create_task(self._ask(person))
        return [self._named(event) for event in events]

    def _named(self, event: Event) -> Event:
        name = self._known.get(event.sender.external_id, "") if _is_customer(event) else ""
        return replace(event, sender=replace(event.sender, display_name=name)) if name else event

    async def _ask(self, person: str) -> None:
        try:
            profile = await self._graph.get(person, fields=_FIELDS)
        except SendError:
            return  # asked again with the next event
        except GraphError as error:
            if error.code not in _NOT_TOLD:
                return
            name = ""  # the next look-up would fail too
        else:
            name = f"{profile.text('first_name')} {profile.text('last_name')}".strip()[:_NAME_CHARS]
        self._known[person] = name
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)


def _is_customer(event: Event) -> bool:
    return event.sender_role is SenderRole.CUSTOMER and event.sender.external_id.isdecimal()


def _is_heard(event: Event) -> bool:
    """Return True if the sender's name is worth a look-up: nobody waits for the name on a receipt."""
    return _is_customer(event) and not isinstance(event.content, Receipt)
