"""News of the Bot API since June 2026: messages for one person of a group, and rich messages."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import aiohttp
import pytest

from bot.core.errors import CommandError
from bot.core.ids import utc_now
from connectors.sandbox.telegram import GroupChat, TelegramStandIn, TelegramUser
from tests.sandbox.telegram.conftest import Rig, running
from tests.sandbox.telegram.wire_shapes import load_shapes

KEYBOARD = {"inline_keyboard": [[{"text": "Take", "callback_data": "take"}]]}
TEXT = [{"type": "paragraph", "text": "hi"}]


@dataclass
class Moved:
    """The time of day, which a test can let go by."""

    by: timedelta = field(default_factory=timedelta)

    def __call__(self) -> datetime:
        return utc_now() + self.by


@dataclass(frozen=True)
class Office:
    rig: Rig
    clock: Moved
    group: GroupChat
    hugo: TelegramUser
    grace: TelegramUser

    async def call(self, method: str, **body: object) -> dict[str, object]:
        """The whole answer to a call about the group."""
        call = {"chat_id": self.group.id, **body}
        async with aiohttp.ClientSession() as session:
            response = await session.post(f"{self.rig.api}/{method}", json=call)
            answer = await response.json()
        return dict(answer)

    async def whisper(self, user: TelegramUser, **more: object) -> dict[str, object]:
        parameters = {"receiver_user_id": user.id, **more}
        return await self.call("sendMessage", text="psst", ephemeral_message_parameters=parameters)

    async def tapped(self) -> str:
        """A button that Hugo has just pressed."""
        message = result(await self.call("sendMessage", text="card", reply_markup=KEYBOARD))["message_id"]
        assert isinstance(message, int)
        return self.group.tap(self.hugo, message, "Take")


def result(answer: dict[str, object]) -> dict[str, object]:
    found = answer.get("result")
    assert isinstance(found, dict), answer
    return found


def refusal(answer: dict[str, object]) -> tuple[object, str]:
    return answer.get("error_code"), str(answer.get("description"))


@pytest.fixture
async def office() -> AsyncIterator[Office]:
    clock = Moved()
    async with running(TelegramStandIn(clock=clock)) as rig:
        hugo, grace = rig.stand_in.user("Hugo Brandt"), rig.stand_in.user("Grace Kim")
        yield Office(rig, clock, rig.stand_in.group("Billing", [hugo, grace]), hugo, grace)


# For one person


async def test_a_message_for_one_person_is_seen_by_them_alone_and_answered_as_published(
    office: Office,
) -> None:
    shapes = load_shapes()
    answer = await office.whisper(office.hugo)
    assert shapes.result_problems("sendMessage", answer["result"]) == []
    sent = result(answer)
    assert (sent["message_id"], sent["ephemeral_message_id"]) == (0, 1)
    assert [shown.text for shown in office.group.seen_alone(office.hugo)] == ["psst"]
    assert office.group.seen_alone(office.grace) == []
    assert office.group.messages() == []


async def test_a_message_for_one_person_is_edited_and_deleted_by_methods_of_its_own(office: Office) -> None:
    shapes = load_shapes()
    await office.whisper(office.hugo)
    one = {"receiver_user_id": office.hugo.id, "ephemeral_message_id": 1}
    for change in ({"text": "new"}, {"rich_message": {"blocks": TEXT}}):
        answer = await office.call("editEphemeralMessageText", **one, **change)
        assert shapes.result_problems("editEphemeralMessageText", answer["result"]) == []
    assert [(each.kind, each.text) for each in office.group.seen_alone(office.hugo)] == [
        ("rich_message", "hi")
    ]
    other = one | {"receiver_user_id": office.grace.id}
    assert refusal(await office.call("deleteEphemeralMessage", **other))[0] == 400
    for message_id in (0, 1):
        assert refusal(await office.call("deleteMessage", message_id=message_id))[0] == 400
    answer = await office.call("deleteEphemeralMessage", **one)
    assert shapes.result_problems("deleteEphemeralMessage", answer["result"]) == []
    assert office.group.seen_alone(office.hugo) == []
    assert refusal(await office.call("deleteEphemeralMessage", **one))[0] == 400


async def test_a_message_for_one_person_is_not_kept_in_the_snapshot(office: Office) -> None:
    await office.whisper(office.hugo)
    anew = TelegramStandIn()
    anew.restore(office.rig.stand_in.snapshot())
    assert anew.groups()[0].seen_alone(anew.user("Hugo Brandt")) == []
    office.rig.stand_in.start_over()
    assert office.group.seen_alone(office.hugo) == []


async def test_a_bot_that_is_no_administrator_answers_what_a_person_has_just_done(office: Office) -> None:
    query = await office.tapped()
    office.group.settings(administrator=False)
    assert refusal(await office.whisper(office.hugo)) == (400, "Bad Request: BOT_NOT_ADMIN")
    assert (await office.whisper(office.hugo, callback_query_id=query))["ok"]
    for wrong in (
        await office.whisper(office.grace, callback_query_id=query),
        await office.whisper(office.hugo, callback_query_id="unknown"),
    ):
        assert "query is too old" in refusal(wrong)[1]
    office.clock.by = timedelta(seconds=16)
    assert "query is too old" in refusal(await office.whisper(office.hugo, callback_query_id=query))[1]


async def test_a_press_that_was_answered_is_over(office: Office) -> None:
    query = await office.tapped()
    await office.call("answerCallbackQuery", callback_query_id=query)
    assert "query is too old" in refusal(await office.whisper(office.hugo, callback_query_id=query))[1]


async def test_an_answer_to_a_message_for_one_person_is_heard_by_the_bot_alone(office: Office) -> None:
    shapes = load_shapes()
    await office.whisper(office.hugo)
    with pytest.raises(CommandError):
        office.group.answer_alone(office.grace, 1, "me too")
    said = office.group.answer_alone(office.hugo, 1, "yes")
    (update,) = (await office.call("getUpdates"))["result"]  # type: ignore[misc]
    assert shapes.problems(update, "Update") == []
    assert update["message"]["ephemeral_message_id"] == said.ephemeral
    office.group.settings(administrator=False)
    reply = {"reply_parameters": {"ephemeral_message_id": said.ephemeral}}
    parameters = {"receiver_user_id": office.hugo.id}
    call = {"text": "ah", "ephemeral_message_parameters": parameters, **reply}
    assert (await office.call("sendMessage", **call))["ok"]
    office.clock.by = timedelta(seconds=16)
    assert refusal(await office.call("sendMessage", **call))[1] == "Bad Request: BOT_NOT_ADMIN"


async def test_only_members_of_groups_are_told_something_alone(office: Office) -> None:
    stranger = office.rig.stand_in.user("Farid")
    office.rig.stand_in.say(stranger, "/start")
    assert refusal(await office.whisper(stranger))[0] == 400
    private = {"chat_id": stranger.id, "text": "x"}
    parameters = {"receiver_user_id": stranger.id}
    answer = await office.call("sendMessage", **private, ephemeral_message_parameters=parameters)
    assert refusal(answer) == (400, "Bad Request: BOT_NOT_ADMIN")
    assert refusal(await office.call("sendMessage", text="x", ephemeral_message_parameters={}))[0] == 400


# Rich messages


@pytest.mark.long
async def test_a_rich_message_says_its_words_and_becomes_a_text_and_back(office: Office) -> None:
    shapes = load_shapes()
    link = {"type": "url", "text": ["a ", {"type": "bold", "text": "link"}], "url": "https://a.example"}
    cell = {"align": "left", "valign": "top"}
    blocks = [
        {"type": "heading", "text": "Title", "size": 2},
        {
            "type": "table",
            "cells": [[{"text": "Team", **cell, "is_header": True}, {"text": "Night", **cell}]],
        },
        {"type": "details", "summary": "More", "blocks": [{"type": "paragraph", "text": ["see ", link]}]},
        {"type": "pre", "text": "x = 1", "language": "python"},
        {"type": "divider"},
        {"type": "blockquote", "blocks": TEXT},
    ]
    answer = await office.call("sendRichMessage", rich_message={"blocks": blocks}, reply_markup=KEYBOARD)
    assert shapes.result_problems("sendRichMessage", answer["result"]) == []
    (message,) = office.group.messages()
    assert message.text == "Title\nTeam: Night\nMore\nsee a link\nx = 1\nhi"
    one = {"message_id": message.message_id}
    changes: list[dict[str, object]] = [
        {"text": "plain"},
        {"rich_message": {"blocks": TEXT}},
    ]
    for change, kind in zip(changes, ("text", "rich_message"), strict=True):
        answer = await office.call("editMessageText", **one, **change)
        assert shapes.result_problems("editMessageText", answer["result"]) == []
        assert office.group.messages()[0].kind == kind
    again = await office.call("editMessageText", **one, **changes[1])
    assert "not modified" in refusal(again)[1]


def nested(levels: int) -> dict[str, object]:
    block: dict[str, object] = {"type": "paragraph", "text": "deep"}
    for _ in range(levels):
        block = {"type": "blockquote", "blocks": [block]}
    return block


def columns(count: int) -> dict[str, object]:
    return {"type": "table", "cells": [[{"text": "x", "align": "left", "valign": "top"}] * count]}


@pytest.mark.long
@pytest.mark.parametrize(
    "blocks",
    [
        [],
        [{"type": "paragraph"}],
        [{"type": "paragraph", "text": 5}],
        [{"type": "paragraph", "text": {"type": "shout", "text": "x"}}],
        [{"type": "paragraph", "text": "x", "color": "red"}],
        [{"type": "heading", "text": "x", "size": "2"}],
        [{"type": "poem", "text": "x"}],
        [{"type": "details", "summary": "x", "blocks": []}],
        [{"type": "table", "cells": [[{"text": "x"}]]}],
        [{"type": "paragraph", "text": "x" * 32_769}],
        [nested(16)],
        [columns(21)],
        TEXT * 501,
    ],
)
async def test_an_invalid_rich_message_is_a_400(office: Office, blocks: list[object]) -> None:
    answer = await office.call("sendRichMessage", rich_message={"blocks": blocks})
    assert refusal(answer)[0] == 400
    assert office.group.messages() == []


async def test_a_rich_message_just_within_the_limits_is_taken(office: Office) -> None:
    for blocks in ([{"type": "paragraph", "text": "x" * 32_768}], [nested(15)], [columns(20)], TEXT * 500):
        assert (await office.call("sendRichMessage", rich_message={"blocks": blocks}))["ok"]


# Older servers


async def test_an_older_server_overlooks_what_it_does_not_know(office: Office) -> None:
    office.rig.stand_in.serve((10, 2))
    sent = result(await office.whisper(office.hugo))
    assert sent["message_id"]
    assert "ephemeral_message_id" not in sent
    office.rig.stand_in.serve((10, 1))
    assert refusal(await office.call("deleteEphemeralMessage"))[0] == 404
    rich = {"rich_message": {"blocks": TEXT}}
    assert refusal(await office.call("sendRichMessage", **rich))[0] == 400
    office.rig.stand_in.serve((10, 0))
    assert refusal(await office.call("sendRichMessage", **rich)) == (404, "Not Found: method not found")
    answer = await office.call("editMessageText", message_id=sent["message_id"], **rich)
    assert refusal(answer) == (400, "Bad Request: message text is empty")
