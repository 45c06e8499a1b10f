"""Cards whose long sections fold, in workspaces that know such blocks and in others."""

from dataclasses import replace

import pytest

from bot.core.errors import RateLimited
from bot.core.outbound import Button, Card, CardTone, Revise
from connectors.sandbox.fault import Fault, FaultKind

from .conftest import Desk

STORY = "She asks for her money back. " * 30
CARD = Card(
    title="Maya needs a person",
    speaking="Nobody is talking to Maya yet.",
    tone=CardTone.URGENT,
    facts=(("Team", "Billing"),),
    sections=(("Why", "A refund."), ("In short", STORY)),
    buttons=(Button("take", "e-1", "Take"),),
)
POST, UPDATE = "chat.postMessage", "chat.update"


def kinds(desk: Desk) -> list[str]:
    [message] = desk.slack.messages("support")
    return [block["type"] for block in message["blocks"]]


def calls(desk: Desk) -> list[str]:
    return [call for call in desk.script.calls if call in (POST, UPDATE)]


async def test_a_long_section_is_folded_and_its_card_works(desk: Desk) -> None:
    outbound = desk.outbound(CARD)
    sent = await desk.connector.send(outbound)
    assert kinds(desk) == ["header", "section", "section", "section", "container", "actions"]
    found = await desk.connector.find(outbound)
    assert found is not None
    assert found.message == sent.message
    assert (await desk.slack.click("ana", "support", sent.message, "take:0")).taken
    await desk.connector.send(desk.outbound(Revise(sent.message, replace(CARD, title="Maya: solved"))))
    assert kinds(desk)[4] == "container"
    assert calls(desk) == [POST, UPDATE]


async def test_a_workspace_without_folding_blocks_is_asked_once_and_shows_all_words(
    desk: Desk,
) -> None:
    desk.slack.without_blocks("container")
    outbound = desk.outbound(CARD)
    sent = await desk.connector.send(outbound)
    assert kinds(desk) == ["header", "section", "section", "section", "section", "actions"]
    [message] = desk.slack.messages("support")
    assert STORY.strip() in str(message["blocks"])
    assert await desk.connector.find(outbound)
    await desk.connector.send(desk.outbound(Revise(sent.message, replace(CARD, title="Maya: solved"))))
    assert calls(desk) == [POST, POST, UPDATE]
    assert desk.slack.double_posts() == {}


async def test_folding_is_tried_again_for_a_card_that_was_taken_before(desk: Desk) -> None:
    sent = await desk.connector.send(desk.outbound(CARD))
    desk.slack.without_blocks("container")
    revise = Revise(sent.message, replace(CARD, title="Maya: solved"))
    await desk.connector.send(desk.outbound(revise))
    assert "container" not in kinds(desk)
    desk.slack.without_blocks()
    await desk.connector.send(desk.outbound(revise))
    assert "container" in kinds(desk)
    assert calls(desk) == [POST, UPDATE, UPDATE, UPDATE]


async def test_a_refusal_for_another_reason_does_not_turn_folding_off(desk: Desk) -> None:
    desk.script.faults[POST] = [Fault(FaultKind.RATE_LIMITED, 3)]
    with pytest.raises(RateLimited):
        await desk.connector.send(desk.outbound(CARD))
    assert calls(desk) == [POST]
    await desk.connector.send(desk.outbound(CARD))
    assert "container" in kinds(desk)
