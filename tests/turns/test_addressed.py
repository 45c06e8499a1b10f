"""The first agent of a conversation: chosen by the address that a customer wrote to."""

from bot.core.events import Said
from orgs.documents import from_document, to_document
from orgs.routing import agents_addressed, team_addressed
from tests.turns.bench import ORGANIZATION, Bench

SALES, VIP = "sales@brightdesk.example", "support+vip@brightdesk.example"


async def owner(desk: Bench, address: str) -> str:
    event = desk.event(Said("Hello"), f"{address}.maya@x.example", on="email", chat=address, shared=True,
                       addressed=address)  # fmt: skip
    accepted = await desk.hear(event)
    return (await desk.view(accepted.wakes[0].conversation)).conversation.owner.name


async def test_a_conversation_begins_with_the_agent_of_the_address(desk: Bench) -> None:
    desk.addressed = {SALES: "seller", VIP: "keeper"}
    assert await owner(desk, "Sales@brightdesk.example") == "seller"
    assert await owner(desk, "sales+shop@brightdesk.example") == "seller"
    assert await owner(desk, "support+VIP@brightdesk.example") == "keeper"
    assert await owner(desk, "support@brightdesk.example") not in ("seller", "keeper")


def test_the_file_names_agents_and_teams_by_address() -> None:
    document = dict(to_document(ORGANIZATION))
    agent, team = ORGANIZATION.agents[0].id, ORGANIZATION.teams[0].id
    account = document["accounts"][0]  # type: ignore[index, call-overload]
    account["addresses"] = {"Sales@brightdesk.example": agent, VIP: team}
    org = from_document(document)
    name = org.accounts[0].id
    assert agents_addressed(org, name) == {SALES: agent}
    target = team_addressed(org, name, "support+VIP@brightdesk.example")
    assert target is not None
    assert target.team_id == team
    assert team_addressed(org, name, SALES) is None
    assert team_addressed(org, name, "support@brightdesk.example") is None
