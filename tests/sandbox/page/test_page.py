"""The page in a real browser, while the stand-ins are driven from both ends."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from playwright.async_api import Page, expect

from bot.core.commands import Table
from bot.core.outbound import Button, Card, CardTone, Style
from connectors.slack.blocks import card
from connectors.slack.tables import data_table
from tests.sandbox.page.conftest import Stage

pytestmark = pytest.mark.browser

CARD = [
    {"type": "header", "text": {"type": "plain_text", "text": "Maya Fischer"}},
    {
        "type": "section",
        "text": {
            "type": "mrkdwn",
            "text": "*Reason* :warning: <https://a.example|billing> <!date^0^{date_num}|then> `x`",
        },
        "fields": [{"type": "mrkdwn", "text": "<@U0HUGO0008> has the word"}],
    },
    {"type": "divider"},
    {"type": "context", "elements": [{"type": "mrkdwn", "text": "_nobody_ yet"}]},
    {
        "type": "actions",
        "elements": [
            {
                "type": "button",
                "action_id": "take",
                "style": "primary",
                "text": {"type": "plain_text", "text": "Take"},
            },
            {
                "type": "users_select",
                "action_id": "assign",
                "placeholder": {"type": "plain_text", "text": "Assign…"},
            },
            {
                "type": "button",
                "action_id": "resolve",
                "style": "danger",
                "text": {"type": "plain_text", "text": "Resolve"},
                "confirm": {
                    "title": {"type": "plain_text", "text": "Sure?"},
                    "text": {"type": "plain_text", "text": "The customer is told."},
                    "confirm": {"type": "plain_text", "text": "Yes"},
                    "deny": {"type": "plain_text", "text": "No"},
                },
            },
        ],
    },
]
MODAL = {
    "type": "modal",
    "title": {"type": "plain_text", "text": "Resolve"},
    "submit": {"type": "plain_text", "text": "Done"},
    "blocks": [
        {
            "type": "input",
            "block_id": "note",
            "label": {"type": "plain_text", "text": "Note"},
            "element": {"type": "plain_text_input", "action_id": "words", "multiline": True},
        }
    ],
}


async def _as_hugo(page: Page, channel: str = "billing-escalations") -> None:
    await page.get_by_test_id("slack-user").select_option("U0HUGO0008")
    await page.get_by_test_id(f"slack-channel-{channel}").click()
    await expect(page.get_by_test_id("slack-channel-title")).to_have_text(channel)


@pytest.mark.long
async def test_the_customer_writes_reads_and_taps(stage: Stage, page: Page) -> None:
    maya = stage.sandbox.telegram.user("Maya Fischer")
    await page.get_by_test_id("phone-start").click()
    await page.get_by_test_id("phone-input").fill("How do I export? <b>")
    await page.get_by_test_id("phone-send").click()
    await expect(page.get_by_test_id("phone-message").last).to_contain_text("How do I export? <b>")
    await stage.bot("sendChatAction", chat_id=maya.id, action="typing")
    await expect(page.get_by_test_id("phone-typing")).to_have_text("typing…")
    keyboard = {"inline_keyboard": [[{"text": "CSV", "callback_data": "csv"}]]}
    await stage.bot(
        "sendMessage", chat_id=maya.id, text="<b>Which</b> one?", parse_mode="HTML", reply_markup=keyboard
    )
    answer = page.get_by_test_id("phone-message").last
    await expect(answer.locator("strong")).to_have_text("Which")
    await expect(page.get_by_test_id("phone-typing")).to_have_text("bot")
    await answer.get_by_test_id("phone-button-csv").click()
    await expect(answer.locator(".waiting")).to_have_count(1)
    updates = (await stage.bot("getUpdates"))["result"]
    assert isinstance(updates, list)
    query = updates[-1]["callback_query"]
    assert query["data"] == "csv"
    await stage.bot("answerCallbackQuery", callback_query_id=query["id"], text="CSV it is")
    await expect(page.get_by_test_id("toast")).to_have_text("CSV it is")


@pytest.mark.long
async def test_the_customer_edits_deletes_attaches_and_blocks(stage: Stage, page: Page) -> None:
    telegram = stage.sandbox.telegram
    maya = telegram.user("Maya Fischer")
    telegram.say(maya, "helo")
    message = page.get_by_test_id("phone-message").first
    await message.hover()
    await message.get_by_test_id("phone-message-menu").click()
    await page.get_by_test_id("phone-edit").click()
    await page.get_by_test_id("phone-input").fill("hello")
    await page.get_by_test_id("phone-input").press("Enter")
    await expect(message).to_contain_text("edited")
    files = [{"name": "bill.pdf", "mimeType": "application/pdf", "buffer": b"%PDF"}]
    await page.get_by_test_id("phone-file").set_input_files(files)  # type: ignore[arg-type]
    await page.get_by_test_id("phone-send").click()
    await expect(page.get_by_test_id("phone-message").last).to_contain_text("bill.pdf")
    assert telegram.file(telegram.chat(maya)[-1].file_id) == b"%PDF"
    await message.hover()
    await message.get_by_test_id("phone-message-menu").click()
    await page.get_by_test_id("phone-delete").click()
    await expect(page.get_by_test_id("phone-message")).to_have_count(1)
    await page.get_by_test_id("phone-menu").click()
    await page.get_by_test_id("phone-block").click()
    await expect(page.get_by_test_id("phone-unblock")).to_be_visible()
    assert telegram.blocked(maya)


@pytest.mark.long
async def test_another_customer_can_be_added(stage: Stage, page: Page) -> None:
    await page.get_by_test_id("phone-add-customer").click()
    await page.get_by_test_id("new-customer-field").fill("Kim Lee")
    await page.get_by_test_id("new-customer-ok").click()
    await expect(page.get_by_test_id("phone-customer").locator("option")).to_have_text(
        ["Maya Fischer", "Kim Lee"]
    )
    await page.get_by_test_id("phone-start").click()
    await expect(page.get_by_test_id("phone-message")).to_have_count(1)
    assert [each.text for each in stage.sandbox.telegram.chat(stage.sandbox.telegram.user("Kim Lee"))] == [
        "/start"
    ]


@pytest.mark.long
async def test_staff_read_a_card_press_its_buttons_and_answer_in_the_thread(stage: Stage, page: Page) -> None:
    await _as_hugo(page)
    posted = await stage.app("chat.postMessage", channel="billing-escalations", text="card", blocks=CARD)
    shown = page.get_by_test_id("slack-log").get_by_test_id("slack-message").first
    await expect(shown).to_contain_text("@Hugo Martin has the word")
    await expect(shown).to_contain_text("⚠")
    await expect(shown.get_by_role("link", name="billing")).to_have_attribute("href", "https://a.example")
    await shown.get_by_test_id("button-take").click()
    pressed = await stage.interaction()
    assert pressed["actions"][0]["action_id"] == "take"  # type: ignore[index]
    assert pressed["user"]["id"] == "U0HUGO0008"  # type: ignore[index]
    await shown.get_by_test_id("select-assign").select_option("U0CARLA003")
    assert (await stage.interaction())["actions"][0]["selected_user"] == "U0CARLA003"  # type: ignore[index]
    await shown.get_by_test_id("button-resolve").click()
    await page.get_by_test_id("confirm-no").click()
    await shown.get_by_test_id("button-resolve").click()
    await page.get_by_test_id("confirm-yes").click()
    assert (await stage.interaction())["actions"][0]["action_id"] == "resolve"  # type: ignore[index]
    assert stage.interactions == []
    await shown.hover()
    await shown.get_by_test_id("reply-in-thread").click()
    await page.get_by_test_id("thread-input").fill("On it, <script>")
    await page.get_by_test_id("thread-send").click()
    await expect(page.get_by_test_id("slack-thread").get_by_test_id("slack-message").last).to_contain_text(
        "On it, <script>"
    )
    await expect(shown.get_by_test_id("open-thread")).to_contain_text("1 reply")
    replies = stage.sandbox.slack.messages("billing-escalations", str(posted["ts"]))
    assert replies[-1]["user"] == "U0HUGO0008"


@pytest.mark.long
async def test_staff_edit_delete_and_react(stage: Stage, page: Page) -> None:
    await _as_hugo(page)
    await page.get_by_test_id("slack-input").fill("frist")
    await page.get_by_test_id("slack-input").press("Enter")
    message = page.get_by_test_id("slack-message").first
    await message.hover()
    await message.get_by_test_id("slack-edit").click()
    await page.get_by_test_id("slack-edit-input").fill("first")
    await page.get_by_test_id("slack-edit-save").click()
    await expect(message.get_by_test_id("slack-edited")).to_be_visible()
    await message.hover()
    await message.get_by_test_id("react-eyes").click()
    await expect(message.get_by_test_id("reaction-eyes")).to_have_attribute("aria-pressed", "true")
    await message.get_by_test_id("reaction-eyes").click()
    await expect(message.get_by_test_id("reaction-eyes")).to_have_count(0)
    await message.hover()
    await message.get_by_test_id("slack-delete").click()
    await expect(page.get_by_test_id("slack-message")).to_have_count(0)


async def test_a_slash_command_is_answered_for_the_one_who_typed_it(stage: Stage, page: Page) -> None:
    await _as_hugo(page)
    await page.get_by_test_id("slack-input").fill("/desk conversations")
    await page.get_by_test_id("slack-input").press("Enter")
    await expect(page.get_by_test_id("slack-ephemeral")).to_have_text("Only visible to you")
    await expect(page.get_by_test_id("slack-message")).to_contain_text("You asked for conversations")
    await page.get_by_test_id("slack-user").select_option("U0CARLA003")
    await page.get_by_test_id("slack-channel-billing-escalations").click()
    await expect(page.get_by_test_id("slack-message")).to_have_count(0)


@pytest.mark.long
async def test_a_menu_stays_open_while_its_message_changes(stage: Stage, page: Page) -> None:
    maya = stage.sandbox.telegram.user("Maya Fischer")
    message = stage.sandbox.telegram.say(maya, "hi")
    row = page.get_by_test_id("phone-message").last
    await row.hover()
    await row.get_by_test_id("phone-message-menu").click()
    mark = [{"type": "emoji", "emoji": "👀"}]
    await stage.bot("setMessageReaction", chat_id=maya.id, message_id=message.message_id, reaction=mark)
    await stage.bot("sendMessage", chat_id=maya.id, text="Seen.")
    await expect(page.get_by_test_id("phone-chat")).to_contain_text("Seen.")
    row = page.get_by_test_id("phone-message").filter(has_text="hi")
    await expect(row.get_by_test_id("phone-react-👎")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(row.locator(".bubble-reactions")).to_have_text("👀")


@pytest.mark.long
async def test_a_person_who_has_scrolled_up_sees_the_answer_to_their_command(
    stage: Stage, page: Page
) -> None:
    await _as_hugo(page)
    for n in range(40):
        await stage.app("chat.postMessage", channel="billing-escalations", text=f"Line {n}")
    log = page.get_by_test_id("slack-log")
    await expect(log).to_contain_text("Line 39")
    await log.evaluate("log => { log.scrollTop = 0; }")
    await page.get_by_test_id("slack-input").fill("/desk status")
    await page.get_by_test_id("slack-send").click()
    await expect(page.get_by_test_id("slack-message").last).to_contain_text("You asked for status")
    await expect(page.get_by_test_id("slack-message").last).to_be_in_viewport(ratio=1)


@pytest.mark.long
async def test_a_long_section_of_a_card_is_folded_until_somebody_opens_it(stage: Stage, page: Page) -> None:
    await _as_hugo(page)
    story = ("In short", "She asks for her money back. " * 20)
    content = Card(
        title="Maya needs a person",
        speaking="Nobody is talking to Maya yet. Press Take to answer.",
        tone=CardTone.PRESSING,
        facts=(("Customer", "Maya Fischer"), ("Team", "Billing")),
        sections=(("Why", "She wants a refund."), story),
        buttons=(Button("take", "e-1", "Take", Style.PRIMARY), Button("assign", "e-1", "Assign…")),
    )
    where, now = {"channel": "billing-escalations", "text": "card"}, datetime.now(UTC)
    posted = await stage.app("chat.postMessage", **where, blocks=card(content, now, folds=True))
    fold, words = page.get_by_test_id("container"), page.get_by_text("She asks for her money back.")
    await expect(fold).to_contain_text("In short")
    await expect(words).to_be_hidden()
    await fold.locator("summary").click()
    await expect(words).to_be_visible()
    taken = replace(content, title="Maya: in good hands")
    channel = {"channel": posted["channel"], "ts": posted["ts"], "text": "card"}
    await stage.app("chat.update", **channel, blocks=card(taken, now, folds=True))
    await expect(page.get_by_text("Maya: in good hands")).to_be_visible()
    await expect(words).to_be_visible()  # what a reader has opened stays open


@pytest.mark.long
async def test_a_table_of_data_has_pages_and_is_sorted_by_its_headings(stage: Stage, page: Page) -> None:
    await _as_hugo(page)
    rows = tuple((f"#{n:02}", name, "open") for n, name in enumerate(["Zoe", *("Maya",) * 10, "Ada"]))
    block = data_table(Table(("number", "customer", "status"), rows), "/desk conversations list")
    where = {"channel": "billing-escalations", "text": "table"}
    await stage.app("chat.postMessage", **where, blocks=[block])
    table = page.get_by_test_id("data-table")
    first = table.locator("tbody tr").first
    await expect(table.locator("tbody tr")).to_have_count(10)
    await expect(first).to_contain_text("Zoe")
    await table.get_by_role("button", name="customer").click()
    await expect(first).to_contain_text("Ada")
    await table.get_by_role("button", name="customer").click()
    await expect(first).to_contain_text("Zoe")
    await table.get_by_role("button", name="Next").click()
    await expect(table.locator("tbody tr")).to_have_count(2)
    await expect(table.locator("tbody tr").last).to_contain_text("Ada")


@pytest.mark.long
async def test_a_modal_keeps_what_was_typed_until_the_app_takes_it(stage: Stage, page: Page) -> None:
    await _as_hugo(page)
    await stage.app("chat.postMessage", channel="billing-escalations", text="card", blocks=CARD)
    await page.get_by_test_id("button-take").click()
    trigger = (await stage.interaction())["trigger_id"]
    await stage.app("views.open", trigger_id=trigger, view=MODAL)
    modal = page.get_by_test_id("modal")
    await modal.get_by_test_id("modal-submit").click()
    await expect(modal.get_by_test_id("modal-error-note")).to_have_text(
        "Please complete this required field."
    )
    await modal.get_by_test_id("input-words").fill("refunded")
    stage.answer = {"response_action": "errors", "errors": {"note": "Too short."}}
    await modal.get_by_test_id("modal-submit").click()
    await expect(modal.get_by_test_id("modal-error-note")).to_have_text("Too short.")
    await expect(modal.get_by_test_id("input-words")).to_have_value("refunded")
    stage.answer = {}
    await modal.get_by_test_id("modal-submit").click()
    await expect(modal).to_have_count(0)


@pytest.mark.long
async def test_a_channel_with_news_is_marked_until_it_is_opened(stage: Stage, page: Page) -> None:
    await _as_hugo(page)
    stage.sandbox.slack.post_as("carla", "billing-team", "Lunch?")
    channel = page.get_by_test_id("slack-channel-billing-team")
    await expect(channel.get_by_label("unread")).to_be_visible()
    await channel.click()
    await expect(channel.get_by_label("unread")).to_have_count(0)
    await expect(page.get_by_test_id("slack-message")).to_contain_text("Lunch?")


@pytest.mark.long
async def test_faults_are_switched_counted_and_reset(stage: Stage, page: Page) -> None:
    await page.get_by_test_id("faults-open").click()
    await page.get_by_test_id("fault-next-telegram-duplicate").click()
    await expect(page.get_by_test_id("fault-next-telegram-duplicate")).to_contain_text("×1")
    stage.sandbox.telegram.say(stage.sandbox.telegram.user("Maya Fischer"), "twice")
    await expect(page.get_by_test_id("fault-hits-telegram-duplicate")).to_have_text("1")
    await page.get_by_test_id("fault-slack-reset").check()
    await expect(page.get_by_test_id("fault-slack-reset")).to_be_checked()
    await page.get_by_test_id("fault-reset").click()
    await expect(page.get_by_test_id("fault-slack-reset")).not_to_be_checked()
    assert stage.sandbox.faults.rules() == []


async def test_a_narrow_window_shows_one_side_at_a_time(page: Page) -> None:
    await page.set_viewport_size({"width": 600, "height": 800})
    await expect(page.get_by_test_id("slack-input")).to_be_hidden()
    await page.get_by_test_id("tab-staff").click()
    await expect(page.get_by_test_id("phone-customer")).to_be_hidden()
    await page.get_by_test_id("slack-channel-general").click()
    await expect(page.get_by_test_id("slack-input")).to_be_visible()
    await expect(page.get_by_test_id("slack-channel-general")).to_be_hidden()
    await page.get_by_test_id("back-to-list").first.click()
    await expect(page.get_by_test_id("slack-channel-general")).to_be_visible()
