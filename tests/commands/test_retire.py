"""Ending an organization, and beginning another one with the same accounts."""

import shutil
from pathlib import Path

import pytest

from tests.commands.conftest import Desks
from tests.commands.telling import SAMPLE, Told

MINIMAL = SAMPLE.parent / "minimal"


def mine(tmp_path: Path, **changes: str) -> str:
    """A newcomer's own organization: a copy of the smallest one."""
    folder = tmp_path / "mine"
    shutil.copytree(MINIMAL, folder, dirs_exist_ok=True)
    file = folder / "organization.yaml"
    text = file.read_text("utf-8")
    for before, after in changes.items():
        assert before in text
        text = text.replace(before, after)
    file.write_text(text, "utf-8")
    return str(folder)


def test_an_account_of_another_organization_is_refused_with_what_to_do(
    desk: Desks, story: Told, tmp_path: Path
) -> None:
    went = desk("org", "apply", mine(tmp_path), "--yes")
    assert went.code == 1
    told = " ".join(went.err.split())
    assert "this telegram account belongs to the organization 'Brightdesk Support' already" in told
    assert "Give this one its own" in told
    assert "desk org retire 'Brightdesk Support'" in went.err


@pytest.mark.long
def test_ones_own_organization_works_beside_the_sample_with_accounts_of_its_own(
    desk: Desks, story: Told, tmp_path: Path
) -> None:
    folder = Path(mine(tmp_path))
    file = folder / "organization.yaml"
    text = file.read_text("utf-8")
    text = text.replace("id: telegram,", "id: shop-telegram,").replace("id: slack,", "id: shop-slack,")
    text = text.replace("[telegram]", "[shop-telegram]").replace("{slack: ", "{shop-slack: ")
    file.write_text(
        text.replace("TELEGRAM_BOT", "SHOP_TELEGRAM_BOT").replace("SLACK_", "SHOP_SLACK_"), "utf-8"
    )
    assert desk("org", "lint", str(folder)).out == "No problems.\n"
    assert desk("org", "apply", str(folder), "--yes").code == 0
    assert desk("conversations", "--org", "Corner Shop").code == 0
    assert len(desk("conversations", "--org", "Brightdesk Support", "--json").data) == 2


@pytest.mark.long
def test_ones_own_organization_works_instead_of_the_sample(desk: Desks, story: Told, tmp_path: Path) -> None:
    asked = desk("org", "retire", "Brightdesk Support")
    assert asked.code == 1
    assert "2 conversations under way would end unanswered, 1 of them with people" in asked.out
    assert desk("status").code == 0, "nothing has happened"

    assert desk("org", "retire", "Brightdesk Support", "--yes").code == 0
    newest = desk("audit", "tail", "--org", "Brightdesk Support", "--limit", "1", "--json").data[0]
    assert newest["action"] == "organization.retired"
    alone = desk("status")
    assert alone.code == 1
    assert "Every organization was retired" in alone.err

    assert desk("org", "apply", mine(tmp_path), "--yes").code == 0
    assert desk("status").out.startswith("Corner Shop, version 1"), "it is the one that is meant now"
    kept = desk("conversations", "show", str(story.escalated), "--org", "Brightdesk Support")
    assert "charged twice" in kept.out, "what was said is kept"
    again = desk("org", "retire", "Brightdesk Support", "--yes")
    assert (again.code, "was retired already" in again.err) == (1, True)


@pytest.mark.long
def test_a_retired_organization_comes_back_with_its_file(desk: Desks, story: Told) -> None:
    assert desk("org", "retire", "Brightdesk Support", "--yes").code == 0
    deliveries = desk("deliveries", "--org", "Brightdesk Support", "--json").data
    assert "waiting" not in {one["state"] for one in deliveries}, "nothing is sent for it any more"
    asked = desk("org", "apply", str(SAMPLE))
    assert asked.code == 1
    assert "! It was retired, and comes back." in asked.out
    back = desk("org", "apply", str(SAMPLE), "--yes")
    assert back.code == 0
    assert "Version 2 of Brightdesk Support is in force" in back.out
    assert desk("status").code == 0
    assert {one["state"] for one in desk("accounts", "--json").data} != {"not active"}
