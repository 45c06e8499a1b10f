"""chat.* and conversations.* as slack_sdk sees them."""

import asyncio
import json

import pytest
from slack_sdk.errors import SlackApiError

from connectors.sandbox.rate_limit import Rate

from .conftest import Sandbox

SECTION = {"type": "section", "text": {"type": "mrkdwn", "text": "*Hello*"}}


async def refused(call: object) -> SlackApiError:
    with pytest.raises(SlackApiError) as caught:
        await call  # type: ignore[misc]
    return caught.value


async def test_a_post_is_seen_by_people_and_found_again_with_its_metadata(sandbox: Sandbox) -> None:
    metadata = {"event_type": "desk_delivery", "event_payload": {"delivery_id": "d-1"}}
    sent = await sandbox.client.chat_postMessage(
        channel=sandbox.support, text="Hello", blocks=[SECTION], metadata=metadata
    )
    assert sent["ts"] == "1700000000.000400"
    assert sandbox.slack.messages("support")[0]["text"] == "Hello"
    found = await sandbox.client.conversations_history(channel=sandbox.support, include_all_metadata=True)
    assert found["messages"][0]["metadata"] == metadata
    bare = await sandbox.client.conversations_history(channel=sandbox.support)
    assert "metadata" not in bare["messages"][0]


async def test_timestamps_only_ever_grow_while_the_clock_stands(sandbox: Sandbox) -> None:
    stamps = [
        (await sandbox.client.chat_postMessage(channel=sandbox.support, text=str(number)))["ts"]
        for number in range(5)
    ]
    assert stamps == sorted(set(stamps))


async def test_history_is_newest_first_and_pages_to_its_end(sandbox: Sandbox) -> None:
    for number in range(7):
        sandbox.slack.post_as("ana", "support", str(number))
    pages = []
    async for answer in await sandbox.client.conversations_history(channel=sandbox.support, limit=3):
        pages.append([message["text"] for message in answer["messages"]])
    assert pages == [["6", "5", "4"], ["3", "2", "1"], ["0"]]


async def test_history_keeps_to_oldest_and_latest_and_takes_them_in_only_when_told(sandbox: Sandbox) -> None:
    stamps = [sandbox.slack.post_as("ana", "support", str(number)) for number in range(4)]
    between = await sandbox.client.conversations_history(
        channel=sandbox.support, oldest=stamps[0], latest=stamps[3]
    )
    assert [m["text"] for m in between["messages"]] == ["2", "1"]
    inclusive = await sandbox.client.conversations_history(
        channel=sandbox.support, oldest=stamps[2], inclusive=True
    )
    assert [m["text"] for m in inclusive["messages"]] == ["3", "2"]
    error = await refused(sandbox.client.conversations_history(channel=sandbox.support, oldest="soon"))
    assert error.response["error"] == "invalid_ts_oldest"


async def test_a_thread_counts_its_replies_and_stays_out_of_the_history(sandbox: Sandbox) -> None:
    root = (await sandbox.client.chat_postMessage(channel=sandbox.support, text="root"))["ts"]
    first = sandbox.slack.post_as("ana", "support", "one", thread_ts=root)
    sandbox.slack.post_as("ben", "support", "two", thread_ts=first)
    history = await sandbox.client.conversations_history(channel=sandbox.support)
    assert [m["text"] for m in history["messages"]] == ["root"]
    assert history["messages"][0]["reply_count"] == 2
    assert history["messages"][0]["reply_users"] == ["U0ANA", "U0BEN"]
    thread = await sandbox.client.conversations_replies(channel=sandbox.support, ts=root)
    assert [m["text"] for m in thread["messages"]] == ["root", "one", "two"]
    assert thread["messages"][1]["parent_user_id"] == "U0SANDBOX"
    later = await sandbox.client.conversations_replies(
        channel=sandbox.support, ts=root, oldest=first, limit=5
    )
    assert [m["text"] for m in later["messages"]] == ["root", "two"]


async def test_a_deleted_root_leaves_a_tombstone_and_its_replies(sandbox: Sandbox) -> None:
    root = sandbox.slack.post_as("ana", "support", "root")
    sandbox.slack.post_as("ben", "support", "reply", thread_ts=root)
    sandbox.slack.delete_as("ana", "support", root)
    shown = sandbox.slack.messages("support", root)
    assert [m.get("subtype") for m in shown] == ["tombstone", None]


async def test_an_update_keeps_the_blocks_it_does_not_name(sandbox: Sandbox) -> None:
    sent = await sandbox.client.chat_postMessage(channel=sandbox.support, text="old", blocks=[SECTION])
    await sandbox.client.chat_update(channel=sandbox.support, ts=sent["ts"], text="new")
    shown = sandbox.slack.messages("support")[0]
    assert (shown["text"], shown["blocks"][0]["type"]) == ("new", "section")
    assert shown["edited"]["user"] == "U0SANDBOX"


async def test_the_app_may_neither_edit_nor_delete_what_people_wrote(sandbox: Sandbox) -> None:
    ts = sandbox.slack.post_as("ana", "support", "mine")
    updating = await refused(sandbox.client.chat_update(channel=sandbox.support, ts=ts, text="ours"))
    assert updating.response["error"] == "cant_update_message"
    deleting = await refused(sandbox.client.chat_delete(channel=sandbox.support, ts=ts))
    assert deleting.response["error"] == "cant_delete_message"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"channel": "C0NOWHERE", "text": "x"}, "channel_not_found"),
        ({"channel": "random", "text": "x"}, "not_in_channel"),
        ({"channel": "support"}, "no_text"),
        ({"channel": "support", "text": "x" * 40_001}, "msg_too_long"),
        ({"channel": "support", "text": "x", "blocks": "{"}, "invalid_blocks_format"),
        ({"channel": "support", "text": "x", "thread_ts": "1.000000"}, "thread_not_found"),
        ({"channel": "support", "text": "x", "metadata": {"event_payload": {}}}, "invalid_metadata_format"),
        ({"channel": "support", "text": "x", "attachments": [{"text": "a"}] * 101}, "too_many_attachments"),
    ],
)
async def test_a_post_slack_would_refuse_is_refused_in_its_words(
    sandbox: Sandbox, arguments: dict[str, object], code: str
) -> None:
    error = await refused(sandbox.client.api_call("chat.postMessage", json=arguments))
    assert error.response["error"] == code


async def test_blocks_that_break_a_limit_are_named_by_their_place(sandbox: Sandbox) -> None:
    header = {"type": "header", "text": {"type": "plain_text", "text": "x" * 151}}
    error = await refused(
        sandbox.client.chat_postMessage(channel="support", text="x", blocks=[SECTION, header])
    )
    assert error.response["error"] == "invalid_blocks"
    assert error.response["response_metadata"]["messages"] == [
        "[ERROR] must be less than 151 characters [json-pointer:/blocks/1/text/text]"
    ]


async def test_an_archived_channel_takes_no_more(sandbox: Sandbox) -> None:
    sandbox.slack.archive("support")
    error = await refused(sandbox.client.chat_postMessage(channel=sandbox.support, text="x"))
    assert error.response["error"] == "is_archived"


async def test_an_ephemeral_is_seen_by_one_person_and_kept_by_no_history(sandbox: Sandbox) -> None:
    await sandbox.client.chat_postEphemeral(channel=sandbox.support, user="U0ANA", text="psst")
    assert [item.text for item in sandbox.slack.ephemerals("ana")] == ["psst"]
    assert sandbox.slack.ephemerals("ben") == []
    assert sandbox.slack.messages("support") == []


async def test_reactions_are_given_once_and_taken_back_once(sandbox: Sandbox) -> None:
    ts = sandbox.slack.post_as("ana", "support", "hi")
    await sandbox.client.reactions_add(channel=sandbox.support, timestamp=ts, name="eyes")
    again = await refused(sandbox.client.reactions_add(channel=sandbox.support, timestamp=ts, name="eyes"))
    assert again.response["error"] == "already_reacted"
    found = await sandbox.client.reactions_get(channel=sandbox.support, timestamp=ts)
    assert found["message"]["reactions"] == [{"name": "eyes", "users": ["U0SANDBOX"], "count": 1}]
    await sandbox.client.reactions_remove(channel=sandbox.support, timestamp=ts, name="eyes")
    gone = await refused(sandbox.client.reactions_remove(channel=sandbox.support, timestamp=ts, name="eyes"))
    assert gone.response["error"] == "no_reaction"
    nowhere = await refused(
        sandbox.client.reactions_add(channel=sandbox.support, timestamp="1.000001", name="eyes")
    )
    assert nowhere.response["error"] == "message_not_found"


async def test_two_posts_of_one_delivery_are_counted(sandbox: Sandbox) -> None:
    for delivery in ("d-1", "d-2", "d-1"):
        await sandbox.client.chat_postMessage(
            channel=sandbox.support,
            text="x",
            metadata={"event_type": "desk", "event_payload": {"delivery_id": delivery}},
        )
    assert list(sandbox.slack.double_posts()) == ["d-1"]
    assert len(sandbox.slack.double_posts()["d-1"]) == 2


async def test_a_typed_message_is_escaped_and_its_mentions_become_ids(sandbox: Sandbox) -> None:
    sandbox.slack.post_as("ana", "support", "@ben 1 < 2 & see https://example.com/?a=1&b=2 <@U0ANA>")
    (shown,) = sandbox.slack.messages("support")
    assert shown["text"] == "<@U0BEN> 1 &lt; 2 &amp; see <https://example.com/?a=1&amp;b=2> <@U0ANA>"


async def test_a_snapshot_read_back_is_the_same_workspace(sandbox: Sandbox) -> None:
    ts = sandbox.slack.post_as("ana", "support", "hi")
    sandbox.slack.react_as("ben", "support", ts, "wave")
    sandbox.slack.edit_as("ana", "support", ts, "hello")
    await sandbox.client.files_upload_v2(filename="a.txt", content="text", channel=sandbox.support)
    before = sandbox.slack.snapshot()
    sandbox.slack.post_as("ana", "support", "forget this")
    sandbox.slack.restore(before)
    assert sandbox.slack.snapshot() == before
    assert sandbox.slack.messages("support")[0]["text"] == "hello"


async def test_the_feed_tells_of_every_change(sandbox: Sandbox) -> None:
    seen: list[str] = []
    sandbox.slack.on_change = lambda change: seen.append(change["type"])
    ts = sandbox.slack.post_as("ana", "support", "hi")
    await sandbox.client.reactions_add(channel=sandbox.support, timestamp=ts, name="eyes")
    sandbox.slack.delete_as("ana", "support", ts)
    assert seen == ["message_posted", "reaction_added", "message_deleted"]


async def test_the_feed_can_be_iterated_and_left(sandbox: Sandbox) -> None:
    feed = sandbox.slack.feed()
    waiting = asyncio.ensure_future(anext(feed))
    await asyncio.sleep(0)  # the listener joins when it is first asked
    sandbox.slack.post_as("ana", "support", "hi")
    change = await waiting
    assert (change["type"], change["message"]["text"]) == ("message_posted", "hi")
    json.dumps(change)
    await feed.aclose()


async def test_a_post_to_a_person_opens_direct_messages(sandbox: Sandbox) -> None:
    sent = await sandbox.client.chat_postMessage(channel="U0ANA", text="hello Ana")
    assert sent["channel"].startswith("D")
    assert sandbox.slack.open_direct("ana").id == sent["channel"]


class TestRate:
    @pytest.fixture
    def rate(self) -> Rate:
        return Rate(per_second=1, burst=2)

    async def test_posts_faster_than_slack_allows_are_told_when_to_come_back(self, sandbox: Sandbox) -> None:
        for _ in range(2):
            await sandbox.client.chat_postMessage(channel=sandbox.support, text="x")
        error = await refused(sandbox.client.chat_postMessage(channel=sandbox.support, text="x"))
        assert error.response.status_code == 429
        assert error.response["error"] == "ratelimited"
        assert error.response.headers["Retry-After"] == "1"
        assert sandbox.slack.posts_refused == 1
        sandbox.clock.push(1)
        await sandbox.client.chat_postMessage(channel=sandbox.support, text="x")
