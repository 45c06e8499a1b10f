"""Refusals of Messenger, and what becomes of them."""

from datetime import timedelta

import pytest
from aiohttp import web

from bot.core.errors import (
    AccountSuspended,
    OutcomeUnknown,
    PlatformDown,
    RateLimited,
    Refused,
    SendError,
    Unreachable,
    WindowClosed,
)
from bot.core.events import AttachmentKind
from bot.core.outbound import Emote, Post, Speaker, Typing
from tests.connectors.messenger import rig
from tests.connectors.messenger.conftest import Line

HUGO = Post("We found it.", speaker=Speaker("Hugo", human=True))
AGENT = Post("We found it.", speaker=Speaker("Ada", human=False))


async def test_a_persons_words_after_24_hours_go_under_the_human_agent_tag(line: Line) -> None:
    line.graph.refuse(10, 2018278)

    sent = await line.page.send(rig.outbound(HUGO))

    first, second = line.graph.sent
    assert first["messaging_type"] == "RESPONSE"
    assert (second["messaging_type"], second["tag"]) == ("MESSAGE_TAG", "HUMAN_AGENT")
    assert first["message"] == second["message"]
    assert sent.message == "m_2"


@pytest.mark.parametrize("post", [AGENT, Post("We found it.")])
async def test_an_agents_words_are_never_sent_under_that_tag(line: Line, post: Post) -> None:
    line.graph.refuse(10, 2018278)

    with pytest.raises(WindowClosed, match="10/2018278"):
        await line.page.send(rig.outbound(post))
    assert len(line.graph.calls) == 1


async def test_after_seven_days_the_window_is_closed_for_people_too(line: Line) -> None:
    line.graph.refuse(10, 2018278)
    line.graph.refuse(10, 2018278)

    with pytest.raises(WindowClosed, match="7 days"):
        await line.page.send(rig.outbound(HUGO))
    assert len(line.graph.calls) == 2


@pytest.mark.parametrize(("code", "subcode"), [(10, 0), (100, 0), (100, 2018276), (200, 0)])
async def test_an_app_without_the_tag_leaves_the_window_closed(line: Line, code: int, subcode: int) -> None:
    line.graph.refuse(10, 2018278)
    line.graph.refuse(code, subcode)

    with pytest.raises(WindowClosed, match="App Review"):
        await line.page.send(rig.outbound(HUGO))


async def test_a_blocked_page_is_so_under_the_tag_too(line: Line) -> None:
    line.graph.refuse(10, 2018278)
    line.graph.refuse(551, 1545041)

    with pytest.raises(Unreachable):
        await line.page.send(rig.outbound(HUGO))


async def test_a_restricted_page_suspends_the_account_whoever_writes(line: Line) -> None:
    for post in (HUGO, AGENT):
        line.graph.refuse(10, 1893063)
        with pytest.raises(AccountSuspended, match="restricted the Page"):
            await line.page.send(rig.outbound(post))
    line.graph.refuse(10, 2018278)
    line.graph.refuse(10, 1893063)
    with pytest.raises(AccountSuspended):
        await line.page.send(rig.outbound(HUGO))


async def test_a_tagged_message_whose_answer_is_lost_may_have_been_sent(line: Line) -> None:
    line.graph.refuse(10, 2018278)
    line.graph.answers.append(ConnectionResetError())

    with pytest.raises(OutcomeUnknown):
        await line.page.send(rig.outbound(HUGO))


@pytest.mark.parametrize(
    ("code", "subcode", "status", "error"),
    [
        (190, 460, 401, AccountSuspended),
        (368, 0, 400, AccountSuspended),
        (10, 0, 403, AccountSuspended),
        (10, 2018028, 403, AccountSuspended),
        (10, 1893063, 403, AccountSuspended),
        (200, 0, 403, AccountSuspended),
        (230, 0, 403, AccountSuspended),
        (100, 33, 400, AccountSuspended),
        (10904, 0, 400, AccountSuspended),
        (10, 2018065, 403, WindowClosed),
        (10, 2018278, 403, WindowClosed),
        (10, 2534022, 403, WindowClosed),
        (551, 1545041, 400, Unreachable),
        (551, 0, 400, Unreachable),
        (200, 1545041, 400, Unreachable),
        (10, 2018108, 403, Unreachable),
        (100, 2018001, 400, Unreachable),
        (4, 0, 400, RateLimited),
        (4, 2018022, 400, RateLimited),
        (32, 0, 400, RateLimited),
        (613, 0, 400, RateLimited),
        (613, 1893016, 400, RateLimited),
        (80006, 0, 400, RateLimited),
        (1, 0, 500, PlatformDown),
        (2, 0, 500, PlatformDown),
        (1200, 0, 400, PlatformDown),
        (1, 1357046, 500, OutcomeUnknown),
        (100, 0, 400, Refused),
        (100, 2018109, 400, Refused),
        (10, 2018300, 403, Refused),
        (987654, 1, 400, Refused),
    ],
)
async def test_each_refusal_is_the_error_it_means(
    line: Line, code: int, subcode: int, status: int, error: type[SendError]
) -> None:
    line.graph.refuse(code, subcode, status)

    with pytest.raises(SendError) as caught:
        await line.page.send(rig.outbound(AGENT))

    assert type(caught.value) is error
    assert caught.value.reason.startswith(str(code))
    assert " " in caught.value.reason
    assert "secret words" not in caught.value.reason
    assert len(line.graph.calls) == 1


async def test_a_limit_waits_as_long_as_meta_says(line: Line) -> None:
    line.graph.answers.append(web.Response(status=429, headers={"Retry-After": "7"}))

    with pytest.raises(RateLimited) as caught:
        await line.page.send(rig.outbound(AGENT))
    assert caught.value.retry_after == timedelta(seconds=7)


async def test_a_server_in_trouble_can_be_asked_again(line: Line) -> None:
    line.graph.answers.append(web.Response(status=503))

    with pytest.raises(PlatformDown):
        await line.page.send(rig.outbound(AGENT))


async def test_a_message_whose_answer_is_lost_is_not_repeated(line: Line) -> None:
    line.graph.answers.append(ConnectionResetError())

    with pytest.raises(OutcomeUnknown):
        await line.page.send(rig.outbound(AGENT))
    assert len(line.graph.calls) == 1


async def test_an_answer_without_an_id_may_have_sent_something(line: Line) -> None:
    line.graph.answers += [web.json_response({"recipient_id": rig.PSID}), web.Response(body=b"<html>")]

    for _ in range(2):
        with pytest.raises(OutcomeUnknown):
            await line.page.send(rig.outbound(AGENT))


async def test_actions_that_harm_nobody_twice_can_be_repeated(line: Line) -> None:
    for operation in (Typing(), Emote("m_1", "👍")):
        line.graph.answers.append(ConnectionResetError())
        with pytest.raises(PlatformDown):
            await line.page.send(rig.outbound(operation))


async def test_an_upload_that_breaks_off_can_be_repeated(line: Line) -> None:
    file = line.resources.files.attach(AttachmentKind.PHOTO, b"\x89PNG", mime_type="image/png")
    post = Post("", attachments=(file,))

    line.graph.answers.append(ConnectionResetError())
    with pytest.raises(PlatformDown):
        await line.page.send(rig.outbound(post))
    line.graph.refuse(100, 2018047)
    with pytest.raises(Refused, match="2018047"):
        await line.page.send(rig.outbound(post))
    line.resources.files.away = True
    with pytest.raises(PlatformDown):
        await line.page.send(rig.outbound(post))
    line.resources.files.away = False
    line.graph.answers.append(web.json_response({"ok": True}))
    with pytest.raises(Refused, match="upload"):
        await line.page.send(rig.outbound(post))
    assert not line.graph.sent


async def test_a_platform_that_is_not_there_was_sent_nothing() -> None:
    page = rig.connector("http://127.0.0.1:1")

    with pytest.raises(PlatformDown):
        await page.send(rig.outbound(AGENT))
    await page.close()
