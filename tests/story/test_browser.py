"""The main job as its people see it: the sandbox's page in a real browser, and a real desk behind."""

from pathlib import Path

import pytest
from playwright.async_api import Locator, Page, expect

from tests.story.conftest import PATIENCE
from tests.story.rig import rig

pytestmark = pytest.mark.browser
CHANNEL = "billing-escalations"


def with_undo(document: dict[str, object]) -> None:
    """A wait long enough to be real and short enough for a test."""
    document["policies"] = {**document["policies"], "undo": "1s"}  # type: ignore[dict-item]


class Seen:
    """The content of the page, by who would look at it."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.answers = page.locator('[data-testid="phone-message"][data-from="bot"]')
        self.thread = page.get_by_test_id("slack-thread")
        self.card = page.get_by_test_id("slack-log").get_by_test_id("slack-message").first
        self.lines = self.thread.get_by_test_id("slack-message")
        self.channel = page.get_by_test_id(f"slack-channel-{CHANNEL}")

    async def open(self, url: str) -> None:
        await self.page.goto(url)
        await self.page.locator('[data-testid="link-state"][data-state="live"]').wait_for()
        await self.page.get_by_test_id("tour-skip").click()

    async def sign_in(self, user: str) -> None:
        await self.page.get_by_test_id("slack-user").select_option(user)

    async def write(self, text: str) -> None:
        """As the customer."""
        await self.page.get_by_test_id("phone-input").fill(text)
        await self.page.get_by_test_id("phone-send").click()

    async def reply(self, text: str) -> Locator:
        """As staff, in the open thread."""
        await self.page.get_by_test_id("thread-input").fill(text)
        await self.page.get_by_test_id("thread-send").click()
        line = self.lines.filter(has_text=text)
        await expect(line).to_have_count(1, timeout=PATIENCE)
        return line

    async def hears(self, count: int, text: str = "") -> None:
        """The customer's phone shows this many messages of ours, and the last one says this."""
        await expect(self.answers).to_have_count(count, timeout=PATIENCE)
        await expect(self.answers.last).to_contain_text(text)

    async def press(self, name: str) -> None:
        await self.card.get_by_role("button", name=name).click()


async def test_the_story_goes_round_on_the_page(
    database_url: str, redis_url: str, page: Page, artifacts: Path
) -> None:
    async with rig(database_url, redis_url, with_undo) as r:
        seen = Seen(page)
        await seen.open(r.page)
        await seen.sign_in("U0HUGO0008")
        await page.get_by_test_id("phone-start").click()
        await seen.hears(1)

        await seen.write("How do I invite my team?")
        await seen.hears(2, "Invite")
        await seen.write("Thanks! But I was charged twice this month.")
        await seen.hears(3, "Billing Specialists")

        await expect(seen.channel.get_by_label("unread")).to_be_visible(timeout=PATIENCE)
        await seen.channel.click()
        await expect(seen.channel.get_by_label("unread")).to_have_count(0)
        await expect(seen.card).to_contain_text("Maya Fischer needs a person", timeout=PATIENCE)
        await expect(seen.card).to_contain_text("Nobody is talking to Maya Fischer yet")
        await seen.card.get_by_test_id("open-thread").click()
        await expect(seen.thread).to_contain_text("I was charged twice this month.")
        await seen.press("Take")
        await expect(seen.card).to_contain_text("Hugo Martin is talking to Maya Fischer", timeout=PATIENCE)

        await seen.reply("// the second charge is a known bug of the 3rd")
        r.slack.post_as("carla", CHANNEL, "She wrote to us last year, too.", thread_ts=r.card(CHANNEL))
        await expect(seen.lines.filter(has_text="last year")).to_have_count(1)
        said = await seen.reply("I am sorry about that, Maya. I have refunded the second charge.")
        await seen.hears(4, "I have refunded the second charge.")
        await expect(said.get_by_test_id("reaction-white_check_mark")).to_be_visible(timeout=PATIENCE)
        await seen.write("Wow, that was quick. Thank you, Hugo!")
        await expect(seen.lines.filter(has_text="Thank you, Hugo!")).to_have_count(1, timeout=PATIENCE)
        await page.mouse.move(0, 0)
        await page.screenshot(path=artifacts / "sandbox.png", animations="disabled")

        await page.get_by_test_id("slack-input").fill("/desk conversations")
        await page.get_by_test_id("slack-input").press("Enter")
        whisper = page.locator('[data-testid="slack-message"][data-ephemeral="true"]')
        await expect(whisper).to_contain_text("Maya Fischer", timeout=PATIENCE)

        await seen.press("Assign…")
        modal = page.get_by_test_id("modal")
        await modal.get_by_test_id("input-answer").select_option("U0CARLA003")
        await modal.get_by_test_id("modal-submit").click()
        await expect(modal).to_have_count(0, timeout=PATIENCE)
        await expect(seen.card).to_contain_text("Assigned to Carla Mendes", timeout=PATIENCE)
        await seen.sign_in("U0CARLA003")
        await seen.channel.click()
        await seen.press("Take")
        await expect(seen.card).to_contain_text("Carla Mendes is talking to Maya Fischer", timeout=PATIENCE)
        await seen.press("Return to agent")
        await expect(seen.card).to_contain_text(
            "The agent is talking to Maya Fischer again", timeout=PATIENCE
        )
        await seen.hears(5, "Is there anything else I can help with?")
        await expect(seen.card.get_by_role("button", name="Take")).to_have_count(0)

        await seen.write("How do I reset my password?")
        await seen.hears(6, "password")
        heard = " ".join(r.heard())
        assert "known bug" not in heard
        assert "last year" not in heard
