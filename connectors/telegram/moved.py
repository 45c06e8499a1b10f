"""Groups of customers that became supergroups: the same chat with a new id.

Everywhere but on the wire such a chat keeps its first id, so that its conversations continue.
https://core.telegram.org/bots/api#responseparameters
"""

from collections.abc import Iterator, Mapping

from bot.core.connector import Vault

Json = Mapping[str, object]
_MOVED = "moved:"  # prefix of the new id in the vault; the value is the first id
_REMEMBERED = 10_000  # chats


class Moved:
    """Maps the present and first ids of one account's chats: kept in the vault, recent ones in memory."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._first: dict[str, str] = {}  # first ids by present id; "" if the present id is the first
        self._today: dict[str, str] = {}

    def today(self, chat: str) -> str:
        """Return the id by which Telegram knows a chat, as far as this process has heard."""
        return self._today.get(chat, chat)

    def goes_by(self, chat: str, today: str) -> None:
        """Remember the new id that Telegram told us when we wrote to the chat."""
        self._today[chat] = today

    async def as_first(self, update: object) -> object:
        """Return an update with the id that its chat had first. Raises StorageUnavailable."""
        if not isinstance(update, dict):
            return update
        for told in _messages(update):
            await self._learn(told)
        return {kind: await self._within(payload) for kind, payload in update.items()}

    async def _learn(self, message: Json) -> None:
        """Remember the new id of a chat. Both the group and the supergroup report it, in either order."""
        chat = _chat(message)
        if chat is None:
            return
        first, new = chat.get("id"), message.get("migrate_to_chat_id")
        if new is None:
            first, new = message.get("migrate_from_chat_id"), first
        if _is_id(first) and _is_id(new) and await self._first_of(str(new)) != str(first):
            await self._vault.put(f"{_MOVED}{new}", str(first))
            self._remember(str(new), str(first))

    async def _within(self, payload: object) -> object:
        """Return the payload with the first id of its chat.

        A press has its chat in the message with the button.
        """
        if not isinstance(payload, dict):
            return payload
        changed = await self._renamed(payload)
        if isinstance(pressed := payload.get("message"), dict):
            changed["message"] = await self._renamed(pressed)
        return changed

    async def _renamed(self, payload: Json) -> dict[str, object]:
        changed, chat = dict(payload), _chat(payload)
        if chat is not None and _is_id(chat.get("id")) and (first := await self._first_of(str(chat["id"]))):
            changed["chat"] = {**chat, "id": int(first)}
        return changed

    async def _first_of(self, chat: str) -> str:
        """Return the first id of a chat whose id has changed, else ""."""
        if not chat.startswith("-100"):  # only a supergroup can have had another id
            return ""
        if chat not in self._first:
            self._remember(chat, await self._vault.get(f"{_MOVED}{chat}") or "")
        return self._first[chat]

    def _remember(self, chat: str, first: str) -> None:
        while len(self._first) >= _REMEMBERED:
            self._first.pop(next(iter(self._first)))
        self._first[chat] = first
        if first:
            self._today[first] = chat


def _messages(update: Json) -> Iterator[Json]:
    for payload in update.values():
        if isinstance(payload, dict) and (
            "migrate_to_chat_id" in payload or "migrate_from_chat_id" in payload
        ):
            yield payload


def _chat(payload: Json) -> Json | None:
    chat = payload.get("chat")
    return chat if isinstance(chat, dict) else None


def _is_id(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63
