"""Each of the customer's channels, and the staff's Telegram, on the page in a real browser."""

import re
from email.message import EmailMessage
from email.utils import format_datetime

import aiosmtplib
import pytest
from playwright.async_api import Page, expect

from bot.core.ids import utc_now
from connectors.sandbox.mail import Customer
from connectors.sandbox.messenger import Phone as MessengerPhone
from connectors.sandbox.people import SHARED_CHANNEL, TEAM
from connectors.sandbox.staff import NIGHT_WATCH
from connectors.sandbox.whatsapp import Phone as WhatsAppPhone
from tests.sandbox.page.conftest import Stage

pytestmark = pytest.mark.browser
MAYA = "Maya Fischer"
TOKEN = "xoxb-harbor"


def _whatsapp(stage: Stage) -> WhatsAppPhone:
    return stage.sandbox.whatsapp.customer(MAYA, stage.sandbox.customer(MAYA)["whatsapp"])


def _messenger(stage: Stage) -> MessengerPhone:
    return stage.sandbox.messenger.customer(MAYA)


def _mail(stage: Stage) -> Customer:
    return stage.sandbox.mail.customer(stage.sandbox.customer(MAYA)["email"])


async def _send_whatsapp(stage: Stage, **message: object) -> None:
    number, token = (
        stage.sandbox.whatsapp.phone_number_id,
        stage.sandbox.credentials.whatsapp_access_token,
    )
    body = {"messaging_product": "whatsapp", "to": _whatsapp(stage).wa_id, **message}
    await _post(stage, f"whatsapp/v23.0/{number}/messages", body, token)


async def _send_messenger(stage: Stage, **message: object) -> None:
    body = {"recipient": {"id": _messenger(stage).psid}, "messaging_type": "RESPONSE", "message": message}
    await _post(stage, "messenger/v23.0/me/messages", body, stage.sandbox.credentials.messenger_page_token)


async def _post(stage: Stage, path: str, body: dict[str, object], token: str) -> dict[str, object]:
    headers = {"Authorization": f"Bearer {token}"}
    async with stage.client.post(f"{stage.url}/{path}", json=body, headers=headers) as response:
        assert response.status == 200, await response.text()
        return dict(await response.json())


async def _send_mail(stage: Stage, subject: str, text: str, html: str = "") -> None:
    known = stage.sandbox.credentials
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = known.email_address, _mail(stage).address, subject
    mail["Message-ID"], mail["Date"] = "<1@brightdesk.example>", format_datetime(utc_now())
    mail["References"] = _mail(stage).sent[-1].message_id
    mail.set_content(text)
    if html:
        mail.add_alternative(html, subtype="html")
    mail.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="invoice.pdf")
    await aiosmtplib.send(
        mail,
        hostname="127.0.0.1",
        port=stage.sandbox.mail.smtp.port,
        username=known.email_address,
        password=known.email_password,
        start_tls=False,
    )


@pytest.mark.long
async def test_whatsapp_shows_ticks_and_taps_buttons(stage: Stage, page: Page) -> None:
    await page.get_by_test_id("channel-whatsapp").click()
    await expect(page.get_by_test_id("wa-window")).to_contain_text("window closed")
    await page.get_by_test_id("wa-input").fill("How do I *export*? <b>")
    await page.get_by_test_id("wa-send").click()
    own = page.get_by_test_id("wa-message").first
    await expect(own).to_contain_text("How do I export? <b>")
    await expect(own.locator("strong")).to_have_text("export")
    await expect(own).to_have_attribute("data-tick", "sent")
    await expect(page.get_by_test_id("wa-window")).to_contain_text("left")
    buttons = [{"type": "reply", "reply": {"id": name, "title": name}} for name in ("CSV", "PDF")]
    action = {"type": "button", "body": {"text": "Which one?"}, "action": {"buttons": buttons}}
    await _send_whatsapp(stage, type="interactive", interactive=action)
    answer = page.locator('[data-testid="wa-message"][data-from="business"]')
    await expect(answer).to_have_attribute("data-tick", "read")
    await answer.get_by_test_id("wa-button-1").click()
    await expect(page.get_by_test_id("wa-message").last).to_contain_text("PDF")
    assert _whatsapp(stage).chat[-1].reply_to == _whatsapp(stage).chat[1].id


@pytest.mark.long
async def test_whatsapp_opens_a_list_and_shows_templates(stage: Stage, page: Page) -> None:
    _whatsapp(stage).say("hi")
    await page.get_by_test_id("channel-whatsapp").click()
    rows = [{"id": "1", "title": "Invoices", "description": "Get one"}, {"id": "2", "title": "Refunds"}]
    sections = [{"title": "Money", "rows": rows}]
    action = {"button": "Topics", "sections": sections}
    await _send_whatsapp(
        stage,
        type="interactive",
        interactive={"type": "list", "body": {"text": "About what?"}, "action": action},
    )
    await page.get_by_test_id("wa-list-open").click()
    await page.get_by_test_id("wa-list-row-1").check()
    await page.get_by_test_id("wa-list-send").click()
    await expect(page.get_by_test_id("wa-message").last).to_contain_text("Refunds")
    words = [{"type": "text", "text": each} for each in ("Maya", "it is done")]
    template = {
        "name": "case_update",
        "language": {"code": "en_US"},
        "components": [{"type": "body", "parameters": words}],
    }
    await _send_whatsapp(stage, type="template", template=template)
    await expect(page.get_by_test_id("wa-message").last).to_contain_text("Template · utility")
    await page.get_by_test_id("wa-button-0").click()
    await expect(page.get_by_test_id("wa-message").last).to_contain_text("Tell me")


@pytest.mark.long
async def test_time_passes_for_meta_until_it_is_set_back(stage: Stage, page: Page) -> None:
    _whatsapp(stage).say("hi")
    await page.get_by_test_id("channel-whatsapp").click()
    await expect(page.get_by_test_id("wa-window")).to_contain_text(re.compile("24 h 00|23 h 59"))
    await page.get_by_test_id("faults-open").click()
    await page.get_by_test_id("clock-day").click()
    await page.get_by_test_id("clock-hour").click()
    await page.get_by_test_id("faults-close").click()
    await expect(page.get_by_test_id("clock-moved")).to_have_text("Meta's clock: +1 d 1 h 00 min")
    await expect(page.get_by_test_id("wa-window")).to_contain_text("window closed")
    _whatsapp(stage).say("hi again")
    await expect(page.get_by_test_id("wa-window")).to_contain_text("left")
    await page.get_by_test_id("faults-open").click()
    await page.get_by_test_id("clock-back").click()
    await page.get_by_test_id("faults-close").click()
    await expect(page.get_by_test_id("clock-moved")).to_be_hidden()
    await expect(page.get_by_test_id("wa-window")).to_contain_text(re.compile("24 h 00|23 h 59"))
    assert stage.sandbox.clock.moved.total_seconds() == 0


@pytest.mark.long
async def test_metas_own_troubles_are_in_the_drawer(stage: Stage, page: Page) -> None:
    await page.get_by_test_id("faults-open").click()
    await page.get_by_test_id("fault-whatsapp-receipts_shuffled").check()
    await page.get_by_test_id("fault-next-messenger-window_expired").click()
    await expect(page.get_by_test_id("fault-next-messenger-window_expired")).to_contain_text("×1")
    assert stage.sandbox.whatsapp.troubles.on() == {"receipts_shuffled": None}
    assert stage.sandbox.messenger.troubles.on() == {"window_expired": 1}
    await page.get_by_test_id("fault-reset").click()
    await expect(page.get_by_test_id("fault-whatsapp-receipts_shuffled")).not_to_be_checked()
    assert stage.sandbox.messenger.troubles.on() == {}


@pytest.mark.long
async def test_messenger_has_quick_replies_buttons_and_a_thumb(stage: Stage, page: Page) -> None:
    await page.get_by_test_id("channel-messenger").click()
    async with page.expect_response(lambda answered: answered.request.method == "POST"):  # the window is open
        await page.get_by_test_id("ms-start").click()
    payload = {
        "template_type": "button",
        "text": "A person?",
        "buttons": [{"type": "postback", "title": "Yes", "payload": "y"}],
    }
    await _send_messenger(stage, attachment={"type": "template", "payload": payload})
    await page.get_by_test_id("ms-button-0").click()
    await expect(page.get_by_test_id("ms-message").last).to_contain_text("Yes")
    replies = [{"content_type": "text", "title": each, "payload": each} for each in ("CSV", "PDF")]
    await _send_messenger(stage, text="Which one?", quick_replies=replies)
    await page.get_by_test_id("ms-quick-1").click()
    await expect(page.get_by_test_id("ms-message").last).to_contain_text("PDF")
    await expect(page.get_by_test_id("ms-quick-1")).to_have_count(0)
    await page.get_by_test_id("ms-like").click()
    await expect(page.get_by_test_id("ms-message").last.locator("img")).to_be_visible()
    assert [each.text for each in _messenger(stage).chat] == ["A person?", "Yes", "Which one?", "PDF", ""]


@pytest.mark.long
@pytest.mark.parametrize("channel", ["wa", "ms"])
async def test_files_are_sent_and_shown(stage: Stage, page: Page, channel: str) -> None:
    _messenger(stage).say("hi")
    stage.sandbox.messenger.url = f"{stage.url}/messenger"
    await page.get_by_test_id({"wa": "channel-whatsapp", "ms": "channel-messenger"}[channel]).click()
    files = [{"name": "bill.pdf", "mimeType": "application/pdf", "buffer": b"%PDF"}]
    await page.get_by_test_id(f"{channel}-file").set_input_files(files)  # type: ignore[arg-type]
    await page.get_by_test_id(f"{channel}-send").click()
    shown = page.get_by_test_id(f"{channel}-message").last
    await expect(shown).to_contain_text("bill.pdf")
    address = await shown.get_by_role("link").get_attribute("href")
    assert address
    async with stage.client.get(address) as response:
        assert await response.read() == b"%PDF"


@pytest.mark.long
async def test_mail_is_written_read_and_answered(stage: Stage, page: Page) -> None:
    await page.get_by_test_id("channel-email").click()
    await page.get_by_test_id("mail-new").click()
    await page.get_by_test_id("mail-subject").fill("Invoices")
    await page.get_by_test_id("mail-new-text").fill("Where are they?")
    await page.get_by_test_id("mail-new-send").click()
    await expect(page.get_by_test_id("mail-letter")).to_contain_text("Where are they?")
    [arrived] = await stage.sandbox.mail.inbox(stage.sandbox.credentials.email_address)
    assert (arrived.subject, arrived.text.strip()) == ("Invoices", "Where are they?")

    quote = "On Mon, Maya wrote:\n\n> Where are they?\n"
    await _send_mail(stage, "Re: Invoices", f"Attached.\n\n{quote}", "<p style='color:red'>Attached.</p>")
    letter = page.get_by_test_id("mail-letter").last
    await expect(letter).to_contain_text("invoice.pdf")
    await expect(letter.get_by_test_id("mail-quoted")).to_be_hidden()
    await letter.get_by_test_id("mail-quote").click()
    await expect(letter.get_by_test_id("mail-quoted")).to_contain_text("On Mon, Maya wrote:")
    await letter.get_by_test_id("mail-design").click()
    design = letter.frame_locator("iframe").locator("p")
    await expect(design).to_have_text("Attached.")
    await expect(design).to_have_css("color", "rgb(255, 0, 0)")

    await page.get_by_test_id("mail-reply-program").select_option("outlook")
    await page.get_by_test_id("mail-reply-text").fill("Thank you!")
    files = [{"name": "me.txt", "mimeType": "text/plain", "buffer": b"x"}]
    await page.get_by_test_id("mail-reply-file").set_input_files(files)  # type: ignore[arg-type]
    await page.get_by_test_id("mail-reply-send").click()
    mine = page.locator('[data-testid="mail-letter"][data-from="user"]').last
    await expect(mine).to_contain_text("Thank you!")
    await expect(mine.get_by_test_id("mail-quoted")).to_be_hidden()
    answer = (await stage.sandbox.mail.inbox(stage.sandbox.credentials.email_address))[-1]
    assert answer.header("In-Reply-To") == "<1@brightdesk.example>"
    assert "From: " in answer.text
    assert [file.name for file in answer.files] == ["me.txt"]
    await page.get_by_test_id("mail-back").click()
    await expect(page.get_by_test_id("mail-thread")).to_have_count(1)


@pytest.mark.long
async def test_slack_has_a_shared_channel_direct_messages_and_the_assistant(stage: Stage, page: Page) -> None:
    slack = stage.sandbox.slack_customers
    slack.installs.grant(TOKEN, TEAM)
    slack.installs.grant("xoxb-ours", slack.installation.team_id)
    await page.get_by_test_id("channel-slack").click()
    await page.get_by_test_id("cs-input").fill("Hello there")
    await page.get_by_test_id("cs-input").press("Enter")
    message = page.get_by_test_id("panel-slack").get_by_test_id("slack-message")
    await expect(message).to_contain_text("Hello there")
    [root] = slack.messages(SHARED_CHANNEL)
    where = {"channel": _shared(stage), "thread_ts": str(root["ts"]), "text": "How can I help?"}
    await _post(stage, "slack/api/chat.postMessage", where, "xoxb-ours")
    await message.get_by_test_id("open-thread").click()
    await expect(message.last).to_contain_text("How can I help?")
    await page.get_by_test_id("cs-input").fill("With exports")
    await page.get_by_test_id("cs-send").click()
    await expect(message).to_have_count(3)
    assert str(slack.messages(SHARED_CHANNEL, str(root["ts"]))[-1]["text"]) == "With exports"

    await page.get_by_test_id("cs-pane").click()
    await expect(page.get_by_test_id("cs-back")).to_be_visible()
    theirs = slack.workspace(TEAM)
    direct = theirs.open_direct(stage.sandbox.customer(MAYA)["slack"]).id
    pane = {"channel_id": direct, "thread_ts": str(theirs.messages(direct)[-1]["ts"])}
    prompts = [{"title": "Exports", "message": "How do I export?"}]
    await _post(stage, "slack/api/assistant.threads.setStatus", {**pane, "status": "is thinking…"}, TOKEN)
    await _post(stage, "slack/api/assistant.threads.setSuggestedPrompts", {**pane, "prompts": prompts}, TOKEN)
    await expect(page.get_by_test_id("cs-status")).to_have_text("Brightdesk is thinking…")
    await page.get_by_test_id("cs-prompt-0").click()
    await expect(message.last).to_contain_text("How do I export?")
    await expect(page.get_by_test_id("cs-prompt-0")).to_have_count(0)


@pytest.mark.long
async def test_an_agent_at_work_can_be_stopped(stage: Stage, page: Page) -> None:
    theirs, maya = stage.sandbox.slack_customers.workspace(TEAM), stage.sandbox.customer(MAYA)["slack"]
    stage.sandbox.slack_customers.installs.grant(TOKEN, TEAM)
    direct = theirs.open_direct(maya).id
    await page.get_by_test_id("channel-slack").click()
    await page.get_by_test_id("cs-direct").click()
    await page.get_by_test_id("cs-input").fill("Tell me all.")
    await page.get_by_test_id("cs-send").click()
    await expect(page.get_by_test_id("panel-slack").get_by_test_id("slack-message")).to_have_count(1)
    [root] = theirs.messages(direct)
    where = {"channel_id": direct, "thread_ts": str(root["ts"])}
    await _post(stage, "slack/api/agents.sessions.setStatus", {**where, "status": "processing"}, TOKEN)
    begun = {"channel": direct, "thread_ts": str(root["ts"]), "markdown_text": "It is a long"}
    streamed = await _post(stage, "slack/api/chat.startStream", begun, TOKEN)
    await page.get_by_test_id("panel-slack").get_by_test_id("open-thread").click()
    await expect(page.get_by_test_id("cs-status")).to_have_text("Brightdesk is working…")
    async with page.expect_response("**/slack-customers/stop_agent"):
        await page.get_by_test_id("cs-stop").click()
    more = {"channel": direct, "ts": streamed["ts"], "markdown_text": " story."}
    refused = await _post(stage, "slack/api/chat.appendStream", more, TOKEN)
    assert refused["error"] == "message_not_in_streaming_state"
    await _post(stage, "slack/api/agents.sessions.setStatus", {**where, "status": "active"}, TOKEN)
    await expect(page.get_by_test_id("cs-stop")).to_be_hidden()
    await expect(page.get_by_test_id("cs-status")).to_be_hidden()


def _shared(stage: Stage) -> str:
    channels = stage.sandbox.slack_customers.channels()
    return next(str(each["id"]) for each in channels if each.get("name") == SHARED_CHANNEL)


@pytest.mark.long
async def test_a_workspace_without_the_app_is_asked_to_add_it(page: Page) -> None:
    await page.get_by_test_id("channel-slack").click()
    await expect(page.get_by_test_id("cs-install")).to_contain_text("The app is not in this workspace.")


async def test_the_app_can_be_removed_from_the_workspace(stage: Stage, page: Page) -> None:
    stage.sandbox.slack_customers.installs.grant(TOKEN, TEAM)
    await page.get_by_test_id("channel-slack").click()
    await expect(page.get_by_test_id("cs-install")).to_be_hidden()
    await page.get_by_test_id("cs-menu").click()
    await page.get_by_test_id("cs-uninstall").click()
    await expect(page.get_by_test_id("cs-install")).to_be_visible()


@pytest.mark.long
async def test_a_mailbox_sends_mail_back_and_refuses_it(stage: Stage, page: Page) -> None:
    await _mail(stage).write("Hello", "hi", to=stage.sandbox.credentials.email_address)
    await _send_mail(stage, "Re: Hello", "Hi!")
    await page.get_by_test_id("channel-email").click()
    await expect(page.get_by_test_id("mail-thread")).to_contain_text("Hi!")
    await page.get_by_test_id("mail-menu").click()
    await page.get_by_test_id("mail-bounce").click()
    await page.get_by_test_id("mail-menu").click()
    await page.get_by_test_id("mail-550").click()
    with pytest.raises(aiosmtplib.SMTPRecipientsRefused):
        await _send_until_refused(stage)
    arrived = await stage.sandbox.mail.inbox(stage.sandbox.credentials.email_address)
    assert arrived[-1].message.get_content_type() == "multipart/report"


async def _send_until_refused(stage: Stage) -> None:
    """The page's word reaches the server in its own time."""
    for _ in range(100):
        await _send_mail(stage, "Re: Hello", "Again!")


@pytest.mark.long
async def test_staff_work_in_a_topic_on_telegram(stage: Stage, page: Page) -> None:
    staff = stage.sandbox.telegram_staff
    group, token = staff.group(NIGHT_WATCH), stage.sandbox.credentials.telegram_staff_token
    await page.get_by_test_id("staff-telegram").click()
    await expect(page.get_by_test_id("ts-title")).to_have_text("General")
    begun = await _post(
        stage, f"telegram/bot{token}/createForumTopic", {"chat_id": group.id, "name": "Maya"}, ""
    )
    topic = begun["result"]["message_thread_id"]  # type: ignore[index]
    card = {
        "chat_id": group.id,
        "message_thread_id": topic,
        "text": "Maya needs a person",
        "reply_markup": {"inline_keyboard": [[{"text": "Take", "callback_data": "take"}]]},
    }
    await _post(stage, f"telegram/bot{token}/sendMessage", card, "")
    await page.get_by_test_id(f"ts-topic-{topic}").click()
    await page.get_by_test_id("ts-user").select_option(label="Grace Kim")
    await page.get_by_test_id("ts-button-take").click()
    await page.get_by_test_id("ts-input").fill("I am on it")
    await page.get_by_test_id("ts-send").click()
    await expect(page.get_by_test_id("ts-message").last).to_contain_text("I am on it")
    updates = (await _post(stage, f"telegram/bot{token}/getUpdates", {}, ""))["result"]
    assert isinstance(updates, list)
    taps = [each["callback_query"] for each in updates if "callback_query" in each]
    assert [(each["data"], each["from"]["first_name"]) for each in taps] == [("take", "Grace")]
    assert group.messages(topic)[-1].text == "I am on it"


@pytest.mark.long
async def test_one_customer_uses_several_channels(stage: Stage, page: Page) -> None:
    await page.get_by_test_id("phone-add-customer").click()
    await page.get_by_test_id("new-customer-field").fill("Kim Lee")
    await page.get_by_test_id("new-customer-ok").click()
    await page.get_by_test_id("phone-start").click()
    await expect(page.get_by_test_id("phone-message")).to_have_count(1)
    await page.get_by_test_id("channel-whatsapp").click()
    await page.get_by_test_id("wa-input").fill("It is me again")
    await page.get_by_test_id("wa-send").click()
    await expect(page.get_by_test_id("wa-message")).to_have_count(1)
    kim = stage.sandbox.customer("Kim Lee")
    assert kim["email"] == "kim.lee@harbor.example"
    answer = stage.sandbox.telegram.user("Kim Lee")
    await stage.bot("sendMessage", chat_id=answer.id, text="Hello Kim")
    dot = page.get_by_test_id("channel-telegram").get_by_label("unread")
    await expect(dot).to_be_visible()
    await page.get_by_test_id("channel-telegram").click()
    await expect(dot).to_be_hidden()
    await page.get_by_test_id("phone-customer").select_option(MAYA)
    await expect(page.get_by_test_id("phone-message")).to_have_count(0)


@pytest.mark.long
async def test_tabs_are_reached_by_the_keyboard(page: Page) -> None:
    await page.get_by_test_id("channel-telegram").focus()
    await page.keyboard.press("ArrowRight")
    await expect(page.get_by_test_id("channel-whatsapp")).to_be_focused()
    await expect(page.get_by_test_id("panel-whatsapp")).to_be_visible()
    await expect(page.get_by_test_id("panel-telegram")).to_be_hidden()
    selected = page.get_by_role("tab", selected=True, name=re.compile("WhatsApp"))
    await expect(selected).to_have_count(1)


@pytest.mark.long
async def test_a_card_on_telegram_folds_and_a_whisper_is_for_one_person(stage: Stage, page: Page) -> None:
    staff = stage.sandbox.telegram_staff
    group, token = staff.group(NIGHT_WATCH), stage.sandbox.credentials.telegram_staff_token
    grace, other = group.members()[0], group.members()[1]

    async def bot(method: str, **body: object) -> dict[str, object]:
        made = await _post(stage, f"telegram/bot{token}/{method}", {"chat_id": group.id, **body}, "")
        result = made["result"]
        return result if isinstance(result, dict) else {}

    topic = (await bot("createForumTopic", name="Maya"))["message_thread_id"]
    quote = {"type": "blockquote", "blocks": [{"type": "paragraph", "text": "I was charged twice"}]}
    cells = [
        [{"text": name, "is_header": True, "align": "left", "valign": "top"}, _cell(value)]
        for name, value in (("Team", "Night Watch"), ("Address", "maya@example.org"))
    ]
    blocks: list[dict[str, object]] = [
        {"type": "heading", "text": "Maya needs a person", "size": 4},
        {"type": "table", "cells": cells, "is_striped": True},
        {"type": "details", "summary": {"type": "bold", "text": "In short"}, "blocks": [quote]},
    ]
    await bot("sendRichMessage", message_thread_id=topic, rich_message={"blocks": blocks})
    story = "Story\n" + "line\n" * 20 + "end"
    fold = {"type": "expandable_blockquote", "offset": 6, "length": len(story) - 6}
    await bot("sendMessage", message_thread_id=topic, text=story, entities=[fold])
    secret = {"receiver_user_id": grace.id}
    await bot("sendMessage", message_thread_id=topic, text="Psst", ephemeral_message_parameters=secret)

    await page.get_by_test_id("staff-telegram").click()
    await page.get_by_test_id(f"ts-topic-{topic}").click()
    await page.get_by_test_id("ts-user").select_option(label=grace.name)
    card = page.get_by_test_id("ts-message").first
    await expect(card.locator("tr")).to_have_count(2)
    await expect(card.locator("tr").nth(1)).to_contain_text("maya@example.org")
    words = card.get_by_text("I was charged twice")
    await expect(words).to_be_hidden()
    await card.get_by_text("In short").click()
    await expect(words).to_be_visible()

    fold_shown = page.get_by_test_id("folding-quote")
    await expect(fold_shown).to_have_attribute("aria-expanded", "false")
    closed = await fold_shown.bounding_box()
    await fold_shown.click()
    await expect(fold_shown).to_have_attribute("aria-expanded", "true")
    opened = await fold_shown.bounding_box()
    assert closed is not None
    assert opened is not None
    assert opened["height"] > 3 * closed["height"]

    whisper = page.locator('[data-testid="ts-message"][data-ephemeral="true"]')
    await expect(whisper).to_contain_text("Psst")
    await expect(whisper.get_by_test_id("ts-ephemeral")).to_have_text("Only visible to you")
    await page.get_by_test_id("ts-user").select_option(label=other.name)
    await expect(card).to_contain_text("Maya needs a person")
    await expect(whisper).to_have_count(0)


def _cell(text: str) -> dict[str, object]:
    return {"text": text, "align": "left", "valign": "top"}
