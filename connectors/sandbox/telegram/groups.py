"""Supergroups with topics: who is in them, what the bot may do there, and their topics.

https://core.telegram.org/bots/api#forumtopic
"""

from dataclasses import dataclass, field

from connectors.sandbox.telegram.model import JsonObject, bad_request

MAX_TOPIC_NAME = 128
ICON_COLORS = frozenset({7322096, 16766590, 13338331, 9367192, 16749490, 16478047})


@dataclass(slots=True)
class Topic:
    """A topic of a group. Its id is that of the message that began it."""

    id: int
    name: str
    icon_color: int
    closed: bool = False
    deleted: bool = False

    def wire(self) -> JsonObject:
        return {"message_thread_id": self.id, "name": self.name, "icon_color": self.icon_color}


@dataclass(slots=True)
class Group:
    """A supergroup.

    `administrator`: the bot is an administrator, and so sees every message. `manages_topics` and
    `deletes_messages` are rights of the bot.
    """

    id: int
    title: str
    forum: bool
    members: set[int] = field(default_factory=set)
    administrator: bool = True
    manages_topics: bool = True
    deletes_messages: bool = True
    invites_users: bool = True
    bot_inside: bool = True
    reactions: list[str] | None = None  # None: all are allowed
    topics: dict[int, Topic] = field(default_factory=dict)
    links: int = 0  # made to invite people
    username: str = ""  # of a public group

    def chat_wire(self) -> JsonObject:
        wire: JsonObject = {"id": self.id, "title": self.title, "type": "supergroup"}
        if self.username:
            wire["username"] = self.username
        return {**wire, "is_forum": True} if self.forum else wire

    def topic(self, topic_id: int) -> Topic:
        """Return a topic. Raises the platform's 400 if it does not exist."""
        found = self.topics.get(topic_id)
        if found is None or found.deleted:
            raise bad_request("message thread not found")
        return found
