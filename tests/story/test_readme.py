"""The story of the README, step by step as it is written: `make run`'s program, a browser, and a shell.

What is typed and pressed is read from the README itself: words in italics, buttons in bold, commands as code.
"""

import asyncio
import json
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.async_api import Locator, Page, expect

from bot.app.embedded.server_files import free_port
from tests.chaos.processes import programs
from tests.story.conftest import PATIENCE
from tests.story.rig import ROOT, until

pytestmark = pytest.mark.browser
ROOM = "billing-escalations"


def steps() -> list[str]:
    """The numbered paragraphs of the section, each in one line."""
    section = (ROOT / "README.md").read_text("utf-8").partition("## The story\n")[2].partition("\n## ")[0]
    told = re.split(r"(?m)^\d+\. ", section)[1:]
    return [" ".join(step.split()) for step in told]


def typed(step: str) -> list[str]:
    return re.findall(r"(?<!\*)\*([^*]+)\*(?!\*)", step)


def pressed(step: str) -> list[str]:
    return re.findall(r"\*\*([^*]+)\*\*", step)


def commands(step: str) -> list[str]:
    return re.findall(r"`(/?desk [^`]+)`", step)


@dataclass(frozen=True)
class Phone:
    """One of the customer's channels on the page: how its parts are called there, and who answers."""

    tab: str
    title: str  # as the card names the channel
    prefix: str
    ours: str  # a selector of what we said

    def read(self, page: Page) -> Locator:
        return page.get_by_test_id(f"panel-{self.tab}").locator(self.ours)


TELEGRAM = Phone("telegram", "Telegram", "phone", '[data-testid="phone-message"][data-from="bot"]')
WHATSAPP = Phone("whatsapp", "WhatsApp", "wa", '[data-testid="wa-message"][data-from="business"]')
MESSENGER = Phone("messenger", "Messenger", "ms", '[data-testid="ms-message"][data-from="page"]')
MAIL = Phone("email", "Email", "mail-reply", '[data-testid="mail-letter"][data-from="support"]')
SLACK = Phone("slack", "Slack", "cs", '[data-testid="slack-message"]:has(.badge)')


class Story:
    """Maya on the left, the staff on the right, and a shell beside the browser."""

    def __init__(self, page: Page, url: str, environ: Mapping[str, str]) -> None:
        self.page = page
        self.url = url
        self.environ = environ
        self.channel = page.get_by_test_id("slack-log")
        self.thread = page.get_by_test_id("slack-thread")

    # As Maya

    async def open(self, phone: Phone) -> None:
        await self.page.get_by_test_id(f"channel-{phone.tab}").click()

    async def write(self, phone: Phone, text: str) -> None:
        await self.open(phone)
        if phone is MAIL and not await phone.read(self.page).count():
            await self.page.get_by_test_id("mail-new").click()
            await self.page.get_by_test_id("mail-subject").fill("A question")
            await self.page.get_by_test_id("mail-new-text").fill(text)
            await self.page.get_by_test_id("mail-new-send").click()
            return
        field = self.page.get_by_test_id(f"{phone.prefix}-{'text' if phone is MAIL else 'input'}")
        start = self.page.get_by_test_id(f"{phone.prefix}-start")  # where she has never written
        await expect(start.or_(field).filter(visible=True)).to_have_count(1)
        if await start.is_visible():
            await start.click()
        await field.fill(text)
        await self.page.get_by_test_id(f"{phone.prefix}-send").click()
        if phone is SLACK and await self.page.get_by_test_id("cs-back").is_hidden():
            own = self.page.get_by_test_id("cs-log").get_by_test_id("slack-message").filter(has_text=text)
            await own.get_by_test_id("open-thread").click()  # she is answered there

    async def reads(self, phone: Phone, text: str) -> None:
        await self.open(phone)
        await expect(phone.read(self.page).filter(has_text=text).last).to_be_visible(timeout=PATIENCE)

    # As staff, in Slack

    async def card(self, phone: Phone) -> Locator:
        """The newest card that came from there."""
        field = self.page.locator(".section-fields > div")
        named = field.filter(has_text=re.compile(rf"^Channel\s*{phone.title}"))
        card = self.channel.get_by_test_id("slack-message").filter(has=named).last
        await expect(card).to_be_visible(timeout=PATIENCE)
        return card

    async def press(self, card: Locator, button: str) -> None:
        await card.get_by_role("button", name=button, exact=True).click()

    async def answer(self, phone: Phone, text: str) -> Locator:
        """Answer in the thread of the newest card from there. Return the line."""
        await (await self.card(phone)).get_by_test_id("open-thread").click()
        await self.page.get_by_test_id("thread-input").fill(text)
        await self.page.get_by_test_id("thread-send").click()
        line = self.thread.get_by_test_id("slack-message").filter(has_text=text)
        await expect(line).to_have_count(1, timeout=PATIENCE)
        return line

    # In a shell

    async def shell(self, *words: str) -> str:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bot.app", *words),
            cwd=ROOT,
            env={**os.environ, **self.environ},
            stdout=asyncio.subprocess.PIPE,
        )
        out, _ = await process.communicate()
        assert process.returncode == 0, out.decode()
        return out.decode()


async def step_1(story: Story, told: str) -> None:
    """An agent answers from an article and names it."""
    await story.page.goto(story.url)
    await story.page.locator('[data-testid="link-state"][data-state="live"]').wait_for()
    await story.page.get_by_test_id("tour-skip").click()
    (start,), (question,) = pressed(told), typed(told)
    await story.page.get_by_role("button", name=start, exact=True).click()
    await story.write(TELEGRAM, question)
    await story.reads(TELEGRAM, "From our article")


async def step_2(story: Story, told: str) -> None:
    """A rule of the agent calls people."""
    (charged,) = typed(told)
    await story.write(TELEGRAM, charged)
    await story.reads(TELEGRAM, "Billing Specialists")
    await story.page.get_by_test_id("slack-user").select_option(label="Hugo Martin")
    channel = story.page.get_by_test_id(f"slack-channel-{ROOM}")
    await expect(channel.get_by_label("unread")).to_be_visible(timeout=PATIENCE)
    await channel.click()
    card = await story.card(TELEGRAM)
    await expect(card).to_contain_text("Maya Fischer")
    await card.get_by_test_id("open-thread").click()
    await expect(story.thread).to_contain_text(charged)
    assert await TELEGRAM.read(story.page).filter(has_text="Billing Specialists").count() == 1


async def step_3(story: Story, told: str) -> None:
    """The holder's words reach Maya after the undo; private lines and everybody else's stay inside."""
    take, *_ = pressed(told)
    card = await story.card(TELEGRAM)
    await story.press(card, take)
    await expect(card).to_contain_text("Hugo Martin is talking to", timeout=PATIENCE)
    await story.answer(TELEGRAM, "// a known bug of the 3rd")
    line = await story.answer(TELEGRAM, "I have refunded the second charge.")
    await story.page.get_by_test_id("slack-user").select_option(label="Carla Mendes")
    await story.page.get_by_test_id(f"slack-channel-{ROOM}").click()
    await story.answer(TELEGRAM, "She wrote last year, too.")
    await story.page.get_by_test_id("slack-user").select_option(label="Hugo Martin")
    await story.page.get_by_test_id(f"slack-channel-{ROOM}").click()
    await story.reads(TELEGRAM, "I have refunded the second charge.")
    await (await story.card(TELEGRAM)).get_by_test_id("open-thread").click()
    await expect(line.get_by_test_id("reaction-white_check_mark")).to_be_visible(timeout=PATIENCE)
    heard = " ".join(await TELEGRAM.read(story.page).all_inner_texts())
    assert "known bug" not in heard
    assert "last year" not in heard


async def step_4(story: Story, told: str) -> None:
    """A closing can be undone; the customer's next words reopen it; the agent has the word again."""
    back, resolve, reopen, *_ = pressed(told)
    take, *_ = pressed(steps()[2])
    card = await story.card(TELEGRAM)
    await story.press(card, back)
    await story.press(card, reopen)
    await expect(card).to_contain_text("Hugo Martin is talking to", timeout=PATIENCE)
    await story.press(card, resolve)
    await story.reads(TELEGRAM, "We have marked this as solved.")
    await story.write(TELEGRAM, "It is not: I was charged again.")
    await story.press(card, take)
    await expect(card).to_contain_text("Hugo Martin is talking to", timeout=PATIENCE)
    await story.press(card, back)
    await story.reads(TELEGRAM, "Is there anything else")
    await story.write(TELEGRAM, "How do I reset my password?")
    await story.reads(TELEGRAM, "password")


async def step_5(story: Story, _: str) -> None:
    """The same on every other channel; ticks come back as marks, pictures go both ways."""
    picture = {"mimeType": "image/png", "buffer": (ROOT / "docs" / "sandbox.png").read_bytes()}
    (invite,), (charged,), (take, *_) = typed(steps()[0]), typed(steps()[1]), pressed(steps()[2])
    phones = (WHATSAPP, MESSENGER, MAIL, SLACK)
    for phone in phones:
        await story.write(phone, invite)
    for phone in phones:
        await story.reads(phone, "Invite people")
        await story.write(phone, charged)
    for phone in phones:
        await story.reads(phone, "Billing Specialists")
        card = await story.card(phone)
        await story.press(card, take)
        await expect(card).to_contain_text("Hugo Martin is talking to", timeout=PATIENCE)
        await story.answer(phone, f"I see it, Maya, on {phone.title}.")
    for phone in phones:
        await story.reads(phone, f"I see it, Maya, on {phone.title}.")
    await (await story.card(WHATSAPP)).get_by_test_id("open-thread").click()
    line = story.thread.get_by_test_id("slack-message").filter(has_text="on WhatsApp.")
    await expect(line.get_by_test_id("reaction-eyes")).to_be_visible(timeout=PATIENCE)

    await story.open(WHATSAPP)
    bill = {"name": "bill.png", **picture}
    await story.page.get_by_test_id("wa-file").set_input_files([bill])  # type: ignore[arg-type]
    await story.page.get_by_test_id("wa-send").click()
    await expect(story.thread.locator("img.file-picture")).to_be_visible(timeout=PATIENCE)
    refund = {"name": "refund.png", **picture}
    await story.page.get_by_test_id("thread-input-file").set_input_files([refund])  # type: ignore[arg-type]
    await story.page.get_by_test_id("thread-send").click()
    await expect(WHATSAPP.read(story.page).locator("img")).to_be_visible(timeout=PATIENCE)


async def step_6(story: Story, told: str) -> None:
    """A closed window: the words are held, templates are offered, and they leave when Maya writes again."""
    drawer, *_ = pressed(told)
    await story.page.get_by_role("button", name=drawer).click()
    await story.page.get_by_test_id("clock-day").click()
    await story.page.get_by_test_id("faults-close").click()
    await expect(story.page.get_by_test_id("wa-window")).to_contain_text("window closed")
    await story.answer(WHATSAPP, "It will be back on Friday.")
    offer = story.thread.get_by_test_id("slack-message").last
    await expect(offer).to_contain_text("case_update", timeout=PATIENCE)
    await expect(WHATSAPP.read(story.page).filter(has_text="Friday")).to_have_count(0)
    await story.write(WHATSAPP, "Hello?")
    await story.reads(WHATSAPP, "It will be back on Friday.")


async def step_7(story: Story, told: str) -> None:
    """The staff's Telegram: a topic, taken there, and words taken back with a reaction."""
    (question,) = typed(told)
    page = story.page
    await story.write(TELEGRAM, question)
    await page.get_by_test_id("staff-telegram").click()
    await page.get_by_test_id("ts-user").select_option(label="Farid Haddad")
    topic = page.locator('[data-testid^="ts-topic-"]').filter(has_text="Maya Fischer")
    await topic.click(timeout=PATIENCE)
    messages = page.get_by_test_id("ts-message")
    await messages.get_by_role("button", name="Take", exact=True).first.click()
    await expect(messages.filter(has_text="Farid Haddad has taken this")).to_be_visible(timeout=PATIENCE)
    await page.get_by_test_id("ts-input").fill("Farid here, what happened?")
    await page.get_by_test_id("ts-send").click()
    await story.reads(TELEGRAM, "Farid here, what happened?")

    await page.get_by_test_id("ts-input").fill("Nobody, ha ha.")
    await page.get_by_test_id("ts-send").click()
    joke = messages.filter(has_text="Nobody, ha ha.")
    await joke.hover()
    await joke.get_by_test_id("ts-message-menu").click()
    (sign,) = re.findall("👎", told)
    await joke.get_by_test_id(f"ts-react-{sign}").click()
    await page.get_by_test_id("ts-input").fill("It is Grace until midnight.")
    await page.get_by_test_id("ts-send").click()
    await story.reads(TELEGRAM, "It is Grace until midnight.")  # what was written later has left
    await expect(TELEGRAM.read(page).filter(has_text="ha ha")).to_have_count(0)


async def step_8(story: Story, told: str) -> None:
    """An address is proved by the code that was sent there, and the conversation goes on by mail."""
    (wish,) = typed(told)
    page = story.page
    await story.write(TELEGRAM, wish)
    await story.open(MAIL)
    back = page.get_by_test_id("mail-back")
    if await back.is_visible():
        await back.click()
    newest = page.get_by_test_id("mail-thread").first
    await expect(newest).to_contain_text("code", timeout=PATIENCE)
    await newest.click()
    (code,) = re.findall(r"\b\d{3} \d{3}\b", await MAIL.read(page).last.inner_text())
    await story.write(TELEGRAM, code)
    await page.get_by_test_id("ts-input").fill("And now by mail.")
    await page.get_by_test_id("ts-send").click()
    await story.open(MAIL)
    await back.click()
    await expect(page.get_by_test_id("mail-thread").filter(has_text="And now by mail.")).to_be_visible(
        timeout=PATIENCE
    )


async def step_9(story: Story, told: str) -> None:
    """The same questions in chat and on the shell."""
    in_chat, listed, why, check = commands(told)
    page = story.page
    await page.get_by_test_id("staff-slack").click()
    await page.get_by_test_id("slack-input").fill(in_chat)
    await page.get_by_test_id("slack-input").press("Enter")
    whisper = story.channel.locator('[data-ephemeral="true"]')
    await expect(whisper).to_contain_text("Maya Fischer", timeout=PATIENCE)

    assert "Maya Fischer" in await story.shell(*listed.split()[1:])
    newest = json.loads(await story.shell(*listed.split()[1:], "--json"))[0]["id"]
    reasons = await story.shell(*why.replace("ID", newest).split()[1:])
    assert "who decided, and why" in " ".join(reasons.split())
    assert "stages, ms" in " ".join(reasons.split())
    accounts = json.loads(await story.shell(*check.split()[1:], "--json"))
    assert [one["account"] for one in accounts if not one["works"]] == []
    assert len(accounts) == 7


STEPS = (step_1, step_2, step_3, step_4, step_5, step_6, step_7, step_8, step_9)


@pytest.mark.long
async def test_the_story_is_as_the_readme_tells_it(var: Path, page: Page) -> None:
    port = free_port()
    environ = {**_bare(), "VAR_DIR": str(var / "var"), "PORT": str(port)}
    here = f"http://127.0.0.1:{port}"
    async with programs() as running:
        desk = running.add("run", ("-m", "bot.app", "up", "--sandbox"), environ, health=here)
        await desk.start()
        await until(lambda: "is running" in desk.last_words(), seconds=60, what="that it runs")
        told = steps()
        assert len(told) == len(STEPS)
        story = Story(page, f"{here}/sandbox", {key: environ[key] for key in environ if key != "PORT"})
        try:
            for number, (step, words) in enumerate(zip(STEPS, told, strict=True), start=1):
                try:
                    await step(story, words)
                except BaseException as error:
                    error.add_note(f"in step {number}: {words}")
                    raise
        finally:
            await page.goto("about:blank")  # before what it listens to ends
        desk.terminate()
        assert await desk.ended(30) == 0


def _bare() -> dict[str, str]:
    """No variable of ours, as in a new shell."""
    return {"DATABASE_URL": "", "REDIS_URL": "", "ENCRYPTION_KEY": "", "LOG_LEVEL": "WARNING"}
