"""Each update that others have published is the event written here, or kept by the name of its kind."""

import json
from pathlib import Path

import pytest

from bot.core.events import Content, ReachabilityChanged, Said, Started, Tapped
from tests.connectors.telegram.rig import connector, signed

# The chat, the sender, the message, the one it answers, and what it says.
Read = tuple[str, str, str, str, Content]

SHELDON, CHANNEL = "187395179", "-1001367429635"
# None: nobody's words.
EXPECTED: dict[str, Read | None] = {
    "kotlin-telegram-bot/UpdateMapperTest__L22.json": (
        "1", "1", "", "", Tapped("showAlert", "", "Show alert", "1"),
    ),
    "kotlin-telegram-bot/GetUpdatesIT__L178.json": None,
    "kotlin-telegram-bot/GetUpdatesIT__L237.json": None,
    "kotlin-telegram-bot/GetUpdatesIT__L284.json": (SHELDON, SHELDON, "", "", ReachabilityChanged(False)),
    "kotlin-telegram-bot/GetUpdatesIT__L415.json": None,
    "kotlin-telegram-bot/GetUpdatesIT__L415-2.json": None,
    "kotlin-telegram-bot/GetUpdatesIT__L415-3.json": None,
    "core/ReplyToMessageTest.json": ("-123", "123", "4479", "11", Said("some text")),
    "core/ServerResponseTest.json": ("123456789", "123456789", "90", "", Started()),
    "core/ServerResponseTest-2.json": ("123456788", "123456788", "91", "", Said("Hello!")),
    "core/ServerResponseTest-3.json": ("123456789", "123456789", "92", "", Said("/echo hello!")),
    "core/ServerResponseTest-4.json": ("123456788", "123456788", "93", "", Said("/echo the best")),
    "core/UpdateTest.json": ("-123", "123", "4479", "11", Said("some text")),
    "core/TelegramTest.json": ("313534466", "313534466", "3", "", Said("hi")),
}  # fmt: skip


def test_every_published_sample_is_read_as_it_is_written_down_here(shared_dir: Path) -> None:
    path = shared_dir / "wire" / "telegram" / "sample_updates.json"
    if not path.exists():
        pytest.skip("the published sample updates are not in the shared folder")
    account = connector(groups=True)
    found: dict[str, Read | None] = {}
    for name, sample in json.loads(path.read_text()).items():
        events = account.parse(signed(json.dumps(sample["payload"]).encode()))
        if not events:
            found[name] = None
            continue
        (event,) = events
        assert event.external_id == str(sample["payload"]["update_id"])
        found[name] = (
            event.place.chat, event.sender.external_id, event.message, event.reply_to, event.content,
        )  # fmt: skip
    assert found == EXPECTED
