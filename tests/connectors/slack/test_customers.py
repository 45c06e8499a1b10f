"""Customers in Slack: Slack Connect, direct messages and the assistant's pane, through the wire."""

from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from bot.core.errors import MalformedPayload, OutcomeUnknown, PlatformDown, Refused
from bot.core.events import (
    Attachment,
    AttachmentKind,
    Deleted,
    Edited,
    Reacted,
    Said,
    SenderRole,
    Tapped,
)
from bot.core.outbound import Button, Emote, Erase, Post, Revise, Speaker, Typing
from connectors.sandbox.fault import Fault, FaultKind
from connectors.sandbox.slack import Upload, User
from connectors.slack.customers.connector import SlackCustomers

from .conftest import BOT, BOT_TOKEN
from .shop import ACME, HOME, Shop, a_shop, outsider, signed
from .test_parse import EXAMPLES, PAYLOADS

LOST = Fault(FaultKind.LOST_RESPONSE)


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    """The organization's own workspace, which shares #acme with the people of Acme."""
    options = {"icon": ":sunflower:"}
    async with a_shop(token=BOT_TOKEN, options=options) as made:
        made.slack.connect_channel("acme", [outsider("U0ACME", "ada"), outsider("U0ACM2", "bob")], ["ana"])
        await made.slack.settled()
        yield made


def chat(shop: Shop) -> str:
    (found,) = [channel["id"] for channel in shop.slack.channels() if channel.get("name") == "acme"]
    return f"{HOME}/{found}"


async def begun(shop: Shop, text: str = "It is broken") -> str:
    ts = shop.slack.say("U0ACME", "acme", text)
    await shop.inbox.event()
    return ts


async def test_a_message_from_outside_begins_a_conversation_in_its_thread(shop: Shop) -> None:
    ts = await begun(shop)
    shop.slack.say("U0ACM2", "acme", "for me too", ts)
    await shop.inbox.event(2)
    first, second = shop.inbox.events
    assert first.place == second.place == shop.place(chat(shop), ts)
    assert (first.shared, second.shared) == (True, True)
    assert (first.sender_role, second.sender_role) == (SenderRole.CUSTOMER, SenderRole.CUSTOMER)
    assert [event.sender.display_name for event in shop.inbox.events] == ["ada", "bob"]
    sent = await shop.connector.send(
        shop.outbound(Post("We are on it", reply_to=second.message), *_at(first))
    )
    assert sent.chat == ""
    assert [message["text"] for message in shop.slack.messages("acme", ts)] == [
        "It is broken",
        "for me too",
        "We are on it",
    ]


async def test_a_customers_workspace_is_named_beside_its_id(shop: Shop) -> None:
    shop.slack.connect_channel("acme", [outsider("U0NEMO", "nemo", "T0NEMO")], [])
    for who in ("U0ACME", "U0ACM2", "U0ACME", "U0NEMO"):
        shop.slack.say(who, "acme", "It is broken")
        await shop.slack.settled()
    assert {event.sender.address for event in shop.inbox.events} == {
        "U0ACME in workspace Acme (T0ACME)",
        "U0ACM2 in workspace Acme (T0ACME)",
        "U0NEMO in workspace Nemo (T0NEMO)",
    }
    assert shop.script.calls.count("team.info") == 2, "each is asked for once"


async def test_while_slack_does_not_name_the_workspace_its_id_stands_alone(shop: Shop) -> None:
    bare = User(id="U0BARE", name="bo", team_id="T0BARE")  # of a workspace that Slack will not tell of
    shop.slack.connect_channel("acme", [bare], [])
    shop.script.faults["team.info"] = [Fault(FaultKind.SERVER_ERROR)]
    for who in ("U0ACME", "U0ACME", "U0BARE", "U0BARE"):
        shop.slack.say(who, "acme", "It is broken")
        await shop.slack.settled()
    assert [event.sender.address for event in shop.inbox.events] == [
        "U0ACME in workspace T0ACME",
        "U0ACME in workspace Acme (T0ACME)",
        "U0BARE in workspace T0BARE",
        "U0BARE in workspace T0BARE",
    ]
    assert shop.script.calls.count("team.info") == 3, "asked again only where Slack did not answer"


async def test_an_inside_members_own_threads_are_nobodys_conversation(shop: Shop) -> None:
    ts = shop.slack.say("ana", "acme", "Welcome, Acme")
    shop.slack.say("U0ACME", "acme", "Thanks!", ts)
    shop.slack.react_as("U0ACME", "acme", ts, "tada")
    shop.slack.edit_as("ana", "acme", ts, "Welcome!")
    await shop.slack.settled()
    assert shop.inbox.events == []


async def test_inside_members_words_in_a_conversation_are_theirs(shop: Shop) -> None:
    ts = await begun(shop)
    shop.slack.say("ana", "acme", "Let me look", ts)
    event = await shop.inbox.event(2)
    assert (event.sender_role, event.content) == (SenderRole.INSIDER, Said("Let me look"))
    assert event.place.thread == ts


@pytest.mark.parametrize("options", [{"guests": "customers"}, {}], ids=["customers", "colleagues"])
async def test_guests_of_our_own_workspace_are_what_the_account_says(options: dict[str, str]) -> None:
    async with a_shop(token=BOT_TOKEN, options=options) as shop:
        guest = User(id="U0GUEST", name="gia", is_guest=True)
        shop.slack.connect_channel("acme", [outsider("U0ACME", "ada"), guest], ["ana"])
        await shop.slack.settled()
        shop.slack.say("U0GUEST", "acme", "It is broken")
        ts = shop.slack.say("U0ACME", "acme", "Here, too")
        await shop.slack.settled()
        heard = {event.sender.external_id for event in shop.inbox.events}
        assert heard == ({"U0GUEST", "U0ACME"} if options else {"U0ACME"})
        shop.slack.say("U0GUEST", "acme", "Same", ts)
        await shop.slack.settled()
        sender_role = SenderRole.CUSTOMER if options else SenderRole.INSIDER
        assert [event.sender_role for event in shop.inbox.events if event.content == Said("Same")] == [
            sender_role
        ]


async def test_edits_and_deletions_follow(shop: Shop) -> None:
    ts = await begun(shop)
    reply = shop.slack.say("U0ACME", "acme", "and slow", ts)
    await shop.inbox.event(2)
    shop.slack.edit_as("U0ACME", "acme", ts, "It is *very* broken")
    await shop.inbox.event(3)
    shop.slack.delete_as("U0ACME", "acme", reply)
    await shop.inbox.event(4)
    shop.slack.delete_as("U0ACME", "acme", ts)
    await shop.inbox.event(5)
    contents = [event.content for event in shop.inbox.events[2:]]
    assert contents == [Edited(ts, "It is **very** broken"), Deleted(reply), Deleted(ts)]
    assert {event.place for event in shop.inbox.events} == {shop.place(chat(shop), ts)}


async def test_our_edits_and_deletions_follow_too(shop: Shop) -> None:
    where = (chat(shop), await begun(shop))
    sent = await shop.connector.send(shop.outbound(Post("Tomorow"), *where))
    await shop.connector.send(shop.outbound(Revise(sent.message, Post("Tomorrow")), *where))
    assert shop.slack.messages("acme", where[1])[-1]["text"] == "Tomorrow"
    await shop.connector.send(shop.outbound(Erase(sent.message), *where))
    assert len(shop.slack.messages("acme", where[1])) == 1


async def test_reactions_go_both_ways_and_are_in_their_thread(shop: Shop) -> None:
    ts = await begun(shop)
    sent = await shop.connector.send(shop.outbound(Post("Fixed"), chat(shop), ts))
    shop.slack.react_as("U0ACME", "acme", sent.message, "heart")
    shop.slack.unreact_as("U0ACME", "acme", sent.message, "heart")
    await shop.inbox.event(3)
    reactions = shop.inbox.events[1:]
    assert {event.content for event in reactions} == {
        Reacted(sent.message, "❤️", True),
        Reacted(sent.message, "❤️", False),
    }
    assert {event.place for event in reactions} == {shop.place(chat(shop), ts)}
    shop.slack.react_as("ana", "acme", ts, "eyes")
    assert (await shop.inbox.event(4)).sender_role is SenderRole.INSIDER
    for emoji, names in (("👍", ["eyes", "+1"]), ("🎉", ["eyes", "tada"]), ("", ["eyes"])):
        await shop.connector.send(shop.outbound(Emote(ts, emoji), chat(shop), ts))
        assert [each["name"] for each in shop.slack.messages("acme")[0]["reactions"]] == names


async def test_a_reaction_whose_message_slack_cannot_name_now_comes_again(shop: Shop) -> None:
    ts = await begun(shop)
    shop.script.faults["reactions.get"] = [Fault(FaultKind.SERVER_ERROR)]
    shop.slack.react_as("U0ACME", "acme", ts, "eyes")
    assert (await shop.inbox.event(2)).content == Reacted(ts, "👀", True)


async def test_files_go_both_ways_though_slack_tells_their_ids_alone(shop: Shop) -> None:
    ts = shop.slack.post_as("U0ACME", "acme", "see", files=[Upload("x.png", b"picture")])
    event = await shop.inbox.event()
    assert isinstance(event.content, Said)
    (file,) = event.content.attachments
    assert file.ref.startswith(f"{HOME}/F")
    assert (file.kind, file.name, file.mime_type, file.size) == (
        AttachmentKind.PHOTO,
        "x.png",
        "image/png",
        7,
    )
    assert b"".join([chunk async for chunk in shop.connector.open(file.ref)]) == b"picture"
    shop.files["f"] = b"answer"
    ours = Attachment(kind=AttachmentKind.DOCUMENT, ref="", name="a.txt", file="f")
    outbound = shop.outbound(Post("", attachments=(ours,)), chat(shop), ts)
    await shop.connector.send(outbound)
    (sent,) = shop.slack.messages("acme", ts)[-1]["files"]
    assert shop.slack.file_content(sent["id"]) == b"answer"
    assert await shop.connector.find(outbound)


async def test_a_file_that_slack_does_not_describe_in_time_is_heard_all_the_same(shop: Shop) -> None:
    shop.script.faults["files.info"] = [Fault(FaultKind.SERVER_ERROR)]
    shop.slack.post_as("U0ACME", "acme", "see", files=[Upload("x.png", b"picture")])
    event = await shop.inbox.event()
    assert isinstance(event.content, Said)
    assert [(file.name, file.size) for file in event.content.attachments] == [("", None)]
    ref = event.content.attachments[0].ref
    assert b"".join([chunk async for chunk in shop.connector.open(ref)]) == b"picture"


async def test_a_file_that_must_not_be_sent_to_another_organization_becomes_a_link(shop: Shop) -> None:
    ts = await begun(shop)
    shop.slack.without_shared_files()
    shop.files["f"] = b"answer"
    ours = Attachment(kind=AttachmentKind.DOCUMENT, ref="", name="a.txt", file="f")
    outbound = shop.outbound(Post("", attachments=(ours,)), chat(shop), ts)
    with pytest.raises(Refused, match="slack_connect_file_upload_sharing_blocked"):
        await shop.connector.send(outbound)  # there is no address at which it could be fetched
    shop.kept.url = "https://desk.example/files"
    await shop.connector.send(outbound)
    said = shop.slack.messages("acme", ts)[-1]
    assert said["text"] == "📄 <https://desk.example/files/f|a.txt>"
    assert await shop.connector.find(outbound)


async def test_the_first_message_is_heard_first_though_its_file_must_be_asked_for(shop: Shop) -> None:
    shop.script.faults["files.info"] = [Fault(FaultKind.DELAY, 0.3)]
    ts = shop.slack.post_as("U0ACME", "acme", "see", files=[Upload("x.png", b"picture")])
    await shop.script.called("files.info", 1)
    shop.slack.say("U0ACME", "acme", "and?", ts)
    await shop.inbox.event(2)
    assert shop.inbox.events[0].message == ts


async def test_a_file_that_is_gone_is_refused(shop: Shop) -> None:
    with pytest.raises(Refused, match="file_not_found"):
        [chunk async for chunk in shop.connector.open(f"{HOME}/F0GONE")]


async def test_people_who_come_and_go_say_nothing(shop: Shop) -> None:
    shop.slack.add_user("eve", user_id="U0EVE")
    shop.slack.join("eve", "acme")
    await shop.slack.settled()
    assert shop.inbox.events == []


async def test_typing_is_shown_in_a_thread_and_nowhere_else(shop: Shop) -> None:
    ts = await begun(shop)
    await shop.connector.send(shop.outbound(Typing(), chat(shop), ts))
    assert shop.slack.pane(chat(shop).partition("/")[2], ts) == {"session": "processing"}
    await shop.connector.send(shop.outbound(Typing(over=True), chat(shop), ts))
    assert shop.slack.pane(chat(shop).partition("/")[2], ts) == {"session": "active"}
    direct = shop.slack.open_direct("ana").id
    before = len(shop.script.calls)
    await shop.connector.send(shop.outbound(Typing(), f"{HOME}/{direct}"))
    assert len(shop.script.calls) == before


async def test_the_speaker_is_named_where_the_post_says_so(shop: Shop) -> None:
    ts = await begun(shop)
    for speaker in (None, Speaker("Hugo of Bright Desk", human=True)):
        outbound = shop.outbound(Post("Hello", speaker=speaker), chat(shop), ts)
        await shop.connector.send(outbound)
        assert await shop.connector.find(outbound)
    own, named = shop.slack.messages("acme", ts)[1:]
    assert own["user"] == BOT
    assert (named["username"], named["icons"]) == ("Hugo of Bright Desk", {"emoji": ":sunflower:"})
    shop.files["f"] = b"answer"
    ours = Attachment(kind=AttachmentKind.DOCUMENT, ref="", name="a.txt", file="f")
    post = Post("", attachments=(ours,), speaker=Speaker("Hugo of Bright Desk", human=True))
    await shop.connector.send(shop.outbound(post, chat(shop), ts))
    assert shop.slack.messages("acme", ts)[-1]["username"] == "Hugo of Bright Desk"
    await shop.slack.settled()
    assert len(shop.inbox.events) == 1  # we do not hear ourselves, whatever we are called


async def test_a_button_pressed_is_a_tap_in_the_conversation(shop: Shop) -> None:
    ts = await begun(shop)
    post = Post("Solved?", (Button("yes", "1", "Yes"), Button("no", "2", "No")))
    sent = await shop.connector.send(shop.outbound(post, chat(shop), ts))
    assert (await shop.slack.click("U0ACME", "acme", sent.message, "no:1")).taken
    event = await shop.inbox.event(2)
    assert (event.place, event.shared) == (shop.place(chat(shop), ts), True)
    assert event.content == Tapped("no", "2", "No", sent.message)
    assert (await shop.slack.click("ana", "acme", sent.message, "yes:0")).taken
    assert (await shop.inbox.event(3)).sender_role is SenderRole.INSIDER
    direct = shop.slack.open_direct("ana").id
    sent = await shop.connector.send(shop.outbound(post, f"{HOME}/{direct}"))
    assert (await shop.slack.click("ana", direct, sent.message, "yes:0")).taken
    assert (await shop.inbox.event(4)).place == shop.place(f"{HOME}/{direct}")


async def test_the_staffs_command_is_not_for_customers(shop: Shop) -> None:
    await shop.slack.slash("U0ACME", "acme", "/desk", "conversations")
    assert ["for the staff" in each.text for each in shop.slack.ephemerals("U0ACME")] == [True]
    assert shop.inbox.commands == []


async def test_a_message_of_the_customers_bot_is_not_heard(shop: Shop) -> None:
    theirs = {"type": "message", "bot_id": "B0THEIRS", "user": "U0THEIRBOT", "user_team": ACME}
    event = {**theirs, "text": "deployed", "ts": "1900000000.000100", "channel": "C0ACME"}
    grant = {"team_id": HOME, "user_id": BOT, "is_bot": True}
    payload = {"type": "event_callback", "event_id": "Ev0BOT", "authorizations": [grant], "event": event}
    assert await signed(shop, payload) == 200
    assert shop.inbox.events == []


async def test_a_lost_answer_is_found_by_its_metadata_and_not_sent_twice(shop: Shop) -> None:
    outbound = shop.outbound(Post("once"), chat(shop), await begun(shop))
    shop.script.faults["chat.postMessage"] = [LOST]
    with pytest.raises(OutcomeUnknown):
        await shop.connector.send(outbound)
    found = await shop.connector.find(outbound)
    assert found is not None
    assert found.message == shop.slack.messages("acme", outbound.place.thread)[-1]["ts"]
    assert shop.slack.double_posts() == {}


async def test_the_other_side_of_a_shared_channel_tells_of_the_same_conversation() -> None:
    """Installed on both sides, Slack tells of an event for one of them, and not always the same."""
    async with a_shop(options={"team_id": HOME}) as shop:
        await shop.install(HOME)
        await shop.install(ACME)
        channel = shop.slack.connect_channel("acme", [outsider("U0ACME", "ada")], ["ana"]).id
        ts = await begun(shop)
        seen_from_acme = {
            "type": "event_callback",
            "event_id": "Ev0FROMACME",
            "team_id": ACME,
            "is_ext_shared_channel": True,
            "authorizations": [{"team_id": ACME, "user_id": "U0BOT0ACME", "is_bot": True}],
            "event": {
                "type": "message",
                "user": "U0ACME",
                "user_team": ACME,
                "text": "more",
                "ts": "1900000000.000100",
                "thread_ts": ts,
                "parent_user_id": "U0ACME",
                "channel": channel,
                "channel_type": "channel",
            },
        }
        assert (await signed(shop, seen_from_acme)) == 200
        assert {event.place for event in shop.inbox.events} == {shop.place(f"{HOME}/{channel}", ts)}
        shop.clock.now += timedelta(seconds=5)
        shop.slack.uninstall(HOME)
        await shop.slack.settled()
        assert (await signed(shop, {**seen_from_acme, "event_id": "Ev0LATER"})) == 200
        assert (await shop.inbox.event(3)).place == shop.place(f"{ACME}/{channel}", ts)


async def test_insiders_are_known_by_the_event_while_slack_cannot_be_asked(shop: Shop) -> None:
    shop.script.faults["users.info"] = [Fault(FaultKind.SERVER_ERROR)] * 20
    shop.slack.say("ana", "acme", "from inside")
    ts = shop.slack.say("U0ACME", "acme", "from outside")
    event = await shop.inbox.event()
    assert (event.message, event.sender.display_name) == (ts, "")
    await shop.slack.settled()
    assert len(shop.inbox.events) == 1


async def test_the_owner_of_a_thread_is_asked_for_again_before_anybody_is_answered(shop: Shop) -> None:
    """An event tells who began the thread, and not where they are at home."""
    root = shop.slack.say("ana", "acme", "Welcome, Acme")
    await shop.slack.settled()
    other = shop.other()
    shop.script.faults["users.info"] = [Fault(FaultKind.SERVER_ERROR)] * 2
    reply = {
        "type": "message",
        "user": "U0ACME",
        "user_team": ACME,
        "text": "Thanks!",
        "ts": "1900000000.000100",
        "thread_ts": root,
        "parent_user_id": "U0ANA",
        "channel": chat(shop).partition("/")[2],
    }
    grant = {"team_id": HOME, "user_id": BOT, "is_bot": True}
    payload = {"type": "event_callback", "event_id": "Ev0R", "authorizations": [grant], "event": reply}
    with pytest.raises(PlatformDown):
        await signed(shop, payload, by=other)
    await until_taken(shop, payload, by=other)
    assert shop.inbox.events == []
    await other.close()


async def test_a_thread_begun_by_somebody_slack_does_not_know_is_a_customers(shop: Shop) -> None:
    reply = {
        "type": "message",
        "user": "U0ACME",
        "user_team": ACME,
        "text": "Any news?",
        "ts": "1900000000.000100",
        "thread_ts": "1800000000.000100",
        "parent_user_id": "U0GONE",
        "channel": chat(shop).partition("/")[2],
    }
    grant = {"team_id": HOME, "user_id": BOT, "is_bot": True}
    payload = {"type": "event_callback", "event_id": "Ev0R", "authorizations": [grant], "event": reply}
    await until_taken(shop, payload)
    assert (await shop.inbox.event()).content == Said("Any news?")


async def until_taken(shop: Shop, payload: object, *, by: SlackCustomers | None = None) -> None:
    """Send the payload again until it is taken, as Slack does."""
    for _ in range(20):
        with suppress(PlatformDown):
            assert await signed(shop, payload, by=by) == 200
            return
    raise AssertionError("it was never taken")


def _at(event: object) -> tuple[str, str]:
    return event.place.chat, event.place.thread  # type: ignore[attr-defined]


@settings(
    max_examples=max(50, EXAMPLES // 10),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(payload=PAYLOADS)
async def test_any_signed_payload_of_slack_is_answered_without_an_error_of_ours(
    shop: Shop, payload: Any
) -> None:
    shop.inbox.events.clear()
    try:
        assert await signed(shop, payload) == 200
    except MalformedPayload:
        assert not isinstance(payload, dict)
