"""The page in every width: nothing is cut off, nothing new is missed, and every sign is drawn."""

import re
import struct
import zlib
from pathlib import Path

import pytest
from playwright.async_api import Locator, Page, expect

from connectors.sandbox.slack import Upload
from connectors.sandbox.staff import NIGHT_WATCH
from tests.sandbox.page.conftest import Stage

pytestmark = pytest.mark.browser
MAYA = "Maya Fischer"
ROOT = Path(__file__).resolve().parents[3]
_SIGN = re.compile("[\u231a-\u23fa\u2600-\u27bf\u2b05-\u2b55\U0001f000-\U0001f3fa\U0001f400-\U0001faff]")
WIDTHS = [(1440, 900), (900, 800), (390, 780)]


def _wide_picture() -> bytes:
    """A PNG of 2000 by 40 pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", 2000, 40, 8, 0, 0, 0, 0)
    pixels = zlib.compress((b"\0" + b"\x7f" * 2000) * 40)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


async def _inside(element: Locator, width: int, height: int) -> None:
    await expect(element).to_be_visible()
    box = await element.bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["y"] >= 0
    assert box["x"] + box["width"] <= width
    assert box["y"] + box["height"] <= height


@pytest.mark.long
@pytest.mark.parametrize(("width", "height"), WIDTHS)
async def test_a_menu_is_whole_wherever_its_message_stands(
    stage: Stage, page: Page, width: int, height: int
) -> None:
    maya = stage.sandbox.telegram.user(MAYA)
    for n in range(30):
        stage.sandbox.telegram.say(maya, f"message {n}")
    await page.set_viewport_size({"width": width, "height": height})
    messages = page.get_by_test_id("phone-message")
    await expect(messages).to_have_count(30)
    for message in (messages.last, messages.first):
        await message.scroll_into_view_if_needed()
        await message.hover()
        await message.get_by_test_id("phone-message-menu").click()
        menu = message.get_by_role("menu")
        await _inside(menu, width, height)
        await expect(menu.get_by_role("menuitemcheckbox").first).to_be_focused()
        await page.keyboard.press("Escape")
        await expect(menu).to_be_hidden()
        await expect(message.get_by_test_id("phone-message-menu")).to_be_focused()


@pytest.mark.long
async def test_a_menu_is_walked_with_the_arrow_keys(stage: Stage, page: Page) -> None:
    telegram = stage.sandbox.telegram
    telegram.say(telegram.user(MAYA), "hi")
    message = page.get_by_test_id("phone-message")
    await message.get_by_test_id("phone-message-menu").focus()
    await page.keyboard.press("Enter")
    await page.keyboard.press("ArrowRight")
    await page.keyboard.press("Enter")
    await expect(message.locator(".bubble-reactions")).to_have_text("👎")
    await message.get_by_test_id("phone-message-menu").focus()
    await page.keyboard.press("Enter")
    await expect(message.get_by_role("menuitemcheckbox", name="React 👎")).to_be_checked()
    await page.keyboard.press("End")
    await expect(message.get_by_test_id("phone-delete")).to_be_focused()


@pytest.mark.long
async def test_staff_react_with_any_sign_of_the_menu(stage: Stage, page: Page) -> None:
    await page.get_by_test_id("slack-user").select_option("U0HUGO0008")
    await page.get_by_test_id("slack-channel-billing-team").click()
    stage.sandbox.slack.post_as("carla", "billing-team", "Lunch?")
    message = page.get_by_test_id("slack-message")
    await message.hover()
    await message.get_by_test_id("add-reaction").click()
    await message.get_by_test_id("pick-👎").click()
    await expect(message.get_by_test_id("reaction--1")).to_have_attribute("aria-pressed", "true")
    group = stage.sandbox.telegram_staff.group(NIGHT_WATCH)
    group.say(group.members()[0], "Anybody?")
    await page.get_by_test_id("staff-telegram").click()
    said = page.get_by_test_id("ts-message")
    await said.hover()
    await said.get_by_test_id("ts-message-menu").click()
    await said.get_by_test_id("ts-react-👎").click()
    await expect(said.locator(".bubble-reactions")).to_have_text("👎")


@pytest.mark.long
@pytest.mark.parametrize(
    ("where", "prefix", "file"),
    [
        ("channel-telegram", "phone", "phone-file"),
        ("channel-whatsapp", "wa", "wa-file"),
        ("channel-messenger", "ms", "ms-file"),
        ("channel-slack", "cs", "cs-input-file"),
        ("staff-slack", "slack", "slack-input-file"),
        ("staff-telegram", "ts", "ts-file"),
    ],
)
async def test_a_chosen_file_can_be_taken_out_before_it_is_sent(
    stage: Stage, page: Page, where: str, prefix: str, file: str
) -> None:
    stage.sandbox.telegram.say(stage.sandbox.telegram.user(MAYA), "hi")
    stage.sandbox.messenger.customer(MAYA).say("hi")
    await page.get_by_test_id(where).click()
    bill = {"name": "bill.pdf", "mimeType": "application/pdf", "buffer": b"%PDF"}
    await page.get_by_test_id(file).set_input_files([bill])  # type: ignore[arg-type]
    chosen = page.get_by_test_id("chosen-file")
    await expect(chosen).to_have_text("bill.pdf")
    await chosen.get_by_role("button", name="Remove bill.pdf").click()
    await expect(chosen).to_have_count(0)
    await page.get_by_test_id(f"{prefix}-input").fill("No file after all.")
    await page.get_by_test_id(f"{prefix}-send").click()
    sent = page.get_by_text("No file after all.")
    await expect(sent).to_be_visible()
    await expect(page.get_by_role("link", name="bill.pdf")).to_have_count(0)


@pytest.mark.long
@pytest.mark.parametrize(("width", "height"), [*WIDTHS, (320, 640)])
@pytest.mark.parametrize(
    ("where", "file"),
    [
        ("channel-telegram", "phone-file"),
        ("channel-whatsapp", "wa-file"),
        ("channel-messenger", "ms-file"),
        ("channel-slack", "cs-input-file"),
        ("channel-email", "mail-new-file"),
        ("staff-slack", "slack-input-file"),
        ("staff-telegram", "ts-file"),
    ],
)
async def test_a_chosen_file_of_a_long_name_can_be_taken_out(
    stage: Stage, page: Page, where: str, file: str, width: int, height: int
) -> None:
    stage.sandbox.telegram.say(stage.sandbox.telegram.user(MAYA), "hi")
    stage.sandbox.messenger.customer(MAYA).say("hi")
    await page.set_viewport_size({"width": width, "height": height})
    if where.startswith("staff") and width < 1024:
        await page.get_by_test_id("tab-staff").click()
    await page.get_by_test_id(where).click()
    if where == "channel-email":
        await page.get_by_test_id("mail-new").click()
    if where == "staff-slack":
        await page.get_by_test_id("slack-channel-general").click()
    if where == "staff-telegram":
        await page.locator('[data-testid^="ts-topic-"]').first.click()
    name = f"a-name-{'that-goes-on-' * 12}without-end.pdf"
    bill = {"name": name, "mimeType": "application/pdf", "buffer": b"%PDF"}
    await page.get_by_test_id(file).set_input_files([bill])  # type: ignore[arg-type]
    remove = page.get_by_test_id("chosen-remove")
    await _inside(remove, width, height)
    await expect(remove).to_be_in_viewport(ratio=1)  # of what scrolls or cuts off around it, too
    await remove.click()
    await expect(page.get_by_test_id("chosen-file")).to_have_count(0)


@pytest.mark.long
@pytest.mark.parametrize(("width", "height"), WIDTHS)
async def test_a_wide_picture_fits(stage: Stage, page: Page, width: int, height: int) -> None:
    telegram, slack = stage.sandbox.telegram, stage.sandbox.slack
    telegram.send_media(telegram.user(MAYA), "photo", _wide_picture(), name="wide.png", mime_type="image/png")
    slack.post_as("anna", "general", "Look", files=[Upload("wide.png", _wide_picture(), "image/png")])
    await page.set_viewport_size({"width": width, "height": height})
    shown = page.locator("img.picture")
    await _inside(shown, width, height)
    assert await _drawn_in_proportion(shown)
    if width < 1024:
        await page.get_by_test_id("tab-staff").click()
    await page.get_by_test_id("slack-channel-general").click()
    shown = page.locator("img.file-picture")
    await _inside(shown, width, height)
    assert await _drawn_in_proportion(shown)


async def _drawn_in_proportion(picture: Locator) -> bool:
    await expect(picture).to_have_js_property("complete", True)
    width, height = await picture.evaluate("it => [it.clientWidth, it.clientHeight]")
    return 0 < width < 1000 and abs(width / height - 50) < 10


@pytest.mark.long
@pytest.mark.parametrize(("width", "height"), WIDTHS[1:])
async def test_a_new_message_behind_a_tab_is_marked_on_the_tab(
    stage: Stage, page: Page, width: int, height: int
) -> None:
    await page.set_viewport_size({"width": width, "height": height})
    staff, phone = page.get_by_test_id("tab-staff"), page.get_by_test_id("tab-phone")
    await expect(staff.get_by_label("unread")).to_be_hidden()
    stage.sandbox.slack.post_as("ben", "supervisors", "Anybody?")
    await expect(staff.get_by_label("unread")).to_be_visible()
    await staff.click()
    await expect(staff.get_by_label("unread")).to_be_hidden()
    row = page.get_by_test_id("slack-channel-supervisors")
    await expect(row.get_by_label("unread")).to_be_visible()
    await _inside(row.get_by_label("unread"), width, height)
    await row.click()
    await expect(page.get_by_test_id("slack-log")).to_contain_text("Anybody?")
    maya = stage.sandbox.telegram.user(MAYA)
    stage.sandbox.telegram.say(maya, "hi")
    await stage.bot("sendMessage", chat_id=maya.id, text="Hello!")
    await expect(phone.get_by_label("unread")).to_be_visible()
    await phone.click()
    await expect(page.get_by_test_id("phone-chat")).to_contain_text("Hello!")
    await page.get_by_test_id("tab-staff").click()
    await expect(phone.get_by_label("unread")).to_be_hidden()


@pytest.mark.long
@pytest.mark.parametrize(("width", "height"), WIDTHS)
async def test_nothing_stands_beyond_the_edge(page: Page, width: int, height: int) -> None:
    await page.set_viewport_size({"width": width, "height": height})
    wide = "document.documentElement.scrollWidth <= window.innerWidth"
    assert await page.evaluate(wide)
    if width < 1024:
        await page.get_by_test_id("tab-staff").click()
        assert await page.evaluate(wide)


async def test_every_sign_is_drawn_in_colour_whatever_fonts_the_machine_has(stage: Stage, page: Page) -> None:
    async with stage.client.get(f"{stage.url}/page/emoji.js") as response:
        listed = await response.text()
    known = re.findall(r"[a-z0-9_+-]+ (\S+)", listed[listed.index("`") : listed.rindex("`")])
    assert len(known) > 150
    known = sorted({*known, *written(), "🛑"})
    pale = await page.evaluate(
        """async (signs) => {
            await document.fonts.load('24px "Sandbox Emoji"', '✅');
            const canvas = Object.assign(document.createElement("canvas"), { width: 40, height: 40 });
            const pen = canvas.getContext("2d", { willReadFrequently: true });
            pen.font = `24px ${getComputedStyle(document.documentElement).fontFamily}`;
            return signs.filter((sign) => {
                if (!/\\p{Extended_Pictographic}/u.test(sign)) return false;
                pen.clearRect(0, 0, 40, 40);
                pen.fillText(sign, 4, 28);
                const { data } = pen.getImageData(0, 0, 40, 40);
                for (let n = 0; n < data.length; n += 4) {
                    if (data[n + 3] && Math.max(data[n], data[n + 1], data[n + 2]) > 40) return false;
                }
                return true; // black alone: the box of a missing sign
            });
        }""",
        known,
    )
    assert pale == []


def written() -> set[str]:
    """Every sign that the product writes: in its texts, notices, marks, pickers and samples.

    What Slack calls each emoji is a table for reading, and nothing that is written.
    """
    found: set[str] = set()
    read = ROOT / "connectors" / "slack" / "emoji.py"
    for folder in ("bot", "connectors", "orgs", "storage"):
        for path in (ROOT / folder).rglob("*"):
            if path != read and path.suffix in (".py", ".js", ".yaml", ".md", ".html"):
                found.update(_SIGN.findall(path.read_text(encoding="utf-8")))
    return found


@pytest.mark.long
async def test_digits_and_letters_come_from_a_text_font(page: Page) -> None:
    await expect(page.locator("body")).to_be_visible()
    faces = await page.evaluate(
        """() => [...document.fonts].map((face) => face.unicodeRange)
            .filter((range) => range.split(", ").some((part) => parseInt(part.slice(2), 16) < 0x2000))"""
    )
    assert faces == []
