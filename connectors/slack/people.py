"""The names of the people whom events mention, looked up after parsing: bounded, remembered, never fatal."""

import asyncio
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import assert_never

from bot.core.errors import SendError
from bot.core.events import (
    Deleted,
    Edited,
    Event,
    ReachabilityChanged,
    Reacted,
    Said,
    Started,
    Submitted,
    Tapped,
    Unsupported,
)
from connectors.slack.api import Api
from connectors.slack.reading import mentioned, to_commonmark

REMEMBERED = 2_000
AT_ONCE = 20  # look-ups for one event; a text that names more people shows the ids of the rest
PATIENCE = timedelta(seconds=1)  # Slack waits three for our answer


class People:
    def __init__(self, api: Api, *, patience: timedelta = PATIENCE) -> None:
        self._api = api
        self._patience = patience.total_seconds()
        self._names: OrderedDict[str, str] = OrderedDict()

    async def named(self, event: Event) -> Event:
        """The event with its sender's display name, and its text as CommonMark."""
        text = _text(event)
        names = await self._look_up([event.sender.external_id, *mentioned(text)])
        sender = replace(
            event.sender,
            display_name=names.get(event.sender.external_id, event.sender.display_name),
        )
        content = event.content
        if isinstance(content, Said | Edited):
            content = replace(content, text=to_commonmark(text, names))
        return replace(event, sender=sender, content=content)

    async def _look_up(self, ids: Iterable[str]) -> Mapping[str, str]:
        wanted = list(dict.fromkeys(ids))
        missing = [person for person in wanted if person not in self._names][:AT_ONCE]
        if missing:
            try:
                async with asyncio.timeout(self._patience), asyncio.TaskGroup() as tasks:
                    for person in missing:
                        tasks.create_task(self._ask(person))
            except TimeoutError:
                pass  # what was learnt in time is used; an id is shown for the rest
        return {person: name for person in wanted if (name := self._names.get(person))}

    async def _ask(self, person: str) -> None:
        try:
            answer = await self._api.call(lambda web: web.users_info(user=person), repeatable=True)
        except SendError:
            return  # tried again with the next event
        user = answer.node("user")
        profile = user.node("profile")
        name = profile.text("display_name") or profile.text("real_name") or user.text("real_name")
        self._names[person] = name or user.text("name")
        while len(self._names) > REMEMBERED:
            self._names.popitem(last=False)


def _text(event: Event) -> str:
    match event.content:
        case Said(text=text) | Edited(text=text):
            return text
        case (
            Deleted() | Tapped() | Submitted() | Started() | Reacted() | ReachabilityChanged() | Unsupported()
        ):
            return ""
        case _:
            assert_never(event.content)
