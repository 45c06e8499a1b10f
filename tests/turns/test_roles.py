"""Buttons ask for the permissions of the roles, as commands do."""

import pytest

from bot.core.answering import HandOver
from bot.core.conversation import View
from bot.core.events import Submitted
from bot.core.ids import ConversationId
from orgs.roles import SHIPPED
from orgs.specification.organization import OwnConversations, Person, PersonRole, RoleScope
from tests.turns.bench import CARLA, HUGO, Bench
from tests.turns.test_private_part import whispers

NORA = "U0NORA0099"
MAY_HANDLE = {"owner", "admin", "supervisor", "staff"}
MAY_CLOSE_FOR_OTHERS = {"owner", "admin", "supervisor"}


def with_nora(desk: Bench, role: str, *defined: PersonRole) -> None:
    """Add Nora to the staff, with one role."""
    nora = Person(id="nora", name="Nora", roles=(role,), slack=NORA)
    people = (*desk.organization.people, nora)
    desk.organization = desk.organization.model_copy(update={"people": people, "roles": defined})


async def escalated(desk: Bench, trigger: str = "security", on: str = "whatsapp") -> ConversationId:
    accepted = await desk.hear(desk.event("Help!", "+491700000001", on=on))
    await desk.turn(lambda _: HandOver("A reason.", "why", trigger=trigger))
    await desk.deliver()
    return accepted.wakes[0].conversation


async def pressed(desk: Bench, id_: ConversationId, action: str, who: str = NORA, value: str = "") -> View:
    await desk.press(action, await desk.view(id_), who, value)
    return await desk.view(id_)


def holder(view: View) -> str | None:
    return view.escalation.holder if view.escalation else None


@pytest.mark.parametrize("role", SHIPPED)
async def test_take_is_pressed_by_those_whose_role_lets_them(desk: Bench, role: str) -> None:
    with_nora(desk, role)
    id_ = await escalated(desk)
    view = await pressed(desk, id_, "take")
    told = [text for text in whispers(await desk.deliver()) if "Your role" in text]
    assert (holder(view), told) == (
        ("nora", [])
        if role in MAY_HANDLE
        else (None, ["Your role does not let you do that: it needs `conversations.take`."])
    )


@pytest.mark.long
@pytest.mark.parametrize("role", SHIPPED)
async def test_what_another_person_handles_is_taken_over_by_those_whose_role_lets_them(
    desk: Bench, role: str
) -> None:
    with_nora(desk, role)
    id_ = await escalated(desk)
    await desk.held(id_)
    before = (await desk.view(id_)).escalation
    assert before is not None
    view = await pressed(desk, id_, "take", NORA, f"{before.id}:{before.holder}")
    assert holder(view) == ("nora" if role in MAY_HANDLE else "hugo")


@pytest.mark.long
@pytest.mark.parametrize("role", SHIPPED)
async def test_what_another_person_handles_is_closed_by_those_whose_role_lets_them(
    desk: Bench, role: str
) -> None:
    with_nora(desk, role)
    id_ = await escalated(desk)
    await desk.held(id_)
    view = await pressed(desk, id_, "resolve")
    assert (view.escalation is None) == (role in MAY_CLOSE_FOR_OTHERS)


@pytest.mark.parametrize("role", SHIPPED)
async def test_a_conversation_is_assigned_by_those_whose_role_lets_them(desk: Bench, role: str) -> None:
    with_nora(desk, role)
    id_ = await escalated(desk)
    opened = (await desk.view(id_)).escalation
    assert opened is not None
    form = Submitted("assign", str(opened.id), (("person", CARLA),))
    await desk.staff(form, await desk.view(id_), NORA)
    after = (await desk.view(id_)).escalation
    assert after is not None
    assert after.assignee == ("carla" if role in MAY_HANDLE else None)


async def test_nobody_is_assigned_who_may_not_take_it(desk: Bench) -> None:
    with_nora(desk, "viewer")
    id_ = await escalated(desk)
    opened = (await desk.view(id_)).escalation
    assert opened is not None
    await desk.staff(Submitted("assign", str(opened.id), (("person", NORA),)), await desk.view(id_), HUGO)
    after = (await desk.view(id_)).escalation
    assert after is not None
    assert after.assignee is None
    assert "The role of **Nora** does not let them take this." in whispers(await desk.deliver())


@pytest.mark.parametrize(
    ("scope", "takes"),
    [
        (RoleScope(team=("escalation-team",)), True),
        (RoleScope(team=("billing",)), False),
        (RoleScope(channel=("whatsapp",)), True),
        (RoleScope(channel=("email",)), False),
        (RoleScope(team=("escalation-team",), channel=("email",)), False),
        (RoleScope(conversation=OwnConversations.OWN), False),
    ],
)
async def test_a_role_reaches_as_far_as_its_scope(desk: Bench, scope: RoleScope, takes: bool) -> None:
    with_nora(desk, "limited", PersonRole(id="limited", includes=("staff",), scope=scope))
    id_ = await escalated(desk)
    opened = (await desk.view(id_)).escalation
    assert opened is not None
    assert opened.team == "escalation-team"
    assert holder(await pressed(desk, id_, "take")) == ("nora" if takes else None)


async def test_who_is_asked_to_may_take_what_is_theirs_alone(desk: Bench) -> None:
    own = RoleScope(conversation=OwnConversations.OWN)
    with_nora(desk, "called", PersonRole(id="called", may=("conversations.take",), scope=own))
    id_ = await escalated(desk)
    assert holder(await pressed(desk, id_, "take")) is None
    await desk.press("assign_to", await desk.view(id_), HUGO, f"{(await desk.view(id_)).escalation.id}:nora:")  # type: ignore[union-attr]
    assert holder(await pressed(desk, id_, "take")) == "nora"
