"""Ask Telegram who the bot is, and whether it can do its work."""

import re
from datetime import timedelta

from telegram import Bot, ChatMemberAdministrator, ChatMemberOwner, ReactionTypeEmoji
from telegram.error import ChatMigrated, TelegramError

from bot.core.connector import AccountSettings
from bot.core.errors import PlatformDown, RateLimited, Refused, SendError, Unreachable
from bot.core.ids import Clock
from connectors.telegram.capabilities import MARKS
from connectors.telegram.exposure import public_group
from connectors.telegram.failures import NO_EARS, NO_REACTIONS, NO_RIGHT, NO_TOPICS, as_send_error
from connectors.telegram.heard_chats import listed_groups

# https://core.telegram.org/bots/features#deep-linking
_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,64}")
_RECENT = timedelta(minutes=10)
_GROUP = re.compile(r"-[0-9]{1,19}")


class BotInspector:
    """Asks Telegram about the bot of one account and about its groups."""

    def __init__(self, bot: Bot, settings: AccountSettings, own_id: int, clock: Clock) -> None:
        self._bot = bot
        self._settings = settings
        self._own_id = own_id
        self._clock = clock
        self._username = ""
        self._hears_all = False  # whether it gets every message in its groups

    async def username(self) -> str:
        """Return the bot's username. It is asked only once, because it hardly ever changes.

        Raises SendError.
        """
        return self._username or await self._ask()

    async def _ask(self) -> str:
        try:
            me = await self._bot.get_me()
        except TelegramError as error:
            raise _in_a_sentence(as_send_error(error, idempotent=True)) from error
        self._username = me.username or ""
        self._hears_all = bool(me.can_read_all_group_messages)
        return self._username

    async def check(self) -> str:
        """Implement `Connector.check`. The bot must get every message of each listed group.

        A staff group must also have topics that the bot may manage, and allow the reactions that we use.
        """
        username = await self._ask()
        if self._settings.mode == "webhook":
            await self._check_webhook()
        for group in listed_groups(self._settings):
            await self._check_group(group)
        return f"@{username}"

    async def exposure(self, group: str, *, public: bool) -> str:
        """Implement `TellsExposure.exposure`."""
        if public:
            return ""
        try:
            chat = await self._bot.get_chat(int(group))
        except TelegramError as error:
            raise _in_a_sentence(as_send_error(error, idempotent=True)) from error
        if chat.username:
            return public_group(chat.username)
        if chat.linked_chat_id:
            return "it is the discussion group of a channel, whose readers read it"
        return ""

    async def _check_webhook(self) -> None:
        """Raise Refused for the last webhook error, but only if it is recent and updates are pending.

        Telegram keeps old errors for ever.
        """
        try:
            hook = await self._bot.get_webhook_info()
        except TelegramError as error:
            raise _in_a_sentence(as_send_error(error, idempotent=True)) from error
        failed = hook.last_error_date
        if hook.pending_update_count and failed is not None and self._clock() - failed < _RECENT:
            raise Refused(
                f"webhook_failing: Telegram cannot deliver here ({(hook.last_error_message or '')[:120]});"
                " see that PUBLIC_URL can be reached from outside"
            )

    async def _check_group(self, group: str) -> None:
        if not _GROUP.fullmatch(group):
            raise Refused(f"no_group: {group[:40]!r} is no id of a Telegram group; such ids begin with -100")
        try:
            chat = await self._bot.get_chat(int(group))
            member = await self._bot.get_chat_member(int(group), self._own_id)
        except ChatMigrated as moved:
            now = f"it has become {moved.new_chat_id}; name that id in the organization file"
            raise Refused(f"group {group}: {now}") from moved
        except TelegramError as error:
            raise _of_group(as_send_error(error, idempotent=True), group) from error
        administers = isinstance(member, ChatMemberAdministrator | ChatMemberOwner)
        if self._settings.serves != "staff":
            if not (administers or self._hears_all):
                raise Refused(f"group {group}: {NO_EARS}")
            return
        if not chat.is_forum:
            raise Refused(f"group {group}: {NO_TOPICS}")
        if not administers or (isinstance(member, ChatMemberAdministrator) and not member.can_manage_topics):
            raise Refused(f"group {group}: {NO_RIGHT}")
        allowed = {
            each.emoji for each in chat.available_reactions or () if isinstance(each, ReactionTypeEmoji)
        }
        if allowed and not allowed.issuperset(MARKS.values()):  # without a list, all are
            raise Refused(f"group {group}: {NO_REACTIONS}")

    async def invitation(self, token: str) -> str:
        if not _TOKEN.fullmatch(token):
            raise Refused("a Telegram invitation carries 1 to 64 of A-Z a-z 0-9 _ -")
        return f"https://t.me/{await self.username()}?start={token}"


def _of_group(error: SendError, group: str) -> SendError:
    if isinstance(error, Unreachable):
        return Refused(f"group {group}: {error.reason}: the bot is not in it; add it to the group")
    return _in_a_sentence(error)


def _in_a_sentence(error: SendError) -> SendError:
    if isinstance(error, PlatformDown):
        return PlatformDown(f"{error.reason}: Telegram cannot be reached now; see that this machine can")
    if isinstance(error, RateLimited):
        return RateLimited(
            f"{error.reason}: Telegram is asked too often; try again later", retry_after=error.retry_after
        )
    return error
