"""Find the ids of Slack's channels and direct messages for names in the organization file."""

import re
from collections import OrderedDict
from datetime import datetime, timedelta

from bot.core.errors import Unreachable
from bot.core.ids import Clock
from connectors.payload import Node
from connectors.slack.api import Api

_ID = re.compile(r"[CDG][A-Z0-9]{4,}")  # Slack's channel names have no capitals
_USER = re.compile(r"[UW][A-Z0-9]{4,}")
REFRESH = timedelta(minutes=1)  # conversations.list allows some twenty calls a minute
PAGES = 50
PAGE = 1000
PEOPLE = 1000  # whose direct messages are remembered


class Channels:
    """Remembers every channel that the app can see.

    An unknown name is looked up again at most once a minute, so inviting the app is enough to end a refusal.
    A renamed channel is still found by a former name, unless another channel has that name now.
    """

    def __init__(self, api: Api, clock: Clock) -> None:
        self._api = api
        self._clock = clock
        self._ids: dict[str, str] = {}
        self._asked: datetime | None = None
        self._direct: OrderedDict[str, str] = OrderedDict()  # direct messages by the person they are with

    async def resolve(self, chat: str) -> str:
        """Return the id of `C0123456`, `#escalations` or `escalations`, or of the direct messages with
        `U0123456` or `hugo@example.com`. Raises SendError; Unreachable says what can be done.
        """
        if _USER.fullmatch(chat) or "@" in chat:
            return await self._direct_with(chat)
        name = chat.removeprefix("#")
        if _ID.fullmatch(name):
            return name
        now = self._clock()
        if name not in self._ids and (self._asked is None or now - self._asked >= REFRESH):
            await self._refresh()
            self._asked = now
        if name not in self._ids:
            raise Unreachable(
                f"channel_not_found: the app sees no channel #{name[:80]}; create or unarchive it, or type"
                " `/invite @…` with the app's name in it if it is private"
            )
        return self._ids[name]

    def forget(self, chat: str) -> None:
        """Look the channel up again when it is next written to."""
        self._ids.pop(chat.removeprefix("#"), None)
        self._asked = None

    async def _direct_with(self, person: str) -> str:
        if person not in self._direct:
            user = await self.user(person)
            opened = await self._api.call(lambda web: web.conversations_open(users=user), repeatable=True)
            self._direct[person] = opened.node("channel").text("id")
            while len(self._direct) > PEOPLE:
                self._direct.popitem(last=False)
        return self._direct[person]

    async def user(self, person: str) -> str:
        """Return the id of `U0123456` or `hugo@example.com`. Raises SendError."""
        if "@" not in person:
            return person
        found = await self._api.call(lambda web: web.users_lookupByEmail(email=person), repeatable=True)
        return found.node("user").text("id")

    async def has_member(self, chat: str, user: str) -> bool:
        """Return whether a user is in a channel. Ask each time: people come and go. Raises SendError."""
        cursor = ""
        for _ in range(PAGES):
            answer = await self._members(chat, cursor)
            if user in answer.texts("members"):
                return True
            cursor = answer.node("response_metadata").text("next_cursor")
            if not cursor:
                break
        return False

    async def _members(self, chat: str, cursor: str) -> Node:
        return await self._api.call(
            lambda web: web.conversations_members(channel=chat, limit=PAGE, cursor=cursor or None),
            repeatable=True,
        )

    async def _refresh(self) -> None:
        found: dict[str, str] = {}
        former: dict[str, str] = {}
        cursor = ""
        for _ in range(PAGES):
            answer = await self._page(cursor)
            for channel in answer.nodes("channels"):
                found[channel.text("name")] = channel.text("id")
                former |= dict.fromkeys(channel.texts("previous_names"), channel.text("id"))
            cursor = answer.node("response_metadata").text("next_cursor")
            if not cursor:
                break
        self._ids = former | found

    async def _page(self, cursor: str) -> Node:
        return await self._api.call(
            lambda web: web.conversations_list(
                types="public_channel,private_channel",
                exclude_archived=True,
                limit=PAGE,
                cursor=cursor or None,
            ),
            repeatable=True,
        )
