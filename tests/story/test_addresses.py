"""One mailbox of several addresses: each leads to the agent or the team that the file names for it."""

import pytest

from tests.story.rig import Change, Rig, rig, until

SUPPORT = "support@brightdesk.example"
SALES = "sales@brightdesk.example"
BILLING = "billing@brightdesk.example"


def addresses() -> Change:
    def change(document: dict[str, object]) -> None:
        for account in document["accounts"]:  # type: ignore[attr-defined]
            if account["channel"] == "email":
                account["options"] = {**account["options"], "aliases": f"{SALES}, {BILLING}"}
                account["addresses"] = {
                    SALES: "onboarding-specialist",
                    BILLING: "billing",
                    "support+vip@brightdesk.example": "billing",
                }

    return change


def rooms(r: Rig) -> list[str]:
    channels = [channel["name"] for channel in r.slack.channels()]
    return [name for name in channels for _ in r.threads(name)]


@pytest.mark.long
async def test_an_address_of_a_team_leads_to_its_room(database_url: str, redis_url: str) -> None:
    async with rig(database_url, redis_url, addresses(), every_channel=True) as r:
        r.mail.add_alias(BILLING, SUPPORT)
        maya = r.by_mail()
        await maya.write("A question", "What is a board?", to=BILLING)
        await until(lambda: rooms(r), what="a card")
        assert rooms(r) == ["billing-escalations"]
        [told] = await maya.received(1)
        assert "board" not in told.text.partition("\n>")[0], "no agent answers"
        await maya.reply(told, "And a card?")
        await until(
            lambda: (
                "And a card?" in "\n".join(r.in_thread("billing-escalations", r.card("billing-escalations")))
            ),
            what="her answer in that room",
        )


@pytest.mark.long
async def test_a_tag_leads_further_than_its_address(database_url: str, redis_url: str) -> None:
    async with rig(database_url, redis_url, addresses(), every_channel=True) as r:
        maya = r.by_mail()
        await maya.write("A question", "What is a board?", to="support+VIP@brightdesk.example")
        await until(lambda: rooms(r), what="a card")
        assert rooms(r) == ["billing-escalations"]
