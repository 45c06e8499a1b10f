"""The first visit, and every new beginning."""

import pytest
from playwright.async_api import Browser, Page, expect

from connectors.sandbox.people import SHARED_CHANNEL
from connectors.sandbox.staff import NIGHT_WATCH
from tests.sandbox.page.conftest import Stage

pytestmark = pytest.mark.browser
MAYA = "Maya Fischer"


@pytest.mark.long
@pytest.mark.parametrize(("width", "height"), [(1440, 900), (900, 800), (390, 780)])
async def test_a_tour_is_offered_once_and_can_be_taken_again(
    stage: Stage, browser: Browser, width: int, height: int
) -> None:
    context = await browser.new_context(viewport={"width": width, "height": height})
    page = await context.new_page()
    await page.goto(stage.url)
    tour = page.get_by_test_id("tour")
    titles = []
    for number in range(1, 6):
        await expect(tour).to_contain_text(f"{number} of 5")
        await expect(page.get_by_test_id("tour-next")).to_be_focused()
        await expect(page.locator(".tour-target")).to_have_count(1)
        await expect(page.locator(".tour-target")).to_be_visible()
        box = await tour.bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["y"] >= 0
        assert box["x"] + box["width"] <= width
        assert box["y"] + box["height"] <= height
        titles.append(await tour.get_by_role("heading").inner_text())
        await page.keyboard.press("Enter")  # the button for the next step has the focus
    await expect(tour).to_be_hidden()
    await expect(page.locator(".phone:visible")).to_have_count(1)  # of which it speaks first and last
    assert len(set(titles)) == 5
    await page.reload()
    await page.locator('[data-testid="link-state"][data-state="live"]').wait_for()
    await expect(tour).to_be_hidden()
    await page.get_by_test_id("page-menu").click()
    await page.get_by_test_id("tour-open").click()
    await expect(tour).to_contain_text("1 of 5")
    await page.keyboard.press("Escape")
    await expect(tour).to_be_hidden()
    await context.close()


@pytest.mark.long
async def test_starting_over_is_asked_and_empties_every_platform(stage: Stage, page: Page) -> None:
    sandbox = stage.sandbox
    maya = sandbox.customer(MAYA)
    telegram, group = sandbox.telegram, sandbox.telegram_staff.group(NIGHT_WATCH)
    telegram.say(telegram.user(MAYA), "on Telegram")
    telegram.block(telegram.user(MAYA))
    sandbox.whatsapp.customer(MAYA, maya["whatsapp"]).say("on WhatsApp")
    sandbox.messenger.customer(MAYA).say("on Messenger")
    await sandbox.mail.customer(maya["email"]).write("Hello", "by mail", to=sandbox.credentials.email_address)
    sandbox.slack_customers.say(maya["slack"], SHARED_CHANNEL, "in Slack")
    sandbox.slack.post_as("hugo", "billing-team", "inside")
    group.say(group.members()[0], "on the phone")
    sandbox.clock.move(sandbox.messenger.window(sandbox.messenger.customer(MAYA)))
    await page.get_by_test_id("slack-user").select_option("U0HUGO0008")

    await page.get_by_test_id("page-menu").click()
    await page.get_by_test_id("start-over").click()
    await page.get_by_test_id("start-over-no").click()
    assert sandbox.slack.messages("billing-team")
    await page.get_by_test_id("page-menu").click()
    await page.get_by_test_id("start-over").click()
    await page.get_by_test_id("start-over-yes").click()
    await expect(page.get_by_test_id("phone-start")).to_be_visible()
    await expect(page.get_by_test_id("slack-user")).to_have_value("U0ANNA0001")  # the page has forgotten, too
    await expect(page.get_by_test_id("tour")).to_be_hidden()
    await expect(page.get_by_test_id("clock-moved")).to_be_hidden()

    assert telegram.chat(telegram.user(MAYA)) == []
    assert not telegram.blocked(telegram.user(MAYA))
    assert [phone.chat for phone in sandbox.whatsapp.phones()] == [[]]
    assert [phone.chat for phone in sandbox.messenger.phones()] == [[]]
    assert [client.sent for client in sandbox.mail.customers] == [[]]
    assert sandbox.slack.messages("billing-team") == []
    assert sandbox.slack_customers.messages(SHARED_CHANNEL) == []
    assert group.messages(0) == []
    assert sandbox.customer(MAYA) == maya
    telegram.say(telegram.user(MAYA), "hello again")
    assert (await stage.bot("getUpdates"))["result"]


@pytest.mark.long
@pytest.mark.parametrize(("width", "height"), [(1280, 800), (900, 800), (420, 800)])
async def test_the_tour_leaves_open_what_its_first_step_says_to_press(
    stage: Stage, browser: Browser, width: int, height: int
) -> None:
    page = await browser.new_page(viewport={"width": width, "height": height})
    await page.goto(stage.url)
    await expect(page.get_by_test_id("tour")).to_contain_text("Press Start")
    await page.get_by_test_id("phone-start").click(timeout=10_000)
    await expect(page.get_by_test_id("phone-message")).to_contain_text("/start")
    await page.close()
