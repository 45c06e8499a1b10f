"""Everything that leaves, on the wire of the stand-in; and what is learnt when no answer comes."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.core.connector import Resources
from bot.core.errors import (
    AccountSuspended,
    OutcomeUnknown,
    PlatformDown,
    RateLimited,
    Refused,
    SettingsError,
    Unreachable,
)
from bot.core.events import Attachment, AttachmentKind
from bot.core.outbound import (
    Button,
    Card,
    CardTone,
    Emote,
    Erase,
    Invite,
    Mark,
    Operation,
    Post,
    React,
    Revise,
    Typing,
    Whisper,
)
from connectors.sandbox.fault import Fault, FaultKind
from connectors.slack import channel
from connectors.slack.connector import SlackConnector

from .conftest import BOT, Desk, Kept, Safe, connector_of

CARD = Card(
    title="Refund for Ada",
    speaking="Nobody is talking to the customer",
    tone=CardTone.PRESSING,
    facts=(("Customer", "Ada"), ("Channel", "Telegram")),
    sections=(("Summary", "- wants *money* back"),),
    deadline=datetime(2026, 1, 1, tzinfo=UTC),
    buttons=(Button("take", "e-1", "Take", confirm="Take it over?"),),
)
LOST = Fault(FaultKind.LOST_RESPONSE)
FILE = Attachment(
    kind=AttachmentKind.DOCUMENT, ref="", name="bill.pdf", mime_type="application/pdf", file="file-1"
)


async def test_a_post_goes_into_its_thread_with_the_deliverys_name_on_it(desk: Desk) -> None:
    root = await desk.connector.send(desk.outbound(CARD))
    outbound = desk.outbound(Post("Hello **you**, <!channel> & all"), root.message)
    sent = await desk.connector.send(outbound)
    _, message = desk.slack.messages("support", root.message)
    assert message["ts"] == sent.message
    assert message["text"] == "Hello *you*, &lt;!channel&gt; &amp; all"
    assert message["metadata"]["event_payload"]["delivery"] == str(outbound.id)
    assert not sent.more


async def test_a_channel_is_found_by_its_name_and_its_id_comes_back(desk: Desk) -> None:
    for name in ("#support", "support"):
        sent = await desk.connector.send(desk.outbound(Post("x"), chat=name))
        assert sent.chat == desk.support
    assert desk.script.calls.count("conversations.list") == 1


async def test_a_channel_nobody_knows_is_refused_with_what_to_do(desk: Desk) -> None:
    with pytest.raises(Unreachable, match=r"channel_not_found.*/invite"):
        await desk.connector.send(desk.outbound(Post("x"), chat="#nowhere"))


async def test_a_long_post_goes_out_in_parts_with_the_buttons_under_the_last(desk: Desk) -> None:
    post = Post("word " * 1500, (Button("take", "1", "Take"),))
    outbound = desk.outbound(post)
    mores = []
    for part in range(3):
        sent = await desk.connector.send(replace(outbound, part=part))
        mores.append(sent.more)
    assert mores == [True, True, False]
    shown = desk.slack.messages("support")
    assert " ".join(message["text"] for message in shown).split() == ["word"] * 1500
    assert [bool(message.get("blocks")) for message in shown] == [False, False, True]
    with pytest.raises(Refused, match="no_text"):
        await desk.connector.send(replace(outbound, part=3))


async def test_a_card_is_revised_in_place(desk: Desk) -> None:
    sent = await desk.connector.send(desk.outbound(CARD))
    done = replace(CARD, tone=CardTone.DONE, buttons=())
    await desk.connector.send(desk.outbound(Revise(sent.message, done)))
    (message,) = desk.slack.messages("support")
    assert message["blocks"][0]["text"]["text"] == "✅ Refund for Ada"
    assert not [block for block in message["blocks"] if block["type"] == "actions"]
    await desk.connector.send(desk.outbound(Revise(sent.message, Post("plain"))))
    (message,) = desk.slack.messages("support")
    assert (message["text"], message.get("blocks", [])) == ("plain", [])


async def test_erasing_twice_is_no_error(desk: Desk) -> None:
    sent = await desk.connector.send(desk.outbound(Post("x")))
    for _ in range(2):
        await desk.connector.send(desk.outbound(Erase(sent.message)))
    assert desk.slack.messages("support") == []


def marks(desk: Desk, ts: str) -> set[str]:
    (message,) = [message for message in desk.slack.messages("support") if message["ts"] == ts]
    return {found["name"] for found in message.get("reactions", []) if BOT in found["users"]}


async def test_one_mark_at_a_time_whoever_set_the_last(desk: Desk) -> None:
    ts = desk.slack.post_as("ana", "support", "to the customer")
    desk.slack.react_as("ana", "support", ts, "x")
    another = connector_of(desk.settings, desk.files)
    for mark, name in (
        (Mark.WAITING, "hourglass_flowing_sand"),
        (Mark.WAITING, "hourglass_flowing_sand"),
        (Mark.FAILED, "x"),
        (Mark.DELIVERED, "white_check_mark"),
    ):
        await desk.connector.send(desk.outbound(React(ts, mark)))
        assert marks(desk, ts) == {name}
        desk.connector, another = another, desk.connector
    await desk.connector.send(desk.outbound(React(ts, None)))
    assert marks(desk, ts) == set()
    await another.close()


async def test_a_mark_on_a_message_that_is_gone_is_no_error(desk: Desk) -> None:
    await desk.connector.send(desk.outbound(React("1700000000.000100", Mark.FAILED)))


async def test_a_whisper_is_seen_by_one_person(desk: Desk) -> None:
    await desk.connector.send(desk.outbound(Whisper("U0ANA", "stays **inside**")))
    assert [whisper.text for whisper in desk.slack.ephemerals("ana")] == ["stays *inside*"]
    assert desk.slack.ephemerals("ben") == []
    with pytest.raises(Refused, match="user_not_in_channel"):
        await desk.connector.send(desk.outbound(Whisper("U0NOBODY", "x")))


async def test_a_called_person_is_mentioned_and_reported_absent_outside_the_channel(desk: Desk) -> None:
    outsider = desk.slack.add_user("zoe", email="zoe@example.com").id
    inside = await desk.connector.send(desk.outbound(Post("Please look", calls="U0ANA")))
    outside = await desk.connector.send(desk.outbound(Post("Please look", calls="zoe@example.com")))
    assert (inside.absent, outside.absent) == (False, True)
    texts = [message["text"] for message in desk.slack.messages("support")]
    assert texts == ["<@U0ANA> Please look", f"<@{outsider}> Please look"]


async def test_an_answer_within_a_thread_links_to_the_answered_message(desk: Desk) -> None:
    root = desk.slack.post_as("ana", "support", "Charged twice")
    line = desk.slack.post_as("ana", "support", "It costs 90 EUR", root)
    for answered in (line, "1.000001"):
        post = Post("🗣 **Maya** ↩️ to “It costs…”\n\n> why?", reply_to=answered)
        await desk.connector.send(desk.outbound(post, thread=root))
    *_, linked, plain = (message["text"] for message in desk.slack.messages("support", root))
    assert "“It costs…” <https://" in linked.splitlines()[0]
    assert f"/p{line.replace('.', '')}?thread_ts={root}" in linked
    assert plain.splitlines()[0] == "🗣 *Maya* ↩️ to “It costs…”", "what it answers is gone"


async def test_an_invitation_adds_the_person_to_the_channel_once(desk: Desk) -> None:
    outsider = desk.slack.add_user("zoe", email="zoe@example.com").id
    for _ in range(2):
        await desk.connector.send(desk.outbound(Invite(outsider)))
    assert not (await desk.connector.send(desk.outbound(Post("x", calls=outsider)))).absent
    with pytest.raises(Unreachable):
        await desk.connector.send(desk.outbound(Invite("U0NOBODY")))


async def test_typing_is_nothing_in_slack(desk: Desk) -> None:
    before = len(desk.script.calls)
    await desk.connector.send(desk.outbound(Typing()))
    assert len(desk.script.calls) == before


async def test_files_go_into_the_thread_one_for_each_part(desk: Desk) -> None:
    desk.files["file-1"] = b"%PDF" * 3000
    root = await desk.connector.send(desk.outbound(CARD))
    place = Attachment(kind=AttachmentKind.LOCATION, ref="geo:52.5,13.4;u=9")
    post = Post("Here", attachments=(FILE, place))
    outbound = desk.outbound(post, root.message)
    assert (await desk.connector.send(outbound)).more
    with pytest.raises(PlatformDown, match="file_not_seen"):
        await desk.connector.find(replace(outbound, part=1))
    assert await desk.connector.find(replace(outbound, part=1)) is None
    sent = await desk.connector.send(replace(outbound, part=1))
    assert not sent.more
    _, text, upload = desk.slack.messages("support", root.message)
    assert "mlat=52.5&amp;mlon=13.4" in text["text"]
    (file,) = upload["files"]
    assert (file["name"], desk.slack.file_content(file["id"])) == ("bill.pdf", b"%PDF" * 3000)
    found = await desk.connector.find(replace(outbound, part=1))
    assert found is not None
    assert found.message == upload["ts"]


async def test_an_upload_whose_answer_was_lost_can_be_found(desk: Desk) -> None:
    desk.files["file-1"] = b"content"
    outbound = desk.outbound(Post("", attachments=(FILE,)))
    desk.script.faults["files.completeUploadExternal"] = [LOST]
    with pytest.raises(OutcomeUnknown):
        await desk.connector.send(outbound)
    found = await desk.connector.find(outbound)
    assert found is not None
    assert found.message == desk.slack.messages("support")[0]["ts"]


async def test_an_upload_that_slack_has_not_posted_yet_is_waited_for_before_it_is_made_again(
    desk: Desk,
) -> None:
    """Slack answers first and posts a moment later, so that not to find it at once says nothing."""
    desk.files["file-1"] = b"content"
    outbound = desk.outbound(Post("", attachments=(FILE,)))
    with pytest.raises(PlatformDown) as told:
        await desk.connector.find(outbound)
    assert told.value.retry_after == timedelta(seconds=10)
    sent = await desk.connector.send(outbound)
    assert await desk.connector.find(outbound) == replace(
        sent, message=desk.slack.messages("support")[0]["ts"]
    )


async def test_a_file_without_content_is_refused(desk: Desk) -> None:
    desk.files["file-1"] = b""
    with pytest.raises(Refused, match="file_empty"):
        await desk.connector.send(desk.outbound(Post("", attachments=(FILE,))))


async def test_a_staff_file_can_be_read_with_our_token_from_slack_alone(desk: Desk) -> None:
    from_slack = [chunk async for chunk in desk.connector.open(await upload_of(desk))]
    assert b"".join(from_slack) == b"the bytes"
    for elsewhere in ("https://evil.example/x", "https://slack.com.evil.example/x", "http://[", "file:///x"):
        with pytest.raises(Refused, match="file_elsewhere"):
            [chunk async for chunk in desk.connector.open(elsewhere)]


async def upload_of(desk: Desk) -> str:
    desk.files["file-1"] = b"the bytes"
    await desk.connector.send(desk.outbound(Post("", attachments=(FILE,))))
    (message,) = desk.slack.messages("support")
    return str(message["files"][0]["url_private"])


@pytest.mark.parametrize("operation", [Post("x"), CARD])
async def test_a_lost_answer_is_an_unknown_outcome_that_can_be_found(
    desk: Desk, operation: Operation
) -> None:
    root = await desk.connector.send(desk.outbound(Post("root")))
    for thread in ("", root.message):
        outbound = desk.outbound(operation, thread, chat="#support")
        assert await desk.connector.find(outbound) is None
        desk.script.faults["chat.postMessage"] = [LOST]
        with pytest.raises(OutcomeUnknown):
            await desk.connector.send(outbound)
        found = await desk.connector.find(outbound)
        assert found is not None
        assert found.message == desk.slack.messages("support", thread or None)[-1]["ts"]
        assert found.chat == desk.support
    assert desk.slack.double_posts() == {}


async def test_a_lost_response_to_a_repeatable_call_is_platform_down(desk: Desk) -> None:
    sent = await desk.connector.send(desk.outbound(Post("x")))
    desk.script.faults["chat.update"] = [LOST]
    with pytest.raises(PlatformDown):
        await desk.connector.send(desk.outbound(Revise(sent.message, Post("y"))))


async def test_slack_says_how_long_to_wait(desk: Desk) -> None:
    desk.script.faults["chat.postMessage"] = [Fault(FaultKind.RATE_LIMITED, 7)]
    with pytest.raises(RateLimited) as raised:
        await desk.connector.send(desk.outbound(Post("x")))
    assert raised.value.retry_after == timedelta(seconds=7)


async def test_errors_of_slacks_servers_are_tried_again(desk: Desk) -> None:
    desk.script.faults["chat.postMessage"] = [Fault(FaultKind.SERVER_ERROR)]
    with pytest.raises(PlatformDown):
        await desk.connector.send(desk.outbound(Post("x")))
    assert desk.slack.messages("support") == []


async def test_nobody_there_is_a_platform_that_is_down(desk: Desk, unused_tcp_port: int) -> None:
    nowhere = replace(desk.settings, api_url=f"http://127.0.0.1:{unused_tcp_port}/api/")
    lonely = connector_of(nowhere, desk.files)
    with pytest.raises(PlatformDown, match="not_connected"):
        await lonely.send(desk.outbound(Post("x")))
    await lonely.close()


async def test_a_wrong_token_suspends_the_account_with_what_to_do(desk: Desk) -> None:
    assert await desk.connector.check() == "@desk in Sandbox"
    wrong = connector_of(
        replace(desk.settings, secrets={**desk.settings.secrets, "bot_token": "xoxb-no"}), {}
    )
    with pytest.raises(AccountSuspended, match=r"invalid_auth.*SLACK_BOT_TOKEN"):
        await wrong.check()
    await wrong.close()


async def test_an_archived_channel_is_refused(desk: Desk) -> None:
    desk.slack.archive("support")
    with pytest.raises(Unreachable, match="is_archived"):
        await desk.connector.send(desk.outbound(Post("x")))


def test_settings_that_cannot_work_are_refused_at_the_start(desk: Desk) -> None:
    for settings in (
        replace(desk.settings, mode="polling"),
        replace(desk.settings, secrets={"bot_token": "x"}),
        replace(desk.settings, mode="socket", secrets={"bot_token": "x"}),
    ):
        with pytest.raises(SettingsError):
            connector_of(settings, {})


def test_the_channel_registers_itself(desk: Desk) -> None:
    assert (channel.name, channel.title) == ("slack", "Slack")
    assert [way.mode for way in channel.modes] == ["socket", "webhook"]
    assert desk.connector.capabilities.per_second == 20
    quick = connector_of(replace(desk.settings, per_second=5, chat_interval=timedelta()), {})
    assert quick.capabilities.per_second == 5
    assert quick.capabilities.chat_interval == timedelta()


async def test_the_message_as_it_came_is_a_link_and_without_one_a_file(desk: Desk) -> None:
    original = Attachment(kind=AttachmentKind.ORIGINAL, ref="", name="mail.html", file="file-1")
    desk.files["file-1"] = b"<p>the mail</p>"
    post = Post("Hello", attachments=(original,))
    linking = SlackConnector(
        desk.settings, Resources(files=Kept(desk.files, "https://desk.example"), vault=Safe())
    )
    assert not (await linking.send(desk.outbound(post))).more
    await linking.close()
    (message,) = desk.slack.messages("support")
    assert message["text"] == "Hello\n\n📄 <https://desk.example/file-1|mail.html>"
    assert (await desk.connector.send(desk.outbound(post))).more


async def test_a_file_that_was_never_fetched_is_named_in_words(desk: Desk) -> None:
    lost = Attachment(kind=AttachmentKind.PHOTO, ref="x", name="a.png")
    await desk.connector.send(desk.outbound(Post("", attachments=(lost,))))
    assert desk.slack.messages("support")[0]["text"] == "📄 a.png"


async def test_an_emoji_of_ours_takes_the_place_of_the_last(desk: Desk) -> None:
    ts = desk.slack.post_as("ana", "support", "thanks")
    for emoji, name in (
        ("👍", "+1"),
        ("❤️", "heart"),
        ("👋🏽", "wave"),
        ("🫠", "melting_face"),
        ("👩🏽‍💻", "female-technologist"),
        ("🇩🇪", "de"),
        ("🫱🏻‍🫲🏿", "handshake"),
        (":party_parrot:", "party_parrot"),
    ):
        for _ in range(2):
            await desk.connector.send(desk.outbound(Emote(ts, emoji)))
        assert marks(desk, ts) == {name}
    await desk.connector.send(desk.outbound(Emote(ts, "")))
    assert marks(desk, ts) == set()
    with pytest.raises(Refused, match="invalid_name"):
        await desk.connector.send(desk.outbound(Emote(ts, "no emoji")))


async def test_somebody_is_written_to_directly_by_their_id_or_their_address(desk: Desk) -> None:
    desk.slack.add_user("cleo", email="cleo@desk.example", user_id="U0CLEO")
    direct = desk.slack.open_direct("cleo").id
    for name in ("U0CLEO", "cleo@desk.example"):
        outbound = desk.outbound(Post(f"To {name}"), chat=name)
        sent = await desk.connector.send(outbound)
        assert sent.chat == direct
        assert await desk.connector.find(outbound) == sent
    assert [m["text"] for m in desk.slack.messages(direct)] == ["To U0CLEO", "To cleo@desk.example"]


async def test_somebody_whom_slack_does_not_know_is_not_written_to(desk: Desk) -> None:
    for name, code in (("U0NOBODY00", "user_not_found"), ("nobody@example.com", "users_not_found")):
        with pytest.raises(Unreachable, match=code):
            await desk.connector.send(desk.outbound(Post("x"), chat=name))
