"""Look up the people in an event after it is parsed: bounded in time, remembered, and never failing.

Slack identifies people in events only by id. Their display name is shown. By their e-mail address, which
Slack has verified, an organization file may name them. Slack has not verified the address of somebody from
another organization: whoever runs their workspace sets it.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import assert_never

from bot.core.errors import Refused, SendError, Unreachable
from bot.core.events import (
    AddressChanged,
    Called,
    Deleted,
    Edited,
    Event,
    Ignored,
    ReachabilityChanged,
    Reacted,
    Receipt,
    Said,
    Sender,
    Started,
    Stopped,
    Submitted,
    Tapped,
    ThreadControl,
    Unsupported,
    WorkplaceChanged,
)
from bot.core.lines import one_line
from connectors.slack.api import Api
from connectors.slack.failures import code_of
from connectors.slack.reading import mentioned, to_commonmark

REMEMBERED = 2_000
AT_ONCE = 20  # look-ups for one event; a text that names more people shows the ids of the rest
GUEST = "guest"  # stands for the home of a guest, who has none
PATIENCE = timedelta(seconds=1)  # Slack waits three for our answer


@dataclass(frozen=True, slots=True)
class SlackUser:
    name: str
    email: str
    teams: frozenset[str] = frozenset()  # their workspace, and the organization it is of
    workspace: str = ""  # the first of these
    bot: bool = False


class People:
    """Looks up people of a workspace.

    With `colleagues`, addresses of people from elsewhere are withheld. With `guests`, guests of a workspace
    do not count as its members.
    """

    def __init__(
        self, api: Api, *, colleagues: bool = False, guests: bool = False, patience: timedelta = PATIENCE
    ) -> None:
        self._api = api
        self._colleagues = colleagues
        self._guests = guests
        self._patience = patience.total_seconds()
        self._known: OrderedDict[str, SlackUser] = OrderedDict()
        self._workspaces: OrderedDict[str, str] = OrderedDict()  # names; "" where Slack does not tell it
        self._refused: set[str] = set()  # ids of people about whom Slack last refused to tell

    async def named(self, event: Event) -> Event:
        """Return the event with its sender's name and address, its text as CommonMark, and the people chosen
        in a form.
        """
        text = _text(event)
        content = event.content
        chosen = [value for _, value in content.values] if isinstance(content, Submitted) else []
        sender = event.sender.external_id
        people = await self._look_up([sender, *mentioned(text), *chosen], sender)
        match content:
            case Said() | Edited():
                names = {person: found.name for person, found in people.items() if found.name}
                content = replace(content, text=to_commonmark(text, names))
            case Submitted(values=values):
                emails = [
                    (f"{field}_email", found.email)
                    for field, id_ in values
                    if (found := people.get(id_)) and found.email
                ]
                content = replace(content, values=(*values, *emails))
            case _:
                pass
        return replace(event, sender=self._with(event.sender, people), content=content)

    async def introduced(self, sender: Sender) -> Sender:
        """Return the sender with their name and address, if Slack tells them in time."""
        return self._with(sender, await self._look_up([sender.external_id], sender.external_id))

    async def teams(self, person: str) -> frozenset[str] | None:
        """Return a person's workspace and organization; empty if Slack refuses to tell, None if it did not
        tell in time.
        """
        found = (await self._look_up([person])).get(person)
        if found is None:
            return frozenset() if person in self._refused else None
        return found.teams

    async def is_bot(self, user: str) -> bool:
        """Return whether a user belongs to an app; False if Slack does not tell it in time."""
        found = (await self._look_up([user])).get(user)
        return found is not None and found.bot

    async def _look_up(self, ids: Iterable[str], sender: str = "") -> Mapping[str, SlackUser]:
        """Return what is known about people. The name of the sender's workspace is looked up, too."""
        wanted = list(dict.fromkeys(ids))
        missing = [person for person in wanted if person not in self._known][:AT_ONCE]
        try:
            async with asyncio.timeout(self._patience):
                async with asyncio.TaskGroup() as tasks:
                    for person in missing:
                        tasks.create_task(self._ask(person))
                if found := self._known.get(sender):
                    await self._ask_workspace(found.workspace)
        except TimeoutError:
            pass  # what was learnt in time is used; an id is shown for the rest
        return {person: found for person in wanted if (found := self._known.get(person))}

    async def _ask(self, person: str) -> None:
        try:
            homes = await self._homes() if self._colleagues else None
            answer = await self._api.call(lambda web: web.users_info(user=person), repeatable=True)
        except SendError as error:  # tried again with the next event
            if isinstance(error, Refused | Unreachable) and len(self._refused) < REMEMBERED:
                self._refused.add(person)
            return
        self._refused.discard(person)
        user = answer.node("user")
        profile = user.node("profile")
        name = profile.text("display_name") or profile.text("real_name") or user.text("real_name")
        teams = {user.text("team_id"), user.node("enterprise_user").text("enterprise_id")} - {""}
        workspace = user.text("team_id")
        if self._guests and (user.flag("is_restricted") or user.flag("is_ultra_restricted")):
            teams, workspace = {GUEST}, ""
        email = profile.text("email") if homes is None or teams & homes else ""
        name, bot = name or user.text("name"), user.flag("is_bot")
        self._known[person] = SlackUser(name, email, frozenset(teams), workspace, bot)
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)

    async def _ask_workspace(self, team: str) -> None:
        """Learn the name of our own workspace, or of one that shares a channel with us.

        The workspace of colleagues is shown to nobody. https://docs.slack.dev/reference/methods/team.info
        """
        if self._colleagues or not team or team in self._workspaces:
            return
        try:
            answer = await self._api.call(lambda web: web.team_info(team=team), repeatable=True)
            name = one_line(answer.node("team").text("name"))
        except SendError as error:
            if not isinstance(error, Refused) and code_of(error) != "team_not_found":
                return  # tried again with the next event
            name = ""
        self._workspaces[team] = name
        while len(self._workspaces) > REMEMBERED:
            self._workspaces.popitem(last=False)

    def _with(self, sender: Sender, people: Mapping[str, SlackUser]) -> Sender:
        """Return the sender with a name, an address and a handle.

        The handle is their verified address or "", as a name that people choose identifies nobody. A
        workspace's name is also chosen by whoever runs it, so its id is shown beside it.
        """
        found = people.get(sender.external_id)
        if found is None:
            return replace(sender, handle="")
        home, workspace = ", ".join(sorted(found.teams - {GUEST})), self._workspaces.get(found.workspace)
        if workspace:
            home = f"{workspace} ({home})"
        address = f"{sender.external_id} in workspace {home}" if home else sender.external_id
        name = found.name or sender.display_name
        return replace(sender, display_name=name, handle=found.email, address=address)

    async def _homes(self) -> frozenset[str]:
        us = await self._api.identity()
        return frozenset({us.team, us.enterprise} - {""})


def _text(event: Event) -> str:
    match event.content:
        case Said(text=text) | Edited(text=text):
            return text
        case Deleted() | Tapped() | Submitted() | Started() | Reacted() | ReachabilityChanged():
            return ""
        case Receipt() | AddressChanged() | Called() | Stopped() | ThreadControl() | Unsupported():
            return ""
        case Ignored() | WorkplaceChanged():
            return ""
        case _:
            assert_never(event.content)
