"""The Bot API's methods for topics and members: https://core.telegram.org/bots/api#createforumtopic."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from connectors.sandbox.telegram.chats import Chats
from connectors.sandbox.telegram.groups import ICON_COLORS, MAX_TOPIC_NAME, Group, Topic
from connectors.sandbox.telegram.model import ApiError, ChatMessage, JsonObject, bad_request
from connectors.sandbox.telegram.params import Params

_RIGHTS = (
    "can_manage_chat",
    "can_manage_video_chats",
    "can_restrict_members",
    "can_promote_members",
    "can_change_info",
    "can_invite_users",
    "can_post_stories",
    "can_edit_stories",
    "can_delete_stories",
)


@dataclass(slots=True)
class Forum:
    """The methods for topics and members of one bot.

    `tell` reports to the bot what it changes in topics itself, as it hears about everybody's changes.
    """

    chats: Chats
    tell: Callable[[str, int, JsonObject], None] | None = None

    def methods(self) -> Mapping[str, Callable[[Params], object]]:
        return {
            "createForumTopic": self._create,
            "editForumTopic": self._edit,
            "closeForumTopic": lambda params: self._shut(params, closed=True),
            "reopenForumTopic": lambda params: self._shut(params, closed=False),
            "deleteForumTopic": self._delete,
            "getChatMember": self._member,
            "createChatInviteLink": self._invite,
        }

    def begin(self, group: Group, name: str, color: int, by: int) -> tuple[Topic, ChatMessage]:
        """Create a topic. `by` is the id of the person who creates it, or 0 for the bot."""
        details: JsonObject = {"name": name, "icon_color": color}
        message = self.note(group, "forum_topic_created", details, by=by)
        topic = group.topics[message.message_id] = Topic(message.message_id, name, color)
        return topic, message

    def note(
        self, group: Group, kind: str, details: JsonObject, *, by: int = 0, topic: int = 0
    ) -> ChatMessage:
        """Post a service message."""
        number = self.chats.next_message_id()
        message = self.chats.keep(
            ChatMessage(
                message_id=number,
                chat_id=group.id,
                from_bot=not by,
                sender_id=by,
                topic=topic or number,
                date=self.chats.now(),
                kind=kind,
                media=details,
            )
        )
        if not by and self.tell is not None:
            self.tell("message", group.id, self.chats.wire(message))
        return message

    def _create(self, params: Params) -> JsonObject:
        group = self._group(params)
        if not (group.administrator and group.manages_topics):
            raise bad_request("not enough rights to create a topic")
        name, color = self._name(params.text("name")), params.integer("icon_color", 7322096)
        if not name:
            raise bad_request("TOPIC_NAME_EMPTY")
        if color not in ICON_COLORS:
            raise bad_request("invalid icon color specified")
        topic, _ = self.begin(group, name, color, 0)
        return topic.wire()

    def _edit(self, params: Params) -> bool:
        group, topic = self._own(params)
        name = self._name(params.text("name"))
        if not name or name == topic.name:
            raise bad_request("TOPIC_NOT_MODIFIED")
        topic.name = name
        self.note(group, "forum_topic_edited", {"name": name}, topic=topic.id)
        return True

    def _shut(self, params: Params, *, closed: bool) -> bool:
        group, topic = self._own(params)
        if topic.closed == closed:
            raise bad_request("TOPIC_NOT_MODIFIED")
        topic.closed = closed
        self.note(group, f"forum_topic_{'closed' if closed else 'reopened'}", {}, topic=topic.id)
        return True

    def _delete(self, params: Params) -> bool:
        group, topic = self._own(params)
        self.remove(group, topic)
        return True

    def remove(self, group: Group, topic: Topic) -> None:
        """Delete a topic with all its messages."""
        topic.deleted = True
        for message in list(self.chats.messages[group.id].values()):
            if message.topic == topic.id:
                self.chats.remove(message)

    def _member(self, params: Params) -> JsonObject:
        group = self._known(params)
        user_id = params.integer("user_id")
        if user_id == self.chats.bot["id"]:
            if not group.administrator:
                return {"status": "member", "user": self.chats.bot}
            rights: JsonObject = dict.fromkeys(_RIGHTS, False)
            return {
                "status": "administrator",
                "user": self.chats.bot,
                "can_be_edited": False,
                "is_anonymous": False,
                **rights,
                "can_manage_topics": group.manages_topics,
                "can_delete_messages": group.deletes_messages,
                "can_invite_users": group.invites_users,
            }
        if user_id not in self.chats.users:
            raise bad_request("PARTICIPANT_ID_INVALID")
        status = "member" if user_id in group.members else "left"
        return {"status": status, "user": self.chats.user_wire(user_id)}

    def _invite(self, params: Params) -> JsonObject:
        """Implement https://core.telegram.org/bots/api#createchatinvitelink"""
        group = self._known(params)
        if not (group.administrator and group.invites_users):
            raise bad_request("not enough rights to manage chat invite link")
        group.links += 1
        return {
            "invite_link": f"https://t.me/+{abs(group.id)}x{group.links}",
            "creator": self.chats.bot,
            "creates_join_request": False,
            "is_primary": False,
            "is_revoked": False,
            "member_limit": params.integer("member_limit", 0) or None,
        }

    def _group(self, params: Params) -> Group:
        group = self._known(params)
        if not group.forum:
            raise bad_request("the chat is not a forum")
        return group

    def _known(self, params: Params) -> Group:
        group = self.chats.groups.get(self.chats.chat_named(params.text("chat_id")))
        if group is None:
            raise bad_request("the chat is not a forum")
        if not group.bot_inside:
            raise ApiError(403, "Forbidden: bot was kicked from the supergroup chat")
        return group

    def _own(self, params: Params) -> tuple[Group, Topic]:
        """Return the topic that a call names, if the bot may manage it.

        A bot may manage topics that it created, and with the right to manage topics those of others. Raises
        the platform's 400.
        """
        group = self._group(params)
        topic = group.topics.get(params.integer("message_thread_id"))
        if topic is None or topic.deleted:
            raise bad_request("TOPIC_ID_INVALID")
        begun = self.chats.messages[group.id][topic.id]
        if not begun.from_bot and not (group.administrator and group.manages_topics):
            raise bad_request("not enough rights to manage the topic")
        return group, topic

    @staticmethod
    def _name(text: str) -> str:
        if len(text) > MAX_TOPIC_NAME:
            raise bad_request("TOPIC_NAME_TOO_LONG")
        return text.strip()
