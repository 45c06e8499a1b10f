"""Mails that take too long to read: their originals are kept, and the mailbox goes on with the next ones."""

import os
import signal
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from connectors.email.reading import ReadingProcess
from connectors.sandbox.mail import Customer, MailServer
from tests.connectors.email import rig
from tests.connectors.email.rig import ADDRESS, Line, said

CPU_SECONDS = 0.2  # enough for headers, and nowhere enough for what is written here
LINE = "[This mail took too long to read. Open the original to see what it says.]"


@pytest.fixture
async def hurried(server: MailServer) -> AsyncIterator[Line]:
    """A connector whose mails may cost little CPU, so that no test has to use up much of it."""
    reading = partial(ReadingProcess, cpu_seconds=CPU_SECONDS)
    async with rig.line(server, rig.settings(rig.options(server)), reading=reading) as made:
        await made.listen()
        yield made


def costly(sender: str, *, parts: int = 10) -> bytes:
    head = (
        f"From: Mallory <{sender}>\r\nTo: {ADDRESS}\r\nSubject: Entities\r\n"
        "Message-ID: <costly@x.example>\r\n"
        "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
    )
    part = "--b\r\nContent-Type: text/html\r\n\r\n" + "&a;" * 330_000 + "\r\n"
    return (head + part * parts + "--b--\r\n").encode()


async def test_a_mail_that_is_too_costly_is_kept_as_its_original(hurried: Line, maya: Customer) -> None:
    raw = costly(maya.address)
    await maya.send_raw(raw, to=ADDRESS)
    await maya.write("Hello", "Is anybody there?", to=ADDRESS)

    hostile, next_one = await hurried.inbox.has(2)

    assert said(hostile).text == f"**Entities**\n\n{LINE}"
    assert hostile.sender.handle == maya.address
    assert hostile.message == "<costly@x.example>"
    [original] = said(hostile).attachments
    assert original.name == "original.eml"
    assert raw in (await hurried.fetched(original.ref)).replace(b"\n", b"\r\n").replace(b"\r\r", b"\r")
    assert said(next_one).text == "**Hello**\n\nIs anybody there?"


async def test_an_answer_to_a_costly_mail_quotes_no_line_of_ours(hurried: Line, maya: Customer) -> None:
    await maya.send_raw(costly(maya.address), to=ADDRESS)

    [hostile] = await hurried.inbox.has(1)

    assert LINE not in hostile.reply_context


async def test_a_process_that_is_killed_loses_no_mail(line: Line, maya: Customer) -> None:
    others = reading_processes()
    long = "A word. " * 8_000
    await maya.write("First", long, to=ADDRESS)
    await line.inbox.has(1)
    [reader] = reading_processes() - others

    os.kill(reader, signal.SIGKILL)
    await maya.write("Second", long, to=ADDRESS)
    _, second = await line.inbox.has(2)

    assert said(second).text.startswith("**Second**\n\nA word. A word.")
    assert reader not in reading_processes()


async def test_the_process_ends_with_its_mailbox(line: Line, maya: Customer) -> None:
    others = reading_processes()
    await maya.write("First", "A word. " * 8_000, to=ADDRESS)
    await line.inbox.has(1)
    assert reading_processes() - others

    await line.stop()

    assert reading_processes() - others == set()


async def test_the_process_has_no_secret_in_its_environment(
    line: Line, maya: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = reading_processes()
    monkeypatch.setenv("DESK_TEST_SECRET", "sesame")
    await maya.write("First", "A word. " * 8_000, to=ADDRESS)
    await line.inbox.has(1)
    [reader] = reading_processes() - others

    assert b"sesame" not in Path(f"/proc/{reader}/environ").read_bytes()


def reading_processes() -> set[int]:
    """The children of this process that read mails."""
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    commands = ((child, Path(f"/proc/{child}/cmdline")) for child in children)
    return {
        int(child) for child, path in commands if path.exists() and b"reading.process" in path.read_bytes()
    }
